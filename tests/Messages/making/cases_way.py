"""l=, what happens to a message on its way, and several signatures on one."""
import base64
import hashlib

from . import keys
from .case import Expect, case, letter, swap
from .signing import canonical_body, dkim


def lengths():
    body = b"Dear Bob,\r\n\r\nThe lamp was cleaned on Tuesday.\r\n"
    msg = letter(body.decode().replace("\r\n", "\n"))
    size = len(body)
    with_l = lambda n, c="relaxed/simple", text=None: dkim(
        keys.usual(), c=c, l=n, extra="l=%s; " % (n if text is None else text)
    )
    case(
        "l-exact",
        "pass",
        "l= is the whole body",
        ["RFC6376-3.5-22", "RFC6376-3.5-23"],
        with_l(size),
        msg=msg,
        unsigned=0,
    )
    case(
        "l-exact-relaxed",
        "pass",
        "l= counts canonical octets",
        ["RFC6376-3.5-23", "RFC6376-5.3.1-2"],
        with_l(len(b"a b\r\nc\r\n"), "relaxed/relaxed"),
        msg=letter("a  \t b \nc\n\n"),
        unsigned=0,
    )
    case(
        "l-appended",
        "pass",
        "a footer below what l= covers",
        ["RFC6376-3.5-24", "RFC6376-6.1.3-5"],
        with_l(size),
        msg=msg,
        after=lambda o: o + b"-- \r\nthe list\r\n",
        whole="policy",
        unsigned=15,
        accept=["pass", "policy"],
    )
    case(
        "l-appended-mid-line",
        "pass",
        "l= ends inside a line",
        ["RFC6376-3.5-24"],
        with_l(10),
        msg=msg,
        whole="policy",
        unsigned=size - 10,
        accept=["pass", "policy"],
    )
    case(
        "l-appended-empty-lines",
        "pass",
        "empty lines that are appended are not in the canonical body",
        ["RFC6376-3.5-24"],
        with_l(size),
        msg=msg,
        after=lambda o: o + b"\r\n\r\n",
        unsigned=0,
    )
    case(
        "l-zero",
        "pass",
        "l=0: no octet of the body is signed",
        ["RFC6376-3.5-23"],
        with_l(0),
        msg=msg,
        whole="policy",
        unsigned=size,
        accept=["pass", "policy"],
    )
    case(
        "l-zero-replaced",
        "pass",
        "l=0 and another body",
        ["RFC6376-3.5-23"],
        with_l(0, "relaxed/relaxed"),
        msg=msg,
        after=swap("The lamp was cleaned on Tuesday.", "Buy plums now!"),
        whole="policy",
        accept=["pass", "policy"],
        unsigned=size - 18,
    )
    case(
        "l-zero-empty",
        "pass",
        "l=0 and no body at all, relaxed",
        ["RFC6376-3.5-23"],
        with_l(0, "relaxed/relaxed"),
        msg=letter(""),
        unsigned=0,
    )
    case(
        "l-inside-changed",
        "fail",
        "an octet that l= covers was changed",
        ["RFC6376-3.5-23"],
        with_l(size),
        msg=msg,
        after=swap("lamp", "lamb"),
    )
    case(
        "l-beyond",
        "permerror",
        "l= is one octet more than there are",
        ["RFC6376-3.5-22"],
        with_l(size, text=size + 1),
        msg=msg,
        accept=["permerror", "neutral", "fail"],
    )
    case(
        "l-huge",
        "permerror",
        "l= is 2^64",
        ["RFC6376-3.5-23"],
        with_l(size, text=1 << 64),
        msg=msg,
        accept=["permerror", "neutral", "fail"],
    )
    case(
        "l-leading-zeros",
        "pass",
        "76 digits, most of them zeros",
        ["RFC6376-3.5-23"],
        with_l(size, text=str(size).rjust(76, "0")),
        msg=msg,
        unsigned=0,
    )
    for name, text in [
        ("77-digits", str(size).rjust(77, "0")),
        ("negative", "-1"),
        ("plus", "+%d" % size),
        ("hex", "0x2D"),
        ("empty", ""),
        ("fraction", "%d.0" % size),
        ("two", "%d %d" % (size, size)),
        ("word", "all"),
    ]:
        case(
            "l-" + name,
            "neutral",
            "l=%s is no number of the grammar" % text,
            ["RFC6376-3.5-23", "RFC6376-6.1.1-1"],
            with_l(size, text=text),
            msg=msg,
            accept=["neutral", "permerror"],
        )


def changed_with_body_hash(octets):
    header, body = octets.split(b"\r\n\r\n", 1)
    old = base64.b64encode(hashlib.sha256(canonical_body("relaxed", body)).digest())
    body += b"More.\r\n"
    new = base64.b64encode(hashlib.sha256(canonical_body("relaxed", body)).digest())
    assert old in header
    return header.replace(old, new) + b"\r\n\r\n" + body


