"""Tag lists, missing tags, and tags that every signature has."""
from . import keys
from .case import case
from .signing import dkim
from .tagging import refused, syntax, templated

SEL = "sel._domainkey.example.com"


def lists():
    good = [
        ("semicolon-at-end", "v=1; a={a}; c={c}; d={d}; s={s}; h={h}; bh={bh}; b={b};", "a semicolon at the end"),
        ("semicolon-blank-at-end", "v=1; a={a}; c={c}; d={d}; s={s}; h={h}; bh={bh}; b={b} ; ", "blanks around it"),
        (
            "blanks-around",
            "v = 1 ;a\t=\t{a} ; c= {c};d ={d} ;\r\n s\r\n =\r\n {s}\r\n ; h={h}; bh={bh}; b={b}",
            "folding white space around names and values",
        ),
        ("no-blanks", "v=1;a={a};c={c};d={d};s={s};h={h};bh={bh};b={b}", "no white space at all"),
        ("v-last", "a={a}; c={c}; d={d}; s={s}; h={h}; bh={bh}; b={b}; v=1", "v= at the end"),
        ("b-first", "b={b}; v=1; a={a}; c={c}; d={d}; s={s}; h={h}; bh={bh}", "b= at the beginning"),
        ("b-middle", "v=1; a={a}; b={b}; c={c}; d={d}; s={s}; h={h}; bh={bh}", "b= in the middle"),
        ("bh-after-b", "v=1; a={a}; c={c}; d={d}; s={s}; h={h}; b={b}; bh={bh}", "bh= after b="),
        (
            "unknown",
            "v=1; a={a}; c={c}; d={d}; s={s}; foo=bar baz; h={h}; b_2=x; bh={bh}; b={b}",
            "unknown tags are ignored",
        ),
        (
            "unknown-empty",
            "v=1; a={a}; c={c}; d={d}; s={s}; foo=; h={h}; bh={bh}; b={b}",
            "an unknown tag with no value",
        ),
        ("capital", "v=1; D=example.net; a={a}; c={c}; d={d}; s={s}; h={h}; bh={bh}; b={b}", "D= is not d="),
        (
            "equals-in-value",
            "v=1; a={a}; c={c}; d={d}; s={s}; foo=a=b==c; h={h}; bh={bh}; b={b}",
            "equal signs in a value",
        ),
    ]
    proofs = {
        "b-first": ["RFC6376-3.5-2"],
        "b-middle": ["RFC6376-3.5-2"],
        "bh-after-b": ["RFC6376-3.5-2"],
        "v-last": ["RFC6376-3.5-6"],
        "unknown": ["RFC6376-3.2-8"],
        "unknown-empty": ["RFC6376-3.2-8", "RFC6376-3.2-9"],
        "capital": ["RFC6376-3.2-3"],
        "blanks-around": ["RFC6376-3.2-6", "RFC6376-2.8-1"],
    }
    for name, text, why in good:
        for canon in ("simple/simple", "relaxed/relaxed") if name.startswith("b") else ("relaxed/relaxed",):
            case(
                "list-%s-%s" % (name, canon[0]),
                "pass",
                why,
                proofs.get(name, ["RFC6376-3.2-1"]),
                templated(text, c=canon),
            )
    head, tail = "v=1; a={a}; c={c}; d={d}; s={s}; ", "h={h}; bh={bh}; b={b}"
    bad = [
        ("empty-spec", head + ";" + tail, "two semicolons", ["RFC6376-3.2-1"]),
        ("semicolon-first", ";" + head + tail, "a semicolon at the beginning", ["RFC6376-3.2-1"]),
        ("no-equals", head + "foo;" + tail, "a spec without equal sign", ["RFC6376-3.2-1"]),
        ("digit-first", head + "1a=x;" + tail, "a name that begins with a digit", ["RFC6376-3.2-10"]),
        ("hyphen", head + "a-b=x;" + tail, "a hyphen in a name", ["RFC6376-3.2-10"]),
        ("underscore-first", head + "_a=x;" + tail, "a name that begins with an underscore", ["RFC6376-3.2-10"]),
        ("blank-in-name", head + "fo o=x;" + tail, "a blank inside a name", ["RFC6376-3.2-10"]),
        ("no-name", head + "=x;" + tail, "no name", ["RFC6376-3.2-10"]),
        ("control", head + "foo=a\x01b;" + tail, "a control character in a value", ["RFC6376-3.2-1"]),
        ("nul", head + "foo=a\0b;" + tail, "a NUL in a value", ["RFC6376-3.2-1", "RFC6376-8.9-1"]),
        ("bare-cr", head + "foo=a\rb;" + tail, "a bare CR in a value", ["RFC6376-2.8-1"]),
        ("bare-lf", head + "foo=a\n b;" + tail, "a bare LF before a blank is no fold", ["RFC6376-2.8-1"]),
    ]
    for name, text, why, proves in bad:
        syntax("list-" + name, why, proves + ["RFC6376-6.1.1-1"], templated(text))
    case(
        "list-latin1",
        "pass",
        "an unknown tag whose value is no UTF-8: only values that mean something are decoded",
        ["RFC6376-3.2-8"],
        templated(head + "foo=caf\udce9;" + tail),
        accept=["pass", "neutral", "permerror"],
    )
    for name in ("v", "a", "c", "d", "s", "h", "foo"):
        value = {
            "v": "1",
            "a": "rsa-sha256",
            "c": "relaxed/relaxed",
            "d": "example.com",
            "s": "sel",
            "h": "from",
            "foo": "x; foo=x",
        }[name]
        syntax(
            "list-twice-" + name,
            "%s= twice" % name,
            ["RFC6376-3.2-5"],
            templated(head + name + "=" + value + ";" + tail),
        )
    for name, text in [
        ("empty", ""),
        ("blank", " "),
        ("semicolon", " ;"),
        ("words", " this is no signature"),
        ("truncated", " v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s"),
        ("truncated-in-name", " v=1; a=rsa-sha256; c"),
        ("comment", " (v=1) v=1; a=rsa-sha256"),
    ]:
        words = {}
        if name == "truncated":
            words = dict(accept=["permerror", "neutral"])
        (refused if name == "truncated" else syntax)(
            "list-field-" + name,
            "the whole field is %r" % text.strip(),
            ["RFC6376-3.2-1", "RFC6376-6.1.1-1"],
            lambda m, text=text: m.under(b"DKIM-Signature:" + text.encode() + b"\r\n"),
            **words
        )


