/// What may have happened to signed fields: each guess changes a field back, and two are tried together (RFC 6376 §3.7).
module internal Dkim.Core.Explaining.HeaderGuesses

open System
open System.Buffers
open System.Collections.Generic
open System.Security.Cryptography
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Cryptography

/// A header whose signature does not verify, and how to tell one that does.
[<NoComparison; NoEquality>]
type Puzzle =
    {
        Canon: HeaderCanon
        Hash: Hash
        Header: Header
        /// The signed fields in order, the signature's own without b= as the last.
        Signed: Field list
        /// Names of h= that no field stands for, each with its place among the signed fields.
        Absent: (string * int) list
        /// Whether the last one is the signature itself, which no line end follows.
        OwnLast: bool
        /// Octets hashed after the header: the body of a DomainKeys message.
        Tail: byte[]
        Fits: byte[] -> bool
        /// What a call of `Fits` costs.
        FitsCost: int64
        Effort: Effort
    }

/// A change undone: the place among the signed fields and what was there, in canonical form.
type private Edit =
    {
        Guess: Guess
        At: int
        Octets: byte[]
    }

let private canonical (puzzle: Puzzle) (index: int) (field: Field) : byte[] =
    let sink = ArrayBufferWriter<byte> 256
    CanonicalHeader.writeField puzzle.Canon field sink

    if not (puzzle.OwnLast && index = puzzle.Signed.Length - 1) then
        sink.Write(ReadOnlySpan Octets.crlf)

    sink.WrittenSpan.ToArray()

let private editsOf (puzzle: Puzzle) (index: int) (field: Field) : Edit list =
    let name, value = field.Name, field.ValueText
    let isOwn = puzzle.OwnLast && index = puzzle.Signed.Length - 1

    let edit (happening, says, name: string, value: string) =
        {
            Guess =
                {
                    Happening = happening
                    Says = field.Name + " " + says
                }
            At = index
            Octets = canonical puzzle index (Field.ofText name value)
        }

    [
        for happening, says, value in FieldVariants.rewritings puzzle.Header field value do
            edit (happening, says, name, value)
        for spacing in FieldVariants.spacings name value do
            edit spacing
        if not isOwn then
            {
                Guess =
                    {
                        Happening = Happening.FieldAdded
                        Says =
                            "a field "
                            + name
                            + " was added after signing, though the signature forbids that"
                    }
                At = index
                Octets = [||]
            }
    ]

/// Ways that are tried one by one only: those of a single field that are seldom met, and an empty field for a name that
/// has none.
let private seldom (puzzle: Puzzle) (parts: byte[][]) : Edit seq =
    // No more of them are thought of than can be tried: of many dates each has hundreds.
    let edits =
        seq {
            for index, field in List.indexed puzzle.Signed do
                for happening, says, value in SeldomVariants.all puzzle.Header field do
                    {
                        Guess =
                            {
                                Happening = happening
                                Says = field.Name + " " + says
                            }
                        At = index
                        Octets = canonical puzzle index (Field.ofText field.Name value)
                    }
        }

    let emptied (name: string, place: int) (value: string) =
        {
            Guess =
                {
                    Happening = Happening.FieldRemoved
                    Says =
                        "h= names "
                        + Visible.text name
                        + ", which is not here, and what was signed is an empty one: it was removed, or the signer took an \
                           absent field for an empty one (RFC 6376 §5.4.2)"
                }
            At = place
            // The place is never that of the signature itself, which has no line end, but before it.
            Octets = Array.append (canonical puzzle -1 (Field.ofText name value)) parts[place]
        }

    let empty =
        List.allPairs puzzle.Absent [ ""; " " ]
        |> List.map (fun (absent, value) -> emptied absent value)

    Seq.append empty edits

