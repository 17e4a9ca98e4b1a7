/// What may have happened to a message after it was signed. It is named only when undoing it makes the hash fit, so that what
/// is said is known and not supposed.
namespace Dkim.Core.Explaining.Edits

/// What may have happened.
[<RequireQualifiedAccess>]
type Modification =
    | TextAppended
    | TextInserted
    | SubjectChanged
    | FieldRefolded
    | LineEndsChanged
    | EncodingChanged
    | CharsetChanged
    | BoundaryRenamed
    | SpaceChanged
    | FinalNewlineChanged
    | BlankLinesChanged
    | NameCaseChanged
    | FieldRewritten
    | FieldAdded
    | FieldRemoved
    | FieldsReordered
    | LinesQuoted
    | LinesCut
    | BodyWrapped
    | HeaderCut
    | SignerFault
    | OtherCanonicalization
    | OtherFields

/// A text that was hashed, in canonical form: as it was when the hash fits, and as it is.
type ChangedText =
    {
        /// The body; else the signed fields, each with its line end.
        IsBody: bool
        Was: byte[]
        Is: byte[]
    }

/// A change that was undone, and then the hash fits.
type Guess =
    {
        Modification: Modification
        Says: string
        /// Programs and services that are known to do this.
        KnownOf: string list
        /// What is not as it was; nothing where that is no matter of what was hashed.
        Changes: ChangedText list
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
        | Modification.CharsetChanged -> "charset-changed"
        | Modification.BoundaryRenamed -> "boundary-renamed"
        | Modification.SpaceChanged -> "space-changed"
        | Modification.FinalNewlineChanged -> "final-newline-changed"
        | Modification.BlankLinesChanged -> "blank-lines-changed"
        | Modification.NameCaseChanged -> "name-case-changed"
        | Modification.FieldRewritten -> "field-rewritten"
        | Modification.FieldAdded -> "field-added"
        | Modification.FieldRemoved -> "field-removed"
        | Modification.FieldsReordered -> "fields-reordered"
        | Modification.LinesQuoted -> "lines-quoted"
        | Modification.LinesCut -> "lines-cut"
        | Modification.BodyWrapped -> "body-wrapped"
        | Modification.HeaderCut -> "header-cut"
        | Modification.SignerFault -> "signer-fault"
        | Modification.OtherCanonicalization -> "other-canonicalization"
        | Modification.OtherFields -> "other-fields"
