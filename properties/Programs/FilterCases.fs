/// Messages with every kind of field, on their way through the milters with every kind of setting.
module Dkim.Properties.FilterCases

open System
open FsCheck.FSharp
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Settings
open Dkim.Tests.FilterPassages

/// What a field of a generated header is to a filter that verifies.
type Part =
    | Other
    /// Results told in our name, which must go.
    | Forged
    | OldSignature

/// One message on its way through a filter with some settings.
[<NoComparison; NoEquality>]
type Case =
    {
        Header: (Part * string) list
        Run: unit -> Ran
        Verifies: bool
        HasRole: bool
        RequiredHeaders: bool
        RemovesOld: bool
        SendsReports: bool
        KeepsHashed: bool
        Quarantines: bool
    }

let private signatureOf (run: string -> Ran) =
    lazy ((run plain).Inserted |> List.exactlyOne)

let private dkim = signatureOf (runWith policy local)
let private domainKeys = signatureOf (dkRunWith dkPolicy local)

let private forged isDkim =
    let own = if isDkim then "dkim" else "domainkeys"

    [
        Forged, "Authentication-Results: mx.example.net; " + own + "=pass"
        Forged, "authentication-results:\r\n (x) MX.example.net ; " + own + "=fail"
        Forged, "Authentication-Results: mx.example.net; " + own + "="
        Other, "Authentication-Results: mx.example.net; spf=pass"
        Other, "Authentication-Results: mx.example.org; " + own + "=pass"
        Other, "Authentication-Results: other.example; ="
    ]

let private signatures isDkim =
    [
        OldSignature, (if isDkim then dkim.Value else domainKeys.Value)
        OldSignature,
        (if isDkim then "DKIM-Signature" else "DomainKey-Signature")
        + ": total nonsense"
        OldSignature,
        (if isDkim then
             dkim.Value.Replace("s=mail", "s=none")
         else
             domainKeys.Value.Replace("s=mail", "s=none"))
    ]

let private usual =
    [
        Other, "From: Joe <joe@example.com>"
        Other, "To: you@example.org"
        Other, "Subject: hi"
        Other, "Date: Tue, 14 Nov 2023 22:13:20 +0000"
        Other, "Message-ID: <1@x>"
    ]

let private odd =
    [
        Other, "From: someone@other.example"
        Other, "From: nobody"
        Other, "Sender: list@lists.example"
        Other, "Resent-From: joe@sub.example.com"
        Other, "Content-Type: multipart/report"
        Other, "Subject: \195\169\007"
        Other, "X-Empty:"
    ]

let private headerOf isDkim =
    let extra = Gen.elements (forged isDkim @ signatures isDkim @ odd) |> Gen.listOf

    Gen.map3
        (fun (above: (Part * string) list) isWhole below ->
            List.truncate 12 above
            @ (if isWhole then usual else List.tail usual)
            @ List.truncate 6 below)
        extra
        (Gen.frequency [ 6, Gen.constant true; 1, Gen.constant false ])
        extra

let private action =
    Gen.elements
        [
            Disposition.Accept
            Disposition.Discard
            Disposition.Reject
            Disposition.TempFail
        ]

let private treatment =
    Gen.elements [ KeyTreatment.Neutral; KeyTreatment.Unchanged; KeyTreatment.Fail ]

let private minimum =
    Gen.elements
        [
            ValueNone
            ValueSome(MinimumSigned.Octets 10L<octet>)
            ValueSome(MinimumSigned.Percent 100)
            ValueSome(MinimumSigned.AllBut 0L<octet>)
        ]

let private keys =
    lazy
        [
            NoKeys
            SingleKey(filterKey "mail" rsa.Value)
            KeyList(fun _ -> Ok [])
            KeyList(fun _ -> Ok [ filterKey "mail" rsa.Value; filterKey "ed" ed25519.Value ])
            KeyList(fun _ ->
                Error
                    {
                        Domain = ValueNone
                        Selector = selector "mail"
                        Reason = "/keys/mail: open(): file not found"
                    })
        ]

let private answers =
    lazy
        [
            [ text keyName (published rsa.Value) ]
            [ text keyName (published rsa.Value + "; t=y; r=x; rs=z") ]
            [ text keyName "v=DKIM1; p=" ]
            [ secured Security.Bogus keyName (published rsa.Value) ]
            [ secured Security.Insecure keyName (published rsa.Value) ]
            [ fails keyName ]
            []
        ]

