/// The product against a model that was written down sentence by sentence: for every text of a small scope, and for
/// longer ones at random. `DKIM_FULL_SCOPE=1` widens the scopes; docs/specification.md has the counts of both.
[<NUnit.Framework.TestFixture>]
module Dkim.Standards.SpecificationTests

open System
open System.Buffers
open System.IO
open System.Security.Cryptography
open NUnit.Framework
open FsCheck.FSharp
open Dkim.Core
open Dkim.Standards.Abnf
open Dkim.Standards.Specification

let private memory (text: string) = ReadOnlyMemory(Octets.ofLatin1 text)

[<Sealed>]
type private Sink() =
    let octets = ArrayBufferWriter<byte> 64
    member _.Text = Octets.latin1 octets.WrittenSpan
    member _.Clear() = octets.ResetWrittenCount()

    interface IOctetSink with
        member _.Write piece = octets.Write piece

let private differ (what: string) (text: string) (model: string) (product: string) =
    Assert.Fail(
        what
        + " of "
        + Shrinking.show text
        + "\n  the sentences: "
        + Shrinking.show model
        + "\n  the product:   "
        + Shrinking.show product
    )

let private tell (what: string) (count: int) =
    TestContext.Out.WriteLine(what + ": " + string count)

// Bodies.

let private bodies =
    [
        SimpleBody, Canonical.simpleBody
        RelaxedBody, Canonical.relaxedBody
        DomainKeysSimpleBody, Canonical.domainKeysSimpleBody
        NofwsBody, Canonical.nofwsBody
    ]

let private bodyOf (sink: Sink) (canon: BodyCanon) (octets: byte[]) (cut: int) =
    sink.Clear()

    let begun =
        BodyFeed.feed canon (Body.start canon) (ReadOnlySpan(octets, 0, cut)) sink

    let fed =
        BodyFeed.feed canon begun (ReadOnlySpan(octets, cut, octets.Length - cut)) sink

    Body.finish canon fed sink
    sink.Text

let private checkBody (sink: Sink) (text: string) =
    let octets = Octets.ofLatin1 text

    for canon, model in bodies do
        let expected = model text

        // Whole, and cut somewhere: where depends on the text, so that all cuts occur.
        for cut in [ 0; (HashCode.Combine text &&& 0xffff) % (text.Length + 1) ] do
            let made = bodyOf sink canon octets cut

            if made <> expected then
                differ (Algorithms.canonName SimpleHeader canon) text expected made

[<Category "RFC6376-3.4.3-1">]
[<Category "RFC6376-3.4.4-1">]
[<Test>]
let ``every short body is made canonical as the sentences say`` () =
    let sink = Sink()

    Scopes.every [ "a"; " "; "\t"; "\r"; "\n" ] (Scopes.upTo 8 9) (checkBody sink)
    |> tell "bodies"

/// Octets as mail has them, in a mixture where line ends and white space meet often.
let private mailText (pieces: string list) =
    Gen.elements pieces
    |> Gen.listOf
    |> Gen.map (String.concat "")
    |> Gen.resize 200

/// The seed of a run that failed, as its message tells it: DKIM_REPLAY=SEED,GAMMA.
let private replay () =
    match Environment.GetEnvironmentVariable "DKIM_REPLAY" with
    | null
    | "" -> None
    | text ->
        let numbers = text.Split ',' |> Array.map uint64

        Some
            {
                FsCheck.Replay.Rnd = FsCheck.Rnd(numbers[0], numbers[1])
                FsCheck.Replay.Size = None
            }

let private atRandom (count: int) (gen: FsCheck.Gen<'a>) (check: 'a -> unit) =
    let property = Prop.forAll (Arb.fromGen gen) (fun value -> check value)
    let config = FsCheck.Config.QuickThrowOnFailure.WithMaxTest count
    FsCheck.Check.One(config.WithReplay(replay ()), property)

