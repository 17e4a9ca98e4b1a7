/// The signatures that the milters make, octet by octet where it matters.
module Dkim.Conformance.FilterSigningTests

open System
open NUnit.Framework
open Dkim.Core
open Dkim.Conformance
open Dkim.Conformance.FilterPassages

let private signing (change: FilterSigning -> FilterSigning) : FilterPolicy =
    { policy with
        Signing = change policy.Signing
    }

let private signature (ran: Ran) : string =
    ran.Inserted |> List.find _.StartsWith("DKIM-Signature:")

let private tagsOf (field: string) : TagList =
    TagList.parse 65536<octet> (field.Substring 15) |> Expect.ok

let private tag name (ran: Ran) = (tagsOf (signature ran)).TryValue name

let private names (ran: Ran) : string list =
    match tag "h" ran with
    | ValueSome text -> List.ofArray ((TagList.withoutWhiteSpace text).Split ':')
    | ValueNone -> []

/// Signatures as the library that came out of dkim-filter's writes them.
let private samples =
    [
        "v=1; a=rsa-sha256; c=simple/relaxed;\n"
        + "\td=lrbbmqbhcdarzowkkyhiddqscdxrjmowfr.com; s=xsjybld; t=1767225540;\n"
        + "\tbh=zS7KNTV0HyeorkDDGwxB1AV6enuRKzO5rthkhdHIRnY=; l=7;\n"
        + "\th=From:ARCBYNECD;\n"
        + "\tz=From:=20a@lrbbmqbhcdarzowkkyhiddqscdxrjmowfr.com|ARCBYNECD:=20xyz\n"
        + "\t =3B;\n"
        + "\tb=iKSaf+CYnuO83qT8gEqiHo17ESKB0kT7w3P87fLobVB2Qw550eOiqVPrIScziuLVn\n"
        + "\t KFEdTu76edPnsPdEWv3HyTTtVHVmQ9T9b+XBgan+qbAUBd52giVg/hi5fhPo4Kb/j5\n"
        + "\t zCFy6wD7smVN0jMArnyOUvXgWWJ1zntXlp33+8SQ="
        "v=1; a=rsa-sha256; c=simple/simple; d=gxxpklorellnm.com;\n"
        + "\ts=papqfwkhopk; t=1767225540;\n"
        + "\tbh=zS7KNTV0HyeorkDDGwxB1AV6enuRKzO5rthkhdHIRnY=;\n"
        + "\th=From:HNWNKUEWHSQMGBBUQCLJJIVSW:DKQTBXIXMVTRRBLJPTNSNFWZQFJ:\n"
        + "\t AFADRRWSOFSBCNU:QHFFBSAQXWPQCACEHCHZVFRKML:OZJKPQPXRJXKITZYXA:\n"
        + "\t BHHKI:QCOENDTOMFG:WDWFCGPXIQVKUYTDLCGDEWHT;\n"
        + "\tb=uA6fhyGvNgEP+A1zY4sIValUJQUQ6vfmfmOq0Yy5NRwNooUZLW3E2KUMfanfwwOFf\n"
        + "\t BWQE1IEITs48tnF0Xv3SJQpuO4DH3kL1L7s2m1vcrYniYtURnOqfsnjECjBOyQoRVF\n"
        + "\t VfPW83jR1mzP1WXx8+QSYrUuDv1rxt6ytlpTGywo="
        // The blank before a tag may stand beyond the margin.
        "v=1; a=rsa-sha256; c=relaxed/relaxed; d=pyvdkbtwhpvgcwt.com;\n"
        + "\ts=eylwkbyubxruwszsh; t=1767225540;\n"
        + "\tbh=zS7KNTV0HyeorkDDGwxB1AV6enuRKzO5rthkhdHIRnY=;\n"
        + "\th=From:RHFAWDIBZBFYPDKSBHTAAPZSORBNJP:CXECVJMWJQDJHGVZJCUKFJJZACBP:\n"
        + "\t SOPP:TLEIJPYNYFVU:FYYRD:ADJEGBSYPJOMFBRNKILZ;\n"
        + "\tb=b+srj1gufQHn6G26runs1VgaLmOSp7/W9sScn0l73TM0GS7fmGffZ++bPfF2ar21U\n"
        + "\t wGF3NR5PKsnEtg+neg8FjnKUs6vp5zxl3lJMiA7ZxxSKUukulWgoJNJ5YLIPpgAe89\n"
        + "\t YEzD+Biqjads30i4cp4ZOdRERLK2iCaW2oE2W09A="
    ]

