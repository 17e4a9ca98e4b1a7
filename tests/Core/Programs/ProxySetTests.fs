/// Maps of dkimproxy.out that are data sets, in memory and in stores.
module Dkim.Tests.Core.ProxySetTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Cryptography
open Dkim.Core.Stores
open Dkim.Core.Asking
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Proxies
open Dkim.Tests.Core
open Dkim.Tests.Starts
open Dkim.Tests.ProxyRuns

let private files =
    [
        "key", key.Value
        "/map/patterns",
        "joe*@example.org dkim(s=joe)\n*@example.org dkim(s=all)\n*@*.example.org dkim(s=below)\nlist.example.net dkim\n"
        "/map/lines", "example.org dkim(s=lines)\n"
        "/map/odd", "*@example.org dkim(s=all)\nb( dkim\n"
        "/map/broken", "*@example.org dkim(s=all)\n*@example.com pgp\n"
        "/map/where", "dsn:sqlite3:///db/table=senders?keycol=k?datacol=d\n"
    ]

let private ended options =
    startOut files ([ "--keyfile=key"; "--selector=sel"; "--relay=h" ] @ options)

let private start options = ended options |> serving

let private message from =
    "From: " + from + "\nSubject: hi\nList-Id: <list.example.net>\n\nbody\n"

/// A store with these rows.
let private having (rows: (string * string) list) (question: StoreQuestion) : StoreAnswer =
    question.Forms
    |> List.choose (fun form ->
        rows
        |> List.tryFind (fst >> (=) form)
        |> Option.map (fun (_, value) -> { Form = form; Fields = [ value ] }))
    |> StoreAnswer.Rows

let private readKey (place: KeyPlace) : KeyReading =
    let rsa = SigningKey.parse ValueNone key.Value |> Expect.ok

    match place with
    | KeyAt("/keys/good", _) -> KeyFound(rsa, ValueNone)
    | KeyAt("/keys/open", _) -> KeyFound(rsa, ValueSome "everybody")
    | KeyAt("/keys/other", _) -> KeyReading.OfFile(contents(fst ed25519.Value).Octets, "")
    | KeyAt _ -> KeyUnread "No such file or directory"
    | KeyText text -> KeyReading.Inline text

let private around (ask: StoreQuestion -> StoreAnswer) (needs: Need list) : Found =
    Found.Nothing |> Finding.withRows ask needs |> Finding.withKeys readKey needs

let private down (_: StoreQuestion) =
    StoreAnswer.Unavailable "10.0.0.7 refused"

let private sent ask program from =
    passFinding (around ask) Int32.MaxValue program (message from)

/// What became of a message, in a few words: domain and selector of its signatures.
let private said (outcome: Outcome) : string =
    match outcome with
    | Relayed("", _) -> "unsigned"
    | Refused(code, text) -> string code + " " + text
    | Relayed(head, _) ->
        let names (value: string) =
            let tag (name: string) =
                value.Split(';')
                |> Array.map _.Trim()
                |> Array.find _.StartsWith(name + "=")
                |> _.Substring(2)

            tag "d" + "/" + tag "s"

        fieldsOf head |> List.map (snd >> names) |> String.concat " "

let private became ask program from =
    let outcome, _, _ = sent ask program from
    said outcome

let private stored = lazy (start [ "--sender_map=redis://127.0.0.1/senders" ])

let private questions (needs: Need list) =
    needs
    |> List.choose (fun need ->
        match need with
        | Need.Rows question -> Some question.Forms
        | _ -> None)

let private joined (pem: string) = pem.Replace("\n", " ").Trim()

