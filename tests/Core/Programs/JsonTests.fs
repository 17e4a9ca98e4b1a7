/// JSON as the tool prints it: its shape is what programs and people rely on, to the octet.
module Dkim.Tests.Core.JsonTests

open System
open System.Text.Json
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Tool.Running

let private values =
    [
        Json.Null, "null"
        Json.Bool true, "true"
        Json.Bool false, "false"
        Json.Number -7L, "-7"
        Json.Text "a, b: {}", "\"a, b: {}\""
        Json.Text "\"'\\<>&+/", "\"\\\"'\\\\<>&+/\""
        Json.Text "a,\r\n\tb", "\"a,\\r\\n\\tb\""
        Json.Text "\000\127\155", "\"\\u0000\\u007F\\u009B\""
        Json.Text "\u00e9\u2028", "\"\\u00E9\\u2028\""
        Json.List [], "[]"
        Json.Object [], "{}"
        Json.List [ Json.Number 1L; Json.List [ Json.Text "x" ] ], "[1, [\"x\"]]"
        Json.Object [ "a", Json.Number 1L; "b", Json.Object [ "c", Json.List [] ] ], "{\"a\": 1, \"b\": {\"c\": []}}"
    ]

[<Tests>]
let tests =
    testList
        "JsonTests"
        [
            testRows "a value is printed on one line" values (fun (value, line) ->
                Expect.equal line (Json.render value))

            testCase "every octet and character is read as it was" (fun () ->
                for code in Seq.concat [ seq { 0..0x2ff }; seq { 0x2000..0x20ff }; seq { 0xfff0..0x1ffff } ] do
                    let text = Char.ConvertFromUtf32 code
                    let line = Json.render (Json.Text text)
                    Expect.isTrue (String.forall (fun c -> c >= ' ' && c <= '~') line) line
                    use read = JsonDocument.Parse line
                    Expect.equal text (string (read.RootElement.GetString())))
        ]