[<Test>]
let ``a signature of dkim-filter is broken into lines as ever`` () =
    for sample in samples do
        let field = Field.ofText "DKIM-Signature" (" " + crlf sample)
        let read = Signature.parse SignatureLimits.defaults field |> Expect.ok

        let whole =
            { read with
                CopiedFields = read.CopiedFields |> ValueOption.map TagList.withoutWhiteSpace
            }

        Expect.equal field.ValueText (Layout.signed Layout.dkimFilter whole).ValueText

[<Category "RFC6376-3.3-1">]
[<Category "RFC8301-3.1-1">]
[<Test>]
let ``RFC6376-5.6-2 the field stands on top, with the tags of the original in its order`` () =
    let ran = runWith policy local plain

    match ran.Changes with
    | [ Inserted(0, field) ] ->
        let tags = (tagsOf field).Tags |> List.map _.Name
        Expect.equal [ "v"; "a"; "c"; "d"; "s"; "t"; "bh"; "h"; "b" ] tags

        Expect.isTrue
            (field.StartsWith
                "DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=example.com; s=mail;\r\n\tt=1700000000; bh=")
            field
    | other -> Assert.Fail(string (box other))

[<Test>]
let ``all tags stand in the original's order`` () =
    let all =
        { signing (fun signing ->
              { signing with
                  Lifetime = ValueSome 60L<sec>
                  Length = WholeLength
                  Diagnostics = true
              }) with
            Roles =
                { policy.Roles with
                    FindParent = ValueSome(fun _ -> ValueSome(domain "example.com"))
                }
        }

    let ran =
        runWith all local (plain.Replace("joe@example.com", "joe@sub.example.com"))

    Expect.equal
        [ "v"; "a"; "c"; "d"; "s"; "t"; "x"; "i"; "bh"; "l"; "h"; "z"; "b" ]
        ((tagsOf (signature ran)).Tags |> List.map _.Name)

[<Test>]
let ``what is signed verifies, by our own verifier`` () =
    let ran = runWith policy arriving.Value signed.Value
    Expect.contains "dkim=pass (1024-bit key)" (ran.Value "Authentication-Results")

[<Test>]
let ``RFC6376-5.4.2-2 the names of h= are those of the message, each as often as it is there`` () =
    let mail =
        "Received: x\nTO: a@b\nFrom: joe@example.com\nComments: c\nX-Other: x\nList-Id: <l>\ncc: a\ncc: b\n\nbody\n"

    Expect.equal [ "TO"; "From"; "List-Id"; "cc"; "cc" ] (names (runWith policy local mail))

[<Test>]
let ``RFC6376-5.4.1-1 every field that should be signed is`` () =
    let recommended =
        [
            "From"
            "Sender"
            "Reply-To"
            "Subject"
            "Date"
            "Message-ID"
            "To"
            "Cc"
            "MIME-Version"
        ]
        @ [
            "Content-Type"
            "Content-Transfer-Encoding"
            "Content-ID"
            "Content-Description"
        ]
        @ [
            "Resent-Date"
            "Resent-From"
            "Resent-Sender"
            "Resent-To"
            "Resent-Cc"
            "Resent-Message-ID"
        ]
        @ [ "In-Reply-To"; "References" ]
        @ [
            "List-Id"
            "List-Help"
            "List-Unsubscribe"
            "List-Subscribe"
            "List-Post"
            "List-Owner"
            "List-Archive"
        ]

    let mail =
        String.Join("\n", recommended |> List.map (fun name -> name + ": joe@example.com"))
        + "\n\nbody\n"

    Expect.equal recommended (names (runWith policy local mail))

