/// The signatures that the milters make, octet by octet where it matters.
module Dkim.Tests.Core.FilterSigningTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Values
open Dkim.Tests.Core
open Dkim.Tests.FilterPassages
open Dkim.Tests.Core.FilterExamples

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

[<Tests>]
let tests =
    testList
        "FilterSigningTests"
        [
            testCase "a signature of dkim-filter is broken into lines as ever" (fun () ->
                for sample in samples do
                    let field = Field.ofText "DKIM-Signature" (" " + crlf sample)
                    let read = Signature.parse SignatureLimits.defaults field |> Expect.ok

                    let whole =
                        { read with
                            CopiedFields = read.CopiedFields |> ValueOption.map TagList.withoutWhiteSpace
                        }

                    Expect.equal field.ValueText (Layout.signed Layout.dkimFilter whole).ValueText)

            proves
                [ "RFC6376-3.3-1"; "RFC8301-3.1-1" ]
                (testCase "RFC6376-5.6-2 the field stands on top, with the tags of the original in its order" (fun () ->
                    let ran = runWith policy local plain

                    match ran.Changes with
                    | [ Inserted(0, field) ] ->
                        let tags = (tagsOf field).Tags |> List.map _.Name
                        Expect.equal [ "v"; "a"; "c"; "d"; "s"; "t"; "bh"; "h"; "b" ] tags

                        Expect.isTrue
                            (field.StartsWith
                                "DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=example.com; s=mail;\r\n\tt=1700000000; bh=")
                            field
                    | other -> failtest (string (box other))))

            testCase "all tags stand in the original's order" (fun () ->
                let all =
                    { signing (fun signing ->
                          { signing with
                              Lifetime = ValueSome 60L<sec>
                              BodyLengths = true
                              Diagnostics = true
                          }) with
                        Roles.SubDomains = true
                    }

                let ran =
                    runWith all local (plain.Replace("joe@example.com", "joe@sub.example.com"))

                Expect.equal
                    [ "v"; "a"; "c"; "d"; "s"; "t"; "x"; "i"; "bh"; "l"; "h"; "z"; "b" ]
                    ((tagsOf (signature ran)).Tags |> List.map _.Name))

            testCase "what is signed verifies, by our own verifier" (fun () ->
                let ran = runWith policy arriving.Value signed.Value
                Expect.contains "dkim=pass (1024-bit key)" (ran.Value "Authentication-Results"))

            testCase "z= has every field that is not omitted" (fun () ->
                let copies = signing (fun signing -> { signing with Diagnostics = true })

                match tag "z" (runWith copies local ("Received: r\nX-A: a|b\n" + plain)) with
                | ValueSome text ->
                    let copied = TagList.withoutWhiteSpace text
                    Expect.isTrue (copied.StartsWith "X-A:=20a=7Cb|From:=20Joe=20<joe@example.com>|To:") copied
                    Expect.lacks "Received" copied
                | ValueNone -> failtest "no z=")

            testRows
                "RFC6376-5.3.1-2 l= counts canonical octets"
                [ ("body\n", 6); ("body\n\n\n\n", 6); ("", 2) ]
                (fun (body: string, expected: int) ->
                    let lengths = signing (fun signing -> { signing with BodyLengths = true })
                    let mail = plain.Replace("body\n", body)
                    Expect.equal (ValueSome(string expected)) (tag "l" (runWith lengths local mail)))

            testRows
                "MaximumSignedBytes bounds what is signed"
                [ (4, "4"); (100, "6") ]
                (fun (most: int, expected: string) ->
                    let most =
                        signing (fun signing ->
                            { signing with
                                MaximumSignedBytes = ValueSome(int64 most * 1L<octet>)
                            })

                    Expect.equal (ValueSome expected) (tag "l" (runWith most local plain))
                    let mail = signedBy most plain + "appended\n"
                    let ran = runWith policy arriving.Value mail
                    Expect.contains "dkim=pass" (ran.Value "Authentication-Results"))

            testCase "RFC6376-5.3.1-1 neither l= nor x= nor i= nor z= is written by default" (fun () ->
                let ran = runWith policy local plain

                for name in [ "l"; "x"; "i"; "z"; "q" ] do
                    Expect.equal ValueNone (tag name ran))

            testCase "SignatureTTL counts from t=" (fun () ->
                let mortal =
                    signing (fun signing ->
                        { signing with
                            Lifetime = ValueSome 3600L<sec>
                        })

                Expect.equal (ValueSome "1700003600") (tag "x" (runWith mortal local plain)))

            testCase "canonicalizations are those of the settings" (fun () ->
                let relaxed =
                    signing (fun signing ->
                        { signing with
                            HeaderCanon = RelaxedHeader
                            BodyCanon = SimpleBody
                        })

                Expect.equal (ValueSome "relaxed/simple") (tag "c" (runWith relaxed local plain))

                let ran =
                    runWith policy arriving.Value ((signedBy relaxed plain).Replace("Subject: hi", "SUBJECT:   hi"))

                Expect.contains "dkim=pass" (ran.Value "Authentication-Results"))

            testCase "rsa-sha1 signs where it is asked for" (fun () ->
                let sha1 =
                    signing (fun signing ->
                        { signing with
                            Algorithm = struct (Rsa, Sha1)
                        })

                Expect.equal (ValueSome "rsa-sha1") (tag "a" (runWith sha1 local plain)))

            testCase "an Ed25519 key never signs with SHA-1, whatever is asked for" (fun () ->
                let ed =
                    { signing (fun signing ->
                          { signing with
                              Algorithm = struct (Rsa, Sha1)
                          }) with
                        Lists.Keys = SingleKey(filterKey "ed" ed25519.Value)
                    }

                Expect.equal (ValueSome "ed25519-sha256") (tag "a" (runWith ed local plain)))

            testCase "RFC8463-5-2 two keys of one pattern make two signatures, RSA and Ed25519" (fun () ->
                let keys = [ filterKey "mail" rsa.Value; filterKey "ed" ed25519.Value ]

                let two =
                    { policy with
                        Lists.Keys = KeyList(fun _ -> Ok keys)
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
                Expect.contains "dkim=pass (256-bit key)" (ran.Value "Authentication-Results"))

            testCase "the field of presence stands above the signature" (fun () ->
                let marked =
                    { policy with
                        Reporting = { policy.Reporting with XHeader = true }
                    }

                match applied (runWith marked local plain).Changes [ "Received: own" ] with
                | [ presence; signature; _ ] ->
                    Expect.equal "X-DKIM: Sendmail DKIM Filter v2.8.3 mx.example.net JOB1" presence
                    Expect.isTrue (signature.StartsWith "DKIM-Signature:") signature
                | other -> failtest (string (box other))

                let nameless = runWith marked { local with Macros = [] } plain
                Expect.equal "Sendmail DKIM Filter v2.8.3 unknown-host (unknown-jobid)" (nameless.Value "X-DKIM"))

            testCase "RFC6376-5.4-1 a message without From is no message to sign" (fun () ->
                let rejecting =
                    acting (fun actions ->
                        { actions with
                            BadSignature = Disposition.Reject
                        })

                let ran = runWith rejecting local "Sender: joe@example.com\n\nbody\n"
                Expect.equal (Refused(550, "5.7.0", "DKIM signature syntax error")) ran.Ending
                Expect.equal [ "JOB1: syntax error: no From field to sign" ] ran.Log
                Expect.equal Accepted (runWith policy local "Sender: joe@example.com\n\nbody\n").Ending)

            testCase "RFC6376-5.1-1 a signature that cannot be made ends by the internal action" (fun () ->
                let long =
                    String.Join("", [ for index in 1..600 -> "Subject: " + string index + "\n" ])

                let ran = runWith policy local (long + plain)
                Expect.equal Deferred ran.Ending
                Expect.equal [] ran.Changes
                Expect.contains "resource unavailable" ran.Log.Head

                let rejecting =
                    acting (fun actions ->
                        { actions with
                            InternalError = Disposition.Reject
                        })

                Expect.equal
                    (Refused(550, "5.7.0", "resource unavailable"))
                    (runWith rejecting local (long + plain)).Ending)

            testCase "copies of long fields make a long signature, which is made" (fun () ->
                let copying = signing (fun signing -> { signing with Diagnostics = true })
                let long = "Subject: " + String('x', 2500) + "\n"
                let ran = runWith copying local (plain.Replace("Subject: hi\n", long))
                Expect.equal Accepted ran.Ending
                Expect.above 2500 (signature ran).Length)

            testCase "an Ed25519 key cannot sign with DomainKeys" (fun () ->
                let ed =
                    { dkPolicy with
                        Lists.Keys = SingleKey(filterKey "ed" ed25519.Value)
                        Actions =
                            { dkPolicy.Actions with
                                InternalError = Disposition.Reject
                            }
                    }

                Expect.equal (Refused(550, "5.7.0", "internal DomainKeys error")) (dkRunWith ed local plain).Ending)

            testCase "success is told where it is wanted" (fun () ->
                let telling =
                    { policy with
                        Reporting =
                            { policy.Reporting with
                                SyslogSuccess = true
                            }
                    }

                let ran = runWith telling local plain
                Expect.equal [ "JOB1 \"DKIM-Signature\" header added" ] ran.Log
                let line = List.exactlyOne ran.Lines

                Expect.isTrue
                    (line.StartsWith "JOB1 \"DKIM-Signature\" header added; domain=<example.com>, selector=<")
                    line

                Expect.isTrue (line.EndsWith ", algorithm=<rsa-sha256>, result=<signed>") line)

            testCase "results of others on mail of ours are left alone" (fun () ->
                let ran =
                    runWith policy local ("Authentication-Results: mx.example.net; dkim=pass\n" + plain)

                Expect.equal [] ran.Deleted)

            testCase "what was hashed is left in files where that is wanted" (fun () ->
                let keeping =
                    { policy with
                        Reporting =
                            { policy.Reporting with
                                KeepsHashed = true
                            }
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
                | other -> failtest (string (box other))

                Expect.equal 2 (kept (runWith keeping arriving.Value signed.Value)).Length)
        ]
