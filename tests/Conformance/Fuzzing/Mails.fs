/// Mail through programs that are ready to serve, and what no program may do to it, whatever its settings are.
module Dkim.Tests.Conformance.Fuzzing.Mails

open System
open System.Collections.Generic
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies.Shared
open Dkim.Core.Programs.Proxies
open Dkim.Core.Programs.Filters
open Dkim.Core.Programs.Qmail
open Dkim.Tests
open Dkim.Tests.FilterPassages
open Dkim.Tests.Conformance.Fuzzing.Readers
open Dkim.Tests.Conformance.Fuzzing.Lists

/// Mail that says much to a setting.
let plain =
    "Received: from a by b; Tue, 14 Nov 2023 22:13:20 +0000\r\nFrom: Joe <joe@example.com>\r\n\
     Sender: list@lists.example.net\r\nTo: you@example.org\r\nSubject: hi\r\nList-Id: <l.example.net>\r\n\
     Message-ID: <1@x>\r\nAuthentication-Results: host.example.net; dkim=pass header.d=example.com\r\n\r\nbody\r\n"

let private signed = lazy (Inputs.message (Random 1))

// Everything is there: keys, policies, reports.
let private answerOf (question: Question) : Answer =
    let found records =
        Answer.Found(records, Security.Unchecked)

    match question.Name, question.Type with
    | name, RecordType.Txt when name.StartsWith("_adsp.", StringComparison.Ordinal) -> found [ "dkim=discardable" ]
    | name, RecordType.Txt when name.StartsWith("_policy.", StringComparison.Ordinal) ->
        found [ "o=-; r=a@example.com" ]
    | name, RecordType.Txt when name.StartsWith("_report.", StringComparison.Ordinal) -> found [ "ra=dkim; rp=100" ]
    | name, RecordType.Txt when name.StartsWith("gone", StringComparison.Ordinal) ->
        Answer.NoSuchName Security.Unchecked
    | _, RecordType.Txt -> found Inputs.keyRecords
    | _ -> found [ "192.0.2.1" ]

/// That octets are whole fields: each ends with CRLF, and nothing else in them looks like an end.
let private mustBeFields (text: string) =
    let inside = text.Replace("\r\n", "")
    must "what is added is whole fields" (text = "" || text.EndsWith("\r\n", StringComparison.Ordinal))
    must "what is added has whole lines" (inside.IndexOfAny [| '\r'; '\n'; '\000' |] < 0)

    for line in text.Split("\r\n", StringSplitOptions.RemoveEmptyEntries) do
        must "what is added is fields" (line[0] = ' ' || line[0] = '\t' || line.IndexOf ':' > 0)

let private mustBeLog (lines: LogLine list) =
    for line in lines do
        mustBeLine line.Line
        must "a line of the log has no tab" (not (line.Line.Contains '\t'))

let private ways =
    [
        { outside with Now = 1767225600L<sec> }
        { local with
            Now = 1767225600L<sec>
            Macros = [ "i", "JOB1"; "j", "mx.example.net"; "daemon_name", "MSA" ]
        }
    ]

// As octets come, since fields that a filter adds are seen by the MTA in that form.
let private changed (change: Change) =
    match change with
    | Inserted(_, field) -> mustBeFields (field.TrimEnd('\r', '\n') + "\r\n")
    | Deleted(name, occurrence) -> must "a field that is deleted is one" (name <> "" && occurrence > 0)
    | Quarantined reason -> mustBeLine reason
    | Removed recipient
    | Added recipient -> mustBeLine recipient
    | Sent message -> must "a report is a message" (message.Contains "\n\n" || message.Contains "\r\n\r\n")
    | Kept(prefix, _) -> must "a file lies where it should" (not (prefix.Contains '/'))

let private ended (ending: Ending) =
    match ending with
    | Refused(code, enhanced, text) ->
        must "a refusal has its code" (code >= 400 && code < 600 && enhanced.StartsWith(string (code / 100)))
        mustBeLine text
        "refused" + string code
    | Accepted -> "accepted"
    | Deferred -> "deferred"
    | Discarded -> "discarded"

/// One message through a filter, from outside and from within.
let throughFilter (program: FilterProgram) (mail: string) : Outcome =
    ways
    |> List.map (fun way ->
        use message = program.NewMessage way.Client
        // A name that is not in the list of a way does not exist; here all do.
        let ran = passAnswered message way answerOf mail
        ran.Changes |> List.iter changed
        must "a filter has one last word" (ran.Endings.Length = 1)
        ran.Lines |> List.iter mustBeLine
        ended ran.Ending + string (min 4 ran.Changes.Length) + string ran.Early)
    |> String.concat "/"

let private relayed (ending: ProxyDisposition) : Outcome =
    match ending with
    | ProxyDisposition.Relay(head, replaced) ->
        must "no more is replaced than there is" (replaced >= 0L)
        mustBeFields (Octets.latin1 head.Span)
        "relayed" + string (head.Length > 0) + string (replaced > 0L)
    | ProxyDisposition.Refuse(code, text) ->
        must "a refusal has its code" (code >= 400 && code < 600)
        mustBeLine text
        "refused" + string code

/// One message through a proxy.
let throughProxy (program: ProxyProgram) (mail: string) : Outcome =
    use passage = program.NewMessage 1767225600L<sec>
    passage.Feed(ReadOnlySpan(Octets.ofLatin1 mail)) |> ignore
    passage.End()

    while not passage.Needs.IsEmpty do
        passage.Go(Finding.ofNames answerOf passage.Needs)

    mustBeLog passage.Decision.Log
    relayed passage.Decision.Disposition

/// A key as a program of qmail finds it.
let private keyFile (file: WantedFile) : FileContents =
    if file.Path.Contains "locked" then
        FileContents.Unreadable "permission denied"
    elif file.Path.Contains "key" then
        Inputs.privateKeyAt file.Path
    else
        FileContents.Unreadable FileContents.NotFound

/// One message through qmail-dk, with the line ends of qmail.
let throughQmail (start: QmailStart) (mail: string) : Outcome =
    use message = start.NewMessage(1767225600L<sec>, "host.example.net\n")
    message.Feed(ReadOnlySpan(Octets.ofLatin1 (mail.Replace("\r\n", "\n"))))

    let supply () =
        if message.HoldsBody then
            message.Go(Finding.ofFiles keyFile message.Needs)

    supply ()
    message.End()
    supply ()

    while not message.Needs.IsEmpty do
        message.Go(Finding.ofNames answerOf message.Needs)

    let endings = List<Outcome>()

    message.Decision.Tell
        { new IQmailReply with
            member _.Tell note =
                must "a note says something" (note <> "")

            member _.PassOn(head, replaced) =
                must "no more is replaced than there is" (replaced >= 0L && replaced <= int64 mail.Length)
                must "qmail's lines end with LF" (replaced > 0L || not ((Octets.latin1 head.Span).Contains '\r'))
                endings.Add("passed" + string (head.Length > 0) + string (replaced > 0L))

            member _.Exit refusal =
                must "a refusal has a code" (refusal.Code > 0 && refusal.Code < 256)
                mustBeLine refusal.Reply
                endings.Add("exit" + string refusal.Code)
        }

    must "qmail-dk has one last word" (endings.Count = 1)
    endings[0]

/// A message that a program made of its configuration serves: good mail, and signed mail.
let served (through: string -> Outcome) : Outcome =
    through plain + "," + through signed.Value
