/// Each key of dkim-filter.conf(5), and what it changes in what decisions rest on.
module Dkim.Tests.Core.FilterPolicyTests

open System
open System.Net
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Filters.Loading
open Dkim.Core.Programs.Qmail
open Dkim.Tests.Core

let private files =
    FilterRuns.keys
    @ [
        "/hosts", "192.0.2.7\n"
        "/domains", "# ours\nexample.com\n*.example.net # and theirs\n"
        "/adsp", "example.org:discardable\n"
        "/list", "*@example.com:example.com:/keys/mail.private\n"
    ]

let private surroundings: Surroundings =
    {
        HostName = "mx.example.org"
        UserName = "dkim"
        KnowsLogins = true
    }

/// What a file with these lines makes.
let private policyOf (lines: string list) : FilterPolicy =
    let text =
        String.Join('\n', [ "Selector mail"; "KeyFile /keys/mail.private"; "Domain example.com" ] @ lines)

    let read = Starts.find (("conf", text) :: files)

    let settled =
        Configuration.settle FilterRuns.kind [ "-x"; "conf" ] |> Finding.settle read

    Expect.equal [] (settled.Problems |> List.map Problem.describe)
    let settings = settled.Settings

    let paths: ListPaths =
        {
            Names = settings.Names
            BaseDirectory = ""
            Scheme = Dkim
            LeastRsaBits = SigningStrength.leastBits
            Reader = "root"
        }

    let lists =
        Files.load (FilterSettings.mode settings).Signs paths |> Finding.settle read

    Expect.equal [] lists.Problems

    { settings.Policy with
        Lists = lists.Value
        Machine = surroundings
    }

let private domain text = DomainName.tryCreate text |> Expect.ok

let private client (address: string) : MilterClient =
    {
        HostName = "client.example"
        Address =
            if address = "" then
                ValueNone
            else
                ValueSome(IPAddress.Parse address)
    }

let private finds (text: string) (policy: FilterPolicy) =
    DomainList.tryFind policy.Lists.Domains.Value (domain text)
    |> ValueOption.isSome

let private covers name (policy: FilterPolicy) =
    SigningSettings.covers policy.Signing name
    && not (SigningSettings.omits policy.Signing name)

let private named name (names: FieldName list) =
    names |> List.exists (fun field -> field.Is name)

