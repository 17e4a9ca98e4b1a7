/// What is said of key records that are wrong, as people get them wrong.
module Dkim.Tests.Core.KeyDiagnosisTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.KeyCheck
open Dkim.Core.Programs.Settings
open Dkim.Tests.Core

let private key, private pem = SigningKey.generateRsa 2048<bit>
let private other, _ = SigningKey.generateRsa 2048<bit>
let private short, _ = SigningKey.generateRsa 1024<bit>

let private ed25519, _ =
    SigningKey.generateEd25519 (Array.init 32 (fun index -> byte (index + 1)))

let private p = Convert.ToBase64String key.KeyData
let private good = "v=DKIM1; k=rsa; p=" + p

let private test (privateKey: SigningKey voption) : KeyUnderTest =
    {
        Selector = Expect.ok (Selector.tryCreate "s")
        Domain = Expect.ok (DomainName.tryCreate "example.com")
        Private = privateKey
        LeastRsaBits = 1024<bit>
    }

let private found (privateKey: SigningKey voption) (texts: string list) =
    (KeyDiagnosis.ofAnswer (test privateKey) (Answer.Found(texts, Security.Insecure))).Findings

let private mistakes (texts: string list) =
    found (ValueSome key) texts
    |> List.map (fun finding -> KeyMistake.name finding.Mistake)

let private isMistake name texts = Expect.equal [ name ] (mistakes texts)

let private saysOf (texts: string list) =
    found (ValueSome key) texts |> List.map _.Says |> String.concat "; "

let private searched exists (answers: (string * Answer) list) =
    let known = dict answers

    let answerTo (question: Question) =
        match known.TryGetValue(question.Name + (if question.Type = RecordType.Cname then "/CNAME" else "")) with
        | true, answer -> answer
        | false, _ -> Answer.NoSuchName Security.Unchecked

    (KeySearch.diagnosis (test ValueNone) exists answerTo).Findings.Head

let private record = Answer.Found([ good ], Security.Unchecked)

