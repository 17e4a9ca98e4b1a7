/// What the tests of dk-filter start from: its own signature, and zones with the key as DomainKeys has it.
module Dkim.Tests.Core.DkFilterExamples

open System
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Settings
open Dkim.Tests.FilterPassages

/// The message as it stands below the MTA's own first field, with the signature on top.
let internal signedBy (policy: FilterPolicy) (mail: string) : string =
    let ran = dkRunWith policy local mail
    String.Join("\r\n", List.rev ran.Inserted) + "\r\n" + crlf mail

/// Plain mail with a trace field of another host.
let received = "Received: from a by b;\n\tTue, 14 Nov 2023 22:13:20 +0000\n" + plain

let signed = lazy signedBy dkPolicy received

let altered = lazy signed.Value.Replace("body", "b0dy")

/// The record of the key, without the version that DomainKeys does not know.
let publishedKey = lazy ("k=rsa; p=" + Convert.ToBase64String rsa.Value.KeyData)

/// The way on which it passes.
let arriving: Lazy<Way> =
    lazy
        { outside with
            Zone = [ text keyName publishedKey.Value ]
        }

/// The way of a message whose key has this record.
let withKey record =
    { outside with
        Zone = [ text keyName record ]
    }
