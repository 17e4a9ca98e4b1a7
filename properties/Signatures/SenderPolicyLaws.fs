module Dkim.Properties.SenderPolicyLaws

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings

let private kinds = [ Adsp; DomainKeysPolicy; SenderSigning ]

let private example =
    match DomainName.tryCreate "example.com" with
    | Ok domain -> domain
    | Error _ -> invalidOp "a constant is wrong"

let private unavailable (_: Question) = Answer.Unavailable "timeout"

/// The answer to every question, by its type.
let private answers (records: string list) (hosts: int) (question: Question) : Answer =
    match question.Type with
    | RecordType.Txt when records.IsEmpty -> Answer.NoSuchName Security.Unchecked
    | RecordType.Txt -> Answer.Found(records, Security.Unchecked)
    | _ -> Answer.Found(List.replicate (hosts % 3) "", Security.Unchecked)

let private trials = MailGenerators.trials 500

[<Tests>]
let tests =
    testList
        "SenderPolicyLaws"
        [
            testLaw trials "every question stands at or below the domain" (fun (AnyDomain text) ->
                match DomainName.tryCreate text with
                | Error _ -> text.Length > 253
                | Ok domain ->
                    kinds
                    |> List.forall (fun kind ->
                        let questions = SenderPolicy.plan kind domain

                        List.distinct questions = questions
                        && questions
                           |> List.forall (fun question ->
                               ("." + question.Name).EndsWith("." + domain.Text, StringComparison.Ordinal))))

            testLaw trials "a name that is not to be had gives no policy and refuses nothing" (fun (strict: bool) ->
                kinds
                |> List.forall (fun kind ->
                    let policy = SenderPolicy.conclude kind example unavailable

                    policy = PolicyUnavailable "timeout"
                    && not (SenderPolicy.refuses (fun _ -> strict) [] policy)
                    && SenderPolicy.adspResult example [] policy = AdspResult.TempError))

            testLaw
                trials
                "no record makes the readers throw, and what is published was one record"
                (fun (AnyText first) (AnyText second) (hosts: byte) ->
                    [
                        []
                        [ first ]
                        [ first; second ]
                        [ "dkim=all; " + first ]
                        [ "o=-; " + first ]
                    ]
                    |> List.forall (fun records ->
                        kinds
                        |> List.forall (fun kind ->
                            match SenderPolicy.conclude kind example (answers records (int hosts)) with
                            | Published _ -> records.Length = 1
                            | NotPublished
                            | NoSuchDomain -> true
                            | PolicyUnavailable _ -> false)))

            proves
                [ "RFC4870-3.6-1" ]
                (testLaw trials "a domain in testing refuses nothing" (fun (all: bool) ->
                    let record = if all then "o=-; t=y" else "o=!; t=y"

                    [ DomainKeysPolicy; SenderSigning ]
                    |> List.forall (fun kind ->
                        let policy = SenderPolicy.conclude kind example (answers [ record ] 1)
                        not (SenderPolicy.refuses (fun _ -> true) [] policy))))

            testLaw trials "a domain that signs all refuses what is not signed" (fun (hosts: byte) ->
                let refused kind record =
                    SenderPolicy.conclude kind example (answers [ record ] (1 + int hosts % 2))
                    |> SenderPolicy.refuses (fun _ -> true) []

                refused DomainKeysPolicy "o=-"
                && refused SenderSigning "o=!"
                && refused Adsp "dkim=discardable"
                && not (refused DomainKeysPolicy "o=~")
                && not (refused Adsp "dkim=unknown"))
        ]