def missing():
    full = ["v=1", "a={a}", "c={c}", "d={d}", "s={s}", "h={h}", "bh={bh}", "b={b}"]
    for tag, proves in [
        ("v", "RFC6376-3.5-5"),
        ("a", "RFC6376-3.5-7"),
        ("d", "RFC6376-3.5-11"),
        ("s", "RFC6376-3.5-27"),
        ("h", "RFC6376-3.5-13"),
        ("bh", "RFC6376-3.5-9"),
        ("b", "RFC6376-3.5-8"),
    ]:
        text = "; ".join(t for t in full if not t.startswith(tag + "="))
        refused("missing-" + tag, "no %s=" % tag, ["RFC6376-6.1.1-3", proves], templated(text))
        refused(
            "empty-" + tag,
            "%s= without a value" % tag,
            ["RFC6376-3.2-9", proves],
            templated("; ".join(tag + "=" if t.startswith(tag + "=") else t for t in full)),
        )
    for tag in ("c", "q", "i", "t", "x"):
        judge = refused if tag in ("c", "q") else syntax
        judge(
            "empty-" + tag,
            "%s= without a value" % tag,
            ["RFC6376-3.2-9"],
            templated(
                "; ".join(
                    ([] if tag == "c" else ["c={c}"]) + [tag + "="] + [t for t in full if not t.startswith("c=")]
                ),
                c="simple/simple" if tag == "c" else "relaxed/relaxed",
            ),
        )
    for v in ("2", "1.0", "01", "DKIM1", "1 1"):
        refused(
            "v-" + v.replace(" ", "-").replace(".", "-").lower(),
            "v=%s is another version" % v,
            ["RFC6376-3.5-5", "RFC6376-6.1.1-2"],
            templated("; ".join(["v=" + v] + full[1:])),
        )


