/// What a command does, as a value that a host carries out step by step: the core reads no file, asks no DNS and draws
/// no random numbers.
namespace Dkim.Core.Programs.Tool.Running

open System.Net
open System
open System.Text
open Dkim.Core.Words
open Dkim.Core.MailFiles
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running

/// A file that a command makes. It never replaces one that is there.
type NewFile =
    {
        Path: string
        Contents: ReadOnlyMemory<byte>
        /// Only the owner may read it.
        Secret: bool
    }

/// Which DNS to ask.
type ToolResolver =
    {
        Kind: ResolverKind
        /// As it was written; nothing means those of resolv.conf.
        Nameserver: IPEndPoint voption
        TrustAnchor: string voption
        /// In seconds.
        Timeout: int
    }

/// How far a command has come.
[<RequireQualifiedAccess>]
type ToolProgress =
    | Reading of messages: int * files: int * ofFiles: int
    | Asking of answered: int * questions: int
    /// The share of the work that is done, in percent, at most; a search that finds what it looks for ends sooner.
    | Searching of signature: int * share: int

    /// In words, for one line.
    member this.Text: string =
        let counted (messages: int) =
            string messages + (if messages = 1 then " message" else " messages")

        match this with
        | ToolProgress.Reading(messages, _, 1) -> counted messages
        | ToolProgress.Reading(messages, files, ofFiles) ->
            counted messages + ", " + string files + " of " + string ofFiles + " files"
        | ToolProgress.Asking(answered, questions) ->
            "asking the DNS: " + string answered + " of " + string questions + " names"
        | ToolProgress.Searching(signature, share) ->
            "searching for what happened to signature "
            + string signature
            + ": at "
            + string share
            + " % of the time that there is"

/// A file with mail that is read piece by piece.
type IMailSource =
    /// The next octets, which count until the next call: none at the end, or why they cannot be had.
    abstract Next: unit -> FileContents
    /// The file is read from its first octet again, and what comes is what gzip made it of.
    abstract Unpack: unit -> unit
    /// Nothing more of it is wanted.
    abstract Close: unit -> unit

/// Where standard output goes.
type TerminalFacts =
    {
        /// To a terminal that knows colours, and whose user has not refused them (NO_COLOR).
        TakesColour: bool
        /// How wide it is; nothing where it is no terminal.
        Columns: int voption
    }

/// The host's side of a command.
type IToolHost =
    /// What is found of files, of which `-` is standard input, and of names, which this resolver is asked for.
    abstract Find: resolver: ToolResolver voption * needs: Need list -> Found
    /// Opens a file with mail, of which `-` is standard input; one that is listed has to be a plain file. What is wrong with
    /// it the first piece says.
    abstract OpenMail: file: WantedFile -> IMailSource
    /// What lies below a directory, at most `ToolLimits.FolderFiles` files; nothing where the path is none.
    abstract List: path: string -> FolderListing voption
    /// The answers to any number of questions, asked in parallel and bounded in all (`LookupCredit`).
    abstract LookUpAll: resolver: ToolResolver * questions: Question list -> Found
    /// How far a command has come, for people who wait at a terminal.
    abstract Tell: progress: ToolProgress -> unit
    /// Does work that may take long, and meanwhile tells how far it has come.
    abstract Watch: work: Action * progress: Func<ToolProgress> -> unit
    /// What a program prints that ends within seconds, or why there is nothing of it. It is looked for in PATH and in the
    /// directories of system programs.
    abstract Run: program: string * arguments: string[] -> FileContents
    /// Random octets for a key.
    abstract Draw: octets: int -> byte[]
    /// Makes a file. Returns what was in the way, in a few words.
    abstract Create: file: NewFile -> string voption
    /// Puts octets into the place of a plain file, or of nothing: nobody ever sees a part of them. Returns what was in the
    /// way, in a few words.
    abstract Replace: path: string * octets: ReadOnlyMemory<byte> -> string voption
    /// Writes to standard output.
    abstract Print: octets: ReadOnlyMemory<byte> -> unit
    /// Writes a line to standard error.
    abstract Complain: line: string -> unit
    /// Shows signing and verifying proxies at work, and with `stay` keeps them up. Returns the exit code.
    abstract Demonstrate: stay: bool -> int
    /// What is known of the terminal.
    abstract Terminal: TerminalFacts
    /// Which build this is.
    abstract Build: BuildFacts

