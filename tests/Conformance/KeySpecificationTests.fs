/// Which key record serves which signature, against a model that was written down sentence by sentence.
module Dkim.Tests.Conformance.KeySpecificationTests

open System
open System.Security.Cryptography
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Lists
open Dkim.Tests.Conformance.Abnf
open Dkim.Tests.Conformance.Specification
open Dkim.Tests.Conformance.Specification.Comparing

// Keys.

let private rsa = fst (SigningKey.generateRsa 1024<bit>)

let private ed25519 =
    fst (SigningKey.generateEd25519 (Array.init SigningKey.Ed25519Entropy byte))

let private policy =
    { VerifyPolicy.defaults with
        AllowSha1 = true
    }

let private signedBy (demand: Keys.Demand) : Header =
    let from = "From: joe@example.com"
    let identity = if demand.Below then "; i=@mail.example.com" else ""
    let key = if demand.KeyType = "rsa" then rsa else ed25519
    let hash = if demand.Hash = "sha1" then Sha1 else Sha256

    let hashOf (octets: byte[]) =
        if hash = Sha1 then
            SHA1.HashData octets
        else
            SHA256.HashData octets

    let bodyHash =
        Convert.ToBase64String(hashOf (Octets.ofLatin1 (Canonical.simpleBody "")))

    let unsigned =
        "DKIM-Signature: v=1; a="
        + demand.KeyType
        + "-"
        + demand.Hash
        + "; d=example.com; s=s; h=From"
        + identity
        + "; bh="
        + bodyHash
        + "; b="

    let hashed = Signed.hashed Canonical.simpleField [ "From" ] [ from ] unsigned
    let value = key.Sign(hash, hashOf (Octets.ofLatin1 hashed))
    let signature = unsigned + Convert.ToBase64String value
    Header.ofFields [ Field.ofOctets (memory signature); Field.ofOctets (memory from) ]

let private verdict (header: Header) (record: string) : Verdict =
    let plan = Verifier.plan policy 1767225600L<sec> header
    use hasher = new BodyHasher(plan.Digests)
    let digests = hasher.Finish()

    Verifier.conclude plan digests (fun _ -> Answer.Found([ record ], Security.Unchecked))
    |> List.exactlyOne
    |> _.Verdict

let private answerOf (verdict: Verdict) : Keys.Answer voption =
    match verdict with
    | Pass -> ValueSome Keys.MayServe
    | PermFail(BadKey Revoked) -> ValueSome Keys.Revoked
    | PermFail(BadKey(HashNotAllowed _)) -> ValueSome Keys.WrongHash
    | PermFail(BadKey ServiceNotAllowed) -> ValueSome Keys.WrongService
    | PermFail(BadKey(UnfitKeyType _)) -> ValueSome Keys.WrongType
    | PermFail(BadKey SubdomainNotAllowed) -> ValueSome Keys.WrongDomain
    | PermFail(BadKey _) -> ValueSome Keys.NotAKey
    | _ -> ValueNone

let private records (keyType: string) : (string * string) list list =
    let key = if keyType = "ed25519" then ed25519 else rsa

    let optional name values =
        [] :: [ for value in values -> [ name, value ] ]

    [
        for version in optional "v" [ "DKIM1"; "DKIM2" ] do
            for hashes in optional "h" [ "sha1"; "sha256"; "sha1:sha256"; "sha256 : x"; "md5" ] do
                for types in (if keyType = "" then [ [] ] else [ [ "k", keyType ] ]) do
                    for services in optional "s" [ "*"; "email"; "tls"; "tls:email" ] do
                        for flags in optional "t" [ "y"; "s"; "y : s"; "z" ] do
                            for data in [ []; [ "p", "" ]; [ "p", Convert.ToBase64String key.KeyData ] ] do
                                version @ hashes @ types @ services @ flags @ data
    ]

[<Tests>]
let tests =
    testList
        "KeySpecificationTests"
        [
            proves
                [ "RFC6376-6.1.2-6"; "RFC6376-6.1.2-7"; "RFC6376-6.1.2-8" ]
                (testCase "every key record serves the signatures that the sentences say" (fun () ->
                    let mutable count = 0
                    let mutable served = 0

                    let demand keyType hash below : Keys.Demand =
                        {
                            KeyType = keyType
                            Hash = hash
                            Below = below
                        }

                    let demands =
                        [
                            for keyType, hash in [ "rsa", "sha1"; "rsa", "sha256"; "ed25519", "sha256" ] do
                                demand keyType hash false
                                demand keyType hash true
                        ]

                    let headers = demands |> List.map (fun demand -> demand, signedBy demand)

                    for keyType in [ ""; "rsa"; "ed25519"; "dsa" ] do
                        for tags in records keyType do
                            // The same in another order, so that v= is not always first.
                            for order in [ tags; List.rev tags ] |> List.distinct do
                                let text =
                                    order
                                    |> List.map (fun (name, value) -> name + "=" + value)
                                    |> String.concat "; "

                                if text <> "" then
                                    for demand, header in headers do
                                        count <- count + 1
                                        let model = Keys.judge demand order
                                        let made = verdict header text

                                        if made = Pass then
                                            served <- served + 1

                                        if answerOf made <> ValueSome model then
                                            differ
                                                (demand.KeyType + "-" + demand.Hash)
                                                text
                                                (model.GetType().Name + string model)
                                                (Verdict.describe made)

                    tell "records with a signature" count
                    tell "of which serve it" served
                    Expect.above (count / 50) served))
        ]
