"""Identities, times, query methods and copies."""
from . import keys
from .case import NOW, case, swap
from .signing import dkim
from .tagging import refused, syntax, tagged, templated


def identities():
    for name, i, why in [
        ("same", "ada@example.com", "an address of the domain"),
        ("domain", "@example.com", "no local part"),
        ("sub", "ada@news.example.com", "a subdomain"),
        ("sub-domain-only", "@a.b.example.com", "two below"),
        ("capitals", "Ada@EXAMPLE.COM", "domains compare without case"),
        ("qp", "ada=20lovelace@example.com", "quoted-printable in the local part"),
        ("qp-equals", "a=3Db@example.com", "a quoted equal sign"),
        ("qp-semicolon", "a=3Bb@example.com", "a quoted semicolon"),
        ("qp-folded", "ada=20love\r\n\t lace@example.com", "white space inside is no part of the value"),
        ("quoted", '"ada;lovelace"@example.com'.replace(";", "=3B"), "a quoted local part"),
    ]:
        case(
            "i-" + name,
            "pass",
            "i=: " + why,
            ["RFC6376-3.5-19"]
            + (["RFC6376-2.11-3"] if "folded" in name else [])
            + (["RFC6376-3.5-20"] if i.startswith("@") else []),
            tagged("i=%s; " % i),
        )
    for name, i in [
        ("other", "ada@example.net"),
        ("suffix", "ada@xexample.com"),
        ("behind", "ada@example.com.example.net"),
        ("beside", "ada@other.com"),
    ]:
        refused(
            "i-" + name,
            "i=%s is not below d=" % i,
            ["RFC6376-3.5-19", "RFC6376-6.1.1-5"],
            tagged("i=%s; " % i),
            accept=["permerror", "neutral", "fail"],
        )
    for name, i in [
        ("no-at", "example.com"),
        ("dot", "ada@.example.com"),
        ("at-end", "ada@"),
        ("qp-small", "ada=2flove@example.com"),
        ("qp-cut", "ada=2@example.com"),
        ("qp-end", "ada@example.com="),
        ("qp-word", "ada=zz@example.com"),
        ("parent", "ada@com"),
    ]:
        syntax(
            "i-" + name,
            "i=%s is no identity" % i,
            ["RFC6376-2.11-1" if "qp" in name else "RFC6376-3.5-19"],
            tagged("i=%s; " % i),
            accept=["neutral", "permerror"],
        )
    case(
        "i-qp-domain",
        "pass",
        "quoted-printable in the domain",
        ["RFC6376-2.11-1"],
        tagged("i=ada@example=2Ecom; "),
        accept=["pass", "neutral", "permerror"],
    )
    case("i-absent", "pass", "no i= stands for @d", ["RFC6376-3.5-18", "RFC6376-6.1.1-4"])


