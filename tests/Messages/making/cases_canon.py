"""Canonicalization, bodies and header fields."""
from . import keys
from .case import case, letter, swap
from .signing import Message, dkim, message

ED_ZONE = {"ed._domainkey.example.com": [keys.edwards().record()]}


def pairs():
    for header in ("simple", "relaxed"):
        for body in ("simple", "relaxed"):
            c, short = header + "/" + body, header[0] + body[0]
            case(
                "canon-rsa-" + short,
                "pass",
                "rsa-sha256, c=" + c,
                ["RFC6376-3.4-1", "RFC6376-3.7-1", "RFC8301-3.1-3"],
                dkim(keys.usual(), c=c),
            )
            case(
                "canon-ed25519-" + short,
                "pass",
                "ed25519-sha256, c=" + c,
                ["RFC6376-3.4-1", "RFC8463-3-1", "RFC8463-3-2", "RFC8463-4.1-1", "RFC8463-5-1"],
                dkim(keys.edwards(), s="ed", c=c),
                zone=ED_ZONE,
            )
            case(
                "canon-sha1-" + short,
                "permerror",
                "rsa-sha1 that verifies, c=" + c,
                ["RFC8301-3.1-4"],
                dkim(keys.usual(), c=c, hash="sha1"),
                legacy="pass",
                accept=["policy", "permerror"],
            )
    bare = "{name}: v=1; a={a}; d={d}; s={s}; h={h}; bh={bh}; b={b}"
    case(
        "canon-absent",
        "pass",
        "no c= means simple/simple",
        ["RFC6376-3.4-1", "RFC6376-3.5-10"],
        dkim(keys.usual(), c="simple/simple", template=bare, h="from:subject"),
    )
    case(
        "canon-header-only",
        "pass",
        "c=relaxed means relaxed/simple",
        ["RFC6376-3.5-10"],
        dkim(keys.usual(), c="relaxed"),
    )
    case(
        "canon-header-only-wrong",
        "fail",
        "c=relaxed, but the body hash is of the relaxed body",
        ["RFC6376-3.5-10"],
        dkim(keys.usual(), c="relaxed", bc="relaxed"),
    )
    for name, c in [
        ("unknown", "foo"),
        ("body-unknown", "relaxed/foo"),
        ("three", "simple/simple/simple"),
        ("slash-first", "/simple"),
        ("capitals", "Relaxed/Relaxed"),
        ("nofws", "nofws"),
    ]:
        case(
            "canon-" + name,
            "permerror",
            "c=%s is no canonicalization" % c,
            ["RFC6376-3.4-2", "RFC6376-3.2-4"],
            dkim(keys.usual(), c=c, hc="relaxed", bc="relaxed" if "elaxed/" in c else "simple"),
            accept=["permerror", "neutral"],
        )


