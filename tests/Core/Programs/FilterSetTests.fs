/// Lists of hosts and keys of dkim-filter that are data sets, in files and in stores.
module Dkim.Tests.Core.FilterSetTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Cryptography
open Dkim.Core.Records
open Dkim.Core.Stores
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Filters.Loading
open Dkim.Tests.Core
open Dkim.Tests.FilterPassages
open Dkim.Tests.Core.FilterExamples

let private files =
    [
        "/set/keys",
        "joe@example.com example.com:/keys/first\nexample.com *:/keys/second\n.example.com *:/keys/second\n"
        "/set/patterns", "*@*.example.com example.com:/keys/first\n*@example.com *:/keys/second\n"
        "/set/hosts", "192.0.2.0/24\n!mail.example.org\n"
    ]

/// The policy that these lines make, and what is wrong with them.
let private read (lines: string list) : struct (FilterPolicy * string list) =
    let found = Starts.find (("conf", String.Join('\n', lines)) :: files)

    let settled =
        Configuration.settle FilterRuns.kind [ "-x"; "conf" ] |> Finding.settle found

    let paths: ListPaths =
        {
            Names = settled.Settings.Names
            BaseDirectory = ""
            Scheme = Dkim
            LeastRsaBits = SigningStrength.leastBits
            Reader = "dkim"
        }

    let lists = Files.load true paths |> Finding.settle found
    struct ({ policy with Lists = lists.Value }, lists.Problems |> List.map Problem.describe)

let private policyOf lines : FilterPolicy =
    let struct (policy, problems) = read lines
    Expect.equal [] problems
    policy

let private readKey (place: KeyPlace) : KeyReading =
    match place with
    | KeyAt(("/keys/first" | "/keys/second"), _) -> KeyFound(rsa.Value, ValueNone)
    | KeyAt("/keys/open", _) -> KeyFound(rsa.Value, ValueSome "everybody")
    | KeyAt _
    | KeyText _ -> KeyUnread "No such file or directory"

/// A store with these rows.
let private having (rows: (string * string) list) (question: StoreQuestion) : StoreAnswer =
    question.Forms
    |> List.choose (fun form ->
        rows
        |> List.tryFind (fst >> (=) form)
        |> Option.map (fun (_, value) ->
            {
                Form = form
                Fields = List.ofArray (value.Split ':')
            }))
    |> StoreAnswer.Rows

let private ours: Way = { local with Keys = readKey }

let private mail (address: string) = from address

let private signatures (ran: Ran) =
    ran.Inserted |> List.filter _.StartsWith("DKIM-Signature:")

let private signedBy (text: string) (ran: Ran) =
    Expect.equal Accepted ran.Ending
    Expect.contains text (List.exactlyOne (signatures ran))

let private deferred (text: string) (ran: Ran) =
    Expect.equal Deferred ran.Ending
    Expect.equal [] (signatures ran)
    Expect.contains text (String.concat "\n" ran.Log)

let private stored = [ "KeyList redis://127.0.0.1/keys" ]

let private keys =
    [
        testCase "a file of opendkim's forms: the address before its domain, parents too" (fun () ->
            let policy = policyOf [ "KeyList file:/set/keys" ]
            runWith policy ours (mail "joe@example.com") |> signedBy "s=first"
            runWith policy ours (mail "ann@EXAMPLE.com") |> signedBy "s=second"
            let below = runWith policy ours (mail "ann@a.example.com")
            signedBy "s=second" below
            signedBy "d=a.example.com" below
            Expect.equal [] (signatures (runWith policy ours (mail "ann@example.net"))))

        testCase "patterns in their order, and a list in the setting itself" (fun () ->
            let policy = policyOf [ "KeyList refile:/set/patterns" ]

            runWith policy ours (mail "joe@a.example.com")
            |> signedBy "d=example.com; s=first"

            runWith policy ours (mail "joe@example.com") |> signedBy "s=second"

            runWith (policyOf [ "KeyList csl:example.org=*:/keys/first" ]) ours (mail "joe@example.org")
            |> signedBy "s=first")

        testCase "a store is asked for the same forms" (fun () ->
            let way =
                { ours with
                    Rows =
                        having
                            [
                                "joe@example.com", "example.com:/keys/first"
                                ".example.com", "*:/keys/second"
                            ]
                }

            runWith (policyOf stored) way (mail "joe@example.com") |> signedBy "s=first"
            runWith (policyOf stored) way (mail "ann@a.example.com") |> signedBy "s=second"
            Expect.equal [] (signatures (runWith (policyOf stored) way (mail "ann@example.com"))))

        testCase "mail of the machine waits for a store that is down; mail of strangers is judged" (fun () ->
            runWith (policyOf stored) ours (mail "joe@example.com")
            |> deferred "KeyList cannot be asked: no store"

            let stranger =
                runWith (policyOf stored) { outside with Keys = readKey } (mail "joe@example.com")

            Expect.equal Accepted stranger.Ending
            Expect.isTrue (stranger.Log |> List.forall (fun line -> not (line.Contains "external host"))) "not told")

        testCase
            "a row that cannot be meant, and a key that cannot be read, keep their sender's mail waiting"
            (fun () ->
                let having value =
                    runWith
                        (policyOf stored)
                        { ours with
                            Rows = having [ "joe@example.com", value ]
                        }
                        (mail "joe@example.com")

                having "example.com" |> deferred "KeyList cannot be asked: malformed value"

                having "example.com:/keys/gone"
                |> deferred "/keys/gone: No such file or directory"

                let opened = having "example.com:/keys/open"
                signedBy "s=open" opened
                Expect.contains "/keys/open: key data is not secure: everybody" (String.concat "\n" opened.Log))
    ]

