/// From a row of SigningTable to a key (opendkim.conf(5) KeyTable, SigningTable).
namespace Dkim.Core.Programs.Filters.OpenDkim

open System
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Asking
open Dkim.Core.Tables
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Deciding
open Dkim.Core.Programs.Filters.OpenDkim.Settings

/// Who sent a message.
type internal SenderAddress =
    {
        User: string
        /// In lower case.
        Domain: string
    }

/// One signature to make.
[<NoComparison; NoEquality>]
type internal WantedSignature =
    {
        Domain: DomainName
        Selector: Selector
        Key: SigningKey
        Hash: Hash
        Identity: Identity voption
    }

/// A row of KeyTable.
type internal KeyRow =
    {
        /// `%` is the sender's domain.
        Domain: string
        Selector: string
        Place: string
        Algorithm: struct (KeyType * Hash) voption
    }

module internal KeyRow =
    /// Reads the value of a row; nothing where a part is missing. The fourth part is one only where it names an algorithm.
    let parse (value: string) : KeyRow voption =
        match Row.fields 3 value with
        | [ domain; selector; key ] when domain <> "" && selector <> "" && key <> "" ->
            let colon = key.LastIndexOf ':'

            let algorithm =
                if colon < 0 then
                    ValueNone
                else
                    Algorithms.signing.TryParse(key.Substring(colon + 1).Trim().ToLowerInvariant())

            ValueSome
                {
                    Domain = domain
                    Selector = selector
                    Place = if algorithm.IsSome then key.Substring(0, colon) else key
                    Algorithm = algorithm
                }
        | _ -> ValueNone

    /// Where the key is. `domain` is that of the signature.
    let place (row: KeyRow) (domain: string) : KeyPlace =
        match KeyPlace.ofRow row.Place with
        | KeyAt(path, user) -> KeyAt(path.Replace("%", domain), user)
        | KeyText _ as key -> key

