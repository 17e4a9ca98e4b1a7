/// What a signer writes and what it leaves alone (RFC 6376 §2.11, §3, §4, §5, RFC 8301, RFC 4870 §3).
module Dkim.Tests.Conformance.SignerTests

open System
open System.IO
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Explaining
open Dkim.Core.Programs.Settings
open Dkim.Tests.Conformance.Mail

let private tagsOf (field: Field) : TagList =
    TagList.parse 65536<octet> field.ValueText |> ok

let private value (name: string) (field: Field) : string voption = (tagsOf field).TryValue name

let private signOne request letter : Field =
    trySign [ request ] letter |> ok |> List.exactlyOne

let private everyOctet = String(Array.init 256 char)

/// A good key in a machine that computes wrongly: of each signature one bit is turned.
let private faulty (key: SigningKey) : SigningKey =
    let sign hash digest =
        let value = key.Sign(hash, digest)
        value[value.Length / 2] <- value[value.Length / 2] ^^^ 1uy
        value

    let verify hash digest value =
        key.PublicKey.Verify(hash, digest, value)

    SigningKey(key.KeyType, key.Bits, lazy key.KeyData, sign, verify)

[<Tests>]
let tests =
    testList
        "SignerTests"
        [
            testCase "RFC6376-2.11-2 every octet that is not safe is encoded, and comes back" (fun () ->
                let encoded = QuotedPrintable.encode everyOctet
                equal (ValueSome everyOctet) (QuotedPrintable.tryDecode encoded)

                for c in encoded.Replace("=", "") do
                    Expect.isTrue (c > ' ' && c < '\127' && c <> ';') (string (int c))

                for c in everyOctet do
                    if c <= ' ' || c >= '\127' || c = ';' || c = '=' then
                        equal ("=" + (int c).ToString "X2") (QuotedPrintable.encode (string c)))

            testCase "RFC6376-2.11-4 characters that gateways change are encoded" (fun () ->
                for c in "!\"#$@[\\]^`{|}~" do
                    if c <> '@' then
                        equal ("=" + (int c).ToString "X2") (QuotedPrintable.encode (string c)))

            testCase "RFC6376-3.2-2 no value has a semicolon, whatever was asked for" (fun () ->
                let hostile =
                    { request () with
                        Identity =
                            ValueSome
                                {
                                    LocalPart = "a;b=c; d"
                                    Domain = domain "example.com"
                                }
                        Copies = ValueSome(fun _ -> true)
                    }

                let field =
                    signOne hostile (letter.Replace("Subject: Ferries", "Subject: a;b; c=d|e"))

                let tags = tagsOf field
                equal (ValueSome "1") (tags.TryValue "v")
                let read = Signature.parse SignatureLimits.defaults field |> ok
                equal "a;b=c; d" read.EffectiveIdentity.LocalPart
                equal (ValueSome "example.com") (tags.TryValue "d")
                Expect.contains "a=3Bb=3B=20c=3Dd=7Ce" (tags.TryValue("z").Value))

            testCase "RFC6376-3.5-34 copied fields come back as they were" (fun () ->
                let odd = "Subject: a;b=c|d \t =3D=7C\n\tand \255\nX|Odd: 1|2\n"

                let copying =
                    { request () with
                        Copies = ValueSome(fun _ -> true)
                    }

                let text = letter.Replace("Subject: Ferries\n", odd)
                let field = signOne copying text
                let header, _ = split (crlf text)
                let z = (value "z" field).Value
                equal (header.Fields.Count - 1) (z |> Seq.filter ((=) '|') |> Seq.length)

                for c in z do
                    Expect.isTrue (c > ' ' && c < '\127' && c <> ';') (string (int c))

                equal
                    (header.Fields
                     |> Seq.map (fun field -> field.Name, field.ValueText)
                     |> List.ofSeq)
                    (Signature.parse SignatureLimits.defaults field
                     |> ok
                     |> Copies.parse
                     |> List.map (fun copy -> copy.Name, copy.ValueText)))

            testCase
                "RFC6376-3.5-12 RFC6376-3.5-28 RFC6376-3.5-37 international names are written as A-labels"
                (fun () ->
                    let field =
                        signOne
                            { request () with
                                Domain = domain "b\252cher.example"
                                Selector = selector "m\228rz"
                                Identity =
                                    ValueSome
                                        {
                                            LocalPart = "ada"
                                            Domain = domain "h\246ren.b\252cher.example"
                                        }
                            }
                            letter

                    equal (ValueSome "xn--bcher-kva.example") (value "d" field)
                    equal (ValueSome "xn--mrz-qla") (value "s" field)
                    equal (ValueSome "ada@xn--hren-5qa.xn--bcher-kva.example") (value "i" field))

            proves
                [ "RFC6376-3.5-18"; "RFC6376-6.1.1-4" ]
                (testRows
                    "RFC6376-3.2-7 a tag that says its default means what its absence means"
                    [ ("c=simple/simple; ", ""); ("q=dns/txt; ", ""); ("i=@example.com; ", "") ]
                    (fun (said: string, unsaid: string) ->
                        let read tags =
                            Field.ofText
                                "DKIM-Signature"
                                (" v=1; a=rsa-sha256; d=example.com; s=s; h=from; "
                                 + tags
                                 + "bh=frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=; b=AA==")
                            |> Signature.parse SignatureLimits.defaults
                            |> ok

                        let one, other = read said, read unsaid
                        equal (other.HeaderCanon, other.BodyCanon) (one.HeaderCanon, one.BodyCanon)
                        equal other.EffectiveIdentity one.EffectiveIdentity))

            proves
                [ "RFC8301-3.1-1" ]
                (testCase "RFC6376-3.3-1 RSA and Ed25519 keys sign with SHA-256, and each verifies alone" (fun () ->
                    let edwards =
                        { request () with
                            Key = ed25519 ()
                            Selector = selector "ed"
                        }

                    for request, algorithm in [ request (), "rsa-sha256"; edwards, "ed25519-sha256" ] do
                        let message = sign [ request ] letter
                        let judged = List.exactlyOne (judge message)
                        equal Verdict.Pass judged.Verdict
                        equal (ValueSome algorithm) (value "a" judged.Field)))

            testCase "RFC6376-4.2-2 signatures that are there stay, broken ones too" (fun () ->
                let broken = "DKIM-Signature: v=1; nonsense\n"
                let first = sign [ request () ] letter
                let message = sign [ request () ] (broken + first)
                Expect.endsWith (crlf (broken + first)) message
                equal [ "pass"; "neutral"; "pass" ] (words (judge message)))

            proves
                [ "RFC6376-3.5-16" ]
                (testCase "RFC6376-4.2-3 signatures that are there can be signed" (fun () ->
                    let covering =
                        let usual = request ()

                        { usual with
                            Fields =
                                { usual.Fields with
                                    Covers = fun name -> usual.Fields.Covers name || name = "DKIM-Signature"
                                }
                        }

                    let message = sign [ covering ] (sign [ request () ] letter)
                    equal [ "pass"; "pass" ] (words (judge message))
                    let lower = message.LastIndexOf "bh="
                    let changed = message.Remove(lower, 4).Insert(lower, "bh=A")
                    equal [ "fail"; "fail" ] (words (judge changed))))

            proves
                [ "RFC6376-5.4-3" ]
                (testCase
                    "RFC6376-5.6-2 RFC4870-3.3-1 a new signature stands above all others and names none of them"
                    (fun () ->
                        let message = sign [ request (); domainKeysRequest () ] (sign [ request () ] letter)
                        let header, _ = split message

                        equal
                            [ "DKIM-Signature"; "DomainKey-Signature"; "DKIM-Signature"; "Received" ]
                            (header.Fields |> Seq.map _.Name |> Seq.take 4 |> List.ofSeq)

                        Expect.lacks "dkim-signature" ((value "h" header.Fields[0]).Value)))

            proves
                [ "RFC6376-3.5-22"; "RFC6376-5.3.1-2"; "RFC6376-8.2-1" ]
                (testCase "RFC6376-5.3.1-1 l= is written on request alone, and counts canonical octets" (fun () ->
                    equal ValueNone (value "l" (signOne (request ()) letter))

                    let canonical = "The last boat\r\nleaves at six.\r\n"

                    for length, expected in
                        [
                            WholeLength, canonical.Length
                            AtMost 5L<octet>, 5
                            AtMost 500L<octet>, canonical.Length
                        ] do
                        let request = { request () with Length = length }
                        equal (ValueSome(string expected)) (value "l" (signOne request letter))
                        equal [ "pass" ] (words (judge (sign [ request ] letter)))))

            testCase "RFC6376-3.5-36 t= and x= are written as asked for" (fun () ->
                let field =
                    signOne
                        { request () with
                            Lifetime = ValueSome 86400L<sec>
                        }
                        letter

                equal (ValueSome(string (int64 now))) (value "t" field)
                equal (ValueSome(string (int64 now + 86400L))) (value "x" field))

            testCase "RFC6376-5.4-1 a message without From is not signed" (fun () ->
                equal (Error NoFromField) (trySign [ request () ] "To: bob@example.net\n\nhello\n")

                let withoutFrom =
                    { request () with
                        Fields =
                            {
                                Covers = fun name -> name = "Subject"
                                Always = []
                                Sealed = []
                            }
                    }

                equal (Error NoFromField) (trySign [ withoutFrom ] letter))

            testRows
                "RFC4870-3.1-1 RFC4870-3.1-3 DomainKeys signs only with one sending address"
                [
                    "To: x@y.example\n\nb\n"
                    "From: a@example.com\nFrom: b@example.com\n\nb\n"
                    "From: nobody\n\nb\n"
                    "From: ada@\n\nb\n"
                    "Sender: ada@example.com\n\nb\n"
                    "From: a@example.com\nSender: nobody\n\nb\n"
                    "From: a@example.com\nSender: a@example.com\nSender: b@example.com\n\nb\n"
                ]
                (fun (letter: string) -> equal (Error NoSendingAddress) (trySign [ domainKeysRequest () ] letter))

            testCase "RFC4870-3.3-8 h= of DomainKeys names every field that is signed, in order" (fun () ->
                let field = signOne (domainKeysRequest ()) letter
                equal (ValueSome "from:to:subject:date:message-id") (value "h" field)

                let whole =
                    { domainKeysRequest () with
                        Fields =
                            {
                                Covers = fun _ -> true
                                Always = []
                                Sealed = []
                            }
                    }

                equal (ValueSome "received:from:to:subject:date:message-id") (value "h" (signOne whole letter)))

            testRows
                "RFC4870-3.2.1-1 a selector is legal in the DNS"
                [ "a;b"; "a b"; ""; ".a"; "a..b" ]
                (fun (text: string) ->
                    Expect.isTrue ((Selector.tryCreate text).IsError) "(Selector.tryCreate text).IsError")

            testCase "RFC4870-3.5.2-1 what DomainKeys signed is signed again only below a new Sender" (fun () ->
                let signed = sign [ domainKeysRequest () ] letter
                equal (Error SignedAlready) (trySign [ domainKeysRequest () ] signed)
                let resent = "Sender: list@example.com\n" + signed
                let again = trySign [ domainKeysRequest () ] resent |> ok |> List.exactlyOne
                equal "DomainKey-Signature" again.Name
                equal (Error SignedAlready) (trySign [ domainKeysRequest () ] ("DomainKey-Signature: a=b\n" + resent)))

            testCase "RFC6376-8.11-1 a signature that the key's public half does not verify never leaves" (fun () ->
                // A fault in the computation with two primes would tell them to whoever sees the signature.
                for key in [ rsa (); ed25519 () ] do
                    equal (Error SelfCheckFailed) (trySign [ { request () with Key = faulty key } ] letter))

            testCase "RFC6376-8.11-1 no code of ours computes with the private numbers of an RSA key" (fun () ->
                // The platform's RSA is OpenSSL's, which blinds; arithmetic on big numbers here would take a time that tells of them.
                let core = Path.Combine(Ledger.root, "Dkim.Core")

                let computing =
                    Directory.GetFiles(core, "*.fs", SearchOption.AllDirectories)
                    |> Array.filter (fun path -> not (path.Contains "/obj/"))
                    |> Array.filter (fun path ->
                        let text = File.ReadAllText path

                        [ "ModPow"; "ExportParameters"; "ExportRSAPrivateKey"; "Math.BigInteger" ]
                        |> List.exists text.Contains)
                    |> Array.map (fun path -> FileInfo(path).Name)

                // It opens signatures, with public numbers.
                equal [| "RecoveredDigest.fs" |] computing)

            testCase "a key makes no signatures of another algorithm" (fun () ->

                let unfit =
                    { request () with
                        Hash = Sha1
                        Key = ed25519 ()
                    }

                equal (Error KeyDoesNotFit) (trySign [ unfit ] letter))
        ]
