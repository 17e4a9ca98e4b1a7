/// Sends messages through the milters' decisions without a host: the DNS is a list, and what would be changed, sent or
/// logged is a value.
module Dkim.Tests.FilterPassages

open System
open System.Collections.Generic
open System.Net
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Stores
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Filters

type Change =
    | Inserted of index: int * field: string
    | Deleted of name: string * occurrence: int
    | Quarantined of reason: string
    | Removed of recipient: string
    | Added of recipient: string
    | Sent of message: string
    | Kept of prefix: string * octets: string

type Ending =
    | Accepted
    | Refused of code: int * enhanced: string * text: string
    | Deferred
    | Discarded

/// What became of a message.
type Ran =
    {
        Changes: Change list
        /// Every final word that was said.
        Endings: Ending list
        Log: string list
        /// Those lines with what stands behind the sentences.
        Lines: string list
        Levels: LogLevel list
        /// Names that were asked for, round by round.
        Asked: string list
        /// It was decided before the body.
        Early: bool
    }

    member this.Ending = List.exactlyOne this.Endings

    member this.Inserted =
        this.Changes
        |> List.choose (fun change ->
            match change with
            | Inserted(_, field) -> Some field
            | _ -> None)

    member this.Deleted =
        this.Changes
        |> List.choose (fun change ->
            match change with
            | Deleted(name, occurrence) -> Some(name, occurrence)
            | _ -> None)

    /// The value of the only field of a name that was added, with its folds as blanks.
    member this.Value(name: string) : string =
        this.Inserted
        |> List.filter _.StartsWith(name + ": ")
        |> List.exactlyOne
        |> fun field -> field.Substring(name.Length + 2).Replace("\r\n\t", " ")

/// Everything that a message meets.
[<NoComparison; NoEquality>]
type Way =
    {
        Client: MilterClient
        /// Those that came when the client connected, or with its message.
        Macros: (string * string) list
        /// Those that came only after that.
        LaterMacros: (string * string) list
        Sender: string voption
        Recipients: string list
        /// Records of each type under a name; what is not there does not exist.
        Zone: (string * RecordType * Answer) list
        /// The keys that tables name.
        Keys: KeyPlace -> KeyReading
        /// What stores of data sets say.
        Rows: StoreQuestion -> StoreAnswer
        /// The addresses that have logged in by POP.
        Logins: string list
        /// So many reports may be sent.
        Reports: int
        Now: int64<sec>
    }

let client (name: string) (address: string) : MilterClient =
    {
        HostName = name
        Address = ValueSome(IPAddress.Parse address)
    }

let now = 1700000000L<sec>

/// Mail of our own, from the machine itself.
let local: Way =
    {
        Client = client "localhost" "127.0.0.1"
        Macros = [ "i", "JOB1"; "j", "mx.example.net" ]
        LaterMacros = []
        Sender = ValueSome "<joe@example.com>"
        Recipients = [ "<you@example.org>" ]
        Zone = []
        Keys = Finding.noKey
        Rows = Finding.noStore
        Logins = []
        Reports = 1000
        Now = now
    }

/// Mail from elsewhere.
let outside: Way =
    { local with
        Client = client "mail.example.org" "192.0.2.7"
    }

let text name (record: string) =
    name, RecordType.Txt, Answer.Found([ record ], Security.Unchecked)

let texts name (records: string list) =
    name, RecordType.Txt, Answer.Found(records, Security.Unchecked)

let secured (security: Security) name (record: string) =
    name, RecordType.Txt, Answer.Found([ record ], security)

/// The name has an address.
let exists name =
    name, RecordType.A, Answer.Found([ "192.0.2.1" ], Security.Unchecked)

let fails name =
    name, RecordType.Txt, Answer.Unavailable "SERVFAIL"

let private answer (way: Way) (question: Question) =
    way.Zone
    |> List.tryFind (fun (name, kind, _) -> name = question.Name && kind = question.Type)
    |> Option.map (fun (_, _, answer) -> answer)
    |> Option.defaultWith (fun () ->
        if way.Zone |> List.exists (fun (name, _, _) -> name = question.Name) then
            Answer.Found([], Security.Unchecked)
        else
            Answer.NoSuchName Security.Unchecked)

