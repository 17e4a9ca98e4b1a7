/// The scanner that cuts a header into fields for each message finds what the grammar of RFC 5322 has.
module Dkim.Properties.HeaderGrammarLaws

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings

/// Letters of a name, the colon, both blanks, both halves of a line end, and an octet of UTF-8.
let private alphabet = "a: \t\r\n\128"

let private isName (name: string) =
    name <> "" && name |> Seq.forall (fun c -> c > ' ' && c < '\127' && c <> ':')

/// Where the two differ, if they do.
let private difference (block: string) : string voption =
    let scanned =
        (Header.ofBlock (ReadOnlyMemory(Octets.ofLatin1 block))).Fields |> List.ofSeq

    let read = HeaderGrammar.read block

    let textOf (extent: FieldExtent) =
        block.Substring(int extent.Start, int extent.Length)

    let agree (field: Field) (extent: FieldExtent) =
        let isField =
            match extent.Form with
            | FieldForm.Missing _ -> false
            | _ -> true

        Octets.latin1 field.Raw.Span = textOf extent && isField = isName field.Name

    if scanned.Length = read.Length && List.forall2 agree scanned read then
        ValueNone
    else
        ValueSome(string read + " of " + block.Replace("\r", "\\r").Replace("\n", "\\n"))

let private holds (block: string) : bool =
    match difference block with
    | ValueNone -> true
    | ValueSome where -> failtest where

let private trials = MailGenerators.trials 500

[<Tests>]
let tests =
    testList
        "HeaderGrammarLaws"
        [
            testRows "every short header is cut as the grammar has it" [ 7 ] (fun (longest: int) ->
                let rec every (text: string) =
                    holds text |> ignore

                    if text.Length < longest then
                        for letter in alphabet do
                            every (text + string letter)

                every "")

            testLaw { trials with Count = 5000 } "a longer header of the critical octets too" (fun (picks: byte list) ->
                picks
                |> List.map (fun pick -> (alphabet + "\000b")[int pick % (alphabet.Length + 2)])
                |> Array.ofList
                |> String
                |> holds)

            testLaw trials "any message's header too" (fun (AnyMessage octets) ->
                holds (Octets.latin1 (ReadOnlySpan octets)))

            testRows
                "the form of a field"
                [
                    ("a: b\r\n c", "current")
                    ("a : b", "obsolete at 1")
                    ("a\t\t: b", "obsolete at 1")
                    ("a: b\rc", "obsolete at 4")
                    ("a: b\r\n c\n", "obsolete at 8")
                    ("a: \000", "obsolete at 3")
                    ("From me now", "missing at 5")
                    ("name", "missing at 4")
                    (": b", "missing at 0")
                    (" a: b", "missing at 0")
                    ("a\r\n : b", "missing at 1")
                    ("\233: b", "missing at 0")
                ]
                (fun (field: string, expected: string) ->
                    let form =
                        match HeaderGrammar.read field with
                        | [ extent ] ->
                            match extent.Form with
                            | FieldForm.Current -> "current"
                            | FieldForm.Obsolete octet -> "obsolete at " + string (int octet)
                            | FieldForm.Missing place -> "missing at " + string (int place)
                        | several -> string several.Length + " fields"

                    Expect.equal expected form)
        ]
