/// Help, manual pages and sample files are what the tables of settings make.
module Dkim.Tests.Core.ManualTests

open System
open System.IO
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Proxies.Out
open Dkim.Core.Programs.Proxies.In
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Filters
open Dkim.Core.Programs.Qmail
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.KeyTools
open Dkim.Core.Programs.Tool
open Dkim.Tests.Core

/// Compares with a committed file.
let private matches (path: string) (text: string) =
    Made.check (Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "..", path))) text

let private names (row: Setting<'s>) =
    row.Spellings
    |> List.choose (fun spelling ->
        match spelling with
        | Spelling.Word name -> Some name
        | Spelling.Letter _
        | Spelling.Key _
        | Spelling.Variable _ -> None)

let private tells (program: ProgramText) (table: Setting<'s> list) (defaults: 's) =
    let help = Manual.help program table defaults
    let page = Manual.page program table defaults

    for row in table do
        for name in names row do
            Expect.contains ("--" + name) help
            Expect.contains ("Fl -" + name) page

        if not row.Inert then
            for value in row.Show defaults do
                Expect.contains
                    ("(default: " + value + ")")
                    (String.Join(' ', help.Split([| ' '; '\n' |], StringSplitOptions.RemoveEmptyEntries)))

[<Tests>]
let tests =
    testList
        "ManualTests"
        [
            testCase "every row is in help and manual" (fun () ->
                tells OutSettings.text OutSettings.table OutSettings.defaults
                tells InSettings.text InSettings.table InSettings.defaults)

            testCase "no line of help is longer than a terminal" (fun () ->
                for text in
                    [
                        Manual.help OutSettings.text OutSettings.table OutSettings.defaults
                        Manual.help InSettings.text InSettings.table InSettings.defaults
                    ] do
                    for line in text.Split '\n' do
                        Expect.isTrue (line.Length < 80) line)

            testCase "help is what it was" (fun () ->
                matches
                    "tests/Core/Golden/dkimproxy.out.help"
                    (Manual.help OutSettings.text OutSettings.table OutSettings.defaults)

                matches
                    "tests/Core/Golden/dkimproxy.in.help"
                    (Manual.help InSettings.text InSettings.table InSettings.defaults)

                for program in [ DkimGenkey.dkim; DkimGenkey.openDkim ] do
                    matches
                        ("tests/Core/Golden/" + program.Name + ".help")
                        (Manual.help program.Text program.Table DkimGenkey.defaults)

                matches
                    "tests/Core/Golden/opendkim-testkey.help"
                    (Manual.help OpenDkimTestkey.text OpenDkimTestkey.table DkimTestkey.defaults)

                matches
                    "tests/Core/Golden/opendkim-genzone.help"
                    (Manual.help KeyZone.text KeyZone.table KeyZone.defaults)

                matches
                    "tests/Core/Golden/dkim-testkey.help"
                    (Manual.help DkimTestkey.text DkimTestkey.table DkimTestkey.defaults)

                let help (arguments: string list) = (ToolRuns.dkim [] arguments).Output
                matches "tests/Core/Golden/dkim.help" (help [ "--help" ])

                for command in CommandList.commands do
                    matches ("tests/Core/Golden/dkim." + command.Name + ".help") (help [ command.Name; "--help" ]))

            testCase "the completions for shells are those that the table of dkim makes" (fun () ->
                for shell in [ "bash"; "zsh"; "fish" ] do
                    matches ("packaging/completions/dkim." + shell) (ToolRuns.dkim [] [ "completions"; shell ]).Output)

            testCase "the manual pages are those that the tables make" (fun () ->
                matches "man/dkimproxy.out.8" (Manual.page OutSettings.text OutSettings.table OutSettings.defaults)
                matches "man/dkimproxy.in.8" (Manual.page InSettings.text InSettings.table InSettings.defaults)
                matches "man/qmail-dk.8" (Manual.page QmailSettings.text QmailSettings.table QmailSettings.defaults))

            testCase "the manual pages and the sample file of the milters are those that the tables make" (fun () ->
                let dkim = DkimFilterTable.table
                let defaults = FilterSettings.dkim
                matches "man/dkim-filter.8" (Manual.page ProgramTexts.dkimFilter (Manual.options dkim) defaults)
                matches "man/dkim-filter.conf.5" (Manual.page ProgramTexts.dkimFilterConf (Manual.keys dkim) defaults)

                matches
                    "man/dk-filter.8"
                    (Manual.page ProgramTexts.dkFilter DkFilterTable.table FilterSettings.domainKeys)

                matches "packaging/conf/dkim-filter.conf" (Manual.sample ProgramTexts.dkimFilter dkim defaults))

            testCase "the manual pages of opendkim are those that the table makes" (fun () ->
                let table = OpenDkim.Settings.Table.table
                let defaults = OpenDkim.Settings.OpenDkimSettings.defaults
                matches "man/opendkim.8" (Manual.page OpenDkim.Texts.openDkim (Manual.options table) defaults)
                matches "man/opendkim.conf.5" (Manual.page OpenDkim.Texts.openDkimConf (Manual.keys table) defaults))

            testCase "every letter and key of the milters is in a manual page" (fun () ->
                let pages =
                    Manual.page ProgramTexts.dkimFilter (Manual.options DkimFilterTable.table) FilterSettings.dkim

                let keys =
                    Manual.page ProgramTexts.dkimFilterConf (Manual.keys DkimFilterTable.table) FilterSettings.dkim

                for row in DkimFilterTable.table do
                    for spelling in row.Spellings do
                        match spelling with
                        | Spelling.Letter letter -> Expect.contains (".It Fl " + string letter) pages
                        | Spelling.Key name -> Expect.contains (".It Ic " + name + " ") keys
                        | Spelling.Word _
                        | Spelling.Variable _ -> ()

                Expect.contains ".Sh SETTINGS\n" keys
                Expect.lacks ".Sh EXIT STATUS" keys)

            testCase "the sample file holds with its lines taken in" (fun () ->
                let sample =
                    Manual.sample ProgramTexts.dkimFilter DkimFilterTable.table FilterSettings.dkim

                for row in Manual.keys DkimFilterTable.table |> List.filter (fun row -> not row.Inert) do
                    let line =
                        sample.Split '\n'
                        |> Array.find (fun line -> line.StartsWith("#" + row.Name + " ", StringComparison.Ordinal))

                    Expect.isTrue (line.Length > 29) row.Name

                    match row.Show FilterSettings.dkim |> List.filter ((<>) "") with
                    | [] -> ()
                    | _ ->
                        let file =
                            SettingsFile.read KeyAndToken DkimFilterTable.table "conf"
                            |> Finding.settle (fun _ -> Starts.contents (line.Substring 1))

                        let state, problems = Settings.apply [ file.Given ] FilterSettings.dkim
                        Expect.equal [] (file.Problems @ problems |> List.map Problem.describe)
                        Expect.equal (row.Show FilterSettings.dkim) (row.Show state))

            testCase "every variable of qmail-dk is in its manual" (fun () ->
                let page = Manual.page QmailSettings.text QmailSettings.table QmailSettings.defaults

                for row in QmailSettings.table do
                    Expect.contains (".It Ev " + row.Name + "\n") page

                Expect.contains ".Sh ENVIRONMENT\n" page
                Expect.lacks ".Op Ar options" page
                matches "man/dkim.1" (Manual.page DkimTool.text CommandList.all ToolSettings.defaults)

                for program in [ DkimGenkey.dkim; DkimGenkey.openDkim ] do
                    matches ("man/" + program.Name + ".8") (Manual.page program.Text program.Table DkimGenkey.defaults)

                matches
                    "man/opendkim-testkey.8"
                    (Manual.page OpenDkimTestkey.text OpenDkimTestkey.table DkimTestkey.defaults)

                matches "man/opendkim-genzone.8" (Manual.page KeyZone.text KeyZone.table KeyZone.defaults)

                matches "man/dkim-testkey.8" (Manual.page DkimTestkey.text DkimTestkey.table DkimTestkey.defaults)
                let noSettings: Setting<unit> list = []
                matches "man/dknewkey.8" (Manual.page Dknewkey.text noSettings ()))

            testCase "text cannot become a request of the formatter" (fun () ->
                let row =
                    Setting.make "odd" (Codec.text "VALUE") (fun (value: string) -> value) (fun value _ -> value)
                    |> Setting.says ".so /etc/passwd"
                    |> Setting.detail "One \\fB. 'br two."

                let rows = Setting.group "odd" "new" [ row ]

                let page = Manual.page OutSettings.text rows "a\\b"
                let body = page.Substring(page.IndexOf ".It Fl -odd")
                Expect.contains "\n\\&.so /etc/passwd (default: a\\eb).\nOne \\efB.\n\\&'br two.\n" body)
        ]