[<Test>]
let ``RFC6376-5.4-2 what changes on the way is not signed, even where all is`` () =
    let left =
        [
            "Return-Path"
            "Received"
            "Comments"
            "Keywords"
            "Bcc"
            "Resent-Bcc"
            "DKIM-Signature"
        ]

    let mail =
        String.Join("\n", left |> List.map (fun name -> name + ": x"))
        + "\nX-A: y\n"
        + plain

    let all =
        signing (fun signing ->
            { signing with
                SignHeaders = ValueSome(fun _ -> true)
            })

    let signedNames = names (runWith all local mail)
    Expect.contains "X-A" (String.Join(' ', signedNames))

    for name in left do
        Expect.isTrue (not (List.contains name signedNames)) name

[<Test>]
let ``SignHeaders replaces the list, OmitHeaders takes from it, From stays`` () =
    let patterns texts =
        Pattern.any (List.map Pattern.ofText texts)

    let only =
        signing (fun signing ->
            { signing with
                SignHeaders = ValueSome(patterns [ "X-*"; "Subject" ])
                OmitHeaders = patterns [ "x-b*"; "From" ]
            })

    let mail = "X-A: 1\nX-B: 2\nX-Bc: 3\n" + plain
    Expect.equal [ "X-A"; "From"; "Subject" ] (names (runWith only local mail))

[<Test>]
let ``RFC6376-5.4-4 AlwaysSignHeaders are named once where the message has none`` () =
    let always =
        signing (fun signing ->
            { signing with
                AlwaysSignHeaders = [ FieldName.known "Reply-To"; FieldName.known "subject" ]
            })

    let found = names (runWith always local plain)
    Expect.equal 1 (found |> List.filter ((=) "Reply-To") |> List.length)
    Expect.isTrue (not (List.contains "subject" found)) "the message has a Subject"

[<Test>]
let ``RFC6376-5.4.2-3 OverSignHeaders are named once more than they are there`` () =
    let over =
        signing (fun signing ->
            { signing with
                OverSignHeaders = [ FieldName.known "From"; FieldName.known "X-None" ]
            })

    let found = names (runWith over local plain)
    Expect.equal 2 (found |> List.filter ((=) "From") |> List.length)
    Expect.equal 1 (found |> List.filter ((=) "X-None") |> List.length)
    let mail = signedBy over plain
    let ran = runWith policy arriving.Value ("From: eve@example.com\r\n" + mail)
    Expect.contains "dkim=fail" (ran.Value "Authentication-Results")

[<Test>]
let ``z= has every field that is not omitted`` () =
    let copies = signing (fun signing -> { signing with Diagnostics = true })

    match tag "z" (runWith copies local ("Received: r\nX-A: a|b\n" + plain)) with
    | ValueSome text ->
        let copied = TagList.withoutWhiteSpace text
        Expect.isTrue (copied.StartsWith "X-A:=20a=7Cb|From:=20Joe=20<joe@example.com>|To:") copied
        Expect.lacks "Received" copied
    | ValueNone -> Assert.Fail "no z="

[<TestCase("body\n", 6)>]
[<TestCase("body\n\n\n\n", 6)>]
[<TestCase("", 2)>]
let ``RFC6376-5.3.1-2 l= counts canonical octets`` (body: string, expected: int) =
    let lengths = signing (fun signing -> { signing with Length = WholeLength })
    let mail = plain.Replace("body\n", body)
    Expect.equal (ValueSome(string expected)) (tag "l" (runWith lengths local mail))

[<TestCase(4, "4")>]
[<TestCase(100, "6")>]
let ``MaximumSignedBytes bounds what is signed`` (most: int, expected: string) =
    let most =
        signing (fun signing ->
            { signing with
                Length = AtMost(int64 most * 1L<octet>)
            })

    Expect.equal (ValueSome expected) (tag "l" (runWith most local plain))
    let mail = signedBy most plain + "appended\n"
    let ran = runWith policy arriving.Value mail
    Expect.contains "dkim=pass" (ran.Value "Authentication-Results")

[<Test>]
let ``RFC6376-5.3.1-1 neither l= nor x= nor i= nor z= is written by default`` () =
    let ran = runWith policy local plain

    for name in [ "l"; "x"; "i"; "z"; "q" ] do
        Expect.equal ValueNone (tag name ran)

[<Test>]
let ``SignatureTTL counts from t=`` () =
    let mortal =
        signing (fun signing ->
            { signing with
                Lifetime = ValueSome 3600L<sec>
            })

    Expect.equal (ValueSome "1700003600") (tag "x" (runWith mortal local plain))

