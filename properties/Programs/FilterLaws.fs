module Dkim.Properties.FilterLaws

open System
open Expecto
open Dkim.Tests
open Dkim.Properties.FilterCases
open Dkim.Tests.FilterPassages

/// What the next hop gets: the MTA's own field stands above all that the filter saw.
let private delivered (case: Case) (ran: Ran) =
    "Received: own" :: List.map snd case.Header |> applied ran.Changes

/// The header without what was added, which stands above any field of the same text: the same key makes the same
/// signature again.
let private withoutAdded (ran: Ran) (fields: string list) =
    ran.Inserted
    |> List.fold (fun fields added -> List.removeAt (List.findIndex ((=) added) fields) fields) fields

let private trials =
    {
        Count = 400
        Arbitraries = [ typeof<Dkim.Properties.FilterCases.Arbitraries> ]
    }

[<Tests>]
let tests =
    testList
        "FilterLaws"
        [
            testLaw trials "every message gets one last word, whatever the settings" (fun (case: Case) ->
                (case.Run()).Endings.Length = 1)

            testLaw trials "what does not go on, or is decided early, is not changed" (fun (case: Case) ->
                let ran = case.Run()
                let edits = ran.Inserted.Length + ran.Deleted.Length
                (ran.Ending = Accepted && not ran.Early) || edits = 0)

            testLaw trials "no line of the log can be taken for two" (fun (case: Case) ->
                (case.Run()).Log
                |> List.forall (String.forall (fun c -> c >= ' ' && c <> '\127')))

            testLaw trials "the fields of others stay, in their order, but for those that must go" (fun (case: Case) ->
                let ran = case.Run()
                let added = ran.Inserted
                let left = delivered case ran |> withoutAdded ran

                let isSigned =
                    added
                    |> List.exists (fun field -> field.Contains "; b=" || field.Contains "\tb=")

                let stays (part, _) =
                    match part with
                    | Other -> true
                    | Forged -> not (List.exists (fun (name, _) -> name = "Authentication-Results") ran.Deleted)
                    | OldSignature -> not (isSigned && case.RemovesOld)

                let expected = case.Header |> List.filter stays |> List.map snd

                ran.Ending <> Accepted || left = "Received: own" :: expected)

            testLaw trials "no result that was told in our name is left on a verified message" (fun (case: Case) ->
                let ran = case.Run()

                let isResult (field: string) =
                    field.StartsWith "Authentication-Results:" && List.contains field ran.Inserted

                let forged =
                    case.Header |> List.filter (fun (part, _) -> part = Forged) |> List.map snd

                let kept = delivered case ran
                let isVerified = not ran.Early && ran.Inserted |> List.exists isResult

                not isVerified
                || case.RequiredHeaders
                || forged |> List.forall (fun field -> not (List.contains field kept)))

            testLaw trials "a message of ours never leaves unsigned in silence" (fun (case: Case) ->
                let ran = case.Run()

                let isOurs =
                    List.exists (fun (_, field) -> field = "From: Joe <joe@example.com>") case.Header

                let isGood =
                    ran.Inserted
                    |> List.exists (fun field ->
                        field.Contains "=pass" || field.Contains "\tb=" || field.Contains "; b=")

                not case.HasRole
                || not isOurs
                || isGood
                || ran.Ending <> Accepted
                || not ran.Log.IsEmpty
                // Verifying is off, and a host that may send as us did.
                || ran.Early && not case.Verifies)

            testLaw
                trials
                "reports and files go out whatever becomes of the message, and only when they are wanted"
                (fun (case: Case) ->
                    let ran = case.Run()

                    ran.Changes
                    |> List.forall (fun change ->
                        match change with
                        | Sent _ -> case.SendsReports
                        | Kept _ -> case.KeepsHashed
                        | Quarantined _ -> case.Quarantines
                        | Removed _
                        | Added _ -> false
                        | Inserted _
                        | Deleted _ -> true))
        ]
