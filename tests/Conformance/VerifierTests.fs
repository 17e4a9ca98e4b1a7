/// What a verifier does, in which order, and what it says (RFC 6376 §6, RFC 8301, RFC 8601 §2.7.1).
module Dkim.Tests.Conformance.VerifierTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Tests.Conformance.Mail

let private signed = lazy (sign [ request () ] letter)

let private change (from: string) (into: string) (text: string) =
    Expect.contains from text
    text.Replace(from, into)

let private verdict policy answers message =
    let judged, asked = judgeBy policy (answerWith answers) message
    (List.exactlyOne judged).Verdict, asked

let private keyName = "rsa._domainkey.example.com"

/// Faults in the order in which §6.1 looks for them, each on top of those below.
let private faults =
    [
        "v=1;", "v=2;", UnsupportedVersion "2"
        "a=rsa-sha256;", "a=rsa-sha9;", UnsupportedAlgorithm "rsa-sha9"
        "d=example.com;", "d=example.com; i=@example.net;", IdentityOutsideDomain
        "h=from:", "h=", FromNotSigned
    ]

[<Tests>]
let tests =
    testList
        "VerifierTests"
        [
            proves
                [ "RFC8301-3.1-3"; "RFC6376-3.6.2.1-1" ]
                (testCase "RFC6376-3.3-2 RFC6376-3.6.2-1 rsa-sha256 with a key from a TXT record verifies" (fun () ->
                    let question =
                        {
                            Name = keyName
                            Type = RecordType.Txt
                        }

                    let header, _ = split signed.Value
                    let plan = Verifier.plan VerifyPolicy.defaults now header
                    equal [ question ] plan.Questions
                    equal (Verdict.Pass, [ keyName ]) (verdict VerifyPolicy.defaults [] signed.Value)))

            proves
                [ "RFC8301-3.2-5" ]
                (testCase "RFC6376-3.3.3-2 keys from 1024 to 4096 bits verify, shorter ones do not" (fun () ->
                    for bits, expected in [ 768, "policy"; 1016, "policy"; 1024, "pass"; 2048, "pass"; 4096, "pass" ] do
                        let key = fst (SigningKey.generateRsa (bits * 1<bit>))

                        let message =
                            sign
                                [
                                    { request () with
                                        Key = key
                                        Selector = selector "any"
                                    }
                                ]
                                letter

                        let judged, _ = judgeBy VerifyPolicy.defaults (fun _ -> found (record key)) message

                        equal [ expected ] (words judged)))

            testCase
                "RFC6376-6-1 RFC6376-6.1.1-2 of several faults the first in the order of the steps is told"
                (fun () ->
                    let rec each faults =
                        match faults with
                        | [] -> ()
                        | (_, _, expected) :: rest ->
                            let message =
                                faults
                                |> List.fold (fun text (from, into, _) -> change from into text) signed.Value

                            let altered = change "The last" "A last" message
                            equal (PermFail(BadSignature expected), []) (verdict VerifyPolicy.defaults [] altered)
                            each rest

                    each faults
                    // Then comes the key, then the body, then the header.
                    let message = signed.Value |> change "The last" "A last" |> change "Ferries" "Boats"

                    let judge answer =
                        fst (verdict VerifyPolicy.defaults [ keyName, answer ] message)

                    equal (PermFail(BadKey NoKey)) (judge noName)
                    equal (PermFail BodyAltered) (judge (found (record (rsa ()))))

                    equal
                        (PermFail HeaderAltered)
                        (fst (verdict VerifyPolicy.defaults [] (change "Ferries" "Boats" signed.Value))))

            testCase "RFC6376-6.1-3 nothing is asked for a signature that has failed" (fun () ->
                for from, into, _ in faults do
                    equal [] (snd (verdict VerifyPolicy.defaults [] (change from into signed.Value)))

                let expired =
                    signed.Value
                    |> change ("t=" + string (int64 now)) ("t=1; x=" + string (int64 now - 1000L))

                equal [] (snd (verdict VerifyPolicy.defaults [] expired)))

            proves
                [ "RFC6376-6.1.2-8" ]
                (testCase
                    "RFC8601-2.7.1-3 RFC8601-2.7.1-5 RFC8601-2.7.1-6 RFC8601-2.7.1-7 each kind of fault has its word"
                    (fun () ->
                        let cases =
                            [
                                "fail", change "The last" "A last", []
                                "fail", change "Ferries" "Boats", []
                                "neutral", change "v=1;" "v=1; v=1;", []
                                "neutral", change "d=example.com;" "d=exam ple.com;", []
                                "neutral", change "bh=" "bh=*", []
                                "temperror", id, [ keyName, Answer.Unavailable "timeout" ]
                                "temperror", id, [ keyName, Answer.Unavailable "SERVFAIL" ]
                                "permerror", id, [ keyName, noName ]
                                "permerror", id, [ keyName, Answer.Found([], Security.Unchecked) ]
                                "permerror", id, [ keyName, found "v=DKIM1; p=" ]
                                "permerror", id, [ keyName, found "v=spf1 -all" ]
                                "permerror", id, [ keyName, found (record (ed25519 ())) ]
                                "permerror", change "d=example.com;" "", []
                                "permerror", change "h=from:" "h=", []
                            ]

                        for expected, edit, answers in cases do
                            let judged, _ =
                                judgeBy VerifyPolicy.defaults (answerWith answers) (edit signed.Value)

                            equal [ expected ] (words judged)
                            // Every failure names its own cause.
                            Expect.differs "good signature" (Verdict.describe judged.Head.Verdict)))

            testCase "RFC6376-6.3-6 no two kinds of failure have the same words" (fun () ->
                let verdicts =
                    [
                        TempFail "timeout"
                        PermFail BodyAltered
                        PermFail HeaderAltered
                        PermFail(BodyShorter 9L<octet>)
                        PermFail(Expired 1L<sec>)
                        PermFail(NotYetValid 1L<sec>)
                        PermFail(BadKey NoKey)
                        PermFail(BadKey Revoked)
                        PermFail(BadKey(UnfitKeyType Rsa))
                        PermFail(BadKey(HashNotAllowed Sha256))
                        PermFail(BadKey ServiceNotAllowed)
                        PermFail(BadKey SubdomainNotAllowed)
                        PermFail(BadSignature FromNotSigned)
                        PermFail(BadSignature IdentityOutsideDomain)
                        PermFail(BadSignature UnfitBodyHash)
                        PermFail(BadSignature(MissingTag "d"))
                        PermFail(Unacceptable(ShortKey 768<bit>))
                        PermFail(Unacceptable(InsecureHash Sha1))
                        PermFail(Unacceptable(UnsignedOctets 1L<octet>))
                        PermFail(Unacceptable(UnsignedField "Subject"))
                        PermFail(Unacceptable RefusedDomain)
                    ]

                Expect.unique (verdicts |> List.map Verdict.describe))

            proves
                [ "RFC8601-2.4-1"; "RFC6376-6.1.1-9" ]
                (testCase
                    "RFC8601-2.7.1-4 what local policy does not accept is policy, though it would verify"
                    (fun () ->
                        let usual = VerifyPolicy.defaults

                        let short =
                            sign
                                [
                                    { request () with
                                        Key = shortRsa ()
                                        Selector = selector "short"
                                    }
                                ]
                                letter

                        let cut =
                            sign
                                [
                                    { request () with
                                        Length = AtMost 5L<octet>
                                    }
                                ]
                                letter

                        let policies =
                            [
                                { usual with MinimumRsaBits = 512<bit> }, usual, short
                                usual,
                                { usual with
                                    RefuseUnsignedOctets = true
                                },
                                cut
                                usual,
                                { usual with
                                    MustBeSigned = [ fieldName "Received" ]
                                },
                                signed.Value
                                usual,
                                { usual with
                                    RefusedDomains = Set [ "example.com" ]
                                },
                                signed.Value
                            ]

                        for lenient, strict, message in policies do
                            equal [ "pass" ] (words (judgeUnder lenient message))
                            equal [ "policy" ] (words (judgeUnder strict message))))

            proves
                [ "RFC6376-8.14-1" ]
                (testCase
                    "RFC6376-6.1.1-8 signatures of a domain on the list are refused before its key is asked for"
                    (fun () ->
                        let policy =
                            { VerifyPolicy.defaults with
                                RefusedDomains = Set [ "co.example"; "example.com" ]
                            }

                        let judged, asked = judgeBy policy (answerWith []) signed.Value
                        equal [ PermFail(Unacceptable RefusedDomain) ] (judged |> List.map _.Verdict)
                        equal [] asked

                        let other =
                            sign
                                [
                                    { request () with
                                        Domain = domain "mail.example.com"
                                    }
                                ]
                                letter

                        equal [ "pass" ] (words (judgeUnder policy other))))

            proves
                [ "RFC6376-3.5-24" ]
                (testCase "RFC6376-8.2-1 octets that l= leaves out are counted" (fun () ->
                    let cut = sign [ { request () with Length = WholeLength } ] letter

                    equal 0L<octet> (List.exactlyOne (judge cut)).UnsignedOctets
                    let appended = List.exactlyOne (judge (cut + "an advertisement\r\n"))
                    equal Verdict.Pass appended.Verdict
                    // The empty line that was at the end of the letter counts now, too.
                    equal 20L<octet> appended.UnsignedOctets))

            testCase "RFC6541-4.3-1 tags of ATPS change no verdict, and nothing is asked for them" (fun () ->
                let tags = "d=example.com; atps=example.net; atpsh=sha256;"
                let message = change "d=example.com;" tags signed.Value
                let judged, asked = judgeBy VerifyPolicy.defaults (answerWith []) message
                // They are hashed like every tag, so that the signature fails, and for no other reason.
                equal [ PermFail HeaderAltered ] (judged |> List.map _.Verdict)
                equal [ keyName ] asked)

            testCase "RFC8301-3.1-4 an rsa-sha1 signature never passes unless that insecurity was asked for" (fun () ->
                let sha1 = sign [ { request () with Hash = Sha1 } ] letter
                equal [ "permerror" ] (words (judge sha1))

                let insecure =
                    { VerifyPolicy.defaults with
                        AllowSha1 = true
                    }

                equal [ "pass" ] (words (judgeUnder insecure sha1)))
        ]