/// What is done next.
[<NoComparison; NoEquality>]
type ToolAction =
    internal
    | Find of ToolResolver voption * Need list * (Found -> ToolAction)
    | OpenMail of WantedFile * (IMailSource -> ToolAction)
    | NextPiece of IMailSource * (FileContents -> ToolAction)
    | UseMail of (unit -> unit) * (unit -> ToolAction)
    | ListFiles of path: string * (FolderListing voption -> ToolAction)
    | LookUpAll of ToolResolver * Question list * (Found -> ToolAction)
    | Tell of ToolProgress * (unit -> ToolAction)
    | Watch of work: (unit -> unit) * progress: (unit -> ToolProgress) * (unit -> ToolAction)
    | RunProgram of program: string * arguments: string list * (FileContents -> ToolAction)
    | Draw of octets: int * (byte[] -> ToolAction)
    | Create of NewFile * (string voption -> ToolAction)
    | Replace of path: string * ReadOnlyMemory<byte> * (string voption -> ToolAction)
    | Print of ReadOnlyMemory<byte> * (unit -> ToolAction)
    | Complain of line: string * (unit -> ToolAction)
    | Demonstrate of stay: bool * (int -> ToolAction)
    | Terminal of (TerminalFacts -> ToolAction)
    | Build of (BuildFacts -> ToolAction)
    | Exit of code: int

    /// The exit code, when nothing is left to do.
    member this.ExitCode: int voption =
        match this with
        | Exit code -> ValueSome code
        | Find _
        | OpenMail _
        | NextPiece _
        | UseMail _
        | ListFiles _
        | LookUpAll _
        | Tell _
        | Watch _
        | RunProgram _
        | Draw _
        | Create _
        | Replace _
        | Print _
        | Complain _
        | Demonstrate _
        | Terminal _
        | Build _ -> ValueNone

    /// Lets a host do it. Returns what follows.
    member this.Do(host: IToolHost) : ToolAction =
        match this with
        | Find(resolver, needs, next) -> next (host.Find(resolver, needs))
        | OpenMail(file, next) -> next (host.OpenMail file)
        | NextPiece(source, next) -> next (source.Next())
        | UseMail(act, next) ->
            act ()
            next ()
        | ListFiles(path, next) -> next (host.List path)
        | LookUpAll(resolver, questions, next) -> next (host.LookUpAll(resolver, questions))
        | Tell(progress, next) ->
            host.Tell progress
            next ()
        | Watch(work, progress, next) ->
            host.Watch(Action work, Func<ToolProgress> progress)
            next ()
        | RunProgram(program, arguments, next) -> next (host.Run(program, Array.ofList arguments))
        | Draw(octets, next) -> next (host.Draw octets)
        | Create(file, next) -> next (host.Create file)
        | Replace(path, octets, next) -> next (host.Replace(path, octets))
        | Print(octets, next) -> next (host.Print octets)
        | Complain(line, next) -> next (host.Complain line)
        | Demonstrate(stay, next) -> next (host.Demonstrate stay)
        | Terminal next -> next host.Terminal
        | Build next -> next host.Build
        | Exit _ -> this

/// A command, or a part of one that yields a value: what is done, given what follows.
type internal Command<'a> = ('a -> ToolAction) -> ToolAction

