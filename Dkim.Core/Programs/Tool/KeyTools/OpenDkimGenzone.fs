/// `opendkim-genzone`: the public keys of a KeyTable as records of a zone, or as a script for nsupdate(1)
/// (opendkim-genzone(8)).
module internal Dkim.Core.Programs.Tool.KeyTools.OpenDkimGenzone

open System
open System.Globalization
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.OpenDkim
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Running.Command
open Dkim.Core.Programs.Tool.KeyTools.KeyZone

let private isWanted (settings: Settings) (domain: string) =
    match settings.Domain with
    | ValueNone -> true
    | ValueSome wanted ->
        domain.Equals(wanted, StringComparison.OrdinalIgnoreCase)
        || (settings.WithSubdomains
            && domain.EndsWith("." + wanted, StringComparison.OrdinalIgnoreCase))

let private told (settings: Settings) line : Command<unit> =
    if settings.Verbose then
        complain (Name + ": " + line)
    else
        fun rest -> rest ()

// A key for every domain has a name only where one domain is asked for.
let private domainOf (settings: Settings) (row: KeyRow) =
    match row.Domain, settings.Domain with
    | "%", ValueSome domain -> domain
    | domain, _ -> domain

let private publicKeys (settings: Settings) (rows: KeyTableRows.NamedRow list) : Command<PublicKey list> =
    let rec next number (rows: KeyTableRows.NamedRow list) found =
        command {
            match rows with
            | [] -> return List.rev found
            | row :: rest ->
                match row.Row with
                | ValueNone -> return! fail ExitCode.Bad (Name + ": KeyTable entry for '" + row.Name + "' corrupt")
                | ValueSome parsed when not (isWanted settings (domainOf settings parsed)) ->
                    do! told settings ("record " + string number + " for '" + row.Name + "' skipped")
                    return! next (number + 1) rest found
                | ValueSome parsed when (settings.FullNames || settings.Update) && domainOf settings parsed = "%" ->
                    return!
                        fail
                            ExitCode.Bad
                            (Name
                             + ": key '"
                             + row.Name
                             + "' is for any domain; name one with -d to write its full name")
                | ValueSome parsed ->
                    let domain = domainOf settings parsed
                    let! key = KeyTableRows.key parsed domain

                    match key with
                    | Error reason ->
                        do! complain (Name + ": " + reason)
                        return! fail ExitCode.Bad (Name + ": key for '" + row.Name + "' load failed")
                    | Ok key ->
                        let one =
                            {
                                Domain = domain
                                Selector = parsed.Selector
                                Key = key
                            }

                        return! next (number + 1) rest (one :: found)
        }

    next 0 rows []

/// The KeyTable of the configuration file; every other setting in it is another program's.
let private keyTableRow: Setting<Settings> list =
    [
        Setting.optional "KeyTable" (Codec.text "DATASET") _.KeyTable (fun v s -> { s with KeyTable = v })
        |> Setting.spelled [ Spelling.Key "KeyTable" ]
    ]

let private configured (settings: Settings) : Command<string> =
    command {
        let path = ValueOption.defaultValue "/etc/opendkim.conf" settings.ConfigurationFile

        let! file = settle (SettingsFile.read KeyAndLine keyTableRow path)

        match file.Problems |> List.tryFind (fun problem -> problem.Fault <> UnknownName) with
        | Some problem -> return! fail SysExit.Configuration (Name + ": " + Problem.describe problem)
        | None ->
            match (fst (Settings.apply [ file.Given ] settings)).KeyTable with
            | ValueSome table -> return table
            | ValueNone ->
                return! fail SysExit.Usage (Name + ": no data set is given, and " + path + " has no KeyTable")
    }

let private write (settings: Settings) (text: string) : Command<unit> =
    match settings.OutputFile with
    | ValueNone -> print text
    | ValueSome path ->
        command {
            let! obstacle =
                create
                    {
                        Path = path
                        Contents = ReadOnlyMemory(Octets.ofLatin1 text)
                        Secret = false
                    }

            match obstacle with
            | ValueSome reason -> return! fail ExitCode.Bad (Name + ": " + path + ": " + reason)
            | ValueNone -> return ()
        }

let private make (settings: Settings) (operands: string list) (clock: int64<sec>) : Command<int> =
    command {
        let! dataSet =
            match operands with
            | dataSet :: _ -> fun rest -> rest dataSet
            | [] -> configured settings

        let! rows = KeyTableRows.rowsOf Name dataSet
        do! told settings "database opened"
        let! keys = publicKeys settings rows

        do!
            write
                settings
                (if settings.Update then
                     updates settings keys
                 else
                     zone settings clock keys)

        do! told settings (string keys.Length + " records written")
        return ExitCode.Success
    }

let private contradiction (settings: Settings) (operands: string list) : string voption =
    match operands with
    | _ :: _ :: _ -> ValueSome "one data set at a time"
    | _ when settings.WithSubdomains && settings.Domain.IsNone -> ValueSome "subdomain matching requires a domain"
    | _ when settings.Authority && settings.NameServers.IsEmpty ->
        ValueSome "an SOA record names a server: give it with -N"
    | _ -> ValueNone

/// `clock` is the time, since 1970.
let run (arguments: string list) (clock: int64<sec>) : Command<int> =
    let line = CommandLine.parse Gnu table arguments
    let settings, problems = Settings.apply [ line.Given ] defaults

    command {
        match line.Problems @ problems, contradiction settings line.Operands with
        | _ when settings.Help ->
            do! print (Manual.help text table defaults)
            return ExitCode.Success
        | _ when settings.Version -> return! version Name
        | [], ValueNone -> return! make settings line.Operands clock
        | [], ValueSome reason -> return! fail SysExit.Usage (Name + ": " + reason)
        | problems, _ ->
            do! iter (fun problem -> complain (Name + ": " + Problem.describe problem)) problems
            return SysExit.Usage
    }
