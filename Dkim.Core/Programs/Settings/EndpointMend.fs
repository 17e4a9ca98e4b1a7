/// What may have been meant by an endpoint that cannot be.
module Dkim.Core.Programs.Settings.EndpointMend

open System
open Dkim.Core.Words

// What may have been meant: Postfix's order, a port alone, a scheme that is left out, foreign or misspelt.
let private guesses (text: string) : string list =
    let word, rest =
        match text.IndexOf ':' with
        | -1 -> "", text
        | at -> text.Substring(0, at), text.Substring(at + 1)

    let swapped =
        match rest.LastIndexOf ':' with
        | at when at > 0 -> [ rest.Substring(at + 1) + "@" + rest.Substring(0, at) ]
        | _ -> []

    let known = List.contains (word.ToLowerInvariant()) Endpoint.schemes

    let spelt =
        match Nearest.tryFind Endpoint.schemes word with
        | ValueSome near when not known -> [ near ]
        | _ -> []

    let schemed = [ "inet"; "inet6" ]

    let named = if known then [ word.ToLowerInvariant() ] else spelt

    [
        if not named.IsEmpty then
            for scheme in named @ schemed do
                for rest in rest :: swapped do
                    scheme + ":" + rest
        for scheme in schemed do
            scheme + ":" + text
    ]

/// The endpoint of a milter that may have been meant by one that cannot be.
let trySocket (text: string) : string voption =
    let local =
        if text <> "" && String.forall Char.IsAsciiDigit text then
            [ "inet:" + text + "@127.0.0.1" ]
        else
            []

    local @ guesses text
    |> List.tryFind (Endpoint.parse >> Result.isOk)
    |> Option.toValueOption

/// The endpoint of an SMTP server that may have been meant by one that cannot be.
let tryHostPort (text: string) : string voption =
    match Endpoint.parse text, trySocket text with
    | Result.Ok endpoint, _ when not endpoint.IsLocal -> ValueSome(endpoint.Host, endpoint.Port)
    | Result.Error _, ValueSome mended ->
        match Endpoint.parse mended with
        | Result.Ok endpoint when not endpoint.IsLocal -> ValueSome(endpoint.Host, endpoint.Port)
        | _ -> ValueNone
    | _ -> ValueNone
    |> ValueOption.map (fun (host, port) -> HostPort.show { Host = host; Port = ValueSome port })
