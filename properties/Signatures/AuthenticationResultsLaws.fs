module Dkim.Properties.AuthenticationResultsLaws

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings

let private host = "mx.example.org"

let private results (values: (string * string * string) list) =
    {
        ServiceId = host
        Version = ValueNone
        Results =
            values
            |> List.map (fun (comment, reason, value) ->
                {
                    Method = "dkim"
                    MethodVersion = ValueNone
                    Result = "fail"
                    Comment = ValueSome comment
                    Reason = ValueSome reason
                    Properties =
                        [
                            {
                                Type = "header"
                                Name = "i"
                                Value = value
                            }
                        ]
                })
    }

let private texts (given: (AnyText * AnyText * AnyText) list) =
    given
    |> List.truncate 8
    |> List.map (fun (AnyText comment, AnyText reason, AnyText value) -> comment, reason, value)

// What is written is UTF-8 and what is read is its octets as Latin-1.
let private asRead (text: string) =
    Octets.latin1 (ReadOnlySpan(Text.Encoding.UTF8.GetBytes text))

let private tame (text: string) =
    text |> String.map (fun c -> if Char.IsControl c then '?' else c)

let private trials = MailGenerators.trials 100

[<Tests>]
let tests =
    testList
        "AuthenticationResultsLaws"
        [
            testLaw trials "what is written is one field that is read back" (fun given ->
                let values = texts given
                let header = Header.ofBlock (AuthenticationResults.field 78 (results values)).Raw

                let told (result: MethodResult) =
                    result.Reason, result.Properties[0].Value

                let expected =
                    values
                    |> List.map (fun (_, reason, value) -> ValueSome(asRead (tame reason)), asRead (tame value))

                match AuthenticationResults.parse header.Fields[0] with
                | Ok read ->
                    header.Count = 1
                    && read.ServiceId = host
                    && List.map told read.Results = expected
                | Error _ -> false)

            testLaw trials "a field that we wrote must go" (fun given ->
                let field = AuthenticationResults.field 78 (results (texts given))

                ForgedResults.mustGo host field
                && not (ForgedResults.mustGo "other.example" field))

            testLaw trials "no reader throws on any octets" (fun (AnyOctets octets) ->
                let field =
                    Field.ofText "Authentication-Results" (Octets.latin1 (ReadOnlySpan octets))

                AuthenticationResults.parse field |> ignore
                ForgedResults.mustGo host field |> ignore)

            testLaw
                trials
                "our name hidden in any case, dot, comment or fold must go"
                (fun (AnyWord other) (dots: bool) (upper: bool) ->
                    let comment = "(" + other + ")"

                    let name =
                        (if upper then host.ToUpperInvariant() else host) + (if dots then "." else "")

                    [
                        " " + name
                        "\r\n\t" + comment + " " + name + comment
                        " \"" + name + "\""
                        name + "/" + other
                        name + " 1"
                    ]
                    |> List.forall (fun id ->
                        ForgedResults.mustGo host (Field.ofText "Authentication-Results" (id + "; dkim=pass"))))

            testLaw
                trials
                "prefixes tell signatures apart and are eight characters or more"
                (fun (words: AnyWord list) ->
                    let values = words |> List.map (fun (AnyWord word) -> word + word + word)
                    let pairs = List.zip values (AuthenticationResults.signaturePrefixes values)
                    // A value that another begins with can only be shown whole.
                    let toldApart (value, prefix) (other: string, _) =
                        other = value
                        || prefix = value
                        || not (other.StartsWith(prefix, StringComparison.Ordinal))

                    pairs
                    |> List.forall (fun (value, prefix) ->
                        value.StartsWith(prefix, StringComparison.Ordinal)
                        && prefix.Length >= min 8 value.Length
                        && List.forall (toldApart (value, prefix)) pairs))
        ]