[<Test>]
let ``canonicalizations are those of the settings`` () =
    let relaxed =
        signing (fun signing ->
            { signing with
                HeaderCanon = RelaxedHeader
                BodyCanon = SimpleBody
            })

    Expect.equal (ValueSome "relaxed/simple") (tag "c" (runWith relaxed local plain))

    let ran =
        runWith policy arriving.Value ((signedBy relaxed plain).Replace("Subject: hi", "SUBJECT:   hi"))

    Expect.contains "dkim=pass" (ran.Value "Authentication-Results")

[<Test>]
let ``rsa-sha1 signs where it is asked for`` () =
    let sha1 = signing (fun signing -> { signing with Hash = Sha1 })
    Expect.equal (ValueSome "rsa-sha1") (tag "a" (runWith sha1 local plain))

[<Test>]
let ``RFC8463-5-2 two keys of one pattern make two signatures, RSA and Ed25519`` () =
    let keys = [ filterKey "mail" rsa.Value; filterKey "ed" ed25519.Value ]

    let two =
        { policy with
            Roles =
                { policy.Roles with
                    Keys = KeyList(fun _ -> keys)
                }
        }

    let ran = runWith two local plain
    Expect.equal 2 ran.Inserted.Length
    let fields = applied ran.Changes []

    Expect.equal
        [ ValueSome "rsa-sha256"; ValueSome "ed25519-sha256" ]
        (fields |> List.map (fun field -> (tagsOf field).TryValue "a"))

    let ed = List.last fields + "\r\n" + crlf plain

    let zone =
        [
            text "ed._domainkey.example.com" (published ed25519.Value)
            exists "example.com"
        ]

    let ran = runWith policy { outside with Zone = zone } ed
    Expect.contains "dkim=pass (256-bit key)" (ran.Value "Authentication-Results")

[<Test>]
let ``RFC6376-5.4-3 old signatures are deleted from the last, before the new one comes`` () =
    let removing =
        signing (fun signing ->
            { signing with
                RemoveOldSignatures = true
                SignHeaders = ValueSome(fun _ -> true)
                OmitHeaders = fun _ -> false
            })

    let mail = "DKIM-Signature: a\nX: y\ndkim-signature: b\n" + plain + ""
    let ran = runWith removing local ("DKIM-Signature: c\n" + mail)

    match ran.Changes with
    | [ Deleted(_, 3); Deleted(_, 2); Deleted(_, 1); Inserted(0, field) ] ->
        Expect.isTrue (field.StartsWith "DKIM-Signature: v=1") field
        Expect.isTrue (not (List.contains "DKIM-Signature" (names ran))) "what goes is not signed"
    | other -> Assert.Fail(string (box other))

[<Test>]
let ``the field of presence stands above the signature`` () =
    let marked =
        { policy with
            Marks = { policy.Marks with XHeader = true }
        }

    match applied (runWith marked local plain).Changes [ "Received: own" ] with
    | [ presence; signature; _ ] ->
        Expect.equal "X-DKIM: Sendmail DKIM Filter v2.8.3 mx.example.net JOB1" presence
        Expect.isTrue (signature.StartsWith "DKIM-Signature:") signature
    | other -> Assert.Fail(string (box other))

    let nameless = runWith marked { local with Macros = [] } plain
    Expect.equal "Sendmail DKIM Filter v2.8.3 unknown-host (unknown-jobid)" (nameless.Value "X-DKIM")