let private inMemory =
    [
        testRows
            "patterns are tried in their order, on the whole address; they say the domain as far as they have one"
            [
                ("joe+x@example.org", "example.org/joe")
                ("Ann@Example.ORG", "example.org/all")
                ("ann@a.example.org", "a.example.org/below")
                ("ann@example.com", "unsigned")
            ]
            (fun (from: string, expected: string) ->
                became down (start [ "--sender_map=refile:/map/patterns" ]) from
                |> Expect.equal expected)

        testCase "an address longer than any matches what everybody matches" (fun () ->
            let program = start [ "--sender_map=csl:x=dkim,.=dkim(d=example.org)" ]

            became down program (String('a', 600) + "@example.net")
            |> Expect.equal "example.org/sel")

        testRows
            "lists in the setting itself, and files by their kind"
            [
                ("csl:example.com=dkim(s=list), example.org=dkim", "example.org/sel")
                ("file:/map/lines", "example.org/lines")
            ]
            (fun (value: string, expected: string) ->
                became down (start [ "--sender_map=" + value ]) "ann@b.example.org"
                |> Expect.equal expected)

        testCase "a list-id map may be one as well, and comes first" (fun () ->
            let program =
                start [ "--sender_map=file:/map/lines"; "--listid_map=refile:/map/patterns" ]

            became down program "ann@example.org" |> Expect.equal "example.net/sel")

        testCase "a row that cannot be read is told by its line and keeps its mail waiting" (fun () ->
            let text, code = ended [ "--sender_map=refile:/map/broken"; "--check" ] |> printed

            Expect.equal 78 code
            Expect.contains "/map/broken:2: *@example.com: invalid signature type pgp" text
            let program = start [ "--sender_map=refile:/map/broken" ]

            became down program "ann@example.com"
            |> Expect.startsWith "450 DKIM - temperror (invalid signature type pgp"

            became down program "ann@example.org" |> Expect.equal "example.org/all")

        testRows
            "what names no data set is no start"
            [
                ("refile:/map/gone", "/map/gone: file not found")
                ("refile:/map/odd", "/map/odd line 2: b( cannot be read as a pattern")
                ("lua:/x", "lua: data sets are not supported")
                ("dsn:pgsql://u:hidden@host/db", "Invalid argument: dsn: ")
                ("sql:/map/gone", "/map/gone: file not found")
                ("sql:/map/where", "/map/where: ")
            ]
            (fun (value: string, reason: string) ->
                let text, code = ended [ "--sender_map=" + value ] |> failed
                Expect.equal 2 code
                Expect.contains reason text
                Expect.lacks "hidden" text)
    ]

let private inStores =
    [
        testCase "a store is asked for every key once, when the header ends" (fun () ->
            let outcome, log, needs =
                sent (having [ "example.org", "dkim(s=row)" ]) stored.Value "Ann+x@a.example.org"

            Expect.equal "example.org/row" (said outcome)

            Expect.equal
                [
                    [
                        "ann+x@a.example.org"
                        "ann@a.example.org"
                        "a.example.org"
                        "example.org"
                        "org"
                        "."
                    ]
                ]
                (questions needs)

            Expect.equal 1 log.Length)

        testCase "octets of the body wait for the store, and are signed as those of a map in a file" (fun () ->
            let store = having [ "example.org", "dkim(c=relaxed/simple)" ]

            let outcome, _, _ =
                passFinding
                    (around store)
                    Int32.MaxValue
                    (start [ "--sender_map=csl:example.org=dkim(c=relaxed/simple)" ])
                    (message "a@example.org")

            for piece in [ 1; 7; 80; 1000 ] do
                let ofStore, _, _ =
                    passFinding (around store) piece stored.Value (message "a@example.org")

                Expect.equal outcome ofStore)

        testCase "a message without a body waits as well" (fun () ->
            let outcome, _, _ =
                passFinding (around (having [ ".", "dkim" ])) 10 stored.Value "From: a@example.org\n"

            Expect.equal "example.org/sel" (said outcome))

        testCase "who has no row is not signed, or as the settings say" (fun () ->
            became (having []) stored.Value "a@example.org" |> Expect.equal "unsigned"

            let program =
                start
                    [
                        "--sender_map=redis://127.0.0.1/s"
                        "--signature=dkim(s=own)"
                        "--domain=example.com"
                    ]

            became (having []) program "a@example.org" |> Expect.equal "example.com/own")

        testRows
            "mail waits while a store does not answer, whatever reject_error says"
            [ []; [ "--reject-error" ] ]
            (fun more ->
                let program =
                    start (
                        [
                            "--sender_map=redis://127.0.0.1/s"
                            "--signature=dkim"
                            "--domain=example.org"
                        ]
                        @ more
                    )

                let outcome, log, _ = sent down program "a@example.org"
                Expect.equal "450 DKIM - temperror (signatures cannot be looked up)" (said outcome)
                Expect.contains "sender_map cannot be asked: 10.0.0.7 refused" (String.concat "\n" log))

        testCase "a list-id map that answers decides alone; both are asked at once" (fun () ->
            let program =
                start
                    [
                        "--sender_map=redis://127.0.0.1/senders"
                        "--listid_map=redis://127.0.0.1/lists"
                    ]

            let ofLists (answer: StoreAnswer) (question: StoreQuestion) =
                if question.Forms |> List.contains "list.example.net" then
                    answer
                else
                    down question

            let row =
                {
                    Form = "list.example.net"
                    Fields = [ "dkim" ]
                }

            let outcome, _, needs =
                sent (ofLists (StoreAnswer.Rows [ row ])) program "a@example.org"

            Expect.equal "example.net/sel" (said outcome)
            Expect.equal 2 (questions needs).Length

            became (ofLists (StoreAnswer.Rows [])) program "a@example.org"
            |> Expect.startsWith "450 ")

        testCase "the file of sql: says where it is" (fun () ->
            let found =
                ("/map/sql", "connection = sqlite3:///db\nquery = SELECT k, d FROM senders WHERE k IN (@keys)\n")
                :: files

            let program =
                startOut found [ "--keyfile=key"; "--selector=sel"; "--relay=h"; "--sender_map=sql:/map/sql" ]
                |> serving

            Expect.equal [ "sender_map" ] (program.Stores |> List.map _.Name)

            became (having [ ".", "dkim" ]) program "a@example.org"
            |> Expect.equal "example.org/sel")
    ]

