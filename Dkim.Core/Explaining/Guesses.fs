/// Guesses at what happened to a message after it was signed. A guess is named only when it makes the hash fit, so that
/// what is said is known and not supposed.
namespace Dkim.Core.Explaining

open System
open Dkim.Core.Dns
open Dkim.Core.Records

/// What may have happened.
[<RequireQualifiedAccess>]
type Happening =
    | TextAppended
    | TextInserted
    | SubjectChanged
    | FieldRefolded
    | LineEndsChanged
    | EncodingChanged
    | SpaceChanged
    | FinalNewlineChanged
    | NameCaseChanged
    | FieldRewritten
    | FieldAdded
    | FieldRemoved
    | LinesQuoted
    | LinesCut
    | BodyWrapped
    | HeaderCut
    | SignerFault
    | OtherCanonicalization
    | OtherFields

/// How much may still be done to guess at one message, so that explaining ends whatever the message is: in octets that
/// are read, written or hashed.
[<Sealed>]
type Effort(octets: int64) =
    let mutable left = octets

    /// For all signatures of one message together: two seconds or so.
    static member OfMessage() = Effort 3_000_000_000L

    /// What a call costs beside the octets that it works on, as a hash does that is finished.
    static member PerHash = 2000L

    /// What checking a signature costs.
    static member PerVerification = 100_000L

    member _.Left: int64 = left

    /// Takes a piece of work from what is left; false where there is not enough for it.
    member _.Spend(work: int64) : bool =
        if work <= left then
            left <- left - work
            true
        else
            false

/// A guess that fits.
type Guess = { Happening: Happening; Says: string }

module Happening =
    /// The name in JSON.
    let name (happening: Happening) : string =
        match happening with
        | Happening.TextAppended -> "text-appended"
        | Happening.TextInserted -> "text-inserted"
        | Happening.SubjectChanged -> "subject-changed"
        | Happening.FieldRefolded -> "field-refolded"
        | Happening.LineEndsChanged -> "line-ends-changed"
        | Happening.EncodingChanged -> "encoding-changed"
        | Happening.SpaceChanged -> "space-changed"
        | Happening.FinalNewlineChanged -> "final-newline-changed"
        | Happening.NameCaseChanged -> "name-case-changed"
        | Happening.FieldRewritten -> "field-rewritten"
        | Happening.FieldAdded -> "field-added"
        | Happening.FieldRemoved -> "field-removed"
        | Happening.LinesQuoted -> "lines-quoted"
        | Happening.LinesCut -> "lines-cut"
        | Happening.BodyWrapped -> "body-wrapped"
        | Happening.HeaderCut -> "header-cut"
        | Happening.SignerFault -> "signer-fault"
        | Happening.OtherCanonicalization -> "other-canonicalization"
        | Happening.OtherFields -> "other-fields"
