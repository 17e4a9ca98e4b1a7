/// What a milter decides on a message, as data, and the visitor that a host puts into packets with.
namespace Dkim.Core.Programs.Filters.Milter

open System
open Dkim.Core.Message
open Dkim.Core.Signatures
open Dkim.Core.Programs.Running

/// What is done to or for a message before its last word.
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type MilterChange =
    /// The n-th field of a name goes, counted from 1 and from the top of the header as it is after the changes before.
    | Delete of name: string * occurrence: int
    /// A field is added so that it stands at this index of the header; 0 is above all.
    | Insert of index: int * field: Field
    | Quarantine of reason: string
    /// A recipient, as in the RCPT command, gets no copy.
    | RemoveRecipient of recipient: string
    /// Another gets one; as in the RCPT command.
    | AddRecipient of recipient: string
    /// A mail of our own, complete with its header, goes to the local sendmail command.
    | Send of message: ReadOnlyMemory<byte>
    /// Octets stay in a new file of the temporary directory. Its name begins with `prefix`, a dot follows and six
    /// characters of chance.
    | Keep of prefix: string * octets: ReadOnlyMemory<byte>

/// The last word on a message.
[<RequireQualifiedAccess>]
type MilterReply =
    | Accept
    | Discard
    /// It is refused for now, in the MTA's own words.
    | TempFail
    /// It is refused with this code, enhanced code and text: `550`, `5.7.0`, `bad DKIM signature data`.
    | Refuse of code: int * enhanced: string * text: string

/// What a host does about a decision. The changes come first, in order; exactly one of the last four ends it.
type IMilterReply =
    abstract Insert: index: int * field: Field -> unit
    abstract Delete: name: string * occurrence: int -> unit
    abstract Quarantine: reason: string -> unit
    abstract RemoveRecipient: recipient: string -> unit
    abstract AddRecipient: recipient: string -> unit
    abstract Send: message: ReadOnlyMemory<byte> -> unit
    abstract Keep: prefix: string * octets: ReadOnlyMemory<byte> -> unit
    abstract Accept: unit -> unit
    abstract Refuse: code: int * enhanced: string * text: string -> unit
    abstract TempFail: unit -> unit
    abstract Discard: unit -> unit

/// A milter's decision on one message.
[<NoComparison; NoEquality>]
type MilterDecision =
    {
        /// For the log, in order.
        Log: LogLine list
        /// In order.
        Changes: MilterChange list
        Reply: MilterReply
        /// The signatures as they were judged, from the top; nothing of a message that was not verified.
        Signatures: SignatureResult list voption
    }

    /// Calls the member for each change, then that for the last word.
    member this.Tell(reply: IMilterReply) : unit =
        for change in this.Changes do
            match change with
            | MilterChange.Delete(name, occurrence) -> reply.Delete(name, occurrence)
            | MilterChange.Insert(index, field) -> reply.Insert(index, field)
            | MilterChange.Quarantine reason -> reply.Quarantine reason
            | MilterChange.RemoveRecipient recipient -> reply.RemoveRecipient recipient
            | MilterChange.AddRecipient recipient -> reply.AddRecipient recipient
            | MilterChange.Send message -> reply.Send message
            | MilterChange.Keep(prefix, octets) -> reply.Keep(prefix, octets)

        match this.Reply with
        | MilterReply.Accept -> reply.Accept()
        | MilterReply.Discard -> reply.Discard()
        | MilterReply.TempFail -> reply.TempFail()
        | MilterReply.Refuse(code, enhanced, text) -> reply.Refuse(code, enhanced, text)
