/// What dk-filter makes of messages.
module Dkim.Conformance.DkFilterTests

open System
open NUnit.Framework
open Dkim.Core
open Dkim.Conformance
open Dkim.Conformance.FilterPassages

let private results (ran: Ran) = ran.Value "Authentication-Results"

let private acting (change: FilterActions -> FilterActions) : FilterPolicy =
    { dkPolicy with
        Actions = change dkPolicy.Actions
    }

let private signing (change: FilterSigning -> FilterSigning) : FilterPolicy =
    { dkPolicy with
        Signing = change dkPolicy.Signing
    }

/// The message as it stands below the MTA's own first field, with the signature on top.
let private signedBy (policy: FilterPolicy) (mail: string) : string =
    let ran = dkRunWith policy local mail
    String.Join("\r\n", List.rev ran.Inserted) + "\r\n" + crlf mail

let private received =
    "Received: from a by b;\n\tTue, 14 Nov 2023 22:13:20 +0000\n" + plain

let private signed = lazy signedBy dkPolicy received

let private publishedKey =
    lazy ("k=rsa; p=" + Convert.ToBase64String rsa.Value.KeyData)

let private arriving: Lazy<Way> =
    lazy
        { outside with
            Zone = [ text keyName publishedKey.Value ]
        }

let private withKey record =
    { outside with
        Zone = [ text keyName record ]
    }

[<Test>]
let ``RFC4870-3.5.5-1 the signature looks as ever and stands below the MTA's own field`` () =
    match (dkRunWith dkPolicy local received).Changes with
    | [ Inserted(1, field) ] ->
        let lines = field.Split "\r\n"
        Expect.equal "DomainKey-Signature: a=rsa-sha1; s=mail; d=example.com; c=simple; q=dns;" lines[0]
        Expect.isTrue (lines[1].StartsWith "\tb=") field
        Expect.isTrue (lines |> Array.skip 1 |> Array.forall (fun line -> line.Length <= 65)) field
    | other -> Assert.Fail(string (box other))

[<Test>]
let ``RFC4870-3.3-8 with -H the names stand in the order of the message, in lower case`` () =
    let named = signing (fun signing -> { signing with WithNames = true })

    let mail =
        "DKIM-Signature: x\n"
        + received.Replace("To: you", "X-X-Sender: j\nReply-To: r@example.com\nTo: you")
        + ""

    let field = (dkRunWith named local mail).Inserted |> List.exactlyOne
    let lines = field.Split "\r\n"
    Expect.equal "\th=dkim-signature:received:from:x-x-sender:reply-to:to:subject:" lines[1]
    Expect.equal "\tdate:message-id;" lines[2]
    Expect.isTrue (lines[3].StartsWith "\tb=") field

[<Test>]
let ``what -o leaves out is not signed, and the names are then written`` () =
    let omitting =
        signing (fun signing ->
            { signing with
                OmitHeaders = Pattern.any [ Pattern.ofText "Received"; Pattern.ofText "From" ]
            })

    let field = (dkRunWith omitting local received).Inserted |> List.exactlyOne
    Expect.contains "\th=from:to:subject:date:message-id;" field

    let mail =
        (signedBy omitting received).Replace("Received: from a", "Received: from z")

    Expect.contains "domainkeys=pass" (results (dkRunWith dkPolicy arriving.Value mail))

[<Test>]
let ``-o that leaves no field out changes no signature`` () =
    let field (settings: DkFilterSettings) =
        let policy =
            FilterPolicies.dkFilter
                settings
                both
                (files [ "example.com" ] (SingleKey(filterKey "mail" rsa.Value)))
                surroundings

        (dkRunWith policy local received).Inserted |> List.exactlyOne

    let omitting name =
        { DkFilterSettings.defaults with
            OmitHeaders = [ Pattern.ofText name ]
        }

    Expect.equal (field DkFilterSettings.defaults) (field (omitting "X-None"))
    Expect.contains "\th=" (field (omitting "Received"))

[<TestCase("simple")>]
[<TestCase("nofws")>]
let ``RFC4870-3.3-5 both canonicalizations sign and verify`` (name: string) =
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
    Expect.equal [ keyName ] ran.Asked

