/// What opendkim calls the result of each signature, and the field that tells them all (RFC 8601).
namespace Dkim.Core.Programs.Filters.OpenDkim

open System
open System.Text
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Filters.Deciding

module internal Results =
    /// The words of a good signature under what DNSSEC says of its key.
    let treatment (verifying: VerifyingSettings) (judged: SignatureResult) : KeyTreatment =
        match judged.KeySecurity with
        | Security.Bogus -> verifying.BogusKey
        | Security.Insecure -> verifying.InsecureKey
        | _ -> KeyTreatment.Unchanged

    /// The text of a verdict, as LogResults has it.
    let text (judged: SignatureResult) : string =
        match judged.Verdict with
        | Verdict.Pass -> "no signature error"
        | TempFail _ -> Wording.KeyUnavailable
        | PermFail(Unacceptable(ShortKey _)) -> "signing key too small"
        | PermFail(BadSignature ExpiresBeforeSigned) -> "signature expired"
        | PermFail(BadSignature(MissingTag _)) -> "missing parameter(s) in signature data"
        | PermFail(BadSignature(MalformedTagList(NotATagList _))) -> "tag without value at end of signature data"
        | PermFail refusal -> Wording.ofRefusal judged.Key refusal

    /// The result and its reason.
    let private word (verifying: VerifyingSettings) (judged: SignatureResult) : struct (string * string voption) =
        let because = ValueSome(text judged)

        match judged.Verdict with
        | Verdict.Pass ->
            match treatment verifying judged with
            | KeyTreatment.Unchanged -> struct ("pass", ValueNone)
            | KeyTreatment.Neutral -> struct ("neutral", ValueNone)
            | KeyTreatment.Fail -> struct ("fail", ValueNone)
        | TempFail _
        | PermFail(BadKey(SeveralKeys | RecordTooLong _)) -> struct ("temperror", ValueNone)
        | PermFail(BodyAltered | HeaderAltered)
        | PermFail(BadKey(NoKey | Revoked)) -> struct ("fail", because)
        | PermFail(Unacceptable(ShortKey _)) -> struct ("policy", because)
        | PermFail(Unacceptable(TooManySignatures _ | RefusedDomain)) -> struct ("policy", ValueNone)
        | PermFail(Unacceptable(UnsignedField _ | UnsignedOctets _ | InsecureHash _))
        | PermFail(BadSignature _ | BadKey _ | Expired _ | NotYetValid _ | BodyShorter _) ->
            struct ("permerror", ValueNone)

    let private security (security: Security) : string =
        match security with
        | Security.Secure -> "; secure"
        | Security.Insecure -> "; unprotected"
        | Security.Bogus -> "; bogus"
        | _ -> ""

    // Of a key that a hash was checked with, or that was too short for it.
    let private comment (judged: SignatureResult) : string =
        match judged.Verdict, judged.Signature, judged.KeyBits with
        | (Verdict.Pass | PermFail(BodyAltered | HeaderAltered | Unacceptable(ShortKey _))),
          ValueSome signature,
          ValueSome bits when signature.KeyType = Rsa ->
            " (" + string (int bits) + "-bit key" + security judged.KeySecurity + ")"
        | _ -> ""

    /// The first characters of b=.
    let private start (signature: Signature) : string =
        let value = Convert.ToBase64String signature.Value
        value.Substring(0, min 8 value.Length)

    let private quoted (text: string) =
        if text |> String.forall (fun c -> Char.IsAsciiLetterOrDigit c || c = '+') then
            text
        else
            "\"" + text + "\""

    let private properties (withStart: bool) (header: Header) (signature: Signature) : string =
        // As any reader can take it.
        let value name (text: string) =
            let isPlain =
                String.forall (fun c -> Printable.isAscii c && not ("()<>,;:\\\"[]?= ".Contains c)) text

            let escaped = (Printable.tameAscii text).Replace("\\", "\\\\").Replace("\"", "\\\"")
            " header." + name + "=" + (if isPlain then text else "\"" + escaped + "\"")

        value "d" signature.Domain.Text
        + value "i" (SignatureResults.identityText header signature.EffectiveIdentity)
        + value "a" signature.Algorithm
        + value "s" signature.Selector.Text
        + (if withStart then
               " header.b=" + quoted (start signature)
           else
               "")

    let private clause (message: OpenDkimMessage) (judged: SignatureResult) : string =
        let struct (word, reason) = word message.Policy.Filter.Verifying judged
        let header = message.Envelope.Header

        "dkim="
        + word
        + (match reason with
           | ValueSome reason -> " reason=\"" + reason + "\""
           | ValueNone -> "")
        + comment judged
        + (match judged.Signature with
           | ValueSome signature -> properties (not message.Policy.Own.NoHeaderB) header signature
           | ValueNone -> "")

    let private field (message: OpenDkimMessage) (clauses: string list) : Field =
        let text = StringBuilder(" " + message.ServiceId)

        for clause in clauses do
            text.Append(";\r\n\t").Append clause |> ignore

        Field.ofText AuthenticationResults.FieldName (text.ToString())

    let private authorization (word: ResultWord) = "dkim-atps=" + ResultWord.name word

    /// The field of a message whose signatures were judged, and whether the author's domain has authorized one of them,
    /// where that was asked.
    let ofSignatures (message: OpenDkimMessage) (atps: ResultWord voption) (judged: SignatureResult list) : Field =
        List.map (clause message) judged
        @ (atps |> ValueOption.map authorization |> ValueOption.toList)
        |> field message

    /// The result of one signature, as a report has it.
    let reported (message: OpenDkimMessage) (judged: SignatureResult) : MethodResult =
        let struct (word, reason) = word message.Policy.Filter.Verifying judged

        {
            Method = "dkim"
            MethodVersion = ValueNone
            Result = word
            Comment = ValueNone
            Reason = reason
            Properties = SignatureResults.identityProperties message.Envelope.Header judged
        }

    /// The field of a message without signatures.
    let none (message: OpenDkimMessage) : Field = field message [ "dkim=none" ]

    /// The field of a message that cannot be handled.
    let malformed (message: OpenDkimMessage) : Field =
        field message [ "dkim=permerror (bad message/signature format)" ]

    /// The line that has every result.
    let line (judged: SignatureResult list) : string =
        let one (judged: SignatureResult) =
            match judged.Signature with
            | ValueSome signature ->
                "signature="
                + start signature
                + " domain="
                + signature.Domain.Text
                + " selector="
                + signature.Selector.Text
                + " result=\""
                + text judged
                + "\""
            | ValueNone -> "signature=? result=\"" + text judged + "\""

        String.Join("; ", List.map one judged)
