/// What can be done about a signature that does not pass, and by whom: by the signer, by who publishes the key, or by the
/// server that changed the message.
module internal Dkim.Core.Explaining.Advice

open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Explaining.Edits

[<Literal>]
let private LeaveLengthOut =
    "The signer: leave l= out, since whatever is appended to such a message passes with it (RFC 6376 §8.2)."

[<Literal>]
let private OfList =
    "The list or gateway that does this: sign the message anew with its own domain, or leave it as it was; the signature of \
     the author cannot pass behind it."

/// What undoes a change for good. A canonicalization that does not mind it is told of where the signer has another.
let private ofModification (facts: Evidence) (modification: Modification) : string =
    let relaxed =
        "The signer: write c=relaxed/relaxed, which passes over most of such changes. "

    let isSimple =
        facts.Signature.HeaderCanon = SimpleHeader
        || facts.Signature.BodyCanon <> RelaxedBody

    let orRelaxed (text: string) =
        if facts.IsDkim && isSimple then relaxed + text else text

    match modification with
    | Modification.TextAppended
    | Modification.TextInserted
    | Modification.BodyWrapped
    | Modification.SubjectChanged
    | Modification.FieldRewritten -> OfList
    | Modification.FieldRefolded
    | Modification.SpaceChanged
    | Modification.NameCaseChanged
    | Modification.FinalNewlineChanged
    | Modification.BlankLinesChanged ->
        orRelaxed "The server that does this: pass messages on as they come, or sign behind it."
    | Modification.LineEndsChanged ->
        "The signer: sign the message as it goes over the wire, with CRLF at the end of each line and no CR or LF elsewhere."
    | Modification.EncodingChanged
    | Modification.CharsetChanged
    | Modification.BoundaryRenamed ->
        "The sender: write bodies in ASCII (quoted-printable or base64), so that no server has to convert them; or sign \
         behind the server that converts."
    | Modification.LinesCut ->
        "The sender: write no line over 998 octets (RFC 5322 §2.1.1), for instance as quoted-printable."
    | Modification.LinesQuoted ->
        "Whoever keeps or passes the message: dots and From at the start of lines were escaped and not put back; take the \
         message from before that."
    | Modification.FieldAdded
    | Modification.FieldRemoved
    | Modification.FieldsReordered ->
        "The server that does this: leave signed fields alone. The signer: sign behind it, or do not name that field in h=."
    | Modification.HeaderCut ->
        "The program that writes the empty line: leave it out; everything below it counts as body."
    | Modification.SignerFault
    | Modification.OtherCanonicalization
    | Modification.OtherFields ->
        "The signer: the message is as it was, and the signing program hashes it in another way than the standard has; \
         bring it up to date, or report this to its makers."

let private unknownChange =
    "Compare the message with the one that was sent (the copy in the sender's folder will do), and with copies from each \
     server of its path: the first that differs is the one that changes it."

let private ofGuesses (facts: Evidence) (guesses: Guess list) : string list =
    guesses
    |> List.map (fun guess -> ofModification facts guess.Modification)
    |> List.distinct

let private ofAlteration (facts: Evidence) (guesses: Guess list) : string list =
    match guesses, facts.Recovered with
    | [], RecoveredDigest.OtherKey ->
        [
            "Who publishes the key: the signer has another one. Publish the record of its key, which dkim record prints, or \
             let it name another selector; dkim testkey --key compares both."
        ]
    | [], _ -> [ unknownChange ]
    | guesses, _ -> ofGuesses facts guesses

/// What the findings of a record say has to be done.
let private ofRecord (record: ExplainedRecord) : string list =
    match record.Answer.Outcome with
    | NoSuchName
    | Records [] ->
        [
            "Who publishes the key: publish the record at "
            + record.Name
            + ". Of old mail the selector may have been withdrawn; then nothing needs to be done."
        ]
    | Records _
    | Unavailable _ ->
        record.Diagnosis.Findings
        |> List.filter (fun found -> not found.IsAdvice)
        |> List.map (fun found -> "Who publishes the key: " + found.Remedy + ".")

let private ofUnacceptable (cause: Unacceptable) : string =
    match cause with
    | InsecureHash _ -> "The signer: sign with rsa-sha256 (RFC 8301 §3.1)."
    | ShortKey _ ->
        "The signer: make a key of 2048 bits (dkim genkey), publish it under a new selector, and sign with that."
    | UnsignedOctets _ -> LeaveLengthOut
    | UnsignedField name -> "The signer: sign " + name + ", too."
    | RefusedDomain -> "Who verifies: signatures of this domain are refused by a setting of yours."
    | TooManySignatures _ -> "Who sends: fewer signatures; verifiers look at the first few only."

/// A record that is good in itself, and yet not that of this signature.
let private ofOtherKey (record: ExplainedRecord) : string list =
    [
        "Who publishes the key, or the signer: the key under this selector is not the one that signs, or not meant for such \
         signatures. Publish at "
        + record.Name
        + " the record of the key that signs (dkim record prints it), or let the signature name the selector of its key."
    ]

let private ofBadKey (record: ExplainedRecord) : string list =
    match ofRecord record with
    | [] -> ofOtherKey record
    | advice -> advice

let private ofRefusal facts record guesses (refusal: Refusal) : string list =
    match refusal, guesses with
    | BadSignature _, [] ->
        [
            "The signer: the field cannot be used as it is; bring the signing program up to date."
        ]
    | BadSignature _, guesses -> ofGuesses facts guesses
    | BadKey _, _ -> ofBadKey record
    | Expired _, _ ->
        [
            "The signer: write a later x=, or none. Who verifies: do so when the message arrives, not later; --now judges by \
             another time."
        ]
    | NotYetValid _, _ -> [ "The signer, or who verifies: one of both clocks is wrong." ]
    | BodyShorter _, _ -> [ "The body has been cut since it was signed. " + unknownChange ]
    | BodyAltered, guesses
    | HeaderAltered, guesses -> ofAlteration facts guesses
    | Unacceptable cause, _ -> [ ofUnacceptable cause ]

/// What to do about a signature that could be read.
let ofSignature (facts: Evidence) (record: ExplainedRecord) (guesses: Guess list) : string list =
    match facts.Outcome.Verdict with
    | Pass when facts.Outcome.UnsignedOctets > 0L<octet> -> [ LeaveLengthOut ]
    | Pass -> []
    | TempFail _ ->
        [
            "Try again later. If it stays so, the name servers of "
            + facts.Signature.Domain.Text
            + " do not answer for "
            + record.Name
            + ", or this machine's resolver does not."
        ]
    | PermFail refusal -> ofRefusal facts record guesses refusal

/// What to do about a field that is no signature.
let ofUnreadable (judged: SignatureResult) : string list =
    match judged.Verdict with
    | Pass -> []
    | PermFail _
    | TempFail _ ->
        [
            "The signer: the field cannot be read; bring the signing program up to date."
        ]
