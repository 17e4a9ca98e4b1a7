/// The vocabulary of log lines: what a line tells besides its sentence, under the same names in every program, in text and
/// in JSON. docs/logging.md has it for those who read logs with programs.
namespace Dkim.Core

open System

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
        match text.IndexOf " (" with
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

    // By one walk through the facts: every message has its line.
    let private grouped (text: LogFact -> string) (facts: LogFact list) : LogValue list =
        let values = Array.create all.Length []

        for fact in List.rev facts do
            values[int fact.Field] <- text fact :: values[int fact.Field]

        all
        |> List.choose (fun field ->
            match field, values[int field] with
            | _, [] -> None
            | LogField.Recipients, values ->
                Some
                    {
                        Name = name field
                        Values = values
                        IsList = true
                    }
            | _, values ->
                Some
                    {
                        Name = name field
                        Values = [ String.Join(",", values) ]
                        IsList = false
                    })

    /// The fields for JSON, in the order of the vocabulary. Of several signatures the values stand between commas.
    let values (facts: LogFact list) : LogValue list =
        facts
        |> grouped _.Value
        |> List.map (fun one ->
            { one with
                Values = List.map cut one.Values
            })

    /// `NAME=<VALUE>`, `NAME=<VALUE>`: the fields for a line of text.
    let text (facts: LogFact list) : string =
        String.Join(
            ", ",
            facts
            |> grouped shown
            |> List.map (fun one -> one.Name + "=<" + String.Join(",", one.Values) + ">")
        )
