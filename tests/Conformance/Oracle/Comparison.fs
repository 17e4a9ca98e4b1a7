/// A grammar of ours beside the RFC's: what the rules make of a text, and what the product makes of it.
namespace Dkim.Tests.Conformance.Oracle

open System
open System.Globalization
open System.Text
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Loading
open Dkim.Core.Programs.Filters.Deciding
open Dkim.Tests.Conformance.Abnf

/// What was read: named parts with their text or place.
type Reading = (string * string) list

/// One comparison.
[<NoComparison; NoEquality>]
type Comparison =
    {
        Name: string
        /// The files in abnf/ that its rules come from.
        Files: string list
        /// The rules that it depends on.
        Starts: string list
        /// A text that should mostly be read.
        Make: Sentences -> Random -> string
        /// All readings that the rules and sentences of the RFC allow; none if the text must be refused.
        Allowed: Recognizer -> string -> Reading list
        /// What the product reads; nothing if it refuses.
        Product: string -> Reading voption
    }

module Prose =
    let private idn = IdnMapping(UseStd3AsciiRules = true)

    let private marks =
        [ UnicodeCategory.NonSpacingMark; UnicodeCategory.SpacingCombiningMark ]

    /// RFC 5892 §2.1 LetterDigits in small letters, and single code points of §2.6 and appendix A.
    let private isAllowed (rune: Rune) =
        let category = Rune.GetUnicodeCategory rune

        List.contains
            category
            (marks
             @ [
                 UnicodeCategory.LowercaseLetter
                 UnicodeCategory.OtherLetter
                 UnicodeCategory.ModifierLetter
                 UnicodeCategory.DecimalDigitNumber
             ])
        || List.contains
            rune.Value
            [
                0x2D
                0xB7
                0x375
                0x5F3
                0x5F4
                0x6FD
                0x6FE
                0xF0B
                0x200C
                0x200D
                0x3007
                0x30FB
            ]

    let private isSpelled (label: string) =
        let runes = [ for rune in label.EnumerateRunes() -> rune ]

        List.forall isAllowed runes
        && not (List.contains (Rune.GetUnicodeCategory runes.Head) marks)

    /// U-labels are of allowed code points, and else for the mapping of the platform to judge (RFC 5890 §2.3.2.1).
    let private isULabel (octets: string) =
        not (String.forall Char.IsAscii octets)
        && not (octets.Contains '.')
        && match Octets.tryUtf8 (ReadOnlySpan(Octets.ofLatin1 octets)) with
           | ValueNone -> false
           | ValueSome label ->
               isSpelled (label.ToLowerInvariant())
               && try
                   let ascii = idn.GetAscii(label.ToLowerInvariant())
                   not (ascii.Contains '.') && ascii.Length <= 63
                  with :? ArgumentException ->
                      false

    let judge (sentence: string) (octets: string) : bool =
        match sentence with
        | "U-label of RFC 5890" -> isULabel octets
        | other -> failwith ("nobody judges " + other)

    let private labels = [| "b\195\188cher"; "\230\151\165\230\156\172"; "\206\177" |]

    let invent (random: Random) (_: string) : string = labels[random.Next labels.Length]

module Grammars =
    /// The rules as the RFCs have them.
    let ofRfc (files: string list) : Rules = Rules.load files

    /// The rules with our deliberate differences.
    let ours (files: string list) : Rules =
        Differences.all
        |> List.filter (fun difference -> List.contains difference.File files)
        |> List.fold (fun rules difference -> Rules.replace difference.Ours rules) (ofRfc files)

    let recognizer (rules: Rules) = Recognizer(rules, Prose.judge)

    let sentences (rules: Rules) = Sentences(rules, Prose.invent)

