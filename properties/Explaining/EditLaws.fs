/// Laws of the edits that `dkim explain` undoes: whatever one of them yields is found again, by itself and with another, and a
/// change that none of them knows is not given a reason.
module Dkim.Properties.EditLaws

open System
open System.Security.Cryptography
open Expecto
open FsCheck
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Explaining.Edits
open Dkim.Core.Explaining.Bodies
open Dkim.Core.Explaining.Fields
open Dkim.Core.Programs.Settings

let private empty: Subject =
    {
        Hash = Sha256
        Canon = RelaxedHeader
        Header = Header.empty
        Signed = [||]
        OwnLast = false
        Absent = []
        Body = ValueNone
        Parts = [||]
        Fits = fun _ -> false
        FitsCost = 0L
    }

/// A header in which every edit of fields finds something to do.
let private fields =
    [
        "X-OriginalDate", " Mon, 1 Jan 2024 00:00 +0000"
        "Reply-To", " \"Ann Able\" <ann@example.com>, list@example.net"
        "From", " Ann Able via List <list@example.net>"
        "To", " bob@example.org, =?utf-8?Q?Andr=C3=A9?= <dan@mx.example.org>,\r\n carol@example.net (Carol)"
        "Cc", " Gr\195\188n <g@example.org>"
        "Subject", " [list] =?utf-8?B?W0VYVF0gQmVyaWNodCDDvGJlciDDlmw=?="
        "Date", " Fri, 20 Nov 2026 12:00:00 +0000"
        "Message-ID", " <1@example.com>"
        "MIME-Version", " 1.0"
        "Content-Type", " multipart/mixed; boundary=\"b1\"; x=1"
        "Content-Transfer-Encoding", " 8bit"
        "X-Note", " one two"
        "X-Note", " three four"
    ]

let private headerOf (canon: HeaderCanon) : Subject =
    let all = fields |> List.map (fun (name, value) -> Field.ofText name value)

    let own =
        Field.ofText "DKIM-Signature" " v=1; a=rsa-sha256; d=example.com; s=s;\r\n h=from:to; bh=YQ==; b="

    let signed = all |> List.filter (fun field -> not (field.Is "X-OriginalDate"))

    Subject.withParts
        { empty with
            Canon = canon
            Header = Header.ofFields (own :: all)
            Signed = Array.ofList (signed @ [ own ])
            OwnLast = true
            Absent = [ "sender", 2; "importance", 5; "from", 6 ]
        }

let private multipart =
    "--b1\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    + "External mail.\r\nGr=C3=BC=C3=9Fe,\r\nFrom here.  On.\r\n\r\nBye.\r\n"
    + "--b1\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    + "<html><body>\r\nExternal mail.\r\n<p>Gr\195\188\195\159e</p></body></html>\r\n"
    + "--b1\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + String.replicate 3 "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpBQkNERUZHSElKS0xNTk9QUVJT\r\n"
    + "--b1--\r\n"

/// Lines of text as base64.
let private coded =
    Convert.ToBase64String(Octets.ofLatin1 "One line.\r\nTwo lines, and more words.\r\nThree lines of text.\r\n")
    |> fun whole -> whole.Insert(60, "\r\n") + "\r\n"

/// Bodies, each with what the header says of it.
let private bodies =
    [
        "text/plain",
        "8bit",
        ">From now on,\r\n\r\n..dots  and.  spaces \r\n-- \r\nGr\195\188\195\159e\r\n> quoted\r\n\r\n\r\nx\ty\r\n"
        "text/plain", "quoted-printable", "Gr=C3=BC=C3=9Fe and a =3D b\r\n\tlast\r\n"
        "text/plain", "base64", coded
        "text/plain", "7bit", String('w', 998) + "\r\n " + String('v', 700) + "\r\nend\r\n"
        "multipart/mixed; boundary=b1", "8bit", multipart
    ]

let private bodyOf (canon: BodyCanon) (contentType: string, encoding: string, text: string) : Subject =
    let header =
        [
            Field.ofText "Content-Type" (" " + contentType)
            Field.ofText "Content-Transfer-Encoding" (" " + encoding)
            Field.ofText "X-Was" " multipart/mixed; boundary=older"
        ]

    Subject.withParts
        { empty with
            Header = Header.ofFields header
            Body =
                ValueSome
                    {
                        Canon = canon
                        Limit = ValueNone
                        Text = text
                    }
        }

let private headers = [| headerOf RelaxedHeader; headerOf SimpleHeader |]

let private texts =
    [|
        for canon in [ SimpleBody; RelaxedBody ] do
            for body in bodies do
                bodyOf canon body
    |]

/// The text with some stretches as they were, put together octet by octet.
let private octets (subject: Subject) (pieces: Piece list) : byte[] =
    subject.Parts
    |> Array.mapi (fun part octets ->
        pieces
        |> List.filter (fun piece -> piece.Part = part)
        |> List.rev
        |> List.fold
            (fun (octets: byte[]) piece ->
                Array.concat [ octets[.. piece.Start - 1]; piece.Was; octets[piece.Finish ..] ])
            octets)
    |> Array.concat

