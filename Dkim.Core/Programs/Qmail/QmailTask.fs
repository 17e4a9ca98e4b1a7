/// What qmail-dk does with a message: signing it, or verifying it and telling or refusing the result.
namespace Dkim.Core.Programs.Qmail

open System
open System.Buffers
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Signatures

/// What becomes of a message.
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type QmailDecision =
    /// The next program gets `head` in place of the first `replaced` octets of the message, then the rest; a note goes to
    /// descriptor 2.
    | PassOn of head: ReadOnlyMemory<byte> * replaced: int64 * note: string voption
    /// Nothing is handed on.
    | Exit of refusal: QmailRefusal

    /// Calls `Tell`, where there is something to tell, and then the one member for what becomes of the message.
    member this.Tell(reply: IQmailReply) : unit =
        match this with
        | PassOn(head, replaced, note) ->
            note |> ValueOption.iter reply.Tell
            reply.PassOn(head, replaced)
        | Exit refusal -> reply.Exit refusal

/// What a host does about a decision. Exactly one of `PassOn` and `Exit` is called, once and last.
and IQmailReply =
    /// One line for descriptor 2 about a message that is handed on.
    abstract Tell: note: string -> unit
    abstract PassOn: head: ReadOnlyMemory<byte> * replaced: int64 -> unit
    abstract Exit: refusal: QmailRefusal -> unit

module internal QmailDecision =
    let passOn (head: ReadOnlyMemory<byte>) (replaced: int64) : QmailDecision =
        QmailDecision.PassOn(head, replaced, ValueNone)

    let unchanged = passOn ReadOnlyMemory.Empty 0L

    /// It passes as it is, and that is told.
    let unsigned (note: string) : QmailDecision =
        QmailDecision.PassOn(ReadOnlyMemory.Empty, 0L, ValueSome("not signed: " + note))

    let exit (refusal: QmailRefusal) : QmailDecision = QmailDecision.Exit refusal

    /// A field as qmail keeps it, with LF at the end of each line.
    let write (sink: IBufferWriter<byte>) (field: Field) =
        let mutable rest = field.Raw.Span

        while not rest.IsEmpty do
            match rest.IndexOf Octets.CR with
            | -1 ->
                sink.Write rest
                rest <- ReadOnlySpan.Empty
            | at ->
                sink.Write(rest.Slice(0, at))
                rest <- rest.Slice(at + 1)

        sink.Write "\n"B

/// How a kind of task looks at a message: the work once the header is known and the keys are there, and what it decides
/// on a header beyond the limits.
[<NoComparison; NoEquality>]
type internal QmailTask =
    {
        Lines: QmailLines
        /// The header, and its octets as they came.
        Begin: Header -> ReadOnlyMemory<byte> -> Step<Work<QmailDecision>>
        /// The header, unless it is too long to be read, its octets as they came, and the limit that was passed.
        Failed: Header voption -> ReadOnlyMemory<byte> -> HeaderError -> QmailDecision
    }