[<Test>]
let ``RFC4870-3.1-2 the sender goes before the author`` () =
    let mail =
        "Sender: list@example.com\n"
        + plain.Replace("joe@example.com", "joe@other.example")

    let ran = dkRunWith dkPolicy arriving.Value (signedBy dkPolicy mail)
    Expect.contains "domainkeys=pass header.sender=list@example.com" (results ran)

    Expect.equal
        []
        (dkRunWith
            { dkPolicy with
                Roles = { dkPolicy.Roles with Verifies = false }
            }
            local
            (plain.Replace("joe@example.com", "joe@other.example")))
            .Changes
    // Resent fields, which dkim-filter heeds, say nothing here.
    let resent = "Resent-From: a@other.example\n" + plain
    Expect.equal 1 (dkRunWith dkPolicy local resent).Inserted.Length

[<Test>]
let ``RFC4870-3.1-2 a sender's domain in UTF-8 is the same as in A-labels`` () =
    let name = "xn--bcher-kva.example"

    let ours =
        FilterPolicies.dkFilter
            DkFilterSettings.defaults
            both
            (files [ name ] (SingleKey(filterKey "mail" rsa.Value)))
            surroundings

    // The octets of a header are characters of Latin-1 here.
    let mail = plain.Replace("joe@example.com", "joe@b\195\188cher.example")
    let signed = signedBy ours mail
    Expect.contains ("d=" + name + ";") signed

    let way =
        { outside with
            Zone = [ text ("mail._domainkey." + name) publishedKey.Value ]
        }

    Expect.contains "domainkeys=pass" (results (dkRunWith dkPolicy way signed))
    Expect.equal [ "_domainkey." + name ] (dkRunWith dkPolicy way mail).Asked

[<Test>]
let ``a listed parent signs for the domains below it`` () =
    let policy =
        { dkPolicy with
            Roles =
                { dkPolicy.Roles with
                    FindParent = ValueSome(fun _ -> ValueSome(domain "example.com"))
                }
        }

    let mail = signedBy policy (plain.Replace("joe@example.com", "joe@sub.example.com"))
    Expect.contains "d=example.com; " mail
    Expect.lacks "i=" (mail.Substring(0, mail.IndexOf "b="))
    Expect.contains "domainkeys=pass" (results (dkRunWith dkPolicy arriving.Value mail))

[<Test>]
let ``RFC4870-3.5-1 mail of our domain is signed where it comes from us, and nowhere else`` () =
    let isSigned way =
        (dkRunWith dkPolicy way plain).Inserted
        |> List.exists _.StartsWith("DomainKey-Signature:")

    Expect.equal (true, false) (isSigned local, isSigned outside)

[<Test>]
let ``RFC4870-3.5.2-1 what is signed already is not signed again`` () =
    let ran = dkRunWith dkPolicy local signed.Value
    Expect.equal [] ran.Changes
    Expect.equal [ "JOB1: syntax error: a DomainKeys signature is there already" ] ran.Log
    Expect.equal Accepted ran.Ending

[<Test>]
let ``the field of presence stands above the signature and above the results`` () =
    let marked =
        { dkPolicy with
            Marks = { dkPolicy.Marks with XHeader = true }
        }

    match applied (dkRunWith marked local plain).Changes [ "Received: own"; "From: x" ] with
    | [ _; presence; signature; _ ] ->
        Expect.equal "X-DomainKeys: Sendmail DomainKeys Filter v1.0.0 mx.example.net JOB1" presence
        Expect.isTrue (signature.StartsWith "DomainKey-Signature:") signature
    | other -> Assert.Fail(string (box other))

    match (dkRunWith marked arriving.Value signed.Value).Inserted with
    | [ results; presence ] ->
        Expect.isTrue (results.StartsWith "Authentication-Results:") results
        Expect.isTrue (presence.StartsWith "X-DomainKeys:") presence
    | other -> Assert.Fail(string (box other))

let private altered = lazy signed.Value.Replace("body", "b0dy")

