/// How the filters sign: which fields, with which tags, and what becomes of a message that cannot be signed
/// (dkim-filter(8), dkim-filter.conf(5), dk-filter(8)).
namespace Dkim.Core.Programs.Filters.Deciding

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Settings

module internal MessageSigner =
    /// A generated field beyond this is an error, as ever.
    [<Literal>]
    let private LongestField = 4096

    let private dkimFields (signing: SigningSettings) : FieldChoice =
        let overSigned (name: FieldName) =
            List.contains name signing.OverSignHeaders

        {
            Covers = SigningSettings.covers signing
            Always = signing.AlwaysSignHeaders |> List.filter (overSigned >> not)
            Sealed = signing.OverSignHeaders
        }

    // DomainKeys signs the whole header but for what is left out (RFC 4870 §3.3 h=).
    let private domainKeysFields (signing: SigningSettings) : FieldChoice =
        {
            Covers = fun name -> not (SigningSettings.omits signing name)
            Always = []
            Sealed = []
        }

    let private hash (signing: SigningSettings) (key: SigningKey) : Hash =
        match key.KeyType with
        | Rsa ->
            let struct (_, hash) = signing.Algorithm
            hash
        | Ed25519 -> Sha256

    let private dkimRequest (signing: SigningSettings) (wanted: WantedKey) : SigningRequest =
        {
            Scheme = Dkim
            Key = wanted.Key
            Hash = hash signing wanted.Key
            HeaderCanon = signing.HeaderCanon
            BodyCanon = signing.BodyCanon
            CanonText = Algorithms.canonName signing.HeaderCanon signing.BodyCanon
            Domain = wanted.Domain
            Selector = wanted.Selector
            Identity = wanted.Identity
            Fields = dkimFields signing
            WithNames = true
            Length = SigningSettings.length signing
            WithTime = true
            Lifetime = signing.Lifetime
            Copies =
                if signing.Diagnostics then
                    ValueSome(fun name -> not (SigningSettings.omits signing name))
                else
                    ValueNone
            WantsReports = false
            ThirdParty = ValueNone
            Layout = Layout.dkimFilter
        }

    /// Whether some field of the header is left out of what is signed.
    let private omitsSome (signing: SigningSettings) (header: Header) =
        header.Fields
        |> Seq.exists (fun field -> SigningSettings.omits signing field.Name)

    let private domainKeysRequest (signing: SigningSettings) (header: Header) (wanted: WantedKey) : SigningRequest =
        { dkimRequest signing wanted with
            Scheme = DomainKeys
            Hash = Sha1
            Fields = domainKeysFields signing
            // A verifier that does not know what was left out would fail the signature.
            WithNames = signing.WithNames || omitsSome signing header
            Identity = ValueNone
            Length = NoLength
            WithTime = false
            Lifetime = ValueNone
            Copies = ValueNone
            WantsReports = false
            ThirdParty = ValueNone
            Layout = Layout.dkFilter
        }

    let private fieldName (message: FilterMessage) = Layout.fieldName message.Product.Scheme

    /// The field that tells of the filter's presence, if it is wanted.
    let presence (message: FilterMessage) : Field list =
        if message.Policy.Reporting.XHeader then
            let text = message.Product.Banner + " " + message.Host + " " + message.Job
            [ Field.ofText message.Product.XField (" " + text) ]
        else
            []

    let private failed (message: FilterMessage) log (action: Disposition) (line: string) (text: string) =
        { FilterDecision.accept message (log @ [ message.Failure line ]) with
            Reply = FilterDecision.reply action text
        }

    let private fail (message: FilterMessage) (log: LogLine list) (error: SignError) : FilterDecision =
        let actions = message.Policy.Actions

        let scheme =
            if message.Product.Scheme = Dkim then
                "DKIM"
            else
                "DomainKeys"

        let library = if message.Product.Scheme = Dkim then "libdkim" else "libdk"

        match error with
        | NoFromField
        | NoSendingAddress
        | NotTheSendersDomain
        | SignedAlready ->
            failed
                message
                log
                actions.BadSignature
                ("syntax error: " + SignError.describe error)
                (scheme + " signature syntax error")
        | KeyDoesNotFit
        | SelfCheckFailed ->
            failed
                message
                log
                actions.InternalError
                ("eom(): internal error from " + library + ": " + SignError.describe error)
                ("internal " + scheme + " error")

    let private tooLong (message: FilterMessage) log =
        failed
            message
            log
            message.Policy.Actions.InternalError
            ("eom(): resource unavailable: generated field longer than "
             + string LongestField
             + " octets")
            "resource unavailable"

    let private signed (message: FilterMessage) log deleted requests (fields: Field list) : FilterDecision =
        let success =
            if message.Policy.Reporting.SyslogSuccess then
                let facts =
                    (requests |> List.collect LogFields.ofRequest)
                    @ [ LogFields.fact LogField.Result "signed" ]

                [
                    message.LineWith LogLevel.Info ("\"" + fieldName message + "\" header added") facts
                ]
            else
                []

        { FilterDecision.accept message (log @ success) with
            Edits =
                {
                    Place = message.Product.Place
                    Deleted = deleted
                    Added = presence message @ fields
                }
        }

    // What a signature just made was computed from.
    let private hashed (header: Header) (bodies: KeptBody list) (field: Field) : ReadOnlyMemory<byte> list =
        let whole = Header.prepend field header

        match Signature.parse SignatureLimits.defaults field with
        | Error _ -> []
        | Ok signature ->
            let covered = ReadOnlyMemory(FailureReport.canonicalHeader whole 0 signature)

            match bodies |> List.tryPick (fun body -> body.Finish() |> ValueOption.toOption) with
            | Some octets -> [ covered; octets ]
            | None -> [ covered ]

    let private keepers (message: FilterMessage) : KeptBody list =
        if message.Policy.Reporting.KeepsHashed && message.Product.Scheme = Dkim then
            [ KeptBody(message.Policy.Signing.BodyCanon, KeptBody.LongestInFile) ]
        else
            []

    /// The header to sign, and the fields that go first (RemoveOldSignatures).
    let private prepared (message: FilterMessage) : struct (Header * (string * int) list) =
        let header = message.Envelope.Header
        let name = fieldName message

        if message.Policy.Signing.RemoveOldSignatures then
            let left = header.Fields |> Seq.filter (fun field -> not (field.Is name))
            struct (Header.ofFields left, HeaderEdits.deleteAll name header)
        else
            struct (header, [])

    /// Signs. `log` comes first in what the decision says.
    let work
        (message: FilterMessage)
        (log: LogLine list)
        (keys: WantedKey list)
        : struct (KeptBody list * Work<FilterDecision>) =
        let signing = message.Policy.Signing
        let struct (signable, deleted) = prepared message

        let request =
            match message.Product.Scheme with
            | Dkim -> dkimRequest signing
            | DomainKeys -> domainKeysRequest signing signable

        let requests = List.map request keys
        let bodies = keepers message

        let conclude (fields: Field list) =
            if fields |> List.exists (fun field -> field.Raw.Length > LongestField) then
                tooLong message log
            else
                { signed message log deleted requests fields with
                    Kept =
                        if message.Policy.Reporting.KeepsHashed then
                            fields |> List.truncate 1 |> List.collect (hashed signable bodies)
                        else
                            []
                }

        match Signer.plan requests message.Envelope.Now signable with
        | Error error -> struct ([], Work.decided (fail message log error))
        | Ok plan ->
            struct (bodies,
                    {
                        Questions = []
                        Digests = plan.Digests
                        Conclude =
                            fun digests _ ->
                                match Signer.conclude plan digests with
                                | Error error -> Done(fail message log error)
                                | Ok fields -> Done(conclude fields)
                    })