[<Test>]
let ``long bodies are made canonical as the sentences say`` () =
    let sink = Sink()

    let pieces =
        [
            "a"
            "bcd"
            " "
            "\t"
            "   "
            "\r\n"
            "\r\n\r\n"
            "\r"
            "\n"
            String('x', 40)
            String(' ', 40)
        ]

    atRandom (Scopes.upTo 3000 100000) (mailText pieces) (checkBody sink)

[<Category "RFC6376-3.5-23">]
[<Test>]
let ``l= counts octets of the canonical body, for every short body and every count`` () =
    let mutable lengths = 0

    let check (text: string) =
        for canon, model in List.take 2 bodies do
            let canonical = model text

            let request length =
                {
                    Hash = Sha256
                    Canon = canon
                    Limit = ValueSome(int64 length * 1L<octet>)
                    Prefix = ReadOnlyMemory.Empty
                }

            let requests = List.init (canonical.Length + 2) request
            use hasher = new BodyHasher(requests)
            hasher.Feed((memory text).Span)
            let digests = hasher.Finish()

            requests
            |> List.iteri (fun length request ->
                lengths <- lengths + 1
                let kept = canonical.Substring(0, min length canonical.Length)
                let expected = SHA256.HashData(Octets.ofLatin1 kept)
                let digest = (Digests.tryFind request digests).Value

                if
                    digest.Value <> expected
                    || int64 digest.CanonicalLength <> int64 canonical.Length
                then
                    differ
                        ("l=" + string length)
                        text
                        (Convert.ToHexString expected)
                        (Convert.ToHexString digest.Value))

    Scopes.every [ "a"; " "; "\r\n" ] (Scopes.upTo 5 7) check |> tell "bodies"
    tell "lengths" lengths

// Fields.

let private fieldForms =
    [
        SimpleHeader, Canonical.simpleField
        RelaxedHeader, Canonical.relaxedField
        NofwsHeader, Canonical.nofwsField
    ]

let private fieldOf (canon: HeaderCanon) (field: Field) =
    let sink = ArrayBufferWriter<byte> 64
    CanonicalHeader.writeField canon field sink
    Octets.latin1 sink.WrittenSpan

/// What can be a field: a name, a colon, and line ends only where white space follows.
let private isField (text: string) =
    let name = Signed.nameOf text

    name <> ""
    && String.forall (fun c -> c > ' ' && c <> ':') name
    && not (text.EndsWith("\r\n", StringComparison.Ordinal))
    && (text.Split "\r\n"
        |> Array.skip 1
        |> Array.forall (fun line -> line.StartsWith ' ' || line.StartsWith '\t'))

let private checkField (text: string) =
    if isField text then
        for canon, model in fieldForms do
            let made = fieldOf canon (Field.ofOctets (memory text))

            if made <> model text then
                differ "field" text (model text) made

[<Category "RFC6376-3.4.1-1">]
[<Category "RFC6376-3.4.2-1">]
[<Test>]
let ``every short field is made canonical as the sentences say`` () =
    let mutable fields = 0

    let check text =
        if isField text then
            fields <- fields + 1
            checkField text

    Scopes.every [ "a"; "A"; ":"; " "; "\t"; "\r"; "\n" ] (Scopes.upTo 6 7) check
    |> tell "texts"

    // With a name before them all texts but those of broken line ends are fields.
    Scopes.every [ "a"; ":"; " "; "\t"; "\r"; "\n" ] (Scopes.upTo 6 7) (fun text -> check ("B:" + text))
    |> tell "values"

    tell "fields among them" fields

[<Test>]
let ``long fields are made canonical as the sentences say`` () =
    let pieces = [ "a"; "Bc"; ":"; " "; "\t"; "\r\n "; "\r\n\t"; "\r"; "\n"; ";"; "=" ]
    atRandom (Scopes.upTo 3000 100000) (mailText pieces |> Gen.map (fun value -> "Name:" + value)) checkField

