/// Lists of dkim-filter that are data sets, whose files change while it runs.
module Dkim.Tests.Core.FilterRenewalTests

open Expecto
open Dkim.Core.Cryptography
open Dkim.Core.Asking
open Dkim.Core.Programs.Filters
open Dkim.Tests
open Dkim.Tests.Core

let private conf =
    [
        "Socket local:/s"
        "UserID dkim"
        "KeyList refile:/set/keys"
        "InternalHosts file:/set/hosts"
        "PeerList csl:192.0.2.9"
        "ExternalIgnoreList /plain"
    ]

let private before =
    [
        "/set/keys", "*@example.com example.com:/keys/old\n"
        "/set/hosts", "192.0.2.0/24\n"
        "/plain", "192.0.2.8\n"
    ]

let private started () =
    FilterRuns.startConf before conf |> Starts.serving

let private renew files (paths: string list) (program: FilterProgram) : TableRenewal =
    let changed =
        program.Tables |> List.filter (fun file -> List.contains file.Path paths)

    Finding.settle (Starts.find files) (program.Renew changed)

let private lines (renewal: TableRenewal) = renewal.Log |> List.map _.Text

let private readKey (place: KeyPlace) : KeyReading =
    match place with
    | KeyAt _ -> KeyFound(FilterPassages.rsa.Value, ValueNone)
    | KeyText _ -> NoKeyThere

/// The fields that a message of a client gets.
let private sent (client: string) (program: FilterProgram) : string =
    let way: FilterPassages.Way =
        { FilterPassages.local with
            Client = FilterPassages.client "mail.example.org" client
            Keys = readKey
        }

    use message = program.NewMessage way.Client

    (FilterPassages.pass message way FilterPassages.plain).Inserted
    |> String.concat "\n"

[<Tests>]
let tests =
    testList
        "FilterRenewalTests"
        [
            testCase "files of data sets are known, those of its own form are read by a reload" (fun () ->
                Expect.equal [ "/set/hosts"; "/set/keys" ] (started().Tables |> List.map _.Path |> List.sort)

                Expect.equal
                    []
                    ((FilterRuns.startConf before [ "Socket local:/s"; "Mode v"; "ExternalIgnoreList /plain" ]
                      |> Starts.serving)
                        .Tables))

            testCase "rows that have changed hold, what was not read again stays" (fun () ->
                let program = started ()
                Expect.contains "s=old" (sent "192.0.2.7" program)

                let renewal =
                    renew [ "/set/keys", "*@example.com example.com:/keys/new\n" ] [ "/set/keys" ] program

                Expect.equal [ "KeyList: refile:/set/keys reloaded, 1 entry" ] (lines renewal)
                let next = ValueOption.get renewal.Next
                Expect.contains "s=new" (sent "192.0.2.7" next)
                Expect.isTrue (next.Ignores(FilterPassages.client "x" "192.0.2.9")) "peers"
                Expect.isTrue (next.Again().IsSome) "it can still be reloaded"

                let later =
                    renew [ "/set/hosts", "198.51.100.1\n!bad entry\n" ] [ "/set/hosts" ] next

                Expect.contains "InternalHosts: file:/set/hosts reloaded, 2 entries" (List.head (lines later))
                let next = ValueOption.get later.Next
                Expect.lacks "DKIM-Signature" (sent "192.0.2.7" next)
                Expect.contains "s=new" (sent "198.51.100.1" next))

            testCase "a row that cannot be meant leaves all as it was" (fun () ->
                let files =
                    [
                        "/set/keys", "*@example.com example.com:/keys/new\n*@example.org nothing\n"
                        "/set/hosts", ""
                    ]

                let renewal = renew files [ "/set/keys"; "/set/hosts" ] (started ())
                Expect.isTrue renewal.Next.IsNone "nothing changes"

                Expect.contains
                    "KeyList stays as it was: conf: /set/keys line 2: malformed: "
                    (List.exactlyOne (lines renewal)))

            testCase "a file that is gone leaves its list" (fun () ->
                let renewal = renew [] [ "/set/hosts" ] (started ())
                Expect.isTrue renewal.Next.IsNone "nothing changes"

                Expect.contains
                    "file:/set/hosts: dkimf_db_open(): No such file or directory"
                    (List.exactlyOne (lines renewal)))
        ]
