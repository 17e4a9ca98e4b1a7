/// What the tests of the milters start from beside the plain passage: policies that differ in one part, mail that was
/// altered on its way, zones with another record, and the parts of an outcome that are looked at most.
module Dkim.Tests.Core.FilterExamples

open System
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Settings
open Dkim.Tests.Core
open Dkim.Tests.FilterPassages

/// dkim-filter with another way of verifying.
let internal verifying (change: VerifyingSettings -> VerifyingSettings) : FilterPolicy =
    { policy with
        Verifying = change policy.Verifying
    }

/// dkim-filter with another way of signing.
let internal signing (change: SigningSettings -> SigningSettings) : FilterPolicy =
    { policy with
        Signing = change policy.Signing
    }

/// dkim-filter that marks messages in another way.
let internal marked (change: ReportingSettings -> ReportingSettings) : FilterPolicy =
    { policy with
        Reporting = change policy.Reporting
    }

/// dkim-filter with other actions.
let internal acting (change: Dispositions -> Dispositions) : FilterPolicy =
    { policy with
        Actions = change policy.Actions
    }

/// dkim-filter that chooses between signing and verifying in another way, and says why.
let internal roles (change: RoleSettings -> RoleSettings) : FilterPolicy =
    { policy with
        Roles = change policy.Roles
        Reporting = { policy.Reporting with LogWhy = true }
    }

/// dkim-filter that signs for example.com whoever the author is.
let internal thirdParty: Lazy<FilterPolicy> =
    lazy
        (let key =
            { filterKey "mail" rsa.Value with
                Domain = ValueSome(domain "example.com")
            }

         { policy with
             Lists.Keys = KeyList(fun _ -> Ok [ key ])
         })

/// dkim-filter with other lists, which says why it chooses as it does.
let internal listing (change: LoadedLists -> LoadedLists) : FilterPolicy =
    { policy with
        Lists = change policy.Lists
        Reporting.LogWhy = true
    }

/// Plain mail of another author.
let from (address: string) =
    plain.Replace("joe@example.com", address)

let altered = lazy signed.Value.Replace("body", "b0dy")

/// Changes the text of the signature's field.
let forged (one: string) (other: string) : string =
    let mail = signed.Value
    let at = mail.IndexOf("From: ", StringComparison.Ordinal)
    mail.Substring(0, at).Replace(one, other) + mail.Substring at

/// The way of a message whose key has this record.
let withKey (record: string) (way: Way) =
    { way with
        Zone = [ text keyName record; exists "example.com" ]
    }

/// The way of unsigned mail to the author's domain, which has no policy.
let unsigned =
    { outside with
        Zone = [ exists "example.com" ]
    }

/// The way of unsigned mail whose author's domain has this policy.
let practice (record: string) : Way =
    { outside with
        Zone = [ exists "example.com"; text "_adsp._domainkey.example.com" record ]
    }

let results (ran: Ran) = ran.Value "Authentication-Results"

/// The messages that were sent.
let sent (ran: Ran) =
    ran.Changes
    |> List.choose (fun change ->
        match change with
        | Sent message -> Some message
        | _ -> None)

/// Why it was quarantined, if it was.
let quarantine (ran: Ran) =
    ran.Changes
    |> List.tryPick (fun change ->
        match change with
        | Quarantined reason -> Some reason
        | _ -> None)

/// The signature's field that was added last.
let signature (ran: Ran) : string =
    ran.Inserted |> List.find _.StartsWith("DKIM-Signature:")

/// The tags of a signature's field.
let tagsOf (field: string) : TagList =
    TagList.parse 65536<octet> (field.Substring 15) |> Expect.ok

/// A tag of the signature that was added.
let tag (name: string) (ran: Ran) : string voption = (tagsOf (signature ran)).TryValue name