def on_the_way():
    case(
        "way-body-changed",
        "fail",
        "one letter of the body",
        ["RFC6376-6.1.3-2", "RFC6376-6.1.3-4"],
        after=swap("Yours", "yours"),
    )
    case(
        "way-body-hash-right-signature-wrong",
        "fail",
        "the body stands, the Subject was changed",
        ["RFC6376-6.1.3-3"],
        after=swap("Subject: ", "Subject: [list] "),
    )
    case("way-footer", "fail", "a footer without l=", ["RFC6376-6.1.3-2"], after=lambda o: o + b"--\r\nthe list\r\n")
    case(
        "way-from-changed",
        "fail",
        "the author was changed",
        ["RFC6376-6.1.3-3"],
        after=swap("Ada Example", "Eve Example"),
    )
    case(
        "way-field-added",
        "pass",
        "a field that h= does not name",
        ["RFC6376-3.7-1"],
        after=lambda o: b"X-Spam: no\r\nReceived: by c.example.org; Thu, 1 Jan 2026 00:01:00 +0000\r\n" + o,
    )
    case(
        "way-signed-field-removed",
        "fail",
        "the Date was removed",
        ["RFC6376-6.1.3-3"],
        after=swap("Date: Wed, 31 Dec 2025 23:00:00 +0000\r\n", ""),
    )
    refold = swap("To: Bob Example <bob@example.org>", "TO:\r\n\tBob\r\n  Example   <bob@example.org> ")
    case(
        "way-refolded-relaxed",
        "pass",
        "another fold, case and white space",
        ["RFC6376-3.4.2-1", "RFC6376-3.4.2-3"],
        after=refold,
    )
    case(
        "way-refolded-simple",
        "fail",
        "simple allows no refolding",
        ["RFC6376-3.4.1-1"],
        dkim(keys.usual(), c="simple/simple"),
        after=refold,
    )
    case(
        "way-case-simple",
        "fail",
        "simple keeps the case of names",
        ["RFC6376-3.4.1-1"],
        dkim(keys.usual(), c="simple/simple"),
        after=swap("Subject:", "subject:"),
    )
    blanks = swap("Two blanks  and\ta tab here. ", "Two\tblanks and  a tab here.  ")
    case(
        "way-blanks-relaxed",
        "pass",
        "relaxed allows other white space",
        ["RFC6376-3.4.4-2", "RFC6376-3.4.4-3"],
        after=blanks,
    )
    case(
        "way-blanks-simple",
        "fail",
        "simple allows no other white space",
        ["RFC6376-3.4.3-1"],
        dkim(keys.usual(), c="relaxed/simple"),
        after=blanks,
    )
    case(
        "way-blank-inserted-relaxed",
        "fail",
        "relaxed does not allow white space where none was",
        ["RFC6376-3.4.4-3"],
        after=swap("Yours,", "Yours ,"),
    )
    case(
        "way-lines-added",
        "pass",
        "empty lines at the end do not count",
        ["RFC6376-3.4.3-1", "RFC6376-3.4.4-4"],
        after=lambda o: o + b"\r\n\r\n\r\n",
    )
    case(
        "way-b-refolded",
        "pass",
        "white space in b= is not hashed, simple",
        ["RFC6376-3.5-2", "RFC6376-3.5-8"],
        dkim(keys.usual(), c="simple/simple"),
        after=lambda o: o.replace(b"\r\n\tb=", b"\r\n\tb=\r\n\t ", 1),
    )
    case(
        "way-t-changed",
        "fail",
        "t= of the own field was changed",
        ["RFC6376-3.7-4", "RFC6376-3.5-2"],
        after=swap("t=17", "t=16"),
    )
    case(
        "way-unknown-tag-changed",
        "fail",
        "an unknown tag is hashed too",
        ["RFC6376-3.5-3", "RFC6376-3.7-4"],
        dkim(keys.usual(), extra="note=one; "),
        after=swap("note=one", "note=two"),
    )
    case(
        "way-bh-changed",
        "fail",
        "bh= altered to fit a changed body, the signature remains",
        ["RFC6376-6.1.3-3", "RFC6376-3.7-4"],
        after=changed_with_body_hash,
    )
    case(
        "way-results-forged",
        "pass",
        "an Authentication-Results field of the sender changes nothing",
        ["RFC6376-6.1.3-1"],
        after=lambda o: b"Authentication-Results: mx.example.org;\r\n\tdkim=fail header.d=example.com\r\n" + o,
    )
    case(
        "way-results-forged-pass",
        "fail",
        "a forged Authentication-Results field helps nobody",
        ["RFC6376-6.1.3-2"],
        after=lambda o: b"Authentication-Results: mx.example.org;\r\n\tdkim=pass header.d=example.com\r\n"
        + o
        + b"x\r\n",
    )
    case(
        "way-lf",
        "fail",
        "line ends were turned to LF in the body alone",
        ["RFC6376-5.3-2"],
        after=lambda o: o.replace(b"Dear Bob,\r\n", b"Dear Bob,\n"),
    )


