/// `dkim verify` and `dkim explain` of files as people have them: forms, mailboxes, folders, the summary and exit codes.
module Dkim.Tests.Core.ToolMailboxTests

open System
open System.Text.Json
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.MailFiles
open Dkim.Core.Asking
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Running.Command
open Dkim.Core.Programs.Tool.Judging
open Dkim.Tests.Core
open Dkim.Tests.Core.ToolRuns

let private unix (text: string) = text.Replace("\r\n", "\n")

let private separator = "From ann@example.com Fri Nov 20 12:00:00 2026\n"

/// As mboxrd has messages.
let private mailbox (messages: string list) : string =
    messages
    |> List.map (fun text ->
        separator
        + Text.RegularExpressions.Regex.Replace(unix text, "(?m)^(>*From )", ">$1")
        + "\n")
    |> String.concat ""

let private good = signed rsa [] message

let private bad = good.Replace("Bob.", "Rob.")

let private gzipped (text: string) =
    Octets.latin1 (ReadOnlySpan(MailSources.gzip (Octets.ofLatin1 text)))

let private verify (files: (string * string) list) (arguments: string list) : Ran =
    dkim (("z", rsa.Zone) :: files) ([ "verify"; "--zone=z" ] @ arguments)

let private lines (ran: Ran) : JsonElement list =
    ran.Output.TrimEnd('\n').Split '\n'
    |> Array.map (fun line -> JsonDocument.Parse(line).RootElement)
    |> List.ofArray

let private texts (element: JsonElement) : string list =
    [
        for item in element.EnumerateArray() do
            item.GetString() |> string
    ]

let private results (element: JsonElement) : string list =
    [
        for item in element.GetProperty("signatures").EnumerateArray() do
            text "result" item
    ]

let private carrier (inner: string) =
    "From: bob@example.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
    + inner
    + "\r\n--b--\r\n"

