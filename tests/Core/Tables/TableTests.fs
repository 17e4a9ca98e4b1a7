/// Data sets: where they are, what they hold, and what they answer.
module Dkim.Tests.Core.TableTests

open System
open System.Net
open System.Text
open Expecto
open Dkim.Core.Tables
open Dkim.Tests

let private octets (text: string) =
    ReadOnlyMemory(Encoding.UTF8.GetBytes text)

let private lines (text: string) = Table.OfLines(true, "/t", octets text)

let private patterns (text: string) =
    Table.OfPatterns(true, "/t", octets text)

let private valueOf (query: string) (table: Table) =
    match table.Find query with
    | Lookup.Found row -> row.Value
    | Lookup.Absent -> "absent"
    | Lookup.Unavailable reason -> "unavailable: " + reason

let private capitals =
    testList
        "capitals"
        [
            testCase "where capitals count, no key is found in others" (fun () ->
                let letters = [ 'a' .. 'z' ]

                let keys =
                    List.allPairs letters letters
                    |> List.map (fun (one, two) -> String [| one; two |])

                let table =
                    Table.OfList(false, String.Join(",", keys |> List.map (fun key -> key + "=" + key)))

                let folding =
                    Table.OfList(true, String.Join(",", keys |> List.map (fun key -> key + "=" + key)))

                for key in keys do
                    Expect.equal key (valueOf key table)
                    Expect.equal "absent" (valueOf (key.ToUpperInvariant()) table)
                    Expect.equal key (valueOf (key.ToUpperInvariant()) folding))
        ]

let private places =
    testList
        "places"
        [
            for value, place in
                [
                    "csl:a,b", Ok(Inline "a,b")
                    "a,b", Ok(Inline "a,b")
                    "127.0.0.1,::1", Ok(Inline "127.0.0.1,::1")
                    "[fd00::]/40", Ok(Inline "[fd00::]/40")
                    "-", Ok(Inline "-")
                    "TrustedHosts", Ok(Inline "TrustedHosts")
                    "/etc/hosts", Ok(Lines "/etc/hosts")
                    "FILE:keys", Ok(Lines "keys")
                    "refile:/etc/signing", Ok(Patterns "/etc/signing")
                    "::1", Error(UnknownSetType "")
                    "::1,127.0.0.1", Error(UnknownSetType "")
                    "foo:bar", Error(UnknownSetType "foo")
                    "file:", Error NoPath
                ] do
                testCase value (fun () -> Expect.equal place (SetPlace.parse value))

            for value, shown in
                [
                    "keys.db", "keys.db"
                    "db:/k", "db:/k"
                    "mdb:/k", "mdb:/k"
                    "sql:/etc/f", "sql:/etc/f"
                    "dsn:pgsql://u:p@h/d/table=t?keycol=k?datacol=a", "dsn:pgsql://u:***@h/d/table=t?keycol=k?datacol=a"
                    "ldap://h/dc=x?a?sub?(b=$d)", "ldap://h/dc=x?a?sub?(b=$d)"
                    "redis://:p@h:1/keys", "redis://:***@h:1/keys"
                    "socket:/run/s", "socket:/run/s"
                    "socket:1@h", "socket:1@h"
                ] do
                testCase ("in a store: " + value) (fun () ->
                    match SetPlace.parse value with
                    | Ok(Stored _ | Statement _ as place) -> Expect.equal shown (SetPlace.show place)
                    | other -> failtest (string other))

            for value in [ "dsn:pgsql://h/d"; "ldap://h"; "redis:h"; "socket:h" ] do
                testCase ("a store that cannot be told: " + value) (fun () ->
                    match SetPlace.parse value with
                    | Error(BadStore _ as error) -> Expect.contains "Invalid argument" (SetPlace.describe error)
                    | other -> failtest (string other))

            for value in [ "lua:/s"; "memcache:h/p"; "erlang:n"; "repute:h" ] do
                testCase ("not served: " + value) (fun () ->
                    match SetPlace.parse value with
                    | Error(NotServed _ as error) -> Expect.contains "not supported" (SetPlace.describe error)
                    | other -> failtest (string other))
        ]