[<Test>]
let ``RFC4870-3.8-1 each result`` () =
    let told way mail = results (dkRunWith dkPolicy way mail)

    let from = " header.from=joe@example.com"
    Expect.equal ("mx.example.net; domainkeys=fail" + from) (told arriving.Value altered.Value)
    Expect.equal ("mx.example.net; domainkeys=neutral (no signature)" + from) (told outside plain)
    Expect.equal ("mx.example.net; domainkeys=neutral (no key)" + from) (told outside signed.Value)
    Expect.equal ("mx.example.net; domainkeys=neutral (no key)" + from) (told (withKey "p=") signed.Value)
    Expect.equal ("mx.example.net; domainkeys=neutral (bad key)" + from) (told (withKey "p=AAAA") signed.Value)
    Expect.equal ("mx.example.net; domainkeys=neutral (bad key)" + from) (told (withKey "nonsense") signed.Value)

    Expect.equal
        ("mx.example.net; domainkeys=neutral (bad format)" + from)
        (told arriving.Value ("DomainKey-Signature: nonsense\n" + plain))

    Expect.equal
        ("mx.example.net; domainkeys=pass (testing)" + from)
        (told (withKey (publishedKey.Value + "; t=y")) signed.Value)

    Expect.equal
        ("mx.example.net; domainkeys=neutral (no signature) (testing)" + from)
        (told
            { outside with
                Zone = [ text "_domainkey.example.com" "o=~; t=y" ]
            }
            plain)

[<Test>]
let ``RFC4870-3.7.4-2 a key that cannot be used is no reason to try again`` () =
    for record in [ "p=AAAA"; "nonsense"; "p="; "k=other; p=AAAA" ] do
        Expect.equal Accepted (dkRunWith dkPolicy (withKey record) signed.Value).Ending

    Expect.equal Accepted (dkRunWith dkPolicy outside signed.Value).Ending

[<Test>]
let ``RFC4870-3.7.4-1 a lookup that fails ends by the action for DNS`` () =
    let way =
        { outside with
            Zone = [ fails keyName ]
        }

    let ran = dkRunWith dkPolicy way signed.Value
    Expect.equal Deferred ran.Ending
    Expect.equal "JOB1: key retrieval failed (s=mail, d=example.com): SERVFAIL" (List.last ran.Log)

    let accepting =
        acting (fun actions ->
            { actions with
                DnsError = FilterAction.Accept
            })

    Expect.contains "domainkeys=temperror (key retrieval failed)" (results (dkRunWith accepting way signed.Value))

[<TestCase("o=-", true)>]
[<TestCase("o=~", false)>]
[<TestCase("", false)>]
let ``RFC4870-3.6-1 unsigned mail of a domain that signs all is missing its signature`` (record: string, all: bool) =
    let rejecting =
        acting (fun actions ->
            { actions with
                SignatureMissing = FilterAction.Reject
                NoSignature = FilterAction.Discard
            })

    let way =
        { outside with
            Zone = [ text "_domainkey.example.com" record ]
        }

    let ran = dkRunWith rejecting way plain

    Expect.equal
        (if all then
             Refused(550, "5.7.0", "DomainKeys signature missing")
         else
             Discarded)
        ran.Ending

    Expect.equal [ "_domainkey.example.com" ] ran.Asked

[<Category "RFC4870-3.7.6-1">]
[<Test>]
let ``RFC4870-3.6-2 no policy is asked for where the signature is good`` () =
    Expect.equal [ keyName ] (dkRunWith dkPolicy arriving.Value signed.Value).Asked
    Expect.equal [ keyName; "_domainkey.example.com" ] (dkRunWith dkPolicy arriving.Value altered.Value).Asked

[<Test>]
let ``RFC4870-3.6-3 no policy record means that some mail is signed`` () =
    let rejecting =
        acting (fun actions ->
            { actions with
                SignatureMissing = FilterAction.Reject
            })

    Expect.equal Accepted (dkRunWith rejecting outside plain).Ending

    let failing =
        { outside with
            Zone = [ fails "_domainkey.example.com" ]
        }

    Expect.equal Accepted (dkRunWith rejecting failing plain).Ending

[<Test>]
let ``bad signatures end by their action`` () =
    let rejecting =
        acting (fun actions ->
            { actions with
                BadSignature = FilterAction.Reject
            })

    Expect.equal
        (Refused(550, "5.7.0", "bad DomainKeys signature"))
        (dkRunWith rejecting arriving.Value altered.Value).Ending

    Expect.equal
        (Refused(550, "5.7.0", "DomainKeys signature syntax error"))
        (dkRunWith rejecting arriving.Value ("DomainKey-Signature: nonsense\n" + plain)).Ending

    Expect.equal Accepted (dkRunWith dkPolicy arriving.Value altered.Value).Ending