/// A line, and what is true with it and not without it.
let private effects: (string * (FilterPolicy -> bool)) list =
    [
        "Mode v", (fun p -> not p.Roles.Signs && p.Roles.Verifies)
        "Mode s", (fun p -> p.Roles.Signs && not p.Roles.Verifies)
        "PeerList /hosts", (fun p -> LoadedLists.isPeer p.Lists (client "192.0.2.7"))
        "InternalHosts /hosts", (fun p -> LoadedLists.isInternal p.Lists (client "192.0.2.7"))
        "InternalHosts /hosts", (fun p -> not (LoadedLists.isInternal p.Lists (client "127.0.0.1")))
        "InternalHosts /hosts", (fun p -> not (LoadedLists.isInternal p.Lists (client "")))
        "ExternalIgnoreList /hosts", (fun p -> LoadedLists.isIgnoredExternal p.Lists (client "192.0.2.7"))
        "MTA MSA,MTA2", (fun p -> p.Roles.MtaNames = [ "MSA"; "MTA2" ])
        "MacroList a=1", (fun p -> p.Roles.Macros |> List.exists (MacroTest.holds (fun _ -> ValueSome "1")))
        // One of them is enough.
        "MacroList a=1,b=2",
        (fun p ->
            p.Roles.Macros
            |> List.exists (MacroTest.holds (fun name -> if name = "b" then ValueSome "2" else ValueNone)))
        "Domain example.org", finds "example.org"
        "Domain /domains", finds "x.example.net"
        "SubDomains yes", _.Roles.SubDomains
        "KeyFile /keys/ed",
        (fun p ->
            match p.Lists.Keys with
            | SingleKey key -> key.Key.KeyType = Ed25519
            | _ -> false)
        "Selector other",
        (fun p ->
            match p.Lists.Keys with
            | SingleKey key -> string key.Selector = "other"
            | _ -> false)
        "KeyList /list",
        (fun p ->
            match p.Lists.Keys with
            | KeySource.KeyList find -> (find "a@example.com" |> Expect.ok).Length = 1
            | _ -> false)
        "DontSignMailTo *@lists.example", (fun p -> Pattern.any p.Roles.UnsignedRecipients "a@Lists.example")
        "RequiredHeaders yes", _.Roles.RequiredHeaders
        "Canonicalization relaxed/relaxed",
        (fun p -> p.Signing.HeaderCanon = RelaxedHeader && p.Signing.BodyCanon = RelaxedBody)
        "SignatureAlgorithm rsa-sha1", (fun p -> p.Signing.Algorithm = struct (Rsa, Sha1))
        "SignHeaders X-*", (fun p -> covers "X-A" p && covers "From" p && not (covers "To" p))
        "OmitHeaders X-*",
        (fun p ->
            SigningSettings.omits p.Signing "X-A"
            && not (SigningSettings.omits p.Signing "Received"))
        "OmitHeaders -", (fun p -> not (SigningSettings.omits p.Signing "Received"))
        "AlwaysSignHeaders Reply-To", (fun p -> named "Reply-To" p.Signing.AlwaysSignHeaders)
        "OverSignHeaders From", (fun p -> named "From" p.Signing.OverSignHeaders)
        "Diagnostics yes", _.Signing.Diagnostics
        "BodyLengths yes", (fun p -> SigningSettings.length p.Signing = WholeLength)
        "MaximumSignedBytes 100", (fun p -> SigningSettings.length p.Signing = AtMost 100L<octet>)
        "SignatureTTL 3600", (fun p -> p.Signing.Lifetime = ValueSome 3600L<sec>)
        "RemoveOldSignatures yes", _.Signing.RemoveOldSignatures
        "ClockDrift 60", (fun p -> p.Verifying.Policy.ClockDrift = 60L<sec>)
        "Minimum 50%", (fun p -> p.Verifying.Minimum = ValueSome(MinimumSigned.Percent 50))
        "Minimum 500", (fun p -> p.Verifying.Minimum = ValueSome(MinimumSigned.Octets 500L<octet>))
        "Minimum 500+", (fun p -> p.Verifying.Minimum = ValueSome(MinimumSigned.AllBut 500L<octet>))
        "MustBeSigned Subject", (fun p -> named "Subject" p.Verifying.Policy.MustBeSigned)
        "RefuseSignaturesFrom co.example,xn--bcher-kva.EXAMPLE",
        (fun p -> p.Verifying.Policy.RefusedDomains = Set [ "co.example"; "xn--bcher-kva.example" ])
        "TrustSignaturesFrom example.org",
        (fun p ->
            p.Lists.Trusted
            |> ValueOption.exists (fun list -> (DomainList.tryFind list (domain "example.org")).IsSome))
        "TrustSignaturesFrom /domains",
        (fun p ->
            p.Lists.Trusted
            |> ValueOption.exists (fun list -> (DomainList.tryFind list (domain "example.org")).IsNone))
        "AllowSHA1 yes", _.Verifying.Policy.AllowSha1
        "MinimumKeyBits 2048", (fun p -> p.Verifying.Policy.MinimumRsaBits = 2048<bit>)
        "MaximumSignaturesToVerify 3", (fun p -> p.Verifying.Policy.SignaturesVerified = 3)
        "BogusKey neutral", (fun p -> p.Verifying.BogusKey = KeyTreatment.Neutral)
        "BogusKey none", (fun p -> p.Verifying.BogusKey = KeyTreatment.Unchanged)
        "InsecureKey fail", (fun p -> p.Verifying.InsecureKey = KeyTreatment.Fail)
        "BogusPolicy apply", _.Verifying.ApplyBogusPolicy
        "InsecurePolicy ignore", (fun p -> not p.Verifying.ApplyInsecurePolicy)
        "ADSPDiscard yes", _.Verifying.AdspDiscard
        "ADSPNoSuchDomain yes", _.Verifying.AdspNoSuchDomain
        "LocalADSP /adsp",
        (fun p -> LocalAdsp.tryFind p.Lists.LocalAdsp (domain "example.org") = ValueSome SignsAllItself)
        "Quarantine yes", _.Reporting.Quarantine
        "AuthservID mx", (fun p -> p.Reporting.AuthservId = ValueSome "mx")
        "AuthservIDWithJobID yes", _.Reporting.AuthservIdWithJobId
        "ARHeaderDomain yes", _.Reporting.ResultDomain
        "AlwaysAddARHeader yes", _.Reporting.AlwaysAddArHeader
        "RemoveARAll yes", _.Reporting.RemoveArAll
        "RemoveARFrom a,.b", (fun p -> p.Reporting.RemoveArFrom = [ "a"; ".b" ])
        "X-Header yes", _.Reporting.XHeader
        "SendReports yes", _.Reporting.SendReports
        "SendADSPReports yes", _.Reporting.SendAdspReports
        "ReportAddress a@b.example", (fun p -> FilterPolicy.reportAddress p = "a@b.example")
        "KeepTemporaryFiles yes", _.Reporting.KeepsHashed
        "SyslogSuccess yes", _.Reporting.SyslogSuccess
        "LogWhy yes", _.Reporting.LogWhy
        "On-BadSignature reject", (fun p -> p.Actions.BadSignature = Disposition.Reject)
        "On-DNSError discard", (fun p -> p.Actions.DnsError = Disposition.Discard)
        "On-InternalError accept", (fun p -> p.Actions.InternalError = Disposition.Accept)
        "On-NoSignature tempfail", (fun p -> p.Actions.NoSignature = Disposition.TempFail)
        "On-Security reject", (fun p -> p.Actions.Security = Disposition.Reject)
        "On-Default discard", (fun p -> p.Actions = DispositionCodecs.everyAction Disposition.Discard)
        "FixCRLF yes", _.FixLineEnds
        "MaximumHeaders 1000", (fun p -> p.HeaderLimits.Octets = 1000<octet>)
        "MaximumHeaders 0", (fun p -> p.HeaderLimits.Octets = 1048576<octet>)
        "MaximumHeaders 50000000", (fun p -> p.HeaderLimits.Octets = 1048576<octet>)
        "MaximumHeaders 0", (fun p -> p.HeaderLimits.Fields = 65536)
    ]

