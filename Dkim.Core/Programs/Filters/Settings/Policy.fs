/// Everything that a milter decides with: what rows of settings write, and what a start adds to it, lists, keys and the machine.
namespace Dkim.Core.Programs.Filters.Settings

open System
open System.Net
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Stores
open Dkim.Core.Asking
open Dkim.Core.Tables
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Values.Rows

/// What the lists and keys said that settings name.
[<NoComparison; NoEquality>]
type internal LoadedLists =
    {
        /// PeerList: the client's mail is not looked at.
        Peers: PeerList
        /// InternalHosts
        Internal: PeerList
        /// ExternalIgnoreList
        ExternalIgnored: PeerList
        /// Nothing where Domain is not set.
        Domains: DomainList voption
        /// TrustSignaturesFrom; nothing where every domain is trusted.
        Trusted: DomainList voption
        LocalAdsp: LocalAdsp
        Keys: KeySource
        Rules: SigningRule list
    }

module internal LoadedLists =
    /// Where no setting names any.
    let none: LoadedLists =
        {
            Peers = PeerList.empty
            Internal = PeerList.loopback
            ExternalIgnored = PeerList.empty
            Domains = ValueNone
            Trusted = ValueNone
            LocalAdsp = LocalAdsp.empty
            Keys = NoKeys
            Rules = []
        }

    // Mail submitted on the machine itself comes from it.
    let private has (list: PeerList) (client: MilterClient) =
        let address = client.Address |> ValueOption.defaultValue IPAddress.Loopback
        PeerList.contains client.HostName (ValueSome address) list

    /// Whether a client's mail is not looked at.
    let isPeer (lists: LoadedLists) (client: MilterClient) : bool =
        PeerList.contains client.HostName client.Address lists.Peers

    /// Whether a client is internal; one without an address is the machine itself.
    let isInternal (lists: LoadedLists) (client: MilterClient) : bool = has lists.Internal client

    /// Whether a client may send for our domains without a line of the log, likewise.
    let isIgnoredExternal (lists: LoadedLists) (client: MilterClient) : bool = has lists.ExternalIgnored client

    /// The lists that are data sets, by the settings that name them.
    let private sets (lists: LoadedLists) : (string * Table voption) list =
        let ofHosts (list: PeerList) = list.Set |> ValueOption.map _.Table

        [
            "PeerList", ofHosts lists.Peers
            "InternalHosts", ofHosts lists.Internal
            "ExternalIgnoreList", ofHosts lists.ExternalIgnored
            "KeyList",
            match lists.Keys with
            | KeySet table -> ValueSome table
            | NoKeys
            | SingleKey _
            | KeySource.KeyList _
            | Unasked _ -> ValueNone
        ]

    /// Whether some of them are.
    let hasSets (lists: LoadedLists) : bool =
        sets lists |> List.exists (fun (_, table) -> table.IsSome)

    /// The stores that they are in, each once, with the settings that name it.
    let stores (lists: LoadedLists) : (string * Store) list = Table.stores (sets lists)

    /// Why a list could not be asked for a client.
    let problem (list: PeerList) (client: MilterClient) : string voption =
        PeerList.problem client.HostName client.Address list

    /// The lists with what data sets say of a client, and of a sender where one is known, and what there is to warn of.
    let ofMessage
        (scheme: Scheme)
        (lists: LoadedLists)
        (client: MilterClient)
        (sender: Address voption)
        : Step<struct (LoadedLists * string list)> =
        let keys =
            match lists.Keys, sender with
            | KeySet table, ValueSome sender ->
                let domain = (Octets.decoded sender.Domain).ToLowerInvariant()
                KeySet.find scheme table (Octets.decoded sender.LocalPart) domain
            | _ -> Done(struct (lists.Keys, []))

        let hosts =
            PeerList.questions client.HostName client.Address [ lists.Peers; lists.Internal; lists.ExternalIgnored ]

        Step.both (Step.rows hosts id) keys
        |> Step.map (fun (struct (found, struct (keys, told))) ->
            let known = PeerList.withAnswers found client.HostName client.Address

            let known =
                { lists with
                    Peers = known lists.Peers
                    Internal = known lists.Internal
                    ExternalIgnored = known lists.ExternalIgnored
                    Keys = keys
                }

            struct (known, told))

