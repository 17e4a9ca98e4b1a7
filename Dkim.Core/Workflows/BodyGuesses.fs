/// What may have happened to a body: each guess undoes one change and is hashed (RFC 6376 §3.7).
module internal Dkim.Core.BodyGuesses

open System
open System.Buffers
open System.Collections.Generic
open System.Security.Cryptography

/// A body whose hash does not fit, and how to tell one that does.
[<NoComparison; NoEquality>]
type Puzzle =
    {
        Request: DigestRequest
        Header: Header
        /// Latin-1 text, with CRLF.
        Body: string
        Fits: byte[] -> bool
    }

/// Longer bodies are not guessed at, in octets.
[<Literal>]
let Longest = 16777216

/// More lines are not looked through for the one where a footer begins.
[<Literal>]
let private MostLines = 500_000

/// Octets hashed while looking for inserted lines: half a second or so.
[<Literal>]
let private InsertionWork = 400_000_000L

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

let private lines (edit: string -> string) (body: string) : string =
    String.Join("\r\n", body.Split "\r\n" |> Array.map edit)

let private starting (prefix: string) (replacement: string) (line: string) =
    if line.StartsWith(prefix, StringComparison.Ordinal) then
        replacement + line.Substring prefix.Length
    else
        line

let private encodingChanges (header: Header) : (Happening * string * (string -> string)) list =
    let value name =
        match Header.tryFind name header with
        | ValueSome field -> field.ValueText.Trim()
        | ValueNone -> ""

    TransferCoding.changes
    |> List.map (fun change ->
        Happening.EncodingChanged,
        "the transfer encoding " + change.Was + " was changed to " + change.Now,
        TransferCoding.undo change (value "Content-Transfer-Encoding") (value "Content-Type"))

/// Changes that can be undone as a whole.
let private changes (header: Header) : (Happening * string * (string -> string)) list =
    [
        Happening.LineEndsChanged,
        "line ends were LF when the body was signed",
        fun (body: string) -> body.Replace("\r\n", "\n")
        Happening.LineEndsChanged,
        "LF was CRLF when the body was signed",
        fun body -> body.Replace("\r\n", "\n").Replace("\n", "\r\n")
        Happening.LineEndsChanged,
        "CR was CRLF when the body was signed",
        fun body -> body.Replace("\r\n", "\r").Replace("\r", "\r\n")
        Happening.LineEndsChanged, "each line end was doubled", (fun body -> body.Replace("\r\n\r\n", "\r\n"))
        Happening.SpaceChanged, "white space was added at ends of lines", lines _.TrimEnd(' ', '\t')
        Happening.SpaceChanged,
        "the space after the signature mark \"--\" was removed",
        lines (fun line -> if line = "--" then "-- " else line)
        Happening.LinesQuoted, "leading dots were doubled", lines (starting ".." ".")
        Happening.LinesQuoted, "doubled leading dots were made single", lines (starting "." "..")
        Happening.LinesQuoted, "From at the start of lines was quoted as >From", lines (starting ">From " "From ")
        Happening.LinesQuoted, "spaces were put before From or > at the start of lines", lines (starting " " "")
    ]
    @ encodingChanges header

/// The body as it is, under other rules.
let private rules (puzzle: Puzzle) : Guess option =
    let other =
        match puzzle.Request.Canon with
        | SimpleBody -> RelaxedBody, "relaxed"
        | RelaxedBody -> SimpleBody, "simple"
        | DomainKeysSimpleBody -> NofwsBody, "nofws"
        | NofwsBody -> DomainKeysSimpleBody, "simple"

    if
        puzzle.Fits(
            digest
                { puzzle.Request with
                    Canon = fst other
                }
                puzzle.Body
        )
    then
        Some
            {
                Happening = Happening.OtherCanonicalization
                Says =
                    "the signer canonicalized the body by the rules of "
                    + snd other
                    + ", not as c= says"
            }
    else
        None

let private sum (request: DigestRequest) : IncrementalHash =
    let hash = IncrementalHash.CreateHash(PublicKey.hashName request.Hash)
    hash.AppendData request.Prefix.Span
    hash

