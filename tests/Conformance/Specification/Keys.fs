/// Which key record may serve a signature, sentence by sentence (RFC 6376 §3.6.1 and §6.1.2, RFC 8463 §4).
module Dkim.Tests.Conformance.Specification.Keys

/// What a signature asks of its key.
type Demand =
    {
        /// `rsa` or `ed25519`, the first half of a=.
        KeyType: string
        /// The second half of a=.
        Hash: string
        /// Whether the domain of i= is another than d=.
        Below: bool
    }

type Answer =
    | MayServe
    | NotAKey
    | Revoked
    | WrongHash
    | WrongService
    | WrongType
    | WrongDomain

let private words (value: string) =
    value.Split ':' |> Array.map _.Trim() |> List.ofArray

/// What becomes of a record, given its tags in order.
let judge (demand: Demand) (tags: (string * string) list) : Answer =
    let tryFind name =
        List.tryFind (fun (known, _) -> known = name) tags |> Option.map snd

    let orElse preset name =
        Option.defaultValue preset (tryFind name)

    let answers =
        [
            // §3.6.1 v=: first in the record, and DKIM1 exactly; §6.1.2 step 5: other versions are ignored.
            if tryFind "v" <> None && (List.head tags <> ("v", "DKIM1")) then
                NotAKey
            // §3.6.1 k=: rsa where it is missing; types that are not known are ignored.
            if not (List.contains (orElse "rsa" "k") [ "rsa"; "ed25519" ]) then
                NotAKey
            // §3.6.1 p=: required.
            if tryFind "p" = None then
                NotAKey
            // §6.1.2 step 7, here before step 6, which makes no difference to the result.
            if tryFind "p" = Some "" then
                Revoked
            // §6.1.2 step 6, §3.6.1 h=: all hashes where it is missing; names that are not known are ignored.
            if tryFind "h" <> None && not (List.contains demand.Hash (words (orElse "" "h"))) then
                WrongHash
            // §3.6.1 s=: `*` where it is missing; a record for other services is ignored.
            if not (List.exists (fun word -> word = "*" || word = "email") (words (orElse "*" "s"))) then
                WrongService
            // §6.1.2 step 8
            if orElse "rsa" "k" <> demand.KeyType then
                WrongType
            // §3.6.1 t=s: the domain of i= is that of d= itself.
            if List.contains "s" (words (orElse "" "t")) && demand.Below then
                WrongDomain
            MayServe
        ]

    List.head answers
