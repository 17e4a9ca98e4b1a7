/// Third parties that an author's domain has authorized (ATPSDomains), and reports to those who ask for them (SendReports).
module Dkim.Tests.Core.OpenDkimThirdPartyTests

open System
open Expecto
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Tests
open Dkim.Tests.Core
open Dkim.Tests.FilterPassages

let private serving lines =
    OpenDkimRuns.start [] lines |> Starts.serving

let private claim naming author : ThirdParty =
    {
        Author = domain author
        Naming = naming
    }

let private names =
    [
        testCase "RFC6541-4.3-2 a record is named by a hash of the signer, or by the signer" (fun () ->
            for signer, naming, name in
                [
                    "one.example.net", HashedName Sha1, "qsp4i4d24crhopdz3o3ziu2ksgs3x6z6._atps.example.com"
                    "two.example.net", HashedName Sha1, "ztzgrrv3f45a4u6hldkbf3zcow4v2ajx._atps.example.com"
                    "one.example.net", PlainName, "one.example.net._atps.example.com"
                    "esp.example.net",
                    HashedName Sha256,
                    "3c6mkc2cgd4m4ypnofjvixi22i7raabgbt66dbszkliyzd44zrea._atps.example.com"
                ] do
                Expect.equal (ValueSome name) (ThirdParty.tryName (domain signer) (claim naming "example.com")))

        testCase "no record has a name that would be too long" (fun () ->
            let long = String.replicate 4 (String('a', 50) + ".")
            let claim = claim PlainName (long + "example.com")
            Expect.equal ValueNone (ThirdParty.tryName (domain (long + "example.net")) claim))

        testCase "RFC6541-4.4-1 a record that authorizes has the version, and no other domain" (fun () ->
            for record, authorizes in
                [
                    "v=ATPS1", true
                    "v=ATPS1; d=esp.example.net", true
                    "v=ATPS1; d=ESP.example.net;", true
                    "v=ATPS1; d=other.example", false
                    "v=ATPS2", false
                    "d=esp.example.net", false
                    "anything", false
                    "", false
                ] do
                Expect.equal authorizes (ThirdParty.authorizes (domain "esp.example.net") record))
    ]

let private tagsOf lines mail =
    let ran =
        OpenDkimRuns.send
            (serving (
                lines
                @ [
                    "KeyTable csl:k=esp.example.net:s:/keys/rsa,own=example.com:s:/keys/rsa"
                    "SigningTable csl:joe@example.com=k,bob@example.com=own,joe@example.org=k"
                ]
            ))
            local
            mail

    OpenDkimRuns.topmostTag "atps" ran, OpenDkimRuns.topmostTag "atpsh" ran

let private signing =
    [
        testCase "RFC6541-4.2-1 a signature under another domain names the author whose domain is listed" (fun () ->
            let lines = [ "ATPSDomains example.com" ]
            Expect.equal (Some "example.com", Some "sha256") (tagsOf lines plain)
            Expect.equal (None, None) (tagsOf lines (plain.Replace("joe@example.com", "bob@example.com")))
            Expect.equal (None, None) (tagsOf lines (plain.Replace("joe@example.com", "joe@example.org")))
            Expect.equal (None, None) (tagsOf [] plain))

        testRows "the settings say the hash" [ "sha1"; "none"; "SHA256" ] (fun (hash: string) ->
            let lines = [ "ATPSDomains csl:EXAMPLE.com"; "ATPSHashAlgorithm " + hash ]
            Expect.equal (Some "example.com", Some(hash.ToLowerInvariant())) (tagsOf lines plain))

        testCase "no other hash is taken" (fun () ->
            let said, exitCode =
                OpenDkimRuns.start [] [ "ATPSHashAlgorithm md5" ] |> Starts.failed

            Expect.contains "unknown ATPS hash \"md5\"" said
            Expect.equal 78 exitCode)
    ]

let private claiming author naming =
    lazy
        (OpenDkimRuns.signedWith (fun request ->
            { request with
                ThirdParty = ValueSome(claim naming author)
            }))

let private hashed = claiming "example.com" (HashedName Sha256)

let private recordName =
    "3c6mkc2cgd4m4ypnofjvixi22i7raabgbt66dbszkliyzd44zrea._atps.example.com"

let private results zone mail =
    let way =
        { outside with
            Zone = OpenDkimRuns.signerKey.Value :: zone
            Now = Samples.now
        }

    let ran = OpenDkimRuns.send (serving [ "Mode v" ]) way mail
    ran.Value "Authentication-Results", ran.Asked

