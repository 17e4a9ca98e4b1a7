/// Which mail dk-filter signs, for which domain, and what its signatures look like.
module Dkim.Tests.Core.DkFilterSigningTests

open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Settings
open Dkim.Tests.Core
open Dkim.Tests.FilterPassages
open Dkim.Tests.Core.FilterExamples
open Dkim.Tests.Core.DkFilterExamples

let private signing (change: SigningSettings -> SigningSettings) : FilterPolicy =
    { dkPolicy with
        Signing = change dkPolicy.Signing
    }

[<Tests>]
let tests =
    testList
        "DkFilterSigningTests"
        [
            testCase "RFC4870-3.5.5-1 the signature looks as ever and stands below the MTA's own field" (fun () ->
                match (dkRunWith dkPolicy local received).Changes with
                | [ Inserted(1, field) ] ->
                    let lines = field.Split "\r\n"
                    Expect.equal "DomainKey-Signature: a=rsa-sha1; s=mail; d=example.com; c=simple; q=dns;" lines[0]
                    Expect.isTrue (lines[1].StartsWith "\tb=") field
                    Expect.isTrue (lines |> Array.skip 1 |> Array.forall (fun line -> line.Length <= 65)) field
                | other -> failtest (string (box other)))

            testCase "RFC4870-3.3-8 with -H the names stand in the order of the message, in lower case" (fun () ->
                let named = signing (fun signing -> { signing with WithNames = true })

                let mail =
                    "DKIM-Signature: x\n"
                    + received.Replace("To: you", "X-X-Sender: j\nReply-To: r@example.com\nTo: you")
                    + ""

                let field = (dkRunWith named local mail).Inserted |> List.exactlyOne
                let lines = field.Split "\r\n"
                Expect.equal "\th=dkim-signature:received:from:x-x-sender:reply-to:to:subject:" lines[1]
                Expect.equal "\tdate:message-id;" lines[2]
                Expect.isTrue (lines[3].StartsWith "\tb=") field)

            testCase "what -o leaves out is not signed, and the names are then written" (fun () ->
                let omitting =
                    signing (fun signing ->
                        { signing with
                            OmitHeaders = ValueSome [ Pattern.ofText "Received"; Pattern.ofText "From" ]
                        })

                let field = (dkRunWith omitting local received).Inserted |> List.exactlyOne
                Expect.contains "\th=from:to:subject:date:message-id;" field

                let mail =
                    (signedBy omitting received).Replace("Received: from a", "Received: from z")

                Expect.contains "domainkeys=pass" (results (dkRunWith dkPolicy arriving.Value mail)))

            testCase "-o that leaves no field out changes no signature" (fun () ->
                let field (policy: FilterPolicy) =
                    (dkRunWith policy local received).Inserted |> List.exactlyOne

                let omitting name =
                    { dkPolicy with
                        Signing.OmitHeaders = ValueSome [ Pattern.ofText name ]
                    }

                Expect.equal (field dkPolicy) (field (omitting "X-None"))
                Expect.contains "\th=" (field (omitting "Received")))

            testRows "RFC4870-3.3-5 both canonicalizations sign and verify" [ "simple"; "nofws" ] (fun (name: string) ->
                let policy =
                    signing (fun signing ->
                        if name = "nofws" then
                            { signing with
                                HeaderCanon = NofwsHeader
                                BodyCanon = NofwsBody
                            }
                        else
                            signing)

                let mail = signedBy policy received
                Expect.contains ("c=" + name + ";") mail
                let ran = dkRunWith dkPolicy arriving.Value mail
                Expect.equal "mx.example.net; domainkeys=pass header.from=joe@example.com" (results ran)
                Expect.equal Accepted ran.Ending
                Expect.equal [ keyName ] ran.Asked)

            testCase "RFC4870-3.1-2 the sender goes before the author" (fun () ->
                let mail =
                    "Sender: list@example.com\n"
                    + plain.Replace("joe@example.com", "joe@other.example")

                let ran = dkRunWith dkPolicy arriving.Value (signedBy dkPolicy mail)
                Expect.contains "domainkeys=pass header.sender=list@example.com" (results ran)

                Expect.equal
                    []
                    (dkRunWith
                        { dkPolicy with
                            Roles.Mode = ValueSome { Signs = true; Verifies = false }
                        }
                        local
                        (plain.Replace("joe@example.com", "joe@other.example")))
                        .Changes
                // Resent fields, which dkim-filter heeds, say nothing here.
                let resent = "Resent-From: a@other.example\n" + plain
                Expect.equal 1 (dkRunWith dkPolicy local resent).Inserted.Length)

            testCase "RFC4870-3.1-2 a sender's domain in UTF-8 is the same as in A-labels" (fun () ->
                let name = "xn--bcher-kva.example"

                let ours =
                    { dkPolicy with
                        Lists.Domains = ValueSome(DomainList.ofEntries [ name ])
                    }

                // The octets of a header are characters of Latin-1 here.
                let mail = plain.Replace("joe@example.com", "joe@b\195\188cher.example")
                let signed = signedBy ours mail
                Expect.contains ("d=" + name + ";") signed

                let way =
                    { outside with
                        Zone = [ text ("mail._domainkey." + name) publishedKey.Value ]
                    }

                Expect.contains "domainkeys=pass" (results (dkRunWith dkPolicy way signed))
                Expect.equal [ "_domainkey." + name ] (dkRunWith dkPolicy way mail).Asked)

            testCase "a listed parent signs for the domains below it" (fun () ->
                let policy =
                    { dkPolicy with
                        Roles.SubDomains = true
                    }

                let mail = signedBy policy (plain.Replace("joe@example.com", "joe@sub.example.com"))
                Expect.contains "d=example.com; " mail
                Expect.lacks "i=" (mail.Substring(0, mail.IndexOf "b="))
                Expect.contains "domainkeys=pass" (results (dkRunWith dkPolicy arriving.Value mail)))

            testCase "RFC4870-3.5-1 mail of our domain is signed where it comes from us, and nowhere else" (fun () ->
                let isSigned way =
                    (dkRunWith dkPolicy way plain).Inserted
                    |> List.exists _.StartsWith("DomainKey-Signature:")

                Expect.equal (true, false) (isSigned local, isSigned outside))

            testCase "RFC4870-3.5.2-1 what is signed already is not signed again" (fun () ->
                let ran = dkRunWith dkPolicy local signed.Value
                Expect.equal [] ran.Changes
                Expect.equal [ "JOB1: syntax error: a DomainKeys signature is there already" ] ran.Log
                Expect.equal Accepted ran.Ending)

            testCase "the field of presence stands above the signature and above the results" (fun () ->
                let marked =
                    { dkPolicy with
                        Reporting =
                            { dkPolicy.Reporting with
                                XHeader = true
                            }
                    }

                match applied (dkRunWith marked local plain).Changes [ "Received: own"; "From: x" ] with
                | [ _; presence; signature; _ ] ->
                    Expect.equal "X-DomainKeys: Sendmail DomainKeys Filter v1.0.0 mx.example.net JOB1" presence
                    Expect.isTrue (signature.StartsWith "DomainKey-Signature:") signature
                | other -> failtest (string (box other))

                match (dkRunWith marked arriving.Value signed.Value).Inserted with
                | [ results; presence ] ->
                    Expect.isTrue (results.StartsWith "Authentication-Results:") results
                    Expect.isTrue (presence.StartsWith "X-DomainKeys:") presence
                | other -> failtest (string (box other)))
        ]
