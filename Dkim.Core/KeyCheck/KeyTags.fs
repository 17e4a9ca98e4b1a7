/// The tags of a key record as names and values, to change some and write all again in one form (RFC 6376 §3.6.1).
namespace Dkim.Core.KeyCheck

open System
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Signatures

/// Names and values, in order.
type internal RecordTags = (string * string) list

module internal KeyTags =
    /// The longest record that is read, in octets.
    let limit = VerifyPolicy.defaults.RecordOctets

    let private unfolded (value: string) : string =
        let words =
            value.Split([| ' '; '\t'; '\r'; '\n' |], StringSplitOptions.RemoveEmptyEntries)

        String.Join(' ', words)

    // Notes beyond ASCII can be written otherwise (RFC 6376 §2.11).
    let private coded (c: char) =
        if Printable.isAscii c then
            string c
        else
            QuotedPrintable.encode (string c)

    let private plain (name: string) (value: string) : string =
        match name with
        | "p" -> TagList.withoutWhiteSpace value
        | "n" -> unfolded value |> String.collect coded
        | _ -> unfolded value

    let tryRead (text: string) : RecordTags voption =
        match TagList.parse limit text with
        | Ok list ->
            list.Tags
            |> List.map (fun tag -> tag.Name, plain tag.Name (list.Slice tag.Value))
            |> ValueSome
        | Error _ -> ValueNone

    let write (tags: RecordTags) : string =
        tags |> List.map (fun (name, value) -> name + "=" + value) |> String.concat "; "

    let tryValue (name: string) (tags: RecordTags) : string voption =
        tags |> List.tryFind (fst >> (=) name) |> Option.map snd |> ValueOption.ofOption

    let without (name: string) (tags: RecordTags) : RecordTags =
        tags |> List.filter (fun (other, _) -> other <> name)

    /// The tags with this value in the place of another. A tag that was not there is the last but p=.
    let put (name: string) (value: string) (tags: RecordTags) : RecordTags =
        if tags |> List.exists (fst >> (=) name) then
            tags
            |> List.map (fun (other, old) -> other, (if other = name then value else old))
        else
            let before, after =
                if name = "p" then
                    tags, []
                else
                    tags |> List.partition (fun (other, _) -> other <> "p")

            before @ [ name, value ] @ after

    /// The public half of a private key in the place of what the tags say.
    let withKey (key: SigningKey) (tags: RecordTags) : RecordTags =
        let isSilent = key.KeyType = Rsa && (tryValue "k" tags).IsNone

        (if isSilent then
             tags
         else
             put "k" (Algorithms.keyTypes.Name key.KeyType) tags)
        |> put "p" (Convert.ToBase64String key.KeyData)

    /// What `dkim record` prints of a private key.
    let ofKey (key: SigningKey) : RecordTags =
        withKey key [ "v", "DKIM1"; "k", ""; "t", "s" ]

    /// A record whose key a verifier can use.
    let tryUsable (text: string) : KeyRecord voption =
        match KeyRecord.parse limit text with
        | Ok record when (PublicKey.ofRecord record).IsOk -> ValueSome record
        | _ -> ValueNone

    /// Whether a record lets its key serve mail.
    let isOpen (record: KeyRecord) : bool =
        record.ForMail
        && (match record.Hashes with
            | ValueSome hashes -> List.contains Sha256 hashes
            | ValueNone -> true)

    /// Whether a record has the public half of a private key, in whichever form.
    let fits (key: SigningKey) (record: KeyRecord) : bool =
        let sameNumbers () =
            match RsaNumbers.parse record.KeyData, RsaNumbers.parse key.KeyData with
            | Ok(struct (_, one)), Ok(struct (_, other)) ->
                ReadOnlySpan(one.Modulus).SequenceEqual(ReadOnlySpan other.Modulus)
                && ReadOnlySpan(one.Exponent).SequenceEqual(ReadOnlySpan other.Exponent)
            | _ -> false

        key.KeyType = record.KeyType
        && (key.KeyData.AsSpan().SequenceEqual(ReadOnlySpan record.KeyData)
            || key.KeyType = Rsa && sameNumbers ())
