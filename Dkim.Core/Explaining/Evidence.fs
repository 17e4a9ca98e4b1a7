/// What is known of a signature that is to be explained: everything that was looked up, selected and hashed.
namespace Dkim.Core.Explaining

open System
open System.Collections.Generic
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Explaining.Edits

/// A message whose signatures are explained, what is known of all of them, and what may be spent on it. Forms of the body
/// that several signatures share are made once.
[<Sealed>]
type ExplainedMail(effort: Effort, policy: VerifyPolicy, now: int64<sec>, mail: Mail, all: SignatureResult list) =
    let bodies = Dictionary<DigestRequest, struct (byte[] * byte[])>()
    let text = lazy (Octets.latin1 mail.Body.Span)

    member _.Effort = effort
    member _.Policy = policy
    member _.Now = now
    member _.Mail = mail
    /// All signatures of the message, topmost first.
    member _.All = all
    member internal _.BodyText = text.Value

    /// The body in canonical form, up to l=, and its digest.
    member internal _.Body(request: DigestRequest) : struct (byte[] * byte[]) =
        match bodies.TryGetValue request with
        | true, known -> known
        | false, _ ->
            let whole = Subject.canonicalBody request.Canon mail.Body.Span

            let octets =
                match request.Limit with
                | ValueSome limit when int64 limit < int64 whole.Length -> Array.truncate (int limit) whole
                | ValueSome _
                | ValueNone -> whole

            let digest =
                match Digests.tryFind request (BodyHasher.ofMail [ request ] mail) with
                | ValueSome found -> found.Value
                | ValueNone -> [||]

            bodies[request] <- struct (octets, digest)
            struct (octets, digest)

/// What is known of one signature before steps are told.
[<NoComparison; NoEquality>]
type internal Evidence =
    {
        Policy: VerifyPolicy
        Now: int64<sec>
        Mail: Mail
        Outcome: SignatureResult
        Signature: Signature
        Answer: Answer
        Record: KeyRecord voption
        Key: PublicKey voption
        Recovered: RecoveredDigest
        Selected: Field list
        /// Names of h= that no field stands for, each with its place among those selected.
        Absent: (string * int) list
        Own: Field
        CanonicalHeader: byte[]
        Request: DigestRequest
        CanonicalBody: byte[]
        BodyDigest: byte[]
        /// The body as Latin-1 text.
        BodyText: string
    }

    member this.IsDkim = this.Signature.Scheme = Dkim

    /// The digest that b= is over.
    member this.SignedDigest: byte[] =
        if not this.IsDkim then
            this.BodyDigest
        else
            Hash.digest this.Signature.Hash this.CanonicalHeader

    /// Whether a digest is the one that was signed.
    member this.IsSigned(digest: byte[]) : bool =
        match this.Recovered, this.Key with
        | RecoveredDigest.Digest(_, signed), _ -> digest.AsSpan().SequenceEqual(ReadOnlySpan signed)
        | RecoveredDigest.OtherKey, _
        | _, ValueNone -> false
        | RecoveredDigest.Closed, ValueSome key -> key.Verify(this.Signature.Hash, digest, this.Signature.Value)

    /// An RSA signature has as many octets as the modulus of its key (RFC 8017 §8.2.2 step 1).
    member this.LengthFits =
        match this.Key with
        | ValueSome key when key.KeyType = Rsa -> this.Signature.Value.Length = (int key.Bits + 7) / 8
        | ValueSome _
        | ValueNone -> true

    /// The key is of the type that a= names.
    member this.KeyTypeFits =
        this.Key |> ValueOption.forall (fun key -> key.KeyType = this.Signature.KeyType)

    /// b= holds the digest of what is here, be it written as it must be or not.
    member this.DigestFits = this.IsSigned this.SignedDigest

    member this.HeaderFits = this.LengthFits && this.DigestFits

    member this.BodyFits =
        if this.IsDkim then
            this.BodyDigest.AsSpan().SequenceEqual(ReadOnlySpan this.Signature.BodyHash)
        else
            this.HeaderFits

module internal Evidence =
    /// The record that decided, or the first that can be read.
    let private recordOf (policy: VerifyPolicy) (judged: SignatureResult) (answer: Answer) : KeyRecord voption =
        match judged.Key, answer.Outcome with
        | ValueSome record, _ -> ValueSome record
        | ValueNone, Records texts ->
            texts
            |> List.tryPick (fun text -> KeyRecord.parse policy.RecordOctets text |> Result.toOption)
            |> Option.toValueOption
        | ValueNone, (NoSuchName | Unavailable _) -> ValueNone

    let private selected (mail: Mail) (judged: SignatureResult) (signature: Signature) : Field list =
        match signature.Scheme with
        | Dkim ->
            let names = signature.SignedFields |> ValueOption.defaultValue []
            Header.select names (ValueSome judged.Position) mail.Header
        | DomainKeys -> Coverage.fields mail.Header judged.Position signature.SignedFields |> List.ofSeq

    let private absent (signature: Signature) (selected: Field list) : (string * int) list =
        let next (rest: Field list, found: (string * int) list) (name: FieldName) =
            match rest with
            | field :: later when field.Is name.Text -> later, found
            | _ -> rest, (name.Text, selected.Length - rest.Length) :: found

        match signature.Scheme, signature.SignedFields with
        | Dkim, ValueSome names -> names |> List.fold next (selected, []) |> snd |> List.rev
        | Dkim, ValueNone
        | DomainKeys, _ -> []

    /// Gathers it for a signature that was judged.
    let gather (message: ExplainedMail) answer (judged: SignatureResult) (signature: Signature) : Evidence =
        let mail = message.Mail
        let record = recordOf message.Policy judged answer

        let key =
            record
            |> ValueOption.bind (fun record -> PublicKey.ofRecord record |> Result.toValueOption)

        let fields = selected mail judged signature
        let own = CanonicalHeader.without signature.ValueExtent judged.Field
        let request = Coverage.digest mail.Header judged.Position signature
        let struct (body, digest) = message.Body request

        {
            Policy = message.Policy
            Now = message.Now
            Mail = mail
            Outcome = judged
            Signature = signature
            Answer = answer
            Record = record
            Key = key
            Recovered =
                match record with
                | ValueSome record -> RecoveredDigest.recover record signature.Value
                | ValueNone -> RecoveredDigest.Closed
            Selected = fields
            Absent = absent signature fields
            Own = own
            CanonicalHeader =
                if signature.Scheme = Dkim then
                    CanonicalHeader.signedOctets signature.HeaderCanon fields own
                else
                    request.Prefix.ToArray()
            Request = request
            CanonicalBody = body
            BodyDigest = digest
            BodyText = message.BodyText
        }
