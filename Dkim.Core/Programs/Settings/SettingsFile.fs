/// Configuration files: a table of settings and the lines of a file make values and problems.
namespace Dkim.Core.Programs.Settings

open System
open FParsec
open Dkim.Core.Words
open Dkim.Core.Asking

/// How a program's configuration file is written.
type FileStyle =
    /// `name value`, `name=value`, `name: value` or a bare `name`; `--` may stand in front; a comment begins at `#`
    /// unless a backslash stands before it (Net::Server's way).
    | NameAndValue
    /// `Key value`, the key in any case and the value one word; `#` begins a comment; `Include` takes in a file.
    | KeyAndToken
    /// `Key value`, the key in any case and the value all that stands before the end or a `#`; `Include` takes in a file.
    | KeyAndLine

/// What configuration files say.
type internal SettingsFile<'s> =
    {
        Given: Given<'s> list
        Problems: Problem list
    }

/// Settings as far as they could be read, and everything that is wrong with them, the first to be told first.
type internal Settled<'s> =
    {
        Settings: 's
        Problems: Problem list
        /// Names that were given and change nothing.
        Inert: string list
        Sources: Sources
    }

module internal SettingsFile =
    [<Literal>]
    let private DepthLimit = 5

    [<Literal>]
    let private FileLimit = 100

    /// What a line says.
    type private Entry =
        {
            Key: string
            Value: string
            /// What stands behind a value that is one word.
            Behind: string
        }

    let private wsp: Grammar.Parser<unit> = skipManySatisfy Char.IsWhiteSpace
    let private wsp1: Grammar.Parser<unit> = skipMany1Satisfy Char.IsWhiteSpace

    let private comment: Grammar.Parser<unit> =
        skipChar '#' >>. skipManySatisfy (fun _ -> true)

    /// `name = 1*( ALPHA / DIGIT / "_" / "-" )`
    let private name =
        optional (skipString "--")
        >>. many1SatisfyL (fun c -> Char.IsAsciiLetterOrDigit c || c = '_' || c = '-') "the name of a setting"

    /// `separator = *WSP ( "=" / ":" ) *WSP / 1*WSP`
    let private separator = attempt (wsp >>. skipAnyOf "=:" >>. wsp) <|> wsp1

    /// `value = *( "\#" / any character but "#" )`
    let private value = manyChars ((attempt (skipString "\\#") >>% '#') <|> noneOf "#")

    /// `line = *WSP [ name [ separator value ] ] [ "#" *any ]`
    let private nameAndValue: Grammar.Parser<Entry voption> =
        let entry =
            name .>>. opt (separator >>. value)
            |>> fun (name, value) ->
                ValueSome
                    {
                        Key = name
                        Value = (Option.defaultValue "" value).Trim()
                        Behind = ""
                    }

        let nothing = preturn ValueNone

        wsp >>. ((followedBy (eof <|> comment) >>. nothing) <|> entry)
        .>> optional comment

    /// `line = *WSP [ key [ 1*WSP token [ behind ] ] ] [ "#" *any ]`
    let private keyAndToken: Grammar.Parser<Entry voption> =
        let token = many1Satisfy (fun c -> not (Char.IsWhiteSpace c) && c <> '#')
        let behind = manySatisfy ((<>) '#') |>> _.Trim()

        let entry =
            token .>>. opt (attempt (wsp1 >>. token)) .>>. behind
            |>> fun ((key, value), behind) ->
                ValueSome
                    {
                        Key = key
                        Value = Option.defaultValue "" value
                        Behind = behind
                    }

        wsp >>. (entry <|> preturn ValueNone) .>> skipManySatisfy (fun _ -> true)

    let private isInclude (key: string) =
        key.Equals("Include", StringComparison.OrdinalIgnoreCase)

    let private sameName style (one: string) (other: string) =
        match style with
        | NameAndValue -> CommandLine.folded one = CommandLine.folded other
        | KeyAndToken
        | KeyAndLine -> one.Equals(other, StringComparison.OrdinalIgnoreCase)

    let private byKey style (table: Setting<'s> list) (key: string) =
        let isIt spelling =
            match spelling with
            | Spelling.Key name -> sameName style name key
            | Spelling.Word _
            | Spelling.Letter _
            | Spelling.Variable _ -> false

        table |> List.tryFind (fun row -> List.exists isIt row.Spellings)

    /// The keys that a file may have.
    let private names style (table: Setting<'s> list) : string list =
        [
            for row in table do
                for spelling in row.Spellings do
                    match spelling with
                    | Spelling.Key name -> name
                    | Spelling.Word _
                    | Spelling.Letter _
                    | Spelling.Variable _ -> ()
            if style <> NameAndValue then
                "Include"
        ]

    let none: SettingsFile<'s> = { Given = []; Problems = [] }

    let private problem origin name value fault remedy =
        { none with
            Problems =
                [
                    {
                        Origin = origin
                        Name = name
                        Value = value
                        Fault = fault
                        Remedy = remedy
                    }
                ]
        }

    let private join one other =
        {
            Given = one.Given @ other.Given
            Problems = one.Problems @ other.Problems
        }

    let private entry style table origin key value =
        match byKey style table key with
        | None ->
            { none with
                Problems = [ Settings.unknown table (names style table) origin key ]
            }
        | Some row ->
            let give value =
                { none with
                    Given =
                        [
                            {
                                Setting = row
                                Value = value
                                Origin = origin
                            }
                        ]
                }

            match value, style, row.Arity with
            | "", NameAndValue, Arity.Flag -> give "yes"
            | "", _, _ ->
                { none with
                    Problems = [ Settings.missing origin row ]
                }
            | value, _, _ -> give value

    // A value of the filter's style is one word: what stands behind it was lost without a word, and quotes were part of
    // it.
    let private oneWord (table: Setting<'s> list) origin (entry: Entry) : SettingsFile<'s> voption =
        let isQuoted =
            entry.Value.StartsWith '"'
            || entry.Value.StartsWith '\''
            || entry.Value.EndsWith '"'

        let refused value reason remedy =
            ValueSome(problem origin entry.Key (ValueSome value) (IllegalValue reason) remedy)

        match byKey KeyAndToken table entry.Key with
        | None when not (isInclude entry.Key) -> ValueNone
        | _ when entry.Value = "" -> ValueNone
        | _ when isQuoted ->
            let whole = (entry.Value + " " + entry.Behind).TrimEnd()

            refused whole "a value has no quotes" ("write " + entry.Key + " " + whole.Trim('"', '\''))
        | _ when entry.Behind <> "" ->
            let comma = if entry.Value.EndsWith ',' then "" else ","

            refused
                (entry.Value + " " + entry.Behind)
                "a value is one word, and something stands behind it"
                ("put # before a remark; between the parts of a list stand commas without blanks, as in "
                 + entry.Value
                 + comma
                 + String.Join(
                     ',',
                     entry.Behind.Split(
                         [| ' '; '\t'; ',' |],
                         StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries
                     )
                 ))
        | _ -> ValueNone

    // Blanks are part of a value.
    let private whole (entry: Entry) =
        { entry with
            Value = (entry.Value + " " + entry.Behind).Trim()
            Behind = ""
        }

    let private grammarOf style =
        match style with
        | NameAndValue -> nameAndValue
        | KeyAndToken -> keyAndToken
        | KeyAndLine -> keyAndToken |>> ValueOption.map whole

    // The state of one load: how many files it has taken in so far.
    type private Taken = { mutable Files: int }

    let rec private file style table taken depth origin path : Step<SettingsFile<'s>> =
        taken.Files <- taken.Files + 1

        if depth > DepthLimit || taken.Files > FileLimit then
            problem origin "Include" (ValueSome path) NestedTooDeep "put these settings into one file"
            |> Done
        else
            Step.file FileKind.Configuration path
            |> Step.bind (fun contents ->
                match FileContents.text contents with
                | Result.Error reason ->
                    let remedy = "check the path and its permissions"
                    Done(problem (InFile(path, 0)) "" ValueNone (UnreadableFile reason) remedy)
                | Result.Ok text ->
                    FileContents.lines text
                    |> List.ofArray
                    |> List.mapi (fun index text -> line style table taken depth (InFile(path, index + 1)) text)
                    |> Step.all
                    |> Step.map (fun lines -> List.foldBack join lines none))

    and private line style table taken depth origin (text: string) : Step<SettingsFile<'s>> =
        match Grammar.parseAll (grammarOf style) text with
        | Result.Error reason ->
            problem origin "" (ValueSome text) (IllegalValue reason) "write a name, a blank and a value"
            |> Done
        | Result.Ok ValueNone -> Done none
        | Result.Ok(ValueSome said) ->
            let refusal =
                if style = KeyAndToken then
                    oneWord table origin said
                else
                    ValueNone

            match refusal, style, said.Value with
            | ValueSome refusal, _, _ -> Done refusal
            | _, (KeyAndToken | KeyAndLine), "" when isInclude said.Key ->
                Done(problem origin said.Key ValueNone MissingValue "write Include FILE")
            | _, (KeyAndToken | KeyAndLine), path when isInclude said.Key ->
                file style table taken (depth + 1) origin path
            | _ -> Done(entry style table origin said.Key said.Value)

    /// Reads a file and those that it includes.
    let read style (table: Setting<'s> list) (path: string) : Step<SettingsFile<'s>> =
        file style table { Files = 0 } 0 OnCommandLine path
