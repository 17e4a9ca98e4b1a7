/// Which test proves which requirement, read from the sources of the tests: an id stands in a test's name, in a category
/// of the test or of its class, or in what a message of the corpus shows.
module Dkim.Standards.TestSources

open System.IO
open System.Text.Json
open System.Text.RegularExpressions

/// A test as people know it: its suite, the module or class, and the name.
type TestName =
    {
        Suite: string
        Group: string
        Name: string
    }

type Tracing =
    {
        Test: TestName
        /// The requirements that it proves.
        Ids: string list
    }

/// Suites and the folders of their sources.
let suites =
    [
        "core", "tests/Core"
        "properties", "properties"
        "messages", "tests/Messages"
        "hosts", "tests/Hosts"
        "conformance", "tests/Conformance"
    ]

let private idPattern = Regex @"RFC\d{4}-[0-9A-Z.]+-\d+"

let private idsIn (text: string) =
    idPattern.Matches text |> Seq.map _.Value |> Seq.distinct |> List.ofSeq

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

let private strings (name: string) (json: JsonElement) : string list =
    match json.TryGetProperty name with
    | true, list -> [ for item in list.EnumerateArray() -> string (item.GetString()) ]
    | false, _ -> []

let private children (name: string) (json: JsonElement) : JsonElement list =
    match json.TryGetProperty name with
    | true, list -> List.ofSeq (list.EnumerateArray())
    | false, _ -> []

/// The test that every message of the corpus is a case of.
let corpusTest = "each signature gets its word"

/// The messages of the corpus: each is a case of one test and shows requirements of its own.
let private ofCorpus () : Tracing list =
    let path = Path.Combine(Ledger.root, "tests", "Messages", "corpus.json")
    use document = JsonDocument.Parse(File.ReadAllText path)

    [
        for case in document.RootElement.EnumerateArray() ->
            {
                Test =
                    {
                        Suite = "messages"
                        Group = "corpus"
                        Name = string (case.GetProperty("id").GetString())
                    }
                Ids =
                    case :: children "signatures" case
                    |> List.collect (strings "proves")
                    |> List.distinct
            }
    ]

/// Every test of the project, with the requirements that it proves.
let all: Lazy<Tracing list> = lazy (List.collect ofSuite suites @ ofCorpus ())

/// Requirement to its tests.
let provenBy: Lazy<Map<string, TestName list>> =
    lazy
        (all.Value
         |> List.collect (fun tracing -> tracing.Ids |> List.map (fun id -> id, tracing.Test))
         |> List.groupBy fst
         |> List.map (fun (id, pairs) -> id, pairs |> List.map snd |> List.distinct)
         |> Map.ofList)
