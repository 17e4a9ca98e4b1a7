/// Records in the DNS: keys, policies and requests for reports.
module Dkim.Tests.Conformance.Oracle.Records

open System
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Loading
open Dkim.Core.Programs.Filters.Deciding
open Dkim.Tests.Conformance.Abnf
open Dkim.Tests.Conformance.Oracle.TagLists

let private keyRules =
    [ "v"; "h"; "k"; "n"; "p"; "s"; "t" ]
    |> List.map (fun name -> name, "key-" + name + "-tag")

let private keyAllowed (recognizer: Recognizer) (text: string) : Reading list =
    match tryRead recognizer "tag-list" keyRules text with
    | ValueNone -> []
    | ValueSome specs ->
        let values = Values(text, specs)

        let words name preset =
            let value = values.Or name preset

            if not (recognizer.Has "key-words") || recognizer.Accepts "key-words" value then
                names value
            else
                []

        let kept =
            // §3.6.1 v=: first, where it is there.
            (not (values.Has "v") || specs.Head.Name = "v")
            // §3.6.1 k=: a type that is not known is of no use.
            && List.contains (values.Or "k" "rsa") [ "rsa"; "ed25519" ]
            && values.Has "p"

        if not kept then
            []
        else
            let hashes =
                words "h" ""
                |> List.filter (fun word -> List.contains word [ "sha1"; "sha256" ])

            [
                [
                    yield! present "p" (Meaning.ofBase64 (values.Or "p" ""))
                    // A key without octets is revoked, and nothing else of it matters.
                    if values.Or "p" "" <> "" then
                        yield! present "k" (values.Or "k" "rsa")

                        if values.Has "h" then
                            yield! present "h" (String.Join(':', hashes))

                        yield!
                            present
                                "s"
                                (words "s" "*"
                                 |> List.exists (fun word -> word = "*" || word = "email")
                                 |> string)

                        yield! present "y" (string (List.contains "y" (words "t" "")))
                        yield! present "exact" (string (List.contains "s" (words "t" "")))
                ]
            ]

let private productKey (text: string) : Reading voption =
    match KeyRecord.parse 16384<octet> text with
    | Error Revoked -> ValueSome(present "p" "")
    | Error _ -> ValueNone
    | Ok record ->
        ValueSome
            [
                yield! present "p" (Convert.ToHexString record.KeyData)
                yield! present "k" (Algorithms.keyTypes.Name record.KeyType)
                match record.Hashes with
                | ValueSome hashes -> yield! present "h" (String.Join(':', hashes |> List.map Algorithms.hashes.Name))
                | ValueNone -> ()
                yield! present "s" (string record.ForMail)
                yield! present "y" (string record.Testing)
                yield! present "exact" (string record.ExactDomain)
            ]

let private makeKey (sentences: Sentences) (random: Random) =
    let good =
        [
            "p",
            (if random.Next 5 = 0 then
                 ""
             else
                 base64 random (random.Next(1, 30)))
        ]

    let optional =
        [
            "h", pick random [ "sha1"; "sha256"; "sha1 : sha256"; "md5" ]
            "k", pick random [ "rsa"; "ed25519" ]
            "n", "a note"
            "s", pick random [ "*"; "email"; "tls"; "x:email" ]
            "t", pick random [ "y"; "s"; "y : s"; "z" ]
            "g", pick random [ "*"; "" ]
        ]

    let text = compose sentences random "tag-spec" good keyRules optional
    if random.Next 2 = 0 then "v=DKIM1;" + text else text

let key: Comparison =
    {
        Name = "key record"
        Files = commonFiles
        Starts = "tag-list" :: List.map snd keyRules
        Make = makeKey
        Allowed = keyAllowed
        Product = productKey
    }

let private policyAllowed (recognizer: Recognizer) (text: string) : Reading list =
    match tryRead recognizer "dk-list" [] text with
    | ValueNone -> []
    | ValueSome specs ->
        let values = Values(text, specs)

        // §3.6: `-` signs all; `~`, or nothing, some; other words are not known. t=y is a test.
        [
            [
                yield! present "o" (string (values.Or "o" "~" = "-"))
                yield! present "t" (string (values.Or "t" "" |> names |> List.contains "y"))
            ]
        ]

let policy: Comparison =
    {
        Name = "DomainKeys policy"
        Files = commonFiles @ [ "domainkeys" ]
        Starts = [ "dk-list" ]
        Make =
            fun sentences random ->
                let optional =
                    [
                        "o", pick random [ "-"; "~"; "?" ]
                        "t", pick random [ "y"; "n" ]
                        "r", "a@b"
                    ]

                compose sentences random "dk-pair" [ "n", "x" ] [ "o", "dk-pair" ] optional
        Allowed = policyAllowed
        Product =
            fun text ->
                PolicyRecord.tryDomainKeys text
                |> ValueOption.map (fun record ->
                    present "o" (string (record.Practice = SignsAll))
                    @ present "t" (string record.Testing))
    }

