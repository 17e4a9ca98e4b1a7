/// The vocabulary of log lines: what a line tells besides its sentence, under the same names in every program, in text and
/// in JSON. docs/logging.md has it for those who read logs with programs.
namespace Dkim.Core.Programs.Running

open System
open System.Text
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Signatures

/// One name of the vocabulary. `time`, `level`, `program` and `pid` are in every line, put there by the host.
type LogField =
    /// The queue id that the mail server uses for the message, where it tells.
    | Id = 0
    /// The address of whoever delivers the message to the mail server or to the proxy.
    | Client = 1
    /// The address of MAIL FROM, without brackets.
    | Sender = 2
    /// The addresses of RCPT TO that were accepted, without brackets. The only one that is a list.
    | Recipients = 3
    /// d= of signatures, as selector (s=) and algorithm (a=) in the order of the signatures.
    | Domain = 4
    | Selector = 5
    | Algorithm = 6
    /// What became of the message, in a word: `signed`, `pass`, `refused`.
    | Result = 7
    /// Why, in a sentence.
    | Reason = 8
    /// Message-ID, without brackets.
    | MessageId = 9
    /// The SMTP reply that the client got for it.
    | Reply = 10

/// One field and its value: text that may come from a message, as it came.
[<Struct>]
type LogFact = { Field: LogField; Value: string }

/// A field as a line of JSON has it.
[<Struct>]
type LogValue =
    {
        Name: string
        /// One, or for a list any number.
        Values: string list
        IsList: bool
    }

module LogFields =
    /// Longer values are cut.
    [<Literal>]
    let private Longest = 200

    /// Recipients that a line names; the others it counts.
    [<Literal>]
    let MostRecipients = 20

    /// Uses of a key that a line names.
    [<Literal>]
    let MostKeys = 20

    /// The name of a field.
    let name (field: LogField) : string =
        match field with
        | LogField.Id -> "id"
        | LogField.Client -> "client"
        | LogField.Sender -> "sender"
        | LogField.Recipients -> "recipients"
        | LogField.Domain -> "domain"
        | LogField.Selector -> "selector"
        | LogField.Algorithm -> "algorithm"
        | LogField.Result -> "result"
        | LogField.Reason -> "reason"
        | LogField.MessageId -> "message_id"
        | _ -> "reply"

    /// Every field, in the order in which lines have them.
    let all: LogField list =
        [
            LogField.Id
            LogField.Client
            LogField.Sender
            LogField.Recipients
            LogField.Domain
            LogField.Selector
            LogField.Algorithm
            LogField.Result
            LogField.Reason
            LogField.MessageId
            LogField.Reply
        ]

    let fact (field: LogField) (value: string) : LogFact = { Field = field; Value = value }

    let optional (field: LogField) (value: string voption) : LogFact list =
        match value with
        | ValueSome value -> [ fact field value ]
        | ValueNone -> []

    /// The recipients of a message: the first of them, of so many in all.
    let recipients (first: string list) (count: int) : LogFact list =
        let named =
            first |> List.truncate MostRecipients |> List.map (fact LogField.Recipients)

        if count > named.Length then
            named @ [ fact LogField.Recipients ("+" + string (count - named.Length)) ]
        else
            named

    let private ofKey (domain: DomainName) (selector: Selector) keyType hash : LogFact list =
        [
            fact LogField.Domain domain.Text
            fact LogField.Selector selector.Text
            fact LogField.Algorithm (Algorithms.name keyType hash)
        ]

    /// Domain and selector of a signature that cannot be made; what is not known is empty.
    let ofName (domain: string) (selector: string) : LogFact list =
        let known field value =
            if value = "" then [] else [ fact field value ]

        known LogField.Domain domain @ known LogField.Selector selector

    /// Domain, selector and algorithm of a signature that a message came with.
    let ofSignature (signature: Signature) : LogFact list =
        ofKey signature.Domain signature.Selector signature.KeyType signature.Hash

    /// Those of a signature that is made.
    let ofRequest (request: SigningRequest) : LogFact list =
        ofKey request.Domain request.Selector request.Key.KeyType request.Hash

    /// A result as the originals print it, `WORD` or `WORD (REASON)`, in two fields.
    let ofResult (text: string) : LogFact list =
        match text.IndexOf(" (", StringComparison.Ordinal) with
        | -1 -> [ fact LogField.Result text ]
        | at ->
            let reason = text.Substring(at + 2)

            [
                fact LogField.Result (text.Substring(0, at))
                fact
                    LogField.Reason
                    (if reason.EndsWith ')' then
                         reason.Substring(0, reason.Length - 1)
                     else
                         reason)
            ]

    let private isPlain (c: char) =
        match c with
        | '<'
        | '>'
        | ','
        | ';' -> false
        | _ -> c > ' ' && c < '\127'

    let private isSentence (c: char) =
        c >= ' ' && c < '\127' && c <> '<' && c <> '>'

    let private cut (text: string) =
        text.Substring(0, min Longest text.Length)

    // Nearly all values are as a line can hold them: those are not written anew.
    let private kept (isKept: char -> bool) (text: string) : string =
        let text = cut text

        if String.forall isKept text then
            text
        else
            text |> String.map (fun c -> if isKept c then c else '?')

    /// A value as a line of text can hold it: no blank, bracket or comma could make it look like more than one attribute.
    let safe (text: string) : string = kept isPlain text

    // Sentences of ours have blanks; brackets would end them.
    let private shown (fact: LogFact) : string =
        match fact.Field with
        | LogField.Reason
        | LogField.Reply
        | LogField.Result -> kept isSentence fact.Value
        | _ -> safe fact.Value

    /// The fields for JSON, in the order of the vocabulary. Of several signatures the values stand between commas.
    let values (facts: LogFact list) : LogValue list =
        let valuesOf field =
            facts |> List.filter (fun fact -> fact.Field = field) |> List.map _.Value

        all
        |> List.choose (fun field ->
            match field, valuesOf field with
            | _, [] -> None
            | LogField.Recipients, values ->
                Some
                    {
                        Name = name field
                        Values = List.map cut values
                        IsList = true
                    }
            | _, values ->
                Some
                    {
                        Name = name field
                        Values = [ cut (String.Join(",", values)) ]
                        IsList = false
                    })

    // One field of a line: a comma between its values. The numbers of fields are compared, since `=` boxes them.
    let private append (line: StringBuilder) (field: LogField) (facts: LogFact list) =
        let mutable isFirst = true

        for fact in facts do
            if int fact.Field = int field then
                if not isFirst then
                    line.Append ',' |> ignore
                elif line.Length > 0 then
                    line.Append(", ").Append(name field).Append("=<") |> ignore
                else
                    line.Append(name field).Append("=<") |> ignore

                line.Append(shown fact) |> ignore
                isFirst <- false

        if not isFirst then
            line.Append '>' |> ignore

    /// `NAME=<VALUE>`, `NAME=<VALUE>`: the fields for a line of text. Every message has one, so that nothing is made on the
    /// way.
    let text (facts: LogFact list) : string =
        let line = StringBuilder()

        for field in all do
            append line field facts

        line.ToString()