let private texts =
    testList
        "texts"
        [
            testCase "names of keys are told apart by capitals, wherever they lie in the index" (fun () ->
                let names = List.init 64 (fun number -> "key" + string number)
                let table = Table.OfList(false, String.Join(',', names))

                for name in names do
                    Expect.equal (Lookup.Found()) (table.Has name)
                    Expect.equal Lookup.Absent (table.Has(name.ToUpperInvariant())))

            testCase "a comment ends a line, blanks around key and value go, inside they stay" (fun () ->
                let table = lines "key1 a#b:c\n  key2   d : e : f  \n#x y\nkey3\r\n"
                Expect.equal "a" (valueOf "key1" table)
                Expect.equal "d : e : f" (valueOf "KEY2" table)
                Expect.equal "" (valueOf "key3" table)
                Expect.equal "absent" (valueOf "#x" table)
                Expect.equal "/t line 4" (table.Located 2))

            testCase "whether a value has its fields" (fun () ->
                let table = lines "k\nk :b:c\nk a:b\nk a:b:\nk a:b:c\nk a:b:c:d\n"

                let has count =
                    [ 0..5 ] |> List.map (fun entry -> table.HasFields(entry, count))

                Expect.equal [ false; true; true; true; true; true ] (has 1)
                Expect.equal [ false; false; true; true; true; true ] (has 2)
                Expect.equal [ false; false; false; false; true; true ] (has 3))

            testCase "the first of two lines counts" (fun () ->
                Expect.equal "one" (valueOf "a" (lines "a one\nA two\n")))

            testCase "names of keys are told apart by capitals" (fun () ->
                let table = Table.OfLines(false, "/t", octets "a one\nA two\n")
                Expect.equal "two" (valueOf "A" table))

            // Of so many, some have the same hash, whatever the hash is.
            testCase "names of keys that differ in capitals are told apart where their hashes meet, too" (fun () ->
                let name number =
                    String.init 18 (fun at -> if (number >>> at) &&& 1 = 1 then "A" else "a")

                let names = Array.init (1 <<< 18) name
                let line (name: string) = name + " " + name + "\n"
                let table = Table.OfLines(false, "/t", octets (String.Concat(Seq.map line names)))

                for name in names do
                    if valueOf name table <> name then
                        Expect.equal name (valueOf name table))

            testCase "the elements of a list" (fun () ->
                let table = Table.OfList(true, " a = b c , d=e:f,g,,")
                Expect.equal 3 table.Count
                Expect.equal "b c" (valueOf "a" table)
                Expect.equal [ "e"; "f" ] (Row.fields 2 (valueOf "D" table))
                Expect.equal "" (valueOf "g" table))

            testCase "a line of any length" (fun () ->
                let value = String('x', 100000)
                Expect.equal value (valueOf "k" (lines ("k " + value))))

            testCase "what could not be read answers nothing" (fun () ->
                Expect.equal "unavailable: why" (valueOf "k" (Table.Unread(Lines "/t", "why"))))
        ]

let private ofPatterns =
    testList
        "patterns"
        [
            testCase "a star is any text, a dot and a plus are themselves" (fun () ->
                let table = patterns "*@example.com one\nx+y@* two\n"
                Expect.equal "one" (valueOf "Joe@Example.com" table)
                Expect.equal "absent" (valueOf "joe@exampleXcom" table)
                Expect.equal "two" (valueOf "x+y@z" table)
                Expect.equal "absent" (valueOf "xxy@z" table))

            testCase "the first line that matches, and all of them" (fun () ->
                let table = patterns "*@*.b.c one\nu@a.b.c two\n* three\n*@x four\n"
                Expect.equal "one" (valueOf "u@a.b.c" table)
                Expect.equal "three" (valueOf "u@x" table)

                match table.FindAll "u@a.b.c" with
                | Lookup.Found rows -> Expect.equal [ "one"; "two"; "three" ] (rows |> List.map _.Value)
                | other -> failtest (string other))

            testCase "other operators" (fun () ->
                let table =
                    patterns
                        "joe@[ab].net one\na|b two\nq? three\n(x|yy)z four\n\\[1\\] five\n[^0-9] six\n[[:digit:]]-[c-e] seven\n"

                for query, value in
                    [
                        "joe@A.net", "one"
                        "joe@c.net", "absent"
                        "b", "two"
                        "", "three"
                        "q", "three"
                        "yyz", "four"
                        "[1]", "five"
                        "k", "six"
                        "7", "absent"
                        "7-d", "seven"
                    ] do
                    Expect.equal value (valueOf query table))

            testCase "a line that begins with a blank is none, and what cannot be read is told" (fun () ->
                let table = patterns " a one\nb( two\nc{2} three\n*+ four\n"
                Expect.equal "absent" (valueOf "a" table)
                Expect.equal [ 0; 1 ] table.Unreadable)

            testCase "no pattern makes a match dear" (fun () ->
                let table = patterns (String.replicate 40 "(*|a)?" + "b one\n")
                Expect.equal "absent" (valueOf (String('a', 1000)) table))
        ]