/// Stretches of the signed fields that were added on the way.
let private added (puzzle: Puzzle) (parts: byte[][]) : (Guess * byte[][]) seq =
    let names = puzzle.Signed |> List.map _.Name |> Array.ofList
    let count = if puzzle.OwnLast then names.Length - 1 else names.Length

    seq {
        for length in 2 .. count - 1 do
            for first in 0 .. count - length do
                let guess =
                    {
                        Happening = Happening.FieldAdded
                        Says =
                            "the fields "
                            + String.Join(", ", names[first .. first + length - 1])
                            + " were added after signing, though the signature forbids that"
                    }

                guess, Array.append parts[.. first - 1] parts[first + length ..]
    }

/// The fields in other ways, all at once.
let private wholes (puzzle: Puzzle) : (Guess * byte[][]) list =
    let everywhere happening says (change: string -> string) =
        let fields =
            puzzle.Signed
            |> List.map (fun field -> Field.ofText field.Name (change field.ValueText))

        { Happening = happening; Says = says }, fields |> List.mapi (canonical puzzle) |> Array.ofList

    let otherCanon =
        match puzzle.Canon with
        | SimpleHeader -> RelaxedHeader, "relaxed"
        | RelaxedHeader -> SimpleHeader, "simple"
        | NofwsHeader -> SimpleHeader, "simple"

    let asCanon =
        puzzle.Signed
        |> List.mapi (canonical { puzzle with Canon = fst otherCanon })
        |> Array.ofList

    let asLf =
        puzzle.Signed
        |> List.mapi (fun index field ->
            Octets.ofLatin1 ((Octets.latin1 (ReadOnlySpan(canonical puzzle index field))).Replace("\r\n", "\n")))
        |> Array.ofList

    // The n-th mention of a name from the top, where it should be from the bottom.
    let topDown =
        let left = Dictionary<string, Stack<Field>>(StringComparer.OrdinalIgnoreCase)

        for field in puzzle.Signed do
            match left.TryGetValue field.Name with
            | true, same -> same.Push field
            | false, _ -> left[field.Name] <- Stack [ field ]

        puzzle.Signed
        |> List.map (fun field -> left[field.Name].Pop())
        |> List.mapi (canonical puzzle)
        |> Array.ofList

    // The line end of the signature's own field, which is no part of it (RFC 6376 §3.7).
    let withLineEnd =
        puzzle.Signed
        |> List.mapi (fun index field -> canonical { puzzle with OwnLast = false } index field)
        |> Array.ofList

    [
        everywhere Happening.FieldRefolded "all folded fields were unfolded or folded" (FieldVariants.unfoldWith " ")
        everywhere Happening.FieldRefolded "the folds of all fields had tabs" _.Replace("\r\n ", "\r\n\t")
        everywhere Happening.FieldRefolded "the folds of all fields had spaces" _.Replace("\r\n\t", "\r\n ")
        everywhere Happening.SpaceChanged "all fields got white space at their ends" _.TrimEnd(' ', '\t')
        {
            Happening = Happening.OtherCanonicalization
            Says =
                "the signer canonicalized the header by the rules of "
                + snd otherCanon
                + ", not as c= says"
        },
        asCanon
        {
            Happening = Happening.LineEndsChanged
            Says = "line ends were LF when the header was signed"
        },
        asLf
        {
            Happening = Happening.OtherFields
            Says = "the signer took repeated fields from the top, not from the bottom"
        },
        topDown
        {
            Happening = Happening.SignerFault
            Says = "the signer hashed a line end behind its own field, where none belongs (RFC 6376 §3.7)"
        },
        withLineEnd
    ]

let private hashAll (puzzle: Puzzle) (parts: byte[][]) : byte[] =
    use hash = IncrementalHash.CreateHash(PublicKey.hashName puzzle.Hash)

    for part in parts do
        hash.AppendData(part, 0, part.Length)

    hash.AppendData(puzzle.Tail, 0, puzzle.Tail.Length)
    hash.GetHashAndReset()

let private withEdit (parts: byte[][]) (edit: Edit) : byte[][] =
    Array.updateAt edit.At edit.Octets parts

