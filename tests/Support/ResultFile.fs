/// Results as a file in the format of NUnit 3, which the ledger, `tools/conformance` and tools of continuous integration read.
/// Expecto's own file has no groups and no categories, and is not well-formed where a name has a control character.
module Dkim.Tests.ResultFile

open System.IO
open System.Text.RegularExpressions
open System.Xml.Linq

[<Struct>]
type Ending =
    | Passed
    | Failed
    | Skipped

/// A test by the labels around it, outermost first.
type Entry =
    {
        Path: string list
        Ending: Ending
        /// Why it failed or was skipped.
        Message: string
    }

let private id = Regex @"RFC\d{4}-[0-9A-Z.]+-\d+"

/// The requirements that a text names.
let idsIn (text: string) : string list =
    id.Matches text |> Seq.map _.Value |> Seq.distinct |> List.ofSeq

let private isLabelOfIds (label: string) =
    label.Split ' ' |> Array.forall (fun word -> (id.Match word).Value = word)

/// A test without the labels that are nothing but ids: its group, its name, and its row, if it is one of many.
let parts (path: string list) : struct (string * string * string) =
    match path |> List.filter (isLabelOfIds >> not) with
    | [] -> struct ("", "", "")
    | [ name ] -> struct ("", name, "")
    | group :: name :: row -> struct (group, name, String.concat "/" row)

let private attribute (name: string) (value: string) =
    XAttribute(XName.Get name, Printing.line value) :> obj

let private element (entry: Entry) : XElement =
    let struct (group, name, row) = parts entry.Path

    let ids =
        entry.Path
        |> List.collect idsIn
        |> List.distinct
        |> List.map (fun id -> XElement(XName.Get "property", attribute "name" "Category", attribute "value" id) :> obj)

    let inner =
        (if ids.IsEmpty then
             []
         else
             [ XElement(XName.Get "properties", Array.ofList ids) :> obj ])
        @ (if entry.Message = "" then
               []
           else
               [ XElement(XName.Get "message", Printing.text entry.Message) ])

    XElement(
        XName.Get "test-case",
        Array.ofList (
            attribute "classname" group
            :: attribute "methodname" name
            :: attribute "name" (if row = "" then name else row)
            :: attribute "result" (string entry.Ending)
            :: inner
        )
    )

/// Writes the results of a suite in the order of their names: the same results are the same octets.
let write (path: string) (entries: Entry list) : unit =
    let all =
        entries |> List.sortBy _.Path |> List.map (fun entry -> element entry :> obj)

    path |> Path.GetDirectoryName |> string |> Directory.CreateDirectory |> ignore
    XDocument(XElement(XName.Get "test-run", Array.ofList all)).Save path
