/// The way of a message through servers, as its Received fields tell it, and where on it signatures were made
/// (RFC 5321 §4.4, RFC 5322 §3.6.7). Any server may write anything there; nothing of it decides about a signature.
namespace Dkim.Core.Explaining

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records

/// What one Received field says; texts are Latin-1 as they stand there.
type Hop =
    {
        From: string
        By: string
        /// The protocol.
        With: string
        At: DateTimeOffset voption
        /// How long after the time of the hop before, where both say one.
        Delay: TimeSpan voption
    }

/// A stop on the way of a message.
[<RequireQualifiedAccess>]
type MailStop =
    | Hop of Hop
    /// A signature was put on top of all that stood there; its number is counted from the top, from 1.
    | Signed of number: int

module MailPath =
    /// Received fields that are read.
    [<Literal>]
    let private MostHops = 60

    /// Octets of a field that are read.
    [<Literal>]
    let private MostOctets = 2000

    /// Where a comment or a word ends that begins at an index (RFC 5322 §3.2.2).
    let private tokenEnd (text: string) (start: int) : int =
        let mutable at = start
        let mutable depth = 0
        let mutable goesOn = true

        while goesOn && at < text.Length do
            match text[at] with
            | '\\' -> at <- at + 1
            | '(' -> depth <- depth + 1
            | ')' -> depth <- depth - 1
            | _ -> ()

            at <- at + 1

            goesOn <-
                depth > 0
                || at < text.Length
                   && not (Char.IsWhiteSpace text[at] || text[at] = '(' || text[start] = '(')

        min at text.Length

    /// Words and comments.
    let private tokens (text: string) : string list =
        let rec read (at: int) (found: string list) =
            if at >= text.Length then
                List.rev found
            elif Char.IsWhiteSpace text[at] then
                read (at + 1) found
            else
                let finish = tokenEnd text at
                read finish (text.Substring(at, finish - at) :: found)

        read 0 []

    let private clauses = [ "from"; "by"; "via"; "with"; "id"; "for" ]

    let private isClause (token: string) =
        List.contains (token.ToLowerInvariant()) clauses

    /// What follows the word of a clause, comments too.
    let private clause (name: string) (tokens: string list) : string =
        match
            tokens
            |> List.skipWhile (fun token -> not (token.Equals(name, StringComparison.OrdinalIgnoreCase)))
        with
        | [] -> ""
        | _ :: words -> words |> List.takeWhile (isClause >> not) |> String.concat " "

    let private hop (field: Field) : Hop =
        let value = field.ValueText
        let value = value.Substring(0, min MostOctets value.Length)
        let semicolon = value.LastIndexOf ';'

        let said, time =
            if semicolon < 0 then
                value, ""
            else
                value.Substring(0, semicolon), value.Substring(semicolon + 1)

        let tokens = tokens said

        {
            From = clause "from" tokens
            By = clause "by" tokens
            With = clause "with" tokens
            At = MailDate.tryParse time
            Delay = ValueNone
        }

    let private timed (before: DateTimeOffset voption) (hop: Hop) : Hop * DateTimeOffset voption =
        match before, hop.At with
        | ValueSome before, ValueSome at ->
            { hop with
                Delay = ValueSome(at - before)
            },
            hop.At
        | ValueNone, ValueSome _ -> hop, hop.At
        | _, ValueNone -> hop, before

    /// The stops of a message, the first server as the first. The lowest fields count where there are very many.
    let ofHeader (header: Header) : MailStop list =
        let isSignature (field: Field) =
            [ Dkim; DomainKeys ]
            |> List.exists (fun scheme -> field.Is(Layout.fieldName scheme))

        let fields = header.Fields |> List.ofSeq

        let numbered =
            fields
            |> List.mapFold
                (fun count field ->
                    if isSignature field then
                        (field, count + 1), count + 1
                    else
                        (field, 0), count)
                0
            |> fst

        numbered
        |> List.filter (fun (field, number) -> number > 0 || field.Is "Received")
        |> List.rev
        |> List.truncate MostHops
        |> List.mapFold
            (fun before (field, number) ->
                if number > 0 then
                    MailStop.Signed number, before
                else
                    let hop, at = timed before (hop field)
                    MailStop.Hop hop, at)
            ValueNone
        |> fst
