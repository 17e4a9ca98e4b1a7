/// Data sets of opendkim whose files change while it runs: what is in force afterwards, and what is told.
module Dkim.Tests.Core.TableRenewalTests

open Expecto
open Dkim.Core.Asking
open Dkim.Core.Programs.Filters
open Dkim.Tests
open Dkim.Tests.Core

let private conf =
    [
        "UserID opendkim"
        "KeyTable file:/t/keys"
        "SigningTable refile:/t/signing"
        "PeerList /t/peers"
    ]

let private before =
    [
        "/t/keys", "one example.com:s:/keys/rsa\n"
        "/t/signing", "*@example.com one\n"
        "/t/peers", "192.0.2.9\n"
    ]

let private started () =
    OpenDkimRuns.start before conf |> Starts.serving

let private renew (read: WantedFile -> FileContents) (paths: string list) (program: FilterProgram) : TableRenewal =
    let changed =
        program.Tables |> Seq.filter (fun file -> List.contains file.Path paths)

    Finding.settle read (program.Renew changed)

let private changed files paths program = renew (Starts.find files) paths program

let private signed (program: FilterProgram) =
    OpenDkimRuns.send program FilterPassages.local FilterPassages.plain
    |> OpenDkimRuns.signed

let private lines (renewal: TableRenewal) = renewal.Log |> List.map _.Text

[<Tests>]
let tests =
    testList
        "TableRenewalTests"
        [
            testCase "its files are known" (fun () ->
                Expect.equal
                    [ "/t/keys"; "/t/peers"; "/t/signing" ]
                    (started().Tables |> List.ofSeq |> List.map _.Path |> List.sort))

            testCase "rows that have changed sign, and what was not read again stays" (fun () ->
                let files =
                    [
                        "/t/keys", "two example.com:new:/keys/rsa\nthree example.org:s:/keys/rsa\n"
                        "/t/signing", "*@example.com two\n"
                    ]

                let program = started ()
                let renewal = changed files [ "/t/keys"; "/t/signing" ] program
                let next = ValueOption.get renewal.Next

                Expect.equal
                    [
                        "KeyTable: file:/t/keys reloaded, 2 entries"
                        "SigningTable: refile:/t/signing reloaded, 1 entry"
                    ]
                    (lines renewal)

                Expect.equal [ "example.com/s" ] (signed program)
                Expect.equal [ "example.com/new" ] (signed next)
                Expect.isTrue (next.Ignores(FilterPassages.client "x" "192.0.2.9")) "peers"
                // The next one goes on from there.
                let later = changed [ "/t/peers", "" ] [ "/t/peers" ] next
                Expect.equal [ "PeerList: file:/t/peers reloaded, 0 entries" ] (lines later)
                Expect.equal [ "example.com/new" ] (signed (ValueOption.get later.Next))
                Expect.isFalse ((ValueOption.get later.Next).Ignores(FilterPassages.client "x" "192.0.2.9")) "no peers")

            testCase "a table that cannot be meant leaves all as it was, and says where and why" (fun () ->
                let files =
                    [
                        "/t/signing", "*@example.com one\n*@example.org\n*@example.net\n"
                        "/t/peers", ""
                    ]

                let renewal = changed files [ "/t/signing"; "/t/peers" ] (started ())
                Expect.isTrue renewal.Next.IsNone "nothing changes"

                Expect.equal
                    [
                        "SigningTable stays as it was: /t/signing line 2: *@example.org has no value \
                         (write the name of a key behind it); 1 more like it"
                    ]
                    (lines renewal))

            testCase "a pattern that cannot be read is told" (fun () ->
                let renewal = changed [ "/t/signing", "b( one\n" ] [ "/t/signing" ] (started ())
                Expect.isTrue renewal.Next.IsNone "nothing changes"
                Expect.contains "/t/signing line 1: b( cannot be read as a pattern" (List.exactlyOne (lines renewal)))

            testCase "rows that are doubtful are told, those that were there before are not" (fun () ->
                let read keys =
                    changed [ "/t/keys", keys ] [ "/t/keys" ]

                let first = read "one example.com:s:/keys/rsa\ntwo bad\n" (started ())
                Expect.contains "KeyTable entry for 'two' corrupt" (String.concat "\n" (lines first))

                let second =
                    read "one example.com:s:/keys/rsa\ntwo bad\nthree a:b:/c\n" (ValueOption.get first.Next)

                Expect.equal [ "KeyTable: file:/t/keys reloaded, 3 entries" ] (lines second))

            testCase "a file that the user of the service cannot read stays, others change" (fun () ->
                let read (file: WantedFile) =
                    if file.Path = "/t/peers" then
                        FileContents.Unreadable FileContents.Forbidden
                    else
                        Starts.find [ "/t/keys", "one example.com:new:/keys/rsa\n" ] file

                let renewal = renew read [ "/t/keys"; "/t/peers" ] (started ())
                let next = ValueOption.get renewal.Next
                Expect.equal [ "example.com/new" ] (signed next)
                Expect.isTrue (next.Ignores(FilterPassages.client "x" "192.0.2.9")) "peers"
                let told = (lines renewal).Head
                Expect.contains "PeerList stays as it was: file:/t/peers: dkimf_db_open(): Permission denied" told
                Expect.contains "let user opendkim read it" told)

            testCase "a file that is gone leaves its table" (fun () ->
                let renewal = changed [] [ "/t/signing" ] (started ())
                Expect.isTrue renewal.Next.IsNone "nothing changes"
                Expect.contains "No such file or directory" (List.exactlyOne (lines renewal)))
        ]
