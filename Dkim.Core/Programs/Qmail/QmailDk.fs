/// qmail-dk: its start, and the one message that it gets.
namespace Dkim.Core.Programs.Qmail

open System
open System.Buffers
open System.Collections.Generic
open System.Globalization
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings

/// The one message, with the line ends of qmail. The order of calls: `Feed` as often as there are octets, `End`, then
/// `Go` while there are `Needs`, then `Decision`; while `HoldsBody` is true, `Go` comes before all others.
[<Sealed>]
type QmailMessage internal (task: QmailTask) =
    let limits = HeaderLimits.defaults
    // Of a header with too many fields the forged ones can still be removed.
    let intake = Intake(HeaderLimits.ofLength limits)
    // Octets as they came, until the header is complete; then the body that waits for the keys.
    let raw = ArrayBufferWriter<byte> 4096
    let held = ArrayBufferWriter<byte> 4096
    let converted = ArrayBufferWriter<byte> 4096
    // While keys have to be read first.
    let mutable resolving: Step<Work<QmailDecision>> voption = ValueNone
    let mutable known: Header voption = ValueNone
    let mutable passage: Passage<QmailDecision> voption = ValueNone
    let mutable decision: QmailDecision voption = ValueNone
    let mutable ended = false

    let start (header: Header) (work: Work<QmailDecision>) =
        let begun = new Passage<QmailDecision>(limits, (fun _ -> Done work))
        begun.Begin header.Fields
        begun.Feed held.WrittenSpan |> ignore

        if ended then
            begun.End()

        passage <- ValueSome begun

    let goOn (header: Header) (step: Step<Work<QmailDecision>>) =
        match step with
        | Want _ -> resolving <- ValueSome step
        | Done work ->
            resolving <- ValueNone
            start header work

    let fail (header: Header voption) (error: HeaderError) =
        decision <- ValueSome(task.Failed header raw.WrittenMemory error)

    let begin' (header: Header) =
        known <- ValueSome header

        match HeaderLimits.check limits header with
        | Error error -> fail (ValueSome header) error
        | Ok _ -> task.Begin header raw.WrittenMemory |> goOn header

    let seeHeader () =
        match known, intake.Header with
        | ValueNone, ValueSome(Ok header) -> begin' header
        | ValueNone, ValueSome(Error error) when decision.IsNone -> fail ValueNone error
        | _ -> ()

    let convert (octets: ReadOnlySpan<byte>) =
        converted.ResetWrittenCount()
        task.Lines.Feed(octets, converted)

    // The message's octets, with the line ends that are hashed.
    let take (octets: ReadOnlySpan<byte>) =
        match passage with
        | ValueSome begun -> begun.Feed octets |> ignore
        | ValueNone ->
            let taken = intake.Feed octets
            held.Write(octets.Slice taken)
            seeHeader ()

    /// The next octets of the message.
    member _.Feed(octets: ReadOnlySpan<byte>) : unit =
        let isOver = passage |> ValueOption.exists (fun begun -> not begun.WantsMore)

        if decision.IsNone && not isOver then
            if known.IsNone then
                raw.Write octets

            convert octets
            take converted.WrittenSpan

    /// Whether the needs, private keys, have to be found before anything else is done.
    member _.HoldsBody = resolving.IsSome

    /// The message is complete.
    member _.End() : unit =
        if decision.IsNone then
            converted.ResetWrittenCount()
            task.Lines.End converted
            take converted.WrittenSpan

        ended <- true

        match passage with
        | ValueSome begun -> begun.End()
        | ValueNone ->
            intake.End()
            seeHeader ()

    /// What to find out now.
    member _.Needs: Need list =
        match resolving, passage with
        | ValueSome step, _ -> step.Needs
        | ValueNone, ValueSome begun -> begun.Needs
        | ValueNone, ValueNone -> []

    /// What was found of `Needs`. What is missing counts as unavailable.
    member _.Go(found: Found) : unit =
        match resolving, known, passage with
        | ValueSome step, ValueSome header, _ -> goOn header (step.Go found)
        | _, _, ValueSome begun -> begun.Go found
        | _ -> invalidOp "nothing was asked"

    /// What becomes of the message, once nothing is needed any more.
    member _.Decision: QmailDecision =
        match decision, passage with
        | ValueSome decided, _ -> decided
        | ValueNone, ValueSome begun -> begun.Decision
        | ValueNone, ValueNone -> invalidOp "the message did not end"

    interface IDisposable with
        member _.Dispose() =
            match passage with
            | ValueSome begun -> (begun :> IDisposable).Dispose()
            | ValueNone -> ()

