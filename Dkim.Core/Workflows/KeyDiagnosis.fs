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

/// Base64 that cannot be read: why.
let private badBase64 (text: string) : KeyFinding =
    let value = tagValue "p" text |> ValueOption.defaultValue ""

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
    | ValueNone ->
        KeyFinding.wrong
            KeyMistake.BadBase64
            "p= is base64 of an impossible length: characters are missing, perhaps the = at its end"
            "copy the value of p= again, whole"

/// A DER length that claims more octets than there are.
let private isCutOff (octets: byte[]) : bool =
    octets.Length > 4
    && octets[0] = 0x30uy
    && (match octets[1] with
        | 0x81uy -> int octets[2] + 3 > octets.Length
        | 0x82uy -> (int octets[2] <<< 8) + int octets[3] + 4 > octets.Length
        | length -> length < 0x80uy && int length + 2 > octets.Length)

let private isPrivateKey (octets: byte[]) : bool =
    let isKey (label: string) =
        let pem =
            Security.Cryptography.PemEncoding.WriteString(label.AsSpan(), ReadOnlySpan octets)

        (SigningKey.parse ValueNone pem).IsOk

    isKey "RSA PRIVATE KEY" || isKey "PRIVATE KEY"

// What precedes the 32 octets where somebody published the whole SubjectPublicKeyInfo (RFC 8410 §4).
let private ed25519Info = Convert.FromHexString "302a300506032b6570032100"

let private badKeyData (record: KeyRecord) (reason: string) : KeyFinding =
    let octets = record.KeyData

    if isCutOff octets then
        KeyFinding.wrong
            KeyMistake.CutOff
            "the key in p= is cut off: its own length says that there should be more"
            "publish the whole value, in several strings of one record where a string is limited to 255 characters"
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
let private foreign (text: string) : KeyFinding option =
    [
        "v=spf1", "an SPF"
        "v=DMARC1", "a DMARC"
        "v=STSv1", "an MTA-STS"
        "dkim=", "an ADSP"
    ]
    |> List.tryFind (fun (start, _) -> text.StartsWith(start, StringComparison.OrdinalIgnoreCase))
    |> Option.map (fun (_, kind) ->
        KeyFinding.wrong
            KeyMistake.OtherRecord
            ("this is " + kind + " record")
            "publish the DKIM key record under this name")

let private ofKeyError (text: string) (error: KeyError) : KeyFinding =
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
    | None, MalformedKeyData _ -> badBase64 text
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

let private privateFindings (test: KeyUnderTest) (record: KeyRecord) : KeyFinding list =
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
        [
            KeyFinding.wrong
                KeyMistake.OtherKey
                "p= is not the public half of this private key"
                "publish the record of this private key, or sign with the key and selector that belong together"
        ]

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

let private recordFindings (test: KeyUnderTest) (record: KeyRecord) : KeyFinding list =
    match PublicKey.ofRecord record with
    | Error(MalformedKeyData reason) -> [ badKeyData record reason ]
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
        let isBare =
            record.KeyType = Rsa && record.KeyData.Length > 5 && record.KeyData[4] = 0x02uy

        lengthFindings test key
        @ privateFindings test record
        @ flagFindings record
        @ [
            if isBare then
                KeyFinding.advice
                    KeyMistake.BareRsaKey
                    "p= is a bare RSAPublicKey, which not every verifier reads"
                    "publish the SubjectPublicKeyInfo, as openssl rsa -pubout writes it"
        ]

let private textFindings (test: KeyUnderTest) (text: string) : KeyFinding list =
    match foreign (text.Trim()) with
    | Some other -> [ other ]
    | None ->
        let struct (mended, found) = RecordText.mend text

        match KeyRecord.parse VerifyPolicy.defaults.RecordOctets mended with
        | Error error -> found @ [ ofKeyError mended error ]
        | Ok record -> found @ recordFindings test record

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
        KeyFinding.wrong
            KeyMistake.SeveralRecords
            (string texts.Length
             + " TXT records stand under this name; verifiers may take any of them")
            "leave one record under each selector"
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
