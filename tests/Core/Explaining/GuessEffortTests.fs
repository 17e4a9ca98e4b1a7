/// In what time changes on the way are guessed at, of messages that cost most.
module Dkim.Tests.Core.GuessEffortTests

open System
open System.Threading.Tasks
open Expecto
open Dkim.Tests
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Explaining.Edits
open Dkim.Core.Explaining.Bodies
open Dkim.Core.Explaining.Fields
open Dkim.Tests.Core
open Dkim.Tests.Core.ToolRuns
open Dkim.Tests.Core.ExplanationRuns

// Of the processor and of this thread alone, since other tests and programs work beside (schedstat: nanoseconds first).
let private cpuOf (work: unit -> 'a) : struct ('a * float) =
    let spent () =
        float (IO.File.ReadAllText("/proc/thread-self/schedstat").Split(' ')[0]) / 1e9

    let before = spent ()
    let result = work ()
    struct (result, spent () - before)

/// 14 MB for which each kind of guess would like to have the most time.
let private worstBodies: (string * string * string) list =
    let fill (piece: string) =
        String.replicate (14_000_000 / piece.Length) piece + "\r\n"

    let typed = "Content-Type: multipart/mixed; boundary=b\r\n"

    [
        "text to encode", "Content-Transfer-Encoding: 8bit\r\n", fill "\u00e4"
        "encoded text", "Content-Transfer-Encoding: quoted-printable\r\n", fill "=41"
        "lines of encoded text",
        "Content-Transfer-Encoding: quoted-printable\r\n",
        fill "some=20words=3D and=\r\n more =C3=A4\r\n"
        "base64", "Content-Transfer-Encoding: base64\r\n", fill "QUFBQUFBQUFBQUFB\r\n"
        "parts", typed, fill "--b\r\nContent-Transfer-Encoding: 8bit\r\n\r\nx\r\n"
        "boundaries without an end", "", fill "boundary="
        "short lines", "", fill "a\r\n"
        "white space", "", fill " \t"
    ]

/// A header and a body for which nothing fits.
let private subjects: (Edit list * Subject) list =
    let empty: Subject =
        {
            Hash = Sha256
            Canon = RelaxedHeader
            Header = Header.empty
            Signed = [||]
            OwnLast = false
            Absent = []
            Body = ValueNone
            Parts = [||]
            Fits = fun _ -> false
            FitsCost = 0L
        }

    let fields =
        [|
            for number in 1..40 -> Field.ofText ("X-" + string number) " one two, three <four@example.com>"
        |]

    let text =
        {
            Canon = RelaxedBody
            Limit = ValueNone
            Text = String.replicate 400 "Some lines.\r\n"
        }

    [
        FieldEdits.all,
        { empty with
            Signed = fields
            Header = Header.ofFields fields
        }
        BodyEdits.all, { empty with Body = ValueSome text }
    ]

let private worstBodyNames = worstBodies |> List.map (fun (name, _, _) -> name)

[<Tests>]
let tests =
    // What the process spends is measured, so nothing else runs beside them.
    testSequenced
    <| testList
        "GuessEffortTests"
        [
            // More than two million lines, whose pairs, times octets, are beyond 64 bits.
            testCase "a body of empty lines alone is given up" (fun () ->
                let body = String.replicate 2_100_000 "\r\n" + "x\r\n"
                let work = Task.Run(fun () -> guesses rsa [] (signed rsa [] message + body))
                Expect.isTrue (work.Wait(TimeSpan.FromMinutes 2.0)) "it ends")

            testRows "guessing at a large body ends in seconds" worstBodyNames (fun (name: string) ->
                let _, field, large = worstBodies |> List.find (fun (known, _, _) -> known = name)

                for scheme in
                    (if name = "encoded text" then
                         [ "dkim"; "domainkeys" ]
                     else
                         [ "dkim" ]) do
                    let whole = signed rsa [ "--scheme=" + scheme ] (field + message) + large
                    let struct (found, seconds) = cpuOf (fun () -> guesses rsa [] whole)
                    Expect.isTrue (found.Length <= 1) "whatever is found"
                    Expect.isTrue (seconds < 10.0) (scheme + ": " + string seconds + " s"))

            testCase "fifty signatures over ten megabytes in a thousand parts are explained in seconds" (fun () ->
                let part =
                    "--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
                    + String.replicate 260 "some=20words=3D and=\r\n more =C3=A4\r\n"

                let typed = "Content-Type: multipart/mixed; boundary=b\r\n" + message
                let own = Array.head ((signed rsa [] typed).Split "\r\nContent-Type:") + "\r\n"

                let whole =
                    String.replicate 50 own + typed + String.replicate 1000 part + "--b--\r\n"

                let struct (ran, seconds) =
                    cpuOf (fun () -> dkim [ "z", rsa.Zone; "-", whole ] [ "explain"; "--zone=z"; "--line-ends=crlf" ])

                Expect.equal 0 ran.Code
                Expect.contains "Signature 50 of 50" ran.Output
                Expect.isTrue (seconds < 10.0) (string seconds + " s"))

            testCase "what is hashed stays within the effort, and more effort hashes more" (fun () ->
                let hashes (edits: Edit list) (subject: Subject) (effort: int64) =
                    let count = ref 0L

                    let counted _ =
                        count.Value <- count.Value + 1L
                        false

                    Expect.isTrue
                        (Search.find
                            edits
                            { Subject.withParts subject with
                                Fits = counted
                            }
                            (Effort effort))
                            .IsNone
                        "nothing fits"

                    count.Value

                for edits, subject in subjects do
                    let octets = (Subject.withParts subject).Parts |> Array.sumBy _.LongLength
                    let some = hashes edits subject 40_000_000L
                    let more = hashes edits subject 400_000_000L
                    Expect.isTrue (some * Effort.PerHash <= 40_000_000L) (string some)
                    Expect.isTrue (more * Effort.PerHash <= 400_000_000L) (string more)
                    Expect.isTrue (more > some) (string octets + ": " + string some + ", " + string more)
                    Expect.equal 0L (hashes edits subject 0L))

            testCase "ten signatures with twelve thousand copies each are explained in seconds" (fun () ->
                let letters = "abcdefghijklmnopqrstuvwxyz0123456789"

                let names =
                    [
                        for a in letters[..9] do
                            for b in letters do
                                for c in letters do
                                    String [| a; b; c |]
                    ]
                    |> List.truncate 12000

                let folded (pieces: string list) (between: string) =
                    pieces
                    |> List.chunkBySize 150
                    |> List.map (String.concat between)
                    |> String.concat (between + "\r\n ")

                let copies = folded (names |> List.map (fun name -> name + ":")) "|"
                let own = Array.head ((signed rsa [] message).Split "\r\nFrom:")
                let field = own.Replace("; s=", "; z=\r\n " + copies + "; s=") + "\r\n"

                let text = String.replicate 10 field + message

                let explain () =
                    dkim [ "z", rsa.Zone; "-", text ] [ "explain"; "--zone=z"; "--line-ends=crlf" ]

                let struct (ran, seconds) = cpuOf explain
                Expect.equal 0 ran.Code
                Expect.contains "abc is gone" ran.Output
                Expect.isTrue (seconds < 10.0) (string seconds + " s"))
        ]
