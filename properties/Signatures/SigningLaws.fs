module Dkim.Properties.SigningLaws

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Properties.Ways

/// The law for each way that signs the letter. DKIM signs every letter with one From.
let private eachWay (letter: Letter) (law: Way -> Header -> bool) : bool =
    all
    |> List.forall (fun way ->
        match trySigned way letter with
        | ValueSome signed -> law way signed
        | ValueNone -> false)

let private fields (header: Header) = List.ofSeq header.Fields

let private replaced (index: int) (field: Field) (header: Header) : Header =
    fields header |> List.updateAt index field |> Header.ofFields

let private isText (octet: byte) =
    octet <> Octets.CR && octet <> Octets.LF && not (Octets.isWsp octet)

/// One octet of text changed into another that no canonicalization takes for the same.
let private changed (at: int) (octets: byte[]) : byte[] voption =
    let places =
        octets |> Array.indexed |> Array.filter (snd >> isText) |> Array.map fst

    if places.Length = 0 then
        ValueNone
    else
        let copy = Array.copy octets
        let place = places[at % places.Length]
        copy[place] <- if copy[place] = 'q'B then 'p'B else 'q'B
        ValueSome copy

let private trials = MailGenerators.trials 150

[<Tests>]
let tests =
    testList
        "SigningLaws"
        [
            proves
                [ "RFC6376-5.5-1"; "RFC8463-5-2"; "RFC6376-3.7-1" ]
                (testLaw trials "what is signed verifies" (fun (letter: Letter) ->
                    eachWay letter (fun _ signed -> passes signed letter.Body)))

            proves
                [ "RFC6376-5.6-1" ]
                (testLaw trials "what is signed verifies after a journey as octets" (fun (letter: Letter) cuts ->
                    eachWay letter (fun _ signed ->
                        let octets =
                            [|
                                for field in signed.Fields do
                                    yield! field.Raw.ToArray()
                                    yield! Octets.ofLatin1 "\r\n"
                                yield! Octets.ofLatin1 "\r\n"
                                yield! letter.Body
                            |]

                        use passage =
                            new Passage<SignatureResult list>(
                                HeaderLimits.defaults,
                                fun arrival ->
                                    match arrival.Header with
                                    | Error _ -> Done(Work.decided [])
                                    | Ok header ->
                                        let plan = Verifier.plan policy now header

                                        Done
                                            {
                                                Questions = plan.Questions
                                                Digests = plan.Digests
                                                Conclude =
                                                    fun digests answers ->
                                                        Done(Verifier.conclude plan digests answers)
                                            }
                            )

                        for piece in Cuts.pieces cuts octets do
                            passage.Feed piece.Span |> ignore

                        passage.End()

                        passage.Go(Finding.ofNames answer passage.Needs)
                        passage.Decision |> List.map _.Verdict = [ Verdict.Pass ])))

            proves
                [ "RFC6376-3.7-1"; "RFC6376-6.1.3-2" ]
                (testLaw trials "a changed octet of the body fails" (fun (letter: Letter) (at: uint16) ->
                    match changed (int at) letter.Body with
                    | ValueNone -> true
                    | ValueSome body -> eachWay letter (fun _ signed -> not (passes signed body))))

            proves
                [ "RFC6376-3.7-1"; "RFC6376-6.1.3-3" ]
                (testLaw
                    trials
                    "a changed octet of a signed value fails"
                    (fun (letter: Letter) (which: byte) (at: uint16) ->
                        eachWay letter (fun _ signed ->
                            let candidates =
                                fields signed
                                |> List.indexed
                                |> List.filter (fun (index, field) -> index > 0 && isSigned field.Name)

                            let index, field = candidates[int which % candidates.Length]

                            match changed (int at) (field.Value.ToArray()) with
                            | ValueNone -> true
                            | ValueSome value ->
                                let other = Field.ofText field.Name (Octets.latin1 (ReadOnlySpan value))
                                not (passes (replaced index other signed) letter.Body))))

            proves
                [ "RFC6376-3.7-4" ]
                (testLaw trials "a changed octet of the signature field fails" (fun (letter: Letter) (at: uint16) ->
                    eachWay letter (fun way signed ->
                        let own = signed.Fields[0]

                        match changed (int at) (own.Value.ToArray()) with
                        // A DomainKeys signature does not cover its own field: only what it says of the others counts.
                        | ValueSome value when way.Scheme = Dkim ->
                            let other = Field.ofText own.Name (Octets.latin1 (ReadOnlySpan value))
                            not (passes (replaced 0 other signed) letter.Body)
                        | _ -> true)))

            proves
                [ "RFC6376-3.5-13" ]
                (testLaw
                    trials
                    "a field that h= does not name may come, go and change"
                    (fun (letter: Letter) (value: byte) ->
                        let added = Field.ofText "X-Added" (" " + string value)

                        eachWay letter (fun way signed ->
                            let kept =
                                fields signed
                                |> List.filter (fun field ->
                                    field.Name = Layout.fieldName way.Scheme || isSigned field.Name)

                            passes (Header.prepend added signed) letter.Body
                            && passes (Header.ofFields (kept @ [ added ])) letter.Body)))

            testLaw trials "refolding passes under relaxed and nofws" (fun (letter: Letter) ->
                let refolded (field: Field) =
                    let value = field.ValueText.Replace("\r\n", "").Replace("\t", " ").Trim ' '
                    Field.ofText (field.Name.ToUpperInvariant() + " ") ("  " + value.Replace(" ", "\r\n \t ") + "\t")

                let refoldedNofws (field: Field) =
                    Field.ofText field.Name ("\t" + field.ValueText.Replace(" ", "\r\n \t ") + " ")

                all
                |> List.filter (fun way -> way.Header <> SimpleHeader)
                |> List.forall (fun way ->
                    match trySigned way letter with
                    | ValueNone -> false
                    | ValueSome signed ->
                        let refold =
                            if way.Header = RelaxedHeader then
                                refolded
                            else
                                refoldedNofws

                        let others =
                            (fields signed).Tail
                            |> List.map (fun field -> if isSigned field.Name then refold field else field)

                        passes (Header.ofFields (signed.Fields[0] :: others)) letter.Body))

            testLaw trials "other white space passes under relaxed bodies" (fun (letter: Letter) ->
                let text = Octets.latin1 (ReadOnlySpan letter.Body)

                let wider =
                    text.Replace(" ", " \t ").Replace("\t\r\n", "\r\n").Replace("\r\n", " \t\r\n")
                // An unended last line that gets white space behind it is still the same line.
                let body = Octets.ofLatin1 (wider + "\r\n")

                all
                |> List.filter (fun way -> way.Body = RelaxedBody)
                |> List.forall (fun way ->
                    match trySigned way letter with
                    | ValueSome signed -> passes signed body
                    | ValueNone -> false))

            proves
                [ "RFC6376-5.4.2-3"; "RFC6376-8.15-1" ]
                (testLaw trials "a sealed name cannot be added" (fun (letter: Letter) (value: byte) ->
                    all
                    |> List.filter (fun way -> way.Scheme = Dkim)
                    |> List.forall (fun way ->
                        match Samples.sign [ request true way ] (header letter) letter.Body with
                        | Error _ -> false
                        | Ok made ->
                            let signed = Header.prepend made.Head (header letter)
                            let subject = Field.ofText "Subject" (" " + string value)

                            passes signed letter.Body
                            && not (passes (Header.prepend subject signed) letter.Body))))

            testLaw trials "a way is known by the text of its signature alone" (fun (letter: Letter) ->
                eachWay letter (fun way signed ->
                    match verify signed letter.Body with
                    | [ one ] ->
                        match one.Signature with
                        | ValueSome signature ->
                            signature.HeaderCanon = way.Header
                            && signature.BodyCanon = way.Body
                            && signature.Hash = way.Hash
                            && signature.KeyType = way.Key.KeyType
                        | ValueNone -> false
                    | _ -> false))

            proves
                [ "RFC6376-4.2-1" ]
                (testLaw
                    { trials with Count = 40 }
                    "all ways on one letter verify together, in one pass"
                    (fun (letter: Letter) ->
                        // DomainKeys refuses to sign what it has signed, so each scheme of it stands alone.
                        let requests =
                            all |> List.filter (fun way -> way.Scheme = Dkim) |> List.map (request false)

                        match Samples.sign requests (header letter) letter.Body with
                        | Error _ -> false
                        | Ok made ->
                            let signed = Header.ofFields (made @ fields (header letter))
                            let judged = verify signed letter.Body

                            judged.Length = requests.Length
                            && judged |> List.forall (fun one -> one.Verdict = Verdict.Pass)))
        ]
