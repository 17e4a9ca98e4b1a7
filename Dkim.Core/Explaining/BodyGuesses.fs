/// What may have happened to a body: each guess undoes one change and is hashed (RFC 6376 §3.7).
module internal Dkim.Core.Explaining.BodyGuesses

open System
open System.Buffers
open System.Collections.Generic
open System.Security.Cryptography
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Canonicalization

/// A body whose hash does not fit, and how to tell one that does.
[<NoComparison; NoEquality>]
type Mismatch =
    {
        Request: DigestRequest
        Header: Header
        /// Latin-1 text, with CRLF.
        Body: string
        Fits: byte[] -> bool
        /// What a call of `Fits` costs.
        FitsCost: int64
        Effort: Effort
    }

/// Longer bodies are not guessed at, in octets.
[<Literal>]
let Longest = 16777216

/// Octets for which a footer may begin in the middle of a line.
[<Literal>]
let private NearEnd = 4096

/// Bodies for which there is time to think of what is seldom met, in octets.
[<Literal>]
let private MiddleLength = 262144

/// Bodies in which a stretch may have been inserted between any two octets, in octets.
[<Literal>]
let private ShortEnough = 2000

let private digest (request: DigestRequest) (body: string) : byte[] =
    use hasher = new BodyHasher([ request ])
    hasher.Feed(ReadOnlySpan(Octets.ofLatin1 body))

    match Digests.tryFind request (hasher.Finish()) with
    | ValueSome found -> found.Value
    | ValueNone -> [||]

[<Sealed>]
type private Collector(capacity: int) =
    let octets = ArrayBufferWriter<byte> capacity
    member _.Octets = octets.WrittenSpan

    interface IOctetSink with
        member _.Write(piece: ReadOnlySpan<byte>) = octets.Write piece

/// The canonical form of a body, up to l=.
let canonical (request: DigestRequest) (body: ReadOnlySpan<byte>) : byte[] =
    let sink = Collector(body.Length + 16)
    let state = BodyFeed.feed request.Canon (Body.start request.Canon) body sink
    Body.finish request.Canon state sink

    let length =
        match request.Limit with
        | ValueSome limit -> int (min (int64 limit) (int64 sink.Octets.Length))
        | ValueNone -> sink.Octets.Length

    sink.Octets.Slice(0, length).ToArray()

/// Whether a body has the hash, where that can be afforded.
let private fitsDigest (mismatch: Mismatch) (request: DigestRequest) (body: string) : bool =
    mismatch.Effort.Spend(4L * int64 body.Length + Effort.PerHash + mismatch.FitsCost)
    && mismatch.Fits(digest request body)

/// The body as it is, under other rules.
let private rules (mismatch: Mismatch) : Guess option =
    let other =
        match mismatch.Request.Canon with
        | SimpleBody -> RelaxedBody, "relaxed"
        | RelaxedBody -> SimpleBody, "simple"
        | DomainKeysSimpleBody -> NofwsBody, "nofws"
        | NofwsBody -> DomainKeysSimpleBody, "simple"

    let request =
        { mismatch.Request with
            Canon = fst other
        }

    if fitsDigest mismatch request mismatch.Body then
        Some
            {
                Modification = Modification.OtherCanonicalization
                Says =
                    "the signer canonicalized the body by the rules of "
                    + snd other
                    + ", not as c= says"
            }
    else
        None

let private sum (request: DigestRequest) : IncrementalHash =
    let hash = IncrementalHash.CreateHash(Hash.algorithm request.Hash)
    hash.AppendData request.Prefix.Span
    hash

/// Line ends that the signer left out or did not remove (RFC 6376 §3.4.3–4).
let private finalLines (mismatch: Mismatch) (canonical: byte[]) : Guess option =
    let fits (octets: byte[]) =
        mismatch.Effort.Spend(3L * int64 octets.Length + Effort.PerHash + mismatch.FitsCost)
        && (use hash = sum mismatch.Request
            hash.AppendData(octets, 0, octets.Length)
            mismatch.Fits(hash.GetCurrentHash()))

    let guess says =
        {
            Modification = Modification.FinalNewlineChanged
            Says = says
        }

    let shortened =
        if canonical.AsSpan().EndsWith(ReadOnlySpan Octets.crlf) then
            Array.sub canonical 0 (canonical.Length - 2)
        else
            canonical

    let kept =
        [ 1..8 ]
        |> List.tryFind (fun count -> fits (Array.append canonical (Array.concat (List.replicate count Octets.crlf))))

    if fits shortened then
        Some(guess "the signer hashed the body without its last line end")
    else
        kept
        |> Option.map (fun count ->
            guess (
                "the signer did not remove the empty lines at the end: there were "
                + string count
            ))

