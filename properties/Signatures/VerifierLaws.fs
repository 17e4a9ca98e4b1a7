module Dkim.Properties.VerifierLaws

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Properties.Ways

let private isSignature (field: Field) =
    field.Is "DKIM-Signature" || field.Is "DomainKey-Signature"

/// A letter that several ways signed, with damaged signatures among them.
let private crowded (letter: Letter) (damage: Damaged list) : Header =
    let signatures =
        all
        |> List.choose (fun way ->
            trySigned way letter
            |> ValueOption.map (fun signed -> signed.Fields[0])
            |> Option.ofValueOption)

    let damaged =
        damage
        |> List.truncate 6
        |> List.mapi (fun index (Damaged text) ->
            Field.ofText
                (if index % 2 = 0 then
                     "DKIM-Signature"
                 else
                     "DomainKey-Signature")
                text)

    Header.ofFields (damaged @ signatures @ List.ofSeq (header letter).Fields)

let private conclude (plan: VerifyPlan) (body: byte[]) (answers: Question -> Answer) : SignatureResult list =
    use hasher = new BodyHasher(plan.Digests)
    hasher.Feed(ReadOnlySpan body)
    Verifier.conclude plan (hasher.Finish()) answers

let private trials = MailGenerators.trials 150

[<Tests>]
let tests =
    testList
        "VerifierLaws"
        [
            proves
                [ "RFC6376-8.4-1" ]
                (testLaw
                    trials
                    "no more is asked than there are signatures, and nothing twice"
                    (fun (letter: Letter) damage ->
                        let header = crowded letter damage
                        let plan = Verifier.plan policy now header
                        let signatures = header.Fields |> Seq.filter isSignature |> Seq.length

                        plan.Questions.Length <= signatures
                        && List.distinct plan.Questions = plan.Questions
                        && plan.Digests.Length <= signatures))

            testLaw trials "every signature is judged, in its place" (fun (letter: Letter) damage ->
                let header = crowded letter damage
                let judged = conclude (Verifier.plan policy now header) letter.Body answer

                let places =
                    header.Fields
                    |> Seq.indexed
                    |> Seq.filter (snd >> isSignature)
                    |> Seq.map fst
                    |> List.ofSeq

                judged |> List.map _.Position = places)

            proves
                [ "RFC6376-6.1.2-2" ]
                (testLaw
                    trials
                    "an unavailable name is a temporary failure and never a pass"
                    (fun (letter: Letter) damage ->
                        let plan = Verifier.plan policy now (crowded letter damage)
                        let known = conclude plan letter.Body answer
                        let unknown = conclude plan letter.Body (fun _ -> Answer.Unavailable "timeout")

                        List.forall2
                            (fun (before: SignatureResult) (after: SignatureResult) ->
                                match before.Verdict, after.Verdict with
                                | _, Verdict.Pass -> false
                                | Verdict.Pass, TempFail reason -> reason = "timeout"
                                | Verdict.Pass, PermFail _ -> false
                                | _ -> true)
                            known
                            unknown))

            testLaw trials "without digests nothing passes" (fun (letter: Letter) ->
                Verifier.conclude (Verifier.plan policy now (crowded letter [])) (Samples.digests [] [||]) answer
                |> List.forall (fun one -> one.Verdict <> Verdict.Pass))

            proves
                [ "RFC6376-3.6.2.2-2"; "RFC6376-6.1.2-4" ]
                (testLaw
                    trials
                    "the order of records under a name is of no account"
                    (fun (letter: Letter) (others: GoodRecord list) (rotation: byte) ->
                        let plan = Verifier.plan policy now (crowded letter [])

                        let records (question: Question) =
                            match (answer question).Outcome with
                            | Records own ->
                                own
                                @ (others
                                   |> List.truncate 4
                                   |> List.map (fun (GoodRecord record) -> KeyRecord.render record))
                            | _ -> []

                        let rotated (texts: string list) =
                            let at = int rotation % max 1 texts.Length
                            List.skip at texts @ List.take at texts

                        let judged order =
                            conclude plan letter.Body (fun question ->
                                Answer.Found(order (records question), Security.Unchecked))
                            |> List.map (fun one -> one.Verdict, one.KeyBits)

                        judged rotated = judged id && judged List.rev = judged id))

            proves
                [ "RFC6376-4.2-4"; "RFC6376-6.1-1"; "RFC6376-6.1-4" ]
                (testLaw trials "each signature is judged as if it stood alone" (fun (letter: Letter) damage ->
                    // A DKIM signature that h= names would be another matter; ours name none.
                    let crowd = crowded letter damage
                    let rest = crowd.Fields |> Seq.filter (isSignature >> not) |> List.ofSeq
                    let judged = conclude (Verifier.plan policy now crowd) letter.Body answer

                    judged
                    |> List.forall (fun one ->
                        let alone = Header.ofFields (one.Field :: rest)

                        conclude (Verifier.plan policy now alone) letter.Body answer
                        |> List.map _.Verdict
                            =
                            [ one.Verdict ])))

            proves
                [ "RFC6376-4.2-6" ]
                (testLaw
                    trials
                    "limits hold"
                    (fun (letter: Letter) (damage: Damaged list) (read: byte) (verified: byte) ->
                        let narrow =
                            { policy with
                                SignaturesRead = int read % 12
                                SignaturesVerified = int verified % 6
                            }

                        let plan = Verifier.plan narrow now (crowded letter damage)
                        let judged = conclude plan letter.Body answer

                        let looked =
                            judged
                            |> List.filter (fun one ->
                                match one.Verdict with
                                | PermFail(Unacceptable(TooManySignatures _)) -> false
                                | _ -> true)

                        let passed = judged |> List.filter (fun one -> one.Verdict = Verdict.Pass)

                        looked.Length <= narrow.SignaturesRead
                        && passed.Length <= narrow.SignaturesVerified))

            proves
                [ "RFC6376-8.8-1"; "RFC6376-8.9-1"; "RFC6376-6.1.1-1" ]
                (testLaw
                    { trials with Count = 1000 }
                    "no message makes the verifier throw"
                    (fun (AnyMessage octets) (Damaged damaged) (Damaged record) ->
                        let signature =
                            Octets.ofLatin1 (
                                "DKIM-Signature:" + damaged + "\r\nDomainKey-Signature:" + damaged + "\r\n"
                            )

                        let message = Array.append signature octets
                        let intake = Intake HeaderLimits.defaults
                        let taken = intake.Feed(ReadOnlySpan message)
                        intake.End()

                        match intake.Header with
                        | ValueSome(Ok header) ->
                            conclude (Verifier.plan policy now header) (Array.skip taken message) (fun _ ->
                                Answer.Found([ record; damaged ], Security.Unchecked))
                            |> List.forall (fun one ->
                                one.Verdict <> Verdict.Pass
                                && not (String.exists Char.IsControl (Verdict.describe one.Verdict)))
                        | _ -> false))
        ]
