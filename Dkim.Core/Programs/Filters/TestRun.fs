/// Test mode of dkim-filter: one message from a file, and what comes of it (dkim-filter(8) -t).
namespace Dkim.Core.Programs.Filters

open System
open System.Buffers
open System.Net
open System.Text
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Filters.Deciding

/// A message in test mode, driven by a host that finds out what is needed. `Needs` and `Go` take turns until nothing is
/// needed; then there are outputs and an exit code.
[<Sealed>]
type TestRun
    internal
    (
        prog: string,
        file: string,
        settings: TestSettings,
        policy: FilterPolicy,
        isPeer: MilterClient -> bool,
        parts: MilterHandler
    ) =
    let output = StringBuilder()
    let errors = StringBuilder()
    let mutable exitCode = 0
    let mutable message: MilterMessage voption = ValueNone
    // Of a message that the filter itself would not verify, such as one of ours from this machine.
    let mutable verification: Passage<SignatureResult list> voption = ValueNone
    let prefix = Printable.tame (prog + ": " + file + ": ")

    let say (text: string) =
        output.Append(prefix).Append(Printable.tame text).Append('\n') |> ignore

    let complain (text: string) =
        errors.Append(prefix).Append(Printable.tame text).Append('\n') |> ignore

    let fail code text =
        complain text
        exitCode <- code

    /// The outcome of a callback, with -v.
    let trace name outcome =
        if settings.Verbosity > 0 then
            complain (name + " returned " + outcome)

    let show (text: string) =
        if settings.Verbosity > 1 then
            output.Append("### ").Append(Printable.tame text).Append('\n') |> ignore

    let describeKey separator (judged: SignatureResult) =
        match judged.Signature with
        | ValueSome signature ->
            let bits = ValueOption.defaultValue 0<bit> judged.KeyBits

            " (s="
            + signature.Selector.Text
            + separator
            + "d="
            + signature.Domain.Text
            + ", "
            + string (int bits)
            + "-bit key)"
        | ValueNone -> ""

    /// What is wrong with a signature, in the words of the fields, and what the words leave out.
    let fault (judged: SignatureResult) =
        match judged.Verdict with
        | PermFail refusal & Altered -> Wording.ofRefusal judged.Key refusal + ": " + Verdict.describe judged.Verdict
        | PermFail refusal -> Wording.ofRefusal judged.Key refusal
        | TempFail reason -> Wording.KeyUnavailable + ": " + reason
        | Verdict.Pass -> Verdict.describe judged.Verdict

    let sayJudged (judged: SignatureResult list) =
        let good = judged |> List.tryFind (fun one -> one.Verdict = Verdict.Pass)
        let usable = judged |> List.tryFind _.Signature.IsSome

        match good, usable, judged with
        | Some one, _, _ -> say ("verification" + describeKey ", " one + " succeeded")
        | None, Some one, _ -> say ("verification" + describeKey " " one + " failed: " + fault one)
        | None, None, one :: _ -> say ("verification failed: " + fault one)
        | None, None, [] -> say "message not signed"

    let client: MilterClient =
        match settings.Client with
        | ValueSome address ->
            {
                HostName = "[" + address.ToString() + "]"
                Address = ValueSome address
            }
        | ValueNone ->
            {
                HostName = "localhost"
                Address = ValueSome IPAddress.Loopback
            }

    let sayMode () =
        let roles = policy.Roles

        let text =
            match roles.Signs, roles.Verifies with
            | true, true -> "mode sv: mail of ours is signed, all other is verified"
            | true, false -> "mode s: mail of ours is signed, and nothing is verified"
            | _ -> "mode v: everything is verified, and nothing is signed; -b sv does both, as a filter without Mode"

        complain (text + "; client " + client.HostName)

    let isSigned (decision: MilterDecision) =
        decision.Changes
        |> List.exists (function
            | MilterChange.Insert(_, field) -> field.Is "DKIM-Signature"
            | MilterChange.Delete _
            | MilterChange.Quarantine _
            | MilterChange.RemoveRecipient _
            | MilterChange.AddRecipient _
            | MilterChange.Send _
            | MilterChange.Keep _ -> false)

    let verify (read: TestMessage) now =
        let header =
            read.Fields
            |> List.map (fun (struct (name, value)) ->
                MilterField.received (ReadOnlySpan name) (ReadOnlySpan value) true)
            |> Header.ofFields

        let plan = Verifier.plan policy.Verifying.Policy now header

        let work: Work<SignatureResult list> =
            {
                Questions = plan.Questions
                Digests = plan.Digests
                Conclude = fun digests answerTo -> Done(Verifier.conclude plan digests answerTo)
            }

        let passage =
            new Passage<SignatureResult list>(parts.HeaderLimits, (fun _ -> Done work))

        passage.Begin header.Fields
        passage.Feed read.Body.Span |> ignore
        passage.End()
        verification <- ValueSome passage

    /// Verifies the message once its decision is there, unless that came of its signatures or gave it one.
    let verifyWhenDecided (read: TestMessage) now =
        match message, verification with
        | ValueSome running, ValueNone when
            policy.Roles.Verifies
            && (running.Decided || running.Needs.IsEmpty)
            && running.Decision.Signatures.IsNone
            && not (isSigned running.Decision)
            ->
            verify read now
        | _ -> ()

    let begin' (read: TestMessage) (now: int64<sec>) =
        let running = new MilterMessage(parts, client)
        running.Sender(ReadOnlySpan "<sender@example.org>"B)
        running.Recipient(ReadOnlySpan "<recipient@example.com>"B)

        for struct (name, value) in read.Fields do
            running.Field(ReadOnlySpan name, ReadOnlySpan value, true)

        running.EndOfHeader(TestMacros.make settings.Client.IsSome (policy.Roles.Macros |> List.map _.Name), now)
        message <- ValueSome running

    // The body, until it may be fed.
    let mutable body: ReadOnlyMemory<byte> voption = ValueNone

    let feedBody () =
        match message, body with
        | ValueSome running, ValueSome octets when not running.Decided && not running.HoldsBody ->
            trace "mlfi_eoh()" "SMFIS_CONTINUE"
            body <- ValueNone
            running.Feed octets.Span
            running.End()
        | _ -> ()

    let mutable whenKnown: unit -> unit = ignore

    /// The message of the file. `now` is the time of day, in seconds since 1970-01-01T00:00:00Z.
    member _.Begin(octets: ReadOnlyMemory<byte>, now: int64<sec>) : unit =
        match TestMessage.parse settings.Strict octets with
        | Error error -> fail SysExit.DataError ("line " + string error.Line + ": " + error.Reason)
        | Ok read ->
            if List.isEmpty read.Fields then
                complain "warning: no headers on input"

            if settings.Verbosity > 0 then
                sayMode ()

            if isPeer client then
                say "left alone: the client is in PeerList"
            else
                let now = ValueOption.defaultValue now settings.FixedTime
                begin' read now
                body <- ValueSome read.Body

                whenKnown <-
                    fun () ->
                        feedBody ()
                        verifyWhenDecided read now

                whenKnown ()

    /// What to find out now.
    member _.Needs: Need list =
        match message, verification with
        | _, ValueSome verifying -> verifying.Needs
        | ValueSome running, ValueNone when not running.Decided -> running.Needs
        | _ -> []

    /// What was found of `Needs`.
    member _.Go(found: Found) : unit =
        match message, verification with
        | _, ValueSome verifying -> verifying.Go found
        | ValueSome running, ValueNone -> running.Go found
        | ValueNone, ValueNone -> ()

        whenKnown ()

    /// Says what came of the message. To be called once, when nothing is asked any more.
    member _.Finish() : unit =
        let mutable signed = false
        let early = message |> ValueOption.exists _.Decided
        let ended = trace (if early then "mlfi_eoh()" else "mlfi_eom()")

        // Only what ends a message before its body is a failure of the run; a bad signature is a result like any other.
        let refused outcome =
            ended outcome

            if early then
                exitCode <- SysExit.Software

        let reply =
            { new IMilterReply with
                member _.Insert(index, field) =
                    let value = Octets.latin1 (ReadOnlySpan(MilterField.value field true))
                    show ("INSHEADER: idx=" + string index + " hname=" + field.Name + " hvalue=" + value)

                    if field.Is "DKIM-Signature" then
                        signed <- true
                        output.Append('\n').Append(Octets.latin1 field.Raw.Span).Append('\n') |> ignore

                member _.Delete(name, occurrence) =
                    show ("CHGHEADER: hname=" + name + " idx=" + string occurrence)

                member _.Quarantine reason = show ("QUARANTINE: " + reason)
                member _.RemoveRecipient recipient = show ("DELRCPT: " + recipient)
                member _.AddRecipient recipient = show ("ADDRCPT: " + recipient)
                member _.Send _ = ()
                member _.Keep(_, _) = ()
                member _.Accept() = ended "SMFIS_ACCEPT"

                member _.Refuse(code, enhanced, text) =
                    show ("SETREPLY: rcode=" + string code + " xcode=" + enhanced + " replytxt=" + text)
                    refused "SMFIS_REJECT"

                member _.TempFail() = refused "SMFIS_TEMPFAIL"
                member _.Discard() = refused "SMFIS_DISCARD"
            }

        match message with
        | ValueNone -> ()
        | ValueSome running ->
            running.Decision.Tell reply

            if settings.Verbosity > 0 then
                for line in running.Decision.Log do
                    complain line.Text

            let judged =
                running.Decision.Signatures
                |> ValueOption.orElse (verification |> ValueOption.map _.Decision)

            match signed, judged, List.tryLast running.Decision.Log with
            | true, _, _ -> ()
            | false, ValueSome judged, _ -> sayJudged judged
            | false, ValueNone, Some line -> say ("no signature added: " + line.Text)
            | false, ValueNone, None -> say "no action"

    /// For standard output.
    member _.Output = output.ToString()

    /// For standard error.
    member _.Errors = errors.ToString()

    member _.ExitCode = exitCode

    interface IDisposable with
        member _.Dispose() =
            match message with
            | ValueSome running -> (running :> IDisposable).Dispose()
            | ValueNone -> ()

            match verification with
            | ValueSome verifying -> (verifying :> IDisposable).Dispose()
            | ValueNone -> ()