/// A start of qmail-dk.
[<Sealed>]
type QmailStart internal (settings: QmailSettings, problems: Problem list, startedAs: string, variable) =
    let isSigning = settings.RelayClient.IsSome

    let nonEmpty (text: string voption) = text |> ValueOption.filter ((<>) "")

    // How often the message has come through this program on its way to the queue.
    let passages =
        match variable QmailStart.PassageMark with
        | ValueSome(text: string) ->
            match Int32.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture) with
            | true, count -> max 0 count
            | false, _ -> 0
        | ValueNone -> 0

    // A filter in a chain may come back once or twice, with another message of its own.
    static let mostPassages = 8

    /// The variable by which the program knows itself again where the next one leads back to it.
    static member PassageMark = "DKPASSAGES"

    /// Its value for the next program.
    member _.NextMark = string (passages + 1)

    /// A setting is wrong, and this is what is done; nothing where none is.
    member start.Refusal: QmailRefusal voption =
        match problems with
        | [] when passages >= mostPassages ->
            "the next program, "
            + start.NextProgram
            + ", leads back to qmail-dk; name qmail-queue in DKQUEUE"
            |> QmailRefusal.ofFault QmailExit.Configuration
            |> ValueSome
        | [] -> ValueNone
        | _ ->
            problems
            |> List.map Problem.describe
            |> String.concat "; "
            |> QmailRefusal.ofFault QmailExit.Configuration
            |> ValueSome

    /// What descriptor 2 is told of a message that is not even looked at; nothing where that is as it should be.
    member start.Note: string voption =
        match nonEmpty (variable "DKIMSIGN"), nonEmpty (variable "DKSIGN") with
        | ValueNone, ValueNone -> ValueNone
        | _ when not start.IsIdle -> ValueNone
        | ValueSome _, _ -> ValueSome "DKIMSIGN"
        | ValueNone, ValueSome _ -> ValueSome "DKSIGN"
        |> ValueOption.map (fun name ->
            "not signed: "
            + name
            + " is set, but RELAYCLIENT is not, which marks the mail that is ours to sign; set RELAYCLIENT too, even to nothing")

    /// The settings.
    member _.Settings = settings

    /// What the look-ups of the message may cost.
    member _.Budget: LookupBudget =
        LookupBudget.ofQuestions
            (LookupBudget.questionsOf VerifyPolicy.defaults.SignaturesVerified 0 false)
            settings.LookupTime

    /// The program to become; a relative path lies in the qmail home.
    member _.NextProgram: string =
        match nonEmpty settings.DomainKeysQueue, nonEmpty settings.DkimQueue with
        | ValueSome path, _
        | ValueNone, ValueSome path -> path
        | ValueNone, ValueNone when startedAs.EndsWith("/qmail-queue", StringComparison.Ordinal) ->
            "bin/qmail-queue.orig"
        | ValueNone, ValueNone -> "bin/qmail-queue"

    /// Neither signatures nor results are wanted: the message is not even read.
    member _.IsIdle =
        not isSigning
        && settings.DomainKeysLetters.IsNone
        && settings.DkimLetters.IsNone

    /// Directories that all keys lie under. Where there are some and none of them exists, there is no key, and the
    /// message need not be read.
    member _.KeyRoots: string list =
        let templates =
            settings.DomainKeysKey :: ValueOption.defaultValue [] settings.DkimKeys

        let root (template: string) =
            match template.IndexOf '%' with
            | -1 -> -1
            | percent -> template.LastIndexOf('/', percent)

        if isSigning && templates |> List.forall (fun template -> root template >= 0) then
            templates |> List.map (fun template -> template.Substring(0, root template + 1))
        else
            []

    /// The file whose first line names this host, from the qmail home; nothing where the name is not wanted.
    member _.HostFile: string voption =
        if not isSigning && settings.DkimLetters.IsSome then
            ValueSome "control/me"
        else
            ValueNone

    /// The message. `now` is the time of day in seconds since 1970-01-01T00:00:00Z; `host` the content of `HostFile`,
    /// else the machine's own name.
    member _.NewMessage(now: int64<sec>, host: string) : QmailMessage =
        let name = AuthenticationResults.serviceName [ host.Split('\n').[0].Trim() ]

        new QmailMessage(
            if isSigning then
                QmailTask.signing settings now
            else
                QmailTask.verifying settings name now
        )

module QmailDk =
    /// The variables of the environment that a start looks at.
    let variables: string list =
        QmailStart.PassageMark :: (QmailSettings.table |> List.map _.Name)

    /// The start under argv[0] `startedAs`. `privileged`: the program has rights which its caller lacks. The environment has
    /// those of `variables` that are set.
    let start (startedAs: string) (privileged: bool) (environment: IReadOnlyDictionary<string, string>) : QmailStart =
        let find (name: string) =
            match environment.TryGetValue name with
            | true, text -> ValueSome text
            | false, _ -> ValueNone

        let heeded = QmailSettings.heeded privileged find
        let settings, problems = QmailSettings.read heeded
        QmailStart(settings, problems, startedAs, heeded)

    /// Whether the program is to say which build it is. It takes no other argument, and qmail gives it none.
    let asksForVersion (arguments: string[]) : bool = arguments = [| "--version" |]

    /// A line of descriptor 2, which is often a log that others write to.
    let line (text: string) : string =
        "qmail-dk: " + Printable.tame text + "\n"
