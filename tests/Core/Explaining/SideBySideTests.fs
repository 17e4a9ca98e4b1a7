/// Texts side by side lose nothing and mark what differs; the path of a message is read from Received fields.
module Dkim.Tests.Core.SideBySideTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Explaining

let private latin1 (octets: byte[]) = Octets.latin1 (ReadOnlySpan octets)

let private stretches (show: Stretch -> string) (line: Stretch list) =
    line |> List.map show |> String.concat ""

let private plain (stretch: Stretch) =
    match stretch with
    | Stretch.Same octets
    | Stretch.Marked octets -> latin1 octets
    | Stretch.LeftOut count -> "<" + string count + ">"

let private marked (stretch: Stretch) =
    match stretch with
    | Stretch.Marked octets -> "[" + latin1 octets + "]"
    | Stretch.Same _
    | Stretch.LeftOut _ -> plain stretch

/// Both sides of the rows.
let private sides (show: Stretch -> string) (rows: SideBySideRow list) : string * string =
    let row (row: SideBySideRow) =
        match row with
        | SideBySideRow.Same line -> stretches show line, stretches show line
        | SideBySideRow.Changed(was, is) -> stretches show was, stretches show is
        | SideBySideRow.Removed line -> stretches show line, ""
        | SideBySideRow.Added line -> "", stretches show line
        | SideBySideRow.SameLines count -> "{" + string count + "}", "{" + string count + "}"
        | SideBySideRow.OtherLines(was, is) -> "{" + string was + "}", "{" + string is + "}"

    let rows = rows |> List.map row
    rows |> List.map fst |> String.concat "", rows |> List.map snd |> String.concat ""

let private rowsOf (was: string) (is: string) =
    SideBySide.rows (Octets.ofLatin1 was) (Octets.ofLatin1 is)

/// All texts of so many characters at most.
let private texts (alphabet: string list) (most: int) : string list =
    [ 1..most ]
    |> List.scan (fun shorter _ -> List.allPairs shorter alphabet |> List.map (fun (text, c) -> text + c)) [ "" ]
    |> List.concat

let private header (lines: string list) =
    Header.ofBlock (ReadOnlyMemory(Octets.ofLatin1 (String.concat "\r\n" lines)))

[<Tests>]
let tests =
    testList
        "SideBySideTests"
        [
            testCase "short texts stand there whole, and what is not marked is the same" (fun () ->
                // No line is so far from a difference that it is counted only.
                let isShort (text: string) =
                    (text |> String.filter ((=) '\n')).Length <= 2

                let all = texts [ "a"; "b"; "\n" ] 4 |> List.filter isShort

                for was in all do
                    for is in all do
                        let rows = rowsOf was is
                        Expect.equal (was, is) (sides plain rows)

                        let unmarked =
                            sides (fun stretch ->
                                match stretch with
                                | Stretch.Marked _ -> ""
                                | Stretch.Same _
                                | Stretch.LeftOut _ -> plain stretch)

                        let left, right = unmarked rows
                        Expect.equal left right)

            testRows
                "what differs is marked"
                [
                    ("one\r\ntwo\r\n",
                     "one\r\ntwo\r\n--\r\nfooter\r\n",
                     "one\r\ntwo\r\n",
                     "one\r\ntwo\r\n[--\r\n][footer\r\n]")
                    ("Subject:x\r\nTo:b\r\n",
                     "Subject:[l] x\r\nTo:b\r\n",
                     "Subject:x\r\nTo:b\r\n",
                     "Subject:[[l] ]x\r\nTo:b\r\n")
                    ("a\nb\n", "a\r\nb\r\n", "a\nb\n", "a[\r]\nb[\r]\n")
                ]
                (fun (was, is, left, right) -> Expect.equal (left, right) (sides marked (rowsOf was is)))

            testCase "what is the same for long is counted" (fun () ->
                let same = String.replicate 50 "line\r\n"

                let left, right =
                    sides marked (rowsOf (same + "x\r\n" + same) (same + "y\r\n" + same))

                Expect.equal "{48}line\r\nline\r\n[x]\r\nline\r\nline\r\n{48}" left
                Expect.equal "{48}line\r\nline\r\n[y]\r\nline\r\nline\r\n{48}" right)

            testCase "a line of a megabyte and a million lines make short rows" (fun () ->
                for was, is in
                    [
                        String('a', 1000000), String('b', 1000000)
                        String.replicate 300000 "a\r\n", String.replicate 300000 "b\n"
                    ] do
                    let left, right = sides plain (rowsOf was is)
                    Expect.isTrue (left.Length < 5000 && right.Length < 5000) "rows")

            testCase "the path of a message begins at the first server and tells where it was signed" (fun () ->
                let stops =
                    header
                        [
                            "Received: from b.example (b.example [192.0.2.2])\r\n\tby c.example with ESMTPS id 3; Fri, 20 Nov 2026 12:00:05 +0000"
                            "DKIM-Signature: v=1"
                            "Received: from (by x) a.example by b.example\r\n\twith ESMTP for <x@example.org>; Fri, 20 Nov 2026 13:00:00 +0100"
                            "Received: nonsense ((( \\"
                            "Subject: hello"
                        ]
                    |> MailPath.ofHeader

                let told (stop: MailStop) =
                    match stop with
                    | MailStop.Signed number -> "signed " + string number
                    | MailStop.Hop hop ->
                        hop.From
                        + "|"
                        + hop.By
                        + "|"
                        + hop.With
                        + "|"
                        + (hop.Delay
                           |> ValueOption.map (fun span -> string span.TotalSeconds)
                           |> ValueOption.defaultValue "")

                Expect.equal
                    [
                        "|||"
                        "(by x) a.example|b.example|ESMTP|"
                        "signed 1"
                        "b.example (b.example [192.0.2.2])|c.example|ESMTPS|5"
                    ]
                    (stops |> List.map told))
        ]
