/// How DomainKeys writes a signature (RFC 4870 §3.3), read into the same record as DKIM's.
module Dkim.Core.Records.DomainKeySignature

open SignatureTags
open Dkim.Core.Message

let private readAlgorithm (tags: TagList) =
    match tags.TryValue "a" with
    | ValueNone
    | ValueSome "rsa-sha1" -> Ok()
    | ValueSome name -> Error(UnsupportedAlgorithm name)

let private readCanon (tags: TagList) =
    required tags "c"
    |> Result.bind (fun name ->
        match Algorithms.domainKeysCanons.TryParse name with
        | ValueSome known -> Ok(struct (name, known))
        | ValueNone -> Error(UnsupportedCanonicalization name))

let private checkQuery (tags: TagList) =
    required tags "q"
    |> Result.bind (fun name -> if name = "dns" then Ok() else Error(UnsupportedQuery name))

let private ofTags (limits: SignatureLimits) (tags: TagList) : Result<Signature, SignatureError> =
    result {
        do! readAlgorithm tags
        let! value = base64 tags "b"
        let! struct (canonText, struct (headerCanon, bodyCanon)) = readCanon tags
        let! domain = required tags "d" |> Result.bind (domain "d")
        do! checkQuery tags
        let! selector = required tags "s" |> Result.bind selector
        let! names = optional tags "h" (fieldNames limits.SignedNames)

        return
            {
                Scheme = DomainKeys
                KeyType = Rsa
                Hash = Sha1
                HeaderCanon = headerCanon
                BodyCanon = bodyCanon
                CanonText = canonText
                Domain = domain
                Selector = selector
                SignedFields = names
                Identity = ValueNone
                BodyLength = ValueNone
                SignedAt = ValueNone
                ExpiresAt = ValueNone
                CopiedFields = ValueNone
                ReportsWanted = false
                ThirdParty = ValueNone
                BodyHash = [||]
                Value = value
                ValueExtent = valueExtent tags
            }
    }

/// The sending address must lie in d=, and the field it was read from must be signed: stand below the signature, which
/// covers nothing above it, and be named by h=, where that is (RFC 4870 §3.3, §3.4.2, §3.7.3).
let private checkSender (header: Header) (index: int) (signature: Signature) : Result<Signature, SignatureError> =
    match Originator.trySending header with
    | ValueNone -> Error SenderUnknown
    | ValueSome(struct (source, address)) ->
        let within =
            Originator.tryDomain address
            |> ValueOption.exists (fun sender -> sender.IsWithin signature.Domain)

        let sourceName = Originator.sourceName source
        let isBelow = (Header.tryFind sourceName (Header.below index header)).IsSome

        let isNamed =
            match signature.SignedFields with
            | ValueNone -> true
            | ValueSome names -> names |> List.exists _.Is(sourceName)

        if not within then Error DomainNotOfSender
        elif not (isBelow && isNamed) then Error SenderNotSigned
        else Ok signature

/// Reads the DomainKey-Signature field that stands at an index of the header.
let parse (limits: SignatureLimits) (header: Header) (index: int) : Result<Signature, SignatureError> =
    TagList.parseDomainKeys limits.TagListOctets header.Fields[index].ValueText
    |> Result.mapError MalformedTagList
    |> Result.bind (ofTags limits)
    |> Result.bind (checkSender header index)