BODIES = [
    ("empty", b"", "an empty body", ["RFC6376-3.4.3-3", "RFC6376-3.4.4-6"]),
    ("none", None, "no separator line after the header", ["RFC6376-3.4.3-3", "RFC6376-3.4.4-6"]),
    ("only-empty-lines", b"\r\n\r\n\r\n", "a body of empty lines", ["RFC6376-3.4.3-3", "RFC6376-3.4.4-6"]),
    (
        "only-blank-lines",
        b" \r\n\t\r\n",
        "lines of white space vanish under relaxed and stay under simple",
        ["RFC6376-3.4.3-1", "RFC6376-3.4.4-1", "RFC6376-3.4.4-6"],
    ),
    ("only-blanks", b"  ", "a body of two blanks", ["RFC6376-3.4.3-2", "RFC6376-3.4.4-6"]),
    (
        "unended",
        b"Dear Bob,\r\nno line end",
        "a body without its last CRLF gets one",
        ["RFC6376-3.4.3-2", "RFC6376-3.4.4-5"],
    ),
    (
        "trailing-lines",
        b"one\r\n\r\ntwo\r\n\r\n\r\n\r\n",
        "empty lines at the end are dropped, those inside kept",
        ["RFC6376-3.4.3-1", "RFC6376-3.4.4-4"],
    ),
    ("trailing-blank-line", b"one\r\n \r\n", "a line of one blank at the end", ["RFC6376-3.4.3-1", "RFC6376-3.4.4-1"]),
    (
        "blanks",
        b"\t\tx \t y  \r\n \r\n  z\r\n",
        "white space runs at each place of a line",
        ["RFC6376-3.4.4-2", "RFC6376-3.4.4-3"],
    ),
    (
        "dots",
        b".\r\n..\r\n.x\r\n. \r\nend\r\n",
        "lines that begin with dots, as they are without SMTP's stuffing",
        ["RFC6376-3.7-6"],
    ),
    ("nul", b"a\0b\r\n\0\r\n", "NUL octets", ["RFC6376-3.8-1"]),
    (
        "eight-bit",
        bytes(range(128, 256)) + b"\r\n\xe9t\xe9 \xc3\xa9t\xc3\xa9\r\n",
        "8-bit octets, no charset at all",
        ["RFC6376-3.7-5"],
    ),
    ("bare-lf", b"one\ntwo\n\nthree\r\n", "a bare LF is an octet like others", ["RFC6376-3.8-1"]),
    ("bare-cr", b"one\rtwo\r\r\nthree \r\n", "a bare CR is an octet like others", ["RFC6376-3.8-1"]),
    ("cr-at-end", b"one\r\ntwo\r", "a CR at the very end", ["RFC6376-3.8-1"]),
    ("control", bytes(set(range(1, 32)) - {10, 13}) + b"\x7f\r\n", "control characters", ["RFC6376-3.8-1"]),
]


def bodies():
    for name, body, why, proves in BODIES:
        for canon in ("simple", "relaxed"):
            msg = letter()
            case(
                "body-%s-%s" % (name, canon),
                "pass",
                "%s, %s" % (why, canon),
                proves,
                dkim(keys.usual(), c="relaxed/" + canon),
                msg=Message(msg.fields, body),
            )
    attachment = (
        "--frontier\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
        "Die Fähre fährt um sechs.\n--frontier\nContent-Type: application/octet-stream\n"
        "Content-Transfer-Encoding: base64\n\nAAECAwQFBgcICQoLDA0ODw==\n--frontier--\nepilogue\n"
    )
    case(
        "body-multipart",
        "pass",
        "multipart with an attachment: MIME has no special treatment",
        ["RFC6376-3.7-5", "RFC6376-3.7-7"],
        msg=letter(attachment, "MIME-Version: 1.0\nContent-Type: multipart/mixed;\n" "\tboundary=frontier\n"),
    )
    case(
        "body-multipart-broken",
        "pass",
        "multipart that never ends",
        ["RFC6376-3.7-7"],
        msg=letter("--frontier\n\nunended", "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=frontier\n"),
    )
    for canon in ("simple", "relaxed"):
        case(
            "body-megabyte-line-" + canon,
            "pass",
            "one line of a megabyte",
            ["RFC6376-3.4-4"],
            dkim(keys.usual(), c="relaxed/" + canon),
            msg=letter("begin\n"),
            append=[("x", 1 << 20), ("\r\n", 1)],
        )
        case(
            "body-many-empty-lines-" + canon,
            "pass",
            "100,000 empty lines inside, 100,000 at the end",
            ["RFC6376-3.4.3-1", "RFC6376-3.4.4-4"],
            dkim(keys.usual(), c="relaxed/" + canon),
            msg=letter("begin\n"),
            append=[("\r\n", 100000), ("middle\r\n", 1), ("\r\n", 100000)],
        )
        case(
            "body-many-blanks-" + canon,
            "pass",
            "a line of 40,000 alternating blanks and tabs",
            ["RFC6376-3.4.4-3"],
            dkim(keys.usual(), c="relaxed/" + canon),
            msg=letter("begin\n"),
            append=[(" \t", 20000), ("x \r\n", 1)],
        )


