/// The grammar of a header block: fields as RFC 5322 §2.2 has them now (§3.6.8) and as it had them once (§4.5.8), and lines
/// that are no fields. `Header.ofBlock` is the scanner that runs for each message; a law holds that both find the same.
namespace Dkim.Core.Message

open FParsec
open Dkim.Core.Words

/// What the grammar says of a field. Octets count from the field's first.
[<Struct; RequireQualifiedAccess>]
type FieldForm =
    /// `optional-field`, which every field of §3.6 is as well.
    | Current
    /// Only the obsolete grammar takes the octet: a blank before the colon, a bare CR or LF, NUL.
    | Obsolete of octet: int<octet>
    /// No field: at the octet the name or the colon is missing.
    | Missing of place: int<octet>

/// A field where it stands in a block.
[<Struct>]
type FieldExtent =
    {
        Start: int<octet>
        Length: int<octet>
        Form: FieldForm
    }

module HeaderGrammar =
    open Dkim.Core.Words.Grammar

    let private isFtext c = isVisible c && c <> ':'

    /// `field-name = 1*ftext`, `ftext = %d33-57 / %d59-126`
    let private fieldName: Parser<unit> =
        skipMany1SatisfyL isFtext "the name of a field"

    /// `*WSP`
    let private blanks: Parser<unit> = skipManySatisfy isWspChar

    let private here: Parser<int<octet>> =
        fun stream -> Reply(int stream.Index * 1<octet>)

    // A fold: a line end that white space follows belongs to the field (§2.2.3).
    let private fold: Parser<unit> =
        attempt (crlf >>. followedBy (skipSatisfy isWspChar))

    /// `obs-unstruct`, of which `unstructured` is a part: any octets but CRLF. Yields where the first stands that
    /// `unstructured` has not. By hand, since FParsec takes CR and LF alone for line ends.
    let private line: Parser<int<octet> voption> =
        fun stream ->
            let mutable obsolete = ValueNone

            while not stream.IsEndOfStream && stream.Peek2() <> TwoChars('\r', '\n') do
                match stream.Peek() with
                | '\r'
                | '\n'
                | '\000' when obsolete.IsNone -> obsolete <- ValueSome(int stream.Index * 1<octet>)
                | _ -> ()

                stream.Skip()

            Reply obsolete

    /// `unstructured` over its folds.
    let private body: Parser<int<octet> voption> =
        pipe2 line (many (fold >>. line)) (fun first rest -> List.fold ValueOption.orElse first rest)

    /// `optional-field = field-name ":" unstructured CRLF`, `obs-optional = field-name *WSP ":" unstructured CRLF`
    let private optionalField: Parser<int<octet> -> FieldForm> =
        pipe4 (fieldName >>. here) blanks (here .>> skipChar ':') body (fun name () colon inBody start ->
            match inBody with
            | _ when colon > name -> FieldForm.Obsolete(name - start)
            | ValueSome octet -> FieldForm.Obsolete(octet - start)
            | ValueNone -> FieldForm.Current)

    /// A line that is no field, to where it stops to be one, and its folds.
    let private otherLine: Parser<int<octet> -> FieldForm> =
        optional (fieldName >>. blanks) >>. here .>> body
        |>> fun place start -> FieldForm.Missing(place - start)

    let private field: Parser<FieldExtent> =
        pipe3 here (attempt optionalField <|> otherLine) here (fun start form after ->
            {
                Start = start
                Length = after - start
                Form = form start
            })

    /// `fields = *(optional-field / obs-optional)`; the line end of the last may be missing.
    let private fields: Parser<FieldExtent list> =
        many (notFollowedBy eof >>. field .>> (crlf <|> eof))

    /// The fields of a header block, topmost first. Every text is read.
    let read (block: string) : FieldExtent list =
        match parseAll fields block with
        | Result.Ok found -> found
        | Result.Error _ -> []

    /// What is said of a form that is not the current one.
    let describe (raw: string) (form: FieldForm) : string voption =
        let at (place: int<octet>) = " at octet " + string (int place + 1)

        match form with
        | FieldForm.Current -> ValueNone
        | FieldForm.Missing place when place = 0<octet> -> ValueSome "no field: expected the name of a field at octet 1"
        | FieldForm.Missing place -> ValueSome("no field: expected \":\"" + at place)
        | FieldForm.Obsolete octet ->
            let what =
                match raw[int octet] with
                | '\r' -> "a CR that no LF follows"
                | '\n' -> "an LF that no CR precedes"
                | '\000' -> "NUL"
                | _ -> "white space before the colon"

            ValueSome("obsolete form: " + what + at octet)