/// Line ends that the signer left out or did not remove (RFC 6376 §3.4.3–4).
let private finalLines (puzzle: Puzzle) (canonical: byte[]) : Guess option =
    let fits (octets: byte[]) =
        use hash = sum puzzle.Request
        hash.AppendData(octets, 0, octets.Length)
        puzzle.Fits(hash.GetCurrentHash())

    let guess says =
        {
            Happening = Happening.FinalNewlineChanged
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
    + Visible.excerpt 160 (Octets.latin1 (ReadOnlySpan(octets, start, length)))
    + "\""

/// The part before which the rest was appended: it ends with a line, or a line end was added to it.
let private appended (midLine: bool) (puzzle: Puzzle) (canonical: byte[]) : Guess option =
    let midLine = midLine && canonical.Length <= 65536
    use hash = sum puzzle.Request
    let ends = lineEnds canonical
    // A text that was appended to the middle of a line is looked for near the end only.
    let nearEnd = max 0 (canonical.Length - 4096)
    let mutable at = 0
    let mutable found = ValueNone

    let fitsHere () = puzzle.Fits(hash.GetCurrentHash())

    let isMidLine () =
        not (canonical.AsSpan(at).StartsWith(ReadOnlySpan Octets.crlf))

    let fitsWithLineEnd () =
        use copy = sum puzzle.Request
        copy.AppendData(canonical, 0, at)
        copy.AppendData(Octets.crlf, 0, 2)
        puzzle.Fits(copy.GetCurrentHash())

    let within =
        if midLine then
            [| nearEnd .. canonical.Length - 1 |]
        else
            [||]

    let stops =
        if ends.Length > MostLines then
            [||]
        else
            Array.append ends within |> Array.distinct |> Array.sort

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
                Happening = Happening.TextAppended
                Says =
                    "a footer of "
                    + string length
                    + " octets was appended: "
                    + excerpt canonical stop length
            }

/// Whole lines put in anywhere: looked for in bodies that are short enough to try all stretches.
let private inserted (puzzle: Puzzle) (canonical: byte[]) : Guess option =
    let ends = lineEnds canonical
    let count = int64 ends.Length

    // Divided, since the product of a long body of empty lines is beyond 64 bits.
    if count * count / 2L > InsertionWork * 3L / int64 (max 1 canonical.Length) then
        None
    else
        let fits (start: int) (finish: int) =
            use hash = sum puzzle.Request
            hash.AppendData(canonical, 0, start)
            hash.AppendData(canonical, finish, canonical.Length - finish)
            puzzle.Fits(hash.GetCurrentHash())

        let mutable found = None

        for first in 0 .. ends.Length - 2 do
            for last in first + 1 .. ends.Length - 1 do
                if found.IsNone && fits ends[first] ends[last] then
                    found <- Some(first, last)

        found
        |> Option.map (fun (first, last) ->
            let length = ends[last] - ends[first]

            {
                Happening = Happening.TextInserted
                Says =
                    string length
                    + " octets were inserted at line "
                    + string (first + 1)
                    + " of the body: "
                    + excerpt canonical ends[first] length
            })

/// The body with one change undone, where that makes a difference.
let private undone (puzzle: Puzzle) (undo: string -> string) : string voption =
    let body = undo puzzle.Body
    if body = puzzle.Body then ValueNone else ValueSome body

let private asWhole (puzzle: Puzzle) : Guess option =
    changes puzzle.Header
    |> List.tryPick (fun (happening, says, undo) ->
        match undone puzzle undo with
        | ValueSome body when puzzle.Fits(digest puzzle.Request body) -> Some { Happening = happening; Says = says }
        | _ -> None)

/// A change and a footer besides.
let private changedAndAppended (puzzle: Puzzle) : Guess option =
    changes puzzle.Header
    |> List.tryPick (fun (happening, says, undo) ->
        match undone puzzle undo with
        | ValueNone -> None
        | ValueSome body ->
            appended false puzzle (canonical puzzle.Request (ReadOnlySpan(Octets.ofLatin1 body)))
            |> Option.map (fun footer ->
                {
                    Happening = happening
                    Says = says + ", and " + footer.Says
                }))

/// The first guess that fits, the simple ones first.
let find (puzzle: Puzzle) : Guess option =
    if puzzle.Body.Length > Longest then
        None
    else
        let octets = canonical puzzle.Request (ReadOnlySpan(Octets.ofLatin1 puzzle.Body))

        [
            fun () -> asWhole puzzle
            fun () -> rules puzzle
            fun () -> finalLines puzzle octets
            fun () -> appended true puzzle octets
            fun () -> inserted puzzle octets
            fun () ->
                if octets.Length > 1048576 then
                    None
                else
                    changedAndAppended puzzle
        ]
        |> List.tryPick (fun guess -> guess ())