[<Test>]
let ``every short block is cut into fields as the sentences say`` () =
    let check (text: string) =
        let expected = Canonical.fields text

        let made =
            (Header.ofBlock (memory text)).Fields
            |> Seq.map (fun field -> Octets.latin1 field.Raw.Span)
            |> List.ofSeq

        if made <> expected then
            differ "fields" text (String.Join('|', expected)) (String.Join('|', made))

    Scopes.every [ "a"; ":"; " "; "\r"; "\n" ] (Scopes.upTo 7 8) check
    |> tell "blocks"

[<Test>]
let ``every short message is cut into header and body as the sentences say, however it arrives`` () =
    let mutable cuts = 0

    let check (text: string) =
        let struct (header, body) = Canonical.split text
        let octets = Octets.ofLatin1 text

        for cut in 0 .. text.Length do
            cuts <- cuts + 1
            let intake = Intake HeaderLimits.defaults
            let first = intake.Feed(ReadOnlySpan(octets, 0, cut))

            let second =
                if first < cut then
                    0
                else
                    intake.Feed(ReadOnlySpan(octets, cut, octets.Length - cut))

            intake.End()
            let bodyAt = int (int64 intake.BodyAt)

            let made =
                intake.Header.Value
                |> Result.map (fun header ->
                    header.Fields
                    |> Seq.map (fun field -> Octets.latin1 field.Raw.Span)
                    |> List.ofSeq)

            if
                made <> Ok(Canonical.fields header)
                || text.Substring bodyAt <> body
                || first + second <> bodyAt
            then
                differ ("message cut at " + string cut) text body (text.Substring bodyAt)

    Scopes.every [ "a"; " "; "\r"; "\n" ] (Scopes.upTo 6 8) check |> tell "messages"
    tell "cuts" cuts

// The choice of fields and what is signed.

let private smallFields =
    let found = Collections.Generic.List<string>()

    Scopes.every [ "a"; "B"; ":"; " "; "\t"; "\r\n " ] (Scopes.upTo 4 5) (fun text ->
        if isField text then
            found.Add text)
    |> ignore

    List.ofSeq found

let private nameLists =
    [
        []
        [ "a" ]
        [ "A" ]
        [ "a"; "a" ]
        [ "b"; "a" ]
        [ "a"; "b" ]
        [ "a"; "a"; "a" ]
        [ "c"; "a" ]
        [ "b"; "b"; "a" ]
    ]

let private known name =
    FieldName.tryCreate name |> ValueOption.get

let private checkChosen (names: string list) (fields: string list) =
    let own = "S: b=AA AA; x=1"
    let header = Header.ofFields (fields |> List.map (memory >> Field.ofOctets))
    let selected = Header.select (List.map known names) ValueNone header
    let signature = Field.ofOctets (memory own)

    let tags =
        match TagList.parse 100<octet> signature.ValueText with
        | Ok tags -> tags
        | Error _ -> invalidOp "the text is a tag list"

    let cut = CanonicalHeader.without (tags.TryFind "b").Value.Whole signature

    for canon, model in List.take 2 fieldForms do
        let expected = Signed.hashed model names fields own

        let made =
            Octets.latin1 (ReadOnlySpan(CanonicalHeader.signedOctets canon selected cut))

        if made <> expected then
            differ ("h=" + String.Join(':', names)) (String.Join("|", fields)) expected made

[<Category "RFC6376-3.7-2">]
[<Category "RFC6376-3.7-3">]
[<Category "RFC6376-3.7-8">]
[<Test>]
let ``of every pair of short fields h= chooses as the sentences say`` () =
    let mutable pairs = 0

    for first in smallFields do
        for second in smallFields do
            for names in nameLists do
                pairs <- pairs + 1
                checkChosen names [ first; second ]

    tell "fields" smallFields.Length
    tell "pairs with a list of names" pairs

