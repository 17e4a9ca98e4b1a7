/// dkimproxy.out's decision: the signatures on top of a message, and what becomes of one that cannot have them.
namespace Dkim.Core.Programs.Proxies.Out

open System.Buffers
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies.Shared

module internal DkimproxyOut =
    let private what = "DKIM signing"

    let private logOf (header: Header voption) (text: string) (reason: string) facts =
        [
            ProxyLog.warning "signing error" reason |> LogLine.add facts
            ProxyLog.result what text header ValueNone facts
        ]

    let private refuse log permanent text =
        ProxyLog.refuse log (if permanent then 550 else 450) ("DKIM - " + text)

    let private failed (program: OutProgram) (header: Header voption) (permanent: bool) (reason: string) facts =
        let text = ProxyLog.failure permanent reason
        let log = logOf header text reason facts

        if program.Settings.Proxy.RejectError then
            refuse log permanent text
        else
            ProxyLog.unchanged log

    // Mail of a map's line that is no good is not for reject_error to let go unsigned: it waits until the line is mended.
    let private deferred (header: Header) (reason: string) facts =
        let text = ProxyLog.failure false reason
        refuse (logOf (ValueSome header) text reason facts) false text

    // What a store says no client need know.
    let private unasked (header: Header) (reason: string) =
        let text = ProxyLog.failure false "signatures cannot be looked up"
        refuse (logOf (ValueSome header) text reason []) false text

    let private signed (header: Header) (requests: SigningRequest list) (fields: Field list) =
        let request = List.head requests

        let signer =
            match request.Identity with
            | ValueSome identity -> identity.ToString()
            | ValueNone -> "@" + request.Domain.Text

        let head = ArrayBufferWriter<byte>()
        fields |> List.iter (ProxyLog.write head)
        let made = List.collect LogFields.ofRequest requests

        let log =
            [ ProxyLog.result what "signed" (ValueSome header) (ValueSome signer) made ]

        ProxyLog.relay log head.WrittenMemory 0L

    let private skipped header =
        ProxyLog.unchanged [ ProxyLog.result what "skipped" (ValueSome header) ValueNone [] ]

    // What trying again cannot change.
    let private isPermanent (error: SignError) =
        match error with
        | NoFromField
        | NoSendingAddress
        | NotTheSendersDomain
        | SignedAlready -> true
        | KeyDoesNotFit
        | SelfCheckFailed -> false

    // A message that cannot have a DomainKeys signature may well have the others.
    let private isLeftOut (scheme: Scheme) (planned: Result<SignPlan, SignError>) =
        match scheme, planned with
        | DomainKeys, Error(NoSendingAddress | NotTheSendersDomain | SignedAlready) -> true
        | DomainKeys, Error(NoFromField | KeyDoesNotFit | SelfCheckFailed)
        | DomainKeys, Ok _
        | Dkim, _ -> false

    let private sign program now (header: Header) (requests: SigningRequest list) : Work<ProxyDecision> =
        let planned =
            requests
            |> List.map (fun request -> struct (request.Scheme, Signer.planOne now header request))
            |> List.filter (fun (struct (scheme, planned)) -> not (isLeftOut scheme planned))
            |> Results.traverse (fun (struct (_, planned)) -> planned)

        let fail error =
            let facts = List.collect LogFields.ofRequest requests
            failed program (ValueSome header) (isPermanent error) (SignError.describe error) facts

        match Result.map Signer.join planned with
        | Error error -> Work.decided (fail error)
        | Ok plan when plan.Requests.IsEmpty -> Work.decided (skipped header)
        | Ok plan ->
            {
                Questions = []
                Digests = plan.Digests
                Conclude =
                    fun digests _ ->
                        match Signer.conclude plan digests with
                        | Ok fields -> Done(signed header plan.Requests fields)
                        | Error error -> Done(fail error)
            }

    let private ofDecision program now (header: Header) (decision: SigningDecision) : Work<ProxyDecision> =
        match decision with
        | Skip -> Work.decided (skipped header)
        | Unasked reason -> Work.decided (unasked header reason)
        | CannotSign(reason, true, facts) -> Work.decided (deferred header reason facts)
        | CannotSign(reason, false, facts) -> Work.decided (failed program (ValueSome header) false reason facts)
        | Sign requests -> sign program now header requests

    let private warned (told: LogLine list) (decision: ProxyDecision) : ProxyDecision =
        { decision with
            Log = told @ decision.Log
        }

    /// The passage of one message.
    let passage (program: OutProgram) (conversation: Conversation) (now: int64<sec>) : Passage<ProxyDecision> =
        let decide (arrival: Arrival) : Step<Work<ProxyDecision>> =
            match arrival.Header with
            | Error error -> Done(Work.decided (failed program ValueNone true (HeaderError.describe error) []))
            | Ok header ->
                SigningDecision.decide program header
                |> Step.map (fun (struct (decision, told)) ->
                    ofDecision program now header decision |> Work.map (warned told))

        let start arrival =
            decide arrival |> Step.map (Work.map (Conversation.told conversation))

        new Passage<ProxyDecision>(program.Settings.HeaderLimits, start)