module internal QmailTask =
    let private internalError (error: SignError) =
        QmailRefusal.ofFault QmailExit.Internal (SignError.describe error)
        |> QmailDecision.exit

    let signing (settings: QmailSettings) (now: int64<sec>) : QmailTask =
        let lines = QmailLines true

        let conclude (plan: SignPlan) digests : QmailDecision =
            match Signer.conclude plan digests with
            | Error error -> internalError error
            | Ok _ when lines.LosesDot ->
                QmailDecision.unsigned "a CR alone and a dot behind it, which SMTP makes a line whose dot is lost"
            | Ok fields ->
                let head = ArrayBufferWriter<byte> 2048
                QmailSigning.added fields |> List.iter (QmailDecision.write head)
                QmailDecision.passOn head.WrittenMemory 0L

        let work (plan: SignPlan) : Work<QmailDecision> =
            if plan.Requests.IsEmpty then
                Work.decided QmailDecision.unchanged
            else
                {
                    Questions = []
                    Digests = plan.Digests
                    Conclude = fun digests _ -> Done(conclude plan digests)
                }

        let start (header: Header) _raw =
            let add request (rest: Result<SigningRequest list, QmailRefusal>) =
                match request, rest with
                | Error refusal, _
                | _, Error refusal -> Error refusal
                | Ok ValueNone, Ok rest -> Ok rest
                | Ok(ValueSome request), Ok rest -> Ok(request :: rest)

            QmailSigning.wantedFor settings header
            |> List.map QmailSigning.resolve
            |> Step.all
            |> Step.map (fun requests ->
                match List.foldBack add requests (Ok []) |> Result.bind (QmailSigning.plan now header) with
                | Ok plan -> work plan
                | Error refusal -> Work.decided (QmailDecision.exit refusal))

        {
            Lines = lines
            Begin = start
            // It cannot be signed, and goes on as it is.
            Failed = fun _ _ error -> QmailDecision.unsigned (HeaderError.describe error)
        }

    let private refusal (settings: QmailSettings) (counted: DomainKeysStatus) (dkim: char list) =
        let refused setting method (word: char -> string) found (letters: string voption) : QmailRefusal list =
            match letters |> ValueOption.bind (Letters.refusal found) with
            | ValueSome(struct (code, letter)) -> [ QmailRefusal.ofResult setting method code letter (word letter) ]
            | ValueNone -> []

        let ofDomainKeys _ = DomainKeysStatus.word counted

        let refusals =
            refused "DKVERIFY" "DomainKeys" ofDomainKeys [ DomainKeysStatus.letter counted ] settings.DomainKeysLetters
            @ refused "DKIMVERIFY" "DKIM" DkimLetters.word dkim settings.DkimLetters

        let forGood =
            refusals |> List.tryFind (fun one -> one.Code = QmailExit.RefusedForGood)

        forGood |> Option.orElse (List.tryHead refusals) |> Option.toValueOption

    /// The octets of a field as they came: as many lines as it has now, up to the LF of the last.
    let private rawLength (raw: ReadOnlySpan<byte>) (field: Field) : int =
        let mutable length = 0

        for _ = 0 to field.Raw.Span.Count Octets.LF do
            let at = raw.Slice(length).IndexOf Octets.LF
            length <- if at < 0 then raw.Length else length + at + 1

        length

    [<Literal>]
    let private StatusName = "DomainKey-Status"

    /// Whether a field says something that only we may say of this message (RFC 4870 §3.8, RFC 8601 §5).
    let private isForged (settings: QmailSettings) (host: string) (field: Field) =
        settings.DomainKeysLetters.IsSome && field.Is StatusName
        || settings.DkimLetters.IsSome && ForgedResults.mustGo host field

    /// Writes the header down to the last field that must go, without those that must; how many octets that replaces.
    let private withoutForged mustGo (header: Header) (raw: ReadOnlyMemory<byte>) (sink: IBufferWriter<byte>) =
        let forged = header.Fields |> Seq.map mustGo |> Array.ofSeq
        let mutable at = 0

        for index = 0 to Array.LastIndexOf(forged, true) do
            let length = rawLength (raw.Span.Slice at) header.Fields[index]

            if not forged[index] then
                sink.Write(raw.Span.Slice(at, length))

            at <- at + length

        int64 at

    let private relayed settings (host: string) (header: Header) raw status (clauses: MethodResult list) =
        let head = ArrayBufferWriter<byte> 512

        if settings.DomainKeysLetters.IsSome then
            QmailDecision.write head (Field.ofText StatusName (" " + DomainKeysStatus.text status))

        if settings.DkimLetters.IsSome then
            let results =
                {
                    ServiceId = host
                    Version = ValueNone
                    Results = clauses
                }

            QmailDecision.write head (AuthenticationResults.field 78 results)

        let replaced = withoutForged (isForged settings host) header raw head
        QmailDecision.passOn head.WrittenMemory replaced

    let private noSignature: MethodResult =
        SignatureResults.methodResult Dkim ResultWord.None ValueNone []

    let private clauses (header: Header) (judged: SignatureResult list) =
        let reported = judged |> List.filter SignatureResults.isReported

        match reported |> List.exists (fun one -> one.Scheme = Dkim) with
        | true -> SignatureResults.registered header reported
        | false -> noSignature :: SignatureResults.registered header reported

    let verifying (settings: QmailSettings) (host: string) (now: int64<sec>) : QmailTask =
        let policy =
            { VerifyPolicy.defaults with
                Schemes =
                    [
                        if settings.DkimLetters.IsSome then
                            Dkim
                        if settings.DomainKeysLetters.IsSome then
                            DomainKeys
                    ]
            }

        let decide header raw (status: DomainKeysStatus) counted letters clauses =
            match refusal settings counted letters with
            | ValueSome refused -> QmailDecision.exit refused
            | ValueNone -> relayed settings host header raw status clauses

        /// Forged results cannot be found in a header that is too long to be read, and a message that may bring some is
        /// no message to hand on (RFC 8601 §5).
        let failed (header: Header voption) raw (error: HeaderError) =
            let status = DomainKeysStatus.NoResource
            let letters = [ DkimLetters.Failed ]

            let clause =
                SignatureResults.methodResult Dkim ResultWord.PermError (ValueSome(HeaderError.describe error)) []

            match header, refusal settings status letters with
            | ValueNone, ValueNone when settings.DkimLetters.IsSome ->
                let code = QmailExit.RefusedForGood

                QmailRefusal.ofResult "DKIMVERIFY" "DKIM" code DkimLetters.Failed (HeaderError.describe error)
                |> QmailDecision.exit
            | _ ->
                let known = ValueOption.defaultValue Header.empty header
                decide known raw status status letters [ clause ]

        let start (header: Header) raw : Step<Work<QmailDecision>> =
            let plan = Verifier.plan policy now header

            let conclude (judged: SignatureResult list) =
                let status = DomainKeysStatus.ofMessage header judged
                let counted = DomainKeysStatus.counted judged status
                decide header raw status counted (DkimLetters.ofMessage judged) (clauses header judged)

            Done
                {
                    Questions = plan.Questions
                    Digests = plan.Digests
                    Conclude = fun digests answerTo -> Done(conclude (Verifier.conclude plan digests answerTo))
                }

        {
            Lines = QmailLines false
            Begin = start
            Failed = failed
        }
