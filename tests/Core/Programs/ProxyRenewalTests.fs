/// Maps of dkimproxy.out whose files change while it runs: what is in force afterwards, and what is told.
module Dkim.Tests.Core.ProxyRenewalTests

open Expecto
open Dkim.Core.Asking
open Dkim.Core.Dns
open Dkim.Core.Programs.Proxies
open Dkim.Tests
open Dkim.Tests.Core
open Dkim.Tests.ProxyRuns

let private started lines options =
    startOut
        (keyed
            [
                "/map", lines
                "/lists", "*.example.net dkim(s=list)\n"
                "cred/key", key.Value
            ])
        ([ "--keyfile=key"; "--selector=s"; "--relay=h"; "--sender_map=/map" ] @ options)
    |> Starts.serving

let private renewAmong (files: (string * string) list) (paths: string list) (program: ProxyProgram) : ProxyRenewal =
    let changed =
        program.Tables |> List.filter (fun file -> List.contains file.Path paths)

    Finding.settle (Starts.find files) (program.Renew(changed, "cred"))

let private renew files paths program = renewAmong (keyed files) paths program

let private lines (renewal: ProxyRenewal) = renewal.Log |> List.map _.Text

let private signedBy (program: ProxyProgram) =
    match pass [] program "From: a@example.org\nList-Id: <l.example.net>\n\nx\n" with
    | Relayed("", _), _, _ -> "unsigned"
    | Relayed(head, _), _, _ ->
        let value = fieldsOf head |> List.head |> snd
        value.Substring(value.IndexOf "s=" + 2).Split(';')[0]
    | Refused(_, text), _, _ -> text

let private stays (reason: string) (renewal: ProxyRenewal) =
    Expect.isTrue renewal.Next.IsNone "nothing changes"
    Expect.contains reason (List.exactlyOne (lines renewal))

let private first = "example.org dkim(s=first)\n"

[<Tests>]
let tests =
    testList
        "ProxyRenewalTests"
        [
            testCase "its files are known; stores and lists have none, nor has what another root hides" (fun () ->
                let paths options =
                    (started first options).Tables |> List.map _.Path

                Expect.equal [ "/map" ] (paths [ "--listid_map=csl:x=dkim" ])
                Expect.equal [ "/lists"; "/map" ] (paths [ "--listid_map=refile:/lists" ])
                Expect.equal [] (paths [ "--chroot=/srv" ]))

            testCase "lines that have changed sign, and what was not read again stays" (fun () ->
                let program = started first [ "--listid_map=refile:/lists" ]
                let renewal = renew [ "/lists", "x dkim\n" ] [ "/lists" ] program
                Expect.equal [ "listid_map: reloaded, 1 entry" ] (lines renewal)
                Expect.equal "list" (signedBy program)
                let next = ValueOption.get renewal.Next
                Expect.equal "first" (signedBy next)
                let later = renew [ "/map", "example.org dkim(s=later)\n" ] [ "/map" ] next
                Expect.equal "later" (signedBy (ValueOption.get later.Next)))

            testCase "keys that are named anew are read" (fun () ->
                let files = [ "/map", "example.org dkim(s=ed,key=ed)\n"; "ed", fst ed25519.Value ]

                let next = ValueOption.get (renew files [ "/map" ] (started first [])).Next
                Expect.equal "ed" (signedBy next)
                Expect.isTrue (next.Secrets |> List.exists (fun file -> file.Path = "ed")) "it is watched")

            testRows
                "what cannot be meant leaves all as it was, and says where and why"
                [
                    (first + "example.com pgp\n",
                     "sender_map stays as it was: /map:2: example.com: invalid signature type pgp")
                    ("example.org dkim(s=x,key=gone)\n", "cannot read keyfile gone (file not found)")
                    ("a pgp\nb pgp\nc pgp\n", "; 2 more like it")
                    ("example.org dkim(s=new,key=cred/key)\n", "cannot read keyfile cred/key")
                ]
                (fun (map: string, reason: string) ->
                    let program = started (first + "example.net dkim(key=cred/key)\n") []
                    renew [ "/map", map ] [ "/map" ] program |> stays reason
                    Expect.equal "first" (signedBy program))

            testCase "the key of a new name is the one that is there now, or none" (fun () ->
                let program = started first []
                let map = "/map", "example.org dkim(s=new)\n"

                renewAmong [ map ] [ "/map" ] program
                |> stays "cannot read keyfile key (file not found)"

                renewAmong [ map; "key", fst ed25519.Value ] [ "/map" ] program
                |> _.Next
                |> ValueOption.get
                |> signedBy
                |> Expect.equal "new")

            testCase "the credential of the start gets no new name" (fun () ->
                let program = started (first + "example.net dkim(key=cred/key)\n") []

                renew [ "/map", "example.org dkim(s=new,key=cred/key)\n"; "cred/key", key.Value ] [ "/map" ] program
                |> stays "cred/key is the credential of the start")

            testCase "a file that is gone leaves its map, and others change" (fun () ->
                let program = started first [ "--listid_map=refile:/lists" ]

                renew [] [ "/map" ] program
                |> stays "sender_map stays as it was: /map: file not found"

                let renewal = renew [ "/lists", "x dkim\n" ] [ "/map"; "/lists" ] program
                Expect.equal 2 renewal.Log.Length
                Expect.equal "first" (signedBy (ValueOption.get renewal.Next)))

            testCase "doubts that are new are told" (fun () ->
                let renewal =
                    renew [ "/map", "example.org dkim(s=x,c=nowsp)\n" ] [ "/map" ] (started first [])

                Expect.contains "nowsp is not a method of any standard" (List.last (lines renewal)))
        ]
