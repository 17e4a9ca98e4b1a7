/// What tests say of values: what is expected comes first, what there is comes last. A failure names both.
module Dkim.Tests.Expect

open System
open System.Text.RegularExpressions
open Expecto

let private shown (value: 'a) : string = Printing.text (sprintf "%A" value)

let equal (expected: 'a) (actual: 'a) : unit =
    if actual <> expected then
        failtest ("expected: " + shown expected + "\n  actual: " + shown actual)

let differs (other: 'a) (actual: 'a) : unit =
    if actual = other then
        failtest ("should not be " + shown other)

/// The condition, and in words what is wrong if it does not hold.
let isTrue (actual: bool) (what: string) : unit =
    if not actual then
        failtest ("is not so: " + what)

let isFalse (actual: bool) (what: string) : unit =
    if actual then
        failtest ("is so: " + what)

let above (limit: 'a) (actual: 'a) : unit =
    if not (actual > limit) then
        failtest (shown actual + " is not above " + shown limit)

let below (limit: 'a) (actual: 'a) : unit =
    if not (actual < limit) then
        failtest (shown actual + " is not below " + shown limit)

let atLeast (limit: 'a) (actual: 'a) : unit =
    if not (actual >= limit) then
        failtest (shown actual + " is less than " + shown limit)

let atMost (limit: 'a) (actual: 'a) : unit =
    if not (actual <= limit) then
        failtest (shown actual + " is more than " + shown limit)

let private hasPart (part: string) (text: string) =
    text.Contains(part, StringComparison.Ordinal)

let contains (part: string) (text: string) : unit =
    if not (hasPart part text) then
        failtest ("missing: " + shown part + "\n     in: " + shown text)

let lacks (part: string) (text: string) : unit =
    if hasPart part text then
        failtest ("should not have: " + shown part + "\n             in: " + shown text)

let startsWith (start: string) (text: string) : unit =
    if not (text.StartsWith(start, StringComparison.Ordinal)) then
        failtest ("should begin with: " + shown start + "\n                is: " + shown text)

let endsWith (ending: string) (text: string) : unit =
    if not (text.EndsWith(ending, StringComparison.Ordinal)) then
        failtest ("should end with: " + shown ending + "\n              is: " + shown text)

/// A regular expression finds something in the text.
let matches (pattern: string) (text: string) : unit =
    if not (Regex.IsMatch(text, pattern)) then
        failtest ("does not match " + pattern + ": " + shown text)

let empty (items: 'a seq) : unit =
    if not (Seq.isEmpty items) then
        failtest ("should be empty: " + shown items)

let notEmpty (items: 'a seq) : unit =
    if Seq.isEmpty items then
        failtest "should not be empty"

/// One of the items is this.
let has (item: 'a) (items: 'a seq) : unit =
    if not (Seq.contains item items) then
        failtest (shown item + " is not among " + shown items)

/// No item is there twice.
let unique (items: 'a seq) : unit =
    items
    |> Seq.countBy id
    |> Seq.filter (fun (_, count) -> count > 1)
    |> Seq.map fst
    |> List.ofSeq
    |> function
        | [] -> ()
        | twice -> failtest ("there more than once: " + shown twice)

/// What a failure inside is about.
let about (what: string) (body: unit -> unit) : unit =
    try
        body ()
    with :? AssertException as failure ->
        raise (AssertException(what + ": " + failure.Message))

/// The exception that must be thrown.
let throws<'error when 'error :> exn> (body: unit -> unit) : unit =
    let thrown =
        try
            body ()
            ValueNone
        with error ->
            ValueSome error

    match thrown with
    | ValueSome(:? 'error) -> ()
    | ValueSome error -> failtest ("threw " + error.GetType().Name + ", not " + typeof<'error>.Name)
    | ValueNone -> failtest ("did not throw " + typeof<'error>.Name)

/// The value of a result that must be good.
let ok (result: Result<'a, 'e>) : 'a =
    match result with
    | Ok value -> value
    | Error error -> failtest (string (box error))

let error (result: Result<'a, 'e>) : 'e =
    match result with
    | Error error -> error
    | Ok _ -> failtest "should not have been accepted"