[<Test>]
let ``of every short header h= chooses as the sentences say`` () =
    let mutable headers = 0
    let names = [ "a"; "A"; "b"; "B"; "c" ]

    let rec lists length =
        if length = 0 then
            [ [] ]
        else
            []
            :: [
                for rest in lists (length - 1) do
                    for name in names -> name :: rest
            ]
            |> List.distinct

    let fields =
        lists 4 |> List.map (List.mapi (fun place name -> name + ":" + string place))

    let wanted = lists 3

    for header in fields do
        for names in wanted do
            headers <- headers + 1

            let model = Signed.chosen names header |> List.map (fun place -> header[place])

            let made =
                Header.select
                    (List.map known names)
                    ValueNone
                    (Header.ofFields (header |> List.map (memory >> Field.ofOctets)))
                |> List.map (fun field -> Octets.latin1 field.Raw.Span)

            if made <> model then
                differ
                    (String.Join(':', names))
                    (String.Join('|', header))
                    (String.Join('|', model))
                    (String.Join('|', made))

    tell "headers with a list of names" headers

// Tag lists.

let private checkTags (text: string) =
    let made =
        match TagList.parse 65536<octet> text with
        | Ok tags -> ValueSome tags
        | Error _ -> ValueNone

    match Signed.tags text, made with
    | ValueNone, ValueNone -> ()
    | ValueSome model, ValueSome tags ->
        let expected = model |> List.map (fun tag -> tag.Name, tag.Value, tag.Behind)

        let found =
            tags.Tags
            |> List.map (fun tag -> tag.Name, tags.Slice tag.Value, tags.Slice tag.Whole)

        if found <> expected then
            differ "tags" text (string expected.Length) (string found.Length)

        match tags.TryFind "b" with
        | ValueSome tag ->
            let cut = (CanonicalHeader.without tag.Whole (Field.ofText "S" text)).ValueText

            if cut <> Signed.withoutValue text then
                differ "b= cut" text (Signed.withoutValue text) cut
        | ValueNone -> ()
    | model, _ -> differ "tags" text (string model.IsSome) (string made.IsSome)

[<Category "RFC6376-3.2-1">]
[<Category "RFC6376-3.2-5">]
[<Category "RFC6376-3.5-2">]
[<Category "RFC6376-3.2-6">]
[<Test>]
let ``every short tag list is read, and its b= cut, as the sentences say`` () =
    Scopes.every [ "b"; "="; ";"; " "; "\r\n" ] (Scopes.upTo 7 9) checkTags
    |> tell "texts"

    Scopes.every [ "b"; "c"; "_"; "1"; "="; ";"; "\t"; "\r"; "\n" ] (Scopes.upTo 5 6) checkTags
    |> tell "texts of other characters"

[<Test>]
let ``long tag lists are read, and their b= cut, as the sentences say`` () =
    let pieces =
        [
            "b"
            "bh"
            "c"
            "="
            "="
            ";"
            ";"
            " "
            "\r\n "
            "\t"
            "x=1;"
            "b= AA\r\n\tAA ;"
            "\195"
        ]

    atRandom (Scopes.upTo 5000 200000) (mailText pieces |> Gen.map (fun text -> "x=y;" + text)) checkTags

// Keys.

let private rsa = fst (SigningKey.generateRsa 1024<bit>)

let private ed25519 =
    fst (SigningKey.generateEd25519 (Array.init SigningKey.Ed25519Entropy byte))

let private policy =
    { VerifyPolicy.defaults with
        AllowSha1 = true
    }

let private signedBy (demand: Keys.Demand) : Header =
    let from = "From: joe@example.com"
    let identity = if demand.Below then "; i=@mail.example.com" else ""
    let key = if demand.KeyType = "rsa" then rsa else ed25519
    let hash = if demand.Hash = "sha1" then Sha1 else Sha256

    let hashOf (octets: byte[]) =
        if hash = Sha1 then
            SHA1.HashData octets
        else
            SHA256.HashData octets

    let bodyHash =
        Convert.ToBase64String(hashOf (Octets.ofLatin1 (Canonical.simpleBody "")))

    let unsigned =
        "DKIM-Signature: v=1; a="
        + demand.KeyType
        + "-"
        + demand.Hash
        + "; d=example.com; s=s; h=From"
        + identity
        + "; bh="
        + bodyHash
        + "; b="

    let hashed = Signed.hashed Canonical.simpleField [ "From" ] [ from ] unsigned
    let value = key.Sign(hash, hashOf (Octets.ofLatin1 hashed))
    let signature = unsigned + Convert.ToBase64String value
    Header.ofFields [ Field.ofOctets (memory signature); Field.ofOctets (memory from) ]

