/// Whole messages, of which what comes does not depend on how the octets arrive.
module Dkim.Tests.Conformance.Fuzzing.Programs

open System
open System.Buffers
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures
open Dkim.Core.Explaining.Edits
open Dkim.Core.Explaining
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Tool.Running
open Dkim.Tests.Conformance.Fuzzing.Readers

let private octets (text: string) = Octets.ofLatin1 text

// Messages.

let private policy =
    { VerifyPolicy.defaults with
        AllowSha1 = true
        SignaturesVerified = 4
    }

let private now = 1767225600L<sec>

let private answer (question: Question) : Answer =
    if question.Name.StartsWith("gone", StringComparison.Ordinal) then
        Answer.NoSuchName Security.Unchecked
    else
        Answer.Found(Inputs.keyRecords, Security.Unchecked)

let private conclude (pieces: string list) : Result<SignatureResult list, HeaderError> =
    let intake = Intake HeaderLimits.defaults
    let mutable hasher: BodyHasher voption = ValueNone
    let mutable plan: VerifyPlan voption = ValueNone

    let begin' () =
        match intake.Header with
        | ValueSome(Ok header) when plan.IsNone ->
            let made = Verifier.plan policy now header
            plan <- ValueSome made
            hasher <- ValueSome(new BodyHasher(made.Digests))
        | _ -> ()

    for piece in pieces do
        let given = octets piece
        let taken = intake.Feed(ReadOnlySpan given)
        begin' ()

        hasher
        |> ValueOption.iter (fun hasher -> hasher.Feed(ReadOnlySpan(given).Slice taken))

    intake.End()
    begin' ()

    match plan, intake.Header with
    | ValueSome plan, _ -> Ok(Verifier.conclude plan (hasher.Value.Finish()) answer)
    | ValueNone, ValueSome(Error error) -> Error error
    | ValueNone, _ -> raise (Broken "a message that ended has a header")

// A fifteenth of what a message gets, which is meant to take longer than reading one may.
[<Literal>]
let private ExplainingEffort = 100_000_000L

let private explain (text: string) (judged: SignatureResult list) =
    match Mail.read HeaderLimits.defaults FileLines.CrLf (ReadOnlyMemory(octets text)) with
    | Error _ -> ()
    | Ok mail ->
        let message = ExplainedMail(Effort ExplainingEffort, policy, now, mail, judged)

        for one in judged do
            let known = Explanation.question one |> ValueOption.map answer
            let unknown = Answer.NoSuchName Security.Unchecked

            let explanation =
                Explanation.explain message (ValueOption.defaultValue unknown known) one

            must "an explanation has steps" (not (List.isEmpty explanation.Steps))

let private message (text: string) : Outcome =
    let random = Inputs.chanceOf text

    let verdicts =
        Result.map (List.map (fun (judged: SignatureResult) -> judged.Verdict))

    let whole = conclude [ text ]
    must "arrival changes no verdict" (verdicts (conclude (Inputs.cut random text)) = verdicts whole)

    match whole with
    | Error error -> HeaderError.describe error
    | Ok judged ->
        // Explanations try many variants of a message, so that they cost more than all the rest.
        if random.Next 16 = 0 then
            explain text judged

        judged
        |> List.truncate 3
        |> List.map (fun one -> String.filter (Char.IsAsciiDigit >> not) (Verdict.describe one.Verdict))
        |> String.concat "+"

[<Sealed>]
type private Sink() =
    let written = ArrayBufferWriter<byte> 256
    member _.Octets = written.WrittenSpan.ToArray()

    interface IOctetSink with
        member _.Write piece = written.Write piece

let private body (text: string) : Outcome =
    let random = Inputs.chanceOf text

    for canon in [ SimpleBody; RelaxedBody; DomainKeysSimpleBody; NofwsBody ] do
        let stepped = Sink()
        let mutable state = Body.start canon

        for octet in octets text do
            state <- Body.step canon state octet stepped

        Body.finish canon state stepped
        let fed = Sink()
        let mutable state = Body.start canon

        for piece in Inputs.cut random text do
            state <- BodyFeed.feed canon state (ReadOnlySpan(octets piece)) fed

        Body.finish canon state fed
        must "pieces change no canonical form" (fed.Octets.AsSpan().SequenceEqual(ReadOnlySpan stepped.Octets))

    string (min 8 (text.Split("\r\n").Length)) + string (text.Contains '\t')

let private bodyText (random: Random) =
    let pieces =
        [|
            "a"
            "word "
            " "
            "\t"
            "\r\n"
            "\r\n\r\n"
            "\r"
            "\n"
            "  \r\n"
            String('x', 50)
            String(' ', 50)
        |]

    String.Join("", Array.init (random.Next 60) (fun _ -> Inputs.pick random pieces))

let private target name make read : Target =
    {
        Name = name
        Make = make
        Read = read
    }

let all: Target list =
    [ target "message" Inputs.message message; target "body" bodyText body ]
