/// What became of every test in the last run, and which requirements it proves: read from the files of results that `./test`
/// leaves, in the format of NUnit 3. An id of a requirement stands in a test's name, in a category of it or of its class.
module Dkim.Tests.Conformance.Results

open System.IO
open System.Xml.Linq
open Dkim.Tests.ResultFile

/// A test as people know it: its suite, the module or class, and the name.
type TestName =
    {
        Suite: string
        Group: string
        Name: string
    }

type TestResult =
    {
        Test: TestName
        /// The requirements that it proves.
        Ids: string list
        /// How it ended with all its cases.
        Ending: Ending
        Cases: int
    }

/// Where `./test` leaves a file for each suite that ran whole.
let folder = Path.Combine(Ledger.root, "out", "results")

let private attribute (name: string) (element: XElement) : string =
    match element.Attribute(XName.Get name) with
    | null -> ""
    | found -> found.Value

let private lastName (name: string) =
    name.Substring(name.LastIndexOfAny [| '.'; '+' |] + 1)

let private ending (element: XElement) =
    match attribute "result" element with
    | "Passed" -> Passed
    | "Failed" -> Failed
    | _ -> Skipped

let private worst (endings: Ending list) =
    if List.contains Failed endings then Failed
    elif List.contains Passed endings then Passed
    else Skipped

/// The test that every message of the corpus is a case of.
let corpusTest = "each signature gets its word"

/// A case of the corpus is a test of its own here, named by its message.
let testName (suite: string) (group: string) (name: string) (row: string) : TestName =
    let group, name = if name = corpusTest then "corpus", row else group, name

    {
        Suite = suite
        Group = group
        Name = name
    }

let private categories (element: XElement) : string list =
    [
        for owner in element.AncestorsAndSelf() do
            for properties in owner.Elements(XName.Get "properties") do
                for property in properties.Elements(XName.Get "property") do
                    if attribute "name" property = "Category" then
                        yield! idsIn (attribute "value" property)
    ]

let private case (suite: string) (element: XElement) : TestResult =
    let group, name =
        lastName (attribute "classname" element), attribute "methodname" element

    {
        Test = testName suite group name (attribute "name" element)
        Ids = idsIn name @ categories element |> List.distinct
        Ending = ending element
        Cases = 1
    }

/// The results of a suite; nothing where it did not run.
let tryRead (suite: string) : TestResult list voption =
    let path =
        Path.Combine(folder, string (System.Char.ToUpperInvariant suite[0]) + suite.Substring 1 + ".xml")

    if not (File.Exists path) then
        ValueNone
    else
        XDocument.Load(path).Descendants(XName.Get "test-case")
        |> Seq.map (case suite)
        |> Seq.groupBy _.Test
        |> Seq.map (fun (test, cases) ->
            let cases = List.ofSeq cases

            {
                Test = test
                Ids = cases |> List.collect _.Ids |> List.distinct
                Ending = cases |> List.map _.Ending |> worst
                Cases = cases |> List.sumBy _.Cases
            })
        |> List.ofSeq
        |> ValueSome

/// The results of a suite that has to have run.
let read (suite: string) : TestResult list =
    match tryRead suite with
    | ValueSome results -> results
    | ValueNone ->
        Expecto.Tests.failtest (
            "no results of the suite "
            + suite
            + " in "
            + folder
            + ", which the ledger is compared with: run ./test "
            + suite
        )

/// What became of every test of the suites that ran whole; the matrix is not a proof of anything in it.
let everything () : Map<TestName, TestResult> =
    [ "core"; "properties"; "messages"; "hosts"; "conformance" ]
    |> List.collect (tryRead >> ValueOption.defaultValue [])
    |> List.filter (fun result -> result.Test.Group <> "MatrixTests")
    |> List.map (fun result -> result.Test, result)
    |> Map.ofList
