/// The signed message that RFC 8463 prints, with the keys that made its two signatures.
module Dkim.Tests.Conformance.ExampleTests

open System
open System.Security.Cryptography
open Expecto
open Dkim.Tests
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Tests.Conformance.Mail

/// RFC 8463 §A.1: the seed of the Ed25519 key, and the RSA key.
let private seed =
    Convert.FromBase64String "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="

let private rsaPem =
    """-----BEGIN RSA PRIVATE KEY-----
MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi
Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM
KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB
AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm
6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe
zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy
6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc
uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy
WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd
WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a
licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst
o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe
uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL
-----END RSA PRIVATE KEY-----
"""

/// RFC 8463 §A.2.
let private records =
    [
        "brisbane._domainkey.football.example.com",
        found "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
        "test._domainkey.football.example.com",
        found (
            "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR"
            + "iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"
            + "DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3"
            + "Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
        )
    ]

/// RFC 8463 §A.3.
let private message =
    """DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.

"""

[<Tests>]
let tests =
    testList
        "ExampleTests"
        [
            proves
                [ "RFC8463-3-1"; "RFC8463-3-2"; "RFC8463-5-1"; "RFC8301-3.1-3" ]
                (testCase "RFC8463-A-1 both signatures of the example verify" (fun () ->
                    let judged, asked = judgeBy VerifyPolicy.defaults (answerWith records) message

                    equal [ Verdict.Pass; Verdict.Pass ] (judged |> List.map _.Verdict)
                    equal (records |> List.map fst) asked

                    for altered in [ message.Replace("dinner", "supper"); message.Replace("hungry", "angry") ] do
                        let judged, _ = judgeBy VerifyPolicy.defaults (answerWith records) altered
                        equal [ "fail"; "fail" ] (words judged)))

            proves
                [ "RFC6376-3.3.1-1"; "RFC8463-3-1" ]
                (testCase "RFC8463-A-1 the example's keys make the example's signatures" (fun () ->
                    let header, _ = split (crlf message)

                    let keys =
                        [
                            fst (SigningKey.generateEd25519 seed)
                            SigningKey.parse ValueNone rsaPem |> ok
                        ]

                    for position, key in List.indexed keys do
                        let field = header.Fields[position]
                        let signature = Signature.parse SignatureLimits.defaults field |> ok

                        let selected =
                            Header.select signature.SignedFields.Value (ValueSome position) header

                        let own = CanonicalHeader.without signature.ValueExtent field

                        let digest =
                            SHA256.HashData(CanonicalHeader.signedOctets signature.HeaderCanon selected own)

                        equal
                            (Convert.ToBase64String signature.Value)
                            (Convert.ToBase64String(key.Sign(Sha256, digest)))))
        ]
