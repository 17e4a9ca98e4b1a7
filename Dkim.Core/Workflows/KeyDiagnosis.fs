/// The diagnosis of a published key: from what the DNS says to findings with remedies (RFC 6376 §3.6, RFC 8301 §3.2).
module Dkim.Core.KeyDiagnosis

open System

let private tagValue (name: string) (text: string) : string voption =
    match TagList.parse 65536<octet> text with
    | Ok tags -> tags.TryValue name
    | Error _ -> ValueNone

let private badCharacter (value: string) : char voption =
    let isGood c =
        Char.IsAsciiLetterOrDigit c || c = '+' || c = '/' || c = '='

    match TagList.withoutWhiteSpace value |> Seq.tryFind (isGood >> not) with
    | Some c -> ValueSome c
    | None -> ValueNone

/// A DER length that claims more octets than there are.
let private isCutOff (octets: byte[]) : bool =
    octets.Length > 4
    && octets[0] = 0x30uy
    && (match octets[1] with
        | 0x81uy -> int octets[2] + 3 > octets.Length
        | 0x82uy -> (int octets[2] <<< 8) + int octets[3] + 4 > octets.Length
        | length -> length < 0x80uy && int length + 2 > octets.Length)

let private cutOff: KeyFinding =
    KeyFinding.wrong
        KeyMistake.CutOff
        "the key in p= is cut off: its own length says that there should be more"
        "publish the whole value, in several strings of one record where a string is limited to 255 characters"

/// More characters that differ are no slip of a hand.
[<Literal>]
let private MostSlips = 3

/// How p= came about from the public half of the private key, where that can be told.
let private slip (test: KeyUnderTest) (text: string) : KeyFinding voption =
    let published =
        tagValue "p" text
        |> ValueOption.map TagList.withoutWhiteSpace
        |> ValueOption.defaultValue ""

    let own =
        test.Private
        |> ValueOption.map (fun key -> Convert.ToBase64String key.KeyData)
        |> ValueOption.defaultValue ""

    let length = min own.Length published.Length
    let same = own.AsSpan().CommonPrefixLength(published.AsSpan())

    let fromEnd =
        seq { 1..length }
        |> Seq.takeWhile (fun back -> own[own.Length - back] = published[published.Length - back])
        |> Seq.length

    let missing = own.Length - published.Length

    if published = "" || own = "" || own = published then
        ValueNone
    elif missing > 0 && same = published.Length then
        ValueSome cutOff
    elif missing > 0 && same + fromEnd >= published.Length then
        KeyFinding.wrong
            KeyMistake.PieceMissing
            (string missing
             + " characters are missing after character "
             + string same
             + " of p=")
            "publish the whole value: one of its pieces was left out"
        |> ValueSome
    elif missing = 0 then
        match [ 1 .. own.Length ] |> List.filter (fun at -> own[at - 1] <> published[at - 1]) with
        | places when places.Length <= MostSlips ->
            KeyFinding.wrong
                KeyMistake.OtherKey
                ("p= differs from the public half of this private key in character "
                 + String.Join(" and ", places)
                 + " only")
                "copy the value of p= again"
            |> ValueSome
        | _ -> ValueNone
    else
        ValueNone

/// Base64 that cannot be read: why.
let private badBase64 (test: KeyUnderTest) (text: string) : KeyFinding =
    let value = tagValue "p" text |> ValueOption.defaultValue ""

    let isCut () =
        let packed = (TagList.withoutWhiteSpace value).TrimEnd '='

        match TagList.tryBase64 (packed.Substring(0, packed.Length / 4 * 4)) with
        | ValueSome octets -> isCutOff octets
        | ValueNone -> false

    match badCharacter value with
    | _ when value.Contains "-----BEGIN" || value.Contains "KEY-----" ->
        KeyFinding.wrong
            KeyMistake.PemPasted
            "p= has the BEGIN and END lines of the key file in it"
            "publish only the base64 between these lines, without line ends"
    | ValueSome c ->
        KeyFinding.wrong
            KeyMistake.BadBase64
            ("p= has the character '"
             + Visible.text (string c)
             + "' in it, which is no base64")
            "copy the value of p= again"
    | ValueNone when isCut () -> slip test text |> ValueOption.defaultValue cutOff
    | ValueNone ->
        slip test text
        |> ValueOption.defaultValue (
            KeyFinding.wrong
                KeyMistake.BadBase64
                "p= is base64 of an impossible length: characters are missing, perhaps the = at its end"
                "copy the value of p= again, whole"
        )

