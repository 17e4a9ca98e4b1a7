/// What settings say becomes of messages, in values of their own.
namespace Dkim.Core.Programs.Filters.Values

open Dkim.Core.Words

/// The roles that a filter plays.
[<Struct>]
type FilterMode = { Signs: bool; Verifies: bool }

/// What becomes of a message with a certain result.
[<Struct; RequireQualifiedAccess>]
type Disposition =
    | Accept
    | Discard
    | Reject
    | TempFail

/// The action for each kind of result (`-C`, On-*).
type Dispositions =
    {
        BadSignature: Disposition
        NoSignature: Disposition
        /// dk-filter alone: unsigned, though the domain's policy says that it signs everything.
        SignatureMissing: Disposition
        DnsError: Disposition
        InternalError: Disposition
        Security: Disposition
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
