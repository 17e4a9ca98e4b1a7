/// The settings of all commands of `dkim`, in one table: each command takes the rows of some of its groups.
namespace Dkim.Core.Programs.Tool.Running

open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings

/// How the record of a key is printed.
[<Struct; RequireQualifiedAccess>]
type RecordForm =
    | All
    | Zone
    | Text
    | Tinydns
    | Json
    | Nsupdate

/// When text is printed in colour.
[<Struct; RequireQualifiedAccess>]
type ColourUse =
    | Auto
    | Always
    | Never

/// Settings of `dkim`. Times are in seconds, sizes in octets.
type ToolSettings =
    {
        Lines: FileLines
        Json: bool
        /// The file of a page; `-` is standard output.
        Html: string voption
        Colour: ColourUse
        AllowSha1: bool
        MinimumRsaBits: int<bit>
        RefuseUnsignedOctets: bool
        Now: int64<sec> voption
        Batch: string voption
        /// Whether every message must have a signature that passes.
        RequirePass: bool
        /// Whether messages that are attached are meant.
        Attached: bool
        /// Which message of a file is meant, from 1.
        Number: int voption
        /// Which signature to explain, counted from the top of the message, from 1.
        Signature: int voption
        /// Whether to search long for what happened to a message.
        Deep: bool
        Zone: string voption
        TestKeys: string voption
        Resolver: ToolResolver
        /// Whether to ask every name server of a key's zone.
        Authoritative: bool
        KeyFile: string voption
        PassphraseFile: string voption
        Selector: Selector voption
        Domain: DomainName voption
        Scheme: Scheme
        Hash: Hash
        HeaderCanon: HeaderCanon
        BodyCanon: BodyCanon
        Identity: Identity voption
        SignedNames: FieldName list
        Sealed: bool
        WithLength: bool
        WithTime: bool
        Lifetime: int64<sec> voption
        Copies: bool
        WholeMessage: bool
        KeyType: KeyType
        Bits: int<bit>
        Subdomains: bool
        Testing: bool
        OnlySha256: bool
        Note: string voption
        Form: RecordForm
        Stay: bool
        /// The directory of Postfix's configuration, where it is not the system's.
        PostfixDirectory: string voption
        /// The configuration of the dkim-filter that Postfix has as a milter.
        FilterFile: string voption
        /// The socket of the dk-filter beside it.
        DkSocket: Endpoint voption
        Help: bool
        Version: bool
    }

module internal ToolSettings =
    let defaults: ToolSettings =
        {
            Lines = FileLines.Auto
            Json = false
            Html = ValueNone
            Colour = ColourUse.Auto
            AllowSha1 = VerifyPolicy.defaults.AllowSha1
            MinimumRsaBits = VerifyPolicy.defaults.MinimumRsaBits
            RefuseUnsignedOctets = false
            Now = ValueNone
            Batch = ValueNone
            RequirePass = false
            Attached = false
            Number = ValueNone
            Signature = ValueNone
            Deep = false
            Zone = ValueNone
            TestKeys = ValueNone
            Resolver =
                {
                    Kind = ResolverKind.Auto
                    Nameserver = ValueNone
                    TrustAnchor = ValueNone
                    Timeout = 10
                }
            Authoritative = false
            KeyFile = ValueNone
            PassphraseFile = ValueNone
            Selector = ValueNone
            Domain = ValueNone
            Scheme = Dkim
            Hash = Sha256
            HeaderCanon = RelaxedHeader
            BodyCanon = RelaxedBody
            Identity = ValueNone
            SignedNames = []
            Sealed = false
            WithLength = false
            WithTime = true
            Lifetime = ValueNone
            Copies = false
            WholeMessage = false
            KeyType = Rsa
            Bits = 2048<bit>
            Subdomains = false
            Testing = false
            OnlySha256 = false
            Note = ValueNone
            Form = RecordForm.All
            Stay = false
            PostfixDirectory = ValueNone
            FilterFile = ValueNone
            DkSocket = ValueNone
            Help = false
            Version = false
        }