/// What parts mean, in the words of the RFCs.
module Meaning =
    let private reduced (hasLiterals: bool) (text: string) : string =
        let meaning = Text.StringBuilder()

        let rec outside at depth =
            if at < text.Length then
                match text[at] with
                | '\\' when depth > 0 -> outside (at + 2) depth
                | '(' -> outside (at + 1) (depth + 1)
                | ')' when depth > 0 -> outside (at + 1) (depth - 1)
                | _ when depth > 0 -> outside (at + 1) depth
                | '"' -> inside (at + 1)
                | '[' when hasLiterals -> literal at
                | ' '
                | '\t'
                | '\r'
                | '\n' -> outside (at + 1) 0
                | c ->
                    meaning.Append c |> ignore
                    outside (at + 1) 0

        and inside at =
            match text[at] with
            | '"' -> outside (at + 1) 0
            | '\\' ->
                meaning.Append text[at + 1] |> ignore
                inside (at + 2)
            | '\r' when at + 1 < text.Length && text[at + 1] = '\n' -> inside (at + 2)
            | c ->
                meaning.Append c |> ignore
                inside (at + 1)

        // In an address literal nothing is a comment and nothing quoted.
        and literal at =
            let finish = text.IndexOf(']', at)

            text.Substring(at, finish - at)
            |> String.filter (fun c -> not (" \t\r\n".Contains c))
            |> meaning.Append
            |> ignore

            meaning.Append ']' |> ignore
            outside (finish + 1) 0

        outside 0 0
        meaning.ToString()

    /// Text without comments and white space outside of quotes, and without quotes and backslashes (RFC 5322 §3.2).
    let ofMail (text: string) : string = reduced false text

    /// The same for an address, which may have a literal for its domain (RFC 5322 §3.4.1).
    let ofAddress (text: string) : string = reduced true text

    let withoutSpace (text: string) =
        text |> String.filter (fun c -> not (" \t\r\n".Contains c))

    /// Base64 by its bits (RFC 4648 §4).
    let ofBase64 (text: string) : string =
        let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

        let bits =
            (withoutSpace text).TrimEnd '='
            |> Seq.collect (fun c -> [ for bit in 5..-1..0 -> digits.IndexOf c >>> bit &&& 1 ])
            |> Array.ofSeq

        bits
        |> Array.chunkBySize 8
        |> Array.filter (fun octet -> octet.Length = 8)
        |> Array.map (Array.fold (fun value bit -> value * 2 + bit) 0 >> byte)
        |> Convert.ToHexString

    /// Quoted-printable decoded, if it can be (RFC 6376 §2.11).
    let ofQuotedPrintable (text: string) : string voption =
        let rec decode rest =
            match rest with
            | [] -> ValueSome []
            | '=' :: high :: low :: rest when "0123456789ABCDEF".Contains high && "0123456789ABCDEF".Contains low ->
                decode rest
                |> ValueOption.map (fun decoded -> char (Convert.ToInt32(String [| high; low |], 16)) :: decoded)
            | '=' :: _ -> ValueNone
            | c :: rest -> decode rest |> ValueOption.map (fun decoded -> c :: decoded)

        decode (List.ofSeq (withoutSpace text))
        |> ValueOption.map (fun decoded -> String(Array.ofList decoded))

    /// A domain name or selector as it is compared: A-labels in lower case. Nothing if it breaks a limit of the DNS.
    let ofName (limit: int) (octets: string) : string voption =
        match Octets.tryUtf8 (ReadOnlySpan(Octets.ofLatin1 octets)) with
        | ValueNone -> ValueNone
        | ValueSome text ->
            let labels =
                text.Split '.'
                |> Array.map (fun label ->
                    if String.forall Char.IsAscii label then
                        label.ToLowerInvariant()
                    else
                        IdnMapping(UseStd3AsciiRules = true).GetAscii(label.ToLowerInvariant()))

            let name = String.Join('.', labels)

            if name.Length <= limit && labels |> Array.forall (fun label -> label.Length <= 63) then
                ValueSome name
            else
                ValueNone
