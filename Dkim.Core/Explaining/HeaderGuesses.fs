/// What may have happened to signed fields: each guess changes a field back, and two are tried together (RFC 6376 §3.7).
module internal Dkim.Core.Explaining.HeaderGuesses

open System
open System.Buffers
open System.Collections.Generic
open System.Security.Cryptography
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Canonicalization

/// A header whose signature does not verify, and how to tell one that does.
[<NoComparison; NoEquality>]
type Mismatch =
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

let private canonical (mismatch: Mismatch) (index: int) (field: Field) : byte[] =
    let sink = ArrayBufferWriter<byte> 256
    CanonicalHeader.writeField mismatch.Canon field sink

    if not (mismatch.OwnLast && index = mismatch.Signed.Length - 1) then
        sink.Write(ReadOnlySpan Octets.crlf)

    sink.WrittenSpan.ToArray()

let private editsOf (mismatch: Mismatch) (index: int) (field: Field) : Edit list =
    let name, value = field.Name, field.ValueText
    let isOwn = mismatch.OwnLast && index = mismatch.Signed.Length - 1

    let edit (modification, says, name: string, value: string) =
        {
            Guess =
                {
                    Modification = modification
                    Says = field.Name + " " + says
                }
            At = index
            Octets = canonical mismatch index (Field.ofText name value)
        }

    [
        for modification, says, value in FieldVariants.rewritings mismatch.Header field value do
            edit (modification, says, name, value)
        for spacing in FieldVariants.spacings name value do
            edit spacing
        if not isOwn then
            {
                Guess =
                    {
                        Modification = Modification.FieldAdded
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
let private seldom (mismatch: Mismatch) (parts: byte[][]) : Edit seq =
    // No more of them are thought of than can be tried: of many dates each has hundreds.
    let edits =
        seq {
            for index, field in List.indexed mismatch.Signed do
                for modification, says, value in SeldomVariants.all mismatch.Header field do
                    {
                        Guess =
                            {
                                Modification = modification
                                Says = field.Name + " " + says
                            }
                        At = index
                        Octets = canonical mismatch index (Field.ofText field.Name value)
                    }
        }

    let emptied (name: string, place: int) (value: string) =
        {
            Guess =
                {
                    Modification = Modification.FieldRemoved
                    Says =
                        "h= names "
                        + Printable.visible name
                        + ", which is not here, and what was signed is an empty one: it was removed, or the signer took an \
                           absent field for an empty one (RFC 6376 §5.4.2)"
                }
            At = place
            // The place is never that of the signature itself, which has no line end, but before it.
            Octets = Array.append (canonical mismatch -1 (Field.ofText name value)) parts[place]
        }

    let empty =
        List.allPairs mismatch.Absent [ ""; " " ]
        |> List.map (fun (absent, value) -> emptied absent value)

    Seq.append empty edits

/// Stretches of the signed fields that were added on the way.
let private added (mismatch: Mismatch) (parts: byte[][]) : (Guess * byte[][]) seq =
    let names = mismatch.Signed |> List.map _.Name |> Array.ofList
    let count = if mismatch.OwnLast then names.Length - 1 else names.Length

    seq {
        for length in 2 .. count - 1 do
            for first in 0 .. count - length do
                let guess =
                    {
                        Modification = Modification.FieldAdded
                        Says =
                            "the fields "
                            + String.Join(", ", names[first .. first + length - 1])
                            + " were added after signing, though the signature forbids that"
                    }

                guess, Array.append parts[.. first - 1] parts[first + length ..]
    }

/// The fields with LF for CRLF.
let private withLf (mismatch: Mismatch) : byte[][] =
    mismatch.Signed
    |> List.mapi (fun index field ->
        Octets.ofLatin1 ((Octets.latin1 (ReadOnlySpan(canonical mismatch index field))).Replace("\r\n", "\n")))
    |> Array.ofList

/// The n-th mention of a name from the top, where it should be from the bottom (RFC 6376 §5.4.2).
let private fromTop (mismatch: Mismatch) : byte[][] =
    let left = Dictionary<string, Stack<Field>>(StringComparer.OrdinalIgnoreCase)

    for field in mismatch.Signed do
        match left.TryGetValue field.Name with
        | true, same -> same.Push field
        | false, _ -> left[field.Name] <- Stack [ field ]

    mismatch.Signed
    |> List.map (fun field -> left[field.Name].Pop())
    |> List.mapi (canonical mismatch)
    |> Array.ofList

/// The fields in other ways, all at once.
let private wholes (mismatch: Mismatch) : (Guess * byte[][]) list =
    let everywhere modification says (change: string -> string) =
        let fields =
            mismatch.Signed
            |> List.map (fun field -> Field.ofText field.Name (change field.ValueText))

        {
            Modification = modification
            Says = says
        },
        fields |> List.mapi (canonical mismatch) |> Array.ofList

    let otherCanon =
        match mismatch.Canon with
        | SimpleHeader -> RelaxedHeader, "relaxed"
        | RelaxedHeader -> SimpleHeader, "simple"
        | NofwsHeader -> SimpleHeader, "simple"

    let asCanon =
        mismatch.Signed
        |> List.mapi (canonical { mismatch with Canon = fst otherCanon })
        |> Array.ofList

    // The line end of the signature's own field, which is no part of it (RFC 6376 §3.7).
    let withLineEnd =
        mismatch.Signed
        |> List.mapi (fun index field -> canonical { mismatch with OwnLast = false } index field)
        |> Array.ofList

    [
        everywhere Modification.FieldRefolded "all folded fields were unfolded or folded" (FieldVariants.unfoldWith " ")
        everywhere Modification.FieldRefolded "the folds of all fields had tabs" _.Replace("\r\n ", "\r\n\t")
        everywhere Modification.FieldRefolded "the folds of all fields had spaces" _.Replace("\r\n\t", "\r\n ")
        everywhere Modification.SpaceChanged "all fields got white space at their ends" _.TrimEnd(' ', '\t')
        {
            Modification = Modification.OtherCanonicalization
            Says =
                "the signer canonicalized the header by the rules of "
                + snd otherCanon
                + ", not as c= says"
        },
        asCanon
        {
            Modification = Modification.LineEndsChanged
            Says = "line ends were LF when the header was signed"
        },
        withLf mismatch
        {
            Modification = Modification.OtherFields
            Says = "the signer took repeated fields from the top, not from the bottom"
        },
        fromTop mismatch
        {
            Modification = Modification.SignerFault
            Says = "the signer hashed a line end behind its own field, where none belongs (RFC 6376 §3.7)"
        },
        withLineEnd
    ]

let private hashAll (mismatch: Mismatch) (parts: byte[][]) : byte[] =
    use hash = IncrementalHash.CreateHash(Hash.algorithm mismatch.Hash)

    for part in parts do
        hash.AppendData(part, 0, part.Length)

    hash.AppendData(mismatch.Tail, 0, mismatch.Tail.Length)
    hash.GetHashAndReset()

let private withEdit (parts: byte[][]) (edit: Edit) : byte[][] =
    Array.updateAt edit.At edit.Octets parts

let private tryPairs (mismatch: Mismatch) (parts: byte[][]) (tries: int) (edits: Edit[]) : Guess option =
    let mutable left = tries
    let mutable found = None
    let mutable first = 0

    while found.IsNone && left > 0 && first < edits.Length do
        let changed = withEdit parts edits[first]
        let mutable second = first + 1

        while found.IsNone && left > 0 && second < edits.Length do
            if edits[second].At <> edits[first].At then
                left <- left - 1

                if mismatch.Fits(hashAll mismatch (withEdit changed edits[second])) then
                    found <- Some(edits[first], edits[second])

            second <- second + 1

        first <- first + 1

    found
    |> Option.map (fun (one, other) ->
        {
            Modification = one.Guess.Modification
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
let private tryCost (mismatch: Mismatch) (parts: byte[][]) : int64 =
    let length = mismatch.Tail.Length + Array.sumBy Array.length parts

    int64 length
    + PerField * int64 parts.Length
    + Effort.PerHash
    + mismatch.FitsCost

/// How many guesses can be afforded: half of what is left is for other signatures.
let private triesFor (mismatch: Mismatch) (parts: byte[][]) : int =
    let cost = tryCost mismatch parts
    let tries = min MostTries (mismatch.Effort.Left / 2L / cost)
    mismatch.Effort.Spend(tries * cost) |> ignore
    int tries

/// Whether the fields make the hash fit as they are.
let fits (mismatch: Mismatch) (signed: Field list) : bool =
    signed
    |> List.mapi (canonical mismatch)
    |> Array.ofList
    |> hashAll mismatch
    |> mismatch.Fits

/// Changes to the fields that make a difference, field by field, at most `limit` of them.
let private editsUpTo (mismatch: Mismatch) (parts: byte[][]) (limit: int) : Edit list =
    let isChange (edit: Edit) =
        not (edit.Octets.AsSpan().SequenceEqual(ReadOnlySpan parts[edit.At]))

    let add (count: int, found: Edit list list) (index: int, field: Field) =
        if count >= limit then
            count, found
        else
            let edits =
                editsOf mismatch index field
                |> List.filter isChange
                |> List.distinctBy (fun edit -> Octets.latin1 (ReadOnlySpan edit.Octets))

            count + edits.Length, edits :: found

    mismatch.Signed
    |> List.indexed
    |> List.fold add (0, [])
    |> snd
    |> List.rev
    |> List.concat
    |> List.truncate limit

/// Guesses that each change the whole, as many as can be afforded.
let private tryWholes (mismatch: Mismatch) (cost: int64) (guesses: (Guess * byte[][]) seq) : Guess option =
    guesses
    |> Seq.takeWhile (fun _ -> mismatch.Effort.Spend cost)
    |> Seq.tryFind (fun (_, parts) -> mismatch.Fits(hashAll mismatch parts))
    |> Option.map fst

/// The first guess that fits: one change, all fields at once, what is seldom met, then two changes.
let find (mismatch: Mismatch) : Guess option =
    let parts = mismatch.Signed |> List.mapi (canonical mismatch) |> Array.ofList
    let cost = tryCost mismatch parts
    let tries = triesFor mismatch parts
    let edits = editsUpTo mismatch parts tries

    let single () =
        edits
        |> List.tryFind (fun edit -> mismatch.Fits(hashAll mismatch (withEdit parts edit)))
        |> Option.map _.Guess

    let seldom () =
        if mismatch.Effort.Spend(SeldomCost * int64 mismatch.Signed.Length) then
            seldom mismatch parts
            |> Seq.map (fun edit -> edit.Guess, withEdit parts edit)
            |> tryWholes mismatch cost
        else
            None

    [
        single
        fun () -> tryWholes mismatch cost (wholes mismatch)
        seldom
        fun () -> tryWholes mismatch cost (added mismatch parts)
        fun () -> tryPairs mismatch parts (tries - edits.Length) (Array.ofList edits)
    ]
    |> List.tryPick (fun guess -> guess ())