[<Test>]
let ``RFC4870-3.2.3-5 RFC4870-3.6-1 who only tries his signatures is not refused, nor held`` () =
    let strict =
        { acting (fun _ -> FilterCodecs.everyAction FilterAction.Reject) with
            Verifying =
                { dkPolicy.Verifying with
                    Quarantine = true
                }
        }

    let ending way mail =
        let ran = dkRunWith strict way mail
        Expect.equal 1 ran.Changes.Length
        Expect.contains "(testing)" (results ran)
        ran.Ending

    let policyTesting =
        { outside with
            Zone = [ text "_domainkey.example.com" "o=-; t=y"; text keyName publishedKey.Value ]
        }

    Expect.equal Accepted (ending (withKey (publishedKey.Value + "; t=y")) altered.Value)
    Expect.equal Accepted (ending policyTesting altered.Value)
    Expect.equal Accepted (ending policyTesting plain)
    Expect.equal Accepted (ending policyTesting ("DomainKey-Signature: nonsense\n" + plain))

[<Test>]
let ``RFC4870-3.7.3-1 of several signatures a good one decides`` () =
    let ran =
        dkRunWith dkPolicy arriving.Value ("DomainKey-Signature: nonsense\r\n" + signed.Value)

    Expect.contains "domainkeys=pass" (results ran)

[<Test>]
let ``RFC8601-5-1 forged results of ours go, of others stay`` () =
    let claim value =
        "Authentication-Results: " + value + "\r\n"

    let ran =
        dkRunWith
            dkPolicy
            arriving.Value
            (claim "mx.example.net; domainkeys=pass"
             + claim "other.example; domainkeys=pass"
             + claim "mx.example.net; dkim=pass"
             + claim "MX.example.net; domainkeys=fail"
             + signed.Value)

    Expect.equal [ "Authentication-Results", 4; "Authentication-Results", 1 ] ran.Deleted

[<Test>]
let ``what fails is quarantined`` () =
    let quarantining =
        { dkPolicy with
            Verifying =
                { dkPolicy.Verifying with
                    Quarantine = true
                }
        }

    let reasons way mail =
        (dkRunWith quarantining way mail).Changes
        |> List.choose (fun change ->
            match change with
            | Quarantined reason -> Some reason
            | _ -> None)

    Expect.equal [ "dk-filter: fail: bad signature" ] (reasons arriving.Value altered.Value)
    Expect.equal [] (reasons arriving.Value signed.Value)
    Expect.equal [] (reasons outside plain)

let private sent (ran: Ran) =
    ran.Changes
    |> List.choose (fun change ->
        match change with
        | Sent message -> Some message
        | _ -> None)

[<TestCase("o=~; r=admin@example.com", "admin@example.com")>]
[<TestCase("o=~; r=admin@mail.example.com", "admin@mail.example.com")>]
[<TestCase("o=~; r=admin", "admin@example.com")>]
[<TestCase("o=~; r=victim@evil.example", null)>]
[<TestCase("o=~; r=a b@example.com", null)>]
[<TestCase("o=~", null)>]
let ``a bad signature is reported to r= of the policy, within its domain`` (record: string, recipient: string | null) =
    let reporting =
        { dkPolicy with
            Marks =
                { dkPolicy.Marks with
                    SendReports = true
                }
        }

    let way =
        { outside with
            Zone = [ text keyName publishedKey.Value; text "_domainkey.example.com" record ]
        }

    match sent (dkRunWith reporting way altered.Value), recipient with
    | [], null -> ()
    | [ report ], NonNull recipient ->
        Expect.contains ("To: " + recipient + "\r\n") report
        Expect.contains "User-Agent: Sendmail-DomainKeys-Filter/1.0.0\r\n" report
        Expect.contains "domainkeys=fail header.from=joe@example.com\r\n" report
    | other, _ -> Assert.Fail(string (box other))

    Expect.equal [] (sent (dkRunWith dkPolicy way altered.Value))
    Expect.equal [] (sent (dkRunWith reporting { way with Sender = ValueSome "<>" } altered.Value))
    Expect.equal [] (sent (dkRunWith reporting way signed.Value))