[<Tests>]
let tests =
    testList
        "FilterPolicyTests"
        [
            testCase "each key changes what decisions rest on" (fun () ->
                let without = policyOf []

                for line, holds in effects do
                    Expect.isTrue (holds (policyOf [ line ])) (line + " has its effect")
                    Expect.isTrue (not (holds without)) (line + " is not the default"))

            testCase "without a lifetime a signature does not expire" (fun () ->
                Expect.equal ValueNone (policyOf [ "SignatureTTL 0" ]).Signing.Lifetime)

            testCase "the defaults are the original's" (fun () ->
                let policy = policyOf []
                Expect.isTrue (policy.Roles.Signs && policy.Roles.Verifies) "both roles"
                Expect.isTrue (LoadedLists.isInternal policy.Lists (client "127.0.0.1")) "the loopback is internal"
                Expect.isTrue (LoadedLists.isInternal policy.Lists (client "::1")) "by IPv6, too"

                Expect.isTrue
                    (LoadedLists.isInternal policy.Lists (client ""))
                    "mail of the machine itself is internal"

                Expect.isTrue (not (LoadedLists.isInternal policy.Lists (client "192.0.2.7"))) "nobody else is"

                for name in
                    [
                        "Return-Path"
                        "Received"
                        "Comments"
                        "Keywords"
                        "Bcc"
                        "Resent-Bcc"
                        "DKIM-Signature"
                    ] do
                    Expect.isTrue (SigningSettings.omits policy.Signing name) name

                Expect.isTrue (not (SigningSettings.omits policy.Signing "From")) "From is signed"
                Expect.equal DispositionRows.defaults policy.Actions
                Expect.equal "dkim@mx.example.org" (FilterPolicy.reportAddress policy)
                Expect.equal 65536<octet> policy.HeaderLimits.Octets

                Expect.equal
                    (KeyTreatment.Fail, KeyTreatment.Unchanged)
                    (policy.Verifying.BogusKey, policy.Verifying.InsecureKey))

            testCase "From is signed whatever is omitted" (fun () ->
                let policy = policyOf [ "OmitHeaders *"; "SignHeaders To" ]
                Expect.isTrue (covers "from" policy && not (SigningSettings.omits policy.Signing "FROM")) "From")

            testCase "an Ed25519 key needs no algorithm of its own" (fun () ->
                match (policyOf [ "KeyFile /keys/ed"; "SignatureAlgorithm ed25519-sha256" ]).Lists.Keys with
                | SingleKey key -> Expect.equal Ed25519 key.Key.KeyType
                | _ -> failtest "one key")
        ]
