/// Runs dkimproxy.in on messages that dkimproxy.out signed.
module Dkim.Tests.Core.VerifyingRuns

open Expecto
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Tests.Core
open Dkim.Tests.Starts
open Dkim.Tests.ProxyRuns

let plain =
    "From: Joe <joe@example.org>\nTo: you@example.net\nSubject: hi\nMessage-ID: <1@x>\n\nbody\n"

/// dkimproxy.out with a key and these settings.
let signer key arguments =
    startOut
        [ "key", fst key ]
        ([ "--keyfile=key"; "--selector=sel"; "--relay=h"; "--domain=example.org" ]
         @ arguments)
    |> serving

/// The message with the signatures that dkimproxy.out makes of it.
let signed key arguments message =
    match pass [] (signer key arguments) message with
    | Relayed(head, _), _, _ -> head + crlf message
    | Refused(_, text), _, _ ->
        failtest text
        ""

/// Where the key of every signature is.
let keyName = "sel._domainkey.example.org"

/// Plain mail with one good signature.
let good = lazy (signed rsa2048.Value [] plain)

/// The zone that lets it pass.
let zone = lazy [ keyName, Text(snd rsa2048.Value) ]

/// dkimproxy.in with these settings.
let start arguments =
    startIn [] ("--relay=h" :: arguments) |> serving

/// What is added on top: the two values.
let results program zone message =
    match pass zone program message with
    | Relayed(head, _), _, _ ->
        match fieldsOf head with
        | ("Authentication-Results", results) :: ("X-DKIM-Authentication-Results", overall) :: _ -> results, overall
        | other ->
            failtest (string (box other))
            "", ""
    | Refused(code, text), _, _ -> string code, text

/// What the field says of a signature of the domain.
let clause result =
    "mx.example.org; dkim=" + result + " header.i=@example.org"

/// A broken signature field and its result. What has no identity that could be read shows none.
let broken =
    [
        "v=2; a=rsa-sha256; d=example.org; s=sel; h=from; bh=x; b=x", "invalid (unsupported version 2)"
        "a=rsa-sha256; d=example.org; s=sel; h=from; bh=x; b=x", "invalid (missing v tag)"
        "v=1; a=rsa-md5; d=example.org; s=sel; h=from; bh=x; b=x", "invalid (unsupported algorithm rsa-md5)"
        "v=1; a=(x)\"y; d=example.org; s=sel; h=from; bh=x; b=x", "invalid (unsupported algorithm ?x??y)"
        "v=1; a=rsa-sha256; s=sel; h=from; bh=x; b=x", "invalid (missing b tag)"
        "total nonsense", "invalid (bad syntax)"
    ]
