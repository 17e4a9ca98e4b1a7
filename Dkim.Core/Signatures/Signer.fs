/// Signing in two steps with the body between them (RFC 6376 §5, RFC 4870 §3). `plan` chooses the fields and says which
/// digests are wanted; `conclude` makes the fields to put on top of the message.
namespace Dkim.Core.Signatures

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Cryptography

/// Whether l= is written. It should not be: what is appended to a message then still verifies (RFC 6376 §8.2).
type LengthTag =
    | NoLength
    | WholeLength
    | AtMost of octets: int64<octet>

/// Which fields a signature covers.
[<NoComparison; NoEquality>]
type FieldChoice =
    {
        /// Whether fields of a name are signed, every occurrence of them, in the order of the message.
        Covers: string -> bool
        /// Names added to h= once where it would not have them, so that no field of the name can be added.
        Always: FieldName list
        /// Names that h= has once more than the message has fields, for the same reason, where they are covered at all.
        Sealed: FieldName list
    }

/// One signature to make.
[<NoComparison; NoEquality>]
type SigningRequest =
    {
        Scheme: Scheme
        Key: SigningKey
        Hash: Hash
        HeaderCanon: HeaderCanon
        BodyCanon: BodyCanon
        /// What c= shall say.
        CanonText: string
        Domain: DomainName
        Selector: Selector
        Identity: Identity voption
        Fields: FieldChoice
        /// Whether h= is written; DKIM always has it, DomainKeys without it covers the whole header.
        WithNames: bool
        Length: LengthTag
        /// Whether t= is written.
        WithTime: bool
        /// The time from t= to x=.
        Lifetime: int64<sec> voption
        /// Fields to copy into z=, if any (RFC 6376 §3.5).
        Copies: (string -> bool) voption
        /// Whether reports of failures are asked for (r=y, RFC 6651 §3.2).
        WantsReports: bool
        /// For which author's domain a third party signs, if it is to be said (atps=, RFC 6541 §4.2).
        ThirdParty: ThirdParty voption
        Layout: Layout
    }

/// Why a message cannot be signed.
type SignError =
    | NoFromField
    | NoSendingAddress
    | NotTheSendersDomain
    | SignedAlready
    | KeyDoesNotFit
    /// The signature just made does not verify: the machine or the key file is damaged.
    | SelfCheckFailed

/// A request whose fields are chosen.
[<NoComparison; NoEquality>]
type internal PreparedSignature =
    {
        Request: SigningRequest
        /// The signature as far as it is known before the body is.
        Template: Signature
        Selected: Field list
        Digest: DigestRequest
    }

/// What must be known to sign one message.
[<NoComparison; NoEquality>]
type SignPlan =
    internal
        {
            Prepared: PreparedSignature list
        }

    /// The digests over the body that are wanted.
    member this.Digests: DigestRequest list =
        this.Prepared |> List.map _.Digest |> List.distinct

    /// What will be signed, in order.
    member this.Requests: SigningRequest list = this.Prepared |> List.map _.Request

module SignError =
    let describe (error: SignError) : string =
        match error with
        | NoFromField -> "no From field to sign"
        | NoSendingAddress -> "no sending address"
        | NotTheSendersDomain -> "the domain is neither the sender's nor above it"
        | SignedAlready -> "a DomainKeys signature is there already"
        | KeyDoesNotFit -> "the key cannot make signatures of this algorithm"
        | SelfCheckFailed -> "the signature just made does not verify"

