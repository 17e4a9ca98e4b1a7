/// The header fields that a signer covers unless it is told otherwise (RFC 6376 §5.4.1).
module internal Dkim.Core.Signatures.RecommendedFields

open Dkim.Core.Words

/// The fields that are signed where they are there, in lower case (RFC 4871 §5.5).
let signed: Set<string> =
    [ "From"; "Sender"; "Reply-To"; "Subject"; "Date"; "Message-ID"; "To"; "Cc" ]
    @ [
        "MIME-Version"
        "Content-Type"
        "Content-Transfer-Encoding"
        "Content-ID"
        "Content-Description"
    ]
    @ [
        "Resent-Date"
        "Resent-From"
        "Resent-Sender"
        "Resent-To"
        "Resent-Cc"
        "Resent-Message-ID"
    ]
    @ [ "In-Reply-To"; "References" ]
    @ [
        "List-Id"
        "List-Help"
        "List-Unsubscribe"
        "List-Subscribe"
        "List-Post"
        "List-Owner"
        "List-Archive"
    ]
    |> List.map _.ToLowerInvariant()
    |> Set.ofList

/// The fields that are signed once more than they occur, so that nobody can add one (RFC 6376 §5.4.2, §8.15). Lists add their own List-* and Resent-* fields in good faith.
let seal: FieldName list =
    [ "From"; "To"; "Cc"; "Subject"; "Date"; "Reply-To"; "Message-ID" ]
    @ [ "MIME-Version"; "Content-Type"; "Content-Transfer-Encoding" ]
    |> List.map FieldName.known

/// Whether the field of a name is signed where it is there.
let covers (name: string) : bool =
    signed.Contains(name.ToLowerInvariant())
