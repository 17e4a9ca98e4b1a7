"""Published attacks on signers and verifiers, re-created: what a forger does with somebody's signed letter, or without."""
from . import keys
from .case import case, letter, swap
from .keys import DIGEST_INFO, b64, rsa_key
from .signing import DEFAULT_H, dkim

NAME = "sel._domainkey.example.com"
SYNTAX = ["neutral", "permerror"]
REFUSED = ["permerror", "neutral", "fail"]
MIME = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="one"\n'
PARTS = "--one\nContent-Type: text/plain\n\nPay Ann.\n--one--\n"
SEALED_H = DEFAULT_H + ":mime-version:content-type"


def above(text):
    """Fields put above a signed letter."""
    return lambda octets: text.replace("\n", "\r\n").encode() + octets


def duplicates():
    """A second field above the signed one: some readers show the upper, and the signature covers the lower."""
    for name, value in [
        ("Subject", "Pay at once"),
        ("To", "victim@example.net"),
        ("Date", "Thu, 1 Jan 2026 10:00:00 +0000"),
        ("Reply-To", "forger@example.net"),
    ]:
        low = name.lower()
        field = above("%s: %s\n" % (name, value))
        case(
            "attack-second-" + low,
            "pass",
            "a second %s above, which the signature leaves open" % name,
            ["RFC6376-8.15-1"],
            after=field,
            accept=["pass", "policy", "fail"],
        )
        case(
            "attack-second-%s-sealed" % low,
            "fail",
            "a second %s above, against which the signer named it once more" % name,
            ["RFC6376-8.15-1", "RFC6376-5.4.2-3"],
            dkim(keys.usual(), h=DEFAULT_H + ":reply-to:from:to:subject:date"),
            after=field,
        )
    case(
        "attack-second-from-sealed",
        "fail",
        "another author above the signed one",
        ["RFC6376-8.15-1", "RFC6376-5.4.2-3"],
        dkim(keys.usual(), h=DEFAULT_H + ":from"),
        after=above("From: Boss <boss@example.net>\n"),
    )
    case(
        "attack-second-from-below",
        "fail",
        "another author below the signed one, where the signature looks first",
        ["RFC6376-5.4.2-1", "RFC6376-8.15-1"],
        after=swap(b"\r\n\r\nDear", b"\r\nFrom: Boss <boss@example.net>\r\n\r\nDear"),
    )


def restructuring():
    """Text under a signature that does not cover it, or that MIME then hides."""
    mail = letter(body=PARTS, extra=MIME)
    appended = b"--two\r\nContent-Type: text/plain\r\n\r\nPay Mallory.\r\n--two--\r\n"

    def other_boundary(octets):
        return octets.replace(b'boundary="one"', b'boundary="two"') + appended

    def with_length(h):
        return lambda m: dkim(keys.usual(), h=h, l=len(m.body), extra="l=%d; " % len(m.body))(m)

    case(
        "attack-append-and-restructure",
        "pass",
        "l= lets text be added, and Content-Type, which is not signed, makes it the only part",
        ["RFC6376-8.2-1", "RFC6376-3.5-24"],
        with_length(DEFAULT_H),
        msg=mail,
        after=other_boundary,
        accept=["pass", "policy"],
        whole="policy",
        unsigned=len(appended),
    )
    case(
        "attack-append-signed-type",
        "fail",
        "the same where Content-Type is signed",
        ["RFC6376-8.2-1"],
        with_length(SEALED_H),
        msg=mail,
        after=other_boundary,
    )
    case(
        "attack-type-added",
        "fail",
        "a Content-Type that makes the text HTML, against which the signer named the absent field",
        ["RFC6376-3.5-14"],
        dkim(keys.usual(), h=SEALED_H),
        after=above("Content-Type: text/html\n"),
    )
    case(
        "attack-length-zero-new-body",
        "pass",
        "l=0 signs no body: any other takes its place",
        ["RFC6376-8.2-1", "RFC6376-3.5-24"],
        dkim(keys.usual(), l=0, extra="l=0; "),
        after=swap(b"Dear Bob,", b"Pay Mallory."),
        accept=["pass", "policy", "fail"],
        whole="policy",
    )


