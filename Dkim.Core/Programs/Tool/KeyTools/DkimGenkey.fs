/// `dkim-genkey` and `opendkim-genkey`: one program by the name that dkim-milter gave it, and by OpenDKIM's. It leaves the
/// private key in SELECTOR.private and the record in SELECTOR.txt.
module internal Dkim.Core.Programs.Tool.KeyTools.DkimGenkey

open System
open System.Text
open Dkim.Core.Words
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Tool.Running.Command
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Tool.Running

[<Literal>]
let Name = "dkim-genkey"

[<Literal>]
let OpenDkimName = "opendkim-genkey"

/// Its settings.
type Settings =
    {
        AppendDomain: bool
        KeyType: KeyType
        Bits: int<bit>
        Domain: string
        Directory: string voption
        Granularity: string voption
        Hashes: string
        Note: string voption
        Restrict: bool
        Selector: Selector
        Subdomains: bool
        TestMode: bool
        Verbose: bool
        Version: bool
        Help: bool
    }

let private selector (text: string) : Selector =
    match Selector.tryCreate text with
    | Ok selector -> selector
    | Error _ -> invalidArg (nameof text) text

let defaults =
    {
        AppendDomain = false
        KeyType = Rsa
        Bits = 2048<bit>
        Domain = "localhost"
        Directory = ValueNone
        Granularity = ValueNone
        Hashes = "sha256"
        Note = ValueNone
        Restrict = false
        Selector = selector "default"
        Subdomains = true
        TestMode = false
        Verbose = false
        Version = false
        Help = false
    }

let private checkedText shape isGood reason : Codec<string> =
    {
        Shape = shape
        Parse = fun text -> if isGood text then Ok text else Error reason
        Show = id
    }

let private isHashList (text: string) =
    text.Split ':'
    |> Array.forall (fun name -> (Algorithms.hashes.TryParse name).IsSome)

let private domain: Codec<string> =
    checkedText "DOMAIN" (fun text -> (Label.tryName 253 1 text).IsOk) "not a domain"

// What a local part may consist of here, and at most one asterisk (RFC 4871 §3.6.1).
let private granularity: Codec<string> =
    let isGood (text: string) =
        text
        |> String.forall (fun c -> Char.IsAsciiLetterOrDigit c || "*.-_+".Contains c)
        && text |> String.filter ((=) '*') |> String.length < 2

    checkedText "PATTERN" isGood "not a local part with at most one asterisk"

let private hashes =
    checkedText "NAME[:NAME]" isHashList "not a list of sha256, sha1"

/// A word, a letter, or both.
let private spelled (letter: char) (setting: Setting<Settings>) =
    Setting.spelled [ Spelling.Word setting.Name; Spelling.Letter letter ] setting

let private keyRows: Setting<Settings> list =
    [
        Setting.flag "append-domain" _.AppendDomain (fun v s -> { s with AppendDomain = v })
        |> spelled 'a'
        |> Setting.says "write the name with its domain and a final dot"
        Setting.make "bits" (ToolTable.bitsCodec 512 8192) _.Bits (fun v s -> { s with Bits = v })
        |> spelled 'b'
        |> Setting.says "the length of the key"
        Setting.make "domain" domain _.Domain (fun v s -> { s with Domain = v })
        |> spelled 'd'
        |> Setting.says "the domain that signs; only written beside the record, unless -a is given"
        Setting.optional "directory" (Codec.text "DIR") _.Directory (fun v s -> { s with Directory = v })
        |> spelled 'D'
        |> Setting.says "where to leave both files"
        Setting.optional "granularity" granularity _.Granularity (fun v s -> { s with Granularity = v })
        |> spelled 'g'
        |> Setting.says "the value of g=, which only old verifiers heed"
        Setting.make "hash-algorithms" hashes _.Hashes (fun v s -> { s with Hashes = v })
        |> spelled 'h'
        |> Setting.says "the hashes that signatures may use"
        Setting.optional "note" (Codec.text "TEXT") _.Note (fun v s -> { s with Note = v })
        |> spelled 'n'
        |> Setting.says "a note to people, for n="
        Setting.flag "restrict" _.Restrict (fun v s -> { s with Restrict = v })
        |> spelled 'r'
        |> Setting.says "let the key serve mail only: s=email"
        Setting.make "selector" ToolTable.selectorCodec _.Selector (fun v s -> { s with Selector = v })
        |> spelled 's'
        |> Setting.says "the selector; it also names the files"
    ]

