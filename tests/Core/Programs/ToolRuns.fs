/// Runs the commands of the tools on a machine that is all in memory.
module Dkim.Tests.Core.ToolRuns

open System
open System.Collections.Generic
open System.Text
open System.Text.Json
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool
open Dkim.Tests

/// What a command left behind.
type Ran =
    {
        Code: int
        Output: string
        Errors: string
        Made: Map<string, string>
    }

let private latin1 (text: string) =
    ReadOnlyMemory(Encoding.Latin1.GetBytes text)

/// The build that a machine says it has.
let build: BuildFacts =
    {
        Stamp = "1.2.3+0123abcd"
        Runtime = ".NET 10.0.12"
        IsNative = true
        OpenSsl = ValueSome 0x30000130L
    }

/// A machine with some files, one of which may be `-`, and answers of the DNS.
[<Sealed>]
type Machine(files: (string * string) list, answers: Question -> Answer, terminal: TerminalFacts) =
    let output = StringBuilder()
    let errors = StringBuilder()
    let made = Dictionary<string, string>()
    let secrets = HashSet<string>()
    let asked = List<Question>()
    let told = List<string>()
    let known = dict files

    /// One that prints to a file.
    new(files, answers) =
        Machine(
            files,
            answers,
            {
                TakesColour = false
                Columns = ValueNone
            }
        )

    /// What a server says that is asked by itself.
    member val Reply: DirectQuestion -> DirectAnswer = (fun _ -> DirectAnswer.Failed("timeout", false)) with get, set

    member _.Asked = asked
    member _.Told = told
    member _.Secrets = secrets

    member _.Ran(code: int) : Ran =
        {
            Code = code
            Output = output.ToString()
            Errors = errors.ToString()
            Made = made |> Seq.map (fun pair -> pair.Key, pair.Value) |> Map.ofSeq
        }

    interface IToolHost with
        member _.Demonstrate _ = 0

        member _.Build = build
        member _.Terminal = terminal

        member this.Find(_, needs) =
            asked.AddRange(Finding.questions needs)

            let read (file: WantedFile) =
                match known.TryGetValue file.Path with
                | true, text -> FileContents.Found(latin1 text)
                | false, _ -> FileContents.Unreadable "no such file"

            let servers =
                needs
                |> List.choose (fun need ->
                    match need with
                    | Need.Direct question -> Some(KeyValuePair(question, this.Reply question))
                    | _ -> None)

            { Finding.ofNames answers needs with
                Files = (Finding.ofFiles read needs).Files
                Replies = Dictionary servers :> IReadOnlyDictionary<_, _>
            }

        member _.OpenMail file =
            match known.TryGetValue file.Path with
            | true, text -> FileContents.Found(latin1 text)
            | false, _ -> FileContents.Unreadable "no such file"
            |> MailSources.ofContents 1000

        member _.List path =
            MailSources.folder path (files |> List.map fst)

        member _.LookUpAll(_, questions) =
            asked.AddRange questions
            Finding.ofNames answers (questions |> List.map Need.Lookup)

        member _.Tell progress = told.Add progress.Text

        member _.Watch(work, progress) =
            told.Add (progress.Invoke()).Text
            work.Invoke()
            told.Add (progress.Invoke()).Text

        member _.Run(program, arguments) =
            match known.TryGetValue(String.Join(' ', Array.append [| program |] arguments)) with
            | true, text -> FileContents.Found(latin1 text)
            | false, _ -> FileContents.Unreadable "not found"

        member _.Draw octets = Array.init octets byte

        member _.Create file =
            if known.ContainsKey file.Path || made.ContainsKey file.Path then
                ValueSome "file exists"
            else
                made[file.Path] <- Encoding.Latin1.GetString file.Contents.Span

                if file.Secret then
                    secrets.Add file.Path |> ignore

                ValueNone

        member _.Replace(path, octets) =
            made[path] <- Encoding.Latin1.GetString octets.Span
            ValueNone

        member _.Print octets =
            output.Append(Encoding.Latin1.GetString octets.Span) |> ignore

        member _.Complain line =
            errors.Append(line).Append('\n') |> ignore

let nothing (_: Question) = Answer.NoSuchName Security.Unchecked

/// Runs a program by its name.
let runOn (machine: Machine) (name: string) (arguments: string list) : Ran =
    let mutable action = DkimTool.start name (Array.ofList arguments) 1795000000L

    while action.ExitCode.IsNone do
        action <- action.Do machine

    let ran = machine.Ran action.ExitCode.Value

    if name = "dkim" then
        JsonSchemas.hold arguments ran.Output

    ran

/// Runs `dkim` with some files.
let dkim (files: (string * string) list) (arguments: string list) : Ran =
    runOn (Machine(files, nothing)) "dkim" arguments

/// A key, its PEM text, and a zone that publishes it for example.com under `s` and `t`.
type Keyring = { Pem: string; Zone: string }

let private keyring (key: SigningKey, pem: string) : Keyring =
    let text =
        "v=DKIM1; k="
        + (if key.KeyType = Rsa then "rsa" else "ed25519")
        + "; p="
        + Convert.ToBase64String key.KeyData

    {
        Pem = pem
        Zone = "{\"s._domainkey.example.com\": [\"" + text + "\"]}"
    }

let rsa = keyring (SigningKey.generateRsa 1024<bit>)
let otherRsa = keyring (SigningKey.generateRsa 1024<bit>)

let ed25519 =
    keyring (SigningKey.generateEd25519 (Array.init 32 (fun index -> byte (7 * index))))

/// A message with its signature on top.
let signed (keys: Keyring) (options: string list) (message: string) : string =
    let arguments =
        [
            "sign"
            "--key=k"
            "--selector=s"
            "--domain=example.com"
            "--message"
            "--line-ends=crlf"
        ]
        @ options

    let ran = dkim [ "k", keys.Pem; "-", message ] arguments

    if ran.Code <> 0 then
        invalidOp ran.Errors

    ran.Output

/// The JSON that a command printed.
let json (ran: Ran) : JsonElement =
    JsonDocument.Parse(ran.Output).RootElement

/// The first signature that `verify --json` or `explain --json` tells of.
let judged (command: string) (keys: Keyring) (options: string list) (message: string) : JsonElement =
    let files = [ "z", keys.Zone; "-", message ]

    let ran =
        dkim files ([ command; "--json"; "--zone=z"; "--line-ends=crlf" ] @ options)

    (json ran).GetProperty("signatures")[0]

let text (name: string) (element: JsonElement) : string =
    match element.GetProperty(name).GetString() with
    | null -> "null"
    | value -> value

/// A message without a signature.
let message =
    "From: Ann <ann@example.com>\r\nTo: bob@example.org\r\nSubject: hello\r\n\r\nHello, Bob.\r\n"
