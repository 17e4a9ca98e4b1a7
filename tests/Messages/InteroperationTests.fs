/// Signatures that we make verify with dkimpy, Mail::DKIM and OpenDKIM, and theirs with us: every message of the corpus,
/// without the signatures it has, in every algorithm and canonicalization.
module Dkim.Messages.InteroperationTests

open System
open System.Collections.Generic
open System.IO
open System.Text
open NUnit.Framework
open Dkim.Core
open Dkim.Messages.Corpus
open Dkim.Messages.Judging
open Dkim.Messages.Peers

let private now = 1767225600L<sec>

/// One way to sign.
type Way =
    {
        Scheme: Scheme
        KeyFile: string
        Hash: Hash
        Header: HeaderCanon
        Body: BodyCanon
    }

    member this.Canon = Algorithms.canonName this.Header this.Body

    member this.Algorithm =
        (if this.KeyFile = "ed25519" then "ed25519-" else "rsa-")
        + (if this.Hash = Sha1 then "sha1" else "sha256")

    override this.ToString() =
        (if this.Scheme = Dkim then "DKIM " else "DomainKeys ")
        + this.Algorithm
        + " "
        + this.Canon

let private ways: Way list =
    [
        for keyFile in [ "rsa2048"; "ed25519" ] do
            for header in [ SimpleHeader; RelaxedHeader ] do
                for body in [ SimpleBody; RelaxedBody ] do
                    {
                        Scheme = Dkim
                        KeyFile = keyFile
                        Hash = Sha256
                        Header = header
                        Body = body
                    }
        for header, body in [ SimpleHeader, DomainKeysSimpleBody; NofwsHeader, NofwsBody ] do
            {
                Scheme = DomainKeys
                KeyFile = "rsa1024"
                Hash = Sha1
                Header = header
                Body = body
            }
    ]

let private keyText =
    let texts = Dictionary<string, string>()

    fun (file: string) ->
        match texts.TryGetValue file with
        | true, text -> text
        | false, _ ->
            let text = File.ReadAllText(Path.Combine(folder, "keys", file + ".pem"))
            texts[file] <- text
            text

let private keys =
    lazy
        ([ "rsa2048"; "rsa1024"; "ed25519" ]
         |> List.map (fun file ->
             match SigningKey.parse ValueNone (keyText file) with
             | Ok key -> file, key
             | Error error -> invalidOp (PrivateKeyError.describe error))
         |> Map.ofList)

/// The selector of a key is the name of its file.
let private records =
    lazy
        (keys.Value
         |> Map.toList
         |> List.map (fun (file, key) ->
             let keyType = if key.KeyType = Rsa then "rsa" else "ed25519"

             file + "._domainkey.example.com", "k=" + keyType + "; p=" + Convert.ToBase64String key.KeyData))

let private zoneCase: Lazy<Case> =
    lazy
        {
            Id = ""
            File = ""
            Append = []
            Now = now
            Zone = records.Value |> List.map (fun (name, text) -> name, [ text ]) |> Map.ofList
            Failing = Map.empty
            Disputed = false
            Unsigned = false
            Signatures = []
            Proves = []
        }

let private isSignature (field: Field) =
    field.Is "DKIM-Signature" || field.Is "DomainKey-Signature"

/// A message without its signature fields; nothing where there is no readable header.
let private tryStrip (octets: byte[]) : (Header * byte[]) voption =
    let intake = Intake HeaderLimits.defaults
    let taken = intake.Feed(ReadOnlySpan octets)
    intake.End()

    match intake.Header with
    | ValueSome(Ok header) ->
        let kept = header.Fields |> Seq.filter (isSignature >> not) |> Header.ofFields
        let block = new MemoryStream()

        for field in kept.Fields do
            block.Write field.Raw.Span
            block.Write "\r\n"B

        // A header without a body has no empty line either.
        if taken < octets.Length || octets.AsSpan().EndsWith "\r\n\r\n"B then
            block.Write "\r\n"B

        block.Write(ReadOnlySpan(octets, taken, octets.Length - taken))
        ValueSome(kept, block.ToArray())
    | _ -> ValueNone