/// Where the lines of canonical octets end; 0 is one of them.
let private lineEnds (octets: byte[]) : int[] =
    let ends = List<int>([ 0 ])
    let mutable at = octets.AsSpan().IndexOf(ReadOnlySpan Octets.crlf)

    while at >= 0 do
        ends.Add(at + 2)
        let next = octets.AsSpan(at + 2).IndexOf(ReadOnlySpan Octets.crlf)
        at <- if next < 0 then -1 else at + 2 + next

    ends.ToArray()

let private excerpt (octets: byte[]) (start: int) (length: int) =
    "\""
    + Printable.visibleExcerpt 160 (Octets.latin1 (ReadOnlySpan(octets, start, length)))
    + "\""

/// Where the text that was appended may begin, from the front to the back.
let private footerStarts (midLine: bool) (mismatch: Mismatch) (canonical: byte[]) : int[] =
    let ends = lineEnds canonical
    let perStop = Effort.PerHash + mismatch.FitsCost
    // Footers are at the end: of too many places the last ones are tried.
    let affordable = int (min (int64 ends.Length) (mismatch.Effort.Left / 4L / perStop))
    let tried = Array.sub ends (ends.Length - affordable) affordable

    // A text that was appended to the middle of a line is looked for near the end only.
    let within =
        if midLine then
            [| max 0 (canonical.Length - NearEnd) .. canonical.Length - 1 |]
        else
            [||]

    Array.append tried within |> Array.distinct |> Array.sort

/// The part before which the rest was appended: it ends with a line, or a line end was added to it.
let private appended (midLine: bool) (mismatch: Mismatch) (canonical: byte[]) : Guess option =
    let midLine = midLine && canonical.Length <= 65536
    let stops = footerStarts midLine mismatch canonical
    use hash = sum mismatch.Request
    let mutable at = 0
    let mutable found = ValueNone

    let fitsHere () = mismatch.Fits(hash.GetCurrentHash())

    let isMidLine () =
        not (canonical.AsSpan(at).StartsWith(ReadOnlySpan Octets.crlf))

    let fitsWithLineEnd () =
        use copy = sum mismatch.Request
        copy.AppendData(canonical, 0, at)
        copy.AppendData(Octets.crlf, 0, 2)
        mismatch.Fits(copy.GetCurrentHash())

    let each =
        Effort.PerHash
        + mismatch.FitsCost
        + (if midLine then
               int64 canonical.Length + Effort.PerHash + mismatch.FitsCost
           else
               0L)

    if mismatch.Effort.Spend(2L * int64 canonical.Length + int64 stops.Length * each) then
        for stop in stops do
            if found.IsNone && stop < canonical.Length then
                hash.AppendData(canonical, at, stop - at)
                at <- stop

                if fitsHere () || midLine && isMidLine () && fitsWithLineEnd () then
                    found <- ValueSome stop

    match found with
    | ValueNone -> None
    | ValueSome stop ->
        let length = canonical.Length - stop

        Some
            {
                Modification = Modification.TextAppended
                Says =
                    "a footer of "
                    + string length
                    + " octets was appended: "
                    + excerpt canonical stop length
            }

/// A stretch between two of some places that was put in: looked for in bodies that are short enough to try all.
let private inserted (mismatch: Mismatch) (canonical: byte[]) (ends: int[]) : Guess option =
    let count = int64 ends.Length
    let each = int64 canonical.Length * 2L / 3L + Effort.PerHash + mismatch.FitsCost

    // Divided, since the product of a long body of empty lines is beyond 64 bits.
    if count * count / 2L > mismatch.Effort.Left / 2L / each then
        None
    else
        mismatch.Effort.Spend(count * count / 2L * each) |> ignore

        let fits (start: int) (finish: int) =
            use hash = sum mismatch.Request
            hash.AppendData(canonical, 0, start)
            hash.AppendData(canonical, finish, canonical.Length - finish)
            mismatch.Fits(hash.GetCurrentHash())

        let mutable found = None

        for first in 0 .. ends.Length - 2 do
            for last in first + 1 .. ends.Length - 1 do
                if found.IsNone && fits ends[first] ends[last] then
                    found <- Some(first, last)

        found
        |> Option.map (fun (first, last) ->
            let start, length = ends[first], ends[last] - ends[first]
            let lines = lineEnds canonical
            let line = lines |> Array.findIndexBack (fun at -> at <= start)

            {
                Modification = Modification.TextInserted
                Says =
                    string length
                    + (if lines[line] = start then
                           " octets were inserted at line "
                       else
                           " octets were inserted inside line ")
                    + string (line + 1)
                    + " of the body: "
                    + excerpt canonical start length
            })

/// Where tags of HTML begin and end, and lines.
let private tagEnds (canonical: byte[]) : int[] =
    [|
        yield! lineEnds canonical
        for at in 0 .. canonical.Length - 1 do
            if canonical[at] = byte '<' then
                at
            elif canonical[at] = byte '>' then
                at + 1
    |]
    |> Array.distinct
    |> Array.sort

