/// How a message for the comparison is made: fields, a body, the tags of a signature, and what is damaged after signing.
/// The tags are free text, so a signature can be good in everything but what is odd about it.
module Dkim.Tests.Messages.Differential.Recipe

open System
open System.Buffers
open System.IO
open System.Security.Cryptography
open System.Text
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Cryptography
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Qmail
open Dkim.Tests.Messages

/// Octets of one part of the message that are replaced after signing.
type Edit =
    {
        /// The n-th field, the signature among them; one past the last is the body.
        Part: int
        At: int
        Remove: int
        Insert: string
    }

/// Everything that a message, its key record and its time follow from.
type Recipe =
    {
        Scheme: Scheme
        /// The name of a test key, which is also its selector.
        KeyFile: string
        Hash: Hash
        HeaderForm: HeaderCanon
        BodyForm: BodyCanon
        /// What stands between semicolons; `<b>` and `<bh>` are filled in. If empty, the product's signer writes it.
        Tags: string list
        Fields: string list
        /// How many fields stand above the signature.
        Above: int
        Body: string
        Records: string list
        /// The lookup of the key fails for now.
        Failing: bool
        Edits: Edit list
        Now: int64<sec>
    }

/// What is handed to the verifiers.
type Sample = { Recipe: Recipe; Octets: byte[] }

let private loaded =
    lazy
        ([ "rsa1024"; "rsa2048"; "ed25519" ]
         |> List.map (fun file ->
             match SigningKey.parse ValueNone (Ways.keyText file) with
             | Ok key -> file, key
             | Error error -> invalidOp (PrivateKeyError.describe error))
         |> Map.ofList)

/// The value of p= of a test key.
let keyData (file: string) : string =
    Convert.ToBase64String loaded.Value[file].KeyData

/// The name that the key stands under.
let keyName (recipe: Recipe) : string =
    recipe.KeyFile + "._domainkey.example.com"

let private field (text: string) : Field =
    Field.ofOctets (ReadOnlyMemory(Encoding.Latin1.GetBytes text))

/// The value of a tag as the maker reads it: the first of that name.
let tryTag (name: string) (tags: string list) : string option =
    tags
    |> List.tryPick (fun tag ->
        match tag.IndexOf '=' with
        | -1 -> None
        | at when tag.Substring(0, at).Trim() = name -> Some(tag.Substring(at + 1).Trim())
        | _ -> None)

let private names (recipe: Recipe) : FieldName list voption =
    match tryTag "h" recipe.Tags with
    | None -> ValueNone
    | Some text ->
        text.Split ':'
        |> List.ofArray
        |> List.choose (fun name -> FieldName.tryCreate (name.Trim()) |> Option.ofValueOption)
        |> ValueSome

let private bodyDigest (recipe: Recipe) (prefix: ReadOnlyMemory<byte>) : byte[] =
    let limit =
        match recipe.Scheme, tryTag "l" recipe.Tags with
        | Dkim, Some text ->
            match Int64.TryParse text with
            | true, octets when octets >= 0L -> ValueSome(octets * 1L<octet>)
            | _ -> ValueNone
        | _ -> ValueNone

    let request =
        {
            Hash = recipe.Hash
            Canon = recipe.BodyForm
            Limit = limit
            Prefix = prefix
        }

    use hasher = new BodyHasher([ request ])
    hasher.Feed(ReadOnlySpan(Encoding.Latin1.GetBytes recipe.Body))
    (Digests.tryFind request (hasher.Finish())).Value.Value

/// The fields that a DomainKeys signature covers (RFC 4870 §3.3 h=).
let private covered (recipe: Recipe) : ReadOnlyMemory<byte> =
    let below = recipe.Fields |> List.skip recipe.Above |> List.map field

    let chosen =
        match names recipe with
        | ValueNone -> below
        | ValueSome wanted ->
            below
            |> List.filter (fun one -> wanted |> List.exists (fun name -> name.Is one.Name))

    let sink = ArrayBufferWriter<byte> 4096
    CanonicalHeader.writeFields recipe.HeaderForm chosen sink
    sink.WrittenMemory

/// The signature field from the recipe's tags, signed as its canonicalizations and lists say.
let private forge (recipe: Recipe) : string =
    let key = loaded.Value[recipe.KeyFile]

    let name =
        if recipe.Scheme = Dkim then
            "DKIM-Signature:"
        else
            "DomainKey-Signature:"

    let write (bodyHash: string) (value: string) =
        let fill (tag: string) =
            match tag.IndexOf("<b>", StringComparison.Ordinal), value with
            | -1, _ -> tag.Replace("<bh>", bodyHash)
            // With its white space the value counts as empty (RFC 6376 §3.7).
            | _, "" -> tag.Substring(0, tag.IndexOf '=' + 1)
            | _ -> tag.Replace("<b>", value)

        name + " " + (recipe.Tags |> List.map fill |> String.concat ";")

    match recipe.Scheme with
    | DomainKeys ->
        let value = key.Sign(Sha1, bodyDigest recipe (covered recipe))
        write "" (Convert.ToBase64String value)
    | Dkim ->
        let bodyHash = Convert.ToBase64String(bodyDigest recipe ReadOnlyMemory<byte>.Empty)

        let selected =
            names recipe
            |> ValueOption.map (fun wanted ->
                recipe.Fields
                |> List.map field
                |> Header.ofFields
                |> Header.select wanted ValueNone)
            |> ValueOption.defaultValue []

        let octets =
            CanonicalHeader.signedOctets recipe.HeaderForm selected (field (write bodyHash ""))

        let digest =
            if recipe.Hash = Sha1 then
                SHA1.HashData octets
            else
                SHA256.HashData octets

        write bodyHash (Convert.ToBase64String(key.Sign(recipe.Hash, digest)))

let private whole (fields: string list) (body: string) : byte[] =
    let text = StringBuilder()
    fields |> List.iter (fun one -> text.Append(one).Append "\r\n" |> ignore)
    Encoding.Latin1.GetBytes(text.Append("\r\n").Append(body).ToString())

/// A signature as the product's signer writes it.
let private signByProduct (recipe: Recipe) : string voption =
    let way: Ways.Way =
        {
            Scheme = recipe.Scheme
            KeyFile = recipe.KeyFile
            Hash = recipe.Hash
            Header = recipe.HeaderForm
            Body = recipe.BodyForm
        }

    let message = whole recipe.Fields recipe.Body

    match Ways.signed way (recipe.Fields |> List.map field |> Header.ofFields) message with
    | Ok signed ->
        let length = signed.Length - message.Length - 2
        ValueSome(Encoding.Latin1.GetString(signed, 0, length))
    | Error _ -> ValueNone

let private apply (parts: string list) (edit: Edit) : string list =
    parts
    |> List.mapi (fun index part ->
        if index = edit.Part then
            let at = min edit.At part.Length
            let removed = min edit.Remove (part.Length - at)
            part.Remove(at, removed).Insert(at, edit.Insert)
        else
            part)

/// The message of a recipe; nothing where the product's signer would not sign.
let tryMake (recipe: Recipe) : Sample voption =
    let signature =
        if recipe.Tags.IsEmpty then
            signByProduct recipe
        else
            ValueSome(forge recipe)

    signature
    |> ValueOption.map (fun signature ->
        let parts = List.insertAt recipe.Above signature recipe.Fields @ [ recipe.Body ]
        let edited = recipe.Edits |> List.fold apply parts

        {
            Recipe = recipe
            Octets = whole (List.take (edited.Length - 1) edited) (List.last edited)
        })