let private keys =
    [
        testRows
            "keys of rows are read as they are: by their path, or in the row itself"
            [
                "dkim(key=/keys/good)"
                "dkim(key=" + joined key.Value + ")"
                "dkim(key=" + key.Value + ")"
            ]
            (fun (row: string) ->
                became (having [ ".", row ]) stored.Value "a@example.org"
                |> Expect.equal "example.org/sel")

        testCase "the next message is signed by the next key" (fun () ->
            let signedBy key =
                let row = "dkim(s=new,key=" + key + ")"
                let outcome, _, _ = sent (having [ ".", row ]) stored.Value "a@example.org"

                match outcome with
                | Relayed(head, _) -> fieldsOf head |> List.head |> snd
                | Refused(_, text) -> text

            signedBy "/keys/good" |> Expect.contains "a=rsa-sha256"
            signedBy "/keys/other" |> Expect.contains "a=ed25519-sha256")

        testRows
            "mail waits for a key that cannot sign, and its text is told to nobody"
            [
                ("dkim(key=/keys/gone)", "cannot read keyfile /keys/gone: No such file or directory")
                ("dkim(key=c2VjcmV0)", "cannot read keyfile of the row: there is no private key in it")
                ("dkim(key=-----BEGIN PRIVATE KEY----- c2VjcmV0)", "of the row: there is no private key in it")
                ("dkim(c2VjcmV0", "invalid signature specifier in the row")
                ("dkim(key=/keys/other,a=rsa-sha256)", "algorithm rsa-sha256 does not fit the key")
                ("dkim(key=/keys/good),dkim(key=/keys/other)", "is to have an RSA and an Ed25519 key")
                ("pgp", "invalid signature type pgp")
                ("", "invalid signature specifier in the row")
            ]
            (fun (row: string, reason: string) ->
                let outcome, log, _ = sent (having [ ".", row ]) stored.Value "a@example.org"
                let log = String.concat "\n" log
                Expect.startsWith "450 DKIM - temperror (" (said outcome)
                Expect.contains reason log
                Expect.lacks "c2VjcmV0" (log + said outcome))

        testCase "a key that others can read is used and warned of" (fun () ->
            let outcome, log, _ =
                sent (having [ ".", "dkim(key=/keys/open)" ]) stored.Value "a@example.org"

            Expect.equal "example.org/sel" (said outcome)
            Expect.equal "settings: /keys/open: key data is not secure: everybody" (List.head log))

        testCase "a row without a key signs with that of the settings, which a start reads" (fun () ->
            let options =
                [
                    "--keyfile=gone"
                    "--selector=s"
                    "--relay=h"
                    "--sender_map=redis://127.0.0.1/s"
                ]

            let text, code = startOut files ("--check" :: options) |> printed
            Expect.equal 78 code
            Expect.contains "keyfile: 'gone': cannot read keyfile gone (file not found)" text

            became (having [ ".", "dkim" ]) (startOut files options |> serving) "a@example.org"
            |> Expect.startsWith "450 ")

        testCase "there may be no key in the settings at all" (fun () ->
            let program =
                startOut [] [ "--relay=h"; "--sender_map=redis://127.0.0.1/s" ] |> serving

            became (having [ ".", "dkim(s=row,key=/keys/good)" ]) program "a@example.org"
            |> Expect.equal "example.org/row"

            became (having [ ".", "dkim(s=row)" ]) program "a@example.org"
            |> Expect.startsWith "450 DKIM - temperror (no keyfile specified)")

        testCase "stores are not asked from another root" (fun () ->
            let text, _ =
                ended [ "--sender_map=redis://127.0.0.1/s"; "--chroot=/srv" ] |> failed

            Expect.contains "maps in stores cannot be asked from another root" text)
    ]

[<Tests>]
let tests = testList "ProxySetTests" (inMemory @ inStores @ keys)
