"""Key records and the DNS."""
from . import keys
from .case import case
from .keys import b64, rsa_key
from .signing import dkim

NAME = "sel._domainkey.example.com"
REFUSED = ["permerror", "neutral"]


def with_record(id, result, record, why, *proves, **words):
    if result == "permerror":
        words.setdefault("accept", REFUSED)
    case(
        id,
        result,
        why,
        proves,
        words.pop("sign", None),
        zone={NAME: record if isinstance(record, list) else [record]},
        **words
    )


def tags():
    p = "p=" + b64(keys.usual().spki())
    good = [
        ("v-only", "v=DKIM1; " + p, "v= and p=", ["RFC6376-3.6.1-2"]),
        ("p-only", p, "p= alone", ["RFC6376-3.6.1-2", "RFC6376-3.6.1-4"]),
        ("blanks", " v = DKIM1 ;\tk = rsa ; " + p + " ; ", "blanks around everything", ["RFC6376-3.6.1-1"]),
        ("h-sha256", "v=DKIM1; h=sha256; " + p, "h= names the hash", ["RFC6376-3.6.1-3"]),
        ("h-both", "v=DKIM1; h=sha1 : sha256; " + p, "h= names both, with blanks", ["RFC6376-3.6.1-3"]),
        ("h-unknown-too", "v=DKIM1; h=foo:sha256; " + p, "unknown hashes are ignored", ["RFC6376-3.6.1-3"]),
        ("k-rsa", "k=rsa; " + p, "k=rsa", ["RFC6376-3.6.1-4"]),
        ("n-note", "v=DKIM1; n=call=20Ada=3B at noon; " + p, "a note has no effect", ["RFC6376-3.6.1-6"]),
        ("n-empty", "v=DKIM1; n=; " + p, "an empty note", ["RFC6376-3.6.1-6"]),
        ("s-all", "v=DKIM1; s=*; " + p, "for all services", ["RFC6376-3.6.1-9"]),
        ("s-email", "v=DKIM1; s=email; " + p, "for mail", ["RFC6376-3.6.1-9"]),
        ("s-list", "v=DKIM1; s=foo : email; " + p, "for mail and something else", ["RFC6376-3.6.1-9"]),
        ("t-unknown", "v=DKIM1; t=q:zz; " + p, "unknown flags are ignored", ["RFC6376-3.6.1-10"]),
        ("t-s", "v=DKIM1; t=s; " + p, "no subdomains, and none is used", ["RFC6376-3.6.1-12"]),
        ("g-other", "v=DKIM1; g=bob; " + p, "g= of the older RFC is ignored", ["RFC6376-C.2-1"]),
        ("g-empty", "v=DKIM1; g=; " + p, "an empty g= of the older RFC is ignored", ["RFC6376-C.2-1"]),
        ("unknown", "v=DKIM1; foo=bar; " + p + "; baz=1", "unknown tags are ignored", ["RFC6376-3.6.1-1"]),
        (
            "p-blanks",
            "v=DKIM1; p=" + " ".join(p[2:][i : i + 40] for i in range(0, len(p) - 2, 40)),
            "blanks inside p=",
            ["RFC6376-2.10-1"],
        ),
        ("p-first", p + "; k=rsa; t=s", "p= before the others", ["RFC6376-3.6.1-1"]),
    ]
    for name, record, why, proves in good:
        with_record("key-" + name, "pass", record, why, *proves)
    for name, record, why, proves in [
        ("v-10", "v=DKIM1.0; " + p, "v= is exactly DKIM1", ["RFC6376-3.6.1-2"]),
        ("v-small", "v=dkim1; " + p, "v= is exactly DKIM1", ["RFC6376-3.6.1-2"]),
        ("v-1", "v=1; " + p, "v=1 is a signature's", ["RFC6376-3.6.1-2"]),
        ("v-second", "k=rsa; v=DKIM1; " + p, "v= must be the first tag", ["RFC6376-3.6.1-2"]),
        ("h-sha1", "v=DKIM1; h=sha1; " + p, "h= does not name the hash", ["RFC6376-3.6.1-3", "RFC6376-6.1.2-6"]),
        ("h-unknown", "v=DKIM1; h=foo; " + p, "h= names nothing known", ["RFC6376-3.6.1-3"]),
        ("k-unknown", "v=DKIM1; k=foo; " + p, "an unknown key type", ["RFC6376-3.6.1-4"]),
        ("k-capitals", "v=DKIM1; k=RSA; " + p, "key types are case sensitive", ["RFC6376-3.2-4", "RFC6376-3.6.1-4"]),
        ("s-other", "v=DKIM1; s=foo; " + p, "not for mail", ["RFC6376-3.6.1-9"]),
        ("p-absent", "v=DKIM1; k=rsa", "no p=", ["RFC6376-3.6.1-7", "RFC6376-6.1.2-5"]),
        ("p-not-base64", "v=DKIM1; p=***", "p= is no base64", ["RFC6376-6.1.2-5"]),
        ("p-cut", "v=DKIM1; " + p[:200], "p= cut in the middle", ["RFC6376-3.6.1-5", "RFC6376-6.1.2-5"]),
        ("twice", "v=DKIM1; k=rsa; k=rsa; " + p, "k= twice", ["RFC6376-3.2-5"]),
        ("no-equals", "v=DKIM1; junk; " + p, "a spec without equal sign", ["RFC6376-6.1.2-1"]),
        ("empty-spec", "v=DKIM1;; " + p, "two semicolons", ["RFC6376-3.2-1"]),
        ("quotes", '"v=DKIM1; ' + p + '"', "quotes inside the record", ["RFC6376-6.1.2-5"]),
        ("backslash", "v=DKIM1\\; " + p, "a backslash before the semicolon", ["RFC6376-6.1.2-5"]),
        ("empty", "", "an empty record", ["RFC6376-6.1.2-5"]),
        ("spf", "v=spf1 mx -all", "a wildcard's SPF record", ["RFC6376-6.1.2-5"]),
        ("words", "no key here", "words", ["RFC6376-6.1.2-5"]),
        ("nul", "v=DKIM1; n=a\0b; " + p, "a NUL in the record", ["RFC6376-8.8-1"]),
        (
            "revoked",
            "v=DKIM1; p=",
            "an empty p= means revoked",
            ["RFC6376-3.6.1-7", "RFC6376-3.6.1-8", "RFC6376-6.1.2-7"],
        ),
        ("revoked-blank", "v=DKIM1; p= ", "p= of blanks means revoked", ["RFC6376-3.6.1-7"]),
        ("h-empty", "v=DKIM1; h=; " + p, "an empty h=", ["RFC6376-3.6.1-3", "RFC6376-3.2-9"]),
        ("long", "v=DKIM1; n=" + "x" * 70000 + "; " + p, "a record of 70,000 octets", ["RFC6376-8.8-1"]),
    ]:
        with_record(
            "key-" + name,
            "permerror",
            record,
            why,
            *proves,
            accept=REFUSED + ["fail", "policy"] if name.startswith(("h-", "revoked", "k-", "s-")) else REFUSED
        )
    with_record(
        "key-t-y", "pass", "v=DKIM1; t=y; " + p, "a key in testing mode is told", "RFC6376-3.6.1-11", testing=True
    )
    with_record(
        "key-t-y-s", "pass", "v=DKIM1; t=y : s; " + p, "two flags with blanks", "RFC6376-3.6.1-11", testing=True
    )
    with_record(
        "key-t-y-fail",
        "fail",
        "v=DKIM1; t=y; " + p,
        "a testing key, a failing signature",
        "RFC6376-3.6.1-11",
        testing=True,
        after=lambda o: o + b"x\r\n",
    )
    for name, i, result in [("same", "ada@example.com", "pass"), ("sub", "ada@news.example.com", "permerror")]:
        with_record(
            "key-t-s-" + name,
            result,
            "v=DKIM1; t=s; " + p,
            "t=s and i=%s" % i,
            "RFC6376-3.6.1-12",
            "RFC6376-3.10-1",
            sign=dkim(keys.usual(), extra="i=%s; " % i),
            **({} if result == "pass" else {"accept": ["permerror", "neutral", "fail", "policy"]})
        )
    cut = [keys.usual().record()[i : i + 50] for i in range(0, len(keys.usual().record()), 50)]
    # For other implementations: our own resolvers join strings, and are tested against a name server.
    with_record("key-strings", "pass", [cut], "one record of many strings")
    with_record("key-strings-empty", "pass", [["", cut[0], ""] + cut[1:] + [""]], "empty strings among them")
    with_record(
        "key-utf8-note",
        "pass",
        "v=DKIM1; n=Schl\u00c3\u00bcssel; " + p,
        "UTF-8 in a note",
        "RFC6376-3.6.1-6",
        accept=["pass", "permerror", "neutral"],
    )


