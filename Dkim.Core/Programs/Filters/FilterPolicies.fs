/// From settings and files to what the decisions of the milters rest on.
module internal Dkim.Core.Programs.Filters.FilterPolicies

open System
open System.Net
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings

/// Header octets where no limit is set (MaximumHeaders 0), and where a higher one is: what a judged header costs is some
/// 50 ms and four times its octets. MTAs have lower limits, 32 KiB (Sendmail) and 100 KiB a field (Postfix).
let private mostHeader = HeaderLimits.defaults.Octets

/// What the machine contributes.
[<NoComparison; NoEquality>]
type Surroundings =
    {
        HostName: string
        UserName: string
        HasPopLogin: IPAddress -> bool
        MayReport: unit -> bool
    }

/// Fields that are not signed where OmitHeaders says nothing (RFC 4871 §5.5).
let private omitted =
    [ "Return-Path"; "Received"; "Comments"; "Keywords"; "Bcc" ]
    @ [ "Resent-Bcc"; "DKIM-Signature" ]
    |> List.map Pattern.ofText

// Mail submitted on the machine itself comes from it.
let private isListed (list: PeerList) (client: MilterClient) =
    let address = client.Address |> ValueOption.defaultValue IPAddress.Loopback
    PeerList.contains client.HostName (ValueSome address) list

let private roles (mode: FilterMode) (scope: FilterScope) (files: FilterFiles) surroundings : FilterRoles =
    {
        Signs = mode.Signs
        Verifies = mode.Verifies
        IsPeer = fun client -> PeerList.contains client.HostName client.Address files.Peers
        IsInternal = isListed files.Internal
        IsIgnoredExternal = isListed files.ExternalIgnored
        IsPopAuthenticated = surroundings.HasPopLogin
        MtaNames = scope.Mta
        MacrosMatch =
            match scope.Macros with
            | [] -> ValueNone
            | tests -> ValueSome(fun find -> tests |> List.exists (MacroTest.holds find))
        FindDomain = files.Domains |> ValueOption.map DomainList.tryFind
        FindParent =
            if scope.SubDomains then
                match files.Domains with
                | ValueSome list -> ValueSome(DomainList.tryFindAbove list)
                // A key list may still sign for a domain above the sender's.
                | ValueNone -> ValueSome(fun _ -> ValueNone)
            else
                ValueNone
        Keys = files.Keys
        IsUnsignedRecipient = fun _ -> false
        RequiredHeaders = false
    }

let private isFrom (name: string) =
    name.Equals("From", StringComparison.OrdinalIgnoreCase)

let private length (signing: SigningSettings) =
    match signing.MaximumSignedBytes with
    | ValueSome octets -> AtMost octets
    | ValueNone when signing.BodyLengths -> WholeLength
    | ValueNone -> NoLength

let private dkimSigning (signing: SigningSettings) : FilterSigning =
    let struct (_, hash) = signing.Algorithm
    let omits = Pattern.any (ValueOption.defaultValue omitted signing.OmitHeaders)

    {
        HeaderCanon = signing.HeaderCanon
        BodyCanon = signing.BodyCanon
        Hash = hash
        SignHeaders =
            signing.SignHeaders
            |> ValueOption.map (fun patterns name -> isFrom name || Pattern.any patterns name)
        OmitHeaders = fun name -> not (isFrom name) && omits name
        AlwaysSignHeaders = signing.AlwaysSignHeaders
        OverSignHeaders = signing.OverSignHeaders
        Diagnostics = signing.Diagnostics
        Length = length signing
        Lifetime =
            if signing.SignatureTtl > 0L<sec> then
                ValueSome signing.SignatureTtl
            else
                ValueNone
        RemoveOldSignatures = signing.RemoveOldSignatures
        WithNames = true
    }

