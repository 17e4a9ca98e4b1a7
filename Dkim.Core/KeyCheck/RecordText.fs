/// The text of a published key record held against the classic mistakes of those who type it (RFC 6376 §3.6.1).
namespace Dkim.Core.KeyCheck

open System
open Dkim.Core.Words
open Dkim.Core.Records

/// The text of one record: what is wrong with it as a text, and what it was meant to be.
module internal RecordText =
    /// A text as far as it could be put right, and what was wrong with it.
    type private Repair =
        { Text: string; Found: KeyFinding list }

    let private repair isWrong mistake says remedy (mend: string -> string) (state: Repair) : Repair =
        if isWrong state.Text then
            {
                Text = mend state.Text
                Found = state.Found @ [ KeyFinding.wrong mistake says remedy ]
            }
        else
            state

    let private has (part: string) (text: string) =
        text.Contains(part, StringComparison.OrdinalIgnoreCase)

    let private countOf (part: string) (text: string) =
        let rec count from found =
            match text.IndexOf(part, from, StringComparison.OrdinalIgnoreCase) with
            | -1 -> found
            | at -> count (at + part.Length) (found + 1)

        count 0 0

    let private versionAt (text: string) =
        text.IndexOf("v=DKIM1", StringComparison.OrdinalIgnoreCase)

    let private isZoneLine (text: string) =
        let before = text.Substring(0, max 0 (versionAt text))
        has "_domainkey" before || has "TXT" before || before.Contains '('

    // Between two strings of a zone file stand quotes and white space; inside p= both can go.
    let private withoutQuotes (text: string) =
        text.Replace("\" \"", "").Replace("\"\"", "").Replace("\"", "")

    let private fromVersion (text: string) =
        let rest = text.Substring(versionAt text)
        // Behind the last string there may be a comment.
        let closing = rest.LastIndexOf '"'

        withoutQuotes (
            if closing < 0 then
                rest.TrimEnd(' ', ')')
            else
                rest.Substring(0, closing)
        )

    // Strings of a record are told apart by nothing but their order: the end of p= may stand before the first tag.
    let private isSwapped (text: string) =
        let at = versionAt text

        at >= 20
        && text
            .AsSpan(0, at)
            .IndexOfAnyExcept("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= ".AsSpan())
            <
            0

    let private inOrder (text: string) =
        let at = versionAt text
        text.Substring at + text.Substring(0, at)

    let private secondVersion (text: string) =
        text.IndexOf("v=DKIM1", min text.Length 7, StringComparison.OrdinalIgnoreCase)

    // The record that has a key: the first, unless nothing of it was left but its beginning.
    let private oneOfTwo (text: string) =
        let first = text.Substring(0, secondVersion text).TrimEnd()

        if first.EndsWith("p=", StringComparison.OrdinalIgnoreCase) then
            text.Substring(secondVersion text)
        else
            first

    let private isOdd (c: char) = c > '~' || c < ' ' && c <> '\t'

    let private knownTags = [ "v"; "g"; "h"; "k"; "n"; "p"; "s"; "t" ]

    let private lowerTags (text: string) =
        text.Split ';'
        |> Array.map (fun tag ->
            match tag.IndexOf '=' with
            | -1 -> tag
            | at ->
                let name, value = tag.Substring(0, at), tag.Substring(at + 1)
                let key = name.Trim().ToLowerInvariant()
                let isKnown = List.contains key knownTags

                let value =
                    match key with
                    | "v" when value.Trim().Equals("DKIM1", StringComparison.OrdinalIgnoreCase) -> "DKIM1"
                    | "k"
                    | "h"
                    | "t"
                    | "s" -> value.ToLowerInvariant()
                    | _ -> value

                (if isKnown then name.ToLowerInvariant() else name) + "=" + value)
        |> fun tags -> String.Join(';', tags)

    let private hasWrongCase (text: string) =
        let mended = lowerTags text
        not (has "v=spf1" text) && mended <> text

    // Where a tag begins within a value, white space before it: k=rsa p=...; at the end of p= only what is no padding.
    let private innerTags (tag: string) : int list =
        let name = tag.Substring(0, max 0 (tag.IndexOf '=')).Trim().ToLowerInvariant()

        if name = "n" then
            []
        else
            [
                for at in tag.IndexOf '=' + 1 .. tag.Length - 3 do
                    if
                        at > 0
                        && tag[at] = ' '
                        && tag[at + 2] = '='
                        && List.contains (string (Char.ToLowerInvariant tag[at + 1])) knownTags
                        && at + 3 < tag.Length
                        && tag[at + 3] <> '='
                    then
                        at
            ]

    let private lacksSemicolon (text: string) =
        text.Split ';' |> Array.exists (fun tag -> not (innerTags tag).IsEmpty)

    let private withSemicolons (text: string) =
        text.Split ';'
        |> Array.map (fun tag ->
            innerTags tag
            |> List.rev
            |> List.fold (fun (tag: string) at -> tag.Insert(at, ";")) tag)
        |> fun tags -> String.Join(';', tags)

    let private steps: (Repair -> Repair) list =
        [
            repair
                (Seq.exists isOdd)
                KeyMistake.OddCharacters
                "the record has control characters or characters beyond ASCII, such as printed quotation marks"
                "write the record again as plain text"
                (String.filter (isOdd >> not))
            repair
                (has "\\;")
                KeyMistake.EscapesPasted
                "backslashes before semicolons are part of the record"
                "leave the backslashes out; only some zone files need them, and they are not published there"
                _.Replace("\\;", ";")
            repair
                isZoneLine
                KeyMistake.ZoneLinePasted
                "a whole line of a zone file was put into the record"
                "enter only what stands between the quotation marks"
                fromVersion
            repair
                isSwapped
                KeyMistake.StringsSwapped
                "the strings of the record stand in the wrong order: the end of p= comes before v=DKIM1"
                "publish the strings in the order in which the key tool prints them, in one record"
                inOrder
            repair
                (has "\"")
                KeyMistake.QuotesInside
                "quotation marks are part of the record"
                "leave the quotation marks out: they belong to zone files, where they end a string of at most 255 characters"
                withoutQuotes
            repair
                (fun text -> countOf "v=DKIM1" text > 1)
                KeyMistake.RecordsPasted
                "two records stand in one"
                "publish one record under each selector"
                oneOfTwo
            repair
                lacksSemicolon
                KeyMistake.MissingSemicolon
                "a semicolon is missing between two tags"
                "put a semicolon after each tag"
                withSemicolons
            repair
                hasWrongCase
                KeyMistake.WrongCase
                "names or values of tags have the wrong case: it must be v=DKIM1, and the rest in small letters"
                "write v=DKIM1; k=rsa; p=..."
                lowerTags
        ]

    /// What is wrong with a text as a text, and the text put right.
    let mend (text: string) : struct (string * KeyFinding list) =
        let state =
            List.fold (fun state step -> step state) { Text = text.Trim(); Found = [] } steps

        struct (state.Text, state.Found)
