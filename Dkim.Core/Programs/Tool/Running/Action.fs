/// What a command does, as a value that a host carries out step by step: the core reads no file, asks no DNS and draws
/// no random numbers.
namespace Dkim.Core.Programs.Tool.Running

open System.Net
open System
open System.Collections.Generic
open System.Text
open Dkim.Core.Words
open Dkim.Core.Dns
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

/// The host's side of a command.
type IToolHost =
    /// The contents of a file; `-` is standard input.
    abstract Read: file: WantedFile -> FileContents
    /// The paths of all files below a directory, sorted; nothing where the path is no directory.
    abstract List: path: string -> string[] voption
    abstract LookUp: resolver: ToolResolver * questions: Question[] -> IReadOnlyDictionary<Question, Answer>
    /// What a program prints that ends within seconds, or why there is nothing of it. It is looked for in PATH and in the
    /// directories of system programs.
    abstract Run: program: string * arguments: string[] -> FileContents
    /// Random octets for a key.
    abstract Draw: octets: int -> byte[]
    /// Makes a file. Returns what was in the way, in a few words.
    abstract Create: file: NewFile -> string voption
    /// Writes to standard output.
    abstract Print: octets: ReadOnlyMemory<byte> -> unit
    /// Writes a line to standard error.
    abstract Complain: line: string -> unit
    /// Shows signing and verifying proxies at work, and with `stay` keeps them up. Returns the exit code.
    abstract Demonstrate: stay: bool -> int
    /// Which build this is.
    abstract Build: BuildFacts

/// What is done next.
[<NoComparison; NoEquality>]
type ToolAction =
    internal
    | Read of WantedFile * (FileContents -> ToolAction)
    | ListFiles of path: string * (string[] voption -> ToolAction)
    | LookUp of ToolResolver * Question list * ((Question -> Answer) -> ToolAction)
    | RunProgram of program: string * arguments: string list * (FileContents -> ToolAction)
    | Draw of octets: int * (byte[] -> ToolAction)
    | Create of NewFile * (string voption -> ToolAction)
    | Print of ReadOnlyMemory<byte> * (unit -> ToolAction)
    | Complain of line: string * (unit -> ToolAction)
    | Demonstrate of stay: bool * (int -> ToolAction)
    | Build of (BuildFacts -> ToolAction)
    | Exit of code: int

    /// The exit code, when nothing is left to do.
    member this.ExitCode: int voption =
        match this with
        | Exit code -> ValueSome code
        | Read _
        | ListFiles _
        | LookUp _
        | RunProgram _
        | Draw _
        | Create _
        | Print _
        | Complain _
        | Demonstrate _
        | Build _ -> ValueNone

    /// Lets a host do it. Returns what follows.
    member this.Do(host: IToolHost) : ToolAction =
        match this with
        | Read(file, next) -> next (host.Read file)
        | ListFiles(path, next) -> next (host.List path)
        | LookUp(resolver, questions, next) ->
            let answers = host.LookUp(resolver, Array.ofList questions)

            next (fun question ->
                match answers.TryGetValue question with
                | true, answer -> answer
                | false, _ -> Answer.Unavailable "not asked")
        | RunProgram(program, arguments, next) -> next (host.Run(program, Array.ofList arguments))
        | Draw(octets, next) -> next (host.Draw octets)
        | Create(file, next) -> next (host.Create file)
        | Print(octets, next) -> next (host.Print octets)
        | Complain(line, next) -> next (host.Complain line)
        | Demonstrate(stay, next) -> next (host.Demonstrate stay)
        | Build next -> next host.Build
        | Exit _ -> this

/// A part of a command that yields a value: what is done, given what follows.
type internal Step<'a> = ('a -> ToolAction) -> ToolAction

/// Steps one after the other.
type internal StepBuilder() =
    member _.Bind(step: Step<'a>, next: 'a -> Step<'b>) : Step<'b> =
        fun rest -> step (fun value -> next value rest)

    member _.Return(value: 'a) : Step<'a> = fun rest -> rest value
    member _.ReturnFrom(step: Step<'a>) : Step<'a> = step
    member _.Zero() : Step<unit> = fun rest -> rest ()
    member _.Delay(make: unit -> Step<'a>) : Step<'a> = fun rest -> make () rest

    member _.Combine(first: Step<unit>, second: Step<'a>) : Step<'a> =
        fun rest -> first (fun () -> second rest)

module internal Step =
    let command = StepBuilder()

    let read (kind: FileKind) (path: string) : Step<FileContents> =
        fun rest -> Read({ Path = path; Kind = kind }, rest)

    let listFiles (path: string) : Step<string[] voption> = fun rest -> ListFiles(path, rest)

    let lookUp (resolver: ToolResolver) (questions: Question list) : Step<Question -> Answer> =
        fun rest ->
            if questions.IsEmpty then
                rest (fun _ -> Answer.Unavailable "not asked")
            else
                LookUp(resolver, questions, rest)

    let runProgram (program: string) (arguments: string list) : Step<FileContents> =
        fun rest -> RunProgram(program, arguments, rest)

    let draw (octets: int) : Step<byte[]> = fun rest -> Draw(octets, rest)

    let create (file: NewFile) : Step<string voption> = fun rest -> Create(file, rest)

    let printOctets (octets: ReadOnlyMemory<byte>) : Step<unit> = fun rest -> Print(octets, rest)

    let print (text: string) : Step<unit> =
        printOctets (ReadOnlyMemory(Encoding.UTF8.GetBytes text))

    let complain (line: string) : Step<unit> =
        fun rest -> Complain(Printable.tame line, rest)

    let demonstrate (stay: bool) : Step<int> = fun rest -> Demonstrate(stay, rest)

    /// The whole of `--version`.
    let version (program: string) : Step<int> =
        command {
            let! facts = Build
            do! print (BuildFacts.describe program facts)
            return 0
        }

    /// Ends the command with a line on standard error.
    let fail (code: int) (line: string) : Step<'a> =
        fun _ -> Complain(Printable.tame line, (fun () -> Exit code))

    /// The value of a result, or the end of the command.
    let orFail (code: int) (describe: 'e -> string) (result: Result<'a, 'e>) : Step<'a> =
        match result with
        | Ok value -> fun rest -> rest value
        | Error error -> fail code (describe error)

    let rec iter (each: 'a -> Step<unit>) (items: 'a list) : Step<unit> =
        match items with
        | [] -> fun rest -> rest ()
        | item :: others -> fun rest -> each item (fun () -> iter each others rest)

    /// The whole command.
    let run (step: Step<int>) : ToolAction = step Exit

/// Exit codes beside those of sysexits.h.
module internal ExitCode =
    [<Literal>]
    let Success = 0

    /// A key or signature is not good.
    [<Literal>]
    let Bad = 1
