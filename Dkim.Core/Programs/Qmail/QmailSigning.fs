/// The signatures that qmail-dk makes: which keys a message wants, and which signatures they give.
namespace Dkim.Core

open System

/// A private key as the host found it.
[<Struct>]
type KeyFile =
    private
    | There of octets: ReadOnlyMemory<byte>
    | Absent
    | Locked

    static member Found(octets: ReadOnlyMemory<byte>) : KeyFile = There octets
    /// There is no such file.
    static member Missing: KeyFile = Absent
    /// There is one, which cannot be read.
    static member Unreadable: KeyFile = Locked

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
    let plan (settings: QmailSettings) (header: Header) : WantedSignature list =
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
            Covers = fun name -> SigningChoice.signedFields.Contains(name.ToLowerInvariant())
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
            Layout = if isDkim then Layout.dkimproxy else domainKeysLayout
        }

    let private withKey (wanted: WantedSignature) (octets: ReadOnlyMemory<byte>) : Result<SigningRequest voption, int> =
        match SigningKey.parse ValueNone (cleaned octets), Selector.tryCreate wanted.Selector, wanted.Domain with
        | Error _, _, _
        | _, Error _, _ -> Error QmailExit.Configuration
        | Ok key, Ok _, _ when wanted.Scheme = DomainKeys && key.KeyType <> Rsa -> Error QmailExit.Configuration
        | Ok key, Ok _, _ when (SigningStrength.check false SigningStrength.leastBits wanted.Scheme key Sha256).IsError ->
            Error QmailExit.Configuration
        | Ok _, Ok _, ValueNone -> Ok ValueNone
        | Ok key, Ok selector, ValueSome domain -> Ok(ValueSome(request wanted.Scheme key domain selector))

    /// The request for a signature with its key, nothing where it is left out, or the exit code.
    let resolve (files: string -> KeyFile) (wanted: WantedSignature) : Result<SigningRequest voption, int> =
        match files wanted.Path with
        | Absent when wanted.PerDomain -> Ok ValueNone
        | Absent -> Error QmailExit.NoPrivateKey
        | Locked -> Error QmailExit.Configuration
        | There octets -> withKey wanted octets

    /// A plan of the requests that this message can have, or the exit code. Each stands alone: a message that cannot have
    /// one signature may have another.
    let possible (now: int64<sec>) (header: Header) (requests: SigningRequest list) : Result<SigningRequest list, int> =
        let add (request: SigningRequest) (rest: Result<SigningRequest list, int>) =
            match rest, Signer.plan [ request ] now header with
            | Error code, _ -> Error code
            | Ok rest, Ok _ -> Ok(request :: rest)
            | Ok rest, Error(NoFromField | NoSendingAddress | NotTheSendersDomain | SignedAlready) -> Ok rest
            | Ok _, Error KeyDoesNotFit -> Error QmailExit.Configuration
            | Ok _, Error SelfCheckFailed -> Error QmailExit.Internal

        let names =
            requests
            |> List.map (fun request -> KeyRecord.name request.Selector request.Domain, request.Key.KeyType)

        if (SigningStrength.trySharedName names).IsSome then
            Error QmailExit.Configuration
        else
            List.foldBack add requests (Ok [])

    /// The fields to put on top for the signatures, in their order.
    let added (signatures: Field list) : Field list =
        signatures
        |> List.collect (fun field ->
            if field.Is(Layout.fieldName DomainKeys) then
                [ comment; field ]
            else
                [ field ])
