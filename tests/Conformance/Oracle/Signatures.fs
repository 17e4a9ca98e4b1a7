/// Signatures of both schemes: their tags, then the sentences of the RFCs about the whole.
module Dkim.Tests.Conformance.Oracle.Signatures

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Loading
open Dkim.Core.Programs.Filters.Deciding
open Dkim.Tests.Conformance.Abnf
open Dkim.Tests.Conformance.Oracle.TagLists

let private signatureRules =
    [ "v"; "a"; "b"; "bh"; "c"; "d"; "h"; "i"; "l"; "q"; "r"; "s"; "t"; "x"; "z" ]
    |> List.map (fun name -> name, "sig-" + name + "-tag")

/// A time or length as it is kept: one beyond what can be held is the largest that can.
let private held (digits: int) (text: string) =
    if text.TrimStart('0').Length > digits then
        string Int64.MaxValue
    else
        string (number text)

let private identity (recognizer: Recognizer) (decodedRule: bool) (value: string) : string voption =
    match Meaning.ofQuotedPrintable value with
    | ValueNone -> ValueNone
    | ValueSome decoded ->
        let at = decoded.LastIndexOf '@'

        if decodedRule && not (recognizer.Accepts "i-decoded" decoded) then
            ValueNone
        else
            match Octets.tryUtf8 (ReadOnlySpan(Octets.ofLatin1 (decoded.Substring(0, at)))) with
            | ValueSome local when local.Length <= 256 && not (String.exists Char.IsControl local) ->
                Meaning.ofName 253 (decoded.Substring(at + 1))
                |> ValueOption.map (fun domain -> local + "@" + domain)
            | _ -> ValueNone

let private digestLengths =
    [ "rsa-sha256", 64; "rsa-sha1", 40; "ed25519-sha256", 64 ]

let private canons = [ "simple"; "relaxed" ]

let private signatureSentences (recognizer: Recognizer) hasDecoded (values: Values) : Reading list =
    let domain = Meaning.ofName 253 (values.Or "d" "")
    let selector = Meaning.ofName 200 (values.Or "s" "")
    let bodyHash = Meaning.ofBase64 (values.Or "bh" "")
    let canon = (values.Or "c" "simple").Split '/' |> List.ofArray

    let methods = names (values.Or "q" "dns/txt")

    let identity =
        if values.Has "i" then
            identity recognizer hasDecoded (values.Or "i" "")
        else
            domain |> ValueOption.map (fun domain -> "@" + domain)

    let within =
        match identity, domain with
        | ValueSome identity, ValueSome domain ->
            let its = identity.Substring(identity.LastIndexOf '@' + 1)
            its = domain || its.EndsWith("." + domain, StringComparison.Ordinal)
        | _ -> false

    let time name =
        if values.Has name then
            ValueSome(held 12 (values.Or name ""))
        else
            ValueNone

    let ordered =
        match time "t", time "x" with
        | ValueSome signed, ValueSome expires -> number expires > number signed
        | _ -> true

    let kept =
        // §3.5 v=: the version is 1, and is compared as a string.
        values.Or "v" "" = "1"
        // §3.5 a=: an algorithm that is not known is of no use; §3.2: values are compared with their case.
        && digestLengths |> List.contains (values.Or "a" "", bodyHash.Length)
        // §3.5: b=, bh=, d=, h= and s= are required and say something.
        && [ "b"; "bh"; "d"; "h"; "s" ]
           |> List.forall (fun name -> (Meaning.withoutSpace (values.Or name "")) <> "")
        && Meaning.ofBase64 (values.Or "b" "") <> ""
        // §3.5 c=: known names only.
        && canon |> List.forall (fun name -> List.contains name canons)
        && domain.IsSome
        && selector.IsSome
        // §3.5 i=: the domain of i= is that of d= or below it.
        && within
        // §3.5 q=: one method is known.
        && List.contains "dns/txt" methods
        // §5.4: From is signed.
        && names (values.Or "h" "")
           |> List.exists (fun name -> name.Equals("From", StringComparison.OrdinalIgnoreCase))
        // §3.5 x=: later than t=.
        && ordered

    if kept then
        [
            [
                yield! present "a" (values.Or "a" "")
                yield! present "b" (Meaning.ofBase64 (values.Or "b" ""))
                yield! present "bh" bodyHash
                yield! present "c" (String.Join('/', if canon.Length = 1 then canon @ [ "simple" ] else canon))
                yield! single "d" domain
                yield! present "h" (String.Join(':', names (values.Or "h" "")))
                yield! single "i" identity
                if values.Has "l" then
                    yield! present "l" (held 18 (values.Or "l" ""))
                yield! present "r" (string (values.Or "r" "" = "y"))
                yield! single "s" selector
                yield! single "t" (time "t")
                yield! single "x" (time "x")
            ]
        ]
    else
        []

let private signatureAllowed (recognizer: Recognizer) hasDecoded (text: string) : Reading list =
    match tryRead recognizer "tag-list" signatureRules text with
    | ValueSome specs -> signatureSentences recognizer hasDecoded (Values(text, specs))
    | ValueNone -> []

