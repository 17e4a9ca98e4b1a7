module Dkim.Properties.SettingsLaws

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Proxies.Out
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Qmail

let private table = OutSettings.table
let private defaults = OutSettings.defaults

let private shows state =
    table |> List.map (fun row -> row.Show state)

let private contents (text: string) =
    FileContents.Found(ReadOnlyMemory(Text.Encoding.UTF8.GetBytes text))

let private read (text: string) =
    SettingsFile.read NameAndValue table "conf"
    |> Finding.settle (fun _ -> contents text)

let private trials = MailGenerators.trials 100

[<Tests>]
let tests =
    testList
        "SettingsLaws"
        [
            testLaw
                { trials with Count = 300 }
                "what a row shows of any value it takes restores it"
                (fun (index: int) (AnyText text) ->
                    let row = table[abs (index % table.Length)]

                    match row.Read text defaults with
                    | Error reason -> reason <> ""
                    | Ok state ->
                        let again =
                            List.fold
                                (fun state value -> state |> Result.bind (row.Read value))
                                (Ok(row.Clear defaults))
                                (row.Show state)

                        match again with
                        | Ok again -> shows again = shows state
                        | Error _ -> false)

            testLaw trials "any arguments are read to the end" (fun (arguments: AnyText list) ->
                let texts = arguments |> List.map (fun (AnyText text) -> text)

                for style in [ Interchangeable; Letters; Gnu ] do
                    let line = CommandLine.parse style table texts

                    Settings.apply [ line.Given ] defaults
                    |> snd
                    |> List.iter (Problem.describe >> ignore))

            testLaw
                trials
                "any file is read to the end, and each problem is one printable line of it"
                (fun (AnyText text) ->
                    for style in [ NameAndValue; KeyAndToken ] do
                        let file =
                            SettingsFile.read style table "conf" |> Finding.settle (fun _ -> contents text)

                        let _, problems = Settings.apply [ file.Given ] defaults

                        for problem in file.Problems @ problems do
                            let line = Problem.describe problem

                            if line |> Seq.exists Char.IsControl || not (line.StartsWith "conf:") then
                                failwith line)

            testLaw trials "the command line and the file say the same" (fun (values: (int * AnyWord) list) ->
                let rows =
                    table
                    |> List.filter (fun row -> row.Arity <> Arity.Flag && row.Spellings.Length = 2)

                let pairs =
                    values
                    |> List.map (fun (index, AnyWord word) -> rows[abs (index % rows.Length)].Name, word)

                let file =
                    read (String.Join('\n', pairs |> List.map (fun (name, value) -> name + " " + value)))

                let line =
                    CommandLine.parse
                        Interchangeable
                        table
                        (pairs |> List.map (fun (name, value) -> "--" + name + "=" + value))

                let settle given = Settings.apply [ given ] defaults
                let ofFile, fileProblems = settle file.Given
                let ofLine, lineProblems = settle line.Given

                shows ofFile = shows ofLine
                && (fileProblems |> List.map _.Fault) = (lineProblems |> List.map _.Fault))

            testLaw trials "a value with hashes and backslashes survives a file" (fun (AnyWord word) ->
                let value = "#" + word.Replace('.', '#')
                let file = read ("keyfile " + value.Replace("#", "\\#") + " # " + word)
                (file.Given |> List.map _.Value) = [ value ])

            testLaw trials "an endpoint that is shown is read back" (fun (AnyDomain name) (port: uint16) ->
                let number = string port

                let reads text host =
                    Endpoint.parseHostPort text =
                        Ok
                            {
                                Host = host
                                Port = ValueSome(int port)
                            }

                reads (name + ":" + number) name
                && reads ("[::" + number + "]:" + number) ("::" + number))
        ]