def names():
    """Signatures of a forger who owns another domain, written so that careless code shows or asks for the wrong one."""
    forger = rsa_key("other2048", 2048)
    zone = {
        "sel._domainkey.example.net": [forger.record()],
        "example.net": [forger.record()],
        "sel.example.net": [forger.record()],
        "sel._domainkey.example.com(.example.net": [forger.record()],
    }

    def named(id, why, d="example.com", s="sel", extra="", proves=("RFC6376-3.5-11",), **words):
        words.setdefault("accept", SYNTAX)
        case("attack-" + id, "neutral", why, list(proves), dkim(forger, d=d, s=s, extra=extra), zone=zone, **words)

    named("s-nul", "a NUL in s= ends the name that a C resolver asks for", s="example.net\0", proves=["RFC6376-3.1-1"])
    named("s-comment", "a parenthesis in s=", s="sel.example.net.(", proves=["RFC6376-3.1-1"])
    named("s-escape", "a backslash escape of a dot in s=", s="sel\\.example\\.net", proves=["RFC6376-3.1-1"])
    named("d-comment", "a parenthesis in d= hides the forger's domain", d="example.com(.example.net")
    named("d-comment-closed", "a comment in d=", d="example.com(.)example.net")
    named("d-quotes", "quotation marks in d=", d='"example.com".example.net')
    named("d-semicolon", "an encoded semicolon in d=", d="example.com=3B.example.net")
    named("d-at", "an address in d=", d="ann@example.com@example.net")
    named("d-list", "two domains in d=", d="example.com,example.net")
    named("d-escape", "a terminal's escape sequence in d=", d="example.com\x1b[2K.example.net")
    named("d-del", "DEL in d=", d="example.com\x7f.example.net")
    named("d-newline", "an encoded line end in d=", d="example.com=0D=0AX-Forged: yes")
    own = ": the domain behind the last @ decides, which is the forger's own"
    for id, identity, why in [
        ("i-nul", "boss=00@example.net", "an encoded NUL in i="),
        ("i-newline", "boss=0D=0AX-Forged: yes@example.net", "an encoded line end in i="),
        ("i-comment", "boss@example.com(@example.net", "a parenthesis in i=" + own),
        ("i-two", "boss@example.com,ann@example.net", "two addresses in i=" + own),
        ("i-escape", "boss=1B[2J@example.net", "an encoded escape sequence in i="),
    ]:
        case(
            "attack-" + id,
            "pass" if own in why else "neutral",
            why,
            ["RFC6376-3.5-19", "RFC8601-2.2-4"],
            dkim(forger, d="example.net", extra="i=%s; " % identity),
            zone={"sel._domainkey.example.net": [forger.record()]},
            accept=SYNTAX + ["pass"] if own in why else SYNTAX,
        )


def forgeries():
    """Blocks that a verifier takes which looks for the hash instead of comparing the whole."""
    three = rsa_key("e3", 2048, 3)

    def forged(id, why, make, key=three):
        case(
            "attack-rsa-" + id,
            "fail",
            why,
            ["RFC6376-3.3.1-1"],
            dkim(keys.Made(key, make)),
            zone={NAME: [key.record()]},
        )

    def block(k, payload):
        return k.raw(b"\0\1" + b"\xff" * (k.octets - 3 - len(payload)) + b"\0" + payload)

    sha256 = bytes.fromhex("0609608648016503040201")
    forged(
        "parameters",
        "junk as parameters of the hash algorithm, room for a cube root",
        lambda k, d, a: block(
            k, b"\x30\x81\xb2" + b"\x30\x81\x8d" + sha256 + b"\4\x81\x7f" + b"\x55" * 127 + b"\4\x20" + d
        ),
    )
    forged(
        "long-lengths",
        "lengths in the long form, which BER allows and DER does not",
        lambda k, d, a: block(k, b"\x30\x81\x31\x30\x0d" + sha256 + b"\5\0\4\x20" + d),
    )
    forged(
        "overflowing-length",
        "a length of ten octets, of which some parsers read the last alone",
        lambda k, d, a: block(
            k, b"\x30\x8a" + b"\1" * 9 + b"\x31" + b"\x30\x0d" + sha256 + b"\5\0\4\x20" + d
        ),
    )
    forged(
        "two-hashes",
        "the right hash, and another behind it",
        lambda k, d, a: block(k, DIGEST_INFO[a] + d + DIGEST_INFO[a] + bytes(32)),
    )
    forged(
        "zero-in-padding",
        "a zero inside the padding, and the hash behind the second",
        lambda k, d, a: k.raw(
            b"\0\1" + b"\xff" * 8 + b"\0" + b"\xff" * (k.octets - 12 - 51) + b"\0" + DIGEST_INFO[a] + d
        ),
    )
    forged(
        "hash-at-end",
        "no padding at all, the hash in the last octets",
        lambda k, d, a: k.raw(bytes(k.octets - 32) + d),
    )


def floods():
    """What makes a verifier work, ask or keep more than one message should."""
    usual = keys.usual()
    junk = ["v=DKIM1; k=rsa; n=%d; p=%s" % (n, b64(bytes([n % 251]) * 270)) for n in range(300)]
    case(
        "attack-txt-flood",
        "permerror",
        "three hundred records under one name",
        ["RFC6376-8.8-1", "RFC6376-3.6.2.2-2"],
        zone={NAME: junk + [usual.record()]},
        accept=["permerror", "fail", "pass"],
    )
    case(
        "attack-txt-long",
        "permerror",
        "a record of 64,000 octets",
        ["RFC6376-8.8-1"],
        zone={NAME: [usual.record() + "; n=" + "x" * 64000]},
        accept=["permerror", "pass"],
    )
    case(
        "attack-names-same",
        "permerror",
        "From five thousand times in h=",
        ["RFC6376-8.9-1"],
        dkim(usual, h=":".join(["from"] * 5000)),
        accept=["permerror", "neutral", "policy", "pass"],
    )
    case(
        "attack-z-long",
        "pass",
        "copies of 30,000 octets in z=",
        ["RFC6376-8.9-1", "RFC6376-3.5-35"],
        dkim(usual, extra="z=Subject:" + "x" * 30000 + "; "),
        accept=["pass", "neutral", "permerror"],
    )


def all_cases():
    duplicates()
    restructuring()
    names()
    forgeries()
    floods()
