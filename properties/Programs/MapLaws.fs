module Dkim.Properties.MapLaws

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Tables
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Proxies.Out

let private parse text =
    let struct (map, problems) = SignatureMap.parse "map" text
    map, problems

let private found map key =
    match SignatureMap.find key map with
    | Lookup.Found(struct (key, _)) -> ValueSome key
    | Lookup.Absent
    | Lookup.Unavailable _ -> ValueNone

let private trials = MailGenerators.trials 100

[<Tests>]
let tests =
    testList
        "MapLaws"
        [
            testLaw trials "a specifier that is shown is read back" (fun (dkim: bool) (values: (int * AnyWord) list) ->
                let names = [ "key"; "a"; "c"; "d"; "s"; "h"; "i" ]

                let parameters =
                    values
                    |> List.map (fun (index, AnyWord word) -> names[abs (index % 7)] + " = " + word)

                let text =
                    (if dkim then "dkim" else "domainkeys")
                    + "( "
                    + String.Join(" , ", parameters)
                    + " )"

                match Specifier.parse text with
                | Error _ -> false
                | Ok specifier -> Specifier.parse (Specifier.show specifier) = Ok specifier)

            testLaw trials "no text makes the readers throw" (fun (AnyText text) ->
                Specifier.parse text |> ignore
                Specifier.parseList text |> ignore
                Macro.expand (fun _ -> ValueSome text) text |> ignore
                let map, problems = parse text
                SignatureMap.find text map |> ignore

                problems
                |> List.forall (fun problem -> not (Problem.describe problem |> Seq.exists Char.IsControl)))

            testLaw
                trials
                "a list of specifiers is the specifiers of the list"
                (fun (schemes: bool list) (AnyWord word) ->
                    let specifiers =
                        (true :: schemes)
                        |> List.map (fun dkim ->
                            { Specifier.plain (if dkim then Dkim else DomainKeys) with
                                Domain = ValueSome word
                            })

                    Specifier.parseList (String.Join(" , ", specifiers |> List.map Specifier.show)) = Ok specifiers)

            testLaw
                trials
                "every address is found by its own key, its domain, each parent and the dot"
                (fun (AnyAddress(local, domain)) ->
                    let address = local + "@" + domain
                    let labels = domain.Split '.'

                    let parents =
                        [ for skipped in 0 .. labels.Length - 1 -> String.Join('.', labels[skipped..]) ]

                    (address :: parents @ [ "." ])
                    |> List.forall (fun key ->
                        found (fst (parse (key.ToUpperInvariant() + " dkim"))) address =
                            ValueSome(key.ToLowerInvariant())))

            testLaw
                trials
                "the most exact key wins whatever the order of the lines"
                (fun (AnyAddress(local, domain)) (reversed: bool) ->
                    let address = local + "@" + domain
                    let lines = [ address; domain; "." ] |> List.map (fun key -> key + " dkim")
                    let text = String.Join('\n', if reversed then List.rev lines else lines)
                    found (fst (parse text)) address = ValueSome(address.ToLowerInvariant()))

            testLaw trials "an address below no key is not found" (fun (AnyAddress(local, domain)) ->
                found (fst (parse ("x" + domain + " dkim\nx." + domain + " dkim"))) (local + "@" + domain) = ValueNone)

            testLaw trials "an extension is looked past" (fun (AnyAddress(local, domain)) (AnyWord extension) ->
                let plain = "u" + local.Replace("+", "")
                let map = fst (parse (plain + "@" + domain + " dkim"))

                found map (plain + "+" + extension.Replace("@", "") + "@" + domain) =
                    ValueSome((plain + "@" + domain).ToLowerInvariant()))

            testLaw
                trials
                "text without macros is itself, and dollars that were doubled are single"
                (fun (AnyText text) ->
                    Macro.expand (fun _ -> ValueNone) (text.Replace("$", "$$"))
                    |> Result.map (fun (read: string) -> read.Replace("\r", "\n"))
                        =
                        Ok(text.Replace("\r\n", "\n").Replace("\r", "\n")))
        ]
