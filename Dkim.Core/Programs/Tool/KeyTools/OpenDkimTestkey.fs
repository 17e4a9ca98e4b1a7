/// `opendkim-testkey`: dkim-testkey under OpenDKIM's name, which goes through a whole KeyTable, too (opendkim-testkey(8)).
module internal Dkim.Core.Programs.Tool.KeyTools.OpenDkimTestkey

open Dkim.Core.Words
open Dkim.Core.Signatures
open Dkim.Core.KeyCheck
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.OpenDkim
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Running.Command
open Dkim.Core.Programs.Tool.Commands
open Dkim.Core.Programs.Tool.KeyTools.DkimTestkey

[<Literal>]
let Name = "opendkim-testkey"

[<Literal>]
let private DefaultFile = "/etc/opendkim.conf"

/// The exit code where a private key cannot be read.
[<Literal>]
let private UnreadableKey = 71

let table = DkimTestkey.table

// A file may have the table, which no option names.
let private fileRows: Setting<Settings> list =
    (Setting.optional "KeyTable" (Codec.text "DATASET") _.KeyTable (fun v s -> { s with KeyTable = v })
     |> Setting.spelled [ Spelling.Key "KeyTable" ])
    :: table

let text: ProgramText =
    { DkimTestkey.text with
        Name = Name
        Description =
            DkimTestkey.text.Description
            @ [
                "With -x alone, or without any option, the file (/etc/opendkim.conf) says which key, and where it has a KeyTable, \
                 every key of the table is tested."
            ]
        Exits = (1, "A key of the table is not good.") :: DkimTestkey.text.Exits
        Examples =
            [
                "Does the published key fit the file?",
                [ "opendkim-testkey -d example.com -s mail -k /etc/dkimkeys/mail.private -vvv" ]
                "Are all keys of the table published?", [ "opendkim-testkey -x /etc/opendkim.conf -vv" ]
            ]
        SeeAlso = [ "dkim", 1; "opendkim", 8; "opendkim-genkey", 8 ]
    }

/// What is wrong with the key of a row; nothing where it is good.
let private tryFault source (row: KeyTableRows.NamedRow) : Command<string voption> =
    command {
        match row.Row with
        | ValueNone -> return ValueSome("KeyTable entry for '" + row.Name + "' corrupt")
        | ValueSome parsed when parsed.Domain = "%" -> return ValueSome "it is for any domain, and cannot be tested"
        | ValueSome parsed ->
            let! key = KeyTableRows.key parsed parsed.Domain

            match key, DomainName.tryCreate parsed.Domain, Selector.tryCreate parsed.Selector with
            | Error reason, _, _ -> return! fail UnreadableKey (Name + ": " + reason)
            | Ok _, Error error, _
            | Ok _, _, Error error -> return ValueSome(NameError.describe error)
            | Ok key, Ok domain, Ok selector ->
                let! tested =
                    Testkey.test
                        source
                        {
                            Selector = selector
                            Domain = domain
                            Private = ValueSome key
                            LeastRsaBits = VerifyPolicy.defaults.MinimumRsaBits
                        }

                let wrong = tested.Findings |> List.tryFind (fun found -> not found.IsAdvice)

                return
                    wrong
                    |> Option.map (fun found ->
                        if found.Mistake = KeyMistake.OtherKey then
                            "keys do not match"
                        else
                            ofFinding tested.Name found)
                    |> ValueOption.ofOption
    }

let private checkTable (settings: Settings) (dataSet: string) : Command<int> =
    let told line =
        if settings.Verbosity > 1 then
            complain (Name + ": " + line)
        else
            fun rest -> rest ()

    let rec next source number failed (rows: KeyTableRows.NamedRow list) =
        command {
            match rows with
            | [] -> return failed
            | row :: rest ->
                do! told ("record " + string number + " for '" + row.Name + "' retrieved")
                do! told ("checking key '" + row.Name + "'")
                let! fault = tryFault source row

                match fault with
                | ValueSome text -> do! complain (Name + ": key " + row.Name + ": " + text)
                | ValueNone when settings.Verbosity > 2 -> do! print (Name + ": key " + row.Name + ": OK\n")
                | ValueNone -> do! fun rest -> rest ()

                return! next source (number + 1) (if fault.IsSome then failed + 1 else failed) rest
        }

    command {
        let! rows = KeyTableRows.rowsOf Name dataSet
        let! source = source settings
        let! failed = next source 0 0 rows

        if settings.Verbosity > 0 then
            do!
                print (
                    Name
                    + ": "
                    + string rows.Length
                    + " keys checked; "
                    + string (rows.Length - failed)
                    + " pass, "
                    + string failed
                    + " fail\n"
                )

        return if failed = 0 then ExitCode.Success else ExitCode.Bad
    }

let private checkAll (first: Settings) (given: Given<Settings> list) : Command<int> =
    let refuse reason =
        fail SysExit.Configuration (Name + ": " + reason)

    command {
        let! fromFile =
            match first.ConfigurationFile with
            | ValueSome path -> configured Name KeyAndLine fileRows path
            | ValueNone when first.Domain.IsNone && first.Selector.IsNone ->
                configured Name KeyAndLine fileRows DefaultFile
            | ValueNone -> fun rest -> rest []

        let settings, problems = Settings.apply [ fromFile; given ] defaults

        match problems, settings.Selector, settings.Domain, settings.KeyTable with
        | problem :: _, _, _, _ -> return! refuse (Problem.describe problem)
        | [], _, _, ValueSome dataSet when first.Domain.IsNone && first.Selector.IsNone ->
            return! checkTable settings dataSet
        | [], ValueSome selector, ValueSome domain, _ -> return! check Name settings selector domain
        | [], _, _, _ -> return! refuse (usage Name)
    }

let run (arguments: string list) : Command<int> = begin' text checkAll arguments
