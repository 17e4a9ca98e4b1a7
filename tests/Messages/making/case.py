"""A case: a message, the keys, the clock and what a verifier should say."""
import dataclasses
import zlib

from . import keys, signing

NOW = signing.NOW
SYNTAX = ["neutral", "permerror"]
REFUSED = ["permerror", "neutral"]
ALL = []


@dataclasses.dataclass
class Expect:
    """What to expect of one signature. `result` is the word with the default settings, `legacy` with rsa-sha1 and short
    keys allowed, `whole` where octets beyond l= are refused; `accept` are other words that the RFCs leave room for."""

    result: str
    why: str
    proves: list
    kind: str = "dkim"
    index: int = 0
    accept: list | None = None
    legacy: str | None = None
    whole: str | None = None
    unsigned: int | None = None
    testing: bool | None = None


@dataclasses.dataclass
class Case:
    id: str
    octets: bytes
    zone: dict
    failing: dict
    now: int
    expect: list
    append: list
    proves: list


SUBJECTS = [
    "The lighthouse report",
    "Minutes of the kite club",
    "Plums are ripe",
    "Ferry timetable from Monday",
    "Your violin is ready",
    "Tide table",
    "On the habits of newts",
    "A recipe for barley soup",
]
LINES = [
    "The lamp was cleaned on Tuesday.",
    "Nobody brought string, so the kites stayed down.",
    "Please come with baskets; the ladder is behind the shed.",
    "The last boat leaves at ten past six.",
    "Ask for Ms. Okonkwo at the counter.",
    "High water is at four, which is later than last week.",
    "They were seen near the pond, three of them.",
    "Two cups of barley, one onion, patience.",
]


def letter(body=None, extra="", sender="Ada Example <ada@example.com>", n=0):
    """A short letter of invented content."""
    n %= len(SUBJECTS)
    header = (
        "Received: from mail.example.com (mail.example.com [192.0.2.25])\n\tby mx.example.org with ESMTP id %d;\n"
        "\tThu, 1 Jan 2026 00:00:00 +0000\n"
        "From: %s\nTo: Bob Example <bob@example.org>\nSubject: %s\n"
        "Date: Wed, 31 Dec 2025 23:00:00 +0000\nMessage-ID: <%d.corpus@example.com>\n%s"
        % (4000 + n, sender, SUBJECTS[n], 100 + n, extra)
    )
    text = "Dear Bob,\n\n%s\n  Two blanks  and\ta tab here. \n\nYours,\nAda\n" % LINES[n] if body is None else body
    return signing.message(header, text)


def case(
    id, expect, why="", proves=(), sign=None, msg=None, zone=None, failing=None, now=NOW, after=None, append=(), **words
):
    """Adds a case. `sign`: functions that put signatures on top, lowest first. `after` changes the finished octets.
    `append`: pairs of text and times, put at the end when a test runs; the signer sees them where they are body."""
    # By the name, so that a new case leaves the others as they are.
    msg = letter(n=zlib.crc32(id.encode())) if msg is None else msg
    if append and msg.body is not None:
        msg = signing.Message(msg.fields, msg.body + b"".join(t.encode("latin-1") * n for t, n in append))
    signs = sign if isinstance(sign, list) else [signing.dkim(keys.usual()) if sign is None else sign]
    for one in signs:
        msg = one(msg)
    octets = msg.octets()
    if append and msg.body is not None:
        tail = b"".join(t.encode("latin-1") * n for t, n in append)
        assert octets.endswith(tail)
        octets = octets[: len(octets) - len(tail)]
    octets = octets if after is None else after(octets)
    expects = expect if isinstance(expect, list) else [Expect(expect, why, list(proves), **words)]
    zone = {"sel._domainkey.example.com": [keys.usual().record()]} if zone is None else zone
    assert not any(c.id == id for c in ALL), id
    ALL.append(Case(id, octets, zone, failing or {}, now, expects, [list(a) for a in append], list(proves)))


def swap(old, new, count=1):
    """A change to a finished message, which must really change it."""
    old, new = (x.encode() if isinstance(x, str) else x for x in (old, new))

    def change(octets):
        assert old in octets, old
        return octets.replace(old, new, count)

    return change