let private piecesOf (subject: Subject) (candidate: Candidate) : Piece list voption =
    match candidate.Undone(), subject.Body with
    | Pieces pieces, _ when pieces |> List.exists (Piece.isChange subject) -> ValueSome pieces
    | Text text, ValueSome body ->
        let was = Subject.canonicalBody body.Canon (ReadOnlySpan(Octets.ofLatin1 text))
        ValueSome [ Piece.whole subject subject.BodyPart was ]
    | _ -> ValueNone

/// More candidates of an edit are not chosen from.
[<Literal>]
let private MostCandidates = 300

let private candidates (subject: Subject) (edit: Edit) : Candidate[] =
    edit.Undo subject (Effort 1_000_000_000L)
    |> Seq.truncate MostCandidates
    |> Seq.filter (fun candidate -> (piecesOf subject candidate).IsSome)
    |> Array.ofSeq

let private found (effort: Effort) (edits: Edit list) (subject: Subject) (wanted: byte[]) : Guess option =
    let digest = SHA256.HashData wanted

    Search.find
        edits
        { subject with
            Fits = fun other -> other.AsSpan().SequenceEqual(ReadOnlySpan digest)
        }
        effort

let private choose (NonNegativeInt at) (all: 'a[]) : 'a voption =
    if all.Length = 0 then
        ValueNone
    else
        ValueSome all[at % all.Length]

/// What one chosen candidate of one chosen edit makes of a subject.
let private chosen (edits: Edit list) subject (edit: NonNegativeInt) (candidate: NonNegativeInt) =
    choose edit (Array.ofList edits)
    |> ValueOption.bind (fun edit -> choose candidate (candidates subject edit))

let private isFoundAgain (edits: Edit list) (subjects: Subject[]) which edit candidate : bool =
    let subject = (choose which subjects).Value

    match chosen edits subject edit candidate |> ValueOption.bind (piecesOf subject) with
    | ValueSome pieces -> (found (Effort.OfMessage()) edits subject (octets subject pieces)).IsSome
    | ValueNone -> true

/// Two changes that do not touch each other, or a second one of the body that the first left.
let private bothFoundAgain (edits: Edit list) (subjects: Subject[]) which one first other second : bool =
    let paired = edits |> List.filter _.Paired
    let subject = (choose which subjects).Value

    let after (text: string) =
        let body = subject.Body.Value
        let changed = Subject.withBody text body subject

        match chosen paired changed other second |> ValueOption.bind (piecesOf changed) with
        | ValueSome pieces -> ValueSome(octets changed pieces)
        | ValueNone -> ValueNone

    let wanted =
        match chosen paired subject one first |> ValueOption.map _.Undone() with
        | ValueSome(Text text) -> after text
        | ValueSome(Pieces pieces) ->
            match chosen paired subject other second |> ValueOption.map _.Undone() with
            | ValueSome(Pieces others) -> Piece.join pieces others |> ValueOption.map (octets subject)
            | _ -> ValueNone
        | _ -> ValueNone

    match wanted with
    | ValueSome wanted when wanted <> Array.concat subject.Parts -> (found (Effort.Deep()) edits subject wanted).IsSome
    | _ -> true

/// The subject with one small letter as another: no edit changes letters.
let private damaged (subject: Subject) (NonNegativeInt at) (NonNegativeInt by) : byte[] voption =
    let whole = Array.concat subject.Parts

    let letters =
        [|
            for index in 0 .. whole.Length - 1 do
                if whole[index] >= 'a'B && whole[index] <= 'z'B then
                    index
        |]

    choose (NonNegativeInt at) letters
    |> ValueOption.map (fun index ->
        Array.updateAt index ('a'B + byte ((int whole[index] - int 'a'B + 1 + by % 25) % 26)) whole)

let private unexplained (edits: Edit list) (subjects: Subject[]) (effort: int64) which at by : bool =
    let subject = (choose which subjects).Value

    match damaged subject at by with
    | ValueSome wanted -> (found (Effort effort) edits subject wanted).IsNone
    | ValueNone -> true

let private trials count = { Count = count; Arbitraries = [] }

[<Tests>]
let tests =
    testList
        "EditLaws"
        [
            testCase "every edit has something to undo" (fun () ->
                let idle (subjects: Subject[]) (edits: Edit list) =
                    edits
                    |> List.indexed
                    |> List.filter (fun (_, edit) ->
                        subjects |> Array.forall (fun subject -> (candidates subject edit).Length = 0))
                    |> List.map (fun (at, edit) -> at, Modification.name edit.Modification)

                Expect.equal [] (idle headers FieldEdits.all)
                Expect.equal [] (idle texts BodyEdits.all))

            testLaw (trials 150) "a change of a header is found again" (isFoundAgain FieldEdits.all headers)
            testLaw (trials 150) "a change of a body is found again" (isFoundAgain BodyEdits.all texts)
            testLaw (trials 40) "two changes of a header are found again" (bothFoundAgain FieldEdits.all headers)
            testLaw (trials 30) "two changes of a body are found again" (bothFoundAgain BodyEdits.all texts)

            testLaw
                (trials 5000)
                "a letter of a header that became another has no reason"
                (unexplained FieldEdits.all headers 1_000_000L)

            testLaw
                (trials 5000)
                "a letter of a body that became another has no reason"
                (unexplained BodyEdits.all texts 1_000_000L)

            testLaw (trials 10) "nor has it where everything is tried" (fun which at by ->
                unexplained FieldEdits.all headers 2_000_000_000L which at by
                && unexplained BodyEdits.all texts 2_000_000_000L which at by)
        ]
