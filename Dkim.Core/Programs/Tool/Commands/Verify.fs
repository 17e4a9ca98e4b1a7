/// `dkim verify`: all signatures of messages and what becomes of them.
module internal Dkim.Core.Programs.Tool.Commands.Verify

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Running.Command

/// What the settings make of the verifier's policy.
let policy (settings: ToolSettings) : VerifyPolicy =
    { VerifyPolicy.defaults with
        AllowSha1 = settings.AllowSha1
        MinimumRsaBits = settings.MinimumRsaBits
        RefuseUnsignedOctets = settings.RefuseUnsignedOctets
    }

/// The word of `kind`.
let kindName (scheme: Scheme) : string =
    match scheme with
    | Dkim -> "dkim"
    | DomainKeys -> "domainkeys"

/// Where keys come from: a file, read once, or the DNS.
type KeySource =
    | FromFile of (Question -> Answer)
    | FromDns of ToolResolver

let private fileSource path (parse: string -> Result<Question -> Answer, string>) : Command<KeySource> =
    command {
        let! contents = read FileKind.Configuration path

        let! answer =
            FileContents.text contents
            |> Result.bind parse
            |> orFail SysExit.NoInput (fun reason -> "dkim: " + path + ": " + reason)

        return FromFile answer
    }

let private zoneAnswers (text: string) =
    Zone.parse text |> Result.map Zone.answer

let private testKeyAnswers (text: string) =
    TestKeys.parse text
    |> Result.map (fun keys -> keys.Find)
    |> Result.mapError (fun line -> "line " + string line + ": a name without a record")

let keySource (settings: ToolSettings) : Command<KeySource> =
    match settings.Zone, settings.TestKeys with
    | ValueSome path, _ -> fileSource path zoneAnswers
    | ValueNone, ValueSome path -> fileSource path testKeyAnswers
    | ValueNone, ValueNone -> fun rest -> rest (FromDns settings.Resolver)

let ask (source: KeySource) (questions: Question list) : Command<Question -> Answer> =
    match source with
    | FromFile answer -> fun rest -> rest answer
    | FromDns resolver -> lookUp resolver questions

let private readMailOf (kind: FileKind) (settings: ToolSettings) (path: string) : Command<Result<Mail, string>> =
    command {
        let! contents = read kind path

        match contents.Problem with
        | ValueSome reason -> return Error reason
        | ValueNone ->
            match Mail.read HeaderLimits.defaults settings.Lines contents.Octets with
            | Error error -> return Error(HeaderError.describe error)
            | Ok mail ->
                do!
                    mail.Repairs
                    |> iter (fun repair -> complain ("dkim: " + path + ": note: " + FileRepair.describe repair))

                return Ok mail
    }

/// The message in a file; `-` is standard input.
let readMail (settings: ToolSettings) (path: string) : Command<Result<Mail, string>> =
    readMailOf FileKind.Map settings path

/// How many signature fields a message has.
let countOf (mail: Mail) : int =
    [ Dkim; DomainKeys ]
    |> List.sumBy (fun scheme -> (Header.all (Layout.fieldName scheme) mail.Header).Length)

/// Judges a message.
let judge settings (source: KeySource) (now: int64<sec>) (mail: Mail) : Command<SignatureResult list> =
    command {
        let plan = Verifier.plan (policy settings) now mail.Header
        let! answers = ask source plan.Questions
        return Verifier.conclude plan (BodyHasher.ofMail plan.Digests mail) answers
    }

/// Each signature with its index, counted from the top within its kind.
let indexed (all: SignatureResult list) : (int * SignatureResult) list =
    let count (seen: Map<Scheme, int>) (judged: SignatureResult) =
        let index = seen |> Map.tryFind judged.Scheme |> Option.defaultValue 0
        (index, judged), seen.Add(judged.Scheme, index + 1)

    all |> List.mapFold count Map.empty |> fst

