/// Tag lists, the syntax of signatures and of records in the DNS (RFC 6376 §3.2). Values are kept as extents of the text,
/// so that a value can be cut out of a field by offset and is never searched for.
namespace Dkim.Core.Records

open System
open Dkim.Core.Words

/// One `name=value`. `Value` is the value without surrounding white space, `Whole` all that stands between the `=` and
/// the next `;` or the end.
[<Struct>]
type Tag =
    {
        Name: string
        Value: Extent
        Whole: Extent
    }

/// Why a text is no tag list.
type TagListError =
    | TagListTooLong of limit: int<octet>
    | NotATagList of reason: string
    | RepeatedTag of name: string

/// A text and its tags, in order.
type TagList =
    {
        Text: string
        Tags: Tag list
    }

    /// The tag of a name; names are case-sensitive.
    member this.TryFind(name: string) : Tag voption =
        let rec search (tags: Tag list) =
            match tags with
            | [] -> ValueNone
            | tag :: _ when tag.Name = name -> ValueSome tag
            | _ :: rest -> search rest

        search this.Tags

    /// The text of an extent.
    member this.Slice(extent: Extent) : string =
        this.Text.Substring(int extent.At, int extent.Length)

    /// The value of a tag as written, without surrounding white space.
    member this.TryValue(name: string) : string voption =
        this.TryFind name |> ValueOption.map (fun tag -> this.Slice tag.Value)

module TagList =
    open FParsec
    open Dkim.Core.Words.Grammar

    /// `VALCHAR = %x21-3A / %x3C-7E`, and the UTF-8 octets of internationalized mail (RFC 8616 §5).
    let private isValueChar c =
        isVisible c && c <> ';' || isUtf8Octet c

    let private extent (start: int64) (finish: int64) =
        {
            At = int start * 1<octet>
            Length = int (finish - start) * 1<octet>
        }

    /// `tag-value = [ tval *( 1*(WSP / FWS) tval ) ]`, with the `[FWS]` on both sides of it, which counts as part of
    /// `Whole` only. Between two pieces of a value folds may follow each other, at its end only one may stand.
    let private tagValue: Parser<struct (Extent * Extent)> =
        let piece: Parser<unit> = skipMany1SatisfyL isValueChar "a value"
        let isFolded stream = fws(stream).Result

        fun stream ->
            let whole = stream.Index
            fws stream |> ignore
            let start = stream.Index
            let mutable finish = start
            let mutable after = CharStreamState stream

            while piece(stream).Status = Ok do
                finish <- stream.Index
                fws stream |> ignore
                after <- CharStreamState stream

                while isFolded stream do
                    ()

            stream.BacktrackTo after

            // The two around an empty value stand side by side.
            if finish = start then
                fws stream |> ignore

            Reply(struct (extent start finish, extent whole stream.Index))

    /// `tag-spec = [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS]`
    let private tagSpec: Parser<Tag> =
        pipe2 (skipFws >>. tagName .>> skipFws .>> skipChar '=') tagValue (fun name (struct (value, whole)) ->
            {
                Name = name
                Value = value
                Whole = whole
            })

    /// `tag-list = tag-spec *( ";" tag-spec ) [ ";" ]`, white space allowed at the end.
    let private tagList: Parser<Tag list> =
        sepEndBy1 tagSpec (skipChar ';' .>> optional (attempt (skipFws .>> eof)))

    let private tryRepeated (tags: Tag list) =
        tags
        |> List.countBy _.Name
        |> List.tryFind (fun (_, count) -> count > 1)
        |> Option.map fst

    /// Reads a tag list of at most `limit` octets. No name may occur twice.
    let parse (limit: int<octet>) (text: string) : Result<TagList, TagListError> =
        if text.Length > int limit then
            Result.Error(TagListTooLong limit)
        else
            match parseAll tagList text with
            | Result.Error reason -> Result.Error(NotATagList reason)
            | Result.Ok tags ->
                match tryRepeated tags with
                | Some name -> Result.Error(RepeatedTag name)
                | None -> Result.Ok { Text = text; Tags = tags }

    /// Reads the stricter list of DomainKeys, whose names are one lower-case letter and whose values are ASCII (RFC 4870
    /// Appendix A).
    let parseDomainKeys (limit: int<octet>) (text: string) : Result<TagList, TagListError> =
        let isPlain (tag: Tag) =
            tag.Name.Length = 1 && Char.IsAsciiLetterLower tag.Name[0]

        match parse limit text with
        | Result.Ok tags when not (List.forall isPlain tags.Tags) ->
            Result.Error(NotATagList "a tag is not one lower-case letter")
        | Result.Ok tags when not (String.forall Char.IsAscii tags.Text) -> Result.Error(NotATagList "not ASCII")
        | read -> read

    /// A value without any white space: what base64 and lists of words are read from.
    let withoutWhiteSpace (value: string) : string =
        if value.AsSpan().IndexOfAny(" \t\r\n") < 0 then
            value
        else
            String.filter (fun c -> not (isWspChar c) && c <> '\r' && c <> '\n') value

    /// `base64string`: octets of a value in which white space may stand anywhere; nothing if it is empty or no base64
    /// (RFC 6376 §2.10, RFC 4648 §4).
    let tryBase64 (value: string) : byte[] voption =
        let packed = withoutWhiteSpace value
        let octets: byte[] = Array.zeroCreate (packed.Length / 4 * 3)

        match Convert.TryFromBase64String(packed, octets.AsSpan()) with
        | true, length when length > 0 -> ValueSome(Array.sub octets 0 length)
        | _ -> ValueNone

module TagListError =
    let describe (error: TagListError) =
        match error with
        | TagListTooLong limit -> "longer than " + string (int limit) + " octets"
        | NotATagList reason -> reason
        | RepeatedTag name -> "tag " + name + "= occurs twice"
