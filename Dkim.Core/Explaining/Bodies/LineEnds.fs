/// Single line ends that were put in, taken out or changed, single spaces at ends of lines, and how a signer ended the body
/// (RFC 6376 §3.4.3, §3.4.4).
module internal Dkim.Core.Explaining.Bodies.LineEnds

open System
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Explaining.Edits

/// What stood in the place of a line end, in words for the end of a line.
let private others: (string * byte[]) list =
    [
        "a line end was put in at the end of line ", ""
        "a space was made a line end at the end of line ", " "
        "a line end was a bare LF when the body was signed, that of line ", "\n"
        "a line end was a bare CR when the body was signed, that of line ", "\r"
        "a line end was CR CR LF when the body was signed, that of line ", "\r\r\n"
        "an empty line was removed behind line ", "\r\n\r\n"
        "a space was removed at the end of line ", " \r\n"
        "two spaces were removed at the end of line ", "  \r\n"
        "a tab was removed at the end of line ", "\t\r\n"
    ]
    |> List.map (fun (says, octets) -> says, Octets.ofLatin1 octets)

/// What a line end was, one by one.
let private changed (subject: Subject) (effort: Effort) : Candidate seq =
    let octets = subject.BodyOctets

    if octets.Length = 0 || not (effort.Spend(2L * int64 octets.Length)) then
        Seq.empty
    else
        let ends = Lines.ends octets

        seq {
            for says, was in others do
                for line in 1 .. ends.Length - 1 do
                    Candidate.ofPieces (fun () -> says + string line) [ Piece.ofBody subject (ends[line] - 2) 2 was ]
        }

/// What one octet was.
let private octetChanges: (string * byte * byte[]) list =
    [
        "a line end was made a space in line ", Octets.Space, Octets.crlf
        "a bare LF was made a space in line ", Octets.Space, [| Octets.LF |]
        "a bare CR was made a space in line ", Octets.Space, [| Octets.CR |]
        "a tab was made a space in line ", Octets.Space, [| Octets.Tab |]
        "two spaces were made one in line ", Octets.Space, [| Octets.Space; Octets.Space |]
        "a space was made a tab in line ", Octets.Tab, [| Octets.Space |]
        "a no-break space was made a space in line ", Octets.Space, [| 160uy |]
        "a no-break space was made a space in line ", Octets.Space, [| 194uy; 160uy |]
        "a bare LF was removed in line ", 0uy, [| Octets.LF |]
        "a bare CR was removed in line ", 0uy, [| Octets.CR |]
        "a line end was removed in line ", 0uy, Octets.crlf
    ]

/// Bodies in which every octet is looked at, in octets.
[<Literal>]
let private ShortEnough = 4096

let private within (subject: Subject) (effort: Effort) : Candidate seq =
    let octets = subject.BodyOctets

    if octets.Length = 0 || not (effort.Spend(8L * int64 octets.Length)) then
        Seq.empty
    else
        seq {
            for says, here, was in octetChanges do
                for at in 0 .. octets.Length - 1 do
                    let isPut = here = 0uy

                    if (isPut && octets.Length <= ShortEnough) || (not isPut && octets[at] = here) then
                        Candidate.ofPieces
                            (fun () ->
                                let struct (line, _) = Lines.numberAt octets at
                                says + string line)
                            [ Piece.ofBody subject at (if isPut then 0 else 1) was ]
        }

/// Line ends that the signer left out or did not remove.
let private final (subject: Subject) (_: Effort) : Candidate seq =
    let octets = subject.BodyOctets
    let count = octets.Length

    seq {
        if octets.AsSpan().EndsWith(ReadOnlySpan Octets.crlf) then
            Candidate.ofPieces
                (fun () -> "the signer hashed the body without its last line end")
                [ Piece.ofBody subject (count - 2) 2 [||] ]

        if subject.Body.IsSome then
            for lines in 1..8 do
                Candidate.ofPieces
                    (fun () ->
                        "the signer did not remove the empty lines at the end: there were "
                        + string lines)
                    [
                        Piece.ofBody subject count 0 (Array.concat (List.replicate lines Octets.crlf))
                    ]
    }

/// A signer that hashed no body at all, or the line end that simple makes of none.
let private unseen (subject: Subject) (_: Effort) : Candidate seq =
    let says () =
        "the hash is that of an empty body: the signer did not see this one, or all of it was added since"

    match subject.Body with
    | ValueSome body when body.Text <> "" ->
        [ [||]; Octets.crlf ]
        |> Seq.map (fun was -> Candidate.ofPieces says [ Piece.whole subject subject.BodyPart was ])
    | ValueSome _
    | ValueNone -> Seq.empty

/// The body as it is, under other rules.
let private rules (subject: Subject) (_: Effort) : Candidate seq =
    let candidate (body: BodyText) (says: string) (was: unit -> byte[]) =
        {
            Says = fun () -> says
            Cost = 6L * int64 body.Text.Length
            Undone = fun () -> Pieces [ Piece.whole subject subject.BodyPart (was ()) ]
        }

    match subject.Body with
    | ValueNone -> Seq.empty
    | ValueSome body ->
        let octets () = Octets.ofLatin1 body.Text

        let other, name =
            match body.Canon with
            | SimpleBody -> RelaxedBody, "relaxed"
            | RelaxedBody -> SimpleBody, "simple"
            | DomainKeysSimpleBody -> NofwsBody, "nofws"
            | NofwsBody -> DomainKeysSimpleBody, "simple"

        [
            candidate body ("the signer canonicalized the body by the rules of " + name + ", not as c= says") (fun () ->
                Subject.canonicalBody other (ReadOnlySpan(octets ())))
            candidate body "the signer hashed the body as it is, without the rules that c= names" octets
        ]

let private edit modification knownOf paired undo : Edit =
    {
        Modification = modification
        KnownOf = knownOf
        Paired = paired
        Undo = undo
    }

/// A signer that saw nothing, which costs nothing to try.
let unseenBody: Edit list = [ edit Modification.SignerFault [] false unseen ]

/// Other rules of signers.
let ofSigners: Edit list =
    [
        edit Modification.OtherCanonicalization [] false rules
        edit Modification.FinalNewlineChanged [] false final
    ]

let single: Edit list =
    [
        edit Modification.LineEndsChanged [ "Postfix"; "Exchange" ] true changed
        edit Modification.LineEndsChanged [ "Exchange"; "Gmail" ] false within
    ]
