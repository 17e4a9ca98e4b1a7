module Dkim.Properties.BodyCanonLaws

open System
open System.Buffers
open System.Text.RegularExpressions
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Programs.Settings

type private Sink() =
    let octets = ArrayBufferWriter<byte> 256
    member _.Text = Octets.latin1 octets.WrittenSpan

    interface IOctetSink with
        member _.Write piece = octets.Write piece

let private canons = [ SimpleBody; RelaxedBody; DomainKeysSimpleBody; NofwsBody ]

/// The specification: one octet at a time.
let private byStep (canon: BodyCanon) (text: string) : string =
    let sink = Sink()
    let mutable state = Body.start canon

    for octet in Octets.ofLatin1 text do
        state <- Body.step canon state octet sink

    Body.finish canon state sink
    sink.Text

/// The fast path, fed in pieces.
let private byFeed (canon: BodyCanon) (pieces: ReadOnlyMemory<byte> seq) : string =
    let sink = Sink()
    let mutable state = Body.start canon

    for piece in pieces do
        state <- BodyFeed.feed canon state piece.Span sink

    Body.finish canon state sink
    sink.Text

let private whole (text: string) =
    [ ReadOnlyMemory(Octets.ofLatin1 text) ]

/// The sentences of the RFCs, one after the other, over the whole body.
module private Naive =
    /// The lines; one that no CRLF ends counts as ended.
    let private lines (text: string) : string list =
        match List.ofArray (text.Split "\r\n") with
        | parts when List.last parts = "" -> List.take (parts.Length - 1) parts
        | parts -> parts

    // "Ignore all empty lines at the end of the message body."
    let private withoutEmptyEnd (lines: string list) : string list =
        lines |> List.rev |> List.skipWhile ((=) "") |> List.rev

    let private joined (lines: string list) =
        lines |> List.map (fun line -> line + "\r\n") |> String.concat ""

    /// RFC 6376 §3.4.3: "If there is no body or no trailing CRLF on the message body, a CRLF is added."
    let private simple text =
        match withoutEmptyEnd (lines text) with
        | [] -> "\r\n"
        | kept -> joined kept

    /// RFC 6376 §3.4.4: "Ignore all whitespace at the end of lines", "Reduce all sequences of WSP within a line to a
    /// single SP character."
    let private relaxed text =
        lines text
        |> List.map (fun line -> Regex.Replace(line, "[ \t]+", " ").TrimEnd ' ')
        |> withoutEmptyEnd
        |> joined

    /// RFC 4870 §3.4.2: the line between header and body belongs to what is hashed.
    let private domainKeys change text =
        "" :: (lines text |> List.map change) |> withoutEmptyEnd |> joined

    let canonical (canon: BodyCanon) (text: string) : string =
        match canon with
        | SimpleBody -> simple text
        | RelaxedBody -> relaxed text
        | DomainKeysSimpleBody -> domainKeys id text
        | NofwsBody -> domainKeys (fun line -> Regex.Replace(line, "[ \t\r\n]", "")) text

/// Every text of up to `length` characters of the critical alphabet.
let private texts (length: int) : string seq =
    let alphabet = [ ' '; '\t'; '\r'; '\n'; 'a' ]

    let rec ofLength n =
        if n = 0 then
            Seq.singleton ""
        else
            ofLength (n - 1)
            |> Seq.collect (fun text -> alphabet |> Seq.map (fun c -> text + string c))

    seq { 0..length } |> Seq.collect ofLength

let private escaped (text: string) =
    text.Replace("\r", "\\r").Replace("\n", "\\n").Replace("\t", "\\t")

let private forAll (length: int) (law: BodyCanon -> string -> bool) =
    canons
    |> List.iteri (fun index canon ->
        texts length
        |> Seq.tryFind (law canon >> not)
        |> Option.iter (fun text -> failtest ("canonicalization " + string index + ": " + escaped text)))

let private eachCanon law = canons |> List.forall law

let private trials = MailGenerators.trials 2000

[<Tests>]
let tests =
    testList
        "BodyCanonLaws"
        [
            proves
                [
                    "RFC6376-3.4.3-1"
                    "RFC6376-3.4.3-2"
                    "RFC6376-3.4.4-1"
                    "RFC6376-3.4.4-2"
                    "RFC6376-3.4.4-3"
                    "RFC6376-3.4.4-4"
                    "RFC6376-3.4.4-5"
                    "RFC4870-3.4.2.1-1"
                    "RFC4870-3.4.2.2-2"
                ]
                (testCase "step is what the RFCs say, for every short body" (fun () ->
                    forAll 7 (fun canon text -> byStep canon text = Naive.canonical canon text)))

            testCase "the fast path is step, for every short body" (fun () ->
                forAll 7 (fun canon text -> byFeed canon (whole text) = byStep canon text))

            proves
                [ "RFC6376-3.4-4" ]
                (testCase "any cut into two pieces gives the same octets, for every short body" (fun () ->
                    forAll 6 (fun canon text ->
                        let expected = byStep canon text
                        let octets = Octets.ofLatin1 text

                        seq { 0 .. octets.Length }
                        |> Seq.forall (fun at ->
                            byFeed
                                canon
                                [
                                    ReadOnlyMemory(octets, 0, at)
                                    ReadOnlyMemory(octets, at, octets.Length - at)
                                ]
                                =
                                expected))))

            testCase "single octets give the same octets, for every short body" (fun () ->
                forAll 7 (fun canon text ->
                    let octets = Octets.ofLatin1 text

                    byFeed canon (Seq.init octets.Length (fun at -> ReadOnlyMemory(octets, at, 1))) =
                        byStep canon text))

            // DomainKeys' forms begin with the line between header and body, so that a second pass would add another.
            testCase "a canonical body is its own canonical form" (fun () ->
                texts 7
                |> Seq.tryFind (fun text ->
                    [ SimpleBody; RelaxedBody ]
                    |> List.exists (fun canon ->
                        let once = byStep canon text
                        byStep canon once <> once))
                |> Option.iter (fun text -> failtest (escaped text)))

            testCase "relaxed after simple is relaxed" (fun () ->
                texts 7
                |> Seq.tryFind (fun text -> byStep RelaxedBody (byStep SimpleBody text) <> byStep RelaxedBody text)
                |> Option.iter (fun text -> failtest (escaped text)))

            testLaw trials "step is what the RFCs say" (fun (MailBody octets) ->
                let text = Octets.latin1 (ReadOnlySpan octets)
                eachCanon (fun canon -> byStep canon text = Naive.canonical canon text))

            proves
                [ "RFC6376-3.4-4" ]
                (testLaw trials "the fast path in any pieces is step" (fun (MailBody octets) cuts ->
                    let text = Octets.latin1 (ReadOnlySpan octets)
                    eachCanon (fun canon -> byFeed canon (Cuts.pieces cuts octets) = byStep canon text)))

            testLaw
                trials
                "what is appended after a finished line changes nothing before it"
                (fun (MailBody octets) (MailBody more) ->
                    let text = Octets.latin1 (ReadOnlySpan octets) + "a\r\n"
                    let longer = text + Octets.latin1 (ReadOnlySpan more)

                    eachCanon (fun canon ->
                        (byStep canon longer).StartsWith(byStep canon text, StringComparison.Ordinal)))
        ]
