/// What a store is asked, what its rows say, and how long they count.
module Dkim.Tests.Core.StoreAskingTests

open System
open System.Collections.Generic
open Expecto
open Dkim.Core.Stores
open Dkim.Tests

let private row form fields = { Form = form; Fields = fields }

let private columns filter =
    SqlQuery.Columns("t", "k", [ "a"; "b" ], filter)

let private texts (requests: SqlRequest list) = requests |> List.map _.Text

let private sql =
    testList
        "SQL"
        [
            testCase "one statement for all texts, which are parameters" (fun () ->
                let requests = SqlStatement.requests (columns "on = 1 OR x") [ "'"; "b" ]
                Expect.equal [ "SELECT k, a, b FROM t WHERE k IN (@k0, @k1) AND (on = 1 OR x)" ] (texts requests)
                Expect.equal [ "'"; "b" ] requests.Head.Parameters)

            testCase "for no text every row" (fun () ->
                Expect.equal [ "SELECT k, a, b FROM t" ] (texts (SqlStatement.requests (columns "") [])))

            testCase "a statement of the site's own, for all or for each" (fun () ->
                let all =
                    SqlStatement.requests (SqlQuery.Written "SELECT k WHERE k IN @keys") [ "a"; "b" ]

                Expect.equal [ "SELECT k WHERE k IN (@k0, @k1)" ] (texts all)

                let each =
                    SqlStatement.requests (SqlQuery.Written "SELECT 1 WHERE k = @key") [ "a"; "b" ]

                Expect.equal (List.replicate 2 "SELECT 1 WHERE k = @k0") (texts each)
                Expect.equal [ [ "a" ]; [ "b" ] ] (each |> List.map _.Parameters))

            testCase "of several rows the first counts, in any case, and none that was not asked for" (fun () ->
                Expect.equal
                    (StoreAnswer.Rows [ row "a" [ "1"; "" ]; row "b" [ "3"; "" ] ])
                    (SqlStatement.answer
                        (columns "")
                        [ "a"; "b" ]
                        [|
                            [|
                                [| "A"; "1"; "" |]
                                [| "a"; "2"; "" |]
                                [| "b"; "3"; "" |]
                                [| "ä"; "4"; "" |]
                                [||]
                            |]
                        |]))

            testCase "rows of a statement for each" (fun () ->
                Expect.equal
                    (StoreAnswer.Rows [ row "b" [ "1"; "2" ] ])
                    (SqlStatement.answer
                        (SqlQuery.Written "@key")
                        [ "a"; "b" ]
                        [| [||]; [| [| "1"; "2" |]; [| "3"; "4" |] |] |]))
        ]

let private source place filter =
    {
        Servers = []
        Base = place
        Scope = LdapScope.Sub
        Filter = filter
        Attributes = [ "x"; "y" ]
        Account = LdapAccount.Anonymous
        StartTls = false
        Keepalive = LdapKeepalive.System
    }

let private entry (attributes: (string * string[]) list) : IReadOnlyDictionary<string, string[]> =
    Dictionary(dict attributes)

let private ldap =
    testList
        "LDAP"
        [
            testCase "one search finds several where the text stands alone" (fun () ->
                let request =
                    LdapSearch.requests (source "dc=x" "(&(on=TRUE)(cn=$d))") [ "*)(x="; "ü\\\000" ]
                    |> List.exactlyOne

                Expect.equal "(&(on=TRUE)(|(cn=\\2a\\29\\28x=)(cn=\\c3\\bc\\5c\\00)))" request.Filter
                Expect.equal [ "cn"; "x"; "y" ] request.Attributes)

            testCase "else each has a search of its own" (fun () ->
                let requests = LdapSearch.requests (source "$D,dc=x" "(cn=$d)") [ "a.b,c"; "d" ]
                Expect.equal [ "dc=a,dc=b\\2cc,dc=x"; "dc=d,dc=x" ] (requests |> List.map _.Base)
                Expect.equal [ "(cn=a.b,c)"; "(cn=d)" ] (requests |> List.map _.Filter))

            testCase "the first value of the first entry, for each text that an entry has" (fun () ->
                let source = source "dc=x" "(cn=$d)"
                let request = LdapSearch.requests source [ "a"; "b" ] |> List.exactlyOne

                let entries =
                    [|
                        entry [ "CN", [| "A"; "b" |]; "x", [| "1"; "2" |] ]
                        entry [ "cn", [| "a" |]; "x", [| "3" |] ]
                    |]

                Expect.equal
                    (StoreAnswer.Rows [ row "a" [ "1"; "" ]; row "b" [ "1"; "" ] ])
                    (LdapSearch.answer source [| struct (request, entries) |]))
        ]

let private redis =
    testList
        "Redis"
        [
            testCase "keys with their prefix" (fun () ->
                match RedisRead.start (RedisLayout.Prefixed "p") [ "a"; "b" ] with
                | RedisStep.Keys(keys, next) ->
                    Expect.equal [ "p:a"; "p:b" ] keys

                    match next [ ValueNone; ValueSome "1" ] with
                    | RedisStep.Answered answer -> Expect.equal (StoreAnswer.Rows [ row "b" [ "1" ] ]) answer
                    | _ -> failtest "another step"
                | _ -> failtest "another step")

            testCase "keys and selectors of rspamd" (fun () ->
                let first = RedisRead.start (RedisLayout.Rspamd("K", "S")) [ "a"; "b" ]
                let second = first.Go [| ValueSome "s"; ValueNone |]

                match second with
                | RedisStep.Hash("K", [ "s.a" ], _) -> ()
                | _ -> failtest "another step"

                match second.Go [| ValueSome "key" |] with
                | RedisStep.Answered answer -> Expect.equal (StoreAnswer.Rows [ row "a" [ "a"; "s"; "key" ] ]) answer
                | _ -> failtest "another step")
        ]

let private seconds (number: float) = TimeSpan.FromSeconds number

let private rules =
    testList
        "rules"
        [
            for isFound, age, expected in
                [
                    true, 47.9, Freshness.Fresh
                    true, 48.0, Freshness.Ageing
                    true, 60.0, Freshness.Stale
                    true, 3600.0, Freshness.Gone
                    false, 7.9, Freshness.Fresh
                    false, 10.0, Freshness.Stale
                ] do
                testCase ("after " + string age + " s") (fun () ->
                    Expect.equal expected (StoreRules.freshness StoreRules.defaults isFound (seconds age)))

            testCase "the longer a store is down the less it is asked, at least every 30 seconds" (fun () ->
                let start = DateTimeOffset.UnixEpoch

                let waits =
                    List.scan (fun health _ -> StoreRules.failed health start) StoreHealth.Up [ 1..8 ]
                    |> List.choose (fun health ->
                        match health with
                        | StoreHealth.Up -> None
                        | StoreHealth.Down(_, _, next) -> Some (next - start).TotalSeconds)

                Expect.equal [ 1.0; 2.0; 4.0; 8.0; 16.0; 30.0; 30.0; 30.0 ] waits)

            testCase "what no table has is not asked for" (fun () ->
                let store = Store.Berkeley "/b"
                let forms = [ "a"; ""; "a\000"; "x\ny"; String('a', 1025); "a"; "b" ]
                Expect.equal [ "a"; "b" ] (StoreQuestion.ofForms store forms).Forms)
        ]

[<Tests>]
let tests = testList "StoreAskingTests" [ sql; ldap; redis; rules ]