let private recordRows: Setting<Settings> list =
    [
        Setting.flag "subdomains" _.Subdomains (fun v s -> { s with Subdomains = v })
        |> Setting.spelled [ Spelling.Word "subdomains" ]
        |> Setting.says "let the key sign for subdomains"
        Setting.flag "nosubdomains" (fun s -> not s.Subdomains) (fun v s -> { s with Subdomains = not v })
        |> spelled 'S'
        |> Setting.says "do not let the key sign for subdomains: t=s"
        Setting.flag "testmode" _.TestMode (fun v s -> { s with TestMode = v })
        |> spelled 't'
        |> Setting.says "say that the domain is testing: t=y"
        Setting.make
            "type"
            (Codec.choice [ "rsa", Rsa; "ed25519", Ed25519 ] Algorithms.keyTypes.Name)
            _.KeyType
            (fun v s -> { s with KeyType = v })
        |> Setting.spelled [ Spelling.Word "type" ]
        |> Setting.says "the type of the key"
        Setting.flag "ed25519" (fun s -> s.KeyType = Ed25519) (fun v s ->
            { s with
                KeyType = if v then Ed25519 else Rsa
            })
        |> Setting.spelled [ Spelling.Word "ed25519" ]
        |> Setting.says "the same as --type ed25519, as opendkim-genkey of 2026 has it"
        Setting.flag "verbose" _.Verbose (fun v s -> { s with Verbose = v })
        |> spelled 'v'
        |> Setting.says "say what is done"
        Setting.flag "version" _.Version (fun v s -> { s with Version = v })
        |> spelled 'V'
        |> Setting.says BuildFacts.Summary
        Setting.flag "help" _.Help (fun v s -> { s with Help = v })
        |> Setting.spelled [ Spelling.Word "help" ]
        |> Setting.says "print this text and exit"
    ]

let private rows = keyRows @ recordRows |> Setting.group "key" "opendkim-genkey(8)"

/// One of the two names.
type Program =
    {
        Name: string
        Table: Setting<Settings> list
        Text: ProgramText
        /// The exit code where the directory cannot be written to.
        DirectoryExit: int
    }

let private text: ProgramText =
    {
        Name = Name
        Section = 8
        OneLine = "make a key and the record to publish"
        Command = ""
        Operands = ""
        Description =
            [
                "Leaves a private key in SELECTOR.private and its record, for a zone file, in SELECTOR.txt. Both can be \
                 read by their owner only. Files that are there already are not replaced."
            ]
        Exits = [ 0, "Both files were made."; 1, "They were not." ]
        Examples =
            [
                "A key for example.com under the selector mail:",
                [ "dkim-genkey -s mail -d example.com -D /etc/mail/dkim" ]
            ]
        SeeAlso = [ "dkim", 1; "dkim-testkey", 8 ]
    }

let dkim: Program =
    {
        Name = Name
        Table = rows |> List.filter (fun row -> row.Name <> "ed25519")
        Text = text
        DirectoryExit = ExitCode.Bad
    }

let openDkim: Program =
    {
        Name = OpenDkimName
        Table = rows |> List.filter (fun row -> row.Name <> "granularity")
        Text =
            { text with
                Name = OpenDkimName
                Exits = text.Exits @ [ 2, "The directory of -D cannot be written to." ]
                Examples =
                    [
                        "A key for example.com under the selector mail:",
                        [ "opendkim-genkey -s mail -d example.com -D /etc/dkimkeys" ]
                    ]
                SeeAlso = [ "dkim", 1; "opendkim-testkey", 8 ]
            }
        DirectoryExit = 2
    }