[<Tests>]
let tests =
    testList
        "KeyDiagnosisTests"
        [
            testCase "a good record of the private key has no findings" (fun () ->
                Expect.equal [] (mistakes [ good ])
                Expect.equal [] (mistakes [ "p=" + p ])
                Expect.equal [] (mistakes [ "v=DKIM1; t=s; h=sha256; p=" + p.Insert(40, " ") + ";" ]))

            testCase "the record of another key" (fun () ->
                isMistake "other-key" [ "p=" + Convert.ToBase64String other.KeyData ])

            testCase "quotation marks inside, as from a zone file" (fun () ->
                isMistake "quotes-inside" [ "\"" + good + "\"" ]
                isMistake "quotes-inside" [ "\"v=DKIM1; k=rsa; p=" + p.Insert(100, "\" \"") + "\"" ])

            testCase "escaped semicolons" (fun () -> isMistake "escapes-pasted" [ "v=DKIM1\\; k=rsa\\; p=" + p ])

            testCase "a whole zone line" (fun () ->
                isMistake "zone-line-pasted" [ "s._domainkey IN TXT ( \"" + good + "\" )" ])

            testCase "two records in one and under one name" (fun () ->
                isMistake "records-pasted" [ good + " " + good ]
                isMistake "records-pasted" [ "p=" + p + "; p=" + p ]
                Expect.equal "several-records" (mistakes [ good; "v=DKIM1; p=" ]).Head)

            testCase "of several records the one that comes nearest to a key is told of" (fun () ->
                Expect.equal [ "several-records" ] (mistakes [ "v=spf1 -all"; good ])
                Expect.equal [ "several-records" ] (mistakes [ good; "v=spf1 -all" ]))

            testCase "a key split over records" (fun () ->
                isMistake "split-over-records" [ good.Substring(0, 200); good.Substring 200 ])

            testCase "a key that is cut off" (fun () ->
                isMistake "cut-off" [ "v=DKIM1; k=rsa; p=" + p.Substring(0, 236) ])

            testCase "base64 that is none" (fun () ->
                isMistake "bad-base64" [ "v=DKIM1; p=" + p.Replace('+', '-').Insert(9, "-") ]
                isMistake "extra-characters" [ "v=DKIM1; p=" + p + "A" ]

                Expect.equal
                    [ "bad-base64" ]
                    (found ValueNone [ "p=" + p + "A" ] |> List.map (_.Mistake >> KeyMistake.name)))

            testCase "records that verifiers take as they are are good, however odd they look" (fun () ->
                for text in
                    [
                        "v=DKIM1; n=\"key of 2026\"; k=rsa; p=" + p
                        "v=DKIM1; k=rsa; p=" + p + "; note=\"(quoted) v=DKIM1\""
                        "v=DKIM1; t=Y; p=" + p
                        "v=DKIM1; n=k=rsa s=x; p=" + p
                        "v=DKIM1; n=a key k=rsa of s=old; p=" + p
                        "v=DKIM1; X_Note=Y; p=" + p + ";"
                        "v=DKIM1; p=" + p.Insert(390, " ").Insert(64, " \t")
                    ] do
                    Expect.equal [] (found (ValueSome key) [ text ] |> List.filter (fun one -> not one.IsAdvice))

                Expect.equal [ "wrong-case" ] (mistakes [ "v=DKIM1; t=Y; p=" + p ])
                Expect.equal [] (mistakes [ "v=DKIM1; X_Note=y; p=" + p ])
                Expect.equal [] (mistakes [ "v=DKIM1; n=\"key of 2026\"; k=rsa; p=" + p ]))

            testCase "values of p= as they come about by slips of hands and tools" (fun () ->
                let base64 = p
                isMistake "cut-off" [ "v=DKIM1; k=rsa; p=" + p.Substring(0, 237) ]
                isMistake "piece-missing" [ "v=DKIM1; k=rsa; p=" + p.Remove(100, 50) ]
                Expect.contains "50 characters are missing after character 10" (saysOf [ "p=" + p.Remove(100, 50) ])
                let other = if p[200] = 'A' then 'B' else 'A'
                isMistake "other-key" [ "p=" + p.Remove(200, 1).Insert(200, string other) ]

                Expect.contains
                    "differs from the public half of this private key in character 201 only"
                    (saysOf [ "p=" + p.Remove(200, 1).Insert(200, string other) ])

                isMistake "missing-semicolon" [ "v=DKIM1; k=rsa; h=sha256 p=" + p ]
                isMistake "missing-semicolon" [ "v=DKIM1; k=rsa; p=" + p + " t=s" ]

                isMistake
                    "zone-line-pasted"
                    [
                        "( \"v=DKIM1; k=rsa; \" \"p="
                        + p.Insert(99, "\" \"")
                        + "\" ) ; ----- DKIM key s"
                    ]

                isMistake "records-pasted" [ "v=DKIM1; k=rsa; p=" + good ]
                isMistake "other-record" [ "s.dkim.provider.example." ]
                isMistake "strings-swapped" [ p.Substring 200 + "v=DKIM1; k=rsa; p=" + p.Substring(0, 200) ]
                Expect.equal "several-records" (mistakes [ "v=spf1 -all"; good ]).Head

                Expect.equal
                    "remove the SPF record from this name"
                    (found (ValueSome key) [ "v=spf1 -all"; good ]).Head.Remedy

                let encoded = Convert.ToBase64String(Text.Encoding.ASCII.GetBytes base64)
                Expect.contains "base64 of base64" (saysOf [ "v=DKIM1; p=" + encoded ])

                let twice =
                    Convert.ToBase64String(Text.Encoding.ASCII.GetBytes(Convert.ToBase64String ed25519.KeyData))

                Expect.contains "base64 of base64" (found (ValueSome ed25519) [ "k=ed25519; p=" + twice ]).Head.Says)

            testCase "up to three characters that differ are told by their places; more are another key" (fun () ->
                let slipped places =
                    let exchange (text: string) at =
                        text.Remove(at, 1).Insert(at, (if text[at] = 'A' then "B" else "A"))

                    saysOf [ "p=" + List.fold exchange p places ]

                Expect.contains "in character 201 and 211 and 221 only" (slipped [ 200; 210; 220 ])
                Expect.lacks "in character" (slipped [ 200; 210; 220; 230 ]))

            testCase "a bare RSAPublicKey of any length is seen" (fun () ->
                for bits in [ 1024; 2048; 4096 ] do
                    use rsa = System.Security.Cryptography.RSA.Create bits
                    let text = "p=" + Convert.ToBase64String(rsa.ExportRSAPublicKey())
                    let advised = found ValueNone [ text ] |> List.map _.Mistake
                    Expect.isTrue (List.contains KeyMistake.BareRsaKey advised) (string bits))

            testRows
                "a selector with more in it than the selector"
                [ "s._domainkey"; "s._domainkey.example.com" ]
                (fun (selector: string) ->
                    let slipped =
                        { test ValueNone with
                            Selector = Expect.ok (Selector.tryCreate selector)
                        }

                    let around (question: Question) =
                        if question.Name.StartsWith "s._domainkey.example" then
                            Answer.Found([ good ], Security.Unchecked)
                        else
                            Answer.NoSuchName Security.Unchecked

                    let found = (KeySearch.diagnosis slipped false around).Findings.Head
                    Expect.equal KeyMistake.WrongSelector found.Mistake
                    Expect.equal "write --selector=s" found.Remedy)

            testRows
                "a domain with more in it than the domain"
                [ "_domainkey.example.com"; "s._domainkey.example.com" ]
                (fun (domain: string) ->
                    let slipped =
                        { test ValueNone with
                            Domain = Expect.ok (DomainName.tryCreate domain)
                        }

                    let found = (KeySearch.diagnosis slipped false (fun _ -> record)).Findings.Head
                    Expect.equal KeyMistake.WrongDomain found.Mistake
                    Expect.equal "write --domain=example.com" found.Remedy)

            testCase "a record that stands elsewhere is to be published here, as it should be" (fun () ->
                let place text =
                    let elsewhere (question: Question) =
                        if question.Name = "s.example.com" then
                            Answer.Found([ text ], Security.Unchecked)
                        else
                            Answer.NoSuchName Security.Unchecked

                    (KeySearch.diagnosis (test ValueNone) false elsewhere).Publish

                Expect.equal (ValueSome(Publish.Txt good)) (place good)
                Expect.equal (ValueSome(Publish.Txt good)) (place ("\"" + good + "\""))
                Expect.equal ValueNone (place "v=DKIM1; p=AAAA"))

            testCase "two mistakes at once are both told, and put right" (fun () ->
                let told =
                    KeyDiagnosis.ofText (test ValueNone) ("\"" + good.Replace(";", "\\;") + "\"")

                Expect.equal
                    [ KeyMistake.EscapesPasted; KeyMistake.QuotesInside ]
                    (told.Findings |> List.map _.Mistake)

                Expect.equal (ValueSome(Publish.Txt good)) told.Publish)

            testCase "where two keys may have been meant, the private key says which, and else nobody" (fun () ->
                let both = "v=DKIM1; p=" + p + "; p=" + Convert.ToBase64String other.KeyData
                Expect.equal ValueNone (KeyDiagnosis.ofText (test ValueNone) both).Publish

                for own in [ key; other ] do
                    Expect.equal
                        (ValueSome(Publish.Txt("v=DKIM1; p=" + Convert.ToBase64String own.KeyData)))
                        (KeyDiagnosis.ofText (test (ValueSome own)) both).Publish)

            testCase "with the private key the exact difference is told" (fun () ->
                for text, says in
                    [
                        p.Insert(100, "A"), "1 characters too many stand after character 100"
                        p.Insert(100, p.Substring(80, 20)), "20 characters too many stand after character 100"
                        p.Substring(0, 240), "p= is cut off after character 240 of 392"
                        p.ToLowerInvariant(), "in capitals and small letters only"
                        p.Substring(0, 100) + String('A', 50) + p.Substring 150,
                        "in the characters from 101 to 150 only"
                    ] do
                    let told = KeyDiagnosis.ofText (test (ValueSome key)) ("v=DKIM1; t=s; p=" + text)
                    Expect.contains says told.Findings.Head.Says
                    Expect.equal (ValueSome(Publish.Txt("v=DKIM1; t=s; p=" + p))) told.Publish)

            testCase "a published private key is not to be published again" (fun () ->
                let pasted = pem.Replace("\n", "")

                for text in [ "v=DKIM1; p=" + pasted; "v=DKIM1; k=rsa; p=" + pasted.Replace("-----", "") ] do
                    Expect.equal ValueNone (KeyDiagnosis.ofText (test (ValueSome key)) text).Publish

                isMistake "private-key-published" [ "v=DKIM1; p=" + pasted ])

            testWithin (TimeSpan.FromSeconds 20.0) "whatever the text, the search ends soon" (fun () ->
                let long = 16000

                for text in
                    [
                        String.replicate (long / 4) "p=A "
                        String.replicate (long / 9) "v=DKIM1; "
                        String.replicate (long / 2) "\\;"
                        String.replicate (long / 12) "\"v=dkim1,k:x"
                        String.replicate (long / 5) "-----"
                        String.replicate 40 "v=DKIM1 k=rsa p=AB+/ -_%2B\"\\; "
                    ] do
                    KeyDiagnosis.ofText (test (ValueSome key)) text |> ignore)

            testCase "PEM lines, private keys and other records" (fun () ->
                isMistake "pem-pasted" [ "v=DKIM1; p=-----BEGIN PUBLIC KEY-----" + p + "-----END PUBLIC KEY-----" ]

                let der (text: string) =
                    String.Join("", text.Split '\n' |> Array.filter (fun line -> not (line.Contains "-----")))

                isMistake "private-key-published" [ "v=DKIM1; p=" + der pem ]
                isMistake "other-record" [ "v=spf1 mx -all" ]
                isMistake "other-record" [ "v=DMARC1; p=none" ])

            testCase "keys that are missing, revoked, or not for this" (fun () ->
                isMistake "missing-key" [ "v=DKIM1; k=rsa" ]
                isMistake "revoked" [ "v=DKIM1; p=" ]
                isMistake "bad-version" [ "v=DKIM2; p=" + p ]
                isMistake "bad-version" [ "k=rsa; v=DKIM1; p=" + p ]
                isMistake "hash-not-allowed" [ "h=sha1; p=" + p ]
                isMistake "not-for-mail" [ "s=web; p=" + p ])

            testCase "tags in the wrong case, and without a semicolon" (fun () ->
                isMistake "wrong-case" [ "v=dkim1; k=RSA; p=" + p ]
                isMistake "wrong-case" [ "V=DKIM1; P=" + p ]
                isMistake "missing-semicolon" [ "v=DKIM1 k=rsa p=" + p ])

            testCase "characters that no record has" (fun () ->
                isMistake "odd-characters" [ "\u201c" + good + "\u201d" ])

            proves
                [ "RFC8463-4.2-1" ]
                (testCase "types that do not fit" (fun () ->
                    let ed = Convert.ToBase64String ed25519.KeyData
                    isMistake "key-type-mismatch" [ "k=ed25519; p=" + ed ]
                    isMistake "key-type-mismatch" [ "k=ed25519; p=" + p ]
                    isMistake "key-type-mismatch" [ "p=" + ed ]
                    isMistake "key-type-mismatch" [ "k=dsa; p=" + p ]

                    let info =
                        Array.append (Convert.FromHexString "302a300506032b6570032100") ed25519.KeyData

                    isMistake "key-type-mismatch" [ "k=ed25519; p=" + Convert.ToBase64String info ]
                    Expect.equal [] (found (ValueSome ed25519) [ "k=ed25519; p=" + ed ])))

            proves
                [ "RFC8301-3.2-2" ]
                (testCase "a key that is short is advice, one that is too short is wrong" (fun () ->
                    let record = "p=" + Convert.ToBase64String short.KeyData
                    let advised = found (ValueSome short) [ record ]
                    Expect.equal [ true ] (advised |> List.map _.IsAdvice)
                    Expect.equal KeyMistake.KeyTooShort advised.Head.Mistake

                    let strict =
                        { test (ValueSome short) with
                            LeastRsaBits = 2048<bit>
                        }

                    let refused =
                        (KeyDiagnosis.ofAnswer strict (Answer.Found([ record ], Security.Insecure))).Findings

                    Expect.equal [ false ] (refused |> List.map _.IsAdvice)))

            testCase "t=y and g= are advice" (fun () ->
                let advised = found (ValueSome key) [ "t=y; g=ann; p=" + p ]
                Expect.isTrue (advised |> List.forall _.IsAdvice) "advice"

                Expect.equal
                    (Set.ofList [ "still-testing"; "granularity" ])
                    (advised
                     |> List.map (fun finding -> KeyMistake.name finding.Mistake)
                     |> Set.ofList))

            proves
                [ "RFC6376-3.6.1-5" ]
                (testCase "a bare RSAPublicKey is advice" (fun () ->
                    use rsa = System.Security.Cryptography.RSA.Create()
                    rsa.ImportFromPem(pem.AsSpan())

                    let advised =
                        found (ValueSome key) [ "p=" + Convert.ToBase64String(rsa.ExportRSAPublicKey()) ]

                    Expect.equal [ KeyMistake.BareRsaKey ] (advised |> List.map _.Mistake)
                    Expect.isTrue advised.Head.IsAdvice "advice"))

            testCase "DNSSEC and the DNS failing" (fun () ->
                let mistake answer =
                    (KeyDiagnosis.ofAnswer (test ValueNone) answer).Findings.Head.Mistake

                Expect.equal KeyMistake.Bogus (mistake (Answer.Found([ good ], Security.Bogus)))
                Expect.equal KeyMistake.NoAnswer (mistake (Answer.Unavailable "SERVFAIL")))

            testCase "a record that is nowhere" (fun () ->
                Expect.equal KeyMistake.NotPublished (searched false []).Mistake
                Expect.equal KeyMistake.NoTxtRecord (searched true []).Mistake)

            testCase "a CNAME whose target is gone" (fun () ->
                let alias =
                    "s._domainkey.example.com/CNAME", Answer.Found([ "" ], Security.Unchecked)

                Expect.equal KeyMistake.AliasGone (searched false [ alias ]).Mistake)

            testRows
                "a record in the wrong place"
                [
                    ("s._domainkey.example.com.example.com", "final dot")
                    ("s.example.com", "_domainkey is missing")
                    ("_domainkey.example.com", "selector is missing")
                    ("s.domainkey.example.com", "underscore")
                ]
                (fun (place: string, why: string) ->
                    let finding = searched false [ place, record ]
                    Expect.equal KeyMistake.WrongPlace finding.Mistake
                    Expect.contains place finding.Says
                    Expect.contains why finding.Says)

            testCase "nothing of a record reaches the terminal unescaped" (fun () ->
                for finding in found ValueNone [ "v=DKIM1; k=\x1b[31m; p=" + p; "k=\x07" ] do
                    Expect.lacks "\x1b" finding.Says)
        ]