let private practices =
    [
        [ exists "example.com" ]
        [ exists "example.com"; text "_adsp._domainkey.example.com" "dkim=all; r=y" ]
        [ exists "example.com"; text "_adsp._domainkey.example.com" "dkim=discardable" ]
        [ exists "example.com"; fails "_adsp._domainkey.example.com" ]
        [ text "_domainkey.example.com" "o=-; t=y; r=z" ]
        []
    ]

let private actions =
    Gen.map3
        (fun (bad, none) (dns, inner) (security, missing) ->
            {
                BadSignature = bad
                NoSignature = none
                SignatureMissing = missing
                DnsError = dns
                InternalError = inner
                Security = security
            })
        (Gen.zip action action)
        (Gen.zip action action)
        (Gen.zip action action)

let private everybody =
    let struct (list, _) = PeerList.parse "everybody" "0.0.0.0/0\n::/0\n"
    list

let private policyOf
    isDkim
    (flags: bool[])
    (treatments: KeyTreatment * KeyTreatment)
    least
    keys
    actions
    : FilterPolicy =
    let start = if isDkim then policy else dkPolicy

    let optional flag value =
        if flag then ValueSome value else ValueNone

    { start with
        Roles =
            { start.Roles with
                Mode =
                    ValueSome
                        {
                            Signs = flags[0] || flags[1]
                            Verifies = flags[2] || flags[3]
                        }
                MtaNames = if flags[4] then [ "MSA" ] else []
                SubDomains = flags[6]
                UnsignedRecipients = if flags[8] && flags[9] then [ Pattern.ofText "*" ] else []
                RequiredHeaders = flags[10] && flags[11]
            }
        Lists =
            { start.Lists with
                Domains = optional (not flags[5]) (DomainList.ofEntries [ "example.com" ])
                ExternalIgnored = if flags[7] then everybody else PeerList.empty
                Trusted = optional flags[17] (DomainList.ofEntries (if flags[18] then [ "*" ] else []))
                Keys = keys
            }
        Signing =
            { start.Signing with
                Diagnostics = flags[12]
                BodyLengths = flags[13]
                RemoveOldSignatures = flags[14]
                WithNames = flags[15]
                AlwaysSignHeaders = if flags[16] then [ FieldName.known "Cc" ] else []
            }
        Verifying =
            { start.Verifying with
                Minimum = least
                BogusKey = fst treatments
                InsecureKey = snd treatments
                ApplyBogusPolicy = flags[19]
                ApplyInsecurePolicy = flags[20]
                AdspDiscard = flags[21]
                AdspNoSuchDomain = flags[22]
            }
        Reporting =
            { start.Reporting with
                Quarantine = flags[23]
                AuthservIdWithJobId = flags[24]
                AlwaysAddArHeader = flags[25]
                XHeader = flags[26]
                SendReports = flags[27]
                SendAdspReports = flags[28]
                KeepsHashed = flags[29]
                SyslogSuccess = flags[30]
                LogWhy = flags[31]
            }
        Actions = actions
        FixLineEnds = flags[32]
    }

let private way =
    Gen.map3
        (fun isLocal answers practice ->
            { (if isLocal then local else outside) with
                Zone = answers @ practice
            })
        (Gen.elements [ true; false ])
        (Gen.elements answers.Value)
        (Gen.elements practices)

let private case =
    Gen.elements [ true; true; false ]
    |> Gen.bind (fun isDkim ->
        let flags = Gen.arrayOfLength 33 (Gen.elements [ true; false ])

        let policies =
            Gen.zip (Gen.zip flags (Gen.zip treatment treatment)) (Gen.zip3 minimum (Gen.elements keys.Value) actions)
            |> Gen.map (fun ((flags, treatments), (least, keys, actions)) ->
                policyOf isDkim flags treatments least keys actions)

        Gen.map3
            (fun (policy: FilterPolicy) way (header, body) ->
                let mail = String.concat "\r\n" (List.map snd header) + "\r\n\r\n" + body

                {
                    Header = header
                    Run =
                        fun () ->
                            if isDkim then
                                runWith policy way mail
                            else
                                dkRunWith policy way mail
                    Verifies = policy.Roles.Verifies
                    HasRole = policy.Roles.Signs || policy.Roles.Verifies
                    RequiredHeaders = policy.Roles.RequiredHeaders
                    RemovesOld = policy.Signing.RemoveOldSignatures
                    SendsReports = policy.Reporting.SendReports || policy.Reporting.SendAdspReports
                    KeepsHashed = policy.Reporting.KeepsHashed
                    Quarantines = policy.Reporting.Quarantine
                })
            policies
            way
            (Gen.zip (headerOf isDkim) (Gen.elements [ "body\r\n"; ""; "b0dy\nbare\r\n" ])))

type Arbitraries =
    static member Case() = Arb.fromGen case
