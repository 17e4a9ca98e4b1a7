/// Command lines: a table of settings and a list of arguments make values, operands and problems.
namespace Dkim.Core.Programs.Settings

open System

/// How a program's options are written.
type CommandStyle =
    /// `--name=value`, `--name value`, `--name`; hyphens and underscores are the same (Net::Server's way).
    | Interchangeable
    /// Letters after one hyphen, which may share it (getopt's way), and the few words that a table has; of a word that
    /// it has not, every letter counts.
    | Letters
    /// Words after two hyphens and letters after one; `--` ends the options (GNU's way).
    | Gnu

/// What a command line says.
type CommandLine<'s> =
    {
        Given: Given<'s> list
        Operands: string list
        Problems: Problem list
    }

module CommandLine =
    /// The name of an option as it is compared: hyphens and underscores are the same.
    let internal folded (name: string) = name.Replace('-', '_')

    let private byWord (table: Setting<'s> list) (word: string) =
        let wanted = folded word

        let isIt spelling =
            match spelling with
            | Spelling.Word name -> folded name = wanted
            | Spelling.Letter _
            | Spelling.Key _
            | Spelling.Variable _ -> false

        table |> List.tryFind (fun row -> List.exists isIt row.Spellings)

    let private byLetter (table: Setting<'s> list) (letter: char) =
        table
        |> List.tryFind (fun row -> List.contains (Spelling.Letter letter) row.Spellings)

    let private empty =
        {
            Given = []
            Operands = []
            Problems = []
        }

    // While arguments are read the lists grow at the front.
    let private give row value line =
        let given =
            {
                Setting = row
                Value = value
                Origin = OnCommandLine
            }

        { line with
            Given = given :: line.Given
        }

    let private object' problem line =
        { line with
            Problems = problem :: line.Problems
        }

    let private words (table: Setting<'s> list) : string list =
        [
            for row in table do
                for spelling in row.Spellings do
                    match spelling with
                    | Spelling.Word name -> name
                    | Spelling.Key _
                    | Spelling.Letter _
                    | Spelling.Variable _ -> ()
        ]

    /// Whether the next argument is the value of an option that has none of its own.
    let private swallows style (row: Setting<'s>) (next: string) =
        match row.Arity, style with
        | Arity.Flag, Interchangeable -> Codec.isFlagWord next
        | Arity.Flag, (Letters | Gnu) -> false
        | _, Interchangeable -> not (next.StartsWith("--", StringComparison.Ordinal))
        | _, (Letters | Gnu) -> true

    let private valued style row (rest: string list) line =
        match rest with
        | next :: later when swallows style row next -> later, give row next line
        | _ when row.Arity = Arity.Flag -> rest, give row "yes" line
        | _ -> rest, object' (Settings.missing OnCommandLine row) line

    let private word style table (argument: string) rest line =
        let name, value =
            match argument.IndexOf '=' with
            | -1 -> argument.Substring 2, ValueNone
            | at -> argument.Substring(2, at - 2), ValueSome(argument.Substring(at + 1))

        match byWord table name, value with
        | None, _ -> rest, object' (Settings.unknown table (words table) OnCommandLine name) line
        | Some row, ValueSome value -> rest, give row value line
        | Some row, ValueNone -> valued style row rest line

    /// Letters that share a hyphen. The first that takes a value takes the rest of them, or the next argument.
    let rec private letters style table (text: string) rest line =
        if text = "" then
            rest, line
        else
            let later = text.Substring 1

            match byLetter table text[0] with
            | None ->
                let unknown = Settings.unknown table [] OnCommandLine (string text[0])
                letters style table later rest (object' unknown line)
            | Some row when row.Arity = Arity.Flag -> letters style table later rest (give row "yes" line)
            | Some row when later <> "" -> rest, give row later line
            | Some row -> valued style row rest line

    let rec private read style table (arguments: string list) line =
        match arguments with
        | [] -> line
        | "--" :: rest when style <> Interchangeable ->
            { line with
                Operands = List.rev rest @ line.Operands
            }
        | argument :: rest when
            argument.StartsWith("--", StringComparison.Ordinal)
            && (style <> Letters || (byWord table (argument.Substring(2).Split('=').[0])).IsSome)
            ->
            let rest, line = word style table argument rest line
            read style table rest line
        | argument :: rest when argument.Length > 1 && argument[0] = '-' ->
            let rest, line = letters style table (argument.Substring 1) rest line
            read style table rest line
        | operand :: rest ->
            read
                style
                table
                rest
                { line with
                    Operands = operand :: line.Operands
                }

    /// Reads arguments, without the program's own name. Every problem is reported, in order.
    let parse (style: CommandStyle) (table: Setting<'s> list) (arguments: string list) : CommandLine<'s> =
        let line = read style table arguments empty

        {
            Given = List.rev line.Given
            Operands = List.rev line.Operands
            Problems = List.rev line.Problems
        }

    /// Reads the environment: each row's variable, where `variable` knows it.
    let environment (table: Setting<'s> list) (variable: string -> string voption) : Given<'s> list =
        [
            for row in table do
                for spelling in row.Spellings do
                    match spelling with
                    | Spelling.Variable name ->
                        match variable name with
                        | ValueSome value ->
                            {
                                Setting = row
                                Value = value
                                Origin = InEnvironment
                            }
                        | ValueNone -> ()
                    | Spelling.Word _
                    | Spelling.Letter _
                    | Spelling.Key _ -> ()
        ]
