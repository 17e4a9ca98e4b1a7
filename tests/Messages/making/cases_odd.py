"""Internationalized mail, hostile messages, and messages that other implementations signed."""
from . import keys
from .case import NOW, Expect, case, letter, swap
from .signing import Message, dkim, message

ASCII_NAME = "xn--bcher-kva.example"
IDN_ZONE = {"sel._domainkey." + ASCII_NAME: [keys.usual().record()]}
NAME = "sel._domainkey.example.com"
NEVER_PASS = ["permerror", "neutral", "fail", "policy"]


def idn_letter(domain="bücher.example"):
    return message(
        "From: Zoë <zoë@%s>\nTo: Bob <bob@example.org>\nSubject: Grüße aus der Bücherei\n"
        "Date: Wed, 31 Dec 2025 23:00:00 +0000\nMessage-ID: <7@%s>\n" % (domain, ASCII_NAME),
        "Die Bücher sind da.\n",
    )


def internationalized():
    for canon in ("simple/simple", "relaxed/relaxed"):
        case(
            "eai-d-u-label-" + canon[0],
            "pass",
            "d= as U-label; the key stands at the A-label",
            ["RFC8616-5-2", "RFC8616-5-3"],
            dkim(keys.usual(), d="bücher.example", c=canon),
            msg=idn_letter(),
            zone=IDN_ZONE,
        )
    case(
        "eai-d-a-label",
        "pass",
        "d= as A-label in a message with UTF-8 fields",
        ["RFC6376-3.5-12"],
        dkim(keys.usual(), d=ASCII_NAME),
        msg=idn_letter(),
        zone=IDN_ZONE,
    )
    case(
        "eai-i-u-label",
        "pass",
        "i= with a UTF-8 local part and U-label",
        ["RFC8616-5-4", "RFC6376-3.5-37"],
        dkim(keys.usual(), d="bücher.example", extra="i=zoë@bücher.example; "),
        msg=idn_letter(),
        zone=IDN_ZONE,
    )
    case(
        "eai-mixed-d-a",
        "pass",
        "d= as A-label, i= as U-label below it",
        ["RFC8616-5-5"],
        dkim(keys.usual(), d=ASCII_NAME, extra="i=@news.bücher.example; "),
        msg=idn_letter(),
        zone=IDN_ZONE,
    )
    case(
        "eai-mixed-d-u",
        "pass",
        "d= as U-label, i= as A-label",
        ["RFC8616-5-5"],
        dkim(keys.usual(), d="bücher.example", extra="i=@%s; " % ASCII_NAME),
        msg=idn_letter(),
        zone=IDN_ZONE,
    )
    case(
        "eai-d-capitals",
        "pass",
        "U-labels compare without case",
        ["RFC8616-5-3", "RFC8616-5-5"],
        dkim(keys.usual(), d="BÜCHER.example"),
        msg=idn_letter(),
        zone=IDN_ZONE,
        accept=["pass", "neutral", "permerror"],
    )
    case(
        "eai-s-u-label",
        "pass",
        "a selector as U-label",
        ["RFC8616-5-3", "RFC6376-3.5-28"],
        dkim(keys.usual(), s="jänner"),
        zone={"xn--jnner-gra._domainkey.example.com": [keys.usual().record()]},
        msg=idn_letter(),
    )
    case(
        "eai-i-other",
        "permerror",
        "another U-label",
        ["RFC8616-5-5"],
        dkim(keys.usual(), d="bücher.example", extra="i=@büche.example; "),
        msg=idn_letter(),
        zone=IDN_ZONE,
        accept=NEVER_PASS,
    )
    case(
        "eai-headers-simple",
        "pass",
        "UTF-8 in fields, simple",
        ["RFC8616-5-2"],
        dkim(keys.usual(), c="simple/simple"),
        msg=idn_letter("example.com"),
    )
    case(
        "eai-headers-relaxed",
        "pass",
        "UTF-8 in fields, relaxed: U+00A0 and U+3000 are not white space",
        ["RFC8616-5-2", "RFC6376-3.4.2-4"],
        msg=message("From: ada@example.com\nSubject: a\u00a0b\u3000 c\n", "x\u00a0\n"),
    )
    for name, d in [
        ("broken-utf8", "b\udcfccher.example"),
        ("overlong", "b\udcc0\udcafcher.example"),
        ("surrogate", "b\udced\udca0\udc80cher.example"),
    ]:
        case(
            "eai-d-" + name,
            "neutral",
            "d= is no U-label: " + name,
            ["RFC8616-5-6"],
            dkim(keys.usual(), d=d),
            msg=idn_letter(),
            zone=IDN_ZONE,
            accept=["neutral", "permerror"],
        )
    case(
        "eai-d-symbol",
        "neutral",
        "d= with a line separator, though somebody published a key where it leads",
        ["RFC8616-5-6"],
        dkim(keys.usual(), d="b\u2028cher.example"),
        msg=idn_letter(),
        zone={"sel._domainkey.xn--bcher-ky3b.example": [keys.usual().record()]},
        accept=["neutral", "permerror"],
    )
    case(
        "eai-d-broken-a-label",
        "permerror",
        "d= is an A-label that decodes to nothing",
        ["RFC8616-5-6"],
        dkim(keys.usual(), d="xn--0.example"),
        zone={},
        accept=["permerror", "neutral"],
    )


