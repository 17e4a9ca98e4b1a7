/// The settings of the two milters, dkim-filter and dk-filter: what they share first.
namespace Dkim.Core.Programs.Filters

open System.Net
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Proxies

/// The roles that a filter plays.
[<Struct>]
type FilterMode = { Signs: bool; Verifies: bool }

/// The filter as a service: what the host needs. Durations are in seconds.
type FilterService =
    {
        Socket: Endpoint voption
        /// Permission bits of a Unix socket.
        SocketMode: int voption
        SocketGroup: string voption
        UMask: int voption
        UserId: AccountName voption
        PidFile: string voption
        Background: bool
        AutoRestart: bool
        /// 0: as often as needed.
        AutoRestartCount: int
        /// So many restarts within so many seconds.
        AutoRestartRate: struct (int * int) voption
        BaseDirectory: string voption
        EnableCoredumps: bool
        Syslog: bool
        SyslogFacility: Facility
        LogFormat: LogFormat
        /// 0: for as long as it takes.
        DnsTimeout: int
        Nameservers: IPEndPoint list
        Resolver: ResolverKind
        QueryCache: bool
        TrustAnchorFile: string voption
        /// A file of key and policy records that takes the place of the DNS.
        TestPublicKeys: string voption
        PopDbFile: string voption
        TemporaryDirectory: string voption
        KeepTemporaryFiles: bool
        /// The configuration file, `-` for standard input.
        ConfFile: string voption
    }

/// Whose mail is signed, and what is done for every message.
type FilterScope =
    {
        /// Nothing: both roles, or in test mode verifying alone.
        Mode: FilterMode voption
        /// Domains between commas, or a file of them where it begins with a slash.
        Domain: string voption
        SubDomains: bool
        KeyFile: string voption
        KeyList: string voption
        Selector: string voption
        PeerList: string voption
        InternalHosts: string voption
        ExternalIgnoreList: string voption
        /// Names of the MTA's daemons.
        Mta: string list
        Macros: MacroTest list
        Actions: FilterActions
        Quarantine: bool
        XHeader: bool
        SendReports: bool
        /// The From of reports.
        ReportAddress: string voption
    }

/// The settings of dk-filter.
type DkFilterSettings =
    {
        Service: FilterService
        Scope: FilterScope
        HeaderCanon: HeaderCanon
        BodyCanon: BodyCanon
        OmitHeaders: Pattern list
        /// -H: h= is written.
        WithNames: bool
        /// -k: the file of -s is a key list.
        MultipleKeys: bool
        /// -n: say whether the filter would start.
        Check: bool
        /// What the original prints.
        Version: bool
        /// Which build this is.
        Build: bool
    }

/// What dkim-filter puts into signatures.
type SigningSettings =
    {
        HeaderCanon: HeaderCanon
        BodyCanon: BodyCanon
        /// Ed25519 keys sign as Ed25519 does, whatever this says.
        Algorithm: struct (KeyType * Hash)
        OmitHeaders: Pattern list voption
        SignHeaders: Pattern list voption
        AlwaysSignHeaders: FieldName list
        /// Names that h= has once more than the message has fields.
        OverSignHeaders: FieldName list
        BodyLengths: bool
        MaximumSignedBytes: int64<octet> voption
        /// 0: no x=.
        SignatureTtl: int64<sec>
        Diagnostics: bool
        RemoveOldSignatures: bool
        DontSignMailTo: Pattern list
    }

/// How dkim-filter verifies, and what it makes of the result.
type VerifyingSettings =
    {
        ClockDrift: int64<sec>
        MinimumSigned: MinimumSigned voption
        MustBeSigned: FieldName list
        /// Domains whose signatures are not accepted, as A-labels.
        RefuseSignaturesFrom: Set<string>
        /// Domains between commas, or a file of them where it begins with a slash.
        TrustSignaturesFrom: string voption
        AllowSha1: bool
        MinimumKeyBits: int<bit>
        MaximumSignatures: int
        BogusKey: KeyTreatment
        InsecureKey: KeyTreatment
        ApplyBogusPolicy: bool
        ApplyInsecurePolicy: bool
        AdspDiscard: bool
        AdspNoSuchDomain: bool
        LocalAdsp: string voption
        SendAdspReports: bool
        AlwaysAddResults: bool
        AuthservId: string voption
        AuthservIdWithJobId: bool
        ResultDomain: bool
        RemoveResultsAll: bool
        /// Hosts, and domains with a dot in front.
        RemoveResultsFrom: string list
    }

/// Test mode: one message from a file (dkim-filter(8) -t).
type FilterTest =
    {
        /// `-`: standard input.
        TestFile: string voption
        /// t= of signatures.
        FixedTime: int64<sec> voption
        /// The client that the message comes from; nothing for this machine, whose mail is ours.
        Client: IPAddress voption
        /// How often -v was given.
        Verbosity: int
        Strict: bool
    }

