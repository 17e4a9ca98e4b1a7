/// Recipes from a seed: all algorithms and canonicalizations, tags and key records with their edges, and damage.
module Dkim.Tests.Messages.Differential.Making

open System
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Qmail
open Dkim.Tests.Messages.Differential.Recipe

/// When messages are judged, but for what t= and x= say.
let now = 1767225600L<sec>

let private pick (random: Random) (choices: 'a list) : 'a = choices[random.Next choices.Length]

let private often (random: Random) (percent: int) = random.Next 100 < percent

let private hashName (hash: Hash) =
    if hash = Sha1 then "sha1" else "sha256"

let private blanks = [ " "; "  "; "\t"; "\r\n "; "\r\n\t"; " \r\n  " ]

let private word (random: Random) =
    pick random [ "a"; "tide"; "Ada"; "b c"; "x=1; y"; ": :"; "caf\195\169"; "\"q\"" ]

/// Text of a value: words and white space, seldom what mail should not have.
let private value (random: Random) : string =
    let part _ =
        match random.Next 60 with
        | 0 -> pick random [ "\r"; "\n"; "\000"; "\160"; "\127" ]
        | n when n < 24 -> pick random blanks
        | _ -> word random

    let text = String.concat "" (List.init (random.Next 6) part)

    // A fold without text behind it would be an empty line to many.
    if random.Next 20 = 0 then
        text
    else
        text.TrimEnd([| '\r'; '\n'; '\t'; ' ' |])

let private otherField (random: Random) : string =
    let name =
        pick
            random
            [
                "To"
                "to"
                "Subject"
                "SUBJECT"
                "Date"
                "Message-ID"
                "Received"
                "X-b"
                "Content-Type"
                "Cc"
            ]

    let gap = if random.Next 80 = 0 then " " else ""
    name + gap + ":" + pick random [ " "; " "; ""; "\t"; "\r\n " ] + value random

let private from (random: Random) : string =
    pick
        random
        [
            "From: ada@example.com"
            "From: Ada Example <ada@example.com>"
            "from:ada@example.com"
            "FROM:  Ada\t<ada@example.com> "
            "From: \"Ada, E\" <ada@mail.example.com>"
            "From: Ada\r\n\t<ada@example.com>"
        ]

let private fields (random: Random) : string list =
    let others = List.init (random.Next(1, 6)) (fun _ -> otherField random)
    let at = random.Next(others.Length + 1)

    match random.Next 60 with
    | 0 -> others
    | 1 -> from random :: others @ [ from random ]
    | _ -> List.insertAt at (from random) others

let private body (random: Random) : string =
    let part _ =
        match random.Next 40 with
        | 0 -> pick random [ "\r"; "\n"; "\000" ]
        | n when n < 10 -> "\r\n"
        | n when n < 18 -> pick random [ " "; "\t"; "  " ]
        | n when n < 20 -> "\r\n\r\n"
        | n when n < 21 -> ".\r\n"
        | _ -> word random

    let text = String.concat "" (List.init (random.Next 12) part)
    if random.Next 12 = 0 then text else text + "\r\n"

let private isFrom (name: string) =
    name.Equals("From", StringComparison.OrdinalIgnoreCase)

let private names (random: Random) (fields: string list) : string =
    let present =
        fields
        |> List.map (fun one -> (one.Split ':' |> Array.head).Trim())
        |> List.filter (fun _ -> often random 85)

    let listed =
        match random.Next 14 with
        | 0 -> present @ [ "From" ]
        | 1 -> present @ [ "X-absent" ]
        | 2 -> List.rev present
        | 3 -> present @ present
        | 4 -> present |> List.filter (isFrom >> not)
        | _ when List.exists isFrom present -> present
        | _ -> "From" :: present

    let gap = if often random 85 then "" else pick random blanks
    listed |> String.concat (pick random [ ":"; ":"; ":"; gap + ":"; ":" + gap ])

let private oneOdd (random: Random) (tags: string list) : string list =
    let at = random.Next tags.Length
    let name = (tags[at].Split '=' |> Array.head).Trim()
    let choose name = pick random Edges.tags[name]

    match random.Next 12 with
    | 0 -> List.removeAt at tags
    | 1 -> List.insertAt (random.Next(tags.Length + 1)) tags[at] tags
    | 2 ->
        tags
        @ [
            pick random [ ""; " "; "\r\n\t"; ";"; "x"; "=x"; "1a=b"; "a-b=c"; "a_b=c"; "NOTE=x" ]
        ]
    | 3 -> List.updateAt at (tags[at].Replace("=", pick random [ " ="; "= "; "=="; "\r\n ="; "=\r\n\t" ])) tags
    | 4 when Edges.tags.ContainsKey name -> List.updateAt at (" " + name.ToUpperInvariant() + "=" + choose name) tags
    | 5 ->
        let extra = pick random [ "i"; "l"; "t"; "x"; "q"; "z"; "r"; "note" ]
        List.insertAt (random.Next(tags.Length + 1)) (" " + extra + "=" + choose extra) tags
    | 6 -> List.permute (fun index -> (index + 1 + at) % tags.Length) tags
    | 7 -> List.insertAt at "" tags
    | _ when Edges.tags.ContainsKey name -> List.updateAt at (" " + name + "=" + choose name) tags
    | _ -> tags

let private shuffled (random: Random) (items: 'a list) : 'a list =
    let array = Array.ofList items
    random.Shuffle array
    List.ofArray array

/// Optional tags with values that are good.
let private extras (random: Random) : string list =
    [
        if often random 20 then
            "i=" + pick random [ "@example.com"; "ada@example.com"; "x@mail.example.com" ]
        if often random 15 then
            "l=" + pick random [ "0"; "1"; "2"; "3"; "7"; "12" ]
        if often random 40 then
            "t=" + string (int64 now - int64 (random.Next 5000))
        if often random 20 then
            "x=" + string (int64 now + int64 (random.Next(1, 5000)))
        if often random 10 then
            "q=dns/txt"
        if often random 5 then
            "z=From:ada"
    ]

let private dkimTags (random: Random) (keyFile: string) (hash: Hash) header body (fields: string list) =
    let algorithm = (if keyFile = "ed25519" then "ed25519-" else "rsa-") + hashName hash

    let tags =
        [
            "v=1"
            "a=" + algorithm
            "c=" + Algorithms.canonName header body
            "d=example.com"
            "s=" + keyFile
            "h=" + names random fields
            "bh=<bh>"
            yield! extras random
        ]

    let ordered = if often random 25 then shuffled random tags else tags
    let gap = pick random [ " "; " "; ""; "\r\n\t"; "\r\n  " ]

    let spaced =
        (ordered @ [ pick random [ "b=<b>"; "b=<b>"; "b=\r\n\t<b>" ] ])
        |> List.mapi (fun index tag -> if index = 0 then tag else gap + tag)

    let count = pick random [ 0; 0; 0; 1; 1; 2 ]
    List.fold (fun tags _ -> oneOdd random tags) spaced [ 1..count ]

let private domainKeysTags (random: Random) (keyFile: string) header (fields: string list) =
    let canon = if header = NofwsHeader then "nofws" else "simple"

    let tags =
        [
            "a=rsa-sha1"
            "c=" + canon
            "d=example.com"
            "s=" + keyFile
            "q=dns"
            if often random 50 then
                "h=" + names random fields
            "b=<b>"
        ]
        |> List.mapi (fun index tag -> if index = 0 then tag else " " + tag)

    if often random 30 then oneOdd random tags else tags

let private record (random: Random) (keyFile: string) (hash: Hash) : string =
    let keyType = if keyFile = "ed25519" then "ed25519" else "rsa"
    let key = "p=" + keyData keyFile

    let tags =
        if often random 65 then
            [ "v=DKIM1"; "k=" + keyType; key ]
        else
            pick random (Edges.records keyType (hashName hash) key)

    String.concat (pick random [ "; "; "; "; ";"; " ;\t" ]) tags

let private records (random: Random) (keyFile: string) hash =
    match random.Next 40 with
    | 0 -> []
    | 1 -> [ record random keyFile hash; record random keyFile hash ]
    | _ -> [ record random keyFile hash ]

let private edit (random: Random) (recipe: Recipe) : Edit =
    let part =
        if often random 30 then
            recipe.Above
        else
            random.Next(recipe.Fields.Length + 2)

    {
        Part = part
        At = random.Next(pick random [ 1; 8; 40; 400 ])
        Remove = pick random [ 0; 0; 1; 1; 2; 10 ]
        Insert =
            pick
                random
                [
                    ""
                    " "
                    "\t"
                    "a"
                    "\r\n"
                    "\r\n "
                    ";"
                    "="
                    ":"
                    "\n"
                    "\r"
                    "A"
                    "\r\nX: y"
                    "."
                ]
    }

/// A recipe. The same seed makes the same one.
let recipe (seed: int) : Recipe =
    let random = Random seed
    let isDkim = random.Next 8 > 0

    let keyFile =
        if isDkim then
            pick random [ "rsa1024"; "rsa1024"; "rsa1024"; "rsa2048"; "ed25519" ]
        else
            "rsa1024"

    let hash =
        if not isDkim || keyFile <> "ed25519" && random.Next 10 = 0 then
            Sha1
        else
            Sha256

    let header, bodyForm =
        if isDkim then
            pick random [ SimpleHeader; RelaxedHeader ], pick random [ SimpleBody; RelaxedBody ]
        else
            pick random [ SimpleHeader, DomainKeysSimpleBody; NofwsHeader, NofwsBody ]

    let fields = fields random
    let byProduct = often random 30

    let tags =
        if byProduct then
            []
        elif isDkim then
            dkimTags random keyFile hash header bodyForm fields
        else
            domainKeysTags random keyFile header fields

    let made =
        {
            Scheme = if isDkim then Dkim else DomainKeys
            KeyFile = keyFile
            Hash = hash
            HeaderForm = header
            BodyForm = bodyForm
            Tags = tags
            Fields = fields
            Above =
                if byProduct || often random 80 then
                    0
                else
                    random.Next(fields.Length + 1)
            Body = body random
            Records = records random keyFile hash
            Failing = random.Next 100 = 0
            Edits = []
            Now = now
        }

    let edits = List.init (pick random [ 0; 0; 0; 1; 1; 2 ]) (fun _ -> edit random made)

    { made with Edits = edits }