def names():
    case("dns-no-name", "permerror", "the name does not exist", ["RFC6376-6.1.2-3"], zone={}, accept=REFUSED)
    case(
        "dns-no-record", "permerror", "the name has no TXT record", ["RFC6376-6.1.2-3"], zone={NAME: []}, accept=REFUSED
    )
    for word in ("servfail", "timeout"):
        case(
            "dns-" + word,
            "temperror",
            "the DNS answers with " + word,
            ["RFC6376-6.1.2-2"],
            zone={},
            failing={NAME: word},
        )
    good, other = keys.usual().record(), keys.small().record()
    for name, records, why in [
        ("junk-first", ["junk", good], "junk beside the key"),
        ("junk-last", [good, "v=spf1 -all"], "an SPF record beside the key"),
        ("wrong-first", [other, good], "another key first"),
        ("wrong-last", [good, other], "another key last"),
        ("revoked-beside", ["v=DKIM1; p=", good], "a revoked key beside the good one"),
        ("same-twice", [good, good], "the same record twice"),
    ]:
        case(
            "dns-two-" + name,
            "pass",
            why + ": records that parse are tried in an order of our own",
            ["RFC6376-3.6.2.2-2", "RFC6376-6.1.2-4"],
            zone={NAME: records},
            accept=["pass", "fail", "permerror"],
        )
    case(
        "dns-two-wrong",
        "fail",
        "two keys, neither is it",
        ["RFC6376-6.1.2-4"],
        zone={NAME: [other, rsa_key("other", 1024).record()]},
    )
    case(
        "dns-two-junk",
        "permerror",
        "two records, neither is a key",
        ["RFC6376-6.1.2-4"],
        zone={NAME: ["junk", "v=spf1 -all"]},
        accept=REFUSED,
    )


def all_cases():
    tags()
    names()
