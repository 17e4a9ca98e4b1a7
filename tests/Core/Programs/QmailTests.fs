/// qmail-dk without its process: settings, decisions, letters, and what is added.
module Dkim.Conformance.QmailTests

open System
open System.Text
open NUnit.Framework
open Dkim.Core
open Dkim.Conformance
open Dkim.Conformance.QmailRuns

let private sample =
    "From: Joe <joe@Example.org>\nTo: ann@example.net\nSubject: tea\n  at five\n\nHello  there \n\n\n"

let private key = lazy (SigningKey.generateRsa 1024<bit>)
let private edKey = lazy (SigningKey.generateEd25519 (Array.init 32 byte))

let private record (more: string) =
    let key, _ = key.Value
    Answer.Found([ more + "p=" + Convert.ToBase64String key.KeyData ], Security.Unchecked)

let private name = "default._domainkey.example.org"

let private signedBy more files =
    match decide (signing more) files [] sample with
    | Handed(head, rest) -> head + rest
    | Refused code -> failwith (string code)

let private domainKeys =
    lazy (signedBy [] [ "/etc/domainkeys/example.org/default", found (snd key.Value) ])

let private dkim =
    lazy
        (signedBy
            [ "DKIMSIGN", "/k/%/default"; "DKSIGN", "/none/%/x" ]
            [ "/k/example.org/default", found (snd key.Value) ])

[<Test>]
let ``the signature has the form of the original`` () =
    let text = domainKeys.Value

    let expected =
        "Comment: DomainKeys? See http://antispam.yahoo.com/domainkeys\nDomainKey-Signature: a=rsa-sha1; q=dns; c=nofws;\n  s=default; d=example.org;\n  b="

    Expect.isTrue (text.StartsWith(expected, StringComparison.Ordinal)) text
    let value = text.Substring(expected.Length, text.IndexOf "  ;\n" - expected.Length)
    Expect.equal 128 (Convert.FromBase64String value).Length
    Expect.isTrue (text.EndsWith("  ;\n" + sample, StringComparison.Ordinal)) text
    Expect.lacks "\r" text

[<Test>]
let ``pieces of any size and either line end give the same signature`` () =
    let files = [ "/etc/domainkeys/example.org/default", found (snd key.Value) ]
    let whole = head (decide (signing []) files [] sample)

    for size in [ 1; 2; 7; 61 ] do
        let struct (outcome, _) = pass size (signing []) files [] sample
        Expect.equal whole (head outcome)

    let mixed = sample.Replace("five\n", "five\r\n").Replace("there \n", "there \r\n")

    let outcome = decide (signing []) files [] mixed
    Expect.equal (Handed(whole, mixed)) outcome

[<Test>]
let ``key path and selector come from the template`` () =
    let asked more text =
        let struct (_, asked) = pass 4096 (signing more) [] [] text
        asked

    Expect.equal [ "/etc/domainkeys/example.org/default" ] (asked [] sample)
    Expect.equal [ "/k/example.org%/p" ] (asked [ "DKSIGN", "/k/%%/p" ] sample)

    let withSender = "Sender: Bob <b@sender.test.example>\n" + sample

    Expect.equal
        [ "/k/example.org/d"; "/k/sender.test.example/d" ]
        (asked [ "DKSIGN", "/k/%/d"; "DKIMSIGN", "/k/%/d" ] withSender)
    // No path can leave the directory that the settings name.
    Expect.equal [] (asked [] "From: x@../../etc/passwd\n\n")
    Expect.equal [] (asked [] "From: x@[192.0.2.1]\n\n")

[<Test>]
let ``a missing key is an error only without a percent sign`` () =
    Expect.equal (Handed("", sample)) (decide (signing []) [] [] sample)
    Expect.equal (Refused 32) (decide (signing [ "DKSIGN", "/k/private" ]) [] [] sample)
    Expect.equal (Refused 32) (decide (signing [ "DKSIGN", "" ]) [] [] sample)
    Expect.equal (Refused 32) (decide (signing [ "DKIMSIGN", "/k/private" ]) [] [] sample)

