/// Reports of signatures that failed, to those who asked for them (RFC 6651 §3.3), in the Abuse Reporting Format with its
/// extension for authentication failures (RFC 5965, RFC 6591).
namespace Dkim.Core.Signatures

open System
open System.Buffers
open System.Globalization
open System.Text
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization

/// What became of the message (RFC 6591 §3.2.2).
[<Struct; RequireQualifiedAccess>]
type DeliveryResult =
    | Delivered
    | Policy
    | Reject
    | Other

/// What is reported: a signature, or a message that its author's domain disowns.
type Failure =
    | SignatureFailure of SignatureResult
    | PolicyFailure of author: DomainName * record: string

/// What the reporter knows beside the failure.
[<NoComparison; NoEquality>]
type ReportContext =
    {
        /// Name and version, as in `dkim-filter/1.0`.
        UserAgent: string
        /// The reporting host.
        Host: string
        /// The address that the report is from.
        From: string
        /// Who gets each report, too: addresses between commas.
        BlindCopies: string voption
        /// A name for the message on this host, such as its queue id.
        Job: string
        Now: int64<sec>
        MailFrom: string voption
        SourceIp: string voption
        Delivery: DeliveryResult
        /// The Authentication-Results field with the one result that is reported, from its authserv-id on.
        Results: string
        /// The body as it was hashed, if it was kept.
        CanonicalBody: ReadOnlyMemory<byte> voption
    }

