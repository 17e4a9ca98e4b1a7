/// How opendkim signs: which fields, with which tags (opendkim.conf(5)).
namespace Dkim.Core.Programs.Filters.OpenDkim

open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Filters.Deciding
open Dkim.Core.Programs.Filters.OpenDkim.Settings

module internal Signing =
    // Names that h= has once more. One of a field that is there and not signed would name a field that nobody hashed.
    let private overSigned (sets: LoadedSets) (header: Header) =
        sets.OverSigned
        |> List.filter (fun name ->
            sets.Signed.Contains(name.Text.ToLowerInvariant())
            || (Header.tryFind name.Text header).IsNone)

    let private fields (message: OpenDkimMessage) (header: Header) : FieldChoice =
        let sets = message.Policy.Sets

        {
            Covers = fun name -> sets.Signed.Contains(name.ToLowerInvariant())
            Always = []
            Sealed = overSigned sets header
        }

    let private length (message: OpenDkimMessage) : LengthTag =
        match SigningSettings.length message.Policy.Filter.Signing, message.Envelope.Recipients[1] with
        | NoLength, ValueSome _ -> WholeLength
        | set, _ -> set

    /// The canonicalization that the message asks for, else that of the settings (SelectCanonicalizationHeader).
    let private canonicalization (message: OpenDkimMessage) (header: Header) : struct (HeaderCanon * BodyCanon) =
        let signing = message.Policy.Filter.Signing

        Header.tryFind message.Policy.Own.CanonicalizationField header
        |> ValueOption.bind (fun field -> Codecs.canonicalization.Parse(field.ValueText.Trim()) |> Result.toValueOption)
        |> ValueOption.defaultValue (struct (signing.HeaderCanon, signing.BodyCanon))

    // For whom we sign that has authorized us, where there are such: the author's domain is asked for only then.
    let private claim (message: OpenDkimMessage) (header: Header) (wanted: WantedSignature) : ThirdParty voption =
        if message.Policy.Sets.Delegating.IsNone then
            ValueNone
        else
            AdspLookup.authorDomain header
            |> ValueOption.filter (fun author ->
                author <> wanted.Domain
                && LoadedSets.isIn message.Policy.Sets.Delegating author.Text)
            |> ValueOption.map (fun author ->
                {
                    Author = author
                    Naming = message.Policy.Own.SignerNaming
                })

    let private request (message: OpenDkimMessage) (header: Header) (wanted: WantedSignature) : SigningRequest =
        let signing = message.Policy.Filter.Signing
        let struct (headerCanon, bodyCanon) = canonicalization message header

        {
            Scheme = Dkim
            Key = wanted.Key
            Hash = wanted.Hash
            HeaderCanon = headerCanon
            BodyCanon = bodyCanon
            CanonText = Algorithms.canonName headerCanon bodyCanon
            Domain = wanted.Domain
            Selector = wanted.Selector
            Identity = wanted.Identity
            Fields = fields message header
            WithNames = true
            Length = length message
            WithTime = true
            Lifetime = signing.Lifetime
            Copies =
                if signing.Diagnostics then
                    ValueSome(fun _ -> true)
                else
                    ValueNone
            WantsReports = message.Policy.Own.RequestReports
            ThirdParty = claim message header wanted
            Layout = Layout.dkimFilter
        }

    let private added (message: OpenDkimMessage) (signatures: WantedSignature list) : LogLine list =
        if message.Policy.Filter.Reporting.SyslogSuccess then
            signatures
            |> List.map (fun one ->
                message.Line
                    LogLevel.Info
                    ("DKIM-Signature field added (s="
                     + one.Selector.Text
                     + ", d="
                     + one.Domain.Text
                     + ")"))
        else
            []

    // The last signature stands on top.
    let private signed (message: OpenDkimMessage) signatures log deleted (fields: Field list) : MessageEnd =
        { MessageEnd.accept (log @ added message signatures) with
            Deleted = deleted
            Added = Presence.fields message @ List.rev fields
        }

    let private failed (message: OpenDkimMessage) log (error: SignError) : MessageEnd =
        let verdict = SignerKeys.cannotSign message (SignError.describe error)
        { verdict with Log = log @ verdict.Log }

    /// The header to sign, and the fields that go first (RemoveOldSignatures).
    let private prepared (message: OpenDkimMessage) : struct (Header * (string * int) list) =
        let header = message.SignedHeader
        let name = Layout.fieldName Dkim

        if message.Policy.Filter.Signing.RemoveOldSignatures then
            let left = header.Fields |> Seq.filter (fun field -> not (field.Is name))
            struct (Header.ofFields left, HeaderEdits.deleteAll name header)
        else
            struct (header, [])

    let private lengthLine (message: OpenDkimMessage) : LogLine list =
        match message.Envelope.Recipients[1] with
        | ValueSome recipient ->
            let address = Printable.brief (Octets.decoded (Wording.unbracketed recipient))

            [
                message.Line LogLevel.Info ("BodyLengthDB matched " + address + ", signing with l= requested")
            ]
        | ValueNone -> []

    /// Signs. `log` comes first in what the decision says.
    let start (message: OpenDkimMessage) (signatures: WantedSignature list) (log: LogLine list) : AfterHeader =
        let log = log @ lengthLine message
        let struct (header, deleted) = prepared message
        let requests = signatures |> List.map (request message header)

        match Signer.plan requests message.Envelope.Now header with
        | Error error -> MessageEnd.afterHeader (failed message log error)
        | Ok plan ->
            Proceed
                {
                    Questions = []
                    Digests = plan.Digests
                    Conclude =
                        fun digests _ ->
                            match Signer.conclude plan digests with
                            | Error error -> failed message log error
                            | Ok fields -> signed message signatures log deleted fields
                            |> MessageEnd.toMilter
                            |> Done
                }
