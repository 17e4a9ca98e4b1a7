/// Help and manual pages, made from a program's table so that they cannot say anything else than the program does.
namespace Dkim.Core.Programs.Settings

open System
open System.Text

/// What help and manual say of a program besides its settings.
type ProgramText =
    {
        Name: string
        Section: int
        OneLine: string
        /// What stands between the name and the options: a command, where the program has several.
        Command: string
        /// What follows the options on a command line.
        Operands: string
        /// Paragraphs of the description.
        Description: string list
        /// Exit codes and what they mean.
        Exits: (int * string) list
        /// A sentence and the lines that it announces.
        Examples: (string * string list) list
        /// Names and sections of other pages.
        SeeAlso: (string * int) list
    }

module Manual =
    [<Literal>]
    let private Width = 79

    [<Literal>]
    let private Column = 30

    /// How a spelling looks where it is used.
    let private spelled (row: Setting<'s>) (spelling: Spelling) =
        match spelling, row.Arity with
        | Spelling.Word name, Arity.Flag -> "--" + name
        | Spelling.Word name, _ -> "--" + name + "=" + row.Shape
        | Spelling.Letter letter, Arity.Flag -> "-" + string letter
        | Spelling.Letter letter, _ -> "-" + string letter + " " + row.Shape
        | Spelling.Key name, _ -> name + " " + row.Shape
        | Spelling.Variable name, _ -> name + "=" + row.Shape

    let private isOption spelling =
        match spelling with
        | Spelling.Word _
        | Spelling.Letter _ -> true
        | Spelling.Key _
        | Spelling.Variable _ -> false

    /// The spellings that help shows: a key only where no option has the same name.
    let private shown (row: Setting<'s>) =
        let options = row.Spellings |> List.filter isOption
        if List.isEmpty options then row.Spellings else options

    let private defaultOf (row: Setting<'s>) (defaults: 's) =
        match row.Show defaults |> List.filter ((<>) "") with
        | [] -> ""
        | values -> " (default: " + String.Join(", ", values) + ")"

    /// Words in lines of at most `Width` characters that begin at a column.
    let private wrap (indent: int) (text: string) : string =
        let margin = String(' ', indent)

        let add (lines: string list) (word: string) =
            match lines with
            | line :: rest when line.Length + 1 + word.Length <= Width -> (line + " " + word) :: rest
            | _ -> (margin + word) :: lines

        text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        |> Array.fold add []
        |> List.rev
        |> fun lines -> String.Join('\n', lines)

    let private helpOfRow (defaults: 's) (row: Setting<'s>) =
        let names = "  " + String.Join(", ", shown row |> List.map (spelled row))
        let text = wrap Column (row.Summary + defaultOf row defaults)

        if names.Length < Column - 1 then
            names.PadRight Column + text.TrimStart() + "\n"
        else
            names + "\n" + text + "\n"

    let private inertNames (rows: Setting<'s> list) =
        rows
        |> List.filter _.Inert
        |> List.collect (fun row -> shown row |> List.truncate 1)
        |> List.map (fun spelling ->
            match spelling with
            | Spelling.Word name -> "--" + name
            | Spelling.Letter letter -> "-" + string letter
            | Spelling.Key name
            | Spelling.Variable name -> name)

    let private helpOfGroup defaults (heading: string) (rows: Setting<'s> list) =
        let effective =
            rows |> List.filter (fun row -> not row.Inert) |> List.map (helpOfRow defaults)

        let inert =
            match inertNames rows with
            | [] -> ""
            | names -> "  accepted without effect:\n" + wrap 4 (String.Join(", ", names)) + "\n"

        "\n" + heading + " options:\n" + String.Join("", effective) + inert

    /// The line that shows how a program is called.
    let usage (program: ProgramText) =
        let parts = [ program.Name; program.Command; "[options]"; program.Operands ]
        "Usage: " + String.Join(' ', parts |> List.filter ((<>) "")) + "\n"

    let private groups (table: Setting<'s> list) = table |> List.groupBy _.Group

    /// What `--help` prints: every setting, with the default that `defaults` shows.
    let help (program: ProgramText) (table: Setting<'s> list) (defaults: 's) : string =
        let settings =
            groups table
            |> List.map (fun (heading, rows) -> helpOfGroup defaults heading rows)

        program.Name
        + " - "
        + program.OneLine
        + "\n\n"
        + usage program
        + String.Join("", settings)

    /// Text as a troff line can hold it.
    let private troff (text: string) =
        let escaped = text.Replace("\\", "\\e")

        if escaped.StartsWith '.' || escaped.StartsWith '\'' then
            "\\&" + escaped
        else
            escaped

    // Sentences begin on lines of their own, so that the formatter can space them.
    let private paragraph (text: string) =
        text.Split ". "
        |> Array.map troff
        |> fun sentences -> String.Join(".\n", sentences) + "\n"

    let private item (row: Setting<'s>) (spelling: Spelling) =
        let value separator =
            if row.Arity = Arity.Flag then
                ""
            else
                separator + "Ar " + row.Shape

        match spelling with
        | Spelling.Word name -> "Fl -" + name + value " Ns = Ns "
        | Spelling.Letter letter -> "Fl " + string letter + value " "
        | Spelling.Key name -> "Ic " + name + " Ar " + row.Shape
        | Spelling.Variable name -> "Ev " + name

    let private itemOfRow (defaults: 's) (row: Setting<'s>) =
        let names = String.Join(" , ", shown row |> List.map (item row))
        let detail = if row.Detail = "" then "" else paragraph row.Detail
        let summary = row.Summary[0..0].ToUpperInvariant() + row.Summary.Substring 1

        ".It "
        + names
        + "\n"
        + troff (summary + defaultOf row defaults + ".")
        + "\n"
        + detail

    let private settingsSection defaults (heading: string, rows: Setting<'s> list) =
        let items = rows |> List.map (itemOfRow defaults)
        let sources = rows |> List.map _.Source |> List.distinct |> List.filter ((<>) "new")

        let source =
            if List.isEmpty sources then
                ""
            else
                paragraph ("As in the original: " + String.Join(", ", sources) + ".")

        let title = heading[0..0].ToUpperInvariant() + heading.Substring 1

        ".Ss "
        + title
        + "\n"
        + source
        + ".Bl -tag -width Ds\n"
        + String.Join("", items)
        + ".El\n"

    let private example (text: string, lines: string list) =
        paragraph text
        + ".Bd -literal -offset indent\n"
        + String.Join("", lines |> List.map (fun line -> troff line + "\n"))
        + ".Ed\n.Pp\n"

    let private section (title: string) (body: string) =
        if body = "" then "" else ".Sh " + title + "\n" + body

    /// Whether every setting is written in one way alone.
    let private isAll (kind: Spelling -> bool) (table: Setting<'s> list) =
        not (List.isEmpty table)
        && table |> List.forall (fun row -> row.Spellings |> List.forall kind)

    let private isVariable spelling =
        match spelling with
        | Spelling.Variable _ -> true
        | Spelling.Word _
        | Spelling.Letter _
        | Spelling.Key _ -> false

    let private isKey spelling =
        match spelling with
        | Spelling.Key _ -> true
        | Spelling.Word _
        | Spelling.Letter _
        | Spelling.Variable _ -> false

    /// The rows that have such a spelling, with no other.
    let private spelledAs kind (table: Setting<'s> list) : Setting<'s> list =
        table
        |> List.filter (fun row -> List.exists kind row.Spellings)
        |> List.map (fun row ->
            { row with
                Spellings = List.filter kind row.Spellings
            })

    /// The rows that are options of the command line.
    let options (table: Setting<'s> list) : Setting<'s> list = spelledAs isOption table

    /// The rows that are keys of the file.
    let keys (table: Setting<'s> list) : Setting<'s> list = spelledAs isKey table

    /// The manual page in mdoc.
    let page (program: ProgramText) (table: Setting<'s> list) (defaults: 's) : string =
        let number = string program.Section
        let page = StringBuilder()
        let add (text: string) = page.Append text |> ignore

        add (
            ".Dd November 20, 2026\n.Dt "
            + program.Name.ToUpperInvariant()
            + " "
            + number
            + "\n.Os\n"
        )

        add (section "NAME" (".Nm " + program.Name + "\n.Nd " + program.OneLine + "\n"))

        let argument text =
            if text = "" then "" else ".Ar " + text + "\n"

        let title, options =
            if isAll isVariable table then "ENVIRONMENT", ""
            elif isAll isKey table then "SETTINGS", ""
            else "OPTIONS", ".Op Ar options\n"

        let arguments = argument program.Command + options + argument program.Operands

        add (section "SYNOPSIS" (".Nm\n" + arguments))
        let description = program.Description |> List.map paragraph
        add (section "DESCRIPTION" (String.Join(".Pp\n", description)))
        add (section title (String.Join("", groups table |> List.map (settingsSection defaults))))

        let exits =
            program.Exits
            |> List.map (fun (code, text) -> ".It " + string code + "\n" + troff text + "\n")

        if not (List.isEmpty exits) then
            add (section "EXIT STATUS" (".Bl -tag -width Ds\n" + String.Join("", exits) + ".El\n"))

        add (section "EXAMPLES" (String.Join("", program.Examples |> List.map example)))

        let others =
            program.SeeAlso
            |> List.map (fun (name, section) -> ".Xr " + name + " " + string section)

        add (section "SEE ALSO" (String.Join(" ,\n", others) + "\n"))
        page.ToString()

    let private sampleOfRow (defaults: 's) (row: Setting<'s>) =
        let value =
            match row.Show defaults |> List.filter ((<>) "") with
            | [] -> row.Shape
            | values -> String.Join(",", values)

        let summary = row.Summary[0..0].ToUpperInvariant() + row.Summary.Substring 1

        let text =
            (wrap 2 (summary + ".")).Split '\n'
            |> Array.map (fun line -> "#" + line.Substring 1)

        String.Join('\n', text) + "\n#" + row.Name.PadRight 28 + value + "\n\n"

    /// A configuration file with every key, at its default where it has one, and all of them commented out.
    let sample (program: ProgramText) (table: Setting<'s> list) (defaults: 's) : string =
        let ofGroup (heading: string, rows: Setting<'s> list) =
            let effective = rows |> List.filter (fun row -> not row.Inert)
            let title = heading[0..0].ToUpperInvariant() + heading.Substring 1

            "# --- "
            + title
            + "\n\n"
            + String.Join("", effective |> List.map (sampleOfRow defaults))

        "# Settings of "
        + program.Name
        + ". What is commented out says what holds without it, or how it is written.\n\n"
        + String.Join("", groups (keys table) |> List.map ofGroup)