/// A line end that was none, or another, when the body was signed.
let private lineEndChanged (mismatch: Mismatch) (canonical: byte[]) : Guess option =
    let ends = lineEnds canonical |> Array.filter (fun at -> at > 0)

    let others =
        [
            "a line end was put in at the end of line ", ""
            "a space was made a line end at the end of line ", " "
            "a line end was a bare LF when the body was signed, that of line ", "\n"
            "a line end was a bare CR when the body was signed, that of line ", "\r"
        ]
        |> List.map (fun (says, octets) -> says, Octets.ofLatin1 octets)

    let each = int64 canonical.Length + Effort.PerHash + mismatch.FitsCost

    if int64 ends.Length * int64 others.Length > mismatch.Effort.Left / 4L / each then
        None
    else
        mismatch.Effort.Spend(int64 ends.Length * int64 others.Length * each) |> ignore

        let fits (finish: int) (octets: byte[]) =
            use hash = sum mismatch.Request
            hash.AppendData(canonical, 0, finish - 2)
            hash.AppendData(octets, 0, octets.Length)
            hash.AppendData(canonical, finish, canonical.Length - finish)
            mismatch.Fits(hash.GetCurrentHash())

        ends
        |> Array.indexed
        |> Array.tryPick (fun (index, finish) ->
            others
            |> List.tryFind (fun (_, octets) -> fits finish octets)
            |> Option.map (fun (says, _) ->
                {
                    Modification = Modification.LineEndsChanged
                    Says = says + string (index + 1)
                }))

/// A signer that hashed no body at all, or the line end that simple makes of none (RFC 6376 §3.4.3).
let private unseen (mismatch: Mismatch) : Guess option =
    let fits (octets: byte[]) =
        use hash = sum mismatch.Request
        hash.AppendData(octets, 0, octets.Length)
        mismatch.Fits(hash.GetCurrentHash())

    if mismatch.Body <> "" && (fits [||] || fits Octets.crlf) then
        Some
            {
                Modification = Modification.SignerFault
                Says =
                    "the hash is that of an empty body: the signer did not see this one, or all of it was added since"
            }
    else
        None

/// The body with one change undone, where that makes a difference and can be afforded.
let private undone (mismatch: Mismatch) (change: BodyChanges.Change) : string voption =
    if mismatch.Effort.Spend(change.Cost * int64 mismatch.Body.Length) then
        let body = change.Undo mismatch.Body
        if body = mismatch.Body then ValueNone else ValueSome body
    else
        ValueNone

let private asWhole (mismatch: Mismatch) (changes: BodyChanges.Change list) : Guess option =
    changes
    |> List.tryPick (fun change ->
        match undone mismatch change with
        | ValueSome body when fitsDigest mismatch mismatch.Request body ->
            Some
                {
                    Modification = change.Modification
                    Says = change.Says
                }
        | _ -> None)

/// A change and a footer besides.
let private changedAndAppended (mismatch: Mismatch) : Guess option =
    BodyChanges.all mismatch.Header mismatch.Body
    |> List.tryPick (fun change ->
        match undone mismatch change with
        | ValueSome body when mismatch.Effort.Spend(4L * int64 body.Length) ->
            appended false mismatch (canonical mismatch.Request (ReadOnlySpan(Octets.ofLatin1 body)))
            |> Option.map (fun footer ->
                {
                    Modification = change.Modification
                    Says = change.Says + ", and " + footer.Says
                })
        | _ -> None)

/// The first guess that fits, the simple ones first.
let find (mismatch: Mismatch) : Guess option =
    let length = int64 mismatch.Body.Length

    if length > int64 Longest || not (mismatch.Effort.Spend(4L * length)) then
        None
    else
        let octets =
            canonical mismatch.Request (ReadOnlySpan(Octets.ofLatin1 mismatch.Body))

        let upTo (limit: int) (guess: unit -> Guess option) =
            fun () -> if octets.Length > limit then None else guess ()

        [
            fun () -> unseen mismatch
            fun () -> asWhole mismatch (BodyChanges.all mismatch.Header mismatch.Body)
            fun () -> rules mismatch
            fun () -> finalLines mismatch octets
            fun () -> appended true mismatch octets
            fun () -> inserted mismatch octets (lineEnds octets)
            fun () -> lineEndChanged mismatch octets
            upTo MiddleLength (fun () -> asWhole mismatch (BodyChanges.seldom mismatch.Header))
            upTo MiddleLength (fun () -> inserted mismatch octets (tagEnds octets))
            upTo 1048576 (fun () -> changedAndAppended mismatch)
            upTo ShortEnough (fun () -> inserted mismatch octets [| 0 .. octets.Length |])
        ]
        |> List.tryPick (fun guess -> guess ())