def times():
    at = lambda t, **w: dkim(keys.usual(), t=t, **w)
    case("t-now", "pass", "signed this second", ["RFC6376-3.5-29"], at(NOW))
    case(
        "t-ahead-299",
        "pass",
        "299 s ahead: clocks differ",
        ["RFC6376-3.5-31"],
        at(NOW + 299),
        accept=["pass", "permerror"],
    )
    case(
        "t-ahead-301",
        "permerror",
        "301 s ahead",
        ["RFC6376-3.5-31"],
        at(NOW + 301),
        accept=["permerror", "pass", "policy"],
    )
    case(
        "t-ahead-year",
        "permerror",
        "a year ahead",
        ["RFC6376-3.5-31"],
        at(NOW + 31536000),
        accept=["permerror", "pass", "policy"],
    )
    case("t-zero", "pass", "signed in 1970", ["RFC6376-3.5-29"], at(0))
    case("t-leading-zeros", "pass", "zeros before the time", ["RFC6376-3.5-29"], at("000%d" % (NOW - 60)))
    case(
        "t-10-12",
        "permerror",
        "10^12 is far ahead",
        ["RFC6376-3.5-29"],
        at(10**12),
        accept=["permerror", "pass", "policy"],
    )
    case(
        "t-2-63",
        "permerror",
        "2^63 is far ahead, not before 1970",
        ["RFC6376-3.5-29"],
        at(1 << 63),
        accept=["permerror", "neutral", "pass", "policy"],
    )
    for name, t in [("word", "yesterday"), ("negative", "-1"), ("fraction", "1.5"), ("date", "2026-01-01")]:
        syntax("t-" + name, "t=%s" % t, ["RFC6376-3.5-29"], at(t))
        syntax("x-" + name, "x=%s" % t, ["RFC6376-3.5-30"], tagged("x=%s; " % t))
    case(
        "t-absent",
        "pass",
        "no t=",
        ["RFC6376-3.5-36"],
        templated("v=1; a={a}; c={c}; d={d}; s={s}; h={h}; bh={bh}; b={b}"),
    )
    case("x-ahead", "pass", "x= in an hour", ["RFC6376-3.5-33"], tagged("x=%d; " % (NOW + 3600)))
    case(
        "x-past",
        "permerror",
        "expired a day ago",
        ["RFC6376-3.5-33", "RFC6376-6.1.1-7"],
        tagged("x=%d; " % (NOW - 86400), t=NOW - 172800),
        accept=["permerror", "fail", "policy", "neutral"],
    )
    case(
        "x-past-no-t",
        "permerror",
        "expired, and no t=",
        ["RFC6376-6.1.1-7"],
        templated("v=1; a={a}; c={c}; d={d}; s={s}; x=%d; h={h}; bh={bh}; b={b}" % (NOW - 86400)),
        accept=["permerror", "fail", "policy", "neutral"],
    )
    case("x-huge", "pass", "x= of 20 digits never comes", ["RFC6376-3.5-30"], tagged("x=%d; " % 10**19))
    refused(
        "x-equal",
        "x= equals t=",
        ["RFC6376-3.5-32"],
        tagged("x=%d; " % (NOW + 60), t=NOW + 60),
        accept=["permerror", "neutral", "fail", "policy"],
    )
    refused(
        "x-before-t",
        "x= before t=",
        ["RFC6376-3.5-32"],
        tagged("x=%d; " % (NOW + 60), t=NOW + 61),
        accept=["permerror", "neutral", "fail", "policy"],
    )


def queries():
    for name, q in [
        ("plain", "dns/txt"),
        ("list", "dns/txt:http/new"),
        ("unknown-first", "foo:dns/txt"),
        ("blanks", "foo : dns/txt"),
        ("options", "http/opt=3A:dns/txt"),
    ]:
        case("q-" + name, "pass", "q=%s" % q, ["RFC6376-3.5-25", "RFC6376-3.5-26"], tagged("q=%s; " % q))
    for name, q in [("unknown", "foo"), ("dns", "dns"), ("capitals", "DNS/TXT"), ("other-option", "dns/a")]:
        refused(
            "q-" + name, "q=%s is no method that we know" % q, ["RFC6376-3.5-25", "RFC6376-3.2-4"], tagged("q=%s; " % q)
        )
    for name, q in [("colon", ":"), ("slash", "dns/"), ("blank", "dns txt")]:
        syntax("q-" + name, "q=%s" % q, ["RFC6376-3.5-25"], tagged("q=%s; " % q))
    syntax("q-trailing", "a colon too many behind a method that we know", ["RFC6376-3.5-25"], tagged("q=dns/txt:; "))
    copies = "z=From:Ada=20Example=20<ada@example.com>|Subject:anything=7C=20else\r\n\t|To:bob@example.org; "
    case("z-copies", "pass", "copies for diagnosis", ["RFC6376-3.5-34", "RFC6376-3.5-35"], tagged(copies))
    case(
        "z-differs-changed",
        "fail",
        "a copy of what was signed does not heal a changed field",
        ["RFC6376-3.5-35"],
        tagged("z=Subject:original; "),
        after=swap("Subject: ", "Subject: altered "),
    )
    case(
        "z-no-colon",
        "pass",
        "a copy without a colon: z= is for diagnosis only",
        ["RFC6376-3.5-35"],
        tagged("z=nonsense; "),
        accept=["pass", "neutral", "permerror"],
    )


def all_cases():
    identities()
    times()
    queries()
