/// dkimproxy.out's decision, as a table: settings, maps and a sender on one side, signatures on the other.
module Dkim.Conformance.SigningDecisionTests

open NUnit.Framework
open Dkim.Core
open Dkim.Conformance
open Dkim.Conformance.Starts
open Dkim.Conformance.ProxyRuns

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

[<TestCase("example.org", "joe@example.org", "example.org")>]
[<TestCase("example.org", "joe@other.example", "example.org")>]
[<TestCase("example.org", "nobody", "example.org")>]
[<TestCase("example.org,example.com", "joe@example.com", "example.com")>]
[<TestCase("example.org,example.com", "joe@sub.EXAMPLE.com", "example.com")>]
[<TestCase("example.org,sub.example.org", "joe@sub.example.org", "sub.example.org")>]
[<TestCase("example.org,example.com", "joe@notexample.com", "skipped")>]
[<TestCase("example.org,example.com", "nobody", "skipped")>]
let ``domains of the settings`` (domains: string, sender: string, expected: string) =
    signatures (start [] [ "--domain=" + domains ]) (message sender)
    |> Expect.equal expected

[<TestCase("dkim(d=other.example)", "joe@example.org", "other.example")>]
[<TestCase("domainkeys", "joe@sub.example.org", "dk:example.org")>]
[<TestCase("domainkeys", "joe@other.example", "skipped")>]
[<TestCase("dkim domainkeys", "joe@other.example", "example.org")>]
[<TestCase("dkim domainkeys", "joe@example.org", "example.org dk:example.org")>]
[<TestCase("domainkeys dkim(s=b) dkim", "joe@example.org", "dk:example.org example.org example.org")>]
[<TestCase("dkim(d=$senderdomain)", "joe@Sub.Example.Org", "sub.example.org")>]
let ``signatures of the settings, in their order`` (specifiers: string, sender: string, expected: string) =
    let given =
        specifiers.Split ' '
        |> List.ofArray
        |> List.map (fun text -> "--signature=" + text)

    signatures (start [] (given @ [ "--domain=example.org" ])) (message sender)
    |> Expect.equal expected

[<Test>]
let ``a signature with its own domain signs everything`` () =
    signatures (start [] [ "--signature=dkim(d=example.com)" ]) (message "joe@other.example")
    |> Expect.equal "example.com"

let private senders =
    "Joe@Example.Org dkim(d=example.com)\nwidget.example domainkeys\nexample.org dkim(c=relaxed), domainkeys(c=nofws)\n"

[<TestCase("joe@example.org", "example.com")>]
[<TestCase("Joe <JOE+x@EXAMPLE.org>", "example.com")>]
[<TestCase("ann@example.org", "example.org dk:example.org")>]
[<TestCase("ann@mail.example.org", "example.org dk:example.org")>]
[<TestCase("ann@widget.example", "dk:widget.example")>]
[<TestCase("ann@elsewhere.example", "skipped")>]
let ``a sender map chooses, and its key is the domain`` (sender: string, expected: string) =
    signatures (start [ "map", senders ] [ "--sender_map=map" ]) (message sender)
    |> Expect.equal expected

[<Test>]
let ``signatures of the settings serve whom the map does not know`` () =
    let arguments =
        [ "--sender_map=map"; "--signature=dkim"; "--domain=fallback.example" ]

    signatures (start [ "map", senders ] arguments) (message "a@elsewhere.example")
    |> Expect.equal "fallback.example"

    signatures (start [ "map", senders ] arguments) (message "joe@example.org")
    |> Expect.equal "example.com"

[<TestCase("joe@anywhere.example", "anywhere.example")>]
[<TestCase("nobody", "550 DKIM - permerror (domain not specified)")>]
let ``the dot of a map serves everyone with a domain`` (sender: string, expected: string) =
    let program = start [ "map", ". dkim" ] [ "--sender_map=map"; "--reject-error" ]
    let actual = signatures program (message sender)

    if sender = "nobody" then
        Expect.equal "450 DKIM - temperror (domain not specified)" actual
    else
        Expect.equal expected actual

