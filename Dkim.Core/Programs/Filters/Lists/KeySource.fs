/// The keys of a milter, and those that are named and cannot be used.
namespace Dkim.Core.Programs.Filters.Lists

open Dkim.Core.Words
open Dkim.Core.Cryptography
open Dkim.Core.Tables

/// A key and the name it is published under.
[<NoComparison; NoEquality>]
type NamedKey =
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
type internal KeySource =
    /// Verifying needs none.
    | NoKeys
    /// KeyFile and Selector.
    | SingleKey of NamedKey
    /// KeyList: the keys of the first pattern that matches a sender `user@domain`, none where no pattern does; or one of
    /// them that cannot be used.
    | KeyList of (string -> Result<NamedKey list, UnusableKey>)
    /// KeyList as a data set, which is asked for the sender of each message.
    | KeySet of Table
    /// The same for a message whose sender it could not be asked for.
    | Unasked of reason: string