let private client (host: string) (address: string) (set: HostSet) =
    set.Has(host, IPAddress.Parse address) = Lookup.Found true

let private hosts =
    let list =
        "127.0.0.1\n.inside.example.com\n!guest.inside.example.com\n192.0.2.0/24\n!192.0.2.13\n[192.0.2.99]\n\
         198.51.100.0/255.255.255.0\n2001:db8::/32\n!2001:db8:bad::/48\n2001:DB8:FFFF::1\n10.1.2.3/8\n"

    testList
        "hosts"
        [
            for host, address, isIn in
                [
                    "h", "127.0.0.1", true
                    "h", "127.0.0.2", false
                    "A.Inside.Example.COM", "203.0.113.1", true
                    "inside.example.com", "203.0.113.1", false
                    "guest.inside.example.com", "203.0.113.1", false
                    "x.guest.inside.example.com", "203.0.113.1", true
                    "guest.inside.example.com", "192.0.2.1", true
                    "h", "192.0.2.12", true
                    "h", "192.0.2.13", false
                    "h", "192.0.2.99", true
                    "h", "198.51.100.7", false
                    "h", "2001:db8:1::25", true
                    "h", "2001:db8:bad::25", false
                    "h", "2001:db8:ffff::1", true
                    "h", "10.1.2.3", false
                    "[192.0.2.12]", "203.0.113.1", false
                ] do
                testCase (host + " " + address) (fun () ->
                    Expect.equal isIn (client host address (HostSet.ofTable (lines list))))

            testCase "entries that match no client are told" (fun () ->
                let doubts = HostSet.doubts (HostSet.ofTable (lines list))

                Expect.equal
                    [
                        "/t line 7: 198.51.100.0/255.255.255.0 is not a network (198.51.100.0/24 is) and matches no client"
                        "/t line 11: 10.1.2.3/8 is not a network (10.0.0.0/8 is) and matches no client"
                    ]
                    doubts

                let patterns = HostSet.ofTable (patterns "*.example.com\n192.0.2.*\n")
                Expect.equal true (client "h" "192.0.2.9" patterns)
                Expect.equal false (client "web.example.com" "203.0.113.1" patterns)
                Expect.equal 1 (HostSet.doubts patterns).Length)

            for address, text in
                [
                    "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"
                    "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"
                    "::ffff:192.0.2.1", "::ffff:192.0.2.1"
                    "::", "::"
                    "::1", "::1"
                    "fe80::5efe:c000:201", "fe80::5efe:c000:201"
                    "::192.0.2.1", "::192.0.2.1"
                ] do
                testCase ("text of " + address) (fun () ->
                    Expect.equal text (HostText.ofOctets ((IPAddress.Parse address).GetAddressBytes())))
        ]

let private forms =
    testList
        "forms of addresses"
        [
            testCase "a sender" (fun () ->
                Expect.equal
                    [ "u@a.b.c"; "a.b.c"; "u@.b.c"; ".b.c"; "u@.c"; ".c"; "u@*"; "*" ]
                    (AddressForms.ofSender "u" "a.b.c"))

            testCase "a recipient" (fun () ->
                Expect.equal [ "u@a.b"; "*@a.b"; "u@.b"; "*@.b"; "u@*"; "*" ] (AddressForms.ofRecipient "u" "a.b"))

            testCase "all entries of a sender in a table of texts" (fun () ->
                match AddressForms.findSenders (lines "* three\n.c two\nu@b.c one\n") "u" "b.c" with
                | Lookup.Found rows -> Expect.equal [ "one"; "two"; "three" ] (rows |> List.map _.Value)
                | other -> failtest (string other))

            testCase "no letter beyond ASCII is found" (fun () ->
                Expect.equal
                    Lookup.Absent
                    (AddressForms.findSender (lines "müller@example.com one\n") "müller" "example.com"))
        ]

[<Tests>]
let tests =
    testList "TableTests" [ places; capitals; texts; ofPatterns; hosts; forms ]