[<Test>]
let ``the dot of a map takes the settings' domain where there is one`` () =
    let program =
        start [ "map", ". dkim" ] [ "--sender_map=map"; "--domain=example.org" ]

    signatures program (message "nobody") |> Expect.equal "example.org"

[<Test>]
let ``Sender goes before From`` () =
    let program = start [ "map", senders ] [ "--sender_map=map" ]

    signatures program ("Sender: ann@widget.example\n" + message "joe@example.org")
    |> Expect.equal "dk:widget.example"

    signatures program ("Sender: nonsense\n" + message "joe@example.org")
    |> Expect.equal "example.com"

[<TestCase("<news.lists.example.org>", "lists.example.org")>]
[<TestCase("The News <NEWS.lists.example.org>", "lists.example.org")>]
[<TestCase("<other.lists.example.net>", "lists.example.net")>]
[<TestCase("<x.unknown.example>", "sender.example")>]
[<TestCase("no brackets", "sender.example")>]
let ``a list-id map goes before the senders`` (listId: string, expected: string) =
    let lists = "news.lists.example.org dkim\nlists.example.net dkim\n"

    let program =
        start [ "lists", lists; "map", "sender.example dkim" ] [ "--listid_map=lists"; "--sender_map=map" ]

    signatures program ("List-Id: " + listId + "\n" + message "a@sender.example")
    |> Expect.equal expected

[<TestCase("dkim(d=$key)", "example.org")>]
[<TestCase("dkim(d=mail.$keydomain)", "mail.example.org")>]
[<TestCase("dkim(d=$senderdomain)", "sub.example.org")>]
let ``macros of a map's line`` (specifier: string, expected: string) =
    let program =
        start [ "map", "ann@example.org dkim(d=no.example)\nexample.org " + specifier ] [ "--sender_map=map" ]

    signatures program (message "ann@sub.example.org") |> Expect.equal expected

let private fieldOf program message =
    match pass [] program message with
    | Relayed(head, 0L), _, _ -> fieldsOf head |> List.head |> snd
    | outcome, _, _ ->
        Assert.Fail(string (box outcome))
        ""

[<Category "RFC6376-3.3-1">]
[<Category "RFC8463-5-2">]
[<TestCase("", "a=rsa-sha256; c=relaxed/relaxed; d=example.org; h=from:to:subject:message-id; s=sel; t=1700000000; bh=")>]
[<TestCase("--keyfile=ed", "a=ed25519-sha256; c=relaxed/relaxed;")>]
[<TestCase("--method=simple", "a=rsa-sha256; c=simple; d=")>]
[<TestCase("--method=relaxed", "a=rsa-sha256; c=relaxed; d=")>]
[<TestCase("--method=simple/relaxed", "c=simple/relaxed;")>]
[<TestCase("--method=nowsp", "c=relaxed/relaxed;")>]
[<TestCase("--signature=dkim(a=rsa-sha1)", "a=rsa-sha1; c=relaxed/relaxed;")>]
[<TestCase("--signature=dkim(s=other)", "s=other;")>]
[<TestCase("--signature=dkim(key=ed)", "a=ed25519-sha256;")>]
[<TestCase("--identity=@example.org", "s=sel; i=@example.org; t=")>]
[<TestCase("--identity=$sender", "i=joe@sub.example.org;")>]
[<TestCase("--signature=dkim(i=list@lists.example.org)", "i=list@lists.example.org;")>]
[<TestCase("--seal",
           "h=from:to:subject:message-id:from:to:cc:subject:date:reply-to:message-id:mime-version:content-type:content-transfer-encoding; s=")>]
let ``what a signature says`` (argument: string, part: string) =
    let arguments =
        if argument = "" then
            []
        else
            List.ofArray (argument.Split ' ')

    let value =
        fieldOf (start [] ([ "--domain=example.org" ] @ arguments)) (message "joe@sub.example.org")

    Expect.contains part value