let private recorder (changes: List<Change>) (endings: List<Ending>) =
    let raw (field: Field) = Octets.latin1 field.Raw.Span

    { new IMilterReply with
        member _.Insert(index, field) = changes.Add(Inserted(index, raw field))

        member _.Delete(name, occurrence) = changes.Add(Deleted(name, occurrence))

        member _.Quarantine reason = changes.Add(Quarantined reason)
        member _.RemoveRecipient recipient = changes.Add(Removed recipient)
        member _.AddRecipient recipient = changes.Add(Added recipient)

        member _.Send message =
            changes.Add(Sent(Octets.latin1 message.Span))

        member _.Keep(prefix, octets) =
            changes.Add(Kept(prefix, Octets.latin1 octets.Span))

        member _.Accept() = endings.Add Accepted

        member _.Refuse(code, enhanced, text) =
            endings.Add(Refused(code, enhanced, text))

        member _.TempFail() = endings.Add Deferred
        member _.Discard() = endings.Add Discarded
    }

let crlf (text: string) =
    text.Replace("\r\n", "\n").Replace("\n", "\r\n")

let private feedHeader (message: MilterMessage) (block: string) =
    let header = Header.ofBlock (ReadOnlyMemory(Octets.ofLatin1 block))

    for field in header.Fields do
        // As the MTA hands it over: lines end with LF, and the blank after the colon is kept.
        let value = field.ValueText.Replace("\r\n", "\n")
        message.Field(ReadOnlySpan(Octets.ofLatin1 field.Name), ReadOnlySpan(Octets.ofLatin1 value), true)

/// Sends a message, whose lines may end with LF, through a passage that has just begun, with other answers than the way's.
let passAnswered (message: MilterMessage) (way: Way) (answer: Question -> Answer) (mail: string) : Ran =
    let mail = crlf mail
    let at = mail.IndexOf("\r\n\r\n", StringComparison.Ordinal)

    let header, body =
        if at < 0 then
            mail, ""
        else
            mail.Substring(0, at + 2), mail.Substring(at + 4)

    let macros =
        let told = MilterMacros()
        told.Set(MacroStage.Connect, ReadOnlySpan(MilterMacros.text way.Macros))
        told.Set(MacroStage.EndOfHeader, ReadOnlySpan(MilterMacros.text way.LaterMacros))
        told

    way.Sender
    |> ValueOption.iter (fun sender -> message.Sender(ReadOnlySpan(Octets.ofLatin1 sender)))

    for recipient in way.Recipients do
        message.Recipient(ReadOnlySpan(Octets.ofLatin1 recipient))

    feedHeader message header
    message.EndOfHeader(macros, way.Now)
    let asked = List<string>()

    let go () =
        asked.AddRange(Finding.questions message.Needs |> List.map _.Name)

        Finding.ofNames answer message.Needs
        |> Finding.withKeys way.Keys message.Needs
        |> Finding.withRows way.Rows message.Needs
        |> Finding.withMachine way.Logins way.Reports message.Needs
        |> message.Go

    while message.HoldsBody do
        go ()

    let early = message.Decided

    if not early then
        message.Feed(ReadOnlySpan(Octets.ofLatin1 body))
        message.End()

        while not message.Needs.IsEmpty do
            go ()

    let changes = List<Change>()
    let endings = List<Ending>()
    message.Decision.Tell(recorder changes endings)

    {
        Changes = List.ofSeq changes
        Endings = List.ofSeq endings
        Log = message.Decision.Log |> List.map _.Text
        Lines = message.Decision.Log |> List.map _.Line
        Levels = message.Decision.Log |> List.map _.Level
        Asked = List.ofSeq asked
        Early = early
    }

/// The same with the way's own answers.
let pass (message: MilterMessage) (way: Way) (mail: string) : Ran =
    passAnswered message way (answer way) mail