let private isPrivateKey (octets: byte[]) : bool =
    let isKey (label: string) =
        let pem =
            Security.Cryptography.PemEncoding.WriteString(label.AsSpan(), ReadOnlySpan octets)

        (SigningKey.parse ValueNone pem).IsOk

    isKey "RSA PRIVATE KEY" || isKey "PRIVATE KEY"

// What precedes the 32 octets where somebody published the whole SubjectPublicKeyInfo (RFC 8410 §4).
let private ed25519Info = Convert.FromHexString "302a300506032b6570032100"

let private isUsable (record: KeyRecord) = (PublicKey.ofRecord record).IsOk

/// Base64 of base64, as a tool makes that encodes what is encoded already.
let private isTwiceEncoded (record: KeyRecord) : bool =
    let once = Octets.latin1 (ReadOnlySpan record.KeyData)
    let text = "k=" + Algorithms.keyTypes.Name record.KeyType + "; p=" + once

    match KeyRecord.parse VerifyPolicy.defaults.RecordOctets text with
    | Ok inner -> isUsable inner
    | Error _ -> false

let private badKeyData (test: KeyUnderTest) (text: string) (record: KeyRecord) (reason: string) : KeyFinding =
    let octets = record.KeyData
    let slipped = slip test text

    if slipped.IsSome then
        slipped.Value
    elif isCutOff octets then
        cutOff
    elif isTwiceEncoded record then
        KeyFinding.wrong
            KeyMistake.BadKeyData
            "p= is base64 of base64: it was encoded twice"
            ("write p=" + Octets.latin1 (ReadOnlySpan octets))
    elif isPrivateKey octets then
        KeyFinding.wrong
            KeyMistake.PrivateKeyPublished
            "p= is the PRIVATE key: everybody can sign in your name now"
            "remove the record, make a new key under another selector, and publish the public half"
    elif octets.AsSpan().StartsWith(ReadOnlySpan ed25519Info) then
        KeyFinding.wrong
            KeyMistake.KeyTypeMismatch
            "p= is an Ed25519 key with an algorithm identifier in front (44 octets)"
            "publish k=ed25519 and base64 of the last 32 octets alone (RFC 8463 §4.2)"
    elif record.KeyType = Rsa && octets.Length = 32 then
        KeyFinding.wrong KeyMistake.KeyTypeMismatch "p= is an Ed25519 key, but k=ed25519 is missing" "add k=ed25519"
    elif record.KeyType = Ed25519 && octets.Length > 44 then
        KeyFinding.wrong KeyMistake.KeyTypeMismatch "k=ed25519 stands beside an RSA key" "write k=rsa"
    else
        KeyFinding.wrong KeyMistake.BadKeyData ("p= is no key: " + reason) "copy the value of p= again"

/// What other records are found in its place.
let private foreignKind (text: string) : string option =
    [
        "v=spf1", "an SPF"
        "v=DMARC1", "a DMARC"
        "v=STSv1", "an MTA-STS"
        "dkim=", "an ADSP"
    ]
    |> List.tryFind (fun (start, _) -> text.StartsWith(start, StringComparison.OrdinalIgnoreCase))
    |> Option.map snd

let private isHostName (text: string) =
    text.Contains '.' && (DomainName.tryCreate (text.TrimEnd '.')).IsOk

let private foreign (text: string) : KeyFinding option =
    match foreignKind text with
    | Some kind ->
        KeyFinding.wrong
            KeyMistake.OtherRecord
            ("this is " + kind + " record")
            "publish the DKIM key record under this name"
        |> Some
    | None when isHostName text ->
        KeyFinding.wrong
            KeyMistake.OtherRecord
            ("this is the name of a host, "
             + Visible.excerpt 260 text
             + ", and no key record")
            "publish it as a CNAME record, not as TXT"
        |> Some
    | None -> None