let private hosts =
    let own = [ "KeyList csl:example.com=*:/keys/first" ]

    let wayOf rows : Way =
        { outside with
            Keys = readKey
            Rows = rows
        }

    [
        testCase "hosts of a file: a no of the name is for the name alone" (fun () ->
            let policy = policyOf ("InternalHosts file:/set/hosts" :: own)

            runWith policy (wayOf Finding.noStore) (mail "joe@example.com")
            |> signedBy "s=first"

            let policy = policyOf ("InternalHosts csl:192.0.2.8,mail.example.com" :: own)
            Expect.equal [] (signatures (runWith policy (wayOf Finding.noStore) (mail "joe@example.com"))))

        testCase "hosts of a store: yes, no, and not known" (fun () ->
            let policy = policyOf ("InternalHosts redis://127.0.0.1/hosts" :: own)

            runWith policy (wayOf (having [ "192.0.2.0/24", "" ])) (mail "joe@example.com")
            |> signedBy "s=first"

            let stranger = runWith policy (wayOf (having [])) (mail "joe@example.com")
            Expect.equal [] (signatures stranger)
            Expect.contains "external host" (String.concat "\n" stranger.Log)

            runWith policy (wayOf Finding.noStore) (mail "joe@example.com")
            |> deferred "InternalHosts cannot be asked: no store"

            let known = wayOf Finding.noStore

            runWith
                policy
                { known with
                    Macros = ("{auth_type}", "PLAIN") :: known.Macros
                }
                (mail "joe@example.com")
            |> signedBy "s=first"

            Expect.equal Accepted (runWith policy (wayOf Finding.noStore) (mail "joe@example.net")).Ending)

        testCase "a peer of a store is left alone, and one that is not known waits" (fun () ->
            let policy =
                policyOf ("PeerList redis://127.0.0.1/peers" :: "InternalHosts csl:192.0.2.7" :: own)

            let peer =
                runWith policy (wayOf (having [ ".example.org", "" ])) (mail "joe@example.com")

            Expect.equal Accepted peer.Ending
            Expect.equal [] peer.Inserted

            runWith policy (wayOf (having [])) (mail "joe@example.com")
            |> signedBy "s=first"

            runWith policy (wayOf Finding.noStore) (mail "joe@example.com")
            |> deferred "PeerList cannot be asked: no store")

        testCase "hosts that may send for others, of a store, are not told of" (fun () ->
            let policy = policyOf ("ExternalIgnoreList redis://127.0.0.1/hosts" :: own)

            let ran =
                runWith policy (wayOf (having [ "192.0.2.7", "" ])) (mail "joe@example.com")

            Expect.isTrue (ran.Log |> List.forall (fun line -> not (line.Contains "external host"))) "not told")
    ]

let private settings =
    [
        testCase "what is wrong with a data set ends the start, without its password" (fun () ->
            let wrong line (text: string) =
                let struct (_, problems) = read [ line ]
                let told = String.concat "\n" problems
                Expect.contains text told
                Expect.isTrue (not (told.Contains "s3cret")) told

            wrong "KeyList csl:joe@example.com=example.com" "malformed"
            wrong "KeyList file:/set/gone" "No such file or directory"
            wrong "KeyList dsn:pgsql://u:s3cret@h/d" "Invalid argument"
            wrong "KeyList memcache:h/k" "data sets are not supported")

        testCase "stores are named by the settings that they serve, each once" (fun () ->
            let policy =
                policyOf
                    [
                        "KeyList redis://127.0.0.1/one"
                        "InternalHosts redis://127.0.0.1/two"
                        "PeerList redis://127.0.0.1/two"
                    ]

            LoadedLists.stores policy.Lists
            |> List.map fst
            |> List.sort
            |> Expect.equal [ "KeyList"; "PeerList, InternalHosts" ])

        testCase "a path is a file of the filter's own form, whatever stands in it" (fun () ->
            let struct (_, problems) = read [ "KeyList /set/keys" ]
            Expect.contains "malformed" (String.concat "\n" problems))
    ]

[<Tests>]
let tests = testList "FilterSetTests" (keys @ hosts @ settings)