let private tryPairs (puzzle: Puzzle) (parts: byte[][]) (tries: int) (edits: Edit[]) : Guess option =
    let mutable left = tries
    let mutable found = None
    let mutable first = 0

    while found.IsNone && left > 0 && first < edits.Length do
        let changed = withEdit parts edits[first]
        let mutable second = first + 1

        while found.IsNone && left > 0 && second < edits.Length do
            if edits[second].At <> edits[first].At then
                left <- left - 1

                if puzzle.Fits(hashAll puzzle (withEdit changed edits[second])) then
                    found <- Some(edits[first], edits[second])

            second <- second + 1

        first <- first + 1

    found
    |> Option.map (fun (one, other) ->
        {
            Happening = one.Guess.Happening
            Says = one.Guess.Says + ", and " + other.Guess.Says
        })

/// More guesses are not tried.
[<Literal>]
let private MostTries = 40000L

/// What it costs to think of the ways that are seldom met, for each field.
[<Literal>]
let private SeldomCost = 200_000L

/// What a field costs in a hash beside its octets.
[<Literal>]
let private PerField = 150L

/// What a guess costs.
let private tryCost (puzzle: Puzzle) (parts: byte[][]) : int64 =
    let length = puzzle.Tail.Length + Array.sumBy Array.length parts

    int64 length + PerField * int64 parts.Length + Effort.PerHash + puzzle.FitsCost

/// How many guesses can be afforded: half of what is left is for other signatures.
let private triesFor (puzzle: Puzzle) (parts: byte[][]) : int =
    let cost = tryCost puzzle parts
    let tries = min MostTries (puzzle.Effort.Left / 2L / cost)
    puzzle.Effort.Spend(tries * cost) |> ignore
    int tries

/// Whether the fields make the hash fit as they are.
let fits (puzzle: Puzzle) (signed: Field list) : bool =
    signed
    |> List.mapi (canonical puzzle)
    |> Array.ofList
    |> hashAll puzzle
    |> puzzle.Fits

/// Changes to the fields that make a difference, field by field, at most `limit` of them.
let private editsUpTo (puzzle: Puzzle) (parts: byte[][]) (limit: int) : Edit list =
    let isChange (edit: Edit) =
        not (edit.Octets.AsSpan().SequenceEqual(ReadOnlySpan parts[edit.At]))

    let add (count: int, found: Edit list list) (index: int, field: Field) =
        if count >= limit then
            count, found
        else
            let edits =
                editsOf puzzle index field
                |> List.filter isChange
                |> List.distinctBy (fun edit -> Octets.latin1 (ReadOnlySpan edit.Octets))

            count + edits.Length, edits :: found

    puzzle.Signed
    |> List.indexed
    |> List.fold add (0, [])
    |> snd
    |> List.rev
    |> List.concat
    |> List.truncate limit

/// Guesses that each change the whole, as many as can be afforded.
let private tryWholes (puzzle: Puzzle) (cost: int64) (guesses: (Guess * byte[][]) seq) : Guess option =
    guesses
    |> Seq.takeWhile (fun _ -> puzzle.Effort.Spend cost)
    |> Seq.tryFind (fun (_, parts) -> puzzle.Fits(hashAll puzzle parts))
    |> Option.map fst

/// The first guess that fits: one change, all fields at once, what is seldom met, then two changes.
let find (puzzle: Puzzle) : Guess option =
    let parts = puzzle.Signed |> List.mapi (canonical puzzle) |> Array.ofList
    let cost = tryCost puzzle parts
    let tries = triesFor puzzle parts
    let edits = editsUpTo puzzle parts tries

    let single () =
        edits
        |> List.tryFind (fun edit -> puzzle.Fits(hashAll puzzle (withEdit parts edit)))
        |> Option.map _.Guess

    let seldom () =
        if puzzle.Effort.Spend(SeldomCost * int64 puzzle.Signed.Length) then
            seldom puzzle parts
            |> Seq.map (fun edit -> edit.Guess, withEdit parts edit)
            |> tryWholes puzzle cost
        else
            None

    [
        single
        fun () -> tryWholes puzzle cost (wholes puzzle)
        seldom
        fun () -> tryWholes puzzle cost (added puzzle parts)
        fun () -> tryPairs puzzle parts (tries - edits.Length) (Array.ofList edits)
    ]
    |> List.tryPick (fun guess -> guess ())