let private ofKeyError (test: KeyUnderTest) (text: string) (error: KeyError) : KeyFinding =
    match foreign text, error with
    | Some other, _ -> other
    | None, (MissingKeyData | NoKey) ->
        KeyFinding.wrong KeyMistake.MissingKey "the record has no p=, so it has no key" "add p= with the public key"
    | None, Revoked ->
        KeyFinding.wrong
            KeyMistake.Revoked
            "p= is empty: the key is revoked"
            "publish the key again, or sign with another selector"
    | None, UnsupportedRecordVersion _ ->
        KeyFinding.wrong KeyMistake.BadVersion "v= is not DKIM1, or not the first tag" "begin the record with v=DKIM1;"
    | None, UnsupportedKeyType name ->
        KeyFinding.wrong
            KeyMistake.KeyTypeMismatch
            ("k=" + Visible.excerpt 30 name + " is neither rsa nor ed25519")
            "write k=rsa or k=ed25519"
    | None, MalformedRecord(RepeatedTag name) ->
        KeyFinding.wrong
            KeyMistake.RecordsPasted
            ("the tag "
             + Visible.text name
             + "= occurs twice: perhaps two records stand in one")
            "publish one record under each selector"
    | None, MalformedRecord other ->
        KeyFinding.wrong
            KeyMistake.BadSyntax
            ("the record is no list of tags: " + TagListError.describe other)
            "write it as v=DKIM1; k=rsa; p=..."
    | None, MalformedKeyData _ -> badBase64 test text
    | None, other -> KeyFinding.wrong KeyMistake.BadSyntax (KeyError.describe other) "write it as v=DKIM1; k=rsa; p=..."

let private lengthFindings (test: KeyUnderTest) (key: PublicKey) : KeyFinding list =
    let bits = string (int key.Bits)

    if key.KeyType = Ed25519 then
        []
    elif key.Bits < test.LeastRsaBits then
        [
            KeyFinding.wrong
                KeyMistake.KeyTooShort
                ("the key has "
                 + bits
                 + " bits; verifiers refuse keys under 1024 (RFC 8301 §3.2)")
                "make a key of 2048 bits under a new selector"
        ]
    elif key.Bits < 2048<bit> then
        [
            KeyFinding.advice
                KeyMistake.KeyTooShort
                ("the key has "
                 + bits
                 + " bits; signers should use at least 2048 (RFC 8301 §3.2)")
                "make a key of 2048 bits under a new selector"
        ]
    elif key.Bits > 4096<bit> then
        [
            KeyFinding.advice
                KeyMistake.KeyTooLong
                ("the key has " + bits + " bits; verifiers need not take more than 4096")
                "make a key of 2048 bits under a new selector"
        ]
    else
        []

let private privateFindings (test: KeyUnderTest) (text: string) (record: KeyRecord) : KeyFinding list =
    let sameRsa (key: SigningKey) =
        match RsaNumbers.parse record.KeyData, RsaNumbers.parse key.KeyData with
        | Ok(struct (_, one)), Ok(struct (_, other)) ->
            ReadOnlySpan(one.Modulus).SequenceEqual(ReadOnlySpan other.Modulus)
            && ReadOnlySpan(one.Exponent).SequenceEqual(ReadOnlySpan other.Exponent)
        | _ -> false

    match test.Private with
    | ValueNone -> []
    | ValueSome key when key.KeyType <> record.KeyType ->
        [
            KeyFinding.wrong
                KeyMistake.KeyTypeMismatch
                ("the private key is "
                 + Algorithms.keyTypes.Name key.KeyType
                 + ", the record says "
                 + Algorithms.keyTypes.Name record.KeyType)
                "publish the record of this private key"
        ]
    | ValueSome key when key.KeyData.AsSpan().SequenceEqual(ReadOnlySpan record.KeyData) || sameRsa key -> []
    | ValueSome _ ->
        KeyFinding.wrong
            KeyMistake.OtherKey
            "p= is not the public half of this private key"
            "publish the record of this private key, or sign with the key and selector that belong together"
        |> fun other -> [ slip test text |> ValueOption.defaultValue other ]

let private flagFindings (record: KeyRecord) : KeyFinding list =
    [
        match record.Hashes with
        | ValueSome hashes when not (List.contains Sha256 hashes) ->
            KeyFinding.wrong KeyMistake.HashNotAllowed "h= does not allow sha256" "remove h= or write h=sha256"
        | _ -> ()
        if not record.ForMail then
            KeyFinding.wrong KeyMistake.NotForMail "s= is neither * nor email: the key is not for mail" "remove s="
        match record.Granularity with
        | ValueSome "*"
        | ValueNone -> ()
        | ValueSome _ ->
            KeyFinding.advice
                KeyMistake.Granularity
                "g= limits the key to a local part for old verifiers; new ones pass it over"
                "remove g="
        if record.Testing then
            KeyFinding.advice
                KeyMistake.StillTesting
                "t=y is still on: verifiers treat the mail as if it were not signed"
                "remove y from t= once signing works"
    ]

/// DER whose sequence begins with a number: RSAPublicKey and not SubjectPublicKeyInfo (erratum 3017).
let private isBareRsaKey (octets: byte[]) : bool =
    let lengthOctets = if octets[1] < 0x80uy then 1 else int octets[1] - 0x80 + 1
    octets[1 + lengthOctets] = 0x02uy

