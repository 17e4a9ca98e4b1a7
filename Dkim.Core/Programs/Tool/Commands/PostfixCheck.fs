/// `dkim postfix`: whether a configuration of Postfix signs what it should, and nothing else.
module internal Dkim.Core.Programs.Tool.Commands.PostfixCheck

open System
open System.Net
open Dkim.Core.Words
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Filters.Loading
open Dkim.Core.Programs.Postfix
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Running.Command

[<Literal>]
let private Program = "dkim postfix"

let private problem (text: string) =
    Program + ": " + Printable.visibleExcerpt 500 text

/// What a filter's configuration file says of whose mail it signs.
let private filterOf (path: string) : Command<FilterSettings> =
    command {
        let! settled = settle (Configuration.settle FilterKind.dkimFilter [ "-x"; path ])

        match settled.Problems with
        | first :: _ ->
            let lines = Configuration.describe FilterKind.dkimFilter settled.Settings first
            return! fail SysExit.Configuration (problem (String.Join("; ", lines)))
        | [] -> return settled.Settings
    }

// A list that cannot be read keeps the filter from starting; here the worst is assumed.
let private takesLoopback (names: ListNames) : Command<bool> =
    command {
        match names.InternalHosts with
        | ValueNone -> return true
        | ValueSome path ->
            let! contents = read FileKind.Map path

            match FileContents.text contents with
            | Error reason ->
                do! complain (problem (path + ": " + reason + ": 127.0.0.1 is taken to be on this list"))
                return true
            | Ok text ->
                let struct (list, _) = PeerList.parse path text
                return PeerList.contains "localhost" (ValueSome IPAddress.Loopback) list
    }

let private filters (settings: ToolSettings) : Command<PostfixFilters> =
    command {
        match settings.FilterFile with
        | ValueNone ->
            return
                { PostfixSite.anyFilter with
                    DkSocket = settings.DkSocket
                }
        | ValueSome path ->
            let! filter = filterOf path
            let roles = filter.Policy.Roles
            let! loopback = takesLoopback filter.Names

            return
                {
                    Socket = filter.Service.Socket
                    DkSocket = settings.DkSocket
                    Signs = roles.Signs
                    SignsLoopback = loopback || not roles.Macros.IsEmpty
                    Mta = roles.MtaNames
                    IsRelaxed = filter.Policy.Signing.HeaderCanon = RelaxedHeader
                }
    }

/// The lines of what postconf prints of the running system, or of another directory.
let private ofSystem (directory: string voption) : Command<PostfixLine list> =
    let ask arguments =
        command {
            let place =
                match directory with
                | ValueSome directory -> [ "-c"; directory ]
                | ValueNone -> []

            let! said = runProgram "postconf" (place @ arguments)

            return!
                FileContents.text said
                |> orFail SysExit.NoInput (fun reason ->
                    problem ("postconf " + String.Join(' ', place @ arguments) + ": " + reason))
        }

    let lines file text =
        PostfixLines.read file false text
        |> orFail SysExit.DataError (fun reason -> problem ("postconf: " + reason))

    command {
        let! place = ask [ "-h"; "config_directory" ]
        let! main = ask [ "-n" ]
        let! master = ask [ "-M" ]
        let place = place.Trim()
        let! main = lines (place + "/main.cf") main
        let! master = lines (place + "/master.cf") master
        return main @ master
    }

let private ofFiles (paths: string list) : Command<PostfixLine list> =
    let one path =
        command {
            let! contents = read FileKind.Configuration path

            let! text =
                FileContents.text contents
                |> orFail SysExit.NoInput (fun reason -> problem (path + ": " + reason))

            return! PostfixLines.read path true text |> orFail SysExit.DataError problem
        }

    let rec all paths found =
        command {
            match paths with
            | [] -> return List.concat (List.rev found)
            | path :: rest ->
                let! lines = one path
                return! all rest (lines :: found)
        }

    all paths []

let private setup (settings: ToolSettings) (operands: string list) : Command<PostfixSetup> =
    command {
        let! lines =
            match operands, settings.PostfixDirectory with
            | [], directory -> ofSystem directory
            | files, ValueNone -> ofFiles files
            | _, ValueSome _ -> fail SysExit.Usage (problem "--config is for postconf: leave it out, or the files")

        return! PostfixSetup.make lines |> orFail SysExit.DataError problem
    }

let private word (severity: PostfixSeverity) =
    match severity with
    | PostfixSeverity.Warning -> "warning"
    | PostfixSeverity.Note -> "note"

let private painted (paint: Paint) (severity: PostfixSeverity) : string =
    match severity with
    | PostfixSeverity.Warning -> paint.Bad(word severity)
    | PostfixSeverity.Note -> paint.Note(word severity)

let private textOf (paint: Paint) (found: PostfixFinding) : string =
    let visible = Printable.visibleExcerpt 500

    let place =
        found.Place.File
        + (if found.Place.Line = 0 then
               ""
           else
               ":" + string found.Place.Line)

    let service = found.Service |> ValueOption.map (fun service -> service + ": ")

    visible place
    + ": "
    + visible (ValueOption.defaultValue "" service)
    + visible found.Setting
    + "\n  "
    + painted paint found.Severity
    + " ("
    + found.Name
    + "): "
    + visible found.Says
    + "\n  write: "
    + visible found.Write
    + "\n  see:   "
    + found.See
    + "\n"

let private jsonOf (findings: PostfixFinding list) (isGood: bool) : string =
    let ofFinding (found: PostfixFinding) =
        Json.Object
            [
                "name", Json.Text found.Name
                "severity", Json.Text(word found.Severity)
                "file", Json.Text found.Place.File
                "line",
                (if found.Place.Line = 0 then
                     Json.Null
                 else
                     Json.Number(int64 found.Place.Line))
                "service", Json.optional Json.Text found.Service
                "setting", Json.Text found.Setting
                "says", Json.Text found.Says
                "write", Json.Text found.Write
                "see", Json.Text found.See
            ]

    Json.ofCommand
        [
            "good", Json.Bool isGood
            "findings", Json.List(findings |> List.map ofFinding)
        ]
    |> Json.render
    |> fun line -> line + "\n"

let run (settings: ToolSettings) (operands: string list) : Command<int> =
    command {
        let! paint = Paint.choose settings
        let! setup = setup settings operands
        let! filters = filters settings
        let site = { Setup = setup; Filters = filters }

        let findings =
            PostfixEntrances.findings site
            @ PostfixMilters.findings site
            @ PostfixSockets.findings site
            |> List.distinct

        let isGood =
            findings |> List.forall (fun found -> found.Severity = PostfixSeverity.Note)

        do!
            print (
                if settings.Json then
                    jsonOf findings isGood
                else
                    findings |> List.map (textOf paint) |> String.concat ""
            )

        return if isGood then ExitCode.Success else ExitCode.Bad
    }