def hostile():
    signed = dkim(keys.usual())
    case("odd-empty", [], msg=Message([], b""), sign=[])
    case("odd-no-signature", [], sign=[])
    case("odd-body-only", [], msg=Message([], b"Hello.\r\n"), sign=[])
    case(
        "odd-signature-in-body",
        [],
        sign=[],
        msg=Message(letter().fields, signed(letter()).fields[0] + b"\r\nHello.\r\n"),
    )
    case(
        "odd-signature-only",
        "permerror",
        "nothing but a signature",
        ["RFC6376-3.8-1", "RFC6376-8.15-1"],
        msg=Message([], b"Hello.\r\n"),
        accept=["permerror", "neutral", "fail", "policy", "pass"],
    )
    case(
        "odd-no-final-crlf",
        "pass",
        "the message ends inside the signature field, its last",
        ["RFC6376-3.4.3-3"],
        lambda m: Message(m.fields + [signed(m).fields[0][:-2]], None),
        msg=Message(letter().fields, None),
        accept=["pass", "fail", "neutral", "permerror"],
    )
    case(
        "odd-line-without-colon",
        "pass",
        "a line without colon among the fields",
        ["RFC6376-3.8-1"],
        msg=Message(letter().fields[:2] + [b"this is no field\r\n"] + letter().fields[2:], b"Hello.\r\n"),
        accept=["pass", "permerror", "neutral", "fail"],
    )
    case(
        "odd-space-first",
        "pass",
        "the first line begins with a blank",
        ["RFC6376-3.8-1"],
        after=lambda o: b" lost\r\n" + o,
        accept=["pass", "permerror", "neutral", "fail", "none"],
    )
    case(
        "odd-bare-cr-in-field",
        "pass",
        "a bare CR in an unsigned field",
        ["RFC6376-3.8-1"],
        after=lambda o: b"X-Odd: a\rb\r\n" + o,
        accept=["pass", "permerror", "neutral", "fail"],
    )
    case(
        "odd-bare-lf-in-field",
        "pass",
        "a bare LF in an unsigned field",
        ["RFC6376-3.8-1"],
        after=lambda o: b"X-Odd: a\nb: c\r\n" + o,
        accept=["pass", "permerror", "neutral", "fail"],
    )
    case(
        "odd-lf-empty-line",
        "fail",
        "LF LF smuggled into a signed field",
        ["RFC6376-3.8-1"],
        after=swap("Subject: ", "Subject: a\n\nb "),
        accept=["fail", "permerror", "neutral"],
    )
    case(
        "odd-mbox-line",
        "pass",
        "a From_ line of a mailbox file on top",
        ["RFC6376-3.8-1"],
        after=lambda o: b"From ada@example.com Wed Dec 31 23:00:00 2025\r\n" + o,
        accept=["pass", "permerror", "neutral", "fail"],
    )
    case(
        "odd-many-fields",
        "pass",
        "1,500 fields",
        ["RFC6376-8.9-1"],
        msg=Message([b"X-Field-%d: x\r\n" % i for i in range(1500)] + letter().fields, b"Hello.\r\n"),
    )
    # A header over its limits is not looked at, so that nothing in it is judged.
    signed_header = Message(signed(letter()).fields, None)
    case(
        "odd-too-many-fields",
        [],
        msg=signed_header,
        sign=[],
        append=[("X-Field: x\r\n", 2500), ("\r\nHello.\r\n", 1)],
        proves=["RFC6376-8.9-1"],
    )
    case(
        "odd-field-too-long",
        [],
        msg=signed_header,
        sign=[],
        append=[("X-Field: ", 1), ("x", 300000), ("\r\n\r\nHello.\r\n", 1)],
        proves=["RFC6376-8.9-1"],
    )
    case(
        "odd-header-too-long",
        [],
        msg=signed_header,
        sign=[],
        append=[("X-Field: " + "x" * 989 + "\r\n", 1200), ("\r\nHello.\r\n", 1)],
        proves=["RFC6376-8.9-1"],
    )
    case(
        "odd-sixty-signatures",
        [
            Expect(
                "permerror" if i < 10 else "policy",
                "one of sixty signatures whose keys do not exist: only the first ten are worth a query",
                ["RFC6376-8.4-1", "RFC6376-4.2-6"],
                index=i,
                accept=NEVER_PASS,
            )
            for i in range(60)
        ],
        sign=[dkim(keys.edwards(), s="s%d" % i) for i in range(60)],
        zone={},
    )
    case(
        "odd-long-field",
        "pass",
        "an unsigned field of 200,000 octets",
        ["RFC6376-8.9-1"],
        after=lambda o: b"X-Long: " + b"x" * 200000 + b"\r\n" + o,
    )
    case(
        "odd-tag-list-long",
        "neutral",
        "a tag list of 100,000 octets",
        ["RFC6376-8.9-1"],
        dkim(keys.usual(), extra="foo=" + "x" * 100000 + "; "),
        accept=["neutral", "permerror", "policy", "pass"],
    )
    case(
        "odd-similar-name",
        [],
        sign=[lambda m: m.under(signed(m).fields[0].replace(b"DKIM-Signature", b"X-DKIM-Signature"))],
    )
    case(
        "odd-blank-before-colon",
        "pass",
        "white space before the colon of the own field",
        ["RFC6376-3.4.2-6"],
        dkim(keys.usual(), name="DKIM-Signature \t"),
        accept=["pass", "neutral", "permerror", "none"],
    )
    case(
        "odd-newline-in-selector",
        "neutral",
        "quoted CRLF cannot get from s= into a result field",
        ["RFC8601-2.2-4"],
        dkim(keys.usual(), s="sel=0D=0AX-Evil: yes"),
        accept=["neutral", "permerror"],
    )