/// What the machine contributes.
[<NoComparison; NoEquality>]
type internal Surroundings =
    {
        /// The machine's own name, where the MTA does not tell its.
        HostName: string
        /// Who reports are from, unless a setting says it.
        UserName: string
        /// There is a database of those who have logged in by POP (POPDBFile).
        KnowsLogins: bool
    }

module internal Surroundings =
    /// Before a start has said anything.
    let unknown: Surroundings =
        {
            HostName = ""
            UserName = ""
            KnowsLogins = false
        }

/// Everything that one of the filters decides with.
[<NoComparison; NoEquality>]
type internal FilterPolicy =
    {
        Roles: RoleSettings
        Signing: SigningSettings
        Verifying: VerifyingSettings
        Reporting: ReportingSettings
        Actions: Dispositions
        /// The MTA or a later one makes CRLF of CR and LF alone, so they are hashed as that.
        FixLineEnds: bool
        HeaderLimits: HeaderLimits
        /// Added by a start.
        Lists: LoadedLists
        /// Added by a start.
        Machine: Surroundings
    }

module internal FilterPolicy =
    // Header octets where no limit is set (MaximumHeaders 0), and where a higher one is: what a judged header costs is some
    // 50 ms and four times its octets. MTAs have lower limits, 32 KiB (Sendmail) and 100 KiB a field (Postfix).
    let private mostHeader = HeaderLimits.defaults.Octets

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

    let dkim: FilterPolicy =
        {
            Roles = RoleSettings.defaults
            Signing = SigningSettings.defaults
            Verifying = VerifyingSettings.defaults
            Reporting = ReportingSettings.defaults
            Actions = DispositionRows.defaults
            FixLineEnds = false
            HeaderLimits = headerLimits 65536<octet>
            Lists = LoadedLists.none
            Machine = Surroundings.unknown
        }

    let domainKeys: FilterPolicy =
        { dkim with
            Signing =
                { SigningSettings.defaults with
                    BodyCanon = DomainKeysSimpleBody
                    Algorithm = struct (Rsa, Sha1)
                    OmitHeaders = ValueSome []
                    WithNames = false
                }
            Verifying.Policy =
                { VerifyPolicy.defaults with
                    Schemes = [ DomainKeys ]
                    Granularity = true
                }
            HeaderLimits = HeaderLimits.defaults
        }

    /// The From of reports.
    let reportAddress (policy: FilterPolicy) : string =
        policy.Reporting.ReportAddress
        |> ValueOption.defaultValue (policy.Machine.UserName + "@" + policy.Machine.HostName)

    let private octets: Codec<HeaderLimits> =
        Codecs.int32 "OCTETS" 0 1073741824
        |> Codec.map (fun v -> headerLimits (v * 1<octet>)) (fun limits -> int limits.Octets)

    /// How much of a header is taken.
    let headers: Setting<FilterPolicy> list =
        [
            Setting.make "MaximumHeaders" octets _.HeaderLimits (fun v s -> { s with HeaderLimits = v })
            |> key
            |> Setting.says "the longest header to take, in octets; 0 for 1048576, the most"
            |> Setting.detail "What becomes of a message with a longer one, On-Security says."
        ]

    /// What is hashed.
    let lineEnds: Setting<FilterPolicy> list =
        [
            switch "FixCRLF" _.FixLineEnds (fun v s -> { s with FixLineEnds = v })
            |> key
            |> Setting.says "hash a CR or LF that stands alone as CRLF"
        ]