[<Tests>]
let tests =
    testList
        "ToolMailboxTests"
        [
            testCase "every form verifies, and is told of on standard error and in JSON" (fun () ->
                let utf16 =
                    "\u00ff\u00fe" + String.collect (fun c -> string c + "\u0000") (unix good)

                let quoted = signed rsa [] (message + "From here on\r\n")

                for name, file, forms in
                    [
                        "gzip", gzipped good, [ "gzip" ]
                        "mbox", mailbox [ good ], [ "mbox" ]
                        "both", gzipped (mailbox [ good ]), [ "gzip"; "mbox" ]
                        "utf-16", utf16, [ "utf-16" ]
                        "mark", "\u00ef\u00bb\u00bf" + unix good, [ "byte-order-mark" ]
                        "blank", "\r\n" + good, [ "blank-lines" ]
                        "quoted", unix quoted |> _.Replace("\nFrom here", "\n>From here"), [ "quoted-from" ]
                        "mbox with quoted", mailbox [ quoted ], [ "mbox"; "quoted-from" ]
                        "mixed", (unix good).Replace("Hello, Bob.\n", "Hello, Bob.\r\n"), [ "mixed-lines" ]
                    ] do
                    Expect.about name (fun () ->
                        let ran = verify [ "f", file ] [ "--json"; "f" ]
                        Expect.equal 0 ran.Code

                        Expect.equal
                            [ [ "pass" ], forms ]
                            (lines ran
                             |> List.map (fun line -> results line, texts (line.GetProperty "read_as")))

                        Expect.contains "dkim: f: note: " ran.Errors.[0..14]))

            testCase "a signature over >From passes as it is" (fun () ->
                let quoted = signed rsa [] (message + ">From here on\r\n")
                let ran = verify [ "f", quoted ] [ "--json"; "f" ]
                Expect.equal [ [ "pass" ] ] (lines ran |> List.map results)
                Expect.equal "" ran.Errors)

            testCase "each message of a mailbox has its number and its line of JSON" (fun () ->
                let ran = verify [ "f", mailbox [ good; message; bad ] ] [ "--json"; "f" ]

                let told =
                    lines ran
                    |> List.map (fun line -> text "file" line, line.GetProperty("message").GetInt32(), results line)

                Expect.equal [ "f", 1, [ "pass" ]; "f", 2, []; "f", 3, [ "fail" ] ] told
                let second = List.item 1 (lines ran)
                Expect.equal "no-field" (text "reason" (second.GetProperty "no_dkim"))

                let first = List.head (lines ran)

                let members =
                    [
                        for entry in first.EnumerateObject() do
                            entry.Name
                    ]

                Expect.equal [ "version"; "file"; "message"; "attached"; "read_as"; "signatures" ] members
                Expect.contains "note: read as a mailbox (mbox) of 3 messages" ran.Errors)

            testCase "several messages have a summary by domain and result" (fun () ->
                let other = good.Replace("d=example.com", "d=example.net")

                let ran =
                    verify [ "f", mailbox [ good; good; bad; message; other ]; "g", good ] [ "f"; "g" ]

                Expect.contains "f message 3: dkim 1: fail d=example.com" ran.Output
                Expect.contains "f message 4: no signatures: the header has 3 fields" ran.Output

                Expect.endsWith
                    ("\n6 messages: 3 with a signature that passes, 2 whose signatures do not pass, 1 without a signature\n\n"
                     + "domain        pass   fail  permerror\n"
                     + "example.com      3      1          .\n"
                     + "example.net      .      .          1\n")
                    ran.Output

                Expect.lacks "messages" (verify [ "f", good ] [ "f" ]).Output)

            testCase "--require=pass is a condition on every message" (fun () ->
                let code files arguments =
                    (verify files ("--require=pass" :: arguments)).Code

                Expect.equal 0 (code [ "f", mailbox [ good; good ] ] [ "f" ])
                Expect.equal 1 (code [ "f", mailbox [ good; bad ] ] [ "f" ])
                Expect.equal 1 (code [ "f", mailbox [ good; message ] ] [ "f" ])
                Expect.equal 0 (verify [ "f", mailbox [ good; bad ] ] [ "f" ]).Code
                // One that passes is enough.
                Expect.equal 0 (code [ "f", signed rsa [ "--selector=none" ] good ] [ "f" ])
                Expect.equal 65 (code [ "f", bad ] [ "f"; "missing" ])
                Expect.equal 65 (code [ "f", good ] [ "f"; "missing" ])

                let silent =
                    "{\"dns\": {}, \"dns_errors\": {\"s._domainkey.example.com\": \"timeout\"}}"

                let waiting files =
                    (dkim (("z", silent) :: files) [ "verify"; "--zone=z"; "--require=pass"; "f" ]).Code

                Expect.equal 75 (waiting [ "f", good ])
                Expect.equal 1 (waiting [ "f", mailbox [ good; message ] ])

                // No message at all proves nothing.
                let none = verify [ "list", "\n" ] [ "--require=pass"; "--batch=list" ]
                Expect.equal (1, "dkim verify: there is no message\n") (none.Code, none.Errors))

            testCase "a folder is all that it has, and of a Maildir what is delivered" (fun () ->
                let files =
                    [ "m/cur/1", good; "m/new/2", message; "m/tmp/3", good; "m/dovecot.index", "x" ]

                let ran = verify files [ "--json"; "m" ]
                Expect.equal [ "m/cur/1"; "m/new/2" ] (lines ran |> List.map (text "file"))
                Expect.contains "1 files in tmp" ran.Errors

                let both = verify [ "d/1", good; "d/box", mailbox [ good; bad ] ] [ "--json"; "d" ]
                Expect.equal [ [ "pass" ]; [ "pass" ]; [ "fail" ] ] (lines both |> List.map results))

            testCase "a name is asked once for all messages, and again for none that failed" (fun () ->
                for answer in [ Answer.NoSuchName Security.Unchecked; Answer.Unavailable "timeout" ] do
                    let files =
                        List.init 30 (fun number -> "d/" + string number, mailbox (List.replicate 50 good))

                    let machine = Machine(files, (fun _ -> answer))
                    let ran = runOn machine "dkim" [ "verify"; "d" ]
                    Expect.contains "1500 messages" ran.Output
                    Expect.equal 1 machine.Asked.Count)

            testCase "messages wait for answers in bounded numbers, and come in order" (fun () ->
                let count = ToolLimits.WaitingMessages + 10
                let machine = Machine([ "f", mailbox (List.replicate count message) ], nothing)
                let ran = runOn machine "dkim" [ "verify"; "--json"; "f" ]

                let numbers =
                    lines ran |> List.map (fun line -> line.GetProperty("message").GetInt32())

                Expect.equal [ 1..count ] numbers
                Expect.equal count machine.Told.Count
                Expect.equal (string count + " messages") machine.Told[count - 1])

            testCase "that names are not asked for is told once" (fun () ->
                let silent _ =
                    Answer.Unavailable LookupCredit.NotAsked

                let machine = Machine([ "f", mailbox [ good; good ]; "g", good ], silent)
                let ran = runOn machine "dkim" [ "verify"; "f"; "g" ]
                Expect.equal 2 (ran.Errors.Split("the name servers do not answer").Length)
                Expect.contains "temperror" ran.Output)

            testCase "a note of one kind is told of three files" (fun () ->
                let files =
                    List.init 9 (fun number -> "d/" + string number, "\u00ef\u00bb\u00bf" + good)

                let ran = verify files [ "d" ]
                Expect.equal 4 (ran.Errors.Split("byte order mark").Length))

            testCase "a file of Outlook is named, with what to do" (fun () ->
                let outlook =
                    "\u00d0\u00cf\u0011\u00e0\u00a1\u00b1\u001a\u00e1"
                    + String.replicate 600 "\u0000"

                for command in [ "verify"; "explain" ] do
                    let ran = dkim [ "z", rsa.Zone; "f.msg", outlook ] [ command; "--zone=z"; "f.msg" ]
                    Expect.equal 65 ran.Code
                    Expect.contains "Outlook (.msg), no message" ran.Errors

                let signing =
                    dkim
                        [ "k", rsa.Pem; "f.msg", outlook ]
                        [ "sign"; "--key=k"; "--selector=s"; "--domain=example.com"; "f.msg" ]

                Expect.equal (65, "") (signing.Code, signing.Output)
                Expect.contains "Outlook (.msg), no message" signing.Errors)

            testCase "what gzip made and is damaged is told of" (fun () ->
                let packed =
                    gzipped (mailbox (List.init 200 (fun number -> message + string (number * 7919) + "\r\n")))

                let ran =
                    verify [ "f", packed.Substring(0, packed.Length / 2) + String.replicate 50 "x" ] [ "f" ]

                Expect.equal 65 ran.Code
                Expect.contains "damaged" ran.Errors)

            testCase "what comes out of gzip is bounded, whatever it is" (fun () ->
                let bomb =
                    gzipped (
                        mailbox [ message; message ]
                        + separator
                        + "A: b\n\n"
                        + String.replicate 3000000 " "
                    )

                Expect.below 20000 bomb.Length
                let machine = Machine([ "f", bomb ], nothing)
                let found = ResizeArray<MailInput.MailItem>()

                let each () (item: MailInput.MailItem) =
                    command {
                        do! tell (ToolProgress.Reading(0, 1, 1))
                        found.Add item
                    }

                let limits: ReadLimits = { Message = 1000; Unpacked = 2000000L }

                let mutable action =
                    run (
                        command {
                            let! struct ((), _) =
                                MailInput.foldWithin
                                    limits
                                    ToolSettings.defaults
                                    (FileKind.Map, "f")
                                    (fun () -> true)
                                    each
                                    ()

                            return 0
                        }
                    )

                while action.ExitCode.IsNone do
                    action <- action.Do machine

                match found |> Seq.map _.Mail |> List.ofSeq with
                | [ Ok _; Ok _; Error says ] -> Expect.contains "unpack it first" says
                | _ -> failtest (string found.Count))

            testCase "--attached judges and explains what is attached" (fun () ->
                let file = carrier good
                let outer = verify [ "f", file ] [ "f" ]
                Expect.contains "f: no signatures: a message that is attached to it has one (--attached" outer.Output
                let inner = verify [ "f", file ] [ "--json"; "--attached"; "f" ]

                Expect.equal
                    [ 1, [ "pass" ], [ "attached" ] ]
                    (lines inner
                     |> List.map (fun line ->
                         line.GetProperty("attached").GetInt32(), results line, texts (line.GetProperty "read_as")))

                let explained =
                    dkim [ "z", rsa.Zone; "f", file ] [ "explain"; "--zone=z"; "--attached"; "f" ]

                Expect.contains "ok the result is pass" explained.Output
                let none = verify [ "f", good ] [ "--attached"; "f" ]
                Expect.equal 65 none.Code
                Expect.contains "no message is attached" none.Errors)

            testCase "explain takes one message of a mailbox" (fun () ->
                let file = mailbox [ message; good; bad ]

                let explain arguments =
                    dkim [ "z", rsa.Zone; "f", file ] ([ "explain"; "--zone=z"; "f" ] @ arguments)

                let first = explain []
                Expect.contains "The message has no signature: the header has 3 fields" first.Output
                Expect.contains "--number takes another" first.Errors
                Expect.contains "ok the result is pass" (explain [ "--number=2" ]).Output
                Expect.contains "NO the result is fail" (explain [ "--number=3" ]).Output
                let beyond = explain [ "--number=4" ]
                Expect.equal (65, "") (beyond.Code, beyond.Output)
                Expect.contains "no message 4" beyond.Errors)

            testCase "explain is about the message as it was before >From" (fun () ->
                let quoted = signed rsa [] (message + "From here on\r\n")
                let file = (unix quoted).Replace("\nFrom here", "\n>From here")
                let ran = dkim [ "z", rsa.Zone; "f", file ] [ "explain"; "--zone=z"; "f" ]
                Expect.contains "ok the result is pass" ran.Output)

            testCase "a credit for silence is used up by silence, and earned back by answers" (fun () ->
                let silence = Answer.Unavailable "timeout"

                let after answer count credit =
                    List.fold (fun credit _ -> LookupCredit.after answer credit) credit [ 1..count ]

                let almost = after silence (LookupCredit.AtOnce - 1) LookupCredit.full
                Expect.isFalse (LookupCredit.isSpent almost) "one is left"
                Expect.isTrue (LookupCredit.isSpent (after silence 1 almost)) "none is left"

                Expect.isTrue
                    (LookupCredit.isSpent (after silence 2 (after (Answer.NoSuchName Security.Unchecked) 8 almost)))
                    "eight answers earn one"

                Expect.isFalse
                    (LookupCredit.isSpent (after silence 1 (after (Answer.NoSuchName Security.Unchecked) 8 almost)))
                    "eight answers earn one"

                Expect.equal LookupCredit.full (after (Answer.Found([], Security.Unchecked)) 10 LookupCredit.full)
                Expect.equal almost (after (Answer.Unavailable "SERVFAIL") 10 almost))
        ]