HEADERS = [
    ("odd-case", "SUBJect: AbC\nFROM: ada@example.com\n", "names in odd case", ["RFC6376-3.4.1-1", "RFC6376-3.4.2-2"]),
    (
        "blanks",
        "Subject:  a \t b  c \t\nFrom:ada@example.com\nTo:\tbob@example.org\n",
        "blanks and tabs in a value",
        ["RFC6376-3.4.1-1", "RFC6376-3.4.2-4", "RFC6376-3.4.2-5"],
    ),
    (
        "folds",
        "Subject: one\n two\n\tthree\n   four\nFrom: Ada\n <ada@example.com>\n",
        "folds of every width",
        ["RFC6376-3.4.1-1", "RFC6376-3.4.2-3", "RFC6376-3.4.2-4"],
    ),
    (
        "blank-before-colon",
        "Subject \t : x\nFrom: ada@example.com\n",
        "white space before the colon",
        ["RFC6376-3.4.1-1", "RFC6376-3.4.2-6"],
    ),
    (
        "empty-value",
        "Subject:\nFrom: ada@example.com\nTo: \t\n",
        "empty values",
        ["RFC6376-3.4.2-5", "RFC6376-3.4.2-6"],
    ),
    (
        "blank-continuation",
        "Subject: x\n \t \n y\nFrom: ada@example.com\n",
        "a continuation line of white space only",
        ["RFC6376-3.4.2-3", "RFC6376-3.4.2-4"],
    ),
    ("fold-first", "Subject:\n x\nFrom:\n\tada@example.com\n", "a fold right after the colon", ["RFC6376-3.4.2-3"]),
    (
        "latin1",
        b"Subject: caf\xe9 \xa0 nbsp\nFrom: ada@example.com\n",
        "raw ISO 8859-1: only SP and HTAB are white space",
        ["RFC6376-3.4.2-4"],
    ),
    (
        "long",
        "Subject: " + "plum " * 1800 + "\nFrom: ada@example.com\n",
        "a header line of 9,000 octets",
        ["RFC6376-3.4.2-4"],
    ),
    ("nul", b"Subject: a\0b\nFrom: ada@example.com\n", "a NUL in a field", ["RFC6376-3.8-1"]),
]


