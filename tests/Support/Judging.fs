/// Verifies a message of a corpus as a host would: header, questions, body in pieces, answers.
module Dkim.Tests.Judging

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Tests.Corpus

/// RFC 8301 off: rsa-sha1 and keys of any length are accepted.
let legacy =
    { VerifyPolicy.defaults with
        AllowSha1 = true
        MinimumRsaBits = 256<bit>
    }

/// Octets beyond l= are refused.
let whole =
    { VerifyPolicy.defaults with
        RefuseUnsignedOctets = true
    }

let answer (case: Case) (question: Question) : Answer =
    match Map.tryFind question.Name case.Failing, Map.tryFind question.Name case.Zone with
    | Some reason, _ -> Answer.Unavailable reason
    | None, Some records -> Answer.Found(records, Security.Unchecked)
    | None, None -> Answer.NoSuchName Security.Unchecked

let private judgeHeader
    policy
    (case: Case)
    (pieces: ReadOnlyMemory<byte> list)
    (header: Header)
    : SignatureResult list =
    let plan = Verifier.plan policy case.Now header
    use hasher = new BodyHasher(plan.Digests)

    for piece in pieces do
        hasher.Feed piece.Span

    let digests = hasher.Finish()

    let answers =
        plan.Questions
        |> List.map (fun question -> question, answer case question)
        |> Map.ofList

    Verifier.conclude plan digests (fun question ->
        match answers.TryFind question with
        | Some known -> known
        | None -> Answer.Unavailable "not asked")

/// The judgements on a message that arrives in pieces of at most `size` octets, topmost signature first.
let judge (policy: VerifyPolicy) (size: int) (case: Case) (octets: byte[]) : SignatureResult list =
    let intake = Intake HeaderLimits.defaults

    let body =
        [
            for at in 0..size .. octets.Length - 1 do
                let piece = ReadOnlyMemory(octets, at, min size (octets.Length - at))
                let taken = intake.Feed piece.Span

                if taken < piece.Length then
                    piece.Slice taken
        ]

    intake.End()

    match intake.Header with
    | ValueSome(Ok header) -> judgeHeader policy case body header
    | _ -> []

/// The n-th judgement of a scheme, from the top.
let tryNth (scheme: Scheme) (index: int) (judged: SignatureResult list) : SignatureResult option =
    judged |> List.filter (fun one -> one.Scheme = scheme) |> List.tryItem index

let word (judged: SignatureResult) : string =
    ResultWord.name (Verdict.word judged.Verdict)