def values():
    for name, a in [
        ("capitals", "RSA-SHA256"),
        ("rsa", "rsa"),
        ("no-hash", "rsa-"),
        ("no-key", "-sha256"),
        ("sha512", "rsa-sha512"),
        ("foo", "foo-sha256"),
        ("ed25519-sha1", "ed25519-sha1"),
        ("ed25519", "ed25519"),
        ("blank", "rsa- sha256"),
    ]:
        refused(
            "a-" + name,
            "a=%s is no algorithm" % a,
            ["RFC6376-3.3.4-1", "RFC6376-3.5-7", "RFC6376-3.2-4"] + (["RFC8463-4.1-1"] if "ed" in a else []),
            dkim(keys.usual(), a=a),
        )
    for name, d in [
        ("dot", "."),
        ("trailing-dot", "example.com."),
        ("leading-dot", ".example.com"),
        ("two-dots", "example..com"),
        ("long-label", "x" * 64 + ".example"),
        ("too-long", ".".join(["x" * 49] * 5) + ".example"),
        ("literal", "[192.0.2.1]"),
        ("blank", "exam ple.com"),
        ("hyphen-first", "-example.com"),
        ("hyphen-last", "example-.com"),
        ("at", "@example.com"),
        ("nul", "example.com\0.net"),
    ]:
        syntax(
            "d-" + name,
            "d=%r is no domain name" % d,
            ["RFC6376-3.5-11"],
            dkim(keys.usual(), d=d),
            zone={"sel._domainkey." + d.lower().strip("."): [keys.usual().record()], SEL: [keys.usual().record()]}
            if "\0" not in d and " " not in d and "[" not in d and len(d) < 200
            else {SEL: [keys.usual().record()]},
        )
    case(
        "d-capitals",
        "pass",
        "a domain in capitals is the same domain",
        ["RFC6376-3.5-11"],
        dkim(keys.usual(), d="EXAMPLE.Com"),
    )
    case(
        "d-63-label",
        "pass",
        "a label of 63 octets",
        ["RFC6376-3.5-11"],
        dkim(keys.usual(), d="x" * 63 + ".example"),
        zone={"sel._domainkey." + "x" * 63 + ".example": [keys.usual().record()]},
    )
    case(
        "d-fold", "pass", "folds around the domain", ["RFC6376-3.2-6"], dkim(keys.usual(), d="\r\n\t example.com \r\n ")
    )
    case(
        "d-deep",
        "pass",
        "a third-level domain",
        ["RFC6376-3.6.2.1-1"],
        dkim(keys.usual(), d="mail.lists.example.com"),
        zone={"sel._domainkey.mail.lists.example.com": [keys.usual().record()]},
    )
    case(
        "d-other",
        "pass",
        "a third party signs",
        ["RFC6376-4.2-1"],
        dkim(keys.usual(), d="example.net"),
        zone={"sel._domainkey.example.net": [keys.usual().record()]},
    )
    for name, s in [
        ("dot-first", ".x"),
        ("dot-last", "x."),
        ("two-dots", "a..b"),
        ("long", "x" * 64),
        ("blank", "a b"),
        ("at", "a@b"),
    ]:
        syntax(
            "s-" + name,
            "s=%s is no selector" % s,
            ["RFC6376-3.1-1"],
            dkim(keys.usual(), s=s),
            zone={s.strip(".") + "._domainkey.example.com": [keys.usual().record()]} if " " not in s else None,
        )
    case(
        "s-dotted",
        "pass",
        "a selector of three labels",
        ["RFC6376-3.1-1", "RFC6376-3.6.2.1-1"],
        dkim(keys.usual(), s="jan.2026.east"),
        zone={"jan.2026.east._domainkey.example.com": [keys.usual().record()]},
    )
    case("s-capitals", "pass", "a selector in capitals", ["RFC6376-3.6.2.1-1"], dkim(keys.usual(), s="SEL"))
    syntax(
        "s-name-too-long",
        "selector and domain together make a name of more than 253 octets",
        ["RFC6376-3.6.2.1-1"],
        dkim(keys.usual(), s=".".join(["x" * 50] * 4), d="y" * 50 + ".example.com"),
    )
    for name, h in [
        ("colon", ":"),
        ("trailing-colon", "from:to:"),
        ("leading-colon", ":from"),
        ("two-colons", "from::to"),
        ("blank-name", "from:sub ject"),
        ("semicolon-coded", "from:x=3B"),
    ]:
        if name == "semicolon-coded":
            case("h-" + name, "pass", "an odd but possible field name", ["RFC6376-3.5-14"], dkim(keys.usual(), h=h))
        else:
            syntax("h-" + name, "h=%s" % h, ["RFC6376-3.5-13"], dkim(keys.usual(), h=h))
    case(
        "h-blanks",
        "pass",
        "white space around the colons",
        ["RFC6376-3.5-17"],
        dkim(keys.usual(), h="From : To\r\n\t:\r\n\tSubject :Date"),
    )
    case("h-from-only", "pass", "only From", ["RFC6376-3.5-13"], dkim(keys.usual(), h="from"))
    refused(
        "h-without-from",
        "From is not signed",
        ["RFC6376-6.1.1-6", "RFC6376-5.4-1"],
        dkim(keys.usual(), h="to:subject:date"),
        accept=["permerror", "neutral", "policy"],
    )
    refused(
        "h-xfrom",
        "X-From is not From",
        ["RFC6376-6.1.1-6"],
        dkim(keys.usual(), h="to:x-from:resent-from"),
        accept=["permerror", "neutral", "policy"],
    )
    case(
        "h-thousand",
        "pass",
        "a thousand names",
        ["RFC6376-8.9-1"],
        dkim(keys.usual(), h="from:" + ":".join("x-%d%s" % (i, "\r\n\t" if i % 10 == 0 else "") for i in range(999))),
    )
    case(
        "h-too-many",
        "permerror",
        "more names than anybody needs",
        ["RFC6376-8.9-1"],
        dkim(keys.usual(), h="from:" + ":".join("x-%d%s" % (i, "\r\n\t" if i % 10 == 0 else "") for i in range(3000))),
        accept=["permerror", "neutral", "policy"],
    )
    for name, tweak in [
        ("letters", lambda b: "!" + b[1:]),
        ("three-pads", lambda b: b.rstrip("=") + "==="),
        ("pad-inside", lambda b: b[:8] + "=" + b[9:]),
        ("stars", lambda b: "****"),
    ]:
        syntax(
            "b-" + name,
            "b= is no base64: " + name,
            ["RFC6376-2.10-1", "RFC6376-3.5-8"],
            dkim(keys.usual(), tweak=tweak),
            accept=["neutral", "permerror", "fail"],
        )
    for name, bh in [
        ("letters", "!" * 44),
        ("31-octets", "QUFB" * 10 + "QQ=="),
        ("33-octets", "QUFB" * 11),
        ("sha1-length", "QUFBQUFBQUFBQUFBQUFBQUFBQUE="),
    ]:
        judge = syntax if name == "letters" else refused
        judge(
            "bh-" + name,
            "bh= is no SHA-256 hash: " + name,
            ["RFC6376-3.5-9"],
            dkim(keys.usual(), bh=bh),
            accept=["neutral", "permerror", "fail"],
        )
    case(
        "bh-folded",
        "pass",
        "white space inside bh=",
        ["RFC6376-2.10-1", "RFC6376-3.5-9"],
        templated("v=1; a={a}; c={c}; d={d}; s={s}; h={h}; bh= {bh}\r\n ; b={b}", bh_fold=9),
    )
    case(
        "b-blanks",
        "pass",
        "a blank after each group of b=",
        ["RFC6376-2.10-1", "RFC6376-3.5-8"],
        dkim(keys.usual(), tweak=lambda b: b.replace("A", "A \t")),
    )


def all_cases():
    lists()
    missing()
    values()