let private productSignature (text: string) : Reading voption =
    match Signature.parse SignatureLimits.defaults (Field.ofText "DKIM-Signature" text) with
    | Error _ -> ValueNone
    | Ok signature ->
        let canonOf (name: string) =
            if name.Contains '/' then name else name + "/simple"

        ValueSome
            [
                yield! present "a" signature.Algorithm
                yield! present "b" (Convert.ToHexString signature.Value)
                yield! present "bh" (Convert.ToHexString signature.BodyHash)
                yield! present "c" (canonOf (Algorithms.canonName signature.HeaderCanon signature.BodyCanon))
                yield! present "d" signature.Domain.Text
                yield!
                    present
                        "h"
                        (String.Join(':', signature.SignedFields |> ValueOption.defaultValue [] |> List.map _.Text))
                yield! present "i" (signature.EffectiveIdentity.ToString())
                yield! single "l" (signature.BodyLength |> ValueOption.map (int64 >> string))
                yield! present "r" (string signature.ReportsWanted)
                yield! present "s" signature.Selector.Text
                yield! single "t" (signature.SignedAt |> ValueOption.map (int64 >> string))
                yield! single "x" (signature.ExpiresAt |> ValueOption.map (int64 >> string))
            ]

let private makeSignature (sentences: Sentences) (random: Random) =
    let algorithm, octets =
        pick random [ "rsa-sha256", 32; "rsa-sha1", 20; "ed25519-sha256", 32 ]

    let good =
        [
            "v", "1"
            "a", algorithm
            "b", base64 random (random.Next(1, 12))
            "bh", base64 random octets
            "d", "example.com"
            "h", pick random [ "From"; "from : to"; "To:\r\n\tFROM:X-y"; "Subject:From:From" ]
            "s", pick random [ "s"; "a.b"; "x_y" ]
        ]

    let optional =
        [
            "c", pick random [ "simple"; "relaxed"; "simple/relaxed"; "relaxed/simple"; "relaxed/relaxed" ]
            "i",
            pick
                random
                [
                    "@example.com"
                    "a=20b@example.com"
                    "joe@mail.example.com"
                    "\"x\\\"\"@example.com"
                ]
            "l", pick random [ "0"; "17"; "00012"; String('9', 30) ]
            "q", pick random [ "dns/txt"; "x : dns/txt"; "dns/txt:y/z" ]
            "r", pick random [ "y"; "n" ]
            "t", pick random [ "0"; "1000"; "999999999998" ]
            "x", pick random [ "1001"; "999999999999" ]
            "z", "From:a|To:b"
        ]

    compose sentences random "tag-spec" good signatureRules optional

let signature: Comparison =
    {
        Name = "signature"
        Files = commonFiles
        Starts = "tag-list" :: List.map snd signatureRules
        Make = makeSignature
        Allowed = fun recognizer text -> signatureAllowed recognizer (recognizer.Has "i-decoded") text
        Product = productSignature
    }

let private domainKeysRules =
    [ "a"; "b"; "c"; "d"; "h"; "q"; "s" ]
    |> List.map (fun name -> name, "dk-" + name)

let private domainKeysAllowed (recognizer: Recognizer) (text: string) : Reading list =
    match tryRead recognizer "dk-list" domainKeysRules text with
    | ValueNone -> []
    | ValueSome specs ->
        let values = Values(text, specs)
        let domain = Meaning.ofName 253 (values.Or "d" "")
        let selector = Meaning.ofName 200 (values.Or "s" "")

        let within =
            match domain with
            | ValueSome domain ->
                "example.com" = domain
                || "example.com".EndsWith("." + domain, StringComparison.Ordinal)
            | ValueNone -> false

        let signsSender =
            not (values.Has "h")
            || names (values.Or "h" "")
               |> List.exists (fun name -> name.Equals("From", StringComparison.OrdinalIgnoreCase))

        // §3.3: b=, c=, d=, q=, s= are required.
        let complete = [ "b"; "c"; "d"; "q"; "s" ] |> List.forall values.Has

        if complete && within && signsSender && selector.IsSome then
            [
                [
                    yield! present "b" (Meaning.ofBase64 (values.Or "b" ""))
                    yield! present "c" (values.Or "c" "")
                    yield! single "d" domain
                    if values.Has "h" then
                        yield! present "h" (String.Join(':', names (values.Or "h" "")))
                    yield! single "s" selector
                ]
            ]
        else
            []

let private productDomainKeys (text: string) : Reading voption =
    let header =
        Header.ofFields
            [
                Field.ofText "DomainKey-Signature" text
                Field.ofText "From" " joe@example.com"
            ]

    match DomainKeySignature.parse SignatureLimits.defaults header 0 with
    | Error _ -> ValueNone
    | Ok signature ->
        ValueSome
            [
                yield! present "b" (Convert.ToHexString signature.Value)
                yield! present "c" signature.CanonText
                yield! present "d" signature.Domain.Text
                match signature.SignedFields with
                | ValueSome names -> yield! present "h" (String.Join(':', names |> List.map _.Text))
                | ValueNone -> ()
                yield! present "s" signature.Selector.Text
            ]

let private makeDomainKeys (sentences: Sentences) (random: Random) =
    let good =
        [
            "b", base64 random (random.Next(1, 12))
            "c", pick random [ "simple"; "nofws" ]
            "d", pick random [ "example.com"; "Example.COM" ]
            "q", "dns"
            "s", pick random [ "s"; "a.b" ]
        ]

    let optional = [ "a", "rsa-sha1"; "h", pick random [ "From"; "from : to"; "To" ] ]
    compose sentences random "dk-pair" good domainKeysRules optional

let domainKeys: Comparison =
    {
        Name = "DomainKeys signature"
        Files = commonFiles @ [ "domainkeys" ]
        Starts = "dk-list" :: List.map snd domainKeysRules
        Make = makeDomainKeys
        Allowed = domainKeysAllowed
        Product = productDomainKeys
    }