[<Test>]
let ``a key that cannot be used is for now`` () =
    let path = "/etc/domainkeys/example.org/default"
    Expect.equal (Refused 55) (decide (signing []) [ path, KeyFile.Unreadable ] [] sample)
    Expect.equal (Refused 55) (decide (signing []) [ path, found "no key" ] [] sample)
    Expect.equal (Refused 55) (decide (signing []) [ path, found (snd edKey.Value) ] [] sample)

    Expect.equal
        (Refused 55)
        (decide (signing [ "DKSIGN", "/k/%/a b" ]) [ "/k/example.org/a b", found (snd key.Value) ] [] sample)

[<Category "RFC6376-3.3.3-1">]
[<Test>]
let ``RFC8301-3.2-1 a short key makes no DKIM signature`` () =
    let short = SigningKey.generateRsa 1016<bit> |> snd
    let files = [ "/k/example.org/d", found short ]
    Expect.equal (Refused 55) (decide (signing [ "DKIMSIGN", "/k/%/d" ]) files [] sample)
    Expect.contains "DomainKey-Signature" (head (decide (signing [ "DKSIGN", "/k/%/d" ]) files [] sample))

[<Test>]
let ``comments and blanks in a key file are passed over`` () =
    let pem =
        (snd key.Value).Replace("\n", "  \t\r\n").Replace("-----BEGIN", "# mine\n\n-----BEGIN")

    let files = [ "/etc/domainkeys/example.org/default", found pem ]
    Expect.contains "DomainKey-Signature" (head (decide (signing []) files [] sample))

[<Category "RFC4870-3.1-1">]
[<Category "RFC4870-3.1-3">]
[<Category "RFC4870-3.5.2-1">]
[<Category "RFC4870-3.5.2-2">]
[<Category "RFC6376-5.1-1">]
[<Test>]
let ``a message that cannot be signed passes unsigned`` () =
    let files = [ "/etc/domainkeys/example.org/default", found (snd key.Value) ]

    for text in
        [
            ""
            "\n"
            "\n\n"
            "no header at all"
            "To: x@example.org\n\nno author\n"
            "From: a@example.org\nFrom: b@example.org\n\ntwo\n"
            "Subject: no body, no end"
            "From: a@other.example\n\n"
            "DomainKey-Signature: a=rsa-sha1\nFrom: a@example.org\n\nsigned already\n"
        ] do
        Expect.equal (Handed("", text)) (decide (signing []) files [] text)

    let long = "From: a@example.org\nX: " + String('x', 1100000) + "\n\nlong\n"
    Expect.equal (Handed("", long)) (decide (signing []) files [] long)

[<Category "RFC8463-5-2">]
[<Category "RFC6376-4.2-1">]
[<Test>]
let ``both schemes on one message, RSA and Ed25519`` () =
    let files =
        [
            "/k/example.org/default", found (snd key.Value)
            "/k/example.org/ed", found (snd edKey.Value)
        ]

    let text =
        signedBy [ "DKSIGN", "/k/%/default"; "DKIMSIGN", "/k/%/default  /k/%/ed" ] files

    let edRecord =
        Answer.Found([ "k=ed25519; p=" + Convert.ToBase64String (fst edKey.Value).KeyData ], Security.Unchecked)

    let answers = [ name, record ""; "ed._domainkey.example.org", edRecord ]
    let both = start "qmail-dk" [ "DKVERIFY", ""; "DKIMVERIFY", "" ]
    let told = head (decide both [] answers text)
    Expect.contains "DomainKey-Status: good        \nAuthentication-Results: mx.example.net;" told
    let results = told.Replace("\n\t", " ")
    Expect.equal 3 (results.Split("dkim=pass").Length)
    Expect.contains "domainkeys=pass" results
    Expect.isTrue (text.IndexOf "DKIM-Signature" < text.IndexOf "Comment:") text

[<Test>]
let ``RFC8463-6-1 keys of two types in files of one name are an error of configuration`` () =
    let files =
        [
            "/k/example.org/mail", found (snd key.Value)
            "/e/mail", found (snd edKey.Value)
        ]

    Expect.equal (Refused 55) (decide (signing [ "DKIMSIGN", "/k/%/mail /e/mail" ]) files [] sample)

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

[<Category "RFC4870-3.8-1">]
[<Category "RFC4870-3.7.4-1">]
[<Category "RFC4870-3.7.4-2">]
[<Test>]
let ``each letter of DKVERIFY`` () =
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
        Expect.equal passed (outcome "")

