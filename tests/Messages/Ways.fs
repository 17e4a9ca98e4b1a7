/// Signs messages of the corpus in every algorithm, canonicalization and scheme.
module Dkim.Tests.Messages.Ways

open System
open System.IO
open Dkim.Tests
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Qmail
open Dkim.Tests.Corpus

/// When all of it happens.
let now = Samples.now

/// One way to sign.
type Way =
    {
        Scheme: Scheme
        KeyFile: string
        Hash: Hash
        Header: HeaderCanon
        Body: BodyCanon
    }

    member this.Canon = Algorithms.canonName this.Header this.Body

    member this.Algorithm =
        (if this.KeyFile = "ed25519" then "ed25519-" else "rsa-")
        + (if this.Hash = Sha1 then "sha1" else "sha256")

    override this.ToString() =
        (if this.Scheme = Dkim then "DKIM " else "DomainKeys ")
        + this.Algorithm
        + " "
        + this.Canon

let ways: Way list =
    [
        for keyFile in [ "rsa2048"; "ed25519" ] do
            for header in [ SimpleHeader; RelaxedHeader ] do
                for body in [ SimpleBody; RelaxedBody ] do
                    {
                        Scheme = Dkim
                        KeyFile = keyFile
                        Hash = Sha256
                        Header = header
                        Body = body
                    }
        for header, body in [ SimpleHeader, DomainKeysSimpleBody; NofwsHeader, NofwsBody ] do
            {
                Scheme = DomainKeys
                KeyFile = "rsa1024"
                Hash = Sha1
                Header = header
                Body = body
            }
    ]

/// The PEM text of a test key.
let keyText (file: string) : string =
    File.ReadAllText(Path.Combine(folder, "keys", file + ".pem"))

let private keys =
    lazy
        ([ "rsa2048"; "rsa1024"; "ed25519" ]
         |> List.map (fun file ->
             match SigningKey.parse ValueNone (keyText file) with
             | Ok key -> file, key
             | Error error -> invalidOp (PrivateKeyError.describe error))
         |> Map.ofList)

/// The selector of a key is the name of its file.
let records =
    lazy
        (keys.Value
         |> Map.toList
         |> List.map (fun (file, key) -> file + "._domainkey.example.com", Samples.record key))

/// The zone of the keys, for judging.
let zoneCase: Lazy<Case> =
    lazy
        {
            Id = ""
            File = ""
            Append = []
            Now = now
            Zone = records.Value |> List.map (fun (name, text) -> name, [ text ]) |> Map.ofList
            Failing = Map.empty
            Disputed = false
            Unsigned = false
            Signatures = []
            Proves = []
        }

let private covered =
    Set
        [
            "from"
            "to"
            "subject"
            "date"
            "message-id"
            "received"
            "mime-version"
            "content-type"
        ]

let private request (way: Way) : SigningRequest =
    { Samples.request way.Scheme keys.Value[way.KeyFile] way.KeyFile covered with
        Hash = way.Hash
        HeaderCanon = way.Header
        BodyCanon = way.Body
        CanonText = way.Canon
    }

/// The message with a signature of ours on top.
let signed (way: Way) (header: Header) (message: byte[]) : Result<byte[], SignError> =
    Signer.plan [ request way ] now header
    |> Result.bind (fun plan ->
        let intake = Intake HeaderLimits.defaults
        let taken = intake.Feed(ReadOnlySpan message)
        use hasher = new BodyHasher(plan.Digests)
        hasher.Feed(ReadOnlySpan(message, taken, message.Length - taken))
        Signer.conclude plan (hasher.Finish()))
    |> Result.map (fun fields -> Array.concat [ fields.Head.Raw.ToArray(); "\r\n"B; message ])
