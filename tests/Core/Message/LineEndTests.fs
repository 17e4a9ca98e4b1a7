/// The repair of line ends.
module Dkim.Conformance.LineEndTests

open System
open System.Buffers
open NUnit.Framework
open Dkim.Core
open Dkim.Conformance

[<TestCase("a\nb\r\nc\n", "a\r\nb\r\nc\r\n")>]
[<TestCase("\n\n", "\r\n\r\n")>]
[<TestCase("a\rb", "a\rb")>]
let ``LF alone becomes CRLF wherever the text is cut`` (text: string, expected: string) =
    for cut in 0 .. text.Length do
        let octets = Octets.ofLatin1 text
        let sink = ArrayBufferWriter<byte>()
        let state = LineEnds.toCrlf LineEnds.start (ReadOnlySpan(octets, 0, cut)) sink

        LineEnds.toCrlf state (ReadOnlySpan(octets, cut, octets.Length - cut)) sink
        |> ignore

        Octets.latin1 sink.WrittenSpan |> Expect.equal expected

[<TestCase("a\nb\r\nc\rd", "a\r\nb\r\nc\r\nd")>]
[<TestCase("\r\r\n\n", "\r\n\r\n\r\n")>]
[<TestCase("\n\r", "\r\n\r\n")>]
let ``RFC6376-5.3-2 repair leaves no CR or LF alone wherever the text is cut`` (text: string, expected: string) =
    for cut in 0 .. text.Length do
        let octets = Octets.ofLatin1 text
        let sink = ArrayBufferWriter<byte>()
        let state = LineEnds.repair LineEnds.start (ReadOnlySpan(octets, 0, cut)) sink

        LineEnds.repair state (ReadOnlySpan(octets, cut, octets.Length - cut)) sink
        |> ignore

        Octets.latin1 sink.WrittenSpan |> Expect.equal expected
