/// Which test proves which requirement. Suites of Expecto say it in their results; of the others the sources are read, where
/// an id stands in a test's name or in a category of the test or of its class.
module Dkim.Standards.TestSources

open System.IO
open System.Text.RegularExpressions
open Dkim.Standards.Results

type Tracing =
    {
        Test: TestName
        /// The requirements that it proves.
        Ids: string list
    }

/// Suites of NUnit and the folders of their sources.
let suites =
    [
        "core", "tests/Core"
        "hosts", "tests/Hosts"
        "conformance", "tests/Conformance"
    ]

let private testMark =
    Regex @"[\[<;,( ](Test|TestCase|TestCaseSource|Property|Theory)(?=[\](<>; ,])"

let private category = Regex "Category\\s*\\(?\\s*\"([^\"]*)\""

let private categoriesIn (text: string) =
    category.Matches text
    |> Seq.collect (fun found -> idsIn found.Groups[1].Value)
    |> List.ofSeq

/// A language's way to mark and name a test.
type private Syntax =
    {
        Opens: string
        Closes: string
        /// The name of the module or class that a line begins.
        Group: Regex
        /// The name of the test that a line begins.
        Declaration: Regex
    }

let private fsharp =
    {
        Opens = "[<"
        Closes = ">]"
        Group = Regex @"^(?:module|type) (?:[\w.]*\.)?(\w+)(?:\(\) =)?$"
        Declaration = Regex @"^(?:let |member _\.)(?:``(.+?)``|(\w+))"
    }

let private csharp =
    {
        Opens = "["
        Closes = "]"
        Group = Regex @"^(?:public |internal |sealed |abstract |partial |static )*class (\w+)"
        Declaration = Regex @"^public (?:async |static |override )*[\w<>\[\]]+ (\w+)\("
    }

/// What was read on the way to the next declaration.
type private Reading =
    {
        GroupName: string
        GroupIds: string list
        /// The attributes since the last declaration.
        Attributes: string
        /// Inside an attribute of several lines.
        Open: bool
        Found: Tracing list
    }

let private nameIn (found: Match) =
    if found.Groups[1].Success then
        found.Groups[1].Value
    else
        found.Groups[2].Value

let private readLine (syntax: Syntax) (suite: string) (state: Reading) (line: string) : Reading =
    let text = line.Trim()
    let group = syntax.Group.Match text
    let declaration = syntax.Declaration.Match text

    if state.Open || text.StartsWith syntax.Opens then
        { state with
            Attributes = state.Attributes + text
            Open = not (text.EndsWith syntax.Closes)
        }
    elif group.Success then
        { state with
            GroupName = group.Groups[1].Value
            GroupIds = categoriesIn state.Attributes
            Attributes = ""
        }
    elif declaration.Success && testMark.IsMatch state.Attributes then
        let name = nameIn declaration

        let tracing =
            {
                Test =
                    {
                        Suite = suite
                        Group = state.GroupName
                        Name = name
                    }
                Ids = idsIn name @ categoriesIn state.Attributes @ state.GroupIds |> List.distinct
            }

        { state with
            Attributes = ""
            Found = tracing :: state.Found
        }
    else
        { state with Attributes = "" }

let private read (suite: string) (path: string) : Tracing list =
    let syntax = if path.EndsWith ".cs" then csharp else fsharp

    let start =
        {
            GroupName = Path.GetFileNameWithoutExtension path |> string
            GroupIds = []
            Attributes = ""
            Open = false
            Found = []
        }

    let final = File.ReadAllLines path |> Array.fold (readLine syntax suite) start

    List.rev final.Found

let private isBuilt (path: string) =
    path.Contains "/obj/" || path.Contains "/bin/"

let private ofSuite (suite: string, folder: string) : Tracing list =
    let top = Path.Combine(Ledger.root, folder)

    [ "*.fs"; "*.cs" ]
    |> List.collect (fun pattern -> Directory.GetFiles(top, pattern, SearchOption.AllDirectories) |> List.ofArray)
    |> List.filter (isBuilt >> not)
    |> List.sort
    |> List.collect (read suite)

let private ofResults (suite: string) : Tracing list =
    Results.read suite
    |> List.map (fun result -> { Test = result.Test; Ids = result.Ids })

/// Every test of the project, with the requirements that it proves.
let all: Lazy<Tracing list> =
    lazy
        (List.collect ofSuite suites
         @ List.collect ofResults [ "properties"; "messages" ])

/// Requirement to its tests.
let provenBy: Lazy<Map<string, TestName list>> =
    lazy
        (all.Value
         |> List.collect (fun tracing -> tracing.Ids |> List.map (fun id -> id, tracing.Test))
         |> List.groupBy fst
         |> List.map (fun (id, pairs) -> id, pairs |> List.map snd |> List.distinct)
         |> Map.ofList)
