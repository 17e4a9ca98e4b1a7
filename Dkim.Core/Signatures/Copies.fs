/// The copies of signed fields in z=, compared with the fields that arrived (RFC 6376 §3.5 z=).
namespace Dkim.Core.Signatures

open System
open System.Buffers
open System.Collections.Generic
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Canonicalization

/// A field that is not as it was signed, and where the canonical forms part.
type FieldDifference =
    {
        Name: string
        /// The first differing octet of the canonical form.
        At: int<octet>
        /// Both canonical forms from a little before that octet on, made visible.
        Signed: string
        /// Nothing where the field is gone.
        Present: string voption
    }

module internal Copies =
    /// The entries of z=, in order; those that cannot be read are passed over.
    let parse (signature: Signature) : Field list =
        match signature.CopiedFields with
        | ValueNone -> []
        | ValueSome text ->
            (TagList.withoutWhiteSpace text).Split '|'
            |> List.ofArray
            |> List.choose (fun entry ->
                match entry.IndexOf ':' with
                | -1 -> None
                | colon ->
                    match
                        QuotedPrintable.tryDecode (entry.Substring(0, colon)),
                        QuotedPrintable.tryDecode (entry.Substring(colon + 1))
                    with
                    | ValueSome name, ValueSome value when name <> "" -> Some(Field.ofText name value)
                    | _ -> None)

    let private canonical (canon: HeaderCanon) (field: Field) : string =
        let sink = ArrayBufferWriter<byte> 256
        CanonicalHeader.writeField canon field sink
        Octets.latin1 sink.WrittenSpan

    /// Each copy with the field that stands in its place, counted from the bottom as h= counts.
    let private pairs (copies: Field list) (signed: Field list) : (Field * Field voption) list =
        let byName (fields: Field list) =
            fields |> List.groupBy _.Name.ToLowerInvariant()

        let known = dict (byName signed)

        byName copies
        |> List.collect (fun (name, copied) ->
            // h= takes fields from the bottom, z= need not: both are put into the order of the message.
            let present =
                match known.TryGetValue name with
                | true, present -> present
                | false, _ -> []

            let inOrder =
                if
                    copied.Length > 1
                    && present.Length = copied.Length
                    && copied.Head.Equals present.Head
                then
                    present
                else
                    List.rev present

            let missing = List.replicate (max 0 (copied.Length - inOrder.Length)) ValueNone
            let here = inOrder |> List.map ValueSome |> List.truncate copied.Length
            List.zip copied (missing @ here))

    let private firstDifference (one: string) (other: string) : int =
        let length = min one.Length other.Length
        let mutable at = 0

        while at < length && one[at] = other[at] do
            at <- at + 1

        at

    let private window (at: int) (text: string) : string =
        let start = max 0 (at - 12)

        (if start > 0 then "..." else "")
        + Printable.visibleExcerpt 48 (text.Substring start)

    let private difference (canon: HeaderCanon) (copy: Field, present: Field voption) : FieldDifference option =
        let signed = canonical canon copy

        match present with
        | ValueNone ->
            Some
                {
                    Name = copy.Name
                    At = 0<octet>
                    Signed = window 0 signed
                    Present = ValueNone
                }
        | ValueSome field ->
            let found = canonical canon field

            if signed = found then
                None
            else
                let at = firstDifference signed found

                Some
                    {
                        Name = copy.Name
                        At = at * 1<octet>
                        Signed = window at signed
                        Present = ValueSome(window at found)
                    }

    /// What differs between the copies and the signed fields.
    let differences (signature: Signature) (signed: Field list) : FieldDifference list =
        pairs (parse signature) signed |> List.choose (difference signature.HeaderCanon)

    /// The signed fields with the copies in their places.
    let restored (signature: Signature) (signed: Field list) : Field list =
        let copies = Dictionary<ReadOnlyMemory<byte>, Field>()

        for copy, present in pairs (parse signature) signed do
            if present.IsSome then
                copies.TryAdd(present.Value.Raw, copy) |> ignore

        signed
        |> List.map (fun field ->
            match copies.TryGetValue field.Raw with
            | true, copy -> copy
            | false, _ -> field)
