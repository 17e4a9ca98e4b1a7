/// Banners and footers in several parts of a body at once, as gateways put them into the text and into the HTML of a message.
module internal Dkim.Core.Explaining.Bodies.Banners

open System
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Explaining.Edits

/// Places that are tried at the start and at the end of a part, of a body of one part, and of a body of many.
[<Literal>]
let private MostLines = 10

[<Literal>]
let private MostAlone = 40

/// Parts that are looked at.
[<Literal>]
let private MostParts = 4

/// Bodies that are looked at, in octets.
[<Literal>]
let private Longest = 262144

/// Places behind which a banner may end or before which a footer may begin: line ends, and in HTML tags.
let private placesWithin (octets: byte[]) (start: int) (finish: int) : int[] =
    let html = octets.AsSpan(start, finish - start).IndexOf("</"B) >= 0

    (if html then Lines.tagEnds octets else Lines.ends octets)
    |> Array.filter (fun at -> at > start && at < finish)

/// Where HTML has its body; else where the text begins and ends.
let private inside (text: string) (start: int) (finish: int) : struct (int * int) =
    let tag =
        text.IndexOf("<body", start, finish - start, StringComparison.OrdinalIgnoreCase)

    let opened = if tag < 0 then -1 else text.IndexOf('>', tag, finish - tag)

    let closed =
        text.LastIndexOf("</body", max 0 (finish - 1), finish - start, StringComparison.OrdinalIgnoreCase)

    struct ((if opened < 0 then start else opened + 1), (if closed < 0 then finish else closed))

/// What may have been put into one part at one of its ends; nothing is one of the choices.
let private choices (subject: Subject) (text: string) (most: int) (leaf: MimeParts.Leaf) : Piece list list =
    let octets = subject.BodyOctets
    let struct (start, finish) = inside text leaf.Body leaf.Finish

    if finish <= start then
        []
    else
        let places = placesWithin octets start finish

        let head =
            places
            |> Array.truncate most
            |> Array.map (fun at -> [ Piece.ofBody subject start (at - start) [||] ])

        let tail =
            places
            |> Array.rev
            |> Array.truncate most
            |> Array.map (fun at -> [ Piece.ofBody subject at (finish - at) [||] ])

        [ List.concat head; List.concat tail ]

/// Every combination of at most one piece of each slot, of at least two.
let rec private combined (slots: Piece list list) : Piece list seq =
    match slots with
    | [] -> Seq.singleton []
    | slot :: others ->
        seq {
            for rest in combined others do
                rest

                for piece in slot do
                    if rest |> List.forall (fun next -> piece.Finish <= next.Start) then
                        piece :: rest
        }

let private says (octets: byte[]) (pieces: Piece list) () =
    "text was inserted in "
    + string pieces.Length
    + " places of the body: "
    + String.Join(", ", pieces |> List.map (fun piece -> Lines.excerpt octets piece.Start piece.Length))

let private undo (subject: Subject) (effort: Effort) : Candidate seq =
    let octets = subject.BodyOctets

    if
        octets.Length = 0
        || octets.Length > Longest
        || not (effort.Spend(20L * int64 octets.Length))
    then
        Seq.empty
    else
        let text = Octets.latin1 (ReadOnlySpan octets)

        let slots =
            match
                MimeParts.leaves (Subject.value "Content-Type" subject) text
                |> List.truncate MostParts
            with
            | []
            | [ _ ] ->
                choices
                    subject
                    text
                    MostAlone
                    {
                        Header = 0
                        Body = 0
                        Finish = octets.Length
                    }
            | leaves -> leaves |> List.collect (choices subject text MostLines)

        combined slots
        |> Seq.filter (fun pieces -> pieces.Length > 1)
        |> Seq.map (fun pieces -> Candidate.ofPieces (says octets pieces) pieces)

/// Places at each end of what base64 stands for that are tried.
[<Literal>]
let private MostCoded = 40

/// Base64 in lines as wide as the first one is.
let private encodedAs (encoded: string) (text: string) : string =
    let width =
        match encoded.IndexOf("\r\n", StringComparison.Ordinal) with
        | -1 -> Int32.MaxValue
        | at -> max 4 at

    String.Join("\r\n", Publication.pieces width (Convert.ToBase64String(Octets.ofLatin1 text)))
    + (if encoded.EndsWith "\r\n" then "\r\n" else "")

/// Lines at the start or at the end of what a stretch of base64 stands for, and the whole with that stretch as it was.
let private codedCuts (text: string) (start: int) (finish: int) : Change seq =
    let encoded = text.Substring(start, finish - start)
    let decoded = TransferCoding.fromBase64 encoded
    let octets = Octets.ofLatin1 decoded

    let ends =
        Lines.ends octets |> Array.filter (fun at -> at > 0 && at < octets.Length)

    let change (cutAt: int) (cutTo: int) (kept: string) =
        BodyEdit.change ("text was inserted in base64: " + Lines.excerpt octets cutAt (cutTo - cutAt)) 4L (fun _ ->
            text.Substring(0, start) + encodedAs encoded kept + text.Substring finish)

    if decoded = encoded then
        Seq.empty
    else
        seq {
            for at in Array.truncate MostCoded ends do
                change 0 at (decoded.Substring at)

            for at in ends |> Array.rev |> Array.truncate MostCoded do
                change at octets.Length (decoded.Substring(0, at))
        }

/// Banners and footers in parts of base64, or in a body of it.
let private coded (subject: Subject) (text: string) : Change seq =
    let isBase64 (encoding: string) =
        encoding.StartsWith("base64", StringComparison.OrdinalIgnoreCase)

    match MimeParts.leaves (Subject.value "Content-Type" subject) text with
    | [] when isBase64 (Subject.value "Content-Transfer-Encoding" subject) -> codedCuts text 0 text.Length
    | leaves ->
        leaves
        |> Seq.filter (fun leaf -> isBase64 (MimeParts.encodingOf text leaf))
        |> Seq.truncate MostParts
        |> Seq.collect (fun leaf -> codedCuts text leaf.Body leaf.Finish)

let edits: Edit list =
    [
        BodyEdit.whole Modification.TextInserted [ "Exchange"; "gateways that put banners in" ] coded
        |> BodyEdit.alone
        {
            Modification = Modification.TextInserted
            KnownOf = [ "Exchange"; "gateways that put banners in" ]
            Paired = false
            Undo = undo
        }
    ]