[<Test>]
let ``RFC4870-3.2.3-5 mail of a domain in testing mode is told of and fares no worse than good mail`` () =
    let changed = domainKeys.Value.Replace("Hello", "Hallo")
    let everyLetter = String([| 'B' .. 'L' |]) + String([| 'b' .. 'l' |])

    let outcome more =
        decide (verifying everyLetter) [] [ name, record more ] changed

    Expect.equal (Handed("DomainKey-Status: bad         \n", changed)) (outcome "t=y; ")
    Expect.equal (Refused 13) (outcome "")

[<Category "RFC4870-3.7.3-1">]
[<Test>]
let ``the status of the topmost counts where none is good`` () =
    let good = domainKeys.Value
    let signature = good.Substring(0, good.IndexOf "From:")
    let other = signature.Replace("s=default", "s=gone").Replace("Comment", "Note")
    let answers = [ name, record "" ]

    let status text =
        head (decide (verifying "") [] answers text)

    Expect.equal "DomainKey-Status: good        \n" (status (other + good))
    Expect.equal "DomainKey-Status: no key      \n" (status (other + good.Replace("Hello", "Hallo")))

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

[<Category "RFC6376-6.3-6">]
[<Test>]
let ``each letter of DKIMVERIFY`` () =
    for letter, text, answer in dkimResults () do
        let outcome letters =
            decide (verifyingDkim letters) [] [ name, answer ] text

        Expect.equal (Refused 13) (outcome (string letter))
        Expect.equal (Refused 82) (outcome (string (Char.ToLowerInvariant letter)))
        Expect.contains "Authentication-Results: mx.example.net;" (head (outcome ""))

    for letter in [ 'B'; 'F'; 'S' ] do
        let outcome =
            decide (verifyingDkim (string letter)) [] [ name, record "" ] dkim.Value

        Expect.contains "dkim=pass" (head outcome)

[<Test>]
let ``E is for messages that no signature covers whole`` () =
    let judged verdict unsigned : Judged =
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
    Expect.equal [ 'C' ] (DkimLetters.ofMessage [ cut; whole; bad ])

[<Test>]
let ``an upper-case letter of one scheme beats a lower-case one of the other`` () =
    let both = start "qmail-dk" [ "DKVERIFY", "c"; "DKIMVERIFY", "S" ]
    Expect.equal (Refused 13) (decide both [] [] sample)

[<Category "RFC8601-5-1">]
[<Test>]
let ``results that claim to be ours are removed, whatever the line ends`` () =
    let forged = "Authentication-Results: mx.example.net;\r\n dkim=pass\n\theader.d=x\n"
    let foreign = "Authentication-Results: other.example; dkim=pass\n"
    let text = "X: 1\n" + forged + foreign + sample

    match decide (verifyingDkim "") [] [] text with
    | Handed(head, rest) ->
        Expect.equal (foreign + sample) rest
        Expect.equal "Authentication-Results: mx.example.net; dkim=none\nX: 1\n" head
    | Refused code -> Assert.Fail(string code)
    // DomainKeys alone adds no results, and leaves those of others.
    let outcome = decide (verifying "") [] [] text
    Expect.equal (Handed("DomainKey-Status: no signature\n", text)) outcome

[<Test>]
let ``RFC4870-3.8-1 a status from elsewhere goes, and nothing else does`` () =
    let forged = "X: 1\nDomainKey-Status: good\nX: 2\ndomainkey-status :\n good\n"

    match decide (verifying "") [] [] (forged + sample) with
    | Handed(head, rest) -> Expect.equal ("DomainKey-Status: no signature\nX: 1\nX: 2\n" + sample) (head + rest)
    | Refused code -> Assert.Fail(string code)
    // Who does not verify DomainKeys says nothing of them.
    match decide (verifyingDkim "") [] [] (forged + sample) with
    | Handed(_, rest) -> Expect.equal (forged + sample) rest
    | Refused code -> Assert.Fail(string code)

