/// What a domain asks to be told of signatures that fail: its reporting record (RFC 6651 §3.2), or the tags that key and
/// ADSP records had for it before there was a standard, which the old filters heed.
namespace Dkim.Core.Records

open Dkim.Core.Words

/// The reasons that a report can be asked for (RFC 6651 §5.1).
[<Struct; RequireQualifiedAccess>]
type ReportReason =
    | Dns
    | Policy
    | Syntax
    | UnknownTag
    | Verification
    | Expiry
    | Other

/// A request. Reports go to the local part at the domain itself, never elsewhere.
type ReportRequest =
    {
        /// ra=; without it no report goes out.
        LocalPart: string voption
        /// rp=, the share of failures to report, from 0 to 100.
        Percent: int
        /// rr=; nothing asks for all.
        Reasons: ReportReason list voption
        /// rs=, a sentence for the SMTP reply.
        ReplyText: string voption
    }

module ReportRequest =
    let private reasons =
        NameTable
            [
                "d", ReportReason.Dns
                "p", ReportReason.Policy
                "s", ReportReason.Syntax
                "u", ReportReason.UnknownTag
                "v", ReportReason.Verification
                "x", ReportReason.Expiry
                "o", ReportReason.Other
            ]

    /// Unknown words are passed over; a list of nothing else asks for nothing (RFC 6651 §5).
    let private readReasons (value: string) : ReportReason list voption =
        let words = List.ofArray ((TagList.withoutWhiteSpace value).Split ':')

        if List.contains "all" words then
            ValueNone
        else
            ValueSome(words |> List.choose (reasons.TryParse >> Option.ofValueOption))

    /// Printable ASCII of a decoded value, so that no line end can get into a reply or an address (RFC 6651 §3.2 rs=).
    let private clean (value: string) : string voption =
        QuotedPrintable.tryDecode value
        |> ValueOption.map (String.filter Printable.isAscii)
        |> ValueOption.filter (fun text -> text <> "" && text.Length <= 256)

    /// Whether an address's local part needs no quotes (RFC 5322 §3.2.3 dot-atom).
    let internal isPlain (local: string) : bool =
        local <> ""
        && local
           |> String.forall (fun c -> System.Char.IsAsciiLetterOrDigit c || "!#$%&'*+-/=?^_`{|}~.".Contains c)

    let private localPart (value: string) : string voption =
        clean value |> ValueOption.filter isPlain

    let private tryPercent (tags: TagList) : int voption =
        match tags.TryValue "rp" with
        | ValueNone -> ValueSome 100
        | ValueSome text ->
            match System.Int32.TryParse text with
            | true, percent when percent <= 100 && String.forall System.Char.IsAsciiDigit text -> ValueSome percent
            | _ -> ValueNone

    let private ofTags (address: string) (asked: string) (tags: TagList) : ReportRequest voption =
        tryPercent tags
        |> ValueOption.map (fun percent ->
            {
                LocalPart = tags.TryValue address |> ValueOption.bind localPart
                Percent = percent
                Reasons = tags.TryValue asked |> ValueOption.bind readReasons
                ReplyText = tags.TryValue "rs" |> ValueOption.bind clean
            })

    let private limit = 16384<octet>

    /// The record at `_report._domainkey.` and the domain; nothing if its syntax is broken.
    let tryParse (text: string) : ReportRequest voption =
        match TagList.parse limit text with
        | Ok tags -> ofTags "ra" "rr" tags
        | Error _ -> ValueNone

    /// The tags r=, ro= and rs= of a key or policy record, where rf= does not ask for another form than ARF.
    let ofOldTags (text: string) : ReportRequest voption =
        match TagList.parse limit text with
        | Error _ -> ValueNone
        | Ok tags ->
            let arf =
                tags.TryValue "rf"
                |> ValueOption.forall (fun forms -> Array.contains "arf" ((TagList.withoutWhiteSpace forms).Split ':'))

            if arf then ofTags "r" "ro" tags else ValueNone

    /// What a policy record asks for messages that have a good signature, or none (RFC 6651 §4.1, §5.2; before it r= and
    /// ro=, with the same words).
    let ofPolicy (signed: bool) (tags: TagList) : ReportRequest voption =
        let address, asked = if (tags.TryFind "ra").IsSome then "ra", "rr" else "r", "ro"

        let wanted =
            tags.TryValue asked
            |> ValueOption.forall (fun words ->
                (TagList.withoutWhiteSpace words).Split ':'
                |> Array.exists (fun word -> word = "all" || word = (if signed then "s" else "u")))

        if wanted then ofTags address asked tags else ValueNone

    /// Where a request stands.
    let name (domain: DomainName) : string = "_report._domainkey." + domain.Text
