/// Runs the proxies without a host: files are a list, the DNS is a list, and what would be printed, logged or sent is a
/// value.
module Dkim.Tests.ProxyRuns

open System
open System.Collections.Generic
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies.Shared
open Dkim.Core.Programs.Proxies
open Dkim.Tests.Starts

/// What a zone holds under a name.
type Entry =
    | Text of string
    /// The name has records of other types.
    | Exists
    | Fails of reason: string

type Outcome =
    | Relayed of head: string * replaced: int64
    | Refused of code: int * text: string

let machine = { HostName = "mx.example.org" }

let startOut files arguments =
    runProxy files (Proxies.Out(Array.ofList arguments))

let startIn files arguments =
    runProxy files (Proxies.In (Array.ofList arguments) machine)

/// The time of every message.
let now = 1700000000L<sec>

let crlf (text: string) =
    text.Replace("\r\n", "\n").Replace("\n", "\r\n")

let answers (zone: (string * Entry) list) (question: Question) : Answer =
    match zone |> List.tryFind (fun (name, _) -> name = question.Name) with
    | Some(_, Text record) when question.Type = RecordType.Txt -> Answer.Found([ record ], Security.Unchecked)
    | Some(_, Text _) -> Answer.Found([], Security.Unchecked)
    | Some(_, Exists) -> Answer.Found([ "x" ], Security.Unchecked)
    | Some(_, Fails reason) -> Answer.Unavailable reason
    | None -> Answer.NoSuchName Security.Unchecked

/// Sends one message in pieces of so many octets. The decision, the lines of the log and what was needed.
let passFinding (find: Need list -> Found) (piece: int) (program: ProxyProgram) (message: string) =
    use passage = program.NewMessage now
    let asked = List<Need>()

    let go () =
        asked.AddRange passage.Needs
        passage.Go(find passage.Needs)

    for octets in Array.chunkBySize piece (Octets.ofLatin1 (crlf message)) do
        let taken = passage.Feed(ReadOnlySpan octets)

        while passage.HoldsBody do
            go ()

        passage.Feed(ReadOnlySpan(octets, taken, octets.Length - taken)) |> ignore

    passage.End()

    while not passage.Needs.IsEmpty do
        go ()

    let outcome =
        match passage.Decision.Disposition with
        | ProxyDisposition.Relay(head, replaced) -> Relayed(Octets.latin1 head.Span, replaced)
        | ProxyDisposition.Refuse(code, text) -> Refused(code, text)

    outcome, (passage.Decision.Log |> List.map _.Text), List.ofSeq asked

/// Sends one message; the zone answers. The decision, the lines of the log and the names that were asked.
let pass zone (program: ProxyProgram) (message: string) =
    let outcome, log, asked =
        passFinding (Finding.ofNames (answers zone)) Int32.MaxValue program message

    outcome, log, (Finding.questions asked |> List.map _.Name)

/// A key pair of one size, made once: the PEM text and the record that publishes it.
let private rsa bits =
    lazy
        (let key, pem = SigningKey.generateRsa bits
         pem, "v=DKIM1; k=rsa; p=" + Convert.ToBase64String key.KeyData)

let rsa2048 = rsa 2048<bit>
let rsa768 = rsa 768<bit>
let rsa1024 = rsa 1024<bit>

/// An Ed25519 key: RFC 8410 §7 puts these octets before its seed.
let ed25519 =
    lazy
        (let prefix = Convert.FromHexString "302e020100300506032b657004220420"
         let der = Convert.ToBase64String(Array.append prefix (Array.init 32 byte))
         let pem = "-----BEGIN PRIVATE KEY-----\n" + der + "\n-----END PRIVATE KEY-----\n"
         let key = SigningKey.parse ValueNone pem |> Expect.ok
         pem, "v=DKIM1; k=ed25519; p=" + Convert.ToBase64String key.KeyData)

/// The fields of a head that a proxy puts on top: name and unfolded value.
let fieldsOf (head: string) : (string * string) list =
    let header = Header.ofBlock (ReadOnlyMemory(Octets.ofLatin1 head))

    [
        for field in header.Fields -> field.Name, field.ValueText.Replace("\r\n\t ", " ").Replace("\r\n\t", "").Trim()
    ]

/// The text of a key file.
let key = lazy (fst rsa2048.Value)

/// The file `key` and others.
let keyed more = ("key", key.Value) :: more

/// What dkimproxy.out must be told of its signatures.
let enough = [ "--keyfile=key"; "--selector=s"; "--domain=example.org" ]

/// Where to listen, and the relay.
let operands = [ "127.0.0.1:10027"; "127.0.0.1:10028" ]

/// The same but for one option.
let without (name: string) =
    enough |> List.filter (fun option -> not (option.StartsWith("--" + name)))
