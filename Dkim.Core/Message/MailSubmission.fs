/// How a mail of our own is handed to a mail server by SMTP (RFC 5321): what to say after each reply. The host has the
/// connection.
namespace Dkim.Core.Message

open System
open Dkim.Core.Words

/// Which reply is waited for.
[<Struct>]
type private SubmissionStage =
    | Greeting
    | Hello
    | Sender
    | Recipient
    | Data
    | Text
    | Done

/// A dialogue in progress. It never changes: each reply leads to the next one.
[<Sealed>]
type MailSubmission
    private
    (stage: SubmissionStage, host: string, recipients: string list, message: byte[], say: byte[], problem: string) =

    // Dots at the start of lines are doubled (§4.5.2), and a line of one dot ends the text.
    static let stuffed (message: byte[]) =
        let text = Octets.latin1 (ReadOnlySpan message)
        let ended = if text.EndsWith "\r\n" then text else text + "\r\n"
        let dotted = ("\r\n" + ended).Replace("\r\n.", "\r\n..").Substring 2
        Octets.ofLatin1 (dotted + ".\r\n")

    // What could end the command, or be more than one address.
    static let isAddress (text: string) =
        text.Contains '@'
        && text
           |> String.forall (fun c -> c > ' ' && c < '\127' && not ("<>,;:()\"\\".Contains c))

    static let value (name: string) (header: Header) : string =
        Header.tryFind name header
        |> ValueOption.map _.ValueText.Trim()
        |> ValueOption.defaultValue ""

    // What a setting of ours names; To names whom others ask for.
    static let copied (header: Header) : string list =
        (value "Bcc" header).Split ','
        |> Array.map _.Trim()
        |> Array.filter ((<>) "")
        |> List.ofArray

    // Who gets it, too, no other recipient may see.
    static let withoutBcc (message: ReadOnlyMemory<byte>) (header: Header) (end': int) : byte[] =
        if (Header.tryFind "Bcc" header).IsNone then
            message.ToArray()
        else
            let head =
                header.Fields
                |> Seq.filter (fun field -> not (field.Is "Bcc"))
                |> Seq.map (fun field -> Octets.latin1 field.Raw.Span)
                |> String.concat "\r\n"

            Array.append (Octets.ofLatin1 head) (message.Slice(end').ToArray())

    let saying stage recipients say =
        MailSubmission(stage, host, recipients, message, Octets.ofLatin1 (say + "\r\n"), "")

    let go stage say = saying stage recipients say

    /// The octets to send now; none before the greeting, and none when there is nothing more to say.
    member _.Say: ReadOnlyMemory<byte> = ReadOnlyMemory say

    /// Whether the dialogue has ended, after what is still to be said.
    member _.IsOver = (stage = Done)

    /// Why the mail has not been taken; empty while it may be, and when it has been.
    member _.Problem = problem

    /// Whether a text ends with the last line of a reply (§4.2.1).
    static member IsReply(text: string) : bool =
        text.EndsWith '\n'
        && (let last = text.TrimEnd('\r', '\n').Split('\n') |> Array.last

            last.Length >= 3
            && String.forall Char.IsAsciiDigit (last.Substring(0, 3))
            && (last.Length = 3 || last[3] <> '-'))

    /// Begins with a message with CRLF line ends whose To has one address, and whose Bcc, which does not go out, has any
    /// number between commas. The sender is null, so that nothing comes back.
    static member Begin(host: string, message: ReadOnlyMemory<byte>) : MailSubmission =
        let end' =
            match message.Span.IndexOf(ReadOnlySpan "\r\n\r\n"B) with
            | -1 -> message.Length
            | at -> at

        let header = Header.ofBlock (message.Slice(0, end'))
        let recipients = value "To" header :: copied header

        if List.forall isAddress recipients then
            MailSubmission(Greeting, host, recipients, withoutBcc message header end', [||], "")
        else
            MailSubmission(Done, host, [], [||], [||], "its recipient is no address")

    /// What follows a whole reply.
    member _.Hear(reply: string) : MailSubmission =
        let wanted = if stage = Data then '3' else '2'

        let offers (extension: string) =
            reply.Contains(extension, StringComparison.OrdinalIgnoreCase)

        match stage with
        | _ when reply = "" || reply[0] <> wanted ->
            let line = (reply.Split '\n')[0]

            MailSubmission(Done, host, [], [||], Octets.ofLatin1 "QUIT\r\n", "the mail server said: " + line.Trim())
        | Greeting -> go Hello ("EHLO " + host)
        | Hello -> go Sender ("MAIL FROM:<>" + (if offers "8BITMIME" then " BODY=8BITMIME" else ""))
        | Sender
        | Recipient ->
            match recipients with
            | recipient :: rest -> saying Recipient rest ("RCPT TO:<" + recipient + ">")
            | [] -> go Data "DATA"
        | Data -> MailSubmission(Text, host, [], [||], stuffed message, "")
        | Text
        | Done -> MailSubmission(Done, host, [], [||], Octets.ofLatin1 "QUIT\r\n", "")