def flip_last_b(octets):
    start = octets.rindex(b"\tb=") + 3
    old = octets[start : start + 1]
    return octets[:start] + (b"A" if old != b"A" else b"B") + octets[start + 1 :]


def several():
    second = {
        "sel._domainkey.example.com": [keys.usual().record()],
        "ed._domainkey.example.com": [keys.edwards().record()],
        "two._domainkey.example.net": [keys.small().record()],
    }
    e = lambda index, result, why, *proves, **words: Expect(result, why, list(proves), index=index, **words)
    case(
        "several-dual",
        [
            e(0, "pass", "Ed25519 on top", "RFC8463-6-1", "RFC6376-4.2-1"),
            e(1, "pass", "RSA below", "RFC8463-6-2", "RFC6376-4.2-1"),
        ],
        sign=[dkim(keys.usual()), dkim(keys.edwards(), s="ed")],
        zone=second,
    )
    case(
        "several-bad-good",
        [
            e(0, "fail", "signed with another key than the record holds", "RFC6376-4.2-4"),
            e(1, "pass", "a bad signature does not spoil the next", "RFC6376-4.2-5", "RFC6376-6.1-4"),
        ],
        sign=[dkim(keys.usual()), dkim(keys.usual(), d="example.net", s="two")],
        zone=second,
    )
    case(
        "several-good-bad",
        [e(0, "pass", "", "RFC6376-4.2-4", "RFC6376-6.1-1"), e(1, "fail", "", "RFC6376-4.2-4")],
        sign=[dkim(keys.usual(), d="example.net", s="two"), dkim(keys.usual())],
        zone=second,
    )
    case(
        "several-unknown-algorithm-first",
        [
            e(
                0,
                "permerror",
                "an algorithm nobody knows",
                "RFC6376-3.3.4-1",
                "RFC8463-6-2",
                accept=["permerror", "neutral"],
            ),
            e(1, "pass", "", "RFC6376-3.3.4-1"),
        ],
        sign=[dkim(keys.usual()), dkim(keys.usual(), a="foo-sha256")],
        zone=second,
    )
    case(
        "several-syntax-error-first",
        [
            e(0, "neutral", "no tag list", "RFC6376-6.1-4", accept=["neutral", "permerror"]),
            e(1, "pass", "", "RFC6376-6.1-4"),
        ],
        sign=[dkim(keys.usual()), lambda m: m.under(b"DKIM-Signature: v=1; a=rsa-sha256; nonsense\r\n")],
        zone=second,
    )
    case(
        "several-key-missing-first",
        [e(0, "permerror", "no such key", "RFC6376-6.1.2-3"), e(1, "pass", "", "RFC6376-4.2-5")],
        sign=[dkim(keys.usual()), dkim(keys.usual(), s="gone")],
        zone=second,
    )
    case(
        "several-dns-trouble-first",
        [e(0, "temperror", "its key cannot be fetched", "RFC6376-6.1.2-2"), e(1, "pass", "", "RFC6376-4.2-5")],
        sign=[dkim(keys.usual()), dkim(keys.usual(), s="slow")],
        zone=second,
        failing={"slow._domainkey.example.com": "timeout"},
    )
    signed_below = dkim(keys.small(), d="example.net", s="two", h="from:subject:dkim-signature")
    case(
        "several-signs-signature",
        [
            e(0, "pass", "signs the signature below as well", "RFC6376-3.5-4", "RFC6376-3.5-16"),
            e(1, "pass", "", "RFC6376-3.5-16"),
        ],
        sign=[dkim(keys.usual()), signed_below],
        zone=second,
    )
    case(
        "several-signs-signature-changed",
        [
            e(0, "fail", "the b= of the signature below belongs to what it signs", "RFC6376-3.5-4"),
            e(1, "fail", "its own b= was changed", "RFC6376-3.5-4"),
        ],
        sign=[dkim(keys.usual()), signed_below],
        zone=second,
        after=flip_last_b,
    )
    case(
        "several-own-name",
        [e(0, "pass", "DKIM-Signature in h= never means the own field", "RFC6376-3.5-16")],
        sign=[dkim(keys.usual(), h="from:subject:dkim-signature")],
        zone=second,
    )
    case(
        "several-ten",
        [e(i, "pass", "ten signatures, all good", "RFC6376-4.2-4") for i in range(10)],
        sign=[dkim(keys.edwards(), s="ed", t=1767222000 + i) for i in range(10)],
        zone=second,
    )
    case(
        "several-same-twice",
        [e(0, "pass", "", "RFC6376-4.2-4"), e(1, "pass", "the same signature twice", "RFC6376-4.2-4")],
        sign=[dkim(keys.usual()), lambda m: m.under(m.fields[0])],
        zone=second,
    )


def all_cases():
    lengths()
    on_the_way()
    several()
