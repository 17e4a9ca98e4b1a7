/// Configurations of opendkim as deployments have them, with what becomes of mail (tests/opendkim).
module Dkim.Tests.Core.OpenDkimCaseTests

open System
open System.IO
open System.Text.Json
open Expecto
open Dkim.Core.Words
open Dkim.Core.Programs.Filters
open Dkim.Tests
open Dkim.Tests.Core

let private folder = Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "opendkim")

let private tryProperty (name: string) (element: JsonElement) : JsonElement voption =
    match element.TryGetProperty name with
    | true, value -> ValueSome value
    | false, _ -> ValueNone

let private text name otherwise element =
    tryProperty name element
    |> ValueOption.map (fun value -> value.GetString() |> string)
    |> ValueOption.defaultValue otherwise

let private texts name element =
    match tryProperty name element with
    | ValueSome list -> [ for one in list.EnumerateArray() -> string (one.GetString()) ]
    | ValueNone -> []

let private pairs (element: JsonElement voption) : (string * string) list =
    match element with
    | ValueSome element ->
        [
            for one in element.EnumerateObject() -> one.Name, string (one.Value.GetString())
        ]
    | ValueNone -> []

let private macros (message: JsonElement) =
    let told =
        tryProperty "macros" message
        |> ValueOption.map (fun stages ->
            stages.EnumerateObject()
            |> Seq.collect (fun stage -> pairs (ValueSome stage.Value)))
        |> ValueOption.defaultValue Seq.empty
        |> List.ofSeq
        |> List.map (fun (name, value) -> name.Trim('{', '}'), value)

    let auth =
        match text "auth" "" message with
        | "" -> []
        | _ -> [ "auth_type", "PLAIN" ]

    ("i", text "id" "" message) :: ("j", "mx.example.com") :: auth @ told

let private rest =
    [
        "To", "rcpt@example.net"
        "Subject", "test"
        "Date", "Tue, 25 Nov 2025 10:00:00 +0000"
        "Message-ID", "<1@example.com>"
        "MIME-Version", "1.0"
        "Content-Type", "text/plain"
    ]

let private pairsOf (list: JsonElement voption) =
    match list with
    | ValueNone -> []
    | ValueSome list ->
        [
            for field in list.EnumerateArray() -> string (field[0].GetString()), string (field[1].GetString())
        ]

let private mail (message: JsonElement) : string =
    let fields =
        match tryProperty "headers" message with
        | ValueSome _ as headers -> pairsOf headers
        | ValueNone -> ("From", text "from" "" message) :: pairsOf (tryProperty "more" message) @ rest

    String.Join("", fields |> List.map (fun (name, value) -> name + ": " + value + "\n"))
    + "\n"
    + text "body" "Hello\r\n" message

let private zone (files: (string * string) list) =
    match files |> List.tryFind (fun (path, _) -> path.EndsWith "/pubkeys") with
    | None -> []
    | Some(_, records) ->
        [
            for line in records.Split('\n', StringSplitOptions.RemoveEmptyEntries) do
                let at = line.IndexOf ' '
                FilterPassages.text (line.Substring(0, at)) (line.Substring(at + 1))
        ]

let private way files (message: JsonElement) : FilterPassages.Way =
    { FilterPassages.local with
        Client = FilterPassages.client (text "host" "client.example.net" message) (text "ip" "203.0.113.9" message)
        Macros = macros message
        Sender = ValueSome("<" + text "envelope" "" message + ">")
        Recipients =
            (match texts "rcpt" message with
             | [] -> [ "rcpt@example.net" ]
             | recipients -> recipients)
            |> List.map (fun recipient -> "<" + recipient + ">")
        Zone = zone files
        Now = 1795660000L<sec>
    }

// A host does not look at the mail of such a client.
let private leftAlone: FilterPassages.Ran =
    {
        Changes = []
        Endings = [ FilterPassages.Accepted ]
        Log = []
        Lines = []
        Levels = []
        Asked = []
        Early = true
    }

let private results (ran: FilterPassages.Ran) =
    ran.Inserted
    |> List.filter _.StartsWith("Authentication-Results:")
    |> List.map _.Replace("\r\n\t", " ")

let private reply (ran: FilterPassages.Ran) =
    match ran.Ending with
    | FilterPassages.Accepted -> "accept"
    | FilterPassages.Deferred -> "tempfail"
    | FilterPassages.Discarded -> "discard"
    | FilterPassages.Refused _ -> "replycode"

let private judge (expect: JsonElement) (ran: FilterPassages.Ran) =
    match tryProperty "signed" expect with
    | ValueSome _ -> Expect.equal (texts "signed" expect) (OpenDkimRuns.signed ran)
    | ValueNone -> ()

    match text "reply" "" expect with
    | "" -> ()
    | wanted -> Expect.equal wanted (reply ran)

    match tryProperty "ar" expect with
    | ValueSome wanted when wanted.ValueKind = JsonValueKind.False -> Expect.equal [] (results ran)
    | ValueSome wanted -> Expect.contains (string (wanted.GetString())) (String.Join("\n", results ran))
    | ValueNone -> ()

    for wanted in texts "log" expect do
        Expect.contains wanted (String.Join("\n", ran.Log))

    for name, wanted in pairs (tryProperty "tags" expect) do
        Expect.equal (Some wanted) (OpenDkimRuns.topmostTag name ran)

    match text "l" "" expect with
    | "" -> ()
    | length -> Expect.contains ("l=" + length + ";") (String.Join("", ran.Inserted))

let private filesOf (case: string) (root: JsonElement) =
    let place = text "folder" "" root

    [
        for file in Directory.GetFiles case do
            match Path.GetFileName file |> string with
            | "messages.json" -> ()
            | "opendkim.conf" -> "conf", File.ReadAllText file
            | name -> place + "/" + name, File.ReadAllText file
    ]

let private started (root: JsonElement) readKey files : FilterProgram =
    let kinds = pairs (tryProperty "keys" root)

    let keyFiles =
        kinds |> List.map (fun (path, kind) -> path, OpenDkimRuns.keyText kind)

    FilterRuns.startOpenDkim readKey (files @ keyFiles) [ "-x"; "conf"; "-p"; "local:/s" ]
    |> Starts.serving

// With its tables as they are, or as stores have them.
let private testsOf (isMoved: bool) (case: string) : Test =
    let document =
        JsonDocument.Parse(File.ReadAllText(Path.Combine(case, "messages.json")))

    let root = document.RootElement

    let struct (files, rows) =
        if isMoved then
            StoredTables.moved (filesOf case root)
        else
            struct (filesOf case root, Finding.noStore)

    let readKey =
        OpenDkimRuns.readKey (pairs (tryProperty "keys" root)) (texts "open" root)

    let program = lazy (started root readKey files)

    testList
        (Path.GetFileName case |> string)
        [
            for message in (tryProperty "messages" root |> ValueOption.get).EnumerateArray() do
                testCase (text "id" "" message) (fun () ->
                    let way = { way files message with Rows = rows }

                    let ran =
                        if program.Value.Ignores way.Client then
                            leftAlone
                        else
                            OpenDkimRuns.sendWith readKey program.Value way (mail message)

                    judge (tryProperty "expect" message |> ValueOption.get) ran)
        ]

[<Tests>]
let tests =
    testList
        "OpenDkimCaseTests"
        [
            let cases = Directory.GetDirectories folder |> Array.sort |> List.ofArray
            testList "as they are" (cases |> List.map (testsOf false))
            testList "with tables in stores" (cases |> List.map (testsOf true))
        ]
