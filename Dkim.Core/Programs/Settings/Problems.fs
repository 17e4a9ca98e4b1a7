/// What can be wrong with settings, and how the values of several sources become one record.
namespace Dkim.Core.Programs.Settings

open System
open Dkim.Core.Words

/// Where a setting or a problem stands.
type Origin =
    | OnCommandLine
    | InFile of path: string * line: int
    | InEnvironment
    /// Nowhere in particular: settings that are missing, or do not go together.
    | Overall

/// What is wrong with a setting.
type Fault =
    | UnknownName
    | MissingValue
    | IllegalValue of reason: string
    | UnreadableFile of reason: string
    | NestedTooDeep
    | WrongOperands of count: int
    /// A rule of the program, in the words of its original.
    | BrokenRule of rule: string

/// One problem of a configuration: where, which setting, what it was given, why that cannot be, and what to do.
type Problem =
    {
        Origin: Origin
        Name: string
        Value: string voption
        Fault: Fault
        Remedy: string
    }

module Problem =
    let private reason fault =
        match fault with
        | UnknownName -> "unknown setting"
        | MissingValue -> "a value is missing"
        | IllegalValue reason -> reason
        | UnreadableFile reason -> "cannot be read: " + reason
        | NestedTooDeep -> "files include each other too deeply"
        | WrongOperands count -> string count + " operands"
        | BrokenRule rule -> rule

    let private place origin =
        match origin with
        | OnCommandLine -> "command line: "
        | InFile(path, line) when line > 0 -> path + ":" + string line + ": "
        | InFile(path, _) -> path + ": "
        | InEnvironment -> "environment: "
        | Overall -> ""

    /// The problem in one line: place, setting, value, reason, remedy.
    let describe (problem: Problem) =
        let name = if problem.Name = "" then "" else problem.Name + ": "

        let value =
            match problem.Value with
            | ValueSome text -> "'" + text + "': "
            | ValueNone -> ""

        let remedy =
            if problem.Remedy = "" then
                ""
            else
                " (" + problem.Remedy + ")"

        // Values come from files of the administrator; control characters in them must not reach a terminal or a log.
        Printable.tame (place problem.Origin + name + value + reason problem.Fault + remedy)

/// A setting with the value that some source gives it.
type Given<'s> =
    {
        Setting: Setting<'s>
        Value: string
        Origin: Origin
    }

/// Where settings got their values: the last place of each, with what stands there.
type internal Sources = Map<string, struct (Origin * string)>

