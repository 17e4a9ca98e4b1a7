/// A zone in a JSON file, in place of the DNS: `{"NAME": ["record", ["string", "string"]]}`, or the same under `dns` with
/// `dns_errors` beside it. A name that is not there does not exist; an empty list is a name without TXT records.
namespace Dkim.Core.Dns

open System
open System.Text
open System.Text.Json
open Dkim.Core.Words

/// What the file says of names.
type Zone =
    private { answers: Map<string, Answer> }

module Zone =
    /// A name as it is compared.
    let private key (name: string) = name.TrimEnd('.').ToLowerInvariant()

    // A record is octets. JSON is characters, which stand for their UTF-8.
    let private octetText (text: string) : string =
        Octets.latin1 (ReadOnlySpan(Encoding.UTF8.GetBytes text))

    let private string' (value: JsonElement) : Result<string, string> =
        match value.ValueKind with
        | JsonValueKind.String ->
            match value.GetString() with
            | null -> Error "a record that is no text"
            | text -> Ok(octetText text)
        | _ -> Error "a record that is neither a string nor a list of strings"

    /// A record is one string or several, which are joined (RFC 6376 §3.6.2.2).
    let private record (value: JsonElement) : Result<string, string> =
        if value.ValueKind = JsonValueKind.Array then
            List.ofSeq (value.EnumerateArray())
            |> Results.traverse string'
            |> Result.map (fun strings -> String.Join("", strings))
        else
            string' value

    let private records (value: JsonElement) : Result<string list, string> =
        if value.ValueKind = JsonValueKind.Array then
            List.ofSeq (value.EnumerateArray()) |> Results.traverse record
        else
            record value |> Result.map List.singleton

    let private found (entry: JsonProperty) : Result<string * Answer, string> =
        records entry.Value
        |> Result.map (fun texts -> key entry.Name, Answer.Found(texts, Security.Unchecked))
        |> Result.mapError (fun reason -> entry.Name + ": " + reason)

    let private failed (entry: JsonProperty) : Result<string * Answer, string> =
        string' entry.Value
        |> Result.bind (fun reason ->
            match reason with
            | "servfail" -> Ok(key entry.Name, Answer.Unavailable "SERVFAIL")
            | "timeout" -> Ok(key entry.Name, Answer.Unavailable "timeout")
            | _ -> Error(entry.Name + ": neither servfail nor timeout"))

    let private entries read (value: JsonElement) : Result<(string * Answer) list, string> =
        if value.ValueKind = JsonValueKind.Object then
            List.ofSeq (value.EnumerateObject()) |> Results.traverse read
        else
            Error "not an object of names"

    let private ofRoot (root: JsonElement) : Result<Zone, string> =
        let part (name: string) =
            match root.TryGetProperty name with
            | true, value when value.ValueKind = JsonValueKind.Object -> ValueSome value
            | _ -> ValueNone

        let errors () =
            match part "dns_errors" with
            | ValueSome value -> entries failed value
            | ValueNone -> Ok []

        let all =
            if root.ValueKind <> JsonValueKind.Object then
                Error "not an object of names"
            else
                match part "dns" with
                | ValueNone -> entries found root
                | ValueSome names ->
                    entries found names
                    |> Result.bind (fun good -> errors () |> Result.map (fun bad -> good @ bad))

        all |> Result.map (fun answers -> { answers = Map.ofList answers })

    /// Reads the text of such a file.
    let parse (text: string) : Result<Zone, string> =
        try
            use document = JsonDocument.Parse text
            ofRoot document.RootElement
        with
        | :? JsonException as failure ->
            Error("not JSON at line " + string (failure.LineNumber.GetValueOrDefault() + 1L))
        // A text with half a surrogate pair.
        | :? InvalidOperationException -> Error "not JSON: a text that is no Unicode"

    /// What the zone says. Only TXT records are in it.
    let answer (zone: Zone) (question: Question) : Answer =
        match zone.answers.TryGetValue(key question.Name), question.Type with
        | (true, answer), RecordType.Txt -> answer
        | (true, _), _ -> Answer.Found([], Security.Unchecked)
        | (false, _), _ -> Answer.NoSuchName Security.Unchecked