let private verifying =
    [
        testCase "RFC6541-4.4-2 the author's domain says whether it has authorized the signer" (fun () ->
            for zone, word in
                [
                    [ text recordName "v=ATPS1; d=esp.example.net" ], "pass"
                    [ texts recordName [ "junk"; "v=ATPS1" ] ], "pass"
                    [ text recordName "v=ATPS1; d=other.example" ], "fail"
                    [], "fail"
                    [ fails recordName ], "temperror"
                ] do
                let told, asked = results zone hashed.Value
                Expect.contains "dkim=pass" told
                Expect.endsWith ("; dkim-atps=" + word) told
                Expect.has recordName asked)

        testCase "a record under the plain name of the signer counts" (fun () ->
            let zone = [ text "esp.example.net._atps.example.com" "v=ATPS1" ]
            let told, _ = results zone (claiming "example.com" PlainName).Value
            Expect.endsWith "; dkim-atps=pass" told)

        testCase
            "RFC6541-4.3-1 nothing is asked or told of a claim for another author, of a bad signature, or of none"
            (fun () ->
                let zone = [ text recordName "v=ATPS1" ]

                for mail in
                    [
                        (claiming "example.org" (HashedName Sha256)).Value
                        hashed.Value + "more\r\n"
                        hashed.Value.Replace("atpsh=sha256", "atpsh=md5")
                        OpenDkimRuns.signedWith id
                    ] do
                    let told, asked = results zone mail
                    Expect.lacks "atps" told
                    Expect.equal [ "s._domainkey.esp.example.net" ] asked)
    ]

let private asking =
    lazy
        (OpenDkimRuns.signedWith (fun request -> { request with WantsReports = true })
         + "more\r\n")

let private reportOf lines record mail =
    let way =
        { outside with
            Zone =
                [
                    OpenDkimRuns.signerKey.Value
                    text "_report._domainkey.esp.example.net" record
                ]
            Now = Samples.now
        }

    let ran = OpenDkimRuns.send (serving ([ "Mode v" ] @ lines)) way mail

    let sent =
        ran.Changes
        |> List.choose (fun change ->
            match change with
            | Sent message -> Some message
            | _ -> None)

    sent, ran

let private reports =
    [
        testCase "reports go to those who ask in signature and record" (fun () ->
            let yes =
                [
                    "SendReports yes"
                    "ReportAddress r@example.net"
                    "ReportBccAddress a@example.net"
                ]

            let sent, ran = reportOf yes "ra=abuse" asking.Value
            let report = List.exactlyOne sent
            Expect.contains "From: r@example.net\r\nTo: abuse@esp.example.net\r\nBcc: a@example.net\r\n" report
            Expect.contains "Auth-Failure: bodyhash\r\n" report
            Expect.contains "User-Agent: OpenDKIM-Filter/2.11.0\r\n" report
            Expect.contains "DKIM-Canonicalized-Body: " report
            Expect.equal Accepted ran.Ending
            Expect.contains "dkim=fail" (ran.Value "Authentication-Results")

            for lines, record, mail in
                [
                    [], "ra=abuse", asking.Value
                    yes, "ra=abuse; rr=x", asking.Value
                    yes, "rr=all", asking.Value
                    yes, "ra=abuse", OpenDkimRuns.signedWith (fun request -> { request with WantsReports = true })
                    yes, "ra=abuse", OpenDkimRuns.signedWith id + "more\r\n"
                ] do
                Expect.equal [] (fst (reportOf lines record mail)))

        testCase "a refused message is reported, with the domain's sentence in the reply" (fun () ->
            let lines = [ "SendReports yes"; "On-BadSignature reject" ]
            let sent, ran = reportOf lines "ra=abuse; rs=see=20us" asking.Value
            Expect.equal (Refused(550, "5.7.0", "see us: bad DKIM signature data")) ran.Ending
            Expect.contains "Delivery-Result: reject\r\n" (List.exactlyOne sent))

        testCase "what the key record says without r=y counts for nothing" (fun () ->
            let way =
                { outside with
                    Zone = [ text "s._domainkey.esp.example.net" (published rsa.Value + "; r=abuse") ]
                    Now = Samples.now
                }

            let mail = OpenDkimRuns.signedWith id + "more\r\n"
            let ran = OpenDkimRuns.send (serving [ "Mode v"; "SendReports yes" ]) way mail
            Expect.equal 1 ran.Changes.Length)
    ]

[<Tests>]
let tests =
    testList "OpenDkimThirdPartyTests" (names @ signing @ verifying @ reports)
