/// Names that signatures, keys and messages carry. Each has a private constructor, so that a value of the type is a
/// proof that its text was checked.
namespace Dkim.Core.Words

open System
open System.Globalization
open System.Text

/// Why a text is not the name it should be.
type NameError =
    | EmptyName
    | NameTooLong of limit: int
    | BadLabel of label: string
    | TooFewLabels

module internal Label =
    let private isLabelChar (c: char) =
        Char.IsAsciiLetterOrDigit c || c = '-' || c = '_'

    /// The longest label, in characters (RFC 1035 §2.3.4).
    [<Literal>]
    let Longest = 63

    /// A label of letters, digits, hyphens and, beyond RFC 5321 §4.1.2, underscores, which real selectors contain.
    let isAscii (label: string) =
        label.Length >= 1
        && label.Length <= Longest
        && String.forall isLabelChar label
        && label[0] <> '-'
        && label[label.Length - 1] <> '-'

    // Characters that U-labels may have although they are neither letters, digits nor marks (RFC 5892 §2.6 and
    // appendix A); where they may stand is not looked at.
    let private exceptions =
        "-\u00B7\u0375\u05F3\u05F4\u06FD\u06FE\u0F0B\u200C\u200D\u3007\u30FB"

    let private isMark category =
        category = UnicodeCategory.NonSpacingMark
        || category = UnicodeCategory.SpacingCombiningMark

    /// Letters, digits and marks, no mark first (RFC 5891 §4.2.3, RFC 5892 §2.1). The mapper of the platform, without
    /// tables of its own, takes anything.
    let private isULabel (label: string) =
        let runes = label.EnumerateRunes() |> Seq.cast<Rune> |> List.ofSeq

        let fits (rune: Rune) =
            match Rune.GetUnicodeCategory rune with
            | UnicodeCategory.LowercaseLetter
            | UnicodeCategory.OtherLetter
            | UnicodeCategory.ModifierLetter
            | UnicodeCategory.DecimalDigitNumber -> true
            | category -> isMark category || rune.IsBmp && exceptions.Contains(char rune.Value)

        List.forall fits runes && not (isMark (Rune.GetUnicodeCategory runes.Head))

    // The mapper throws for what it cannot map.
    let private tryIdn (label: string) =
        try
            ValueSome(IdnMapping(UseStd3AsciiRules = true).GetAscii(label.ToLowerInvariant()))
        with :? ArgumentException ->
            ValueNone

    /// The A-label, lower case, of an ASCII label or a U-label.
    let tryAscii (label: string) : string voption =
        if isAscii label then
            ValueSome(label.ToLowerInvariant())
        elif String.forall Char.IsAscii label then
            ValueNone
        elif not (isULabel (label.ToLowerInvariant())) then
            ValueNone
        else
            match tryIdn label with
            | ValueSome ascii when isAscii ascii -> ValueSome ascii
            | _ -> ValueNone

    /// Labels of a dotted name as A-labels, of at most `limit` octets in all.
    let tryName (limit: int) (fewest: int) (text: string) : Result<string, NameError> =
        // A U-label may be shorter than its A-label, never longer than four octets for each character.
        if text.Length = 0 then
            Error EmptyName
        elif text.Length > limit then
            Error(NameTooLong limit)
        else
            let labels = text.Split '.'
            let ascii = labels |> Array.map tryAscii

            match Array.tryFindIndex ValueOption.isNone ascii with
            | Some bad -> Error(BadLabel labels[bad])
            | None when ascii.Length < fewest -> Error TooFewLabels
            | None ->
                let name = String.Join('.', ascii |> Array.map ValueOption.get)

                if name.Length > limit then
                    Error(NameTooLong limit)
                else
                    Ok name

/// A domain of at least two labels, as A-labels in lower case (RFC 6376 §3.5 d=, RFC 8616 §5).
[<Struct>]
type DomainName =
    private
    | DomainName of string

    /// The name as A-labels, lower case, without a final dot.
    member this.Text = let (DomainName text) = this in text

    /// A domain from text in A-labels or U-labels.
    static member tryCreate(text: string) : Result<DomainName, NameError> =
        Label.tryName 253 2 text |> Result.map DomainName

    /// True when this is `other` or lies below it, compared label by label (RFC 6376 §3.5 i=).
    member this.IsWithin(other: DomainName) =
        this.Text = other.Text
        || this.Text.EndsWith("." + other.Text, StringComparison.Ordinal)

    override this.ToString() = this.Text

/// One or more labels that name a key below a domain (RFC 6376 §3.1).
[<Struct>]
type Selector =
    private
    | Selector of string

    /// The selector as A-labels, lower case.
    member this.Text = let (Selector text) = this in text

    /// A selector from text in A-labels or U-labels.
    static member tryCreate(text: string) : Result<Selector, NameError> =
        Label.tryName 200 1 text |> Result.map Selector

    override this.ToString() = this.Text

/// The name of a header field, kept as written and compared without regard to case (RFC 5322 §1.2.2).
[<Struct; CustomEquality; NoComparison>]
type FieldName =
    private
    | FieldName of string

    /// The name as it was written.
    member this.Text = let (FieldName text) = this in text

    /// A name of printable ASCII without a colon (RFC 5322 §3.6.8 ftext) and, so that it can stand in h=, without a
    /// semicolon (RFC 6376 §3.5).
    static member tryCreate(text: string) : FieldName voption =
        if
            text.Length > 0
            && text |> String.forall (fun c -> c > ' ' && c < '\127' && c <> ':' && c <> ';')
        then
            ValueSome(FieldName text)
        else
            ValueNone

    member this.Is(name: string) =
        String.Equals(this.Text, name, StringComparison.OrdinalIgnoreCase)

    override this.Equals(other: obj) =
        match other with
        | :? FieldName as name -> this.Is name.Text
        | _ -> false

    override this.GetHashCode() =
        StringComparer.OrdinalIgnoreCase.GetHashCode this.Text

    interface IEquatable<FieldName> with
        member this.Equals(other) = this.Is other.Text

    override this.ToString() = this.Text

/// A mailbox without its display name. `Domain` is as written, since a header may show what no DNS name can be.
[<Struct>]
type Address =
    {
        LocalPart: string
        Domain: string
    }

    override this.ToString() = this.LocalPart + "@" + this.Domain

module internal Address =
    /// A key or an address as they are compared: lower case, the domain in A-labels.
    let folded (text: string) : string =
        if Ascii.IsValid(text.AsSpan()) then
            text.ToLowerInvariant()
        else
            let domainAt = text.LastIndexOf '@' + 1
            let domain = text.Substring domainAt

            let name =
                match Label.tryName 253 1 domain with
                | Ok name -> name
                | Error _ -> domain.ToLowerInvariant()

            text.Substring(0, domainAt).ToLowerInvariant() + name

module FieldName =
    /// A name that is known to be good: for the constants of the standards.
    let internal known (text: string) : FieldName =
        match FieldName.tryCreate text with
        | ValueSome name -> name
        | ValueNone -> invalidArg (nameof text) text

module NameError =
    let describe (error: NameError) =
        match error with
        | EmptyName -> "empty"
        | NameTooLong limit -> "longer than " + string limit + " characters"
        | BadLabel label when label = "" -> "an empty label"
        | BadLabel label when label.Length > Label.Longest ->
            "a label longer than " + string Label.Longest + " characters"
        | BadLabel _ -> "a label with characters that a domain name cannot have"
        | TooFewLabels -> "a single label where a domain is needed"