module internal SignerKeys =
    /// The end of a message that cannot be signed, but for lines that stand before it.
    type private Trouble = MessageEnd

    let private err (message: OpenDkimMessage) text = message.Line LogLevel.Error text
    let private plain level text : LogLine = Wording.line level text

    let private deferred (log: LogLine list) : Trouble =
        { MessageEnd.accept log with
            Reply = MilterReply.TempFail
        }

    // With the line of the file or of the row before it.
    let private notLoaded (message: OpenDkimMessage) (name: string) (why: LogLine) : Trouble =
        deferred [ why; err message ("error loading key '" + Printable.brief name + "'") ]

    let private notAKey (message: OpenDkimMessage) : Trouble =
        err message "dkim_eom(): resource unavailable: d2i_PrivateKey_bio() failed"
        |> List.singleton
        |> MessageEnd.accept
        |> MessageEnd.under
            message.Policy.Own.Actions.InternalError
            {
                TempCode = ValueSome "4.7.0"
                Text = "resource unavailable"
            }

    /// That a key cannot sign this message, whatever it is.
    let cannotSign (message: OpenDkimMessage) (reason: string) : MessageEnd =
        err message ("signature generation error: " + reason)
        |> List.singleton
        |> MessageEnd.accept
        |> MessageEnd.under message.Policy.Own.Actions.SignatureError (MessageEnd.saying "DKIM signing error")

    let private tooSmall (message: OpenDkimMessage) (key: SigningKey) : Trouble =
        "private key too small ("
        + string (int key.Bits)
        + " bits, need at least "
        + string (int message.Policy.Filter.Verifying.Policy.MinimumRsaBits)
        + ")"
        |> cannotSign message

    let private openLine (name: string) (whom: string) level : LogLine =
        plain level (name + ": key data is not secure: " + whom)

    let private shown (place: KeyPlace) =
        match place with
        | KeyAt(path, _) -> path
        | KeyText _ -> "KeyTable"

    // The key of a place as it was found, with what there is to warn of.
    let private usable
        (message: OpenDkimMessage)
        (name: string)
        place
        (reading: KeyReading)
        : Result<struct (SigningKey * LogLine list), Trouble> =
        let least = message.Policy.Filter.Verifying.Policy.MinimumRsaBits

        match reading with
        | KeyUnread reason ->
            plain LogLevel.Error ("can't load key from " + shown place + ": " + reason)
            |> notLoaded message name
            |> Error
        | KeyFound(_, ValueSome whom) when message.Policy.Own.RequireSafeKeys ->
            Error(notLoaded message name (openLine name whom LogLevel.Error))
        | NoKeyThere -> Error(notAKey message)
        | KeyFound(key, _) when key.KeyType = Rsa && key.Bits < least -> Error(tooSmall message key)
        | KeyFound(key, ValueSome whom) -> Ok(struct (key, [ openLine name whom LogLevel.Warning ]))
        | KeyFound(key, ValueNone) -> Ok(struct (key, []))

    /// The hash that a key signs with: its own for Ed25519, else that of the row, else that of the settings.
    let hash (message: OpenDkimMessage) (algorithm: struct (KeyType * Hash) voption) (key: SigningKey) : Hash =
        let set = message.Policy.Filter.Signing.Algorithm

        match key.KeyType, ValueOption.defaultValue set algorithm with
        | Ed25519, _ -> Sha256
        | Rsa, struct (Rsa, hash) -> hash
        | Rsa, struct (Ed25519, _) -> Sha256

    // i=, where the signature may bear it.
    let private identity (message: OpenDkimMessage) (sender: SenderAddress) (domain: DomainName) (signer: string) =
        let text = signer.Replace("%", sender.Domain)
        let at = text.LastIndexOf '@'

        match at, DomainName.tryCreate (text.Substring(at + 1)) with
        | -1, _ ->
            let line =
                message.Line
                    LogLevel.Warning
                    ("SigningTable: signer '" + Printable.brief text + "' has no @ and is left out")

            struct (ValueNone, [ line ])
        | _, Ok named when named.IsWithin domain ->
            struct (ValueSome
                        {
                            LocalPart = text.Substring(0, at)
                            Domain = named
                        },
                    [])
        | _ -> struct (ValueNone, [])

    /// What a row of SigningTable asks for, before its key is read.
    type private Planned =
        {
            /// What SigningTable calls the key.
            Name: string
            /// The address to sign for; empty where none is named.
            Signer: string
            Row: KeyRow
            /// That of the signature.
            Domain: string
            Place: KeyPlace
        }

    /// A signature with its key as it was found, or nothing where its names are none.
    let private ofPlanned (message: OpenDkimMessage) (sender: SenderAddress) (found: Found) (planned: Planned) =
        usable message planned.Name planned.Place (found.Key planned.Place)
        |> Result.map (fun (struct (key, warnings)) ->
            match DomainName.tryCreate planned.Domain, Selector.tryCreate planned.Row.Selector with
            | Ok domain, Ok selector ->
                let struct (identity, lines) =
                    if planned.Signer = "" then
                        struct (ValueNone, [])
                    else
                        identity message sender domain planned.Signer

                struct (Some
                            {
                                Domain = domain
                                Selector = selector
                                Key = key
                                Hash = hash message planned.Row.Algorithm key
                                Identity = identity
                            },
                        warnings @ lines)
            | _ ->
                struct (None,
                        warnings
                        @ [
                            err
                                message
                                ("KeyTable entry for '"
                                 + Printable.brief planned.Name
                                 + "': \""
                                 + Printable.brief planned.Domain
                                 + "\" and \""
                                 + Printable.brief planned.Row.Selector
                                 + "\" are no domain and no selector; not signed")
                        ]))

    let private unasked (message: OpenDkimMessage) (name: string) (reason: string) : Trouble =
        deferred
            [
                plain LogLevel.Error ("error looking up \"" + Printable.brief name + "\" in database: " + reason)
                err message "error reading signing table"
            ]

    // What a row of SigningTable says: the name of a key, and the address to sign for.
    let private named (sender: SenderAddress) (value: string) : struct (string * string) =
        let name, signer =
            match Row.fields 2 value with
            | [ name; signer ] -> name.Trim(), signer.Trim()
            | _ -> value, ""

        struct ((if name = "%" then sender.Domain else name), signer)

    // The same with the row of KeyTable which it names.
    let private plan (message: OpenDkimMessage) (sender: SenderAddress) (keys: Table) (struct (name, signer)) =
        match keys.Find name with
        | Lookup.Unavailable reason -> Error(unasked message name reason)
        | Lookup.Absent ->
            Error(
                deferred
                    [
                        err message ("signing table references unknown key '" + Printable.brief name + "'")
                    ]
            )
        | Lookup.Found row ->
            match KeyRow.parse row.Value with
            | ValueSome parsed ->
                let domain = if parsed.Domain = "%" then sender.Domain else parsed.Domain

                Ok
                    {
                        Name = name
                        Signer = signer
                        Row = parsed
                        Domain = domain
                        Place = KeyRow.place parsed domain
                    }
            | ValueNone ->
                plain LogLevel.Error ("KeyTable entry for '" + Printable.brief name + "' corrupt")
                |> notLoaded message name
                |> Error

    // With the keys of rows, or the end of the message that has one which is not there.
    let private ofPlans (message: OpenDkimMessage) (sender: SenderAddress) (planned: Result<Planned, Trouble> list) =
        let signatures (found: Found) =
            planned
            |> Dkim.Core.Words.Results.traverse (Result.bind (ofPlanned message sender found))
            |> Result.map (fun found ->
                struct (found |> List.choose (fun (struct (signature, _)) -> signature),
                        found |> List.collect (fun (struct (_, lines)) -> lines)))
            |> Done

        // The first row that has none ends the message, so that the keys behind it are not read.
        match planned |> List.takeWhile _.IsOk |> List.choose Result.toOption with
        | [] -> signatures Found.Nothing
        | planned -> Want(planned |> List.map (fun one -> Need.Key one.Place), signatures)

    /// The signatures that rows of SigningTable ask for, in their order, and what there is to say of them; all of them, or
    /// the end of the message that has one whose key cannot be used.
    let ofRows (message: OpenDkimMessage) (sender: SenderAddress) (keys: Table) (rows: Row list) =
        let named = rows |> List.map (fun row -> named sender row.Value)

        StoredSets.keys keys (named |> List.map (fun (struct (name, _)) -> name))
        |> Step.bind (fun keys -> named |> List.map (plan message sender keys) |> ofPlans message sender)

    /// The rows that a sender has.
    let rows (message: OpenDkimMessage) (signing: Table) (sender: SenderAddress) : Lookup<Row list> =
        if message.Policy.Own.MultipleSignatures then
            AddressForms.findSenders signing sender.User sender.Domain
        else
            AddressForms.findSender signing sender.User sender.Domain

    /// That SigningTable could not be asked.
    let unreadable (message: OpenDkimMessage) (sender: SenderAddress) (reason: string) : MessageEnd =
        unasked message (sender.User + "@" + sender.Domain) reason
