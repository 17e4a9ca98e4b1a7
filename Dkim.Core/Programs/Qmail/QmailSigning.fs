/// The signatures that qmail-dk makes: which keys a message wants, and which signatures they give.
namespace Dkim.Core.Programs.Qmail

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Signatures

/// A signature that the settings want of a message, and the key that it needs.
type internal WantedSignature =
    {
        Scheme: Scheme
        Path: string
        Selector: string
        /// The path had a `%`: such a key may be missing.
        PerDomain: bool
        /// The domain to sign for; nothing where the message has none.
        Domain: DomainName voption
    }

module internal QmailSigning =
    /// How qmail-dk has always written a signature, but for its line ends.
    let private domainKeysLayout: Layout =
        {
            Order = [ "a"; "q"; "c"; "s"; "d"; "b" ]
            Margin = Int32.MaxValue
            TagBreak = "\r\n  "
            ValueBreak = ""
            WholeTags = false
            LooseMarks = false
            BreakBeforeColon = false
            Starts = [ "s"; "b" ]
            LowerCaseNames = false
            Tail = "  ;"
        }

    /// Stands above each DomainKeys signature, which does not cover it.
    let private comment =
        Field.ofText "Comment" " DomainKeys? See http://antispam.yahoo.com/domainkeys"

    let private wanted (domain: DomainName voption) scheme (template: string) : WantedSignature voption =
        let slash = template.LastIndexOf '/'
        let percent = template.IndexOf '%'

        let signature path =
            {
                Scheme = scheme
                Path = path
                Selector = template.Substring(slash + 1)
                PerDomain = percent >= 0
                Domain = domain
            }

        match percent, domain with
        | -1, _ -> ValueSome(signature template)
        | _, ValueSome domain ->
            ValueSome(signature (template.Substring(0, percent) + domain.Text + template.Substring(percent + 1)))
        | _, ValueNone -> ValueNone

    /// The signatures to make, the one that shall stand on top first: DomainKeys covers what is below it.
    let wantedFor (settings: QmailSettings) (header: Header) : WantedSignature list =
        let author = Originator.tryAuthor header |> ValueOption.bind Originator.tryDomain

        let sending =
            Originator.trySending header
            |> ValueOption.bind (fun (struct (_, address)) -> Originator.tryDomain address)

        let dkim =
            settings.DkimKeys
            |> ValueOption.defaultValue []
            |> List.map (wanted author Dkim)

        dkim @ [ wanted sending DomainKeys settings.DomainKeysKey ]
        |> List.collect (fun one -> if one.IsSome then [ one.Value ] else [])

    // Blank lines, comments and trailing blanks are not part of a key.
    let private cleaned (octets: ReadOnlyMemory<byte>) : string =
        (Octets.latin1 octets.Span).Split '\n'
        |> Array.map _.TrimEnd()
        |> Array.filter (fun line -> line <> "" && line[0] <> '#')
        |> fun lines -> String.Join('\n', lines)

    let private fields (scheme: Scheme) : FieldChoice =
        {
            Covers = RecommendedFields.covers
            Always = []
            Sealed =
                match scheme with
                | Dkim -> [ FieldName.known "From" ]
                | DomainKeys -> []
        }

    let private request scheme (key: SigningKey) (domain: DomainName) (selector: Selector) : SigningRequest =
        let isDkim = scheme = Dkim

        let struct (header, body) =
            if isDkim then
                struct (RelaxedHeader, RelaxedBody)
            else
                struct (NofwsHeader, NofwsBody)

        {
            Scheme = scheme
            Key = key
            Hash = if isDkim then Sha256 else Sha1
            HeaderCanon = header
            BodyCanon = body
            CanonText = if isDkim then "relaxed/relaxed" else "nofws"
            Domain = domain
            Selector = selector
            Identity = ValueNone
            Fields = fields scheme
            // Without h= it covers the whole header.
            WithNames = isDkim
            Length = NoLength
            WithTime = isDkim
            Lifetime = ValueNone
            Copies = ValueNone
            WantsReports = false
            ThirdParty = ValueNone
            Layout = if isDkim then Layout.dkimproxy else domainKeysLayout
        }

    let private misconfigured reason : Result<'a, QmailRefusal> =
        Error(QmailRefusal.ofFault QmailExit.Configuration reason)

    let private withKey (wanted: WantedSignature) octets : Result<SigningRequest voption, QmailRefusal> =
        let unusable reason =
            misconfigured ("the key " + wanted.Path + ": " + reason)

        match SigningKey.parse ValueNone (cleaned octets), Selector.tryCreate wanted.Selector with
        | Error error, _ -> unusable (PrivateKeyError.describe error)
        | _, Error error -> unusable ("its name is the selector, and that is none: " + NameError.describe error)
        | Ok key, Ok _ when wanted.Scheme = DomainKeys && key.KeyType <> Rsa ->
            unusable "DomainKeys has RSA keys only; name this one in DKIMSIGN"
        | Ok key, Ok selector ->
            match SigningStrength.check false SigningStrength.leastBits wanted.Scheme key Sha256, wanted.Domain with
            | Error error, _ -> unusable error
            | Ok(), ValueNone -> Ok ValueNone
            | Ok(), ValueSome domain -> Ok(ValueSome(request wanted.Scheme key domain selector))

    /// The request for a signature with its key, nothing where it is left out, or why the message is not handed on.
    let resolve (wanted: WantedSignature) : Step<Result<SigningRequest voption, QmailRefusal>> =
        Step.file FileKind.PrivateKey wanted.Path
        |> Step.map (fun contents ->
            match contents.Problem with
            | ValueSome FileContents.NotFound when wanted.PerDomain -> Ok ValueNone
            | ValueSome FileContents.NotFound ->
                (if wanted.Path = "" then
                     "DKSIGN is set to nothing; name a key in it, or take it out of the environment"
                 else
                     "the key "
                     + wanted.Path
                     + ": no such file; make it with dknewkey, or write % for the domain in its path")
                |> QmailRefusal.ofFault QmailExit.NoPrivateKey
                |> Error
            | ValueSome reason ->
                misconfigured (
                    "the key "
                    + wanted.Path
                    + " cannot be read: "
                    + reason
                    + "; give it to a group of its own, and qmail-dk that group and mode 2755"
                )
            | ValueNone -> withKey wanted contents.Octets)

    /// A plan of the requests that this message can have, or why it is not handed on. Each stands alone: a message that
    /// cannot have one signature may have another.
    let plan (now: int64<sec>) (header: Header) (requests: SigningRequest list) : Result<SignPlan, QmailRefusal> =
        let add (request: SigningRequest) (rest: Result<SignPlan list, QmailRefusal>) =
            match rest, Signer.planOne now header request with
            | Error refusal, _ -> Error refusal
            | Ok rest, Ok plan -> Ok(plan :: rest)
            | Ok rest, Error(NoFromField | NoSendingAddress | NotTheSendersDomain | SignedAlready) -> Ok rest
            | Ok _, Error(KeyDoesNotFit as error) ->
                misconfigured (
                    "the key of the selector "
                    + request.Selector.Text
                    + ": "
                    + SignError.describe error
                )
            | Ok _, Error(SelfCheckFailed as error) ->
                Error(QmailRefusal.ofFault QmailExit.Internal (SignError.describe error))

        let names =
            requests
            |> List.map (fun request -> KeyRecord.name request.Selector request.Domain, request.Key.KeyType)

        match SigningStrength.trySharedName names with
        | ValueSome name ->
            misconfigured ("keys of two types would have to stand at " + name + "; rename one of the files")
        | ValueNone -> List.foldBack add requests (Ok []) |> Result.map Signer.join

    /// The fields to put on top for the signatures, in their order.
    let added (signatures: Field list) : Field list =
        signatures
        |> List.collect (fun field ->
            if field.Is(Layout.fieldName DomainKeys) then
                [ comment; field ]
            else
                [ field ])