/// Sends a message, whose lines may end with LF.
let internal run (parts: MilterHandler) (way: Way) (mail: string) : Ran =
    use message = new MilterMessage(parts, way.Client)
    pass message way mail

/// The header of a message with changes made to it as MTAs make them. The first field is the MTA's own.
let applied (changes: Change list) (fields: string list) : string list =
    let isNamed (name: string) (field: string) =
        field.Split(':').[0].TrimEnd().Equals(name, StringComparison.OrdinalIgnoreCase)

    let delete (name: string) occurrence (fields: string list) =
        let positions =
            fields
            |> List.indexed
            |> List.filter (fun (_, field) -> isNamed name field)
            |> List.map fst

        List.removeAt positions[occurrence - 1] fields

    changes
    |> List.fold
        (fun fields change ->
            match change with
            | Inserted(index, field) -> List.insertAt index field fields
            | Deleted(name, occurrence) -> delete name occurrence fields
            | Quarantined _
            | Removed _
            | Added _
            | Sent _
            | Kept _ -> fields)
        fields

let private known (result: Result<'a, 'e>) : 'a =
    match result with
    | Ok value -> value
    | Error error -> invalidOp (string (box error))

let domain (name: string) = DomainName.tryCreate name |> known

let selector (name: string) = Selector.tryCreate name |> known

let private rsaKey bits =
    lazy
        (let key, _ = SigningKey.generateRsa bits
         key)

let rsa = rsaKey 1024<bit>
let rsa512 = rsaKey 512<bit>

let ed25519 =
    lazy
        (let key, _ = SigningKey.generateEd25519 (Array.init 32 byte)
         key)

let published (key: SigningKey) =
    "v=DKIM1; k="
    + (if key.KeyType = Rsa then "rsa" else "ed25519")
    + "; p="
    + Convert.ToBase64String key.KeyData

let filterKey name (key: SigningKey) : NamedKey =
    {
        Domain = ValueNone
        Selector = selector name
        Key = key
    }

let internal files (domains: string list) (keys: KeySource) : LoadedLists =
    {
        Peers = PeerList.empty
        Internal = PeerList.loopback
        ExternalIgnored = PeerList.empty
        Domains = ValueSome(DomainList.ofEntries domains)
        Trusted = ValueNone
        LocalAdsp = LocalAdsp.empty
        Keys = keys
        Rules = []
    }

let internal surroundings: Surroundings =
    {
        HostName = "host.example.net"
        UserName = "dkim"
        KnowsLogins = false
    }

let both: FilterMode = { Signs = true; Verifies = true }

/// A filter as its defaults make it, signing for example.com with the key `mail`.
let internal policyOf (policy: FilterPolicy) : FilterPolicy =
    { policy with
        Lists = files [ "example.com" ] (SingleKey(filterKey "mail" rsa.Value))
        Machine = surroundings
    }

let internal policy = policyOf FilterPolicy.dkim

/// The same for dk-filter.
let internal dkPolicy = policyOf FilterPolicy.domainKeys

let internal runWith (policy: FilterPolicy) way mail = run (DkimFilter.parts policy) way mail

let internal dkRunWith (policy: FilterPolicy) way mail = run (DkFilter.parts policy) way mail

let plain =
    "From: Joe <joe@example.com>\nTo: you@example.org\nSubject: hi\nDate: Tue, 14 Nov 2023 22:13:20 +0000\nMessage-ID: <1@x>\n\nbody\n"

/// The message with what a filter puts on top of it.
let internal signedBy (policy: FilterPolicy) (mail: string) : string =
    let ran = runWith policy local mail
    String.Join("\r\n", List.rev ran.Inserted) + "\r\n" + crlf mail

let signed = lazy (signedBy policy plain)

let keyName = "mail._domainkey.example.com"

/// A zone with the key of `signed`, and an author domain without policy.
let zone = lazy [ text keyName (published rsa.Value); exists "example.com" ]

let arriving: Lazy<Way> = lazy { outside with Zone = zone.Value }
