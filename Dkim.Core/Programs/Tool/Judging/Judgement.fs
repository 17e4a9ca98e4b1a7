/// What becomes of the signatures of a message. Everything is done before the answers of the DNS are there, so that many
/// messages may wait for theirs without being kept.
module internal Dkim.Core.Programs.Tool.Judging.Judgement

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.MailFiles
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Running.Command
open Dkim.Core.Programs.Tool.Judging.MailInput

/// How many signature fields a message has.
let countOf (mail: Mail) : int =
    [ Dkim; DomainKeys ]
    |> List.sumBy (fun scheme -> (Header.all (Layout.fieldName scheme) mail.Header).Length)

/// Each signature with its index, counted from the top within its kind.
let indexed (all: SignatureResult list) : (int * SignatureResult) list =
    let count (seen: Map<Scheme, int>) (judged: SignatureResult) =
        let index = seen |> Map.tryFind judged.Scheme |> Option.defaultValue 0
        (index, judged), seen.Add(judged.Scheme, index + 1)

    all |> List.mapFold count Map.empty |> fst

let hasPassed (judged: SignatureResult) : bool = judged.Verdict = Verdict.Pass

/// The message without what a mailbox may have put in front of lines of its body; nothing where there is no such line, or
/// the octets are to be taken as they are.
let private unquoted (settings: ToolSettings) (mail: Mail) : Mail voption =
    match settings.Lines with
    | FileLines.CrLf -> ValueNone
    | FileLines.Auto
    | FileLines.Lf ->
        MailboxLines.unquoted mail.Body
        |> ValueOption.map (fun body ->
            let header = mail.Octets.Slice(0, mail.Octets.Length - mail.Body.Length)
            let octets = ReadOnlyMemory(Array.append (header.ToArray()) (body.ToArray()))

            { mail with
                Octets = octets
                Body = octets.Slice header.Length
            })

/// A message of which answers alone are missing.
[<NoComparison; NoEquality>]
type Awaited =
    {
        Plan: VerifyPlan
        Digests: Digests
        /// Those of the body without the `>` that a mailbox may have put in.
        Unquoted: Digests voption
        NoDkim: NoSignature voption
        HeaderOctets: int
    }

/// A message, or why there is none, on its way.
[<NoComparison; NoEquality>]
type Awaiting =
    {
        Item: MailItem
        Awaited: Result<Awaited, string>
    }

/// What came of a message.
[<NoComparison; NoEquality>]
type Judgement =
    {
        Path: string
        Number: int voption
        Attached: int voption
        Forms: FileForm list
        Outcome: Result<SignatureResult list, string>
        /// Why it has no DKIM-Signature.
        NoDkim: NoSignature voption
    }

let private planned (settings: ToolSettings) (now: int64<sec>) (mail: Mail) : Awaited =
    // A copy of its own: the octets of the message are not kept with it.
    let block = (Mail.headerBlock mail).ToArray()

    let plan =
        Verifier.plan (Keys.policy settings) now (Header.ofBlock (ReadOnlyMemory block))

    {
        Plan = plan
        Digests = BodyHasher.ofMail plan.Digests mail
        Unquoted =
            if plan.Digests.IsEmpty then
                ValueNone
            else
                unquoted settings mail |> ValueOption.map (BodyHasher.ofMail plan.Digests)
        NoDkim =
            if (Header.tryFind (Layout.fieldName Dkim) mail.Header).IsSome then
                ValueNone
            else
                ValueSome(NoSignature.find mail)
        HeaderOctets = block.Length
    }

/// Does what can be done before keys are known.
let await (settings: ToolSettings) (now: int64<sec>) (item: MailItem) : Awaiting =
    {
        Item =
            { item with
                Mail = Error "read already"
            }
        Awaited = item.Mail |> Result.map (planned settings now)
    }

let questionsOf (awaiting: Awaiting) : Question list =
    match awaiting.Awaited with
    | Ok awaited -> awaited.Plan.Questions
    | Error _ -> []

let private passesOf (all: SignatureResult list) =
    all |> List.filter hasPassed |> List.length

/// The results, and whether they are those of the body without the `>` of a mailbox: where more signatures pass so.
let private settled (answers: Question -> Answer) (awaited: Awaited) : struct (SignatureResult list * bool) =
    let asItIs = Verifier.conclude awaited.Plan awaited.Digests answers

    match awaited.Unquoted with
    | ValueSome digests when passesOf asItIs < asItIs.Length ->
        let without = Verifier.conclude awaited.Plan digests answers

        if passesOf without > passesOf asItIs then
            struct (without, true)
        else
            struct (asItIs, false)
    | _ -> struct (asItIs, false)

/// Judges a message with the answers to its questions.
let conclude (answers: Question -> Answer) (awaiting: Awaiting) : Judgement =
    let item = awaiting.Item

    let judgement =
        {
            Path = item.Path
            Number = item.Number
            Attached = item.Attached
            Forms = item.Forms
            Outcome = Error ""
            NoDkim = ValueNone
        }

    match awaiting.Awaited with
    | Error reason ->
        { judgement with
            Outcome = Error reason
        }
    | Ok awaited ->
        let struct (all, isUnquoted) = settled answers awaited

        { judgement with
            Forms =
                if isUnquoted then
                    item.Forms @ [ FileForm.QuotedFrom ]
                else
                    item.Forms
            Outcome = Ok all
            NoDkim = awaited.NoDkim
        }

/// Judges one message. With the results comes the message as they are about it: without the `>` that a mailbox has put in,
/// where signatures pass so.
let judge
    settings
    (source: Keys.KeySource)
    (now: int64<sec>)
    (mail: Mail)
    : Command<struct (Mail * SignatureResult list)> =
    command {
        let awaited = planned settings now mail
        let! answers = Keys.ask source awaited.Plan.Questions

        match settled answers awaited, unquoted settings mail with
        | struct (all, true), ValueSome unquoted -> return struct (unquoted, all)
        | struct (all, _), _ -> return struct (mail, all)
    }