module Settings =
    // As it is written where the problem stands.
    let private spelled origin (setting: Setting<'s>) (value: string) : string =
        let spelling spelling =
            match origin, spelling with
            | OnCommandLine, Spelling.Word name -> Some("--" + name + "=" + value)
            | OnCommandLine, Spelling.Letter letter -> Some("-" + string letter + " " + value)
            | InFile _, Spelling.Key name -> Some(name + " " + value)
            | InEnvironment, Spelling.Variable name -> Some(name + "=" + value)
            | _ -> None

        setting.Spellings
        |> List.tryPick spelling
        |> Option.defaultValue (setting.Name + " " + value)

    let internal remedy origin (setting: Setting<'s>) (value: string voption) =
        let meant = value |> ValueOption.bind setting.Mend
        "write " + spelled origin setting (ValueOption.defaultValue setting.Shape meant)

    let private applyOne (state, problems) (given: Given<'s>) =
        match given.Setting.Read given.Value state with
        | Ok next -> next, problems
        | Error reason ->
            let problem =
                {
                    Origin = given.Origin
                    Name = given.Setting.Name
                    Value = ValueSome(given.Setting.Conceal given.Value)
                    Fault = IllegalValue reason
                    Remedy = remedy given.Origin given.Setting (ValueSome given.Value)
                }

            state, problem :: problems

    /// Gives settings the values of one source after another. Within a source a later value beats an earlier one and a
    /// repeated setting collects them; a source discards what the sources before it gave to a setting that it names.
    let apply (sources: Given<'s> list list) (start: 's) : 's * Problem list =
        let applySource (state, problems) (source: Given<'s> list) =
            let named = source |> List.distinctBy (fun given -> given.Setting.Name)

            let cleared =
                named |> List.fold (fun state given -> given.Setting.Clear state) state

            source |> List.fold applyOne (cleared, problems)

        let state, problems = sources |> List.fold applySource (start, [])
        state, List.rev problems

    /// The places of the values of one source after another.
    let internal sources (given: Given<'s> list list) : Sources =
        given
        |> List.concat
        |> List.fold
            (fun (places: Sources) given ->
                places.Add(given.Setting.Name, struct (given.Origin, given.Setting.Conceal given.Value)))
            Map.empty

    /// A problem of a setting's value, with the place and the value; `names` are those that the setting may have there.
    let internal locate (sources: Sources) (names: string list) (problem: Problem) : Problem =
        match
            names
            |> List.tryPick (fun name -> sources.TryFind name |> Option.map (fun found -> name, found))
        with
        | Some(name, struct (origin, value)) when problem.Origin = Overall ->
            { problem with
                Origin = origin
                Name = name
                Value = ValueSome value
            }
        | _ -> problem

    /// `fresh` with what a reload cannot change as `running` has it.
    let internal keepFixed (table: Setting<'s> list) (running: 's) (fresh: 's) : 's =
        table
        |> List.filter _.FixedForLife
        |> List.fold (fun fresh row -> row.Keep running fresh) fresh

    /// What a reload cannot change, by name, with the values.
    let internal fixedValues (table: Setting<'s> list) (settings: 's) : (string * string) list =
        table
        |> List.filter _.FixedForLife
        |> List.map (fun row -> row.Name, String.Join(" ", row.Show settings))

    /// What a start warns of.
    let internal weaknesses (table: Setting<'s> list) (settings: 's) : string list =
        table
        |> List.choose (fun row -> row.Weakness settings |> Option.ofValueOption)
        |> List.distinct

    /// The names of the rows that have a name, as their own or as an alias.
    let internal named (table: Setting<'s> list) (name: string) : string list =
        let own, others = table |> List.partition (fun row -> row.Name = name)

        own @ (others |> List.filter (fun row -> List.contains name row.Aliases))
        |> List.map _.Name

    /// The names of the rows of which a wrong value brings a problem.
    let internal bringing (table: Setting<'s> list) (problem: string) : string list =
        table
        |> List.filter (fun row -> List.contains problem row.Brings)
        |> List.map _.Name

    /// The values of a file as they count beside those of a command line: blankets before their parts, and neither
    /// where the command line gives the whole.
    let internal ordered (line: Given<'s> list) (file: Given<'s> list) : Given<'s> list =
        let has overlap (given: Given<'s>) = given.Setting.Overlap = overlap
        let blankets, others = file |> List.partition (has Overlap.Blanket)
        let parts, others = others |> List.partition (has Overlap.Part)

        if List.exists (has Overlap.Whole) line then
            others
        else
            others @ blankets @ parts

    let internal missing origin (setting: Setting<'s>) =
        {
            Origin = origin
            Name = setting.Name
            Value = ValueNone
            Fault = MissingValue
            Remedy = remedy origin setting ValueNone
        }

    let private unknownRemedy (table: Setting<'s> list) known name =
        match Nearest.tryFind known name with
        | ValueSome near -> "is " + near + " meant?"
        | ValueNone when table |> List.exists (fun row -> row.Name = "help") -> "--help lists every setting"
        | ValueNone -> "the manual page lists every setting"

    /// `known` are the names that may stand there.
    let internal unknown table known origin name =
        {
            Origin = origin
            Name = name
            Value = ValueNone
            Fault = UnknownName
            Remedy = unknownRemedy table known name
        }