/// What a peer is known to get wrong, so that its word says nothing about us.
module private Shortcomings =
    let private hasBare (octet: byte) (octets: byte[]) =
        let isEnd index =
            octets[index] = 13uy && index + 1 < octets.Length && octets[index + 1] = 10uy
            || octets[index] = 10uy && index > 0 && octets[index - 1] = 13uy

        octets
        |> Seq.indexed
        |> Seq.exists (fun (index, one) -> one = octet && not (isEnd index))

    let private isOddField (field: Field) =
        let before = int field.Colon - 1

        before < 0
        || before + 1 >= field.Raw.Length
        || Octets.isWsp field.Raw.Span[before]

    let private isFolded (name: string) (header: Header) =
        Header.all name header
        |> List.exists (fun field -> field.ValueText.Contains '\n')

    /// Why the peer is not asked, if so.
    let tryFind (peer: string) (way: Way) (header: Header) (message: byte[]) : string voption =
        let text = Encoding.Latin1.GetString message
        let bodyAt = text.IndexOf("\r\n\r\n", StringComparison.Ordinal)
        let body = if bodyAt < 0 then "" else text.Substring(bodyAt + 4)
        let unended = body <> "" && not (body.EndsWith("\r\n", StringComparison.Ordinal))
        let nul = header.Fields |> Seq.exists (fun field -> field.ValueText.Contains '\000')

        match peer with
        | "Mail::DKIM" when way.KeyFile = "ed25519" -> ValueSome "has no Ed25519"
        | "Mail::DKIM" when way.Scheme = DomainKeys && isFolded "From" header -> ValueSome "reads no folded From"
        | "Mail::DKIM" when way.Body = NofwsBody && hasBare 10uy message -> ValueSome "keeps LF under nofws"
        | "Mail::DKIM" when unended && way.Body <> RelaxedBody -> ValueSome "does not end an unended body"
        | "dkimpy"
        | "OpenDKIM" when way.Scheme = DomainKeys -> ValueSome "has no DomainKeys"
        | "dkimpy"
        | "OpenDKIM" when Seq.exists isOddField header.Fields -> ValueSome "refuses white space before a colon"
        | "dkimpy" when hasBare 10uy message -> ValueSome "turns LF into CRLF"
        | "dkimpy" when unended && String.IsNullOrWhiteSpace body -> ValueSome "hashes CRLF for blanks"
        | "OpenDKIM" when hasBare 10uy message || hasBare 13uy message -> ValueSome "takes CR or LF for a line end"
        | "OpenDKIM" when unended && way.Body = RelaxedBody -> ValueSome "does not hash an unended line"
        | "OpenDKIM" when nul -> ValueSome "takes NUL for the end of a field"
        | _ -> ValueNone

let private families =
    [
        "body-"
        "header-"
        "eai-headers"
        "canon-rsa-ss"
        "way-results"
        "oversigned-simple"
    ]

let private isAmong (case: Case) =
    families
    |> List.exists (fun start -> case.Id.StartsWith(start, StringComparison.Ordinal))

let private isUnfit (case: Case) =
    // Very large ones would take minutes and say nothing that small ones do not.
    not case.Append.IsEmpty
    || case.Id.Contains "from-top"
    || case.Id = "header-no-from"
    || case.Id = "header-two-from"

/// The messages of the corpus that differ in more than their signatures and letters.
let private rows () =
    read (Path.Combine(folder, "corpus.json"))
    |> List.filter (fun case -> isAmong case && not (isUnfit case))
    |> List.map (fun case -> TestCaseData(case).SetArgDisplayNames case.Id)

let private layout (scheme: Scheme) =
    if scheme = Dkim then
        Layout.dkimproxy
    else
        Layout.dkimproxyDomainKeys

let private covered =
    Set
        [
            "from"
            "to"
            "subject"
            "date"
            "message-id"
            "received"
            "mime-version"
            "content-type"
        ]