[<Test>]
let ``RFC6376-5.3-2 line ends are repaired before they are hashed`` () =
    let fixing = { policy with FixLineEnds = true }
    // As it is, and as the MTA will send it.
    let bare = crlf (plain.Replace("body\n", "")) + "one\ntwo\rthree\r\n"
    let whole = crlf (plain.Replace("body\n", "one\ntwo\nthree\n"))

    let signature =
        let parts = DkimFilter.parts fixing
        use message = new MilterMessage(parts, local.Client)

        let header =
            Header.ofBlock (ReadOnlyMemory(Octets.ofLatin1 (bare.Substring(0, bare.IndexOf "\r\n\r\n" + 2))))

        for field in header.Fields do
            message.Field(ReadOnlySpan(Octets.ofLatin1 field.Name), field.Value, true)

        message.EndOfHeader(
            { new IMilterMacros with
                member _.Find _ = ValueNone
            },
            now
        )
        // A line end may be cut in two.
        for octet in Octets.ofLatin1 "one\ntwo\rthree\r\n" do
            message.Feed(ReadOnlySpan [| octet |])

        message.End()
        let fields = Collections.Generic.List<string>()

        message.Decision.Tell
            { new IMilterReply with
                member _.Insert(_, field) =
                    fields.Add(Octets.latin1 field.Raw.Span)

                member _.Delete(_, _) = ()
                member _.Quarantine _ = ()
                member _.Send _ = ()
                member _.Keep(_, _) = ()
                member _.Accept() = ()
                member _.Refuse(_, _, _) = ()
                member _.TempFail() = ()
                member _.Discard() = ()
            }

        fields[0]

    let ran = runWith policy arriving.Value (signature + "\r\n" + whole)
    Expect.contains "dkim=pass" (ran.Value "Authentication-Results")

let private acting change =
    { policy with
        Actions = change policy.Actions
    }

[<Test>]
let ``RFC6376-5.4-1 a message without From is no message to sign`` () =
    let rejecting =
        acting (fun actions ->
            { actions with
                BadSignature = FilterAction.Reject
            })

    let ran = runWith rejecting local "Sender: joe@example.com\n\nbody\n"
    Expect.equal (Refused(550, "5.7.0", "DKIM signature syntax error")) ran.Ending
    Expect.equal [ "JOB1: syntax error: no From field to sign" ] ran.Log
    Expect.equal Accepted (runWith policy local "Sender: joe@example.com\n\nbody\n").Ending

[<Test>]
let ``RFC6376-5.1-1 a signature that cannot be made ends by the internal action`` () =
    let long =
        String.Join("", [ for index in 1..600 -> "Subject: " + string index + "\n" ])

    let ran = runWith policy local (long + plain)
    Expect.equal Deferred ran.Ending
    Expect.equal [] ran.Changes
    Expect.contains "resource unavailable" ran.Log.Head

    let rejecting =
        acting (fun actions ->
            { actions with
                InternalError = FilterAction.Reject
            })

    Expect.equal (Refused(550, "5.7.0", "resource unavailable")) (runWith rejecting local (long + plain)).Ending

[<Test>]
let ``an Ed25519 key cannot sign with DomainKeys`` () =
    let ed =
        { dkPolicy with
            Roles =
                { dkPolicy.Roles with
                    Keys = SingleKey(filterKey "ed" ed25519.Value)
                }
            Actions =
                { dkPolicy.Actions with
                    InternalError = FilterAction.Reject
                }
        }

    Expect.equal (Refused(550, "5.7.0", "internal DomainKeys error")) (dkRunWith ed local plain).Ending

[<Test>]
let ``success is told where it is wanted`` () =
    let telling =
        { policy with
            Marks =
                { policy.Marks with
                    SyslogSuccess = true
                }
        }

    Expect.equal [ "JOB1 \"DKIM-Signature\" header added" ] (runWith telling local plain).Log

[<Test>]
let ``results of others on mail of ours are left alone`` () =
    let ran =
        runWith policy local ("Authentication-Results: mx.example.net; dkim=pass\n" + plain)

    Expect.equal [] ran.Deleted

[<Test>]
let ``what was hashed is left in files where that is wanted`` () =
    let keeping =
        { policy with
            Marks = { policy.Marks with KeepsHashed = true }
        }

    let kept (ran: Ran) =
        ran.Changes
        |> List.choose (fun change ->
            match change with
            | Kept(prefix, octets) -> Some(prefix, octets)
            | _ -> None)

    match kept (runWith keeping local plain) with
    | [ "dkim.JOB1", header; "dkim.JOB1", "body\r\n" ] ->
        Expect.isTrue (header.StartsWith "From: Joe <joe@example.com>\r\n") header
        Expect.isTrue (header.TrimEnd().EndsWith "b=") header
    | other -> Assert.Fail(string (box other))

    Expect.equal 2 (kept (runWith keeping arriving.Value signed.Value)).Length