let private dkimVerifying (settings: DkimFilterSettings) (files: FilterFiles) : FilterVerifying =
    let verifying = settings.Verifying

    {
        Policy =
            { VerifyPolicy.defaults with
                Schemes = [ Dkim ]
                SignaturesRead = max VerifyPolicy.defaults.SignaturesRead verifying.MaximumSignatures
                SignaturesVerified = verifying.MaximumSignatures
                ClockDrift = verifying.ClockDrift
                AllowSha1 = verifying.AllowSha1
                MinimumRsaBits = verifying.MinimumKeyBits
                MustBeSigned = verifying.MustBeSigned
                RefusedDomains = verifying.RefuseSignaturesFrom
                // As ever, g= is heeded, and several records are taken for none.
                Granularity = true
                SingleRecord = true
            }
        IsTrusted =
            files.Trusted
            |> ValueOption.map (fun list domain -> (DomainList.tryFind list domain).IsSome)
        Minimum = verifying.MinimumSigned
        BogusKey = verifying.BogusKey
        InsecureKey = verifying.InsecureKey
        ApplyBogusPolicy = verifying.ApplyBogusPolicy
        ApplyInsecurePolicy = verifying.ApplyInsecurePolicy
        LocalAdsp = LocalAdsp.tryFind files.LocalAdsp
        AdspDiscard = verifying.AdspDiscard
        AdspNoSuchDomain = verifying.AdspNoSuchDomain
        Quarantine = settings.Scope.Quarantine
    }

/// Marks of the scope alone.
let private marks (scope: FilterScope) (surroundings: Surroundings) : FilterMarks =
    {
        AuthservId = ValueNone
        AuthservIdWithJobId = false
        ResultDomain = false
        AlwaysAddArHeader = false
        RemoveArAll = false
        RemoveArFrom = ValueNone
        XHeader = scope.XHeader
        SendReports = scope.SendReports
        SendAdspReports = false
        KeepsHashed = false
        ReportAddress =
            scope.ReportAddress
            |> ValueOption.defaultValue (surroundings.UserName + "@" + surroundings.HostName)
        MayReport = surroundings.MayReport
        SyslogSuccess = false
        LogWhy = false
        HostName = surroundings.HostName
    }

let private dkimMarks (settings: DkimFilterSettings) (surroundings: Surroundings) : FilterMarks =
    let verifying = settings.Verifying

    { marks settings.Scope surroundings with
        AuthservId = verifying.AuthservId
        AuthservIdWithJobId = verifying.AuthservIdWithJobId
        ResultDomain = verifying.ResultDomain
        AlwaysAddArHeader = verifying.AlwaysAddResults
        RemoveArAll = verifying.RemoveResultsAll
        RemoveArFrom =
            match verifying.RemoveResultsFrom with
            | [] -> ValueNone
            | hosts -> ValueSome hosts
        SendAdspReports = verifying.SendAdspReports
        KeepsHashed = settings.Service.KeepTemporaryFiles
        SyslogSuccess = settings.SyslogSuccess
        LogWhy = settings.LogWhy
    }

// A field costs memory beside its octets. No mail has as many as one for every 16 octets.
let private headerLimits (octets: int<octet>) : HeaderLimits =
    let most =
        if octets = 0<octet> then
            mostHeader
        else
            min octets mostHeader

    {
        Octets = most
        Fields = Math.Clamp(int most / 16, 2000, 65536)
        FieldOctets = most
    }

let dkimFilter (settings: DkimFilterSettings) (mode: FilterMode) (files: FilterFiles) surroundings : FilterPolicy =
    {
        Roles =
            { roles mode settings.Scope files surroundings with
                IsUnsignedRecipient = Pattern.any settings.Signing.DontSignMailTo
                RequiredHeaders = settings.RequiredHeaders
            }
        Signing = dkimSigning settings.Signing
        Verifying = dkimVerifying settings files
        Marks = dkimMarks settings surroundings
        Actions = settings.Scope.Actions
        FixLineEnds = settings.FixCrlf
        HeaderLimits = headerLimits settings.MaximumHeaders
    }

let dkFilter (settings: DkFilterSettings) (mode: FilterMode) (files: FilterFiles) surroundings : FilterPolicy =
    {
        Roles = roles mode settings.Scope files surroundings
        Signing =
            { dkimSigning DkimFilterSettings.defaults.Signing with
                HeaderCanon = settings.HeaderCanon
                BodyCanon = settings.BodyCanon
                Hash = Sha1
                OmitHeaders = Pattern.any settings.OmitHeaders
                WithNames = settings.WithNames
            }
        Verifying =
            { dkimVerifying DkimFilterSettings.defaults files with
                Policy =
                    { VerifyPolicy.defaults with
                        Schemes = [ DomainKeys ]
                        Granularity = true
                    }
                Quarantine = settings.Scope.Quarantine
            }
        Marks = marks settings.Scope surroundings
        Actions = settings.Scope.Actions
        FixLineEnds = false
        HeaderLimits = HeaderLimits.defaults
    }
