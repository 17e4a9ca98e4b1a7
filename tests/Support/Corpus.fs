/// Messages with a zone, a time and the words to expect: our own corpus (README.md beside this file) and, where it lies,
/// a larger one of other implementations' messages in nearly the same format.
module Dkim.Tests.Corpus

open System
open System.IO
open System.Text
open System.Text.Json
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings

/// What a case says of one signature.
type Expected =
    {
        Kind: Scheme
        Index: int
        /// The words that a property holds: `result`, `accept`, `legacy` ...
        Words: string -> string list
        UnsignedOctets: int64 voption
        Testing: bool voption
    }

type Case =
    {
        Id: string
        File: string
        /// Texts and how often to repeat them at the end of the file's octets.
        Append: (string * int) list
        Now: int64<sec>
        /// Lower-case name to records.
        Zone: Map<string, string list>
        Failing: Map<string, string>
        Disputed: bool
        /// Nothing in the message is to be judged.
        Unsigned: bool
        Signatures: Expected list
        /// Ids of requirements that the case shows.
        Proves: string list
    }

/// The folder of our corpus.
let folder = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", "Messages"))

let root = Path.GetFullPath(Path.Combine(folder, "..", ".."))

let private tryGet (name: string) (json: JsonElement) : JsonElement voption =
    match json.TryGetProperty name with
    | true, value when value.ValueKind <> JsonValueKind.Null -> ValueSome value
    | _ -> ValueNone

let private asText (json: JsonElement) : string =
    json.GetString() |> Option.ofObj |> Option.defaultValue ""

let private elements (json: JsonElement) : JsonElement list = json.EnumerateArray() |> List.ofSeq

/// A string or a list of strings.
let private words (json: JsonElement) (name: string) : string list =
    match tryGet name json with
    | ValueNone -> []
    | ValueSome value when value.ValueKind = JsonValueKind.Array -> elements value |> List.map asText
    | ValueSome value -> [ asText value ]

/// The properties of an object through a reader of their values.
let private map (name: string) (read: JsonElement -> 'a) (json: JsonElement) : Map<string, 'a> =
    match tryGet name json with
    | ValueNone -> Map.empty
    | ValueSome value ->
        value.EnumerateObject()
        |> Seq.map (fun entry -> entry.Name.ToLowerInvariant(), read entry.Value)
        |> Map.ofSeq

/// A TXT record: one string, or several to be joined (RFC 6376 §3.6.2.2).
let private record (json: JsonElement) : string =
    if json.ValueKind = JsonValueKind.Array then
        elements json |> List.map asText |> String.concat ""
    else
        asText json

let private tryExpected (json: JsonElement) : Expected option =
    let kind =
        match words json "kind" with
        | [ "dkim" ] -> Some Dkim
        | [ "domainkeys" ] -> Some DomainKeys
        | _ -> None

    kind
    |> Option.map (fun kind ->
        {
            Kind = kind
            Index = json.GetProperty("index").GetInt32()
            Words = words json
            UnsignedOctets = tryGet "unsigned_octets" json |> ValueOption.map _.GetInt64()
            Testing = tryGet "testing" json |> ValueOption.map _.GetBoolean()
        })

let private case (json: JsonElement) : Case =
    let signatures =
        tryGet "signatures" json
        |> ValueOption.map elements
        |> ValueOption.defaultValue []

    let append (pair: JsonElement) = asText pair[0], pair[1].GetInt32()

    {
        Id = asText (json.GetProperty "id")
        File = asText (json.GetProperty "file")
        Append =
            tryGet "append" json
            |> ValueOption.map (elements >> List.map append)
            |> ValueOption.defaultValue []
        Now = json.GetProperty("now").GetInt64() * 1L<sec>
        Zone = map "dns" (elements >> List.map record) json
        Failing = map "dns_errors" asText json
        Disputed = tryGet "disputed" json |> ValueOption.exists _.GetBoolean()
        Unsigned = words json "message_expected" = [ "none" ]
        Signatures = signatures |> List.choose tryExpected
        Proves =
            (json :: signatures)
            |> List.collect (fun signature -> words signature "proves")
            |> List.distinct
    }

/// The cases of a list in JSON.
let read (path: string) : Case list =
    use document = JsonDocument.Parse(File.ReadAllText path)
    elements (document.RootElement.Clone()) |> List.map case

let private hasManifest (directory: string) =
    File.Exists(Path.Combine(directory, "manifest.json"))

/// The folder of the outside corpus, where it lies.
let outside: Lazy<string option> =
    lazy
        (match Environment.GetEnvironmentVariable "DKIM_CORPUS" with
         | null
         | "" ->
             Directory.GetDirectories(Path.GetFullPath(Path.Combine(root, "..")))
             |> Array.map (fun beside -> Path.Combine(beside, "corpus", "dkim"))
             |> Array.tryFind hasManifest
         | named -> if hasManifest named then Some named else None)

/// The cases of an outside corpus.
let outsideCases (directory: string) : Case list =
    read (Path.Combine(directory, "manifest.json"))

/// The octets of a case's message.
let message (directory: string) (case: Case) : byte[] =
    let tail =
        case.Append
        |> List.map (fun (text, times) -> String.replicate times text)
        |> String.concat ""

    Array.append (File.ReadAllBytes(Path.Combine(directory, case.File))) (Encoding.Latin1.GetBytes tail)
