/// What suites sign and judge with: the request, the record of its key, and a message's way through both.
module Dkim.Tests.Samples

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Explaining
open Dkim.Core.Programs.Settings

/// When all of it happens.
let now = 1767225600L<sec>

let domain (text: string) : DomainName = DomainName.tryCreate text |> Expect.ok

let selector (text: string) : Selector = Selector.tryCreate text |> Expect.ok

/// The offset of the first octet after a stretch.
let endOf (extent: Extent) : int<octet> = extent.At + extent.Length

/// The record that publishes a key.
let record (key: SigningKey) : string =
    (if key.KeyType = Rsa then
         "v=DKIM1; k=rsa; p="
     else
         "v=DKIM1; k=ed25519; p=")
    + Convert.ToBase64String key.KeyData

/// A request of example.com: rsa-sha256 under relaxed/relaxed, or DomainKeys under nofws, over the fields of those names,
/// given in small letters.
let request (scheme: Scheme) (key: SigningKey) (selectorName: string) (covered: Set<string>) : SigningRequest =
    let isDkim = scheme = Dkim
    let header = if isDkim then RelaxedHeader else NofwsHeader
    let body = if isDkim then RelaxedBody else NofwsBody

    {
        Scheme = scheme
        Key = key
        Hash = if isDkim then Sha256 else Sha1
        HeaderCanon = header
        BodyCanon = body
        CanonText = Algorithms.canonName header body
        Domain = domain "example.com"
        Selector = selector selectorName
        Identity = ValueNone
        Fields =
            {
                Covers = fun name -> covered.Contains(name.ToLowerInvariant())
                Always = []
                Sealed = []
            }
        WithNames = true
        Length = NoLength
        WithTime = true
        Lifetime = ValueNone
        Copies = ValueNone
        WantsReports = false
        ThirdParty = ValueNone
        Layout =
            (if isDkim then
                 Layout.dkimproxy
             else
                 Layout.dkimproxyDomainKeys)
    }

let digests (requests: DigestRequest list) (body: byte[]) : Digests =
    use hasher = new BodyHasher(requests)
    hasher.Feed(ReadOnlySpan body)
    hasher.Finish()

/// The fields that sign a header and body, topmost first.
let sign (requests: SigningRequest list) (header: Header) (body: byte[]) : Result<Field list, SignError> =
    Signer.plan requests now header
    |> Result.bind (fun plan -> Signer.conclude plan (digests plan.Digests body))

/// What a verifier says of a header and body. It asks for nothing that it did not plan to.
let judge (policy: VerifyPolicy) (answer: Question -> Answer) (header: Header) (body: byte[]) : SignatureResult list =
    let plan = Verifier.plan policy now header

    Verifier.conclude plan (digests plan.Digests body) (fun question ->
        if List.contains question plan.Questions then
            answer question
        else
            Answer.Unavailable "not asked")