let jsonOfJudged (index: int, judged: SignatureResult) : Json =
    let ofSignature (get: Signature -> string) =
        judged.Signature |> ValueOption.map get |> Json.optional Json.Text

    Json.Object
        [
            "kind", Json.Text(kindName judged.Scheme)
            "index", Json.Number index
            "domain", ofSignature _.Domain.Text
            "selector", ofSignature _.Selector.Text
            "algorithm", ofSignature _.Algorithm
            "result", Json.Text(ResultWord.name (Verdict.word judged.Verdict))
            "reason", Json.Text(Verdict.describe judged.Verdict)
            "key_bits", judged.KeyBits |> Json.optional (fun bits -> Json.Number(int64 bits))
            "testing", Json.Bool judged.Testing
            "unsigned_octets", Json.Number(int64 judged.UnsignedOctets)
        ]

let private jsonOf (path: string) (outcome: Result<SignatureResult list, string>) : string =
    let file = "file", Json.Text path

    match outcome with
    | Ok all -> Json.ofCommand [ file; "signatures", Json.List(indexed all |> List.map jsonOfJudged) ]
    | Error reason -> Json.ofCommand [ file; "signatures", Json.List []; "error", Json.Text reason ]
    |> Json.render
    |> fun line -> line + "\n"

let private keyWords (judged: SignatureResult) : string =
    match judged.Signature with
    | ValueNone -> ""
    | ValueSome signature ->
        let bits =
            match judged.KeyBits with
            | ValueSome bits -> " " + string (int bits) + " bits"
            | ValueNone -> ""

        " d="
        + signature.Domain.Text
        + " s="
        + signature.Selector.Text
        + " a="
        + signature.Algorithm
        + bits

let private lineOf (path: string) (index: int, judged: SignatureResult) : string =
    let unsigned =
        if judged.UnsignedOctets > 0L<octet> then
            ", "
            + string (int64 judged.UnsignedOctets)
            + " octets of the body are not signed"
        else
            ""

    path
    + ": "
    + kindName judged.Scheme
    + " "
    + string (index + 1)
    + ": "
    + ResultWord.name (Verdict.word judged.Verdict)
    + keyWords judged
    + " ("
    + Verdict.describe judged.Verdict
    + (if judged.Testing then ", the domain is testing" else "")
    + unsigned
    + ")\n"

let private textOf (path: string) (all: SignatureResult list) : string =
    if all.IsEmpty then
        path + ": no signatures\n"
    else
        String.Join("", indexed all |> List.map (lineOf path))

/// Judges one file and prints what came of it. Yields whether it could be judged.
let private verifyFile settings source now (kind: FileKind, path: string) : Command<bool> =
    command {
        let! mail = readMailOf kind settings path

        match mail with
        | Error reason ->
            if settings.Json then
                do! print (jsonOf path (Error reason))

            do! complain ("dkim: " + path + ": " + reason)
            return false
        | Ok mail ->
            let! all = judge settings source now mail

            do!
                print (
                    if settings.Json then
                        jsonOf path (Ok all)
                    else
                        textOf (Printable.tame path) all
                )

            return true
    }

let rec private verifyAll settings source now allJudged (files: (FileKind * string) list) : Command<bool> =
    command {
        match files with
        | [] -> return allJudged
        | file :: rest ->
            let! judged = verifyFile settings source now file
            return! verifyAll settings source now (allJudged && judged) rest
    }

/// The files that `--batch` means.
let private batch (path: string) : Command<string list> =
    command {
        let! below = listFiles path

        match below with
        | ValueSome paths -> return List.ofArray paths
        | ValueNone ->
            let! contents = read FileKind.Configuration path

            let! text =
                FileContents.text contents
                |> orFail SysExit.NoInput (fun reason -> "dkim: " + path + ": " + reason)

            return FileContents.lines text |> Array.filter ((<>) "") |> List.ofArray
    }

let run (settings: ToolSettings) (clock: int64<sec>) (operands: string list) : Command<int> =
    let named = operands |> List.map (fun path -> FileKind.Map, path)

    command {
        let now = settings.Now |> ValueOption.defaultValue clock
        let! source = keySource settings

        let! judged =
            match settings.Batch, operands with
            | ValueSome path, _ ->
                command {
                    let! listed = batch path
                    let listed = listed |> List.map (fun path -> FileKind.Listed, path)
                    return! verifyAll { settings with Json = true } source now true (named @ listed)
                }
            | ValueNone, [] -> verifyAll settings source now true [ FileKind.Map, "-" ]
            | ValueNone, _ -> verifyAll settings source now true named

        return if judged then ExitCode.Success else SysExit.DataError
    }
