/// Forged Authentication-Results before those who act on them: what we let stay, none of these readers takes for ours.
module Dkim.Tests.Conformance.ReaderTests

open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Deciding
open Dkim.Tests.Conformance.ResultReaders

let private host = "mx.ours.example"

let private removal: ResultFields.Removal =
    {
        Own = host
        From = []
        All = false
        Methods = [ "dkim"; "dkim-adsp" ]
    }

let private claims: Claim[] =
    spellings host
    |> List.mapi (fun index service ->
        let domain = "d" + string index + ".example"

        {
            Value = " " + service + "; dkim=pass header.d=" + domain
            Method = "dkim"
            Domain = domain
        })
    |> Array.ofList

let private stays =
    claims
    |> Array.map (fun claim ->
        match ResultFields.fate removal (Field.ofText AuthenticationResults.FieldName claim.Value) with
        | ResultFields.Stays
        | ResultFields.Unreadable false -> true
        | ResultFields.Goes
        | ResultFields.Unreadable true -> false)

let private check (reader: ResultReader) =
    let believes = reader.Believes host claims

    let where isSo =
        claims |> Array.indexed |> Array.filter (fst >> isSo) |> Array.map snd

    // A reader that believes nothing would prove nothing.
    Expect.notEmpty (where (fun index -> believes[index] && not stays[index]))
    Expect.empty (where (fun index -> believes[index] && stays[index]))

[<Tests>]
let tests =
    testList
        "ReaderTests"
        [
            yield! testReaders "RFC8601-5-1" "believes no field that stays" check

            // What no reader takes for ours is left alone.
            testRows
                "RFC8601-5-4 results of others stay"
                [
                    " mx2.ours.example; dkim=pass"
                    " ours.example; dkim=pass"
                    " other.example (mx.ours.example); dkim=pass"
                    " other.example; dkim=pass reason=\"seen by mx.ours.example\""
                    " mx.ours.example; spf=pass smtp.mailfrom=other.example"
                ]
                (fun (value: string) ->
                    let field = Field.ofText AuthenticationResults.FieldName value
                    Expect.equal ResultFields.Stays (ResultFields.fate removal field))
        ]
