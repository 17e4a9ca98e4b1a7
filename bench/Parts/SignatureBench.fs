namespace Dkim.Bench

open System
open System.Security.Cryptography
open BenchmarkDotNet.Attributes
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Explaining
open Dkim.Core.Programs.Settings

/// A message of four kilobytes signed and verified whole, beside the one operation with the key that it cannot do without.
[<MemoryDiagnoser>]
type SignatureBench() =
    let rsa = RSA.Create 2048
    let digest = SHA256.HashData "header"B

    let operation =
        rsa.SignHash(digest, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)

    let key = SigningKey.parse ValueNone (rsa.ExportPkcs8PrivateKeyPem())
    let now = 1750000000L<sec>

    let known result =
        match result with
        | Ok value -> value
        | Error _ -> invalidOp "the sample does not fit"

    let request: SigningRequest =
        {
            Scheme = Dkim
            Key = known key
            Hash = Sha256
            HeaderCanon = RelaxedHeader
            BodyCanon = RelaxedBody
            CanonText = "relaxed/relaxed"
            Domain = known (DomainName.tryCreate "example.com")
            Selector = known (Selector.tryCreate "s")
            Identity = ValueNone
            Fields =
                {
                    Covers = fun name -> not (name.Equals("Received", StringComparison.OrdinalIgnoreCase))
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
            Layout = Layout.dkimproxy
        }

    let run (octets: byte[]) (start: Header -> Work<'decision>) answers =
        use passage =
            new Passage<'decision>(HeaderLimits.defaults, (fun arrival -> Done(start (known arrival.Header))))

        passage.Feed(ReadOnlySpan octets) |> ignore
        passage.End()

        if not passage.Needs.IsEmpty then
            passage.Go answers

        passage.Decision

    let sign () =
        run
            Samples.message
            (fun header ->
                let plan = known (Signer.plan [ request ] now header)

                {
                    Questions = []
                    Digests = plan.Digests
                    Conclude = fun digests _ -> Done(known (Signer.conclude plan digests))
                })
            Found.Nothing

    let signed =
        let field = List.head (sign ())
        Array.concat [ field.Raw.ToArray(); "\r\n"B; Samples.message ]

    let answers =
        let record = "v=DKIM1; p=" + Convert.ToBase64String request.Key.KeyData
        let found = Collections.Generic.Dictionary<Question, Answer>()

        found[{
                  Name = "s._domainkey.example.com"
                  Type = RecordType.Txt
              }] <- Answer.Found([ record ], Security.Unchecked)

        Found.OfAnswers found

    let verify () =
        run
            signed
            (fun header ->
                let plan = Verifier.plan VerifyPolicy.defaults now header

                {
                    Questions = plan.Questions
                    Digests = plan.Digests
                    Conclude = fun digests answerTo -> Done(Verifier.conclude plan digests answerTo)
                })
            answers

    [<GlobalSetup>]
    member _.Check() =
        match verify () with
        | [ judged ] when judged.Verdict = Pass -> ()
        | _ -> invalidOp "the sample does not verify"

    [<Benchmark>]
    member _.RsaSign() =
        rsa.SignHash(digest, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)

    [<Benchmark>]
    member _.RsaVerify() =
        rsa.VerifyHash(digest, operation, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)

    /// Signs, and checks the signature as a signer always does.
    [<Benchmark>]
    member _.SignMessage() = sign ()

    /// With the key in the cache.
    [<Benchmark>]
    member _.VerifyMessage() = verify ()
