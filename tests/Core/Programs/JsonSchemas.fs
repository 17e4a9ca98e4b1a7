/// The schema of docs/json, which everything that `dkim` prints as JSON in these tests is held against.
module Dkim.Tests.Core.JsonSchemas

open System
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Json.Schema

/// The commands that print JSON.
let commands = [ "verify"; "explain"; "testkey"; "postfix" ]

let private path =
    Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "..", "docs", "json", "dkim-1.schema.json"))

let private schemaOf (command: string) : JsonSchema =
    match JsonNode.Parse(File.ReadAllText path) with
    | :? JsonObject as root ->
        root.Remove "anyOf" |> ignore
        root["$ref"] <- JsonValue.Create("#/$defs/" + command)
        JsonSchema.FromText(root.ToJsonString())
    | _ -> invalidOp path

let private schemas =
    lazy (commands |> List.map (fun command -> command, schemaOf command) |> dict)

/// What is not as the schema of a command has it; nothing where all is.
let faults (command: string) (json: string) : string list =
    use document = JsonDocument.Parse json

    let result =
        schemas.Value[command].Evaluate(document.RootElement, EvaluationOptions(OutputFormat = OutputFormat.List))

    if result.IsValid then
        []
    else
        [
            let below: EvaluationResults seq =
                match result.Details with
                | null -> []
                | details -> details

            for detail in Seq.append [ result ] below do
                match detail.Errors with
                | null -> ()
                | errors ->
                    for error in errors do
                        string detail.InstanceLocation + ": " + error.Value
        ]

/// Fails where a command has printed JSON that is not as the schema has it, each line an object.
let hold (arguments: string list) (output: string) : unit =
    match arguments with
    | command :: options when
        List.contains command commands
        && options
           |> List.exists (fun option -> option = "--json" || option.StartsWith "--batch")
        ->
        for line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries) do
            match faults command line with
            | [] -> ()
            | faults -> invalidOp (command + " --json: " + String.Join("; ", faults) + ": " + line)
    | _ -> ()
