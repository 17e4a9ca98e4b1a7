/// What may have happened to signed fields: each guess changes a field back, and two are tried together (RFC 6376 §3.7).
module internal Dkim.Core.HeaderGuesses

open System
open System.Buffers
open System.Collections.Generic
open System.Security.Cryptography

/// A header whose signature does not verify, and how to tell one that does.
[<NoComparison; NoEquality>]
type Puzzle =
    {
        Canon: HeaderCanon
        Hash: Hash
        Header: Header
        /// The signed fields in order, the signature's own without b= as the last.
        Signed: Field list
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

/// The first guess that fits: one change, all fields at once, then two changes.
let find (puzzle: Puzzle) : Guess option =
    let parts = puzzle.Signed |> List.mapi (canonical puzzle) |> Array.ofList

    let tries = triesFor puzzle parts

    let edits = editsUpTo puzzle parts tries

    let single =
        edits
        |> List.tryFind (fun edit -> puzzle.Fits(hashAll puzzle (withEdit parts edit)))

    let whole () =
        if puzzle.Effort.Spend(16L * tryCost puzzle parts) then
            wholes puzzle
            |> List.tryFind (fun (_, parts) -> puzzle.Fits(hashAll puzzle parts))
        else
            None

    match single with
    | Some edit -> Some edit.Guess
    | None ->
        match whole () with
        | Some(guess, _) -> Some guess
        | None -> tryPairs puzzle parts (tries - edits.Length) (Array.ofList edits)
