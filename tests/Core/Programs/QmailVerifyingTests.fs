/// What qmail-dk makes of each result of a signature, letter by letter of DKVERIFY and DKIMVERIFY.
module Dkim.Tests.Core.QmailVerifyingTests

open System
open System.Text
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Qmail
open Dkim.Tests.Core
open Dkim.Tests.QmailRuns

/// A status, what brings it about, and the words for it.
let private statuses () =
    let good = domainKeys.Value
    let cut = good.Replace("c=nofws", "c=other")
    let revoked = Answer.Found([ "k=rsa; p=" ], Security.Unchecked)
    let short = (SigningKey.generateRsa 512<bit> |> fst).KeyData

    [
        'A', "good        ", good, record ""
        'B', "bad         ", good.Replace("Hello", "Hallo"), record ""
        'C', "no signature", sample, record ""
        'D', "no key      ", good, Answer.NoSuchName Security.Unchecked
        'D', "no key      ", good, Answer.Found([ "k=rsa" ], Security.Unchecked)
        'E', "bad key     ", good, Answer.Found([ "p=AAAA" ], Security.Unchecked)
        'E', "bad key     ", good, Answer.Found([ "k=none; p=AAAA" ], Security.Unchecked)
        'B', "bad         ", good, Answer.Found([ "p=" + Convert.ToBase64String short ], Security.Unchecked)
        'F', "no key      ", good, Answer.Unavailable "timeout"
        'G', "bad format  ", cut, record ""
        'G', "bad format  ", "Subject: no author\n\n", record ""
        'G', "bad format  ", "From: a@example.org\nFrom: b@example.org\n\n", record ""
        'H', "no resources", "From: a@example.org\nX: " + String('x', 1100000) + "\n\n", record ""
        'J', "revoked     ", good, revoked
        'L', "bad key     ", good, record "g=ann; "
        'L', "bad key     ", good, record "g=Joe; "
        'A', "good        ", good, record "g=joe; "
    ]

/// A letter, what brings it about.
let private dkimResults () =
    let good = dkim.Value
    let header = good.Substring(0, good.IndexOf "From:")
    let changed (from: string) (into: string) = good.Replace(from, into)

    [
        'A', good, record ""
        'C', header.Replace("s=default", "s=gone") + good, record ""
        'S', sample, record ""
        'H', changed "c=relaxed/relaxed" "c=odd/odd", record ""
        'I', changed "Subject: tea" "Subject: coffee", record ""
        'J', changed "Subject: tea" "Subject: coffee", record "t=y; "
        'D', changed "Subject: tea" "Subject: coffee", record "t=y; "
        'L', good, Answer.Found([ "k=rsa" ], Security.Unchecked)
        'N', good, Answer.Found([ "p=" ], Security.Unchecked)
        'P', good, Answer.Unavailable "timeout"
        'Q', good, Answer.NoSuchName Security.Unchecked
        'R', good, Answer.Found([ "p=AAAA" ], Security.Unchecked)
        'T', good, Answer.NoSuchName Security.Unchecked
        'U', changed "Hello" "Hallo", record ""
        'V', good, record "h=sha1; "
        'W', changed "v=1" "v=2", record ""
        'G', String.replicate 2001 "X: x\n" + good, record ""
    ]

[<Tests>]
let tests =
    testList
        "QmailVerifyingTests"
        [
            proves
                [ "RFC4870-3.8-1"; "RFC4870-3.7.4-1"; "RFC4870-3.7.4-2" ]
                (testCase "each letter of DKVERIFY" (fun () ->
                    for letter, words, text, answer in statuses () do
                        let outcome letters =
                            decide (verifying letters) [] [ name, answer ] text

                        let others = String([| 'A' .. 'L' |] |> Array.filter (fun other -> other <> letter))
                        let small (text: string) = text.ToLowerInvariant()
                        Expect.equal (Refused 13) (outcome (string letter))
                        Expect.equal (Refused 82) (outcome (small (string letter)))
                        Expect.equal (Refused 13) (outcome (string letter + small (string letter)))
                        let passed = Handed("DomainKey-Status: " + words + "\n", text)
                        Expect.equal passed (outcome (others + small others))
                        Expect.equal passed (outcome "")))

            testCase
                "RFC4870-3.2.3-5 mail of a domain in testing mode is told of and fares no worse than good mail"
                (fun () ->
                    let changed = domainKeys.Value.Replace("Hello", "Hallo")
                    let everyLetter = String([| 'B' .. 'L' |]) + String([| 'b' .. 'l' |])

                    let outcome more =
                        decide (verifying everyLetter) [] [ name, record more ] changed

                    Expect.equal (Handed("DomainKey-Status: bad         \n", changed)) (outcome "t=y; ")
                    Expect.equal (Refused 13) (outcome ""))

            proves
                [ "RFC4870-3.7.3-1" ]
                (testCase "the status of the topmost counts where none is good" (fun () ->
                    let good = domainKeys.Value
                    let signature = good.Substring(0, good.IndexOf "From:")
                    let other = signature.Replace("s=default", "s=gone").Replace("Comment", "Note")
                    let answers = [ name, record "" ]

                    let status text =
                        head (decide (verifying "") [] answers text)

                    Expect.equal "DomainKey-Status: good        \n" (status (other + good))
                    Expect.equal "DomainKey-Status: no key      \n" (status (other + good.Replace("Hello", "Hallo")))))

            proves
                [ "RFC6376-6.3-6" ]
                (testCase "each letter of DKIMVERIFY" (fun () ->
                    for letter, text, answer in dkimResults () do
                        let outcome letters =
                            decide (verifyingDkim letters) [] [ name, answer ] text

                        Expect.equal (Refused 13) (outcome (string letter))
                        Expect.equal (Refused 82) (outcome (string (Char.ToLowerInvariant letter)))
                        Expect.contains "Authentication-Results: mx.example.net;" (head (outcome ""))

                    for letter in [ 'B'; 'F'; 'S' ] do
                        let outcome =
                            decide (verifyingDkim (string letter)) [] [ name, record "" ] dkim.Value

                        Expect.contains "dkim=pass" (head outcome)))

            testCase "E is for messages that no signature covers whole" (fun () ->
                let judged verdict unsigned : SignatureResult =
                    {
                        Scheme = Dkim
                        Field = Field.ofText "DKIM-Signature" ""
                        Position = 0
                        Signature = ValueNone
                        Verdict = verdict
                        Key = ValueNone
                        KeyBits = ValueNone
                        KeySecurity = Security.Unchecked
                        UnsignedOctets = unsigned
                    }

                let whole = judged Pass 0L<octet>
                let cut = judged Pass 1L<octet>
                let bad = judged (PermFail BodyAltered) 0L<octet>
                Expect.equal [ 'E' ] (DkimLetters.ofMessage [ cut; cut ])
                Expect.equal [ 'E' ] (DkimLetters.ofMessage [ cut; bad ])
                Expect.equal [ 'A' ] (DkimLetters.ofMessage [ cut; whole ])
                Expect.equal [ 'C' ] (DkimLetters.ofMessage [ cut; whole; bad ]))

            testCase "an upper-case letter of one scheme beats a lower-case one of the other" (fun () ->
                let both = start "qmail-dk" [ "DKVERIFY", "c"; "DKIMVERIFY", "S" ]
                Expect.equal (Refused 13) (decide both [] [] sample))
        ]