/// What RFC 8301 asks of signers. DomainKeys is older, and its signatures are never taken for those of DKIM.
module SigningStrength =
    /// The shortest RSA key that signs (RFC 8301 §3.2).
    let leastBits = 1024<bit>

    /// Why a signature would be too weak to be made, unless settings that are named insecure allow it.
    let check (allowSha1: bool) (least: int<bit>) (scheme: Scheme) (key: SigningKey) (hash: Hash) =
        match scheme with
        | Dkim when hash = Sha1 && not allowSha1 ->
            Error "rsa-sha1 is insecure, and no verifier should accept it (RFC 8301)"
        | Dkim when key.KeyType = Rsa && key.Bits < least ->
            Error("an RSA key of " + string (int key.Bits) + " bits is too short (RFC 8301)")
        | Dkim
        | DomainKeys -> Ok()

    /// The first of these names under which keys of two types would have to stand. A name has one record, so signatures
    /// of two types need two selectors (RFC 8463 §6).
    let trySharedName (keys: (string * KeyType) list) : string voption =
        keys
        |> List.distinct
        |> List.countBy fst
        |> List.tryFind (fun (_, types) -> types > 1)
        |> Option.map fst
        |> Option.toValueOption

module Signer =
    /// The names for h=: of the covered fields in the order of the message, then those that seal.
    let internal signedNames (choice: FieldChoice) (header: Header) : FieldName list =
        let present =
            header.Fields
            |> Seq.choose (fun field ->
                match FieldName.tryCreate field.Name with
                | ValueSome name when choice.Covers name.Text -> Some name
                | _ -> None)
            |> List.ofSeq

        let absent =
            choice.Always |> List.filter (fun name -> not (List.contains name present))

        present @ absent @ choice.Sealed

    let private copiedFields (header: Header) (copies: string -> bool) : string =
        header.Fields
        |> Seq.filter (fun field -> copies field.Name)
        |> Seq.map (fun field -> QuotedPrintable.encode field.Name + ":" + QuotedPrintable.encode field.ValueText)
        |> String.concat "|"

    let private template (now: int64<sec>) (header: Header) (request: SigningRequest) names : Signature =
        {
            Scheme = request.Scheme
            KeyType = request.Key.KeyType
            Hash = request.Hash
            HeaderCanon = request.HeaderCanon
            BodyCanon = request.BodyCanon
            CanonText = request.CanonText
            Domain = request.Domain
            Selector = request.Selector
            SignedFields = names
            Identity = request.Identity
            BodyLength = ValueNone
            SignedAt = if request.WithTime then ValueSome now else ValueNone
            ExpiresAt = request.Lifetime |> ValueOption.map (fun lifetime -> now + lifetime)
            CopiedFields = request.Copies |> ValueOption.map (copiedFields header)
            ReportsWanted = request.WantsReports
            ThirdParty = request.ThirdParty
            BodyHash = [||]
            Value = [||]
            ValueExtent = { At = 0<octet>; Length = 0<octet> }
        }

    let private checkFit (request: SigningRequest) : Result<unit, SignError> =
        let fits =
            match request.Scheme, request.Key.KeyType, request.Hash with
            | Dkim, _, Sha256
            | Dkim, Rsa, Sha1
            | DomainKeys, Rsa, Sha1 -> true
            | Dkim, Ed25519, Sha1
            | DomainKeys, Rsa, Sha256
            | DomainKeys, Ed25519, _ -> false

        if fits then Ok() else Error KeyDoesNotFit

    let private prepareDkim now (header: Header) (request: SigningRequest) : Result<PreparedSignature, SignError> =
        let names = signedNames request.Fields header
        let selected = Header.select names ValueNone header

        if not (selected |> List.exists _.Is("From")) then
            Error NoFromField
        else
            Ok
                {
                    Request = request
                    Template = template now header request (ValueSome names)
                    Selected = selected
                    Digest =
                        {
                            Hash = request.Hash
                            Canon = request.BodyCanon
                            Limit =
                                match request.Length with
                                | AtMost octets -> ValueSome octets
                                | NoLength
                                | WholeLength -> ValueNone
                            Prefix = ReadOnlyMemory.Empty
                        }
                }

    // A message that was signed may be signed again only if a Sender was put above that signature (RFC 4870 §3.5.2).
    let private isSignedAlready (header: Header) =
        let position name =
            header.Fields |> Seq.tryFindIndex (fun field -> field.Is name)

        match position "DomainKey-Signature", position "Sender" with
        | None, _ -> false
        | Some signature, Some sender -> sender > signature
        | Some _, None -> true

    let private prepareDomainKeys
        now
        (header: Header)
        (request: SigningRequest)
        : Result<PreparedSignature, SignError> =
        let names =
            if request.WithNames then
                // A mention for each field, in their order: Mail::DKIM takes fields in the order of h= (RFC 4870 §3.3).
                ValueSome(signedNames { request.Fields with Sealed = [] } header)
            else
                ValueNone

        let signature = template now header request names

        match Originator.trySending header with
        | ValueNone -> Error NoSendingAddress
        | ValueSome(struct (_, address)) ->
            let within =
                Originator.tryDomain address
                |> ValueOption.exists (fun sender -> sender.IsWithin request.Domain)

            if not within then
                Error NotTheSendersDomain
            elif isSignedAlready header then
                Error SignedAlready
            else
                Ok
                    {
                        Request = request
                        Template = signature
                        Selected = []
                        // All fields of the message will stand below the new one.
                        Digest = Coverage.digest header -1 signature
                    }

    let private prepare now header (request: SigningRequest) : Result<PreparedSignature, SignError> =
        checkFit request
        |> Result.bind (fun () ->
            match request.Scheme with
            | Dkim -> prepareDkim now header request
            | DomainKeys -> prepareDomainKeys now header request)

    /// Chooses the fields for one signature. `now` is the time for t=.
    let planOne (now: int64<sec>) (header: Header) (request: SigningRequest) : Result<SignPlan, SignError> =
        prepare now header request
        |> Result.map (fun prepared -> { Prepared = [ prepared ] })

    /// One plan of several for the same message, in their order. None of the signatures covers another.
    let join (plans: SignPlan list) : SignPlan =
        {
            Prepared = plans |> List.collect _.Prepared
        }

    /// Chooses the fields for each signature, all or none.
    let plan (requests: SigningRequest list) (now: int64<sec>) (header: Header) : Result<SignPlan, SignError> =
        requests |> Results.traverse (planOne now header) |> Result.map join

    let private bodyLength (request: SigningRequest) (body: BodyDigest) =
        match request.Length with
        | NoLength -> ValueNone
        | WholeLength -> ValueSome body.CanonicalLength
        | AtMost octets -> ValueSome(min octets body.CanonicalLength)

    /// The signature but for b=, and the digest that b= signs.
    let private complete (prepared: PreparedSignature) (body: BodyDigest) : struct (Signature * byte[]) =
        match prepared.Request.Scheme with
        | DomainKeys -> struct (prepared.Template, body.Value)
        | Dkim ->
            let signature =
                { prepared.Template with
                    BodyHash = body.Value
                    BodyLength = bodyLength prepared.Request body
                }

            let own = Layout.unsigned prepared.Request.Layout signature

            let octets =
                CanonicalHeader.signedOctets signature.HeaderCanon prepared.Selected own

            struct (signature, Hash.digest signature.Hash octets)

    let private sign (prepared: PreparedSignature) (digests: Digests) : Result<Field, SignError> =
        let request = prepared.Request

        match Digests.tryFind prepared.Digest digests with
        | ValueNone -> Error SelfCheckFailed
        | ValueSome body ->
            let struct (signature, digest) = complete prepared body
            let value = request.Key.Sign(request.Hash, digest)
            // A fault in the computation would publish the key (RFC 6376 §8.11), and bad memory a bad signature.
            if request.Key.PublicKey.Verify(request.Hash, digest, value) then
                Ok(Layout.signed request.Layout { signature with Value = value })
            else
                Error SelfCheckFailed

    /// The signature fields, in the order of the requests, to stand on top of the message in that order.
    let conclude (plan: SignPlan) (digests: Digests) : Result<Field list, SignError> =
        plan.Prepared |> Results.traverse (fun prepared -> sign prepared digests)
