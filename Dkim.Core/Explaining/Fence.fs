/// How far a change that nothing undoes can be narrowed: other signatures and ARC sets of the same message, and copies in z=,
/// fence it in (RFC 6376 §3.5 z=, RFC 8617 §4.1.2).
module internal Dkim.Core.Explaining.Fence

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Explaining.Edits

/// Somebody else who has hashed this body.
[<NoComparison; NoEquality>]
type private Witness =
    {
        Label: string
        /// It stands above the signature in question, and so was made later.
        IsAbove: bool
        Passes: bool
        BodyCanon: BodyCanon
        Hash: Hash
        Limit: int64<octet> voption
        BodyHash: byte[]
        Fields: FieldName list
    }

let private ofSignature (facts: Evidence) (judged: SignatureResult) : Witness option =
    match judged.Signature with
    | ValueSome signature when judged.Scheme = Dkim && judged.Position <> facts.Outcome.Position ->
        let isAbove = judged.Position < facts.Outcome.Position

        Some
            {
                Label =
                    "the signature of "
                    + signature.Domain.Text
                    + (if isAbove then " above" else " below")
                IsAbove = isAbove
                Passes = judged.Verdict = Pass
                BodyCanon = signature.BodyCanon
                Hash = signature.Hash
                Limit = signature.BodyLength
                BodyHash = signature.BodyHash
                Fields = signature.SignedFields |> ValueOption.defaultValue []
            }
    | ValueSome _
    | ValueNone -> None

/// Fields of ARC that are looked at, and octets of each (RFC 8617 §4.2.1 has 50 sets at most).
[<Literal>]
let private MostSets = 50

let private LongestField = 16384<octet>

/// What ARC-Message-Signature says of the body; whether it verifies is not looked at, since its hash alone is compared.
let private ofArc (facts: Evidence) (position: int) (field: Field) : Witness option =
    match TagList.parse LongestField field.ValueText with
    | Error _ -> None
    | Ok tags ->
        let value (name: string) =
            tags.TryValue name
            |> ValueOption.map TagList.withoutWhiteSpace
            |> ValueOption.defaultValue ""

        match TagList.tryBase64 (value "bh") with
        | ValueSome hash when hash.Length = 32 ->
            let isAbove = position < facts.Outcome.Position

            Some
                {
                    Label =
                        "ARC set "
                        + Printable.visibleExcerpt 4 (value "i")
                        + " of "
                        + Printable.visibleExcerpt 80 (value "d")
                    IsAbove = isAbove
                    Passes = false
                    BodyCanon =
                        if (value "c").EndsWith("/relaxed", StringComparison.OrdinalIgnoreCase) then
                            RelaxedBody
                        else
                            SimpleBody
                    Hash = Sha256
                    Limit = if value "l" = "" then ValueNone else ValueSome 0L<octet>
                    BodyHash = hash
                    Fields = []
                }
        | ValueSome _
        | ValueNone -> None

let private witnesses (message: ExplainedMail) (facts: Evidence) : Witness list =
    let arc =
        message.Mail.Header.Fields
        |> Seq.indexed
        |> Seq.filter (fun (_, field) -> field.Is "ARC-Message-Signature")
        |> Seq.truncate MostSets
        |> Seq.choose (fun (position, field) -> ofArc facts position field)
        |> List.ofSeq

    (message.All |> List.choose (ofSignature facts)) @ arc

let private isSame (one: byte[]) (other: byte[]) =
    one.AsSpan().SequenceEqual(ReadOnlySpan other)

/// What another hash of the same body says of when it was changed.
let private ofBody (facts: Evidence) (witness: Witness) : string list =
    let signature = facts.Signature

    let isComparable =
        witness.BodyCanon = signature.BodyCanon
        && witness.Hash = signature.Hash
        && witness.Limit.IsNone
        && signature.BodyLength.IsNone

    match witness.Limit with
    | ValueSome limit when witness.Passes && limit > 0L<octet> && not witness.IsAbove ->
        [
            "the first "
            + string (int64 limit)
            + " octets of the body are as "
            + witness.Label
            + " signed them: what was changed stands behind them"
        ]
    | _ when isComparable && isSame witness.BodyHash signature.BodyHash ->
        [
            witness.Label
            + " has the same body hash: the body was changed after both were made"
        ]
    | _ when isComparable && isSame witness.BodyHash facts.BodyDigest ->
        [
            witness.Label
            + " has the hash of the body as it is: the body was changed "
            + (if witness.IsAbove then
                   "between this signature and that"
               else
                   "before this signature was made, or its signer hashed another")
        ]
    | _ when isComparable ->
        [
            witness.Label + " has a third body hash: the body was changed more than once"
        ]
    | _ when witness.Passes && witness.IsAbove && witness.Limit.IsNone ->
        [
            witness.Label + " fits the body as it is: it was changed before that was made"
        ]
    | _ -> []

let private names (fields: string list) =
    String.Join(", ", fields |> List.map (Printable.visibleExcerpt 80))

/// What another signature over the same fields says of which was changed, and when.
let private ofHeader (facts: Evidence) (witness: Witness) : string list =
    let isCovered (field: Field) =
        witness.Fields |> List.exists (fun name -> field.Is name.Text)

    let covered, others = facts.Selected |> List.partition isCovered

    if not witness.Passes || covered.IsEmpty then
        []
    elif witness.IsAbove then
        [
            witness.Label
            + " fits "
            + names (covered |> List.map _.Name)
            + ": if one of these was changed, it was before that signature was made"
        ]
    elif others.IsEmpty then
        [
            witness.Label
            + " fits all fields that this one signs: none of them was changed since, so this signer hashed something else"
        ]
    else
        [
            witness.Label
            + " was made earlier and fits "
            + names (covered |> List.map _.Name)
            + ": what was changed is among "
            + names (others |> List.map _.Name)
        ]

/// Fields that are as their copies in z= say.
let private ofCopies (facts: Evidence) (differences: FieldDifference list) : string list =
    let copied = Copies.parse facts.Signature |> List.truncate 200

    let isIntact (field: Field) =
        copied |> List.exists (fun copy -> copy.Is field.Name)
        && not (differences |> List.exists (fun found -> field.Is found.Name))

    let intact, others = facts.Selected |> List.partition isIntact

    if intact.IsEmpty || others.IsEmpty then
        []
    else
        [
            "these are as the copies in z= say: "
            + names (intact |> List.map _.Name)
            + "; what was changed is among "
            + names (others |> List.map _.Name)
        ]

/// More lines are not told.
[<Literal>]
let private MostLines = 12

/// What is known of a change to the body or to the header that was not found.
let narrowed (message: ExplainedMail) (facts: Evidence) (body: bool) (header: bool) : string list =
    let known = if body || header then witnesses message facts else []

    [
        if body then
            yield! known |> List.collect (ofBody facts)
        if header then
            yield! known |> List.collect (ofHeader facts)
            yield! ofCopies facts (Copies.differences facts.Signature facts.Selected)
    ]
    |> List.distinct
    |> List.truncate MostLines