def others(peers):
    """Signatures that dkimpy, Mail::DKIM and libopendkim made."""
    zone = {
        NAME: [keys.usual().record()],
        "ed._domainkey.example.com": [keys.edwards().record()],
        "old._domainkey.example.com": ["k=rsa; p=" + keys.b64(keys.small().spki())],
    }
    for peer in peers:
        for algorithm, key, selector in [("rsa-sha256", keys.usual(), "sel"), ("ed25519-sha256", keys.edwards(), "ed")]:
            if algorithm.startswith("ed") and peer.name == "maildkim":
                continue
            for header in ("simple", "relaxed"):
                # libopendkim 2.11 beta refolds its Ed25519 field after hashing it: under simple nobody verifies it.
                if peer.name == "opendkim" and key.type == "ed25519" and header == "simple":
                    continue
                for body in ("simple", "relaxed"):
                    case(
                        "by-%s-%s-%s" % (peer.name, algorithm.split("-")[0], header[0] + body[0]),
                        "pass",
                        "signed by " + peer.name,
                        ["RFC6376-3.4-1", "RFC6376-3.7-1"] + (["RFC8463-3-1"] if key.type == "ed25519" else []),
                        sign=lambda m: m.under(
                            peer.sign(
                                "dkim",
                                algorithm,
                                header,
                                body,
                                "example.com",
                                selector,
                                NOW - 60,
                                key.pem(),
                                m.octets(),
                            )
                        ),
                        zone=zone,
                    )
        if peer.name == "maildkim":
            for c in ("simple", "nofws"):
                case(
                    "by-maildkim-domainkeys-" + c,
                    [Expect("pass", "signed by maildkim", ["RFC4870-3.3-5"], kind="domainkeys")],
                    sign=lambda m: m.under(
                        peer.sign(
                            "domainkeys",
                            "rsa-sha1",
                            c,
                            "-",
                            "example.com",
                            "old",
                            NOW - 60,
                            keys.small().pem(),
                            m.octets(),
                        )
                    ),
                    zone=zone,
                )


def all_cases(peers):
    internationalized()
    hostile()
    others(peers)
