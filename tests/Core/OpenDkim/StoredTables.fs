/// Tables of a configuration as stores would have them: the same rows, found by another process.
module Dkim.Tests.Core.StoredTables

open System
open System.Text
open Dkim.Core.Stores
open Dkim.Core.Tables

/// The settings whose data sets may be in stores.
let private settings =
    [
        "KeyTable"
        "SigningTable"
        "Domain"
        "InternalHosts"
        "ExternalIgnoreList"
        "PeerList"
        "DontSignMailTo"
        "ExemptDomains"
        "BodyLengthDB"
        "TrustSignaturesFrom"
    ]

// Patterns are found by their order, which no store has.
let private tryTable (files: (string * string) list) (name: string) (value: string) : Table voption =
    let folds = name <> "KeyTable"

    match SetPlace.parse value with
    | Ok(Inline elements) -> ValueSome(Table.OfList(folds, elements))
    | Ok(Lines path) ->
        files
        |> List.tryFind (fst >> (=) path)
        |> Option.map (fun (_, text) -> Table.OfLines(folds, path, ReadOnlyMemory(Encoding.UTF8.GetBytes text)))
        |> ValueOption.ofOption
    | _ -> ValueNone

let private split (line: string) : struct (string * string) =
    match line.Split([| ' '; '\t' |], 2, StringSplitOptions.RemoveEmptyEntries) with
    | [| name; value |] -> struct (name, value.Trim())
    | _ -> struct (line, "")

/// Files of a configuration with every table in a store that can be there, and the answers of the stores.
let moved (files: (string * string) list) : struct ((string * string) list * (StoreQuestion -> StoreAnswer)) =
    let conf = files |> List.find (fst >> (=) "conf") |> snd

    let lines =
        conf.Split '\n'
        |> Array.map (fun line ->
            let struct (name, value) = split line

            if List.contains name settings then
                line, tryTable files name value |> ValueOption.map (fun table -> struct (name, table))
            else
                line, ValueNone)

    let stores =
        lines
        |> Array.choose (fun (_, table) -> ValueOption.toOption table)
        |> Array.map (fun (struct (name, table)) -> name, table)
        |> Map.ofArray

    let answer (question: StoreQuestion) : StoreAnswer =
        match question.Store with
        | Store.Redis(_, RedisLayout.Prefixed name) ->
            question.Forms
            |> List.choose (fun form ->
                match stores[name].Find form with
                | Lookup.Found row -> Some { Form = form; Fields = [ row.Value ] }
                | Lookup.Absent
                | Lookup.Unavailable _ -> None)
            |> StoreAnswer.Rows
        | other -> invalidArg "question" (string other)

    let text =
        lines
        |> Array.map (fun (line, table) ->
            match table with
            | ValueSome(struct (name, _)) -> name + " redis://127.0.0.1/" + name
            | ValueNone -> line)
        |> String.concat "\n"

    struct (files
            |> List.map (fun (path, contents) -> path, (if path = "conf" then text else contents)),
            answer)
