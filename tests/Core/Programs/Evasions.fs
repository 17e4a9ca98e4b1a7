/// What somebody whose mail is refused may do to it without being able to sign: fields put in, doubled, broken and
/// re-ordered, odd octets, another envelope. Kinds of it are values with names.
module Dkim.Tests.Core.Evasions

open System
open Dkim.Tests.FilterPassages

/// One kind of change, to the way that a message comes and to its text, whose lines end with CRLF.
type Evasion =
    {
        Name: string
        Apply: Way * string -> Way * string
    }

let private ofText name (change: string -> string) =
    {
        Name = name
        Apply = fun (way, mail) -> way, change mail
    }

let private ofWay name (change: Way -> Way) =
    {
        Name = name
        Apply = fun (way, mail) -> change way, mail
    }

/// Changes the fields, each with its folds and its line end.
let private ofFields name (change: string list -> string list) =
    ofText name (fun mail ->
        let at = mail.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 2

        let fields =
            mail.Substring(0, at).Split("\r\n")
            |> Array.filter (fun line -> line <> "")
            |> Array.fold
                (fun fields line ->
                    match fields with
                    | last :: rest when line.StartsWith ' ' || line.StartsWith '\t' -> (last + line + "\r\n") :: rest
                    | _ -> (line + "\r\n") :: fields)
                []
            |> List.rev

        String.Concat(change fields) + mail.Substring at)

let private isNamed (name: string) (field: string) =
    field.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase)

// Names that a program might look at, and some that it should not.
let private names =
    [
        "Sender"
        "Resent-From"
        "Resent-Sender"
        "Resent-Date"
        "From"
        "Reply-To"
        "Return-Path"
        "To"
        "Subject"
        "Date"
        "Message-ID"
        "Received"
        "Authentication-Results"
        "ARC-Authentication-Results"
        "DKIM-Signature"
        "DomainKey-Signature"
        "X-DKIM"
        "List-Id"
        "Content-Type"
        "Content-Transfer-Encoding"
        "Sender "
        "X-Odd\001"
        ""
    ]

let private contents =
    [
        "junk", "junk"
        "nothing", ""
        "an address of ours", "joe@example.com"
        "a good-looking signature", "v=1; a=rsa-sha256; d=example.com; s=mail; h=from; bh=AAAA; b=AAAA"
        "a pass in our name", "mx.example.net; dkim=pass header.d=example.com"
        "an open comment", "(" + String.replicate 40 "("
        "an open quotation", "\"joe"
        "odd octets", "\000\001\127\200\255"
        "many octets", String('x', 4000)
        "folds", "a\r\n b\r\n\t\r\n c"
    ]

let private added =
    [
        for name in names do
            for what, value in contents do
                let field = name + ": " + value + "\r\n"

                // A second author is another one, whom the reader may refuse or judge by another domain.
                if not (name = "From" && what = "an address of ours") then
                    ofText (name + " with " + what + " on top") (fun mail -> field + mail)

                    ofFields (name + " with " + what + " at the end") (fun fields -> fields @ [ field ])
    ]

let private whole =
    [
        ofFields "the fields in reverse" List.rev
        ofFields "the fields sorted" List.sort
        ofFields "every field twice" (List.collect (fun field -> [ field; field ]))
        ofFields "signatures at the end" (fun fields ->
            let signatures, others = fields |> List.partition (isNamed "DKIM-Signature")
            others @ signatures)
        ofFields "the first signature twice" (fun fields ->
            (fields
             |> List.filter (fun field -> field.Contains "-Signature")
             |> List.truncate 1)
            @ fields)
        ofFields
            "names in capitals"
            (List.map (fun field ->
                let at = field.IndexOf ':'
                field.Substring(0, at).ToUpperInvariant() + field.Substring at))
        ofFields "a blank before each colon" (List.map (fun field -> field.Insert(field.IndexOf ':', " ")))
        ofFields "a fold behind each colon" (List.map (fun field -> field.Insert(field.IndexOf ':' + 1, "\r\n")))
        ofFields "hundreds of fields" (fun fields -> List.init 900 (fun n -> "X-" + string n + ": y\r\n") @ fields)
        ofFields "a line without a colon" (fun fields -> fields @ [ "junk\r\n" ])
        ofText "a footer" (fun mail -> mail + "-- \r\nfooter\r\n")
        ofText "a body of nothing" (fun mail ->
            mail.Substring(0, mail.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4))
        ofText "empty lines at the end" (fun mail -> mail + String.replicate 50 "\r\n")
        ofText "an empty line first in the body" (fun mail ->
            mail.Insert(mail.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 2, "\r\n"))
        ofText "octets of all kinds in the body" (fun mail -> mail + String([| for n in 0..255 -> char n |]) + "\r\n")
    ]

let private envelopes =
    [
        for sender in
            [
                "<>"
                ""
                "<joe@example.com>"
                "<@a,@b:c@d>"
                "junk"
                "<\"a b\"@example.com>"
                "<postmaster>"
            ] do
            ofWay ("the sender " + sender) (fun way -> { way with Sender = ValueSome sender })

        ofWay "no sender" (fun way -> { way with Sender = ValueNone })
        ofWay "no recipients" (fun way -> { way with Recipients = [] })

        for recipient in [ "<joe@example.com>"; "<>"; "junk"; "<a@[192.0.2.1]>" ] do
            ofWay ("the recipient " + recipient) (fun way ->
                { way with
                    Recipients = recipient :: way.Recipients
                })

        ofWay "a hundred recipients" (fun way ->
            { way with
                Recipients = List.init 100 (fun n -> "<u" + string n + "@example.net>")
            })

        for name in [ "localhost"; "example.com"; "mx.example.net"; "[127.0.0.1]"; ""; "a b" ] do
            ofWay ("a client that calls itself " + name) (fun way ->
                { way with
                    Client = { way.Client with HostName = name }
                })
    ]

/// Every kind of change.
let all: Evasion list = added @ whole @ envelopes
