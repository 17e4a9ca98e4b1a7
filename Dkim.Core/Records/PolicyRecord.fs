/// What a domain says of its own mail: ADSP (RFC 5617 §4.2), the policy of DomainKeys (RFC 4870 §3.6), and the sender
/// signing practice of the drafts between them, which dkimproxy still asks for.
namespace Dkim.Core.Records

open Dkim.Core.Words

/// A domain's practice in increasing strictness. `SignsAllItself` accepts no signature of another domain in its place.
[<Struct>]
type SigningPractice =
    | SignsSome
    | SignsAll
    | SignsAllItself

/// A published policy.
type PolicyRecord =
    {
        Practice: SigningPractice
        /// t=y: the domain asks that nothing be refused.
        Testing: bool
        /// r=, where reports may be sent (RFC 4870 §3.6).
        ReportAddress: string voption
        Tags: TagList
    }

module PolicyRecord =
    open FParsec
    open Dkim.Core.Words.Grammar

    /// Longer records are taken for none.
    let private limit = 16384<octet>

    let private ofTags (practice: SigningPractice) (tags: TagList) =
        {
            Practice = practice
            Testing =
                tags.TryValue "t"
                |> ValueOption.exists (fun flags -> Array.contains "y" (flags.Split ':'))
            ReportAddress = tags.TryValue "r"
            Tags = tags
        }

    /// `adsp-dkim-tag = %x64.6b.69.6d *WSP "=" *WSP ("unknown" / "all" / "discardable" / x-adsp-dkim-tag)`: what a record
    /// must begin with.
    let private adspStart: Parser<string> =
        let wsp = skipManySatisfy isWspChar

        pstring "dkim" >>. wsp >>. skipChar '=' >>. wsp >>. hyphenatedWord
        .>> wsp
        .>> (skipChar ';' <|> eof)

    /// An ADSP record; nothing if the text is outside its syntax, which counts as no record (RFC 5617 §4.1). A practice
    /// that is not known means the first.
    let tryAdsp (text: string) : PolicyRecord voption =
        match run adspStart text with
        | Failure _ -> ValueNone
        | Success(word, _, _) ->
            let practice =
                match word with
                | "discardable" -> SignsAllItself
                | "all" -> SignsAll
                | _ -> SignsSome

            if text.Contains '\r' || text.Contains '\n' then
                ValueNone
            else
                TagList.parse limit text
                |> Result.toValueOption
                |> ValueOption.map (ofTags practice)

    /// `o=~` or `o=-` at `_domainkey.` and the domain (RFC 4870 §3.6).
    let tryDomainKeys (text: string) : PolicyRecord voption =
        TagList.parseDomainKeys limit text
        |> Result.toValueOption
        |> ValueOption.map (fun tags ->
            let practice =
                match tags.TryValue "o" with
                | ValueSome "-" -> SignsAll
                | _ -> SignsSome

            ofTags practice tags)

    /// The draft's record at `_policy._domainkey.` and the domain: `o=-` signs all, `o=!` signs all itself.
    let trySenderSigning (text: string) : PolicyRecord voption =
        TagList.parse limit text
        |> Result.toValueOption
        |> ValueOption.map (fun tags ->
            let practice =
                match tags.TryValue "o", tags.TryValue "dkim" with
                | ValueSome "!", _
                | _, ValueSome "strict" -> SignsAllItself
                | ValueSome "-", _
                | _, ValueSome "all" -> SignsAll
                | _ -> SignsSome

            ofTags practice tags)
