/// What a host finds, without one: names and files are functions, and steps come to their end.
module Dkim.Tests.Finding

open System.Collections.Generic
open System.Net
open Expecto
open Dkim.Core.Dns
open Dkim.Core.Cryptography
open Dkim.Core.Stores
open Dkim.Core.Asking

/// What is to be looked up in the DNS.
let questions (needs: Need list) : Question list =
    needs
    |> List.choose (fun need ->
        match need with
        | Need.Lookup question -> Some question
        | _ -> None)

/// The files that are to be read.
let files (needs: Need list) : WantedFile list =
    needs
    |> List.choose (fun need ->
        match need with
        | Need.File file -> Some file
        | _ -> None)

let private table (keys: 'key list) (value: 'key -> 'value) =
    let all = Dictionary<'key, 'value>()

    for key in keys do
        all[key] <- value key

    all

/// The names of these needs as they are answered.
let ofNames (answer: Question -> Answer) (needs: Need list) : Found =
    Found.OfAnswers(table (questions needs) answer)

/// The files of these needs as they are read.
let ofFiles (read: WantedFile -> FileContents) (needs: Need list) : Found = Found.OfFiles(table (files needs) read)

/// No key is anywhere.
let noKey (_: KeyPlace) : KeyReading = KeyUnread "No such file or directory"

/// The same with the keys that tables name.
let withKeys (read: KeyPlace -> KeyReading) (needs: Need list) (found: Found) : Found =
    let places =
        needs
        |> List.choose (fun need ->
            match need with
            | Need.Key place -> Some place
            | _ -> None)

    { found with Keys = table places read }

/// The same with what stores say.
let withRows (ask: StoreQuestion -> StoreAnswer) (needs: Need list) (found: Found) : Found =
    let questions =
        needs
        |> List.choose (fun need ->
            match need with
            | Need.Rows question -> Some question
            | _ -> None)

    { found with
        Rows = table questions ask
    }

/// There is no store.
let noStore (_: StoreQuestion) : StoreAnswer = StoreAnswer.Unavailable "no store"

/// The same with logins of these addresses, and as many reports as are asked for, up to a number.
let withMachine (logins: string list) (reports: int) (needs: Need list) (found: Found) : Found =
    let wanted =
        needs
        |> List.sumBy (fun need ->
            match need with
            | Need.Reports most -> most
            | _ -> 0)

    { found with
        Logins = HashSet(logins |> List.map IPAddress.Parse)
        Reports = min wanted reports
    }

/// The value that a step comes to, which needs nothing but files, keys and rows of stores.
let settleWith
    (readKey: KeyPlace -> KeyReading)
    (ask: StoreQuestion -> StoreAnswer)
    (read: WantedFile -> FileContents)
    (step: Step<'a>)
    : 'a =
    let rec go (step: Step<'a>) rounds =
        if step.IsDone then
            step.Value
        else
            if rounds = 100 then
                failtest "a step asks without an end"

            let found =
                ofFiles read step.Needs
                |> withKeys readKey step.Needs
                |> withRows ask step.Needs

            go (step.Go found) (rounds + 1)

    go step 0

/// The value that a step comes to, which needs nothing but files.
let settle (read: WantedFile -> FileContents) (step: Step<'a>) : 'a = settleWith noKey noStore read step
