/// What all pages have in common: a title with what came out, sections under headings that the top leads to, and tables
/// and lists within them.
namespace Dkim.Core.Programs.Tool.Pages

open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Signatures
open Dkim.Core.Explaining

/// A part of a page under a heading of its own.
type internal Section = { Heading: string; Body: Html list }

/// What a command found, as a page tells it.
type internal Report =
    {
        Title: string
        /// What stands first: the outcome, in a sentence or a table.
        Summary: Html list
        Sections: Section list
        /// Which build made it, and of what.
        Footer: string
    }

module internal Page =
    let text (text: string) : Html = Html.Text text

    let paragraph (content: string) : Html =
        Html.Element(Tag.P, [], [ text content ])

    let heading (content: string) : Html =
        Html.Element(Tag.H3, [], [ text content ])

    /// Text with everything that cannot be seen escaped, for Latin-1 text of messages and records.
    let code (latin1: string) : Html =
        Html.Element(Tag.Code, [], [ text (Printable.visible latin1) ])

    let preformatted (lines: string list) : Html =
        Html.Element(Tag.Pre, [], [ text (String.concat "\n" lines) ])

    let list (items: string list) : Html =
        Html.Element(Tag.Ul, [], items |> List.map (fun item -> Html.Element(Tag.Li, [], [ text item ])))

    /// What was found, in a word that also stands out.
    let badge (finding: Finding) (word: string) : Html =
        let look =
            match finding with
            | Finding.Good -> "badge good"
            | Finding.Bad -> "badge bad"
            | Finding.Note -> "badge note"

        Html.Element(Tag.Span, [ Attribute.Class look ], [ text word ])

    /// What came of a signature, in the word of RFC 8601.
    let outcome (judged: SignatureResult) : Html =
        let word = Verdict.word judged.Verdict

        let finding =
            match judged.Verdict with
            | Pass -> Finding.Good
            | PermFail _ -> Finding.Bad
            | TempFail _ -> Finding.Note

        badge finding (ResultWord.name word)

    /// A link to a section, by its place in the report.
    let link (section: int) (content: string) : Html =
        Html.Element(Tag.A, [ Attribute.To("part" + string (section + 1)) ], [ text content ])

    let private headings (columns: string list) : Html =
        Html.Element(
            Tag.Thead,
            [],
            [
                Html.Element(
                    Tag.Tr,
                    [],
                    columns
                    |> List.map (fun column -> Html.Element(Tag.Th, [ Attribute.ScopeColumn ], [ text column ]))
                )
            ]
        )

    let private row (cells: Html list) : Html =
        match cells with
        | [] -> Html.Element(Tag.Tr, [], [])
        | first :: others ->
            Html.Element(
                Tag.Tr,
                [],
                Html.Element(Tag.Th, [ Attribute.ScopeRow ], [ first ])
                :: (others |> List.map (fun cell -> Html.Element(Tag.Td, [], [ cell ])))
            )

    let private tableOf look (caption: string) (head: Html list) (rows: Html list list) : Html =
        Html.Element(
            Tag.Table,
            [ Attribute.Class look ],
            [ Html.Element(Tag.Caption, [], [ text caption ]) ]
            @ head
            @ [ Html.Element(Tag.Tbody, [], rows |> List.map row) ]
        )

    /// A table whose rows begin with what they are about.
    let table (caption: string) (columns: string list) (rows: Html list list) : Html =
        tableOf "rows" caption [ headings columns ] rows

    /// Names with their values.
    let facts (caption: string) (rows: (string * Html) list) : Html =
        tableOf "facts" caption [] (rows |> List.map (fun (name, value) -> [ text name; value ]))

    /// A line with its marks.
    let private octetsOf (mark: Tag) (stretches: Stretch list) : Html =
        let show (stretch: Stretch) =
            let visible (octets: byte[]) =
                text (Printable.visible (Octets.latin1 (System.ReadOnlySpan octets)))

            match stretch with
            | Stretch.Same octets -> visible octets
            | Stretch.Marked octets -> Html.Element(mark, [], [ visible octets ])
            | Stretch.LeftOut count ->
                Html.Element(
                    Tag.Span,
                    [ Attribute.Class "dim" ],
                    [ text (" [" + string count + " octets not shown] ") ]
                )

        Html.Element(Tag.Code, [], stretches |> List.map show)

    let private side (row: SideBySideRow) : Html list =
        let was = octetsOf Tag.Del
        let is = octetsOf Tag.Ins

        match row with
        | SideBySideRow.Same line -> [ text "same"; was line; is line ]
        | SideBySideRow.Changed(before, now) -> [ text "changed"; was before; is now ]
        | SideBySideRow.Removed line -> [ text "removed"; was line; text "" ]
        | SideBySideRow.Added line -> [ text "added"; text ""; is line ]
        | SideBySideRow.SameLines count ->
            let says = "[" + string count + (if count = 1 then " line" else " lines") + "]"
            [ text "same"; text says; text says ]
        | SideBySideRow.OtherLines(before, now) ->
            [
                text "not shown"
                text ("[" + string before + " lines]")
                text ("[" + string now + " lines]")
            ]

    /// Two texts side by side with the octets marked that are not the same.
    let sides (caption: string) (was: byte[]) (is: byte[]) : Html =
        tableOf
            "sides"
            caption
            [ headings [ "line"; "as signed"; "as it is" ] ]
            (SideBySide.rows was is |> List.map side)

    /// What the DNS has under the name of a key.
    let published (record: ExplainedRecord) : Html list =
        let shown =
            match record.Answer.Outcome with
            | NoSuchName -> paragraph "The name does not exist."
            | Records [] -> paragraph "The name has no TXT record."
            | Unavailable reason -> paragraph ("The DNS did not answer: " + Printable.visible reason + ".")
            | Records texts -> preformatted (texts |> List.map (Printable.visibleExcerpt 4000))

        [ Html.Element(Tag.P, [], [ code record.Name ]); shown ]

    let private navigation (sections: Section list) : Html list =
        match sections with
        | []
        | [ _ ] -> []
        | sections ->
            [
                Html.Element(
                    Tag.Nav,
                    [ Attribute.Label "Parts of this page" ],
                    [
                        Html.Element(
                            Tag.Ul,
                            [],
                            sections
                            |> List.mapi (fun index section -> Html.Element(Tag.Li, [], [ link index section.Heading ]))
                        )
                    ]
                )
            ]

    let private sectionOf (index: int) (section: Section) : Html =
        let id = "part" + string (index + 1)
        let title = id + "-title"

        Html.Element(
            Tag.Section,
            [ Attribute.Id id; Attribute.LabelledBy title ],
            Html.Element(Tag.H2, [ Attribute.Id title ], [ text section.Heading ])
            :: section.Body
        )

    /// The whole page.
    let render (report: Report) : string =
        Html.Document(
            report.Title,
            [
                Html.Element(Tag.Header, [], Html.Element(Tag.H1, [], [ text report.Title ]) :: report.Summary)
            ]
            @ navigation report.Sections
            @ [
                Html.Element(Tag.Main, [], report.Sections |> List.mapi sectionOf)
                Html.Element(Tag.Footer, [], [ paragraph report.Footer ])
            ]
        )