/// The settings of dkim-filter.
type DkimFilterSettings =
    {
        Service: FilterService
        Scope: FilterScope
        Signing: SigningSettings
        Verifying: VerifyingSettings
        /// Ends a message whose header is larger; 0 for no limit of its own.
        MaximumHeaders: int<octet>
        RequiredHeaders: bool
        FixCrlf: bool
        LogWhy: bool
        SyslogSuccess: bool
        Test: FilterTest
        /// -n: say whether the filter would start.
        Check: bool
        /// -V
        /// What the original prints.
        Version: bool
        /// Which build this is.
        Build: bool
        /// -K: the file of -k is a key list.
        MultipleKeys: bool
    }

module FilterService =
    let defaults: FilterService =
        {
            Socket = ValueNone
            SocketMode = ValueNone
            SocketGroup = ValueNone
            UMask = ValueNone
            UserId = ValueNone
            PidFile = ValueNone
            Background = true
            AutoRestart = false
            AutoRestartCount = 0
            AutoRestartRate = ValueNone
            BaseDirectory = ValueNone
            EnableCoredumps = false
            Syslog = false
            SyslogFacility = Facility.mail
            LogFormat = LogFormat.Text
            DnsTimeout = 5
            Nameservers = []
            Resolver = ResolverKind.Auto
            QueryCache = true
            TrustAnchorFile = ValueNone
            TestPublicKeys = ValueNone
            PopDbFile = ValueNone
            TemporaryDirectory = ValueNone
            KeepTemporaryFiles = false
            ConfFile = ValueNone
        }

module FilterScope =
    let actions: FilterActions =
        {
            BadSignature = FilterAction.Accept
            DnsError = FilterAction.TempFail
            InternalError = FilterAction.TempFail
            NoSignature = FilterAction.Accept
            Security = FilterAction.TempFail
            SignatureMissing = FilterAction.Accept
        }

    let defaults: FilterScope =
        {
            Mode = ValueNone
            Domain = ValueNone
            SubDomains = false
            KeyFile = ValueNone
            KeyList = ValueNone
            Selector = ValueNone
            PeerList = ValueNone
            InternalHosts = ValueNone
            ExternalIgnoreList = ValueNone
            Mta = []
            Macros = []
            Actions = actions
            Quarantine = false
            XHeader = false
            SendReports = false
            ReportAddress = ValueNone
        }

module DkimFilterSettings =
    let private signing: SigningSettings =
        {
            HeaderCanon = SimpleHeader
            BodyCanon = SimpleBody
            Algorithm = struct (Rsa, Sha256)
            OmitHeaders = ValueNone
            SignHeaders = ValueNone
            AlwaysSignHeaders = []
            OverSignHeaders = []
            BodyLengths = false
            MaximumSignedBytes = ValueNone
            SignatureTtl = 0L<sec>
            Diagnostics = false
            RemoveOldSignatures = false
            DontSignMailTo = []
        }

    let private verifying: VerifyingSettings =
        {
            ClockDrift = 300L<sec>
            MinimumSigned = ValueNone
            MustBeSigned = []
            RefuseSignaturesFrom = Set.empty
            TrustSignaturesFrom = ValueNone
            AllowSha1 = false
            MinimumKeyBits = 1024<bit>
            MaximumSignatures = 10
            BogusKey = KeyTreatment.Fail
            InsecureKey = KeyTreatment.Unchanged
            ApplyBogusPolicy = false
            ApplyInsecurePolicy = true
            AdspDiscard = false
            AdspNoSuchDomain = false
            LocalAdsp = ValueNone
            SendAdspReports = false
            AlwaysAddResults = false
            AuthservId = ValueNone
            AuthservIdWithJobId = false
            ResultDomain = false
            RemoveResultsAll = false
            RemoveResultsFrom = []
        }

    let defaults: DkimFilterSettings =
        {
            Service = FilterService.defaults
            Scope = FilterScope.defaults
            Signing = signing
            Verifying = verifying
            MaximumHeaders = 65536<octet>
            RequiredHeaders = false
            FixCrlf = false
            LogWhy = false
            SyslogSuccess = false
            Test =
                {
                    TestFile = ValueNone
                    FixedTime = ValueNone
                    Client = ValueNone
                    Verbosity = 0
                    Strict = false
                }
            Check = false
            Version = false
            Build = false
            MultipleKeys = false
        }

module DkFilterSettings =
    let defaults: DkFilterSettings =
        {
            Service = FilterService.defaults
            Scope =
                { FilterScope.defaults with
                    Selector = ValueSome "main"
                }
            HeaderCanon = SimpleHeader
            BodyCanon = DomainKeysSimpleBody
            OmitHeaders = []
            WithNames = false
            MultipleKeys = false
            Check = false
            Version = false
            Build = false
        }