let private keepPractice rule (text: string) at finish =
    match rule with
    | "adsp-dkim-tag" ->
        ValueSome(text.Substring(text.IndexOf('=') + 1, finish - text.IndexOf('=') - 1).Trim(' ', '\t'))
    | "tag-name" -> ValueSome(text.Substring(at, finish - at))
    | _ -> ValueNone

let adsp: Comparison =
    {
        Name = "ADSP record"
        Files = commonFiles @ [ "adsp" ]
        Starts = [ "adsp-record" ]
        Make = fun sentences random -> sentences.Make random 60 "adsp-record"
        Allowed =
            fun recognizer text ->
                recognizer.Readings "adsp-record" keepPractice text
                |> List.filter (fun parts ->
                    let tags =
                        "dkim"
                        :: (parts |> List.filter (fun part -> part.Rule = "tag-name") |> List.map _.Kept)

                    List.distinct tags = tags)
                |> List.map (fun parts ->
                    // §4.2.1: values are compared with their case; what is not known means unknown.
                    match parts.Head.Kept with
                    | "all" -> present "dkim" "all"
                    | "discardable" -> present "dkim" "discardable"
                    | _ -> present "dkim" "unknown")
        Product =
            fun text ->
                PolicyRecord.tryAdsp text
                |> ValueOption.map (fun record ->
                    match record.Practice with
                    | SignsSome -> present "dkim" "unknown"
                    | SignsAll -> present "dkim" "all"
                    | SignsAllItself -> present "dkim" "discardable")
    }

let private reportRules =
    [ "ra"; "rp"; "rr"; "rs" ]
    |> List.map (fun name -> name, "rep-" + name + "-tag")

let private reasonNames =
    [
        "d", ReportReason.Dns
        "p", ReportReason.Policy
        "s", ReportReason.Syntax
        "u", ReportReason.UnknownTag
        "v", ReportReason.Verification
        "x", ReportReason.Expiry
        "o", ReportReason.Other
    ]

let private reportAllowed (recognizer: Recognizer) (text: string) : Reading list =
    match tryRead recognizer "tag-list" reportRules text with
    | ValueNone -> []
    | ValueSome specs ->
        let values = Values(text, specs)

        let printable name =
            if values.Has name then
                Meaning.ofQuotedPrintable (values.Or name "")
                |> ValueOption.map (String.filter (fun c -> c >= ' ' && c <= '~'))
                |> ValueOption.filter (fun decoded -> decoded <> "" && decoded.Length <= 256)
            else
                ValueNone

        let address =
            printable "ra"
            |> ValueOption.filter (
                String.forall (fun c -> Char.IsAsciiLetterOrDigit c || "!#$%&'*+-/=?^_`{|}~.".Contains c)
            )

        let reasons = names (values.Or "rr" "all")
        let percent = number (values.Or "rp" "100")

        if percent > Numerics.BigInteger 100 then
            []
        else
            [
                [
                    yield! single "ra" address
                    yield! present "rp" (string percent)
                    if not (List.contains "all" reasons) then
                        yield!
                            present
                                "rr"
                                (reasons
                                 |> List.filter (fun word -> List.exists (fun (name, _) -> name = word) reasonNames)
                                 |> String.concat ":")
                    yield! single "rs" (printable "rs")
                ]
            ]

let private productReport (text: string) : Reading voption =
    ReportRequest.tryParse text
    |> ValueOption.map (fun request ->
        let name reason =
            reasonNames |> List.find (fun (_, known) -> known = reason) |> fst

        [
            yield! single "ra" request.LocalPart
            yield! present "rp" (string request.Percent)
            match request.Reasons with
            | ValueSome reasons -> yield! present "rr" (reasons |> List.map name |> String.concat ":")
            | ValueNone -> ()
            yield! single "rs" request.ReplyText
        ])

let report: Comparison =
    {
        Name = "reporting record"
        Files = commonFiles @ [ "reports" ]
        Starts = "tag-list" :: List.map snd reportRules
        Make =
            fun sentences random ->
                let optional =
                    [
                        "ra", "dkim-errors"
                        "rp", pick random [ "0"; "50"; "100"; "101" ]
                        "rr", pick random [ "all"; "v:x"; "d : o"; "s" ]
                        "rs", "No=20thanks"
                    ]

                compose sentences random "tag-spec" [ "q", "" ] reportRules optional
        Allowed = reportAllowed
        Product = productReport
    }
