/// What dkim-filter and dk-filter decide with once their settings are read: keys are keys, files are lists.
namespace Dkim.Core.Programs.Filters

open System.Net
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Proxies

/// What becomes of a message with a certain result.
[<Struct; RequireQualifiedAccess>]
type FilterAction =
    | Accept
    | Discard
    | Reject
    | TempFail

/// The action for each kind of result (`-C`, On-*).
type FilterActions =
    {
        BadSignature: FilterAction
        NoSignature: FilterAction
        /// dk-filter alone: unsigned, though the domain's policy says that it signs everything.
        SignatureMissing: FilterAction
        DnsError: FilterAction
        InternalError: FilterAction
        Security: FilterAction
    }

/// How much of the body a signature must cover (Minimum).
[<RequireQualifiedAccess>]
type MinimumSigned =
    /// So many octets, or the whole body where it is shorter.
    | Octets of int64<octet>
    | Percent of int
    /// At most so many octets that are not signed.
    | AllBut of int64<octet>

/// What a DNSSEC state makes of a signature that passes (BogusKey, InsecureKey).
[<Struct; RequireQualifiedAccess>]
type KeyTreatment =
    | Neutral
    | Unchanged
    | Fail

/// A key and the name it is published under.
[<NoComparison; NoEquality>]
type FilterKey =
    {
        /// d=; nothing stands for the sender's own domain.
        Domain: DomainName voption
        Selector: Selector
        Key: SigningKey
    }

/// A key that is named and cannot be used, and what it was to sign.
type internal UnusableKey =
    {
        /// d=; nothing stands for the sender's own domain.
        Domain: DomainName voption
        Selector: Selector
        /// The file, and why not.
        Reason: string
    }

/// Where the keys to sign with come from.
[<NoComparison; NoEquality>]
type internal FilterKeys =
    /// Verifying needs none.
    | NoKeys
    /// KeyFile and Selector.
    | SingleKey of FilterKey
    /// KeyList: the keys of the first pattern that matches a sender `user@domain`, none where no pattern does; or one of
    /// them that cannot be used.
    | KeyList of (string -> Result<FilterKey list, UnusableKey>)

/// What decides between signing and verifying. Names of hosts and domains may be in any case.
[<NoComparison; NoEquality>]
type internal FilterRoles =
    {
        Signs: bool
        Verifies: bool
        /// PeerList: the client's mail is not looked at.
        IsPeer: MilterClient -> bool
        /// InternalHosts, in which a client without an address is the machine itself.
        IsInternal: MilterClient -> bool
        /// ExternalIgnoreList, likewise.
        IsIgnoredExternal: MilterClient -> bool
        /// POPDBFile has the address; never where there is no such file.
        IsPopAuthenticated: IPAddress -> bool
        /// MTA
        MtaNames: string list
        /// MacroList: whether macros, of which the argument tells the values, satisfy a test; nothing where there is none.
        MacrosMatch: ((string -> string voption) -> bool) voption
        /// The entry of Domain that a sender's domain is, or the domain itself where a pattern matches it; nothing where
        /// Domain is not set.
        FindDomain: (DomainName -> DomainName voption) voption
        /// The same for the domains above it, the nearest first; nothing without SubDomains.
        FindParent: (DomainName -> DomainName voption) voption
        Keys: FilterKeys
        /// DontSignMailTo: whether it has an address, which has no brackets.
        IsUnsignedRecipient: string -> bool
        RequiredHeaders: bool
    }

/// How signatures are made.
[<NoComparison; NoEquality>]
type internal FilterSigning =
    {
        HeaderCanon: HeaderCanon
        BodyCanon: BodyCanon
        /// Of RSA signatures.
        Hash: Hash
        /// SignHeaders: whether it has a name; nothing for the fields that the standard recommends.
        SignHeaders: (string -> bool) voption
        /// OmitHeaders: whether it has a name.
        OmitHeaders: string -> bool
        AlwaysSignHeaders: FieldName list
        OverSignHeaders: FieldName list
        /// z=
        Diagnostics: bool
        /// l=
        Length: LengthTag
        /// x= counted from t=; nothing for no x=.
        Lifetime: int64<sec> voption
        RemoveOldSignatures: bool
        /// dk-filter's -H: h= is written even where every field is signed.
        WithNames: bool
    }

/// How signatures and policies are judged.
[<NoComparison; NoEquality>]
type internal FilterVerifying =
    {
        /// Schemes, drift, key lengths and MustBeSigned among it.
        Policy: VerifyPolicy
        /// TrustSignaturesFrom: whether it has a domain; nothing where all domains are trusted.
        IsTrusted: (DomainName -> bool) voption
        Minimum: MinimumSigned voption
        BogusKey: KeyTreatment
        InsecureKey: KeyTreatment
        /// BogusPolicy, InsecurePolicy: the policy is applied.
        ApplyBogusPolicy: bool
        ApplyInsecurePolicy: bool
        /// LocalADSP: the practice for an author domain.
        LocalAdsp: DomainName -> SigningPractice voption
        AdspDiscard: bool
        AdspNoSuchDomain: bool
        Quarantine: bool
    }

/// What is added to a header and removed from it, and who is told.
[<NoComparison; NoEquality>]
type internal FilterMarks =
    {
        /// AuthservID; nothing for the name of the MTA's host.
        AuthservId: string voption
        AuthservIdWithJobId: bool
        /// ARHeaderDomain: `header.d` and `header.s` beside `header.i`.
        ResultDomain: bool
        AlwaysAddArHeader: bool
        RemoveArAll: bool
        /// RemoveARFrom: hosts, and domains with a dot in front; nothing for our own authserv-id alone.
        RemoveArFrom: string list voption
        XHeader: bool
        SendReports: bool
        SendAdspReports: bool
        /// What was hashed is left in files (KeepTemporaryFiles).
        KeepsHashed: bool
        /// The From of reports.
        ReportAddress: string
        /// How many reports may still go out; asking uses one up.
        MayReport: unit -> bool
        SyslogSuccess: bool
        LogWhy: bool
        /// The machine's own name, where the MTA does not tell its.
        HostName: string
    }

/// Everything that one of the filters decides with.
[<NoComparison; NoEquality>]
type internal FilterPolicy =
    {
        Roles: FilterRoles
        Signing: FilterSigning
        Verifying: FilterVerifying
        Marks: FilterMarks
        Actions: FilterActions
        /// The MTA or a later one makes CRLF of CR and LF alone, so they are hashed as that.
        FixLineEnds: bool
        HeaderLimits: HeaderLimits
    }
