/// The messages of the corpora through the other implementations that Debian ships, beside ours.
module Dkim.Tests.Conformance.Rivals

open System
open System.Diagnostics
open System.IO
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Tests.Corpus
open Dkim.Tests.Judging
open Dkim.Tests.Peers

/// What each implementation said of one signature, in the order of `names`.
type Row =
    {
        Case: string
        Kind: Scheme
        Index: int
        /// Whether it should pass, RFC 8301 apart, which none of the others knows.
        ShouldPass: bool
        /// Words that leave room: some text of a standard allows both.
        IsOpen: bool
        Ours: string
        Theirs: string list
    }

let names = [ "dkimpy"; "Mail::DKIM"; "OpenDKIM" ]

let private packages = [ "python3-dkim"; "libmail-dkim-perl"; "libopendkim11" ]

/// The version of a Debian package.
let private version (package: string) : string =
    let info =
        ProcessStartInfo("dpkg-query", [ "-W"; "-f"; "${Version}"; package ], RedirectStandardOutput = true)

    match Process.Start info with
    | null -> "?"
    | running ->
        use running = running
        let text = running.StandardOutput.ReadToEnd()
        running.WaitForExit()
        text.Trim()

/// Name and version of each.
let versions () : (string * string) list =
    List.zip names (packages |> List.map version)

let private wordOf (answer: Result<Word list, string>) (expected: Expected) : string =
    match answer with
    | Error told when told.StartsWith "no" -> "refused"
    | Error told -> told
    | Ok words ->
        match
            words
            |> List.tryFind (fun word -> word.Kind = expected.Kind && word.Index = expected.Index)
        with
        | Some word -> word.Text
        | None -> "–"

/// The words that may be said where RFC 8301 is not known.
let private lenient (expected: Expected) : string list =
    match expected.Words "legacy", expected.Words "result" with
    | [], [] -> expected.Words "expected" @ expected.Words "accept"
    | [], result -> result @ expected.Words "accept"
    | legacy, _ -> legacy

/// What an implementation never claimed to do.
let private isBeyond (name: string) (scheme: Scheme) (judged: SignatureResult option) =
    match name, scheme with
    | "Mail::DKIM", Dkim ->
        judged
        |> Option.exists (fun one ->
            match one.Signature with
            | ValueSome signature -> signature.KeyType = Ed25519
            | ValueNone -> one.Field.ValueText.Contains "a=ed25519")
    | "Mail::DKIM", DomainKeys -> false
    | _ -> scheme = DomainKeys

let private row (others: Others) (directory: string) (case: Case) : Row list =
    let octets = message directory case
    let judged = judge legacy (max 1 octets.Length) case octets
    let answers = names |> List.map (fun name -> others.Ask name case octets)

    case.Signatures
    |> List.map (fun expected ->
        let ours = tryNth expected.Kind expected.Index judged
        let may = lenient expected |> List.map ((=) "pass") |> List.distinct

        {
            Case = case.Id
            Kind = expected.Kind
            Index = expected.Index
            ShouldPass = List.head (lenient expected) = "pass"
            IsOpen = may.Length > 1
            Ours =
                match ours with
                | Some one -> word one
                | None -> "–"
            Theirs =
                List.zip names answers
                |> List.map (fun (name, answer) ->
                    if isBeyond name expected.Kind ours then
                        "n/a"
                    else
                        wordOf answer expected)
        })

/// Every signature of a corpus, judged by all.
let compare (others: Others) (directory: string) (cases: Case list) : Row list =
    cases
    |> List.filter (fun case -> not case.Signatures.IsEmpty)
    |> List.collect (row others directory)

/// The cases of our own corpus.
let own: Lazy<Case list> = lazy (read (Path.Combine(folder, "corpus.json")))

/// The cases of the outside corpus on which its authors agree.
let undisputed (directory: string) : Case list =
    outsideCases directory |> List.filter (fun case -> not case.Disputed)
