/// dkimproxy.out's decision, as a table: settings, maps and a sender on one side, signatures on the other.
module Dkim.Tests.Core.SigningDecisionTests

open Expecto
open Dkim.Tests
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Tests.Core
open Dkim.Tests.Starts
open Dkim.Tests.ProxyRuns

let private base' = [ "--keyfile=key"; "--selector=sel"; "--relay=h" ]

let private start maps arguments =
    startOut (("key", fst rsa2048.Value) :: ("ed", fst ed25519.Value) :: maps) (base' @ arguments)
    |> serving

let private message from =
    "From: "
    + from
    + "\nTo: you@example.net\nSubject: hi\nMessage-ID: <1@x>\n\nbody\n"

/// Domain and scheme of each signature: `d=example.org` or `dk:example.org`.
let private signatures program message =
    match pass [] program message with
    | Relayed("", 0L), [ line ], _ when line.StartsWith "DKIM signing - skipped" -> "skipped"
    | Relayed(head, 0L), _, _ ->
        fieldsOf head
        |> List.map (fun (name, value) ->
            let field = Field.ofText name (" " + value)

            if name = "DKIM-Signature" then
                (Signature.parse SignatureLimits.defaults field |> Expect.ok).Domain.Text
            else
                "dk:" + value.Substring(value.IndexOf "d=" + 2).Split(';')[0])
        |> String.concat " "
    | Relayed(_, replaced), _, _ -> "replaced " + string replaced
    | Refused(code, text), _, _ -> string code + " " + text

let private senders =
    "Joe@Example.Org dkim(d=example.com)\nwidget.example domainkeys\nexample.org dkim(c=relaxed), domainkeys(c=nofws)\n"

let private fieldOf program message =
    match pass [] program message with
    | Relayed(head, 0L), _, _ -> fieldsOf head |> List.head |> snd
    | outcome, _, _ ->
        failtest (string (box outcome))
        ""

/// What cannot be signed: settings, a message, and the reason.
let private failures =
    [
        [ "--sender_map=map" ], message "a@macro.example", "temperror (unknown macro $nobody)"
        [ "--domain=example.org"; "--identity=@other.example" ],
        message "a@example.org",
        "temperror (identity @other.example is neither at nor below example.org)"
        [ "--domain=example.org" ], "To: you@x\n\nbody\n", "permerror (no From field to sign)"
        [ "--domain=example.org"; "--max_header_octets=1024" ],
        "X: " + String.replicate 2000 "x" + "\n\nbody\n",
        "permerror (header longer than 1024 octets)"
        [ "--domain=example.org"; "--max_header_fields=10" ],
        String.replicate 11 "X: y\n" + "\nbody\n",
        "permerror (more than 10 header fields)"
    ]

let private badMap =
    "gone.example dkim(key=gone)\nbad.example pgp\nmacro.example dkim(d=$nobody)\n"
    + "odd.example dkim(c=odd)\nunfit.example dkim(a=ed25519-sha256)\nname.example dkim(s=-)\nwhere.example dkim(d=a..b)\n"
    + "who.example dkim(i=@else.example)\n"
    + "good.example dkim\n"

/// Mail of lines of a map that can sign nothing.
let private waiting =
    [
        "gone", "cannot read keyfile gone: file not found"
        "bad", "invalid signature type pgp"
        "odd", "invalid method odd"
        "unfit", "algorithm ed25519-sha256 does not fit the key"
        "name", "bad selector -"
        "where", "bad domain a..b"
        "who", "identity @else.example is neither at nor below who.example"
    ]

[<Tests>]
let tests =
    testList
        "SigningDecisionTests"
        [
            testRows
                "domains of the settings"
                [
                    ("example.org", "joe@example.org", "example.org")
                    ("example.org", "joe@other.example", "example.org")
                    ("example.org", "nobody", "example.org")
                    ("example.org,example.com", "joe@example.com", "example.com")
                    ("example.org,example.com", "joe@sub.EXAMPLE.com", "example.com")
                    ("example.org,sub.example.org", "joe@sub.example.org", "sub.example.org")
                    ("example.org,example.com", "joe@notexample.com", "skipped")
                    ("example.org,example.com", "nobody", "skipped")
                ]
                (fun (domains: string, sender: string, expected: string) ->
                    signatures (start [] [ "--domain=" + domains ]) (message sender)
                    |> Expect.equal expected)

            testRows
                "signatures of the settings, in their order"
                [
                    ("dkim(d=other.example)", "joe@example.org", "other.example")
                    ("domainkeys", "joe@sub.example.org", "dk:example.org")
                    ("domainkeys", "joe@other.example", "skipped")
                    ("dkim domainkeys", "joe@other.example", "example.org")
                    ("dkim domainkeys", "joe@example.org", "example.org dk:example.org")
                    ("domainkeys dkim(s=b) dkim", "joe@example.org", "dk:example.org example.org example.org")
                    ("dkim(d=$senderdomain)", "joe@Sub.Example.Org", "sub.example.org")
                ]
                (fun (specifiers: string, sender: string, expected: string) ->
                    let given =
                        specifiers.Split ' '
                        |> List.ofArray
                        |> List.map (fun text -> "--signature=" + text)

                    signatures (start [] (given @ [ "--domain=example.org" ])) (message sender)
                    |> Expect.equal expected)

            testCase "a signature with its own domain signs everything" (fun () ->
                signatures (start [] [ "--signature=dkim(d=example.com)" ]) (message "joe@other.example")
                |> Expect.equal "example.com")

            testRows
                "a sender map chooses, and its key is the domain"
                [
                    ("joe@example.org", "example.com")
                    ("Joe <JOE+x@EXAMPLE.org>", "example.com")
                    ("ann@example.org", "example.org dk:example.org")
                    ("ann@mail.example.org", "example.org dk:example.org")
                    ("ann@widget.example", "dk:widget.example")
                    ("ann@elsewhere.example", "skipped")
                ]
                (fun (sender: string, expected: string) ->
                    signatures (start [ "map", senders ] [ "--sender_map=map" ]) (message sender)
                    |> Expect.equal expected)

            testCase "signatures of the settings serve whom the map does not know" (fun () ->
                let arguments =
                    [ "--sender_map=map"; "--signature=dkim"; "--domain=fallback.example" ]

                signatures (start [ "map", senders ] arguments) (message "a@elsewhere.example")
                |> Expect.equal "fallback.example"

                signatures (start [ "map", senders ] arguments) (message "joe@example.org")
                |> Expect.equal "example.com")

            testRows
                "the dot of a map serves everyone with a domain"
                [
                    ("joe@anywhere.example", "anywhere.example")
                    ("nobody", "550 DKIM - permerror (domain not specified)")
                ]
                (fun (sender: string, expected: string) ->
                    let program = start [ "map", ". dkim" ] [ "--sender_map=map"; "--reject-error" ]
                    let actual = signatures program (message sender)

                    if sender = "nobody" then
                        Expect.equal "450 DKIM - temperror (domain not specified)" actual
                    else
                        Expect.equal expected actual)

            testCase "the dot of a map takes the settings' domain where there is one" (fun () ->
                let program =
                    start [ "map", ". dkim" ] [ "--sender_map=map"; "--domain=example.org" ]

                signatures program (message "nobody") |> Expect.equal "example.org")

            testCase "Sender goes before From" (fun () ->
                let program = start [ "map", senders ] [ "--sender_map=map" ]

                signatures program ("Sender: ann@widget.example\n" + message "joe@example.org")
                |> Expect.equal "dk:widget.example"

                signatures program ("Sender: nonsense\n" + message "joe@example.org")
                |> Expect.equal "example.com")

            testRows
                "a list-id map goes before the senders"
                [
                    ("<news.lists.example.org>", "lists.example.org")
                    ("The News <NEWS.lists.example.org>", "lists.example.org")
                    ("<other.lists.example.net>", "lists.example.net")
                    ("<x.unknown.example>", "sender.example")
                    ("no brackets", "sender.example")
                ]
                (fun (listId: string, expected: string) ->
                    let lists = "news.lists.example.org dkim\nlists.example.net dkim\n"

                    let program =
                        start
                            [ "lists", lists; "map", "sender.example dkim" ]
                            [ "--listid_map=lists"; "--sender_map=map" ]

                    signatures program ("List-Id: " + listId + "\n" + message "a@sender.example")
                    |> Expect.equal expected)

            testRows
                "macros of a map's line"
                [
                    ("dkim(d=$key)", "example.org")
                    ("dkim(d=mail.$keydomain)", "mail.example.org")
                    ("dkim(d=$senderdomain)", "sub.example.org")
                ]
                (fun (specifier: string, expected: string) ->
                    let program =
                        start
                            [ "map", "ann@example.org dkim(d=no.example)\nexample.org " + specifier ]
                            [ "--sender_map=map" ]

                    signatures program (message "ann@sub.example.org") |> Expect.equal expected)

            proves
                [ "RFC6376-3.3-1"; "RFC8463-5-2" ]
                (testRows
                    "what a signature says"
                    [
                        ("",
                         "a=rsa-sha256; c=relaxed/relaxed; d=example.org; h=from:to:subject:message-id; s=sel; t=1700000000; bh=")
                        ("--keyfile=ed", "a=ed25519-sha256; c=relaxed/relaxed;")
                        ("--method=simple", "a=rsa-sha256; c=simple; d=")
                        ("--method=relaxed", "a=rsa-sha256; c=relaxed; d=")
                        ("--method=simple/relaxed", "c=simple/relaxed;")
                        ("--method=nowsp", "c=relaxed/relaxed;")
                        ("--signature=dkim(a=rsa-sha1)", "a=rsa-sha1; c=relaxed/relaxed;")
                        ("--signature=dkim(s=other)", "s=other;")
                        ("--signature=dkim(key=ed)", "a=ed25519-sha256;")
                        ("--identity=@example.org", "s=sel; i=@example.org; t=")
                        ("--identity=$sender", "i=joe@sub.example.org;")
                        ("--signature=dkim(i=list@lists.example.org)", "i=list@lists.example.org;")
                        ("--seal",
                         "h=from:to:subject:message-id:from:to:cc:subject:date:reply-to:message-id:mime-version:content-type:content-transfer-encoding; s=")
                    ]
                    (fun (argument: string, part: string) ->
                        let arguments =
                            if argument = "" then
                                []
                            else
                                List.ofArray (argument.Split ' ')

                        let value =
                            fieldOf (start [] ([ "--domain=example.org" ] @ arguments)) (message "joe@sub.example.org")

                        Expect.contains part value))

            testCase "methods by type go before the common one" (fun () ->
                let arguments =
                    [
                        "--signature=domainkeys"
                        "--domainkeys_method=simple"
                        "--method=nofws"
                        "--dkim_method=relaxed"
                        "--domain=example.org"
                    ]

                Expect.contains "c=simple;" (fieldOf (start [] arguments) (message "joe@example.org"))

                Expect.contains
                    "c=relaxed;"
                    (fieldOf (start [] ("--signature=dkim" :: List.tail arguments)) (message "joe@example.org")))

            proves
                [ "RFC6376-5.4-2"; "RFC6376-5.4-3"; "RFC6376-5.4.2-2" ]
                (testCase "every field that is signed is named as often as it is there, and no other is" (fun () ->
                    let text =
                        "Received: x\nReturn-Path: <a@b>\nFrom: joe@example.org\nComments: y\nCc: a@x\nCc: b@x\nList-Id: <l.x>\nX-Mine: z\n"
                        + "DKIM-Signature: v=1\nMIME-Version: 1.0\n\nbody\n"

                    fieldOf (start [] [ "--domain=example.org" ]) text
                    |> Expect.contains "h=from:cc:cc:list-id:mime-version;"))

            proves
                [ "RFC6376-5.1-1" ]
                (testCase "what cannot be signed passes unsigned with a warning, or is refused" (fun () ->
                    for arguments, message, reason in failures do
                        let outcome, log, _ = pass [] (start [ "map", badMap ] arguments) message
                        Expect.equal (Relayed("", 0L)) outcome
                        Expect.equal 2 log.Length
                        Expect.equal ("signing error: " + reason.Substring(11).TrimEnd(')')) log[0]
                        Expect.contains ("DKIM signing - " + reason + "; ") log[1]

                        let refused, _, _ =
                            pass [] (start [ "map", badMap ] ("--reject-error" :: arguments)) message

                        let code = if reason.StartsWith "perm" then 550 else 450
                        Expect.equal (Refused(code, "DKIM - " + reason)) refused))

            testCase "mail of a map's line that can sign nothing waits, whatever reject_error says" (fun () ->
                for arguments in [ []; [ "--reject-error" ] ] do
                    let program = start [ "map", badMap ] ("--sender_map=map" :: arguments)

                    for name, reason in waiting do
                        let outcome, log, _ = pass [] program (message ("a@" + name + ".example"))

                        match outcome with
                        | Refused(450, text) -> Expect.contains ("DKIM - temperror (" + reason) text
                        | _ -> failtest (name + ": " + string (box outcome))

                        Expect.equal 2 log.Length
                        Expect.contains ("signing error: " + reason) log[0]

                    signatures program (message "a@good.example") |> Expect.equal "good.example"

                    let told = program.Notices |> List.map _.Text

                    for name, _ in waiting do
                        Expect.isTrue (told |> List.exists _.Contains(": " + name + ".example: ")) name)

            proves
                [ "RFC4870-3.5.2-1" ]
                (testCase "a message signed with DomainKeys before gets the other signatures" (fun () ->
                    let program =
                        start [] [ "--signature=dkim"; "--signature=domainkeys"; "--domain=example.org" ]

                    signatures program ("DomainKey-Signature: a=b\n" + message "joe@example.org")
                    |> Expect.equal "example.org"))

            testCase "the log line is the original's" (fun () ->
                let _, log, _ =
                    pass [] (start [] [ "--domain=example.org" ]) (message "Joe <joe@sub.example.org>")

                Expect.equal
                    [
                        "DKIM signing - signed; message-id=<1@x>, signer=<@example.org>, from=<joe@sub.example.org>"
                    ]
                    log)

            testCase "a message cannot write its own log" (fun () ->
                let text =
                    "From: joe@example.org\nMessage-ID: <a>, signer=<@bank.example\n \u001b[2J>\nSender: \"x>, y=<z\"@example.org\n\nbody\n"

                let _, log, _ = pass [] (start [] [ "--domain=example.org" ]) text
                Expect.equal 1 log.Length
                Expect.isTrue (log[0] |> Seq.forall (fun c -> c >= ' ' && c < '\127')) log[0]
                Expect.equal 1 (log[0].Split("signer=<").Length - 1)
                Expect.equal 1 (log[0].Split("sender=<").Length - 1)
                Expect.lacks "y=<" log[0])

            testRows
                "any message has a decision"
                [
                    ""
                    "\n"
                    "body only"
                    "\n\n\n"
                    ": x\n\n"
                    "From\n\n"
                    "From: \u0000\u00ff@\u00e9\n\nx"
                    "From: a@b.example\nFrom: c@d.example\n\nx"
                    "List-Id: <>\nFrom: @\n\nx"
                    "List-Id: ><\nSender: <\nFrom: a@b@c\n\nx"
                ]
                (fun (text: string) ->
                    let arguments =
                        [
                            "--domain=example.org"
                            "--listid_map=map"
                            "--sender_map=map"
                            "--signature=dkim"
                            "--signature=domainkeys"
                        ]

                    let outcome, log, _ =
                        pass [] (start [ "map", "b.example dkim(i=$sender)\n" ] arguments) text

                    Expect.isTrue (log.Length > 0) (string (box outcome)))
        ]
