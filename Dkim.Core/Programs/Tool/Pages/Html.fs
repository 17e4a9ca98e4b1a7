/// HTML that cannot hold anything but what it was made of: elements and attributes are closed sets, and text gets in by being
/// escaped alone (HTML §13.3).
namespace Dkim.Core.Programs.Tool.Pages

open System
open System.Globalization
open System.Text

/// The elements that pages are made of.
[<RequireQualifiedAccess>]
type internal Tag =
    | Header
    | Main
    | Nav
    | Section
    | Footer
    | H1
    | H2
    | H3
    | P
    | A
    | Ul
    | Li
    | Table
    | Caption
    | Thead
    | Tbody
    | Tr
    | Th
    | Td
    | Span
    | Code
    | Pre
    | Del
    | Ins

/// Their attributes. There is none that loads, runs or leads out of the page.
[<RequireQualifiedAccess>]
type internal Attribute =
    | Class of string
    | Id of string
    /// A link to the element of the same page that has this id.
    | To of string
    | Label of string
    | LabelledBy of string
    | ScopeRow
    | ScopeColumn

/// A piece of a page.
[<Sealed>]
type internal Html private (write: StringBuilder -> unit) =
    // Control characters, and those that turn the direction of text or cannot be seen, are written by their numbers.
    static let isHidden (rune: Rune) =
        match Rune.GetUnicodeCategory rune with
        | UnicodeCategory.Control
        | UnicodeCategory.Format
        | UnicodeCategory.LineSeparator
        | UnicodeCategory.ParagraphSeparator
        | UnicodeCategory.PrivateUse
        | UnicodeCategory.OtherNotAssigned -> true
        | _ -> rune = Rune.ReplacementChar

    static let escape (text: string) (page: StringBuilder) =
        for rune in text.EnumerateRunes() do
            match rune.Value with
            | 38 -> page.Append "&amp;"
            | 60 -> page.Append "&lt;"
            | 62 -> page.Append "&gt;"
            | 34 -> page.Append "&quot;"
            | 39 -> page.Append "&#39;"
            | 10 -> page.Append '\n'
            | _ when isHidden rune -> page.Append("\\u{").Append(rune.Value.ToString "x").Append '}'
            | _ -> page.Append(rune.ToString())
            |> ignore

    static let nameOf (tag: Tag) =
        match tag with
        | Tag.Header -> "header"
        | Tag.Main -> "main"
        | Tag.Nav -> "nav"
        | Tag.Section -> "section"
        | Tag.Footer -> "footer"
        | Tag.H1 -> "h1"
        | Tag.H2 -> "h2"
        | Tag.H3 -> "h3"
        | Tag.P -> "p"
        | Tag.A -> "a"
        | Tag.Ul -> "ul"
        | Tag.Li -> "li"
        | Tag.Table -> "table"
        | Tag.Caption -> "caption"
        | Tag.Thead -> "thead"
        | Tag.Tbody -> "tbody"
        | Tag.Tr -> "tr"
        | Tag.Th -> "th"
        | Tag.Td -> "td"
        | Tag.Span -> "span"
        | Tag.Code -> "code"
        | Tag.Pre -> "pre"
        | Tag.Del -> "del"
        | Tag.Ins -> "ins"

    static let attribute (page: StringBuilder) (attribute: Attribute) =
        let name, value =
            match attribute with
            | Attribute.Class value -> "class", value
            | Attribute.Id value -> "id", value
            | Attribute.To id -> "href", "#" + id
            | Attribute.Label value -> "aria-label", value
            | Attribute.LabelledBy value -> "aria-labelledby", value
            | Attribute.ScopeRow -> "scope", "row"
            | Attribute.ScopeColumn -> "scope", "col"

        page.Append(' ').Append(name).Append("=\"") |> ignore
        escape value page
        page.Append '"' |> ignore

    member private _.Write(page: StringBuilder) = write page

    /// A text; whatever it holds, it is read as this text.
    static member Text(text: string) : Html = Html(escape text)

    static member Element(tag: Tag, attributes: Attribute list, children: Html list) : Html =
        Html(fun page ->
            page.Append('<').Append(nameOf tag) |> ignore
            attributes |> List.iter (attribute page)
            page.Append '>' |> ignore
            children |> List.iter (fun child -> child.Write page)
            page.Append("</").Append(nameOf tag).Append('>') |> ignore)

    /// The whole document. Its policy of content lets it load nothing at all, and no style in but its own (CSP 3).
    static member Document(title: string, body: Html list) : string =
        let page = StringBuilder()
        let add (text: string) = page.Append text |> ignore
        add "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        add "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        add StyleSheet.source
        add "; base-uri 'none'; form-action 'none'\">\n"
        add "<meta name=\"referrer\" content=\"no-referrer\">\n"
        add "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        add "<meta name=\"color-scheme\" content=\"light dark\">\n<title>"
        escape title page
        add "</title>\n<style>"
        add StyleSheet.Text
        add "</style>\n</head>\n<body>\n"
        body |> List.iter (fun part -> part.Write page)
        add "\n</body>\n</html>\n"
        page.ToString()
