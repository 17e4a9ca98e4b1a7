/// The repair of line ends.
module Dkim.Tests.Core.LineEndTests

open System
open System.Buffers
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Tests.Core

[<Tests>]
let tests =
    testList
        "LineEndTests"
        [
            testRows
                "LF alone becomes CRLF wherever the text is cut"
                [ ("a\nb\r\nc\n", "a\r\nb\r\nc\r\n"); ("\n\n", "\r\n\r\n"); ("a\rb", "a\rb") ]
                (fun (text: string, expected: string) ->
                    for cut in 0 .. text.Length do
                        let octets = Octets.ofLatin1 text
                        let sink = ArrayBufferWriter<byte>()
                        let state = LineEnds.toCrlf LineEnds.start (ReadOnlySpan(octets, 0, cut)) sink

                        LineEnds.toCrlf state (ReadOnlySpan(octets, cut, octets.Length - cut)) sink
                        |> ignore

                        Octets.latin1 sink.WrittenSpan |> Expect.equal expected)

            testRows
                "RFC6376-5.3-2 repair leaves no CR or LF alone wherever the text is cut"
                [
                    ("a\nb\r\nc\rd", "a\r\nb\r\nc\r\nd")
                    ("\r\r\n\n", "\r\n\r\n\r\n")
                    ("\n\r", "\r\n\r\n")
                ]
                (fun (text: string, expected: string) ->
                    for cut in 0 .. text.Length do
                        let octets = Octets.ofLatin1 text
                        let sink = ArrayBufferWriter<byte>()
                        let state = LineEnds.repair LineEnds.start (ReadOnlySpan(octets, 0, cut)) sink

                        LineEnds.repair state (ReadOnlySpan(octets, cut, octets.Length - cut)) sink
                        |> ignore

                        Octets.latin1 sink.WrittenSpan |> Expect.equal expected)
        ]
