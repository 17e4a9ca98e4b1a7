/// The search for what a record was before it was spoiled. The record that verifiers can use as it is was not spoiled; of
/// others every mend is tried, alone and then with others, and counts only where a key comes out of it.
module internal Dkim.Core.KeyCheck.MendSearch

open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Cryptography

/// All mends, in the order in which they are tried: what is done last is taken back first.
let table: Mend list = PasteMends.all @ TagMends.all @ KeyMends.all

/// A text and the mends that led to it, the first one first.
[<NoComparison; NoEquality>]
type Attempt = { Text: string; Mends: Mend list }

/// Mistakes that are looked for at once.
[<Literal>]
let private MostMistakes = 3

/// Attempts that are made for one record.
[<Literal>]
let private MostAttempts = 400

/// Characters of all attempts together.
[<Literal>]
let private MostCharacters = 1048576

/// Texts that one more mend is tried on.
[<Literal>]
let private MostGoneOnWith = 48

let private undone (attempt: Attempt) : Attempt list =
    table
    |> List.filter (fun mend -> attempt.Mends |> List.forall (fun other -> other.Says <> mend.Says))
    |> List.collect (fun mend ->
        mend.Undo attempt.Text
        |> List.map (fun text ->
            {
                Text = text.Trim()
                Mends = attempt.Mends @ [ mend ]
            }))

let private keyOf (attempt: Attempt) : byte[] =
    match KeyTags.tryUsable attempt.Text with
    | ValueSome record -> record.KeyData
    | ValueNone -> [||]

/// The first of the attempts that give a key. Where the same mends give another key as well, nobody knows which was meant.
let private only (attempts: Attempt list) : Attempt voption =
    match attempts with
    | [] -> ValueNone
    | first :: others ->
        let says (attempt: Attempt) = attempt.Mends |> List.map _.Says

        let isRival (other: Attempt) =
            says other = says first && keyOf other <> keyOf first

        if List.exists isRival others then
            ValueNone
        else
            ValueSome first

/// What the text was: with the private key, its record; else a record that opens its key to mail, or at least one that can
/// be used.
let find (key: SigningKey voption) (text: string) : Attempt voption =
    let isOurs (record: KeyRecord) =
        key |> ValueOption.exists (fun key -> KeyTags.fits key record)

    let rec go level characters (seen: Set<string>) (whole: Attempt list) (usable: Attempt list) (from: Attempt list) =
        let fresh =
            from
            |> List.truncate MostGoneOnWith
            |> List.collect undone
            |> List.filter (fun attempt -> not (seen.Contains attempt.Text) && attempt.Text.Length <= int KeyTags.limit)
            |> List.distinctBy _.Text

        let room =
            min (MostAttempts - seen.Count) ((MostCharacters - characters) / (text.Length + 1))

        let tried = List.truncate (max 0 room) fresh

        let judged =
            tried |> List.map (fun attempt -> attempt, KeyTags.tryUsable attempt.Text)

        let those judge =
            judged
            |> List.filter (fun (_, record) -> ValueOption.exists judge record)
            |> List.map fst

        let whole = if whole.IsEmpty then those KeyTags.isOpen else whole
        let usable = if usable.IsEmpty then those (fun _ -> true) else usable

        match those isOurs with
        | ours :: _ -> ValueSome ours
        | [] when level = MostMistakes || tried.IsEmpty || key.IsNone && not whole.IsEmpty ->
            only (if whole.IsEmpty then usable else whole)
        | [] ->
            let seen =
                tried
                |> List.fold (fun (seen: Set<string>) attempt -> seen.Add attempt.Text) seen

            let characters = characters + tried.Length * (text.Length + 1)

            go
                (level + 1)
                characters
                seen
                whole
                usable
                (judged |> List.filter (fun (_, record) -> record.IsNone) |> List.map fst)

    go 1 0 (Set.singleton text) [] [] [ { Text = text; Mends = [] } ]

/// What a text shows by itself, one mend after the other, where no key comes out of it.
let plain (text: string) : Attempt =
    table
    |> List.filter _.IsPlain
    |> List.fold
        (fun (attempt: Attempt) mend ->
            match mend.Undo attempt.Text with
            | [] -> attempt
            | mended :: _ ->
                {
                    Text = mended.Trim()
                    Mends = attempt.Mends @ [ mend ]
                })
        { Text = text.Trim(); Mends = [] }
