/// The message of test mode: a file cut into what an MTA would tell of it (dkim-filter(8) -t).
namespace Dkim.Core.Programs.Filters

open System
open System.Buffers
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Programs.Filters.Milter

/// Why a file is no message.
type internal TestFault = { Line: int; Reason: string }

/// A message of a file in parts.
[<NoComparison; NoEquality>]
type internal TestMessage =
    {
        Fields: struct (byte[] * byte[]) list
        Body: ReadOnlyMemory<byte>
    }

module internal TestMessage =
    let private fault line reason = Error { Line = line; Reason = reason }

    /// The first line that does not end in CRLF.
    let private firstBare (octets: ReadOnlySpan<byte>) : int voption =
        let mutable line = 1
        let mutable bare = ValueNone

        for index = 0 to octets.Length - 1 do
            if octets[index] = Octets.LF then
                if bare.IsNone && (index = 0 || octets[index - 1] <> Octets.CR) then
                    bare <- ValueSome line

                line <- line + 1

        let isOpen = octets.Length > 0 && octets[octets.Length - 1] <> Octets.LF
        if bare.IsNone && isOpen then ValueSome line else bare

    /// CRLF for each LF, unless all lines must have it.
    let private lineEnds strict (octets: ReadOnlyMemory<byte>) : Result<ReadOnlyMemory<byte>, TestFault> =
        match firstBare octets.Span with
        | ValueSome line when strict -> fault line "not CRLF-terminated"
        | _ ->
            let text = ArrayBufferWriter<byte>(octets.Length + 64)
            LineEnds.toCrlf LineEnds.start octets.Span text |> ignore
            Ok text.WrittenMemory

    let private isBlank (octet: byte) = octet = Octets.Space || octet = 9uy

    let private isName (name: ReadOnlySpan<byte>) =
        let mutable good = not name.IsEmpty

        for octet in name do
            good <- good && octet > Octets.Space && octet < 127uy

        good

    // Fields as the wire of a milter has them: lines within a value end in LF, and the last has no end.
    let private field (octets: ReadOnlyMemory<byte>) : struct (byte[] * byte[]) voption =
        let span = octets.Span
        let colon = span.IndexOf Octets.Colon

        if colon < 0 || not (isName (span.Slice(0, colon).TrimEnd " \t"B)) then
            ValueNone
        else
            let name = span.Slice(0, colon).TrimEnd " \t"B
            let value = span.Slice(colon + 1).ToArray() |> Array.filter ((<>) Octets.CR)
            ValueSome(struct (name.ToArray(), value))

    /// The end of the field that begins at an offset, without its line end, and how many lines it has.
    let rec private fieldEnd (text: ReadOnlyMemory<byte>) from lines : struct (int * int) =
        match text.Span.Slice(from).IndexOf(ReadOnlySpan Octets.crlf) with
        | -1 -> struct (text.Length, lines)
        | at when from + at + 2 < text.Length && isBlank (text.Span[from + at + 2]) ->
            fieldEnd text (from + at + 2) (lines + 1)
        | at -> struct (from + at, lines)

    let rec private read (text: ReadOnlyMemory<byte>) from line fields : Result<TestMessage, TestFault> =
        if
            from >= text.Length
            || text.Span.Slice(from).StartsWith(ReadOnlySpan Octets.crlf)
        then
            Ok
                {
                    Fields = List.rev fields
                    Body = text.Slice(min text.Length (from + 2))
                }
        else
            let struct (last, lines) = fieldEnd text from 1

            match field (text.Slice(from, last - from)) with
            | ValueSome field -> read text (min text.Length (last + 2)) (line + lines) (field :: fields)
            | ValueNone -> fault line "header malformed"

    let parse (strict: bool) (octets: ReadOnlyMemory<byte>) : Result<TestMessage, TestFault> =
        lineEnds strict octets |> Result.bind (fun text -> read text 0 1 [])

module internal TestMacros =
    let private shown (names: string list) =
        names
        |> List.distinct
        |> List.map (fun name -> name, "DEBUG-" + name)
        |> MilterMacros.text

    /// Macros as test mode has them: each that is looked at has a value that shows its name, or for a client that was
    /// named, the queue id alone. `names` are those of the settings.
    let make (hasClient: bool) (names: string list) : MilterMacros =
        let macros = MilterMacros()
        macros.Set(MacroStage.Connect, ReadOnlySpan(shown MilterMacros.ofEntrance))

        let later =
            if hasClient then
                [ "i" ]
            else
                "i" :: "j" :: "auth_type" :: names

        macros.Set(MacroStage.EndOfHeader, ReadOnlySpan(shown later))
        macros