module FailureReport =
    /// Reports made of one message at most, each to another domain (RFC 6651 §3.3).
    [<Literal>]
    let MostReports = 3

    let private ofSignatureError (error: SignatureError) : ReportReason =
        match error with
        | MalformedTagList _
        | MissingTag _
        | EmptyTag _
        | MalformedTag _
        | UnfitBodyHash
        | TooManyNames _
        | IdentityOutsideDomain
        | FromNotSigned
        | ExpiresBeforeSigned
        | SenderUnknown
        | DomainNotOfSender
        | SenderNotSigned -> ReportReason.Syntax
        | UnsupportedVersion _
        | UnsupportedAlgorithm _
        | UnsupportedCanonicalization _
        | UnsupportedQuery _ -> ReportReason.Other

    let private ofKeyError (error: KeyError) : ReportReason =
        match error with
        | NoKey -> ReportReason.Dns
        | SeveralKeys
        | MalformedRecord _
        | UnsupportedRecordVersion _
        | MissingKeyData
        | MalformedKeyData _
        | UnsupportedKeyType _
        | RecordTooLong _ -> ReportReason.Syntax
        | UntrustedKey _
        | KeyTooLong _ -> ReportReason.Policy
        | Revoked
        | UnfitKeyType _
        | HashNotAllowed _
        | ServiceNotAllowed
        | SubdomainNotAllowed
        | GranularityMismatch -> ReportReason.Other

    /// Why a signature did not pass, in the terms of a request; nothing if it did (RFC 6651 §5.1).
    let reason (verdict: Verdict) : ReportReason voption =
        match verdict with
        | Pass -> ValueNone
        | TempFail _ -> ValueSome ReportReason.Dns
        | PermFail refusal ->
            match refusal with
            | BadSignature error -> ofSignatureError error
            | BadKey error -> ofKeyError error
            | Expired _ -> ReportReason.Expiry
            | BodyAltered
            | HeaderAltered -> ReportReason.Verification
            | Unacceptable _ -> ReportReason.Policy
            | NotYetValid _
            | BodyShorter _ -> ReportReason.Other
            |> ValueSome

    /// The signatures that asked for reports and failed, one for each domain (RFC 6651 §3.3 steps 1 and 2).
    let candidates (judged: SignatureResult list) : (DomainName * SignatureResult) list =
        judged
        |> List.choose (fun signature ->
            match signature.Signature, reason signature.Verdict with
            | ValueSome read, ValueSome _ when read.ReportsWanted -> Some(read.Domain, signature)
            | _ -> None)
        |> List.distinctBy fst
        |> List.truncate MostReports

    let question (domain: DomainName) : Question =
        {
            Name = ReportRequest.name domain
            Type = RecordType.Txt
        }

    /// What the answer asks for, if it asks for anything on this failure. `chance` is a random number from 0 to 99 (§3.3
    /// steps 3 to 7).
    let request (verdict: Verdict) (chance: int) (answer: Answer) : ReportRequest voption =
        match answer.Outcome, reason verdict with
        | Records [ text ], ValueSome reason ->
            ReportRequest.tryParse text
            |> ValueOption.filter (fun request ->
                chance < request.Percent
                && request.Reasons |> ValueOption.forall (List.contains reason))
        | _ -> ValueNone

    /// The address that a request wants the report at (§3.3 step 8).
    let recipient (domain: DomainName) (request: ReportRequest) : string voption =
        request.LocalPart
        |> ValueOption.map (fun localPart -> localPart + "@" + domain.Text)

    let private deliveryName (result: DeliveryResult) =
        match result with
        | DeliveryResult.Delivered -> "delivered"
        | DeliveryResult.Policy -> "policy"
        | DeliveryResult.Reject -> "reject"
        | DeliveryResult.Other -> "other"

    /// The type of failure (RFC 6591 §3.3); what has no type of its own did not verify.
    let private failureName (failure: Failure) =
        match failure with
        | PolicyFailure _ -> "adsp"
        | SignatureFailure judged ->
            match judged.Verdict with
            | PermFail BodyAltered -> "bodyhash"
            | PermFail(BadKey Revoked) -> "revoked"
            | PermFail _
            | Verdict.Pass
            | TempFail _ -> "signature"

    let private base64 (octets: ReadOnlySpan<byte>) =
        Convert.ToBase64String(octets, Base64FormattingOptions.InsertLineBreaks).Replace("\r\n", "\r\n ")

    /// The header as b= signs it.
    let internal canonicalHeader (header: Header) (position: int) (signature: Signature) : byte[] =
        let names = signature.SignedFields |> ValueOption.defaultValue []
        let selected = Header.select names (ValueSome position) header

        CanonicalHeader.signedOctets
            signature.HeaderCanon
            selected
            (CanonicalHeader.without signature.ValueExtent header.Fields[position])

    let private signatureFields (context: ReportContext) (header: Header) (judged: SignatureResult) =
        match judged.Signature with
        | ValueNone -> []
        | ValueSome signature ->
            [
                "DKIM-Domain", signature.Domain.Text
                "DKIM-Identity", Printable.tameAscii (signature.EffectiveIdentity.ToString())
                "DKIM-Selector", signature.Selector.Text
                if signature.Scheme = Dkim then
                    "DKIM-Canonicalized-Header", base64 (ReadOnlySpan(canonicalHeader header judged.Position signature))
                match context.CanonicalBody with
                | ValueSome body -> "DKIM-Canonicalized-Body", base64 body.Span
                | ValueNone -> ()
            ]

    let private domainOf (failure: Failure) =
        match failure with
        | PolicyFailure(author, _) -> ValueSome author.Text
        | SignatureFailure judged -> judged.Signature |> ValueOption.map _.Domain.Text

    /// The fields that machines read (RFC 5965 §3, RFC 6591 §3).
    let private machineFields (context: ReportContext) (header: Header) (failure: Failure) =
        let optional name value =
            match value with
            | ValueSome text -> [ name, Printable.tameAscii text ]
            | ValueNone -> []

        [
            "Feedback-Type", "auth-failure"
            "User-Agent", Printable.tameAscii context.UserAgent
            "Version", "1"
            "Auth-Failure", failureName failure
            "Authentication-Results", Printable.tameAscii context.Results
            "Original-Envelope-Id", Printable.tameAscii context.Job
            "Reporting-MTA", "dns; " + Printable.tameAscii context.Host
            "Delivery-Result", deliveryName context.Delivery
        ]
        @ optional "Original-Mail-From" context.MailFrom
        @ optional "Source-IP" context.SourceIp
        @ optional "Reported-Domain" (domainOf failure)
        @ match failure with
          | SignatureFailure judged -> signatureFields context header judged
          | PolicyFailure(_, record) -> [ "DKIM-ADSP-DNS", Printable.tameAscii record ]

    let private explanation (context: ReportContext) (failure: Failure) =
        let what =
            match failure with
            | SignatureFailure judged -> "A signature of your domain failed: " + Verdict.describe judged.Verdict + "."
            | PolicyFailure _ -> "A message with an author in your domain did not conform to its signing practices."

        what
        + "\r\nThe message was "
        + Printable.tameAscii context.Job
        + " at "
        + Printable.tameAscii context.Host
        + ". Its header is attached.\r\n"

    let private date (now: int64<sec>) =
        DateTimeOffset
            .FromUnixTimeSeconds(int64 now)
            .ToString("ddd, dd MMM yyyy HH:mm:ss", CultureInfo.InvariantCulture)
        + " +0000"

    let private lines (fields: (string * string) list) =
        fields
        |> List.map (fun (name, value) -> name + ": " + value + "\r\n")
        |> String.concat ""

    let private headerBlock (header: Header) : byte[] =
        let sink = ArrayBufferWriter<byte> 4096
        CanonicalHeader.writeFields SimpleHeader header.Fields sink
        sink.WrittenSpan.ToArray()

    // A boundary need only differ from every line of the parts; the host and the job make it this report's own.
    let private boundaryFor (context: ReportContext) =
        let own = String.filter Char.IsAsciiLetterOrDigit (context.Host + context.Job)

        "=_report-"
        + string (int64 context.Now)
        + "-"
        + own.Substring(0, min 40 own.Length)

    /// The whole report as a message with CRLF line ends, to be sent from the null address (RFC 5965 §8).
    let render (context: ReportContext) (recipient: string) (header: Header) (failure: Failure) : byte[] =
        let boundary = boundaryFor context
        let block = headerBlock header
        let encoding = if Ascii.IsValid(ReadOnlySpan block) then "7bit" else "8bit"

        let part contentType =
            "--" + boundary + "\r\nContent-Type: " + contentType + "\r\n"

        let head =
            [
                "From", Printable.tameAscii context.From
                "To", Printable.tameAscii recipient
                match context.BlindCopies with
                | ValueSome addresses -> "Bcc", Printable.tameAscii addresses
                | ValueNone -> ()
                "Subject", "DKIM failure report for " + Printable.tameAscii context.Job
                "Date", date context.Now
                "Message-ID", "<" + boundary.Substring 2 + "@" + Printable.tameAscii context.Host + ">"
                "Auto-Submitted", "auto-generated"
                "MIME-Version", "1.0"
                "Content-Type",
                "multipart/report; report-type=feedback-report;\r\n boundary=\""
                + boundary
                + "\""
            ]

        let text =
            lines head
            + "\r\n"
            + part "text/plain; charset=us-ascii"
            + "\r\n"
            + explanation context failure
            + "\r\n"
            + part "message/feedback-report"
            + "\r\n"
            + lines (machineFields context header failure)
            + "\r\n"
            + part "text/rfc822-headers"
            + "Content-Transfer-Encoding: "
            + encoding
            + "\r\n\r\n"

        Array.concat
            [
                Octets.ofLatin1 text
                block
                Octets.ofLatin1 ("\r\n--" + boundary + "--\r\n")
            ]