let private verdict (header: Header) (record: string) : Verdict =
    let plan = Verifier.plan policy 1767225600L<sec> header
    use hasher = new BodyHasher(plan.Digests)
    let digests = hasher.Finish()

    Verifier.conclude plan digests (fun _ -> Answer.Found([ record ], Security.Unchecked))
    |> List.exactlyOne
    |> _.Verdict

let private answerOf (verdict: Verdict) : Keys.Answer voption =
    match verdict with
    | Pass -> ValueSome Keys.MayServe
    | PermFail(BadKey Revoked) -> ValueSome Keys.Revoked
    | PermFail(BadKey(HashNotAllowed _)) -> ValueSome Keys.WrongHash
    | PermFail(BadKey ServiceNotAllowed) -> ValueSome Keys.WrongService
    | PermFail(BadKey(UnfitKeyType _)) -> ValueSome Keys.WrongType
    | PermFail(BadKey SubdomainNotAllowed) -> ValueSome Keys.WrongDomain
    | PermFail(BadKey _) -> ValueSome Keys.NotAKey
    | _ -> ValueNone

let private records (keyType: string) : (string * string) list list =
    let key = if keyType = "ed25519" then ed25519 else rsa

    let optional name values =
        [] :: [ for value in values -> [ name, value ] ]

    [
        for version in optional "v" [ "DKIM1"; "DKIM2" ] do
            for hashes in optional "h" [ "sha1"; "sha256"; "sha1:sha256"; "sha256 : x"; "md5" ] do
                for types in (if keyType = "" then [ [] ] else [ [ "k", keyType ] ]) do
                    for services in optional "s" [ "*"; "email"; "tls"; "tls:email" ] do
                        for flags in optional "t" [ "y"; "s"; "y : s"; "z" ] do
                            for data in [ []; [ "p", "" ]; [ "p", Convert.ToBase64String key.KeyData ] ] do
                                version @ hashes @ types @ services @ flags @ data
    ]

[<Category "RFC6376-6.1.2-6">]
[<Category "RFC6376-6.1.2-7">]
[<Category "RFC6376-6.1.2-8">]
[<Test>]
let ``every key record serves the signatures that the sentences say`` () =
    let mutable count = 0
    let mutable served = 0

    let demand keyType hash below : Keys.Demand =
        {
            KeyType = keyType
            Hash = hash
            Below = below
        }

    let demands =
        [
            for keyType, hash in [ "rsa", "sha1"; "rsa", "sha256"; "ed25519", "sha256" ] do
                demand keyType hash false
                demand keyType hash true
        ]

    let headers = demands |> List.map (fun demand -> demand, signedBy demand)

    for keyType in [ ""; "rsa"; "ed25519"; "dsa" ] do
        for tags in records keyType do
            // The same in another order, so that v= is not always first.
            for order in [ tags; List.rev tags ] |> List.distinct do
                let text =
                    order
                    |> List.map (fun (name, value) -> name + "=" + value)
                    |> String.concat "; "

                if text <> "" then
                    for demand, header in headers do
                        count <- count + 1
                        let model = Keys.judge demand order
                        let made = verdict header text

                        if made = Pass then
                            served <- served + 1

                        if answerOf made <> ValueSome model then
                            differ
                                (demand.KeyType + "-" + demand.Hash)
                                text
                                (model.GetType().Name + string model)
                                (Verdict.describe made)

    tell "records with a signature" count
    tell "of which serve it" served
    Assert.That(served, Is.GreaterThan(count / 50))
