/// What became of every test in the last run, from the files in NUnit's format that `./conformance` collects.
module Dkim.Standards.Results

open System.IO
open System.Xml.Linq
open Dkim.Standards.TestSources

/// How a test with all its cases ended.
[<Struct>]
type Ending =
    | Passed
    | Failed
    | Skipped

type TestResult = { Ending: Ending; Cases: int }

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

/// A case of the corpus is a test of its own here, named by its message.
let private keyOf (element: XElement) : string * string =
    let group, name =
        lastName (attribute "classname" element), attribute "methodname" element

    if name = corpusTest then
        let case = attribute "name" element
        "corpus", case.Substring(name.Length + 1).TrimEnd(')')
    else
        group, name

let private read (path: string) =
    XDocument.Load(path).Descendants(XName.Get "test-case")
    |> Seq.map (fun element -> keyOf element, ending element)
    |> List.ofSeq

/// The results in a folder of files, by group and name.
let load (folder: string) : Map<string * string, TestResult> =
    Directory.GetFiles(folder, "*.xml")
    |> List.ofArray
    |> List.collect read
    // The matrix is not a proof of anything in it.
    |> List.filter (fun ((group, _), _) -> group <> "MatrixTests")
    |> List.groupBy fst
    |> List.map (fun (key, cases) ->
        key,
        {
            Ending = cases |> List.map snd |> worst
            Cases = cases.Length
        })
    |> Map.ofList

/// The result of a test; nothing where it did not run.
let tryFind (results: Map<string * string, TestResult>) (test: TestName) : TestResult option =
    results.TryFind(test.Group, test.Name)