/// The record up to p=, as opendkim-genkey words it.
let private head (settings: Settings) : string =
    let optional name (value: string voption) =
        match value with
        | ValueSome value -> " " + name + "=" + value + ";"
        | ValueNone -> ""

    let note =
        settings.Note
        |> ValueOption.map (fun note ->
            QuotedPrintable.encode (Octets.latin1 (ReadOnlySpan(Encoding.UTF8.GetBytes note))))

    let flags =
        match settings.TestMode, settings.Subdomains with
        | true, true -> "t=y; "
        | true, false -> "t=y:s; "
        | false, false -> "t=s; "
        | false, true -> ""

    "v=DKIM1;"
    + optional "n" note
    + " h="
    + settings.Hashes
    + ";"
    + optional "g" settings.Granularity
    + " k="
    + Algorithms.keyTypes.Name settings.KeyType
    + "; "
    + flags
    + (if settings.Restrict then "s=email; " else "")

let private record (settings: Settings) (key: SigningKey) : string =
    let label =
        if settings.AppendDomain then
            Publication.label settings.Selector + "." + settings.Domain + "."
        else
            Publication.label settings.Selector

    let comment = "DKIM key " + settings.Selector.Text + " for " + settings.Domain
    Publication.opendkim label (head settings) key.KeyData comment

/// What shuts verifiers out, though the record can be published.
let private warnings (settings: Settings) : string list =
    [
        if settings.KeyType = Rsa && settings.Bits < 1024<bit> then
            "verifiers refuse keys under 1024 bits (RFC 8301)"
        if not (settings.Hashes.Split ':' |> Array.contains "sha256") then
            "h="
            + settings.Hashes
            + " shuts out every signature that verifiers accept (RFC 8301)"
    ]

let private make (program: Program) (settings: Settings) : Command<int> =
    let path suffix =
        let name = settings.Selector.Text + suffix

        match settings.Directory with
        | ValueSome directory -> directory.TrimEnd '/' + "/" + name
        | ValueNone -> name

    let told line =
        if settings.Verbose then
            complain (program.Name + ": " + line)
        else
            fun rest -> rest ()

    let refuse path reason =
        fail ExitCode.Bad (program.Name + ": " + path + ": " + reason)

    let unwritable =
        if settings.Directory.IsSome then
            program.DirectoryExit
        else
            ExitCode.Bad

    command {
        let keyPath, recordPath = path ".private", path ".txt"
        let! there = read FileKind.Configuration recordPath

        let obstacle = Publication.obstacle settings.Selector settings.Domain

        if obstacle.IsSome then
            return! fail ExitCode.Bad (program.Name + ": " + obstacle.Value)
        elif there.Problem.IsNone then
            return! refuse recordPath "file exists; nothing was made"
        else
            do! told "generating private key"

            do! iter (fun line -> complain (program.Name + ": WARNING: " + line)) (warnings settings)

            let! key, pem = PrivateKeys.generate settings.KeyType settings.Bits
            do! PrivateKeys.save program.Name unwritable keyPath pem
            do! told ("private key written to " + keyPath)

            let! obstacle =
                create
                    {
                        Path = recordPath
                        Contents = ReadOnlyMemory(Encoding.ASCII.GetBytes(record settings key))
                        Secret = true
                    }

            match obstacle with
            | ValueSome reason -> return! refuse recordPath reason
            | ValueNone ->
                do! told ("DNS TXT record written to " + recordPath)
                return ExitCode.Success
    }

let run (program: Program) (arguments: string list) : Command<int> =
    let line = CommandLine.parse Gnu program.Table arguments
    let settings, problems = Settings.apply [ line.Given ] defaults

    command {
        match line.Problems @ problems with
        | _ when settings.Help ->
            do! print (Manual.help program.Text program.Table defaults)
            return ExitCode.Success
        | _ when settings.Version -> return! version program.Name
        | [] -> return! make program settings
        | problems ->
            do! iter (fun problem -> complain (program.Name + ": " + Problem.describe problem)) problems
            return ExitCode.Bad
    }
