/// Guesses at what happened to a message after it was signed. A guess is named only when it makes the hash fit, so that
/// what is said is known and not supposed.
namespace Dkim.Core.Explaining

/// What may have happened.
[<RequireQualifiedAccess>]
type Modification =
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
type Guess =
    {
        Modification: Modification
        Says: string
    }

module Modification =
    /// The name in JSON.
    let name (modification: Modification) : string =
        match modification with
        | Modification.TextAppended -> "text-appended"
        | Modification.TextInserted -> "text-inserted"
        | Modification.SubjectChanged -> "subject-changed"
        | Modification.FieldRefolded -> "field-refolded"
        | Modification.LineEndsChanged -> "line-ends-changed"
        | Modification.EncodingChanged -> "encoding-changed"
        | Modification.SpaceChanged -> "space-changed"
        | Modification.FinalNewlineChanged -> "final-newline-changed"
        | Modification.NameCaseChanged -> "name-case-changed"
        | Modification.FieldRewritten -> "field-rewritten"
        | Modification.FieldAdded -> "field-added"
        | Modification.FieldRemoved -> "field-removed"
        | Modification.LinesQuoted -> "lines-quoted"
        | Modification.LinesCut -> "lines-cut"
        | Modification.BodyWrapped -> "body-wrapped"
        | Modification.HeaderCut -> "header-cut"
        | Modification.SignerFault -> "signer-fault"
        | Modification.OtherCanonicalization -> "other-canonicalization"
        | Modification.OtherFields -> "other-fields"
