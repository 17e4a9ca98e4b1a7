/// `dkim sign`: one signature for one message.
module internal Dkim.Core.Programs.Tool.Commands.Sign

open System
open System.Buffers
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Running.Command
open Dkim.Core.Programs.Tool.Judging

[<Literal>]
let private Program = "dkim sign"

let private fields (settings: ToolSettings) : FieldChoice =
    let covers (name: string) =
        if settings.SignedNames.IsEmpty then
            RecommendedFields.covers name
        else
            settings.SignedNames |> List.exists _.Is(name)
            || name.Equals("From", StringComparison.OrdinalIgnoreCase)

    {
        Covers = covers
        Always = []
        Sealed = if settings.Sealed then RecommendedFields.seal else []
    }

/// The canonicalization and c=. DomainKeys has one word for both halves.
let private canon (settings: ToolSettings) : Result<struct (HeaderCanon * BodyCanon), string> =
    match settings.Scheme, settings.HeaderCanon with
    | Dkim, NofwsHeader -> Error "nofws is a canonicalization of DomainKeys (write relaxed or simple)"
    | Dkim, header -> Ok(struct (header, settings.BodyCanon))
    | DomainKeys, SimpleHeader -> Ok(struct (SimpleHeader, DomainKeysSimpleBody))
    | DomainKeys, (RelaxedHeader | NofwsHeader) -> Ok(struct (NofwsHeader, NofwsBody))

let private request (settings: ToolSettings) key domain selector (struct (header, body)) : SigningRequest =
    let isDkim = settings.Scheme = Dkim
    let choice = fields settings

    {
        Scheme = settings.Scheme
        Key = key
        Hash = if isDkim then settings.Hash else Sha1
        HeaderCanon = header
        BodyCanon = body
        CanonText = Algorithms.canonName header body
        Domain = domain
        Selector = selector
        Identity = if isDkim then settings.Identity else ValueNone
        Fields = choice
        WithNames = true
        Length =
            if settings.WithLength && isDkim then
                WholeLength
            else
                NoLength
        WithTime = settings.WithTime && isDkim
        Lifetime = if isDkim then settings.Lifetime else ValueNone
        Copies =
            if settings.Copies && isDkim then
                ValueSome choice.Covers
            else
                ValueNone
        WantsReports = false
        ThirdParty = ValueNone
        Layout =
            if isDkim then
                Layout.dkimproxy
            else
                Layout.dkimproxyDomainKeys
    }

/// CRLF made LF again, for a file that had LF.
let private withLf (octets: ReadOnlyMemory<byte>) : ReadOnlyMemory<byte> =
    let sink = ArrayBufferWriter<byte>(octets.Length)
    let mutable rest = octets.Span

    while not rest.IsEmpty do
        match rest.IndexOf(ReadOnlySpan Octets.crlf) with
        | -1 ->
            sink.Write rest
            rest <- ReadOnlySpan.Empty
        | at ->
            sink.Write(rest.Slice(0, at))
            sink.Write "\n"B
            rest <- rest.Slice(at + 2)

    sink.WrittenMemory

let private printed (settings: ToolSettings) (mail: Mail) (signatures: Field list) : ReadOnlyMemory<byte> =
    let sink = ArrayBufferWriter<byte> 1024

    for field in signatures do
        sink.Write field.Raw.Span
        sink.Write(ReadOnlySpan Octets.crlf)

    if settings.WholeMessage then
        sink.Write mail.Octets.Span

    if mail.Converted then
        withLf sink.WrittenMemory
    else
        sink.WrittenMemory

let private sign (now: int64<sec>) (mail: Mail) (request: SigningRequest) : Result<Field list, SignError> =
    Signer.plan [ request ] now mail.Header
    |> Result.bind (fun plan -> Signer.conclude plan (BodyHasher.ofMail plan.Digests mail))

let run (settings: ToolSettings) (clock: int64<sec>) (operands: string list) : Command<int> =
    let needs name value =
        PrivateKeys.required Program name ("write --" + name + "=...") value

    let problem (text: string) = Program + ": " + text

    command {
        let! keyFile = needs "key" settings.KeyFile
        let! selector = needs "selector" settings.Selector
        let! domain = needs "domain" settings.Domain
        let! canon = canon settings |> orFail SysExit.Usage problem

        let! path =
            match operands with
            | [] -> Ok "-"
            | [ path ] -> Ok path
            | _ -> Error "more than one message"
            |> orFail SysExit.Usage problem

        let! key = PrivateKeys.load settings.PassphraseFile keyFile

        let! key =
            key |> orFail SysExit.NoInput (fun reason -> problem (keyFile + ": " + reason))

        // --hash=sha1 says for itself that it is not secure.
        do!
            SigningStrength.check true SigningStrength.leastBits settings.Scheme key settings.Hash
            |> orFail SysExit.DataError (fun reason -> problem (keyFile + ": " + reason))

        let! mail = MailInput.plain settings path

        let! mail =
            mail |> orFail SysExit.DataError (fun reason -> problem (path + ": " + reason))

        let now = settings.Now |> ValueOption.defaultValue clock

        let! signatures =
            sign now mail (request settings key domain selector canon)
            |> orFail SysExit.DataError (SignError.describe >> problem)

        do! printOctets (printed settings mail signatures)
        return ExitCode.Success
    }