[<Test>]
let ``methods by type go before the common one`` () =
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
        (fieldOf (start [] ("--signature=dkim" :: List.tail arguments)) (message "joe@example.org"))

[<Category "RFC6376-5.4-2">]
[<Category "RFC6376-5.4-3">]
[<Category "RFC6376-5.4.2-2">]
[<Test>]
let ``every field that is signed is named as often as it is there, and no other is`` () =
    let text =
        "Received: x\nReturn-Path: <a@b>\nFrom: joe@example.org\nComments: y\nCc: a@x\nCc: b@x\nList-Id: <l.x>\nX-Mine: z\n"
        + "DKIM-Signature: v=1\nMIME-Version: 1.0\n\nbody\n"

    fieldOf (start [] [ "--domain=example.org" ]) text
    |> Expect.contains "h=from:cc:cc:list-id:mime-version;"

/// What cannot be signed: settings, a message, and the reason.
let private failures =
    [
        [ "--sender_map=map" ], message "a@gone.example", "temperror (cannot read keyfile gone: file not found)"
        [ "--sender_map=map" ], message "a@bad.example", "temperror (invalid signature type pgp)"
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

[<Category "RFC6376-5.1-1">]
[<Test>]
let ``what cannot be signed passes unsigned with a warning, or is refused`` () =
    for arguments, message, reason in failures do
        let outcome, log, _ = pass [] (start [ "map", badMap ] arguments) message
        Expect.equal (Relayed("", 0L)) outcome
        Expect.equal 2 log.Length
        Expect.equal ("signing error: " + reason.Substring(11).TrimEnd(')')) log[0]
        Expect.contains ("DKIM signing - " + reason + "; ") log[1]

        let refused, _, _ =
            pass [] (start [ "map", badMap ] ("--reject-error" :: arguments)) message

        let code = if reason.StartsWith "perm" then 550 else 450
        Expect.equal (Refused(code, "DKIM - " + reason)) refused

[<Category "RFC4870-3.5.2-1">]
[<Test>]
let ``a message signed with DomainKeys before gets the other signatures`` () =
    let program =
        start [] [ "--signature=dkim"; "--signature=domainkeys"; "--domain=example.org" ]

    signatures program ("DomainKey-Signature: a=b\n" + message "joe@example.org")
    |> Expect.equal "example.org"

[<Test>]
let ``the log line is the original's`` () =
    let _, log, _ =
        pass [] (start [] [ "--domain=example.org" ]) (message "Joe <joe@sub.example.org>")

    Expect.equal
        [
            "DKIM signing - signed; message-id=<1@x>, signer=<@example.org>, from=<joe@sub.example.org>"
        ]
        log

[<Test>]
let ``a message cannot write its own log`` () =
    let text =
        "From: joe@example.org\nMessage-ID: <a>, signer=<@bank.example\n \u001b[2J>\nSender: \"x>, y=<z\"@example.org\n\nbody\n"

    let _, log, _ = pass [] (start [] [ "--domain=example.org" ]) text
    Expect.equal 1 log.Length
    Expect.isTrue (log[0] |> Seq.forall (fun c -> c >= ' ' && c < '\127')) log[0]
    Expect.equal 1 (log[0].Split("signer=<").Length - 1)
    Expect.equal 1 (log[0].Split("sender=<").Length - 1)
    Expect.lacks "y=<" log[0]

[<TestCase("")>]
[<TestCase("\n")>]
[<TestCase("body only")>]
[<TestCase("\n\n\n")>]
[<TestCase(": x\n\n")>]
[<TestCase("From\n\n")>]
[<TestCase("From: \u0000\u00ff@\u00e9\n\nx")>]
[<TestCase("From: a@b.example\nFrom: c@d.example\n\nx")>]
[<TestCase("List-Id: <>\nFrom: @\n\nx")>]
[<TestCase("List-Id: ><\nSender: <\nFrom: a@b@c\n\nx")>]
let ``any message has a decision`` (text: string) =
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

    Expect.isTrue (log.Length > 0) (string (box outcome))