/// Parts one after the other.
type internal CommandBuilder() =
    member _.Bind(part: Command<'a>, next: 'a -> Command<'b>) : Command<'b> =
        fun rest -> part (fun value -> next value rest)

    member _.Return(value: 'a) : Command<'a> = fun rest -> rest value
    member _.ReturnFrom(part: Command<'a>) : Command<'a> = part
    member _.Zero() : Command<unit> = fun rest -> rest ()
    member _.Delay(make: unit -> Command<'a>) : Command<'a> = fun rest -> make () rest

    member _.Combine(first: Command<unit>, second: Command<'a>) : Command<'a> =
        fun rest -> first (fun () -> second rest)

module internal Command =
    let command = CommandBuilder()

    let rec private find (resolver: ToolResolver voption) (step: Step<'a>) : Command<'a> =
        fun rest ->
            match step with
            | Done value -> rest value
            | Want(needs, next) -> Find(resolver, needs, (fun found -> find resolver (next found) rest))

    /// What a step of the core that needs files alone comes to.
    let settle (step: Step<'a>) : Command<'a> = find ValueNone step

    let read (kind: FileKind) (path: string) : Command<FileContents> = settle (Step.file kind path)

    let listFiles (path: string) : Command<FolderListing voption> = fun rest -> ListFiles(path, rest)

    let tell (progress: ToolProgress) : Command<unit> = fun rest -> Tell(progress, rest)

    /// What takes long to find out, while somebody may look how far that has come.
    let watch (find: unit -> 'a) (progress: unit -> ToolProgress) : Command<'a> =
        fun rest ->
            let found = ref ValueNone

            let next () =
                match found.Value with
                | ValueSome value -> rest value
                | ValueNone -> rest (find ())

            Watch((fun () -> found.Value <- ValueSome(find ())), progress, next)

    let openMail (kind: FileKind) (path: string) : Command<IMailSource> =
        fun rest -> OpenMail({ Path = path; Kind = kind }, rest)

    let nextPiece (source: IMailSource) : Command<FileContents> = fun rest -> NextPiece(source, rest)

    let unpack (source: IMailSource) : Command<unit> =
        fun rest -> UseMail(source.Unpack, rest)

    let close (source: IMailSource) : Command<unit> = fun rest -> UseMail(source.Close, rest)

    let lookUp (resolver: ToolResolver) (questions: Question list) : Command<Question -> Answer> =
        find (ValueSome resolver) (Step.lookUp questions Done)

    /// The same for the names of many messages.
    let lookUpAll (resolver: ToolResolver) (questions: Question list) : Command<Question -> Answer> =
        match questions with
        | [] -> fun rest -> rest Found.Nothing.Answer
        | _ -> fun rest -> LookUpAll(resolver, questions, (fun found -> rest found.Answer))

    /// What servers reply, within the time of the resolver's settings.
    let askDirectly
        (resolver: ToolResolver)
        (questions: DirectQuestion list)
        : Command<DirectQuestion -> DirectAnswer> =
        find (ValueSome resolver) (Step.askDirectly questions Done)

    let runProgram (program: string) (arguments: string list) : Command<FileContents> =
        fun rest -> RunProgram(program, arguments, rest)

    let draw (octets: int) : Command<byte[]> = fun rest -> Draw(octets, rest)

    let create (file: NewFile) : Command<string voption> = fun rest -> Create(file, rest)

    let replace (path: string) (octets: ReadOnlyMemory<byte>) : Command<string voption> =
        fun rest -> Replace(path, octets, rest)

    let printOctets (octets: ReadOnlyMemory<byte>) : Command<unit> = fun rest -> Print(octets, rest)

    let print (text: string) : Command<unit> =
        printOctets (ReadOnlyMemory(Encoding.UTF8.GetBytes text))

    let complain (line: string) : Command<unit> =
        fun rest -> Complain(Printable.tame line, rest)

    let demonstrate (stay: bool) : Command<int> = fun rest -> Demonstrate(stay, rest)

    let terminal: Command<TerminalFacts> = fun rest -> Terminal rest

    /// Which build this is.
    let build: Command<BuildFacts> = fun rest -> Build rest

    /// The whole of `--version`.
    let version (program: string) : Command<int> =
        command {
            let! facts = build
            do! print (BuildFacts.describe program facts)
            return 0
        }

    /// Ends the command with a line on standard error.
    let fail (code: int) (line: string) : Command<'a> =
        fun _ -> Complain(Printable.tame line, (fun () -> Exit code))

    /// The value of a result, or the end of the command.
    let orFail (code: int) (describe: 'e -> string) (result: Result<'a, 'e>) : Command<'a> =
        match result with
        | Ok value -> fun rest -> rest value
        | Error error -> fail code (describe error)

    let rec iter (each: 'a -> Command<unit>) (items: 'a list) : Command<unit> =
        match items with
        | [] -> fun rest -> rest ()
        | item :: others -> fun rest -> each item (fun () -> iter each others rest)

    /// The whole command.
    let run (command: Command<int>) : ToolAction = command Exit

/// Exit codes beside those of sysexits.h.
module internal ExitCode =
    [<Literal>]
    let Success = 0

    /// A key or signature is not good.
    [<Literal>]
    let Bad = 1