[<Test>]
let ``RFC8601-5-1 forged results go from a header that is not judged, and one too long to be searched is refused`` () =
    let forged = "Authentication-Results: mx.example.net; dkim=pass\n"
    let many = String.replicate 2001 "X: x\n" + forged + sample

    match decide (verifyingDkim "") [] [] many with
    | Handed(head, rest) ->
        Expect.contains "dkim=permerror (more than 2000 header fields)\n" (head.Replace("\n\t", " "))
        Expect.equal sample rest
        Expect.lacks forged (head + rest)
    | Refused code -> Assert.Fail(string code)

    let long = "X: " + String('x', 1100000) + "\n" + forged + sample
    Expect.equal (Refused 13) (decide (verifyingDkim "") [] [] long)
    Expect.equal (Refused 82) (decide (verifyingDkim "g") [] [] long)
    Expect.equal (Handed("DomainKey-Status: no resources\n", long)) (decide (verifying "") [] [] long)

[<TestCase("mx.example.org\n", "mx.example.org")>]
[<TestCase("localhost\n", "localhost.localdomain")>]
[<TestCase("LocalHost", "localhost.localdomain")>]
[<TestCase("", "localhost.localdomain")>]
let ``RFC8601-2.5-1 results never come from localhost or nobody`` (host: string, service: string) =
    match passAt host 4096 (verifyingDkim "") [] [] sample with
    | struct (Handed(head, _), _) -> Expect.equal ("Authentication-Results: " + service + "; dkim=none\n") head
    | struct (Refused code, _) -> Assert.Fail(string code)

[<Test>]
let ``the next program`` () =
    let next name variables = (start name variables).NextProgram
    Expect.equal "bin/qmail-queue" (next "qmail-dk" [])
    Expect.equal "bin/qmail-queue" (next "qmail-queue" [])
    Expect.equal "bin/qmail-queue.orig" (next "/var/qmail/bin/qmail-queue" [])
    Expect.equal "bin/qmail-queue.orig" (next "bin/qmail-queue" [ "DKQUEUE", "" ])
    Expect.equal "/x" (next "bin/qmail-queue" [ "DKQUEUE", "/x"; "DKIMQUEUE", "/y" ])
    Expect.equal "/y" (next "bin/qmail-queue" [ "DKQUEUE", ""; "DKIMQUEUE", "/y" ])
    Expect.equal "bin/qmail-queue" (next "qmail-dk" [ "QMAILQUEUE", "/loop" ])

[<Category "RFC4870-3.5-1">]
[<Test>]
let ``a message that nobody asks about is not read`` () =
    Expect.isTrue (start "qmail-dk" [ "DKSIGN", "/k" ]).IsIdle "no RELAYCLIENT: DKSIGN counts for nothing"
    Expect.isTrue (not (verifying "").IsIdle) "DKVERIFY is set"
    Expect.isTrue (not (signing [ "DKVERIFY", "A" ]).IsIdle) "RELAYCLIENT is set"
    Expect.equal [ "/etc/domainkeys/" ] (signing []).KeyRoots
    Expect.equal [] (signing [ "DKSIGN", "/k/private" ]).KeyRoots
    Expect.equal [] (signing [ "DKIMSIGN", "/k/private" ]).KeyRoots
    Expect.equal [] (signing [ "DKSIGN", "k%" ]).KeyRoots
    Expect.equal [] (verifying "").KeyRoots
    Expect.equal (ValueSome "control/me") (verifyingDkim "").HostFile
    Expect.equal ValueNone (verifying "").HostFile

[<Test>]
let ``a wrong setting is a configuration error`` () =
    Expect.equal 55 (start "qmail-dk" [ "DKTIMEOUT", "soon" ]).ExitCode
    Expect.equal 0 (signing []).ExitCode

[<Test>]
let ``a privileged program does not take paths from its caller`` () =
    let variables =
        [
            "DKHOME", "/x"
            "TMPDIR", "/y"
            "DKTESTKEYS", "/z"
            "DKNAMESERVER", "192.0.2.1"
            "DKQUEUE", "/q"
        ]

    let find (wanted: string) : string | null =
        match variables |> List.tryFind (fun (name, _) -> name = wanted) with
        | Some(_, value) -> value
        | None -> null

    let settings =
        (QmailDk.start "qmail-dk" true (Func<string, string | null> find)).Settings

    Expect.equal
        { QmailSettings.defaults with
            DomainKeysQueue = ValueSome "/q"
        }
        settings
