/// What a filter and dkim-tables say to each other comes over as it was said, and no octets are more than a refusal.
module Dkim.Properties.StoreWireLaws

open Expecto
open Dkim.Tests
open Dkim.Core.Stores

let private trials = MailGenerators.trials 1000

// Letters without their halves: a text that is none has no UTF-8.
let private text (letters: int list) : string =
    letters
    |> List.map (fun letter -> [| "a"; ":"; "\000"; "\n"; "é"; "😀"; "'"; "" |][abs (letter % 8)])
    |> String.concat ""

let private store (kind: int) (words: int list list) (port: int) (yes: bool) : Store =
    let word index =
        words |> List.tryItem index |> Option.map text |> Option.defaultValue ""

    let all = List.map text words
    let port = abs (port % 65536)

    let sql backend query =
        Store.Sql(
            {
                Backend = backend
                User = word 0
                Password = Secret.Of(word 1)
                Host = word 2
                Port = if port = 0 then ValueNone else ValueSome port
                Database = word 3
                Tls = yes
            },
            query
        )

    let ldap account scope =
        Store.Ldap
            {
                Servers = all |> List.map (fun host -> { Tls = yes; Host = host; Port = port })
                Base = word 0
                Scope = scope
                Filter = word 1
                Attributes = List.rev all
                Account = account
                StartTls = yes
                Keepalive =
                    {
                        Idle = port
                        Interval = port + 1
                        Probes = port + 2
                    }
            }

    let redis layout =
        Store.Redis(
            {
                Host = word 0
                Port = port
                User = word 1
                Password = Secret.Of(word 2)
                Tls = yes
            },
            layout
        )

    match abs (kind % 12) with
    | 0 -> sql SqlBackend.Sqlite (SqlQuery.Written(word 4))
    | 1 -> sql SqlBackend.PostgreSql (SqlQuery.Columns(word 4, word 5, all, word 0))
    | 2 -> sql SqlBackend.MySql (SqlQuery.Columns(word 4, word 5, [], word 0))
    | 3 -> ldap LdapAccount.Anonymous LdapScope.Base
    | 4 -> ldap LdapAccount.External LdapScope.One
    | 5 -> ldap (LdapAccount.Simple(word 2, Secret.Of(word 3))) LdapScope.Sub
    | 6 -> ldap (LdapAccount.Plain(word 2, word 4, Secret.Of(word 3))) LdapScope.Sub
    | 7 -> redis (RedisLayout.Prefixed(word 3))
    | 8 -> redis (RedisLayout.Rspamd(word 3, word 4))
    | 9 -> Store.Berkeley(word 0)
    | 10 -> Store.Lmdb(word 0)
    | _ -> Store.Lines(word 0, port)

let private same (command: StoreCommand) : bool =
    StoreWire.tryCommand (StoreWire.ofCommand command) = ValueSome command

// At some places other octets.
let private spoilt (frame: byte[]) (places: (int * byte) list) : byte[] =
    let frame = Array.copy frame

    for place, octet in places do
        if frame.Length > 0 then
            frame[abs (place % frame.Length)] <- octet

    frame

[<Tests>]
let tests =
    testList
        "StoreWireLaws"
        [
            testLaw trials "a store" (fun (kind: int) (words: int list list) (port: int16) (yes: bool) ->
                same (StoreCommand.Open(kind, store kind words (int port) yes, int port)))

            testLaw trials "a question" (fun (request: int64) (number: int) (forms: int list list) ->
                same (StoreCommand.Ask(request, number, List.map text forms))
                && same (StoreCommand.Close number))

            testLaw trials "an answer" (fun (request: int64) (rows: int list list list) (reason: int list) ->
                let rows =
                    rows
                    |> List.filter (List.isEmpty >> not)
                    |> List.map (fun row ->
                        {
                            Form = text row.Head
                            Fields = List.map text row.Tail
                        })

                [ StoreAnswer.Rows rows; StoreAnswer.Unavailable(text reason) ]
                |> List.forall (fun answer ->
                    let reply = { Request = request; Answer = answer }
                    StoreWire.tryReply (StoreWire.ofReply reply) = ValueSome reply))

            testLaw trials "octets that are no message" (fun (octets: byte[]) ->
                StoreWire.tryCommand octets |> ignore
                StoreWire.tryReply octets |> ignore
                true)

            testLaw
                trials
                "a message that was spoilt"
                (fun (kind: int) (words: int list list) (places: (int * byte) list) (length: int) ->
                    let open' = StoreCommand.Open(1, store kind words kind true, 1)
                    let frame = spoilt (StoreWire.ofCommand open') places
                    StoreWire.tryCommand frame |> ignore
                    StoreWire.tryCommand frame[.. abs (length % frame.Length)] |> ignore
                    StoreWire.tryReply frame |> ignore
                    true)
        ]