let private recordFindings (test: KeyUnderTest) (text: string) (record: KeyRecord) : KeyFinding list =
    match PublicKey.ofRecord record with
    | Error(MalformedKeyData reason) -> [ badKeyData test text record reason ]
    | Error(KeyError.KeyTooLong bits) ->
        [
            KeyFinding.wrong
                KeyMistake.KeyTooLong
                ("the key has " + string (int bits) + " bits")
                "make a key of 2048 bits under a new selector"
        ]
    | Error error ->
        [
            KeyFinding.wrong KeyMistake.BadKeyData (KeyError.describe error) "copy the value of p= again"
        ]
    | Ok key ->
        let isBare = record.KeyType = Rsa && isBareRsaKey record.KeyData

        lengthFindings test key
        @ privateFindings test text record
        @ flagFindings record
        @ [
            if isBare then
                KeyFinding.advice
                    KeyMistake.BareRsaKey
                    "p= is a bare RSAPublicKey, which not every verifier reads"
                    "publish the SubjectPublicKeyInfo, as openssl rsa -pubout writes it"
        ]

// In a record that can be used: tags that verifiers pass over, though somebody meant something by them.
let private isConfusing (found: KeyFinding) : bool =
    match found.Mistake with
    | KeyMistake.EscapesPasted
    | KeyMistake.MissingSemicolon
    | KeyMistake.WrongCase -> true
    | _ -> false

let private textFindings (test: KeyUnderTest) (text: string) : KeyFinding list =
    match foreign (text.Trim()) with
    | Some other -> [ other ]
    | None ->
        let parse = KeyRecord.parse VerifyPolicy.defaults.RecordOctets
        let struct (mended, found) = RecordText.mend text

        match parse text with
        | Ok record when isUsable record ->
            // Verifiers take it as it is; what looks odd is odd for people alone.
            (found
             |> List.filter isConfusing
             |> List.map (fun one -> { one with IsAdvice = true }))
            @ recordFindings test text record
        | _ ->
            match parse mended with
            | Error error -> found @ [ ofKeyError test mended error ]
            | Ok record -> found @ recordFindings test mended record

/// Several records under one name: pieces of one, or one too many.
let private several (test: KeyUnderTest) (texts: string list) : KeyFinding list =
    let starts, pieces =
        texts
        |> List.partition _.TrimStart(' ', '"').StartsWith("v=", StringComparison.OrdinalIgnoreCase)

    let isPiece (text: string) =
        text.Length > 20 && badCharacter (text.Trim(' ', '"')) = ValueNone

    if starts.Length = 1 && pieces |> List.forall isPiece then
        [
            KeyFinding.wrong
                KeyMistake.SplitOverRecords
                "the key is split over several TXT records; verifiers cannot know in which order they belong together"
                "publish one record that consists of several strings"
        ]
    else
        let kinds = texts |> List.choose foreignKind |> List.distinct

        let remedy =
            match kinds with
            | [] -> "leave one record under each selector"
            | kinds ->
                "remove "
                + String.Join(
                    " and ",
                    kinds
                    |> List.map (fun kind -> "the " + kind.Substring(kind.IndexOf ' ' + 1) + " record")
                )
                + " from this name"

        let among =
            match kinds with
            | [] -> ""
            | kinds ->
                ", among them "
                + String.Join(" and ", kinds |> List.map (fun kind -> kind + " record"))

        KeyFinding.wrong
            KeyMistake.SeveralRecords
            (string texts.Length
             + " TXT records stand under this name"
             + among
             + "; verifiers may take any of them")
            remedy
        :: (texts
            |> List.map (textFindings test)
            |> List.sortBy (List.filter (fun found -> not found.IsAdvice) >> List.length)
            |> List.head)

/// What the answer for the key's own name says. Where there are no records, `KeySearch` goes on.
let ofAnswer (test: KeyUnderTest) (answer: Answer) : KeyFinding list =
    match answer.Outcome with
    | _ when answer.Security = Security.Bogus ->
        [
            KeyFinding.wrong
                KeyMistake.Bogus
                "the record fails DNSSEC validation"
                "sign the zone again, or remove the DS record of its parent"
        ]
    | Unavailable reason ->
        [
            KeyFinding.wrong
                KeyMistake.NoAnswer
                ("the DNS gave no answer: " + Visible.text reason)
                "try again; check the name servers of the domain"
        ]
    | NoSuchName
    | Records [] -> []
    | Records [ text ] -> textFindings test text
    | Records texts -> several test texts
