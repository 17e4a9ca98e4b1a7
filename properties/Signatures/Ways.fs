/// Signs and verifies letters in every algorithm, canonicalization and scheme, for the laws of both.
module Dkim.Properties.Ways

open System
open System.IO
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings

let now = Samples.now

/// One way to sign.
type Way =
    {
        Scheme: Scheme
        Key: SigningKey
        Hash: Hash
        Header: HeaderCanon
        Body: BodyCanon
        /// The name of the key.
        Selector: string
    }

    override this.ToString() =
        Algorithms.name this.Key.KeyType this.Hash
        + " "
        + Algorithms.canonName this.Header this.Body

let private rsa = fst (SigningKey.generateRsa 1024<bit>)

let private ed25519 =
    fst (SigningKey.generateEd25519 (Array.init SigningKey.Ed25519Entropy byte))

let all: Way list =
    [
        for key, hash, selector in [ rsa, Sha256, "rsa"; rsa, Sha1, "rsa"; ed25519, Sha256, "ed25519" ] do
            for header in [ SimpleHeader; RelaxedHeader ] do
                for body in [ SimpleBody; RelaxedBody ] do
                    {
                        Scheme = Dkim
                        Key = key
                        Hash = hash
                        Header = header
                        Body = body
                        Selector = selector
                    }
        for header, body in [ SimpleHeader, DomainKeysSimpleBody; NofwsHeader, NofwsBody ] do
            {
                Scheme = DomainKeys
                Key = rsa
                Hash = Sha1
                Header = header
                Body = body
                Selector = "rsa"
            }
    ]

/// The records of the keys, under their names below example.com.
let answer (question: Question) : Answer =
    match question.Name with
    | "rsa._domainkey.example.com" -> Answer.Found([ Samples.record rsa ], Security.Unchecked)
    | "ed25519._domainkey.example.com" -> Answer.Found([ Samples.record ed25519 ], Security.Unchecked)
    | _ -> Answer.NoSuchName Security.Unchecked

/// rsa-sha1 is as good as the others here.
let policy =
    { VerifyPolicy.defaults with
        AllowSha1 = true
        SignaturesRead = 100
        SignaturesVerified = 100
    }

/// Names of letters' fields that are signed; X and the others are not.
let private covered = Set [ "from"; "to"; "subject"; "received" ]

let isSigned (name: string) =
    covered.Contains(name.ToLowerInvariant())

let request (sealing: bool) (way: Way) : SigningRequest =
    let template = Samples.request way.Scheme way.Key way.Selector covered

    { template with
        Hash = way.Hash
        HeaderCanon = way.Header
        BodyCanon = way.Body
        CanonText = Algorithms.canonName way.Header way.Body
        Fields =
            { template.Fields with
                Sealed =
                    (if sealing then
                         [ FieldName.known "From"; FieldName.known "Subject" ]
                     else
                         [])
            }
    }

let header (letter: Letter) : Header =
    letter.Fields
    |> List.map (fun (SomeField(name, value)) -> Field.ofText name value)
    |> Header.ofFields

let verify (header: Header) (body: byte[]) : SignatureResult list = Samples.judge policy answer header body

/// A letter with one signature on top; nothing where it cannot be signed that way.
let trySigned (way: Way) (letter: Letter) : Header voption =
    match Samples.sign [ request false way ] (header letter) letter.Body with
    | Ok fields -> ValueSome(Header.prepend fields.Head (header letter))
    | Error _ -> ValueNone

let passes (header: Header) (body: byte[]) : bool =
    match verify header body with
    | [ one ] -> one.Verdict = Verdict.Pass
    | _ -> false