let private known (result: Result<'a, 'e>) (describe: 'e -> string) : 'a =
    match result with
    | Ok value -> value
    | Error error -> invalidOp (describe error)

let private domain = DomainName.tryCreate "example.com"

let private request (way: Way) : SigningRequest =
    {
        Scheme = way.Scheme
        Key = keys.Value[way.KeyFile]
        Hash = way.Hash
        HeaderCanon = way.Header
        BodyCanon = way.Body
        CanonText = way.Canon
        Domain = known domain NameError.describe
        Selector = known (Selector.tryCreate way.KeyFile) NameError.describe
        Identity = ValueNone
        Fields =
            {
                Covers = fun name -> covered.Contains(name.ToLowerInvariant())
                Always = []
                Sealed = []
            }
        WithNames = true
        Length = NoLength
        WithTime = true
        Lifetime = ValueNone
        Copies = ValueNone
        Layout = layout way.Scheme
    }

/// The message with a signature of ours on top.
let private signed (way: Way) (header: Header) (message: byte[]) : Result<byte[], SignError> =
    Signer.plan [ request way ] now header
    |> Result.bind (fun plan ->
        let intake = Intake HeaderLimits.defaults
        let taken = intake.Feed(ReadOnlySpan message)
        use hasher = new BodyHasher(plan.Digests)
        hasher.Feed(ReadOnlySpan(message, taken, message.Length - taken))
        Signer.conclude plan (hasher.Finish()))
    |> Result.map (fun fields -> Array.concat [ fields.Head.Raw.ToArray(); "\r\n"B; message ])

/// Why we do not take a signature on top for good, if so.
let private tryFault (way: Way) (message: byte[]) : string option =
    let judged = judge VerifyPolicy.defaults message.Length zoneCase.Value message

    match tryNth way.Scheme 0 judged with
    | None -> Some "not judged"
    | Some one when one.Verdict = Verdict.Pass -> None
    | Some one -> Some(Verdict.describe one.Verdict)

let private tryPeerFault (peer: Peer) (way: Way) (message: byte[]) : string option =
    match peer.Verify(now, message) with
    | Error told -> Some told
    | Ok words ->
        match words |> List.tryFind (fun word -> word.Kind = way.Scheme && word.Index = 0) with
        | None -> Some "no word"
        | Some word when word.Text = "pass" -> None
        | Some word -> Some(word.Text + " " + word.Reason)

type Rows =
    static member All = rows ()

[<TestFixture>]
type InteroperationTests() =
    let mutable peers: (string * Result<Peer, string>) list = []

    let running () =
        let found = peers |> List.choose (snd >> Result.toOption)

        if found.IsEmpty then
            Assert.Ignore "no other implementation is installed"

        found

    // What each peer is asked for: the ways that it supports for this message.
    let attempts (header: Header) (message: byte[]) =
        [
            for peer in running () do
                for way in ways do
                    if (Shortcomings.tryFind peer.Name way header message).IsNone then
                        peer, way
        ]

    [<OneTimeSetUp>]
    member _.Start() =
        peers <- startAll ()

        for _, peer in peers do
            peer |> Result.iter _.Publish(records.Value)

    [<OneTimeTearDown>]
    member _.Stop() =
        for _, peer in peers do
            peer |> Result.iter (fun one -> (one :> IDisposable).Dispose())

    [<TestCase "dkimpy">]
    [<TestCase "Mail::DKIM">]
    [<TestCase "OpenDKIM">]
    member _.``the implementation is there``(name: string) =
        match List.find (fun (known, _) -> known = name) peers with
        | _, Ok _ -> Assert.Pass()
        | _, Error reason -> Assert.Ignore reason

    [<TestCaseSource(typeof<Rows>, "All")>]
    member _.``they verify what we sign``(case: Case) =
        match tryStrip (message folder case) with
        | ValueNone -> Assert.Fail "no header"
        | ValueSome(header, stripped) ->
            let faults =
                attempts header stripped
                |> List.choose (fun (peer, way) ->
                    match signed way header stripped with
                    | Error error -> Some(string way + ": " + SignError.describe error)
                    | Ok whole ->
                        tryPeerFault peer way whole
                        |> Option.orElse (tryFault way whole |> Option.map (fun fault -> "we: " + fault))
                        |> Option.map (fun fault -> peer.Name + ", " + string way + ": " + fault))

            Assert.That(String.concat "\n" faults, Is.Empty)

    [<TestCaseSource(typeof<Rows>, "All")>]
    member _.``we verify what they sign``(case: Case) =
        match tryStrip (message folder case) with
        | ValueNone -> Assert.Fail "no header"
        | ValueSome(header, stripped) ->
            // libopendkim 2.11 beta folds its Ed25519 field anew after hashing it, which simple does not forgive.
            let isKnownBad (peer: Peer, way: Way) =
                peer.Name = "OpenDKIM" && way.KeyFile = "ed25519" && way.Header = SimpleHeader

            let sign (peer: Peer) (way: Way) =
                let kind = if way.Scheme = Dkim then "dkim" else "domainkeys"

                let canons =
                    match way.Canon.Split '/' with
                    | [| header; body |] -> header + " " + body
                    | _ -> way.Canon + " -"

                peer.Sign(
                    String.concat " " [ kind; way.Algorithm; canons; "example.com"; way.KeyFile ],
                    now,
                    keyText way.KeyFile,
                    stripped
                )

            let faults =
                attempts header stripped
                |> List.filter (isKnownBad >> not)
                |> List.choose (fun (peer, way) ->
                    match sign peer way with
                    | Error told -> Some told
                    | Ok field -> tryFault way (Array.append field stripped)
                    |> Option.map (fun fault -> peer.Name + ", " + string way + ": " + fault))

            Assert.That(String.concat "\n" faults, Is.Empty)