def headers():
    for name, header, why, proves in HEADERS:
        for canon in ("simple", "relaxed"):
            case(
                "header-%s-%s" % (name, canon),
                "pass",
                "%s, %s" % (why, canon),
                proves,
                dkim(keys.usual(), c=canon + "/simple", h="from:to:subject"),
                msg=message(header, "Hello.\n"),
            )
    received = "".join(
        "Received: from host%d.example.com by mx.example.org; Thu, 1 Jan 2026 00:00:0%d +0000\n" % (n, n)
        for n in (3, 2, 1)
    )
    trace = message(received + "From: ada@example.com\nSubject: x\nSubject: y\n", "Hello.\n")
    case(
        "header-repeated",
        "pass",
        "h= names two of three Received: the lowest two, lowest first",
        ["RFC6376-3.5-15", "RFC6376-3.7-8", "RFC6376-5.4.2-1", "RFC6376-5.4.2-2"],
        dkim(keys.usual(), h="from:received:subject:received"),
        msg=trace,
    )
    case(
        "header-repeated-top-changed",
        "pass",
        "the third Received is not signed",
        ["RFC6376-3.7-8"],
        dkim(keys.usual(), h="from:received:subject:received"),
        msg=trace,
        after=swap("host3", "host9"),
    )
    case(
        "header-repeated-low-changed",
        "fail",
        "the lowest Received is signed",
        ["RFC6376-3.7-8"],
        dkim(keys.usual(), h="from:received:subject"),
        msg=trace,
        after=swap("host1", "host9"),
    )
    case(
        "header-repeated-wrong-order",
        "fail",
        "hashed from the top down, against 5.4.2",
        ["RFC6376-3.7-8"],
        lambda m: m.under(
            dkim(keys.usual(), h="from:received:received")(Message(list(reversed(m.fields)), m.body)).fields[0]
        ),
        msg=trace,
    )
    case(
        "header-name-case",
        "pass",
        "names of h= in mixed case, repeated",
        ["RFC6376-3.5-17", "RFC6376-6.1.3-1"],
        dkim(keys.usual(), h="FROM:Subject:sUBJECT"),
        msg=trace,
    )
    case(
        "header-absent-named",
        "pass",
        "h= names fields that are not there: they add nothing",
        ["RFC6376-3.5-14", "RFC6376-5.4-4"],
        dkim(keys.usual(), h="from:x-none:subject:x-none:cc"),
    )
    for canon in ("simple", "relaxed"):
        over = dkim(keys.usual(), c=canon + "/simple", h="from:from:to:to:subject:subject:date:date")
        case(
            "oversigned-" + canon,
            "pass",
            "each name once more than it occurs",
            ["RFC6376-3.5-14", "RFC6376-5.4.2-3"],
            over,
        )
        for name in ("From: Mallory <mallory@example.net>", "Subject: Free plums"):
            case(
                "oversigned-%s-added-%s-%s" % (canon, name.split(":")[0].lower(), "top"),
                "fail",
                "a second %s above breaks an oversigned field" % name.split(":")[0],
                ["RFC6376-5.4.2-3", "RFC6376-8.15-1"],
                over,
                after=lambda o, name=name: name.encode() + b"\r\n" + o,
            )
    case(
        "header-two-from",
        "pass",
        "a second From above the signed one: the signature covers the lower alone",
        ["RFC6376-8.15-1", "RFC6376-3.8-1"],
        after=lambda o: b"From: Mallory <mallory@example.net>\r\n" + o,
        accept=["pass", "policy", "permerror"],
    )
    case(
        "header-no-from",
        "permerror",
        "there is no From field that h= could cover",
        ["RFC6376-3.8-1"],
        msg=message("To: bob@example.org\nSubject: nobody\n", "Hello.\n"),
        accept=["permerror", "neutral", "policy", "fail", "pass"],
    )
    case(
        "header-order-kept",
        "pass",
        "h= in another order than the fields",
        ["RFC6376-3.5-13", "RFC6376-3.7-2"],
        dkim(keys.usual(), h="subject:date:from:to"),
    )
    case(
        "header-order-changed",
        "fail",
        "hashed in another order than h= says",
        ["RFC6376-3.7-2"],
        dkim(keys.usual(), h="subject:date:from:to", names=["from", "to", "subject", "date"]),
    )
    case(
        "header-own-crlf",
        "fail",
        "the own field was hashed with its CRLF",
        ["RFC6376-3.7-3"],
        dkim(keys.usual(), h="from", c="simple/simple", own_end=b"\r\n"),
    )
    case(
        "header-signature-at-bottom",
        "pass",
        "the signature below all fields",
        ["RFC6376-3.5-1"],
        lambda m: Message(m.fields + dkim(keys.usual())(m).fields[:1], m.body),
    )
    case(
        "header-signature-name-case",
        "pass",
        "the field name in small letters",
        ["RFC6376-6.1.3-1"],
        dkim(keys.usual(), name="dkim-signature"),
    )
    case(
        "header-signature-name-case-simple",
        "pass",
        "the field name in capitals, simple",
        ["RFC6376-3.4.1-1"],
        dkim(keys.usual(), name="DKIM-SIGNATURE", c="simple/simple"),
    )


def all_cases():
    pairs()
    bodies()
    headers()
