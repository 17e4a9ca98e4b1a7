/// What hands do to the tags of a record: semicolons, signs, case, v= and p= forgotten (RFC 6376 §3.2, §3.6.1).
module internal Dkim.Core.KeyCheck.TagMends

open System
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.KeyCheck.RawText

/// The text with something put in at places, in order.
let private insertedAt (places: int list) (what: string) (text: string) : string =
    List.rev places
    |> List.fold (fun (text: string) at -> text.Insert(at, what)) text

// Places of a piece between semicolons where a tag begins that is not its first; a note may hold anything.
let private innerTags (isStart: string -> int -> bool) (piece: string) : int list =
    let name = nameOf piece

    if name = "n" then
        []
    else
        let first = pastBlanks piece 0

        [
            for at in first + 1 .. piece.Length - 3 do
                if isTagAt piece at && isStart piece at then
                    at
        ]

let private withSemicolons isStart what (text: string) : string =
    text.Split ';'
    |> Array.map (fun piece -> insertedAt (innerTags isStart piece) what piece)
    |> fun pieces -> String.Join(';', pieces)

let private afterBlank (piece: string) (at: int) = isBlank piece[at - 1]

// What else may stand where a semicolon belongs.
let private separators = ",|:&"

let private separatorBefore (piece: string) (at: int) : int voption =
    let before = piece.Substring(0, at).TrimEnd(' ', '\t')

    if before <> "" && separators.Contains before[before.Length - 1] then
        ValueSome(before.Length - 1)
    else
        ValueNone

let private withoutSeparators (text: string) : string =
    text.Split ';'
    |> Array.map (fun piece ->
        innerTags (fun piece at -> (separatorBefore piece at).IsSome) piece
        |> List.rev
        |> List.fold
            (fun (piece: string) at ->
                match separatorBefore piece at with
                | ValueSome sign -> piece.Remove(sign, 1).Insert(sign, ";")
                | ValueNone -> piece)
            piece)
    |> fun pieces -> String.Join(';', pieces)

let private semicolons: Mend =
    {
        Mistake = KeyMistake.MissingSemicolon
        Says = "a semicolon is missing between two tags"
        Remedy = "put a semicolon after each tag"
        IsPlain = true
        Undo =
            fun text ->
                [
                    withSemicolons afterBlank ";" text
                    withSemicolons (fun _ _ -> true) "; " text
                    withoutSeparators text
                ]
                |> List.distinct
                |> List.filter ((<>) text)
    }

let private emptyTags: Mend =
    {
        Mistake = KeyMistake.BadSyntax
        Says = "there is a semicolon with no tag before it"
        Remedy = "put one semicolon after each tag"
        IsPlain = false
        Undo =
            fun text ->
                text.Split ';'
                |> Array.filter (fun piece -> piece.Trim() <> "")
                |> fun pieces -> String.Join(';', pieces)
                |> unlessSame (text.TrimEnd(';', ' '))
    }

let private withEquals (piece: string) : string =
    let name = pastBlanks piece 0
    let sign = pastBlanks piece (name + 1)

    if sign < piece.Length && isTagName piece[name] && piece[sign] = ':' then
        piece.Remove(sign, 1).Insert(sign, "=")
    else
        piece

let private colons: Mend =
    {
        Mistake = KeyMistake.BadSyntax
        Says = "a colon stands where = belongs"
        Remedy = "write = between the name and the value of a tag"
        IsPlain = false
        Undo =
            fun text ->
                text.Split ';'
                |> Array.map withEquals
                |> fun pieces -> String.Join(';', pieces)
                |> unlessSame text
    }

let private smallValue (name: string) (value: string) : string =
    match name with
    | "v" when value.Trim().Equals("DKIM1", StringComparison.OrdinalIgnoreCase) -> "DKIM1"
    | "k"
    | "h"
    | "t"
    | "s" -> value.ToLowerInvariant()
    | _ -> value

let private knownTags = [ "v"; "g"; "h"; "k"; "n"; "p"; "s"; "t" ]

let private lowerTags (text: string) =
    text.Split ';'
    |> Array.map (fun tag ->
        match tag.IndexOf '=' with
        | -1 -> tag
        | at ->
            let name = tag.Substring(0, at)
            let key = nameOf tag
            let isKnown = List.contains key knownTags

            (if isKnown then name.ToLowerInvariant() else name)
            + "="
            + smallValue key (tag.Substring(at + 1)))
    |> fun tags -> String.Join(';', tags)

let private wrongCase: Mend =
    {
        Mistake = KeyMistake.WrongCase
        Says = "names or values of tags have the wrong case: it must be v=DKIM1, and the rest in small letters"
        Remedy = "write v=DKIM1; k=rsa; p=..."
        IsPlain = true
        Undo = fun text -> unlessSame text (lowerTags text)
    }

let private withVersion (text: string) : string list =
    match KeyTags.tryRead text with
    | ValueSome tags when tags |> List.exists (fst >> (=) "v") ->
        let mended = ("v", "DKIM1") :: KeyTags.without "v" tags
        if mended = tags then [] else [ KeyTags.write mended ]
    | ValueSome _ -> []
    | ValueNone ->
        match text.TrimStart '=' with
        | bare when bare.StartsWith("DKIM1", StringComparison.OrdinalIgnoreCase) -> [ "v=" + bare ]
        | _ -> []

let private version: Mend =
    {
        Mistake = KeyMistake.BadVersion
        Says = "v= is not DKIM1, or not the first tag"
        Remedy = "begin the record with v=DKIM1;"
        IsPlain = false
        Undo = withVersion
    }

/// Shorter ones are words.
[<Literal>]
let private LeastKey = 40

// A key that stands by itself, perhaps behind tags.
let private named (text: string) : string list =
    let pieces = text.Split ';'

    let isKey (piece: string) =
        let packed = TagList.withoutWhiteSpace piece
        packed.Length >= LeastKey && String.forall isBase64 packed

    let has name =
        Array.exists (fun piece -> nameOf piece = name) pieces

    if has "p" then
        []
    else
        match Array.tryFindIndex isKey pieces with
        | None -> []
        | Some at ->
            let joined =
                pieces
                |> Array.mapi (fun index piece -> if index = at then " p=" + piece.Trim() else piece)
                |> fun pieces -> String.Join(';', pieces).Trim()

            [ (if has "v" then joined else "v=DKIM1; " + joined) ]

let private unnamed: Mend =
    {
        Mistake = KeyMistake.MissingKey
        Says = "the key stands in the record without p= before it"
        Remedy = "write p= before the key"
        IsPlain = false
        Undo = named
    }

/// In the order in which they are tried.
let all: Mend list = [ semicolons; wrongCase; colons; emptyTags; version; unnamed ]
