/// What the core wants to know of the DNS, and what a host may answer. The core never asks by itself.
namespace Dkim.Core.Dns

/// The record types that verification, sender policies and the search for a lost key need.
type RecordType =
    | Txt = 16
    | Mx = 15
    | A = 1
    | Ns = 2
    | Cname = 5
    | Aaaa = 28

/// A name to look up: A-labels, lower case, no final dot.
[<Struct>]
type Question = { Name: string; Type: RecordType }

/// How far DNSSEC vouches for an answer. `Unchecked`: the resolver does not validate.
type Security =
    | Unchecked = 0
    | Insecure = 1
    | Secure = 2
    | Bogus = 3

/// What the DNS said. A TXT record is the Latin-1 text of its strings, joined without a separator (RFC 6376 §3.6.2.2);
/// of addresses and name servers their texts; of other types only the number of records counts. The name exists but has no
/// record of the type: `Records []`.
type Outcome =
    | Records of string list
    | NoSuchName
    | Unavailable of reason: string

/// An outcome and how far it can be trusted.
type Answer =
    {
        Outcome: Outcome
        Security: Security
    }

    static member Found(records: string seq, security: Security) =
        {
            Outcome = Records(List.ofSeq records)
            Security = security
        }

    static member NoSuchName(security: Security) =
        {
            Outcome = NoSuchName
            Security = security
        }

    /// No answer that could be used: a timeout, SERVFAIL, a refused or broken reply. `reason` is `timeout`, `SERVFAIL`
    /// or another short word for logs.
    static member Unavailable(reason: string) =
        {
            Outcome = Unavailable reason
            Security = Security.Unchecked
        }
