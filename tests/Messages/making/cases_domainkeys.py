"""DomainKeys (RFC 4870)."""
from . import keys
from .case import Expect, case, letter, swap
from .keys import b64, rsa_key
from .signing import Message, dkim, domainkeys, message

NAME = "sel._domainkey.example.com"
OLD_KEY = "k=rsa; p=" + b64(keys.small().spki())
BAD = ["permerror", "neutral", "fail", "policy"]


def dk(id, result, why, *proves, sign=None, record=OLD_KEY, zone=None, **words):
    if result in ("permerror", "neutral"):
        words.setdefault("accept", BAD)
    case(
        id,
        [
            Expect(
                result,
                why,
                list(proves),
                kind="domainkeys",
                **{k: words.pop(k) for k in ("accept", "testing", "legacy") if k in words}
            )
        ],
        sign=sign or domainkeys(keys.small()),
        zone={NAME: [record]} if zone is None else zone,
        **words
    )


def good():
    for c in ("simple", "nofws"):
        part = "RFC4870-3.4.2.1-1" if c == "simple" else "RFC4870-3.4.2.2-1"
        dk("dk-%s" % c, "pass", "c=%s, without h=" % c, part, "RFC4870-3.3-5", sign=domainkeys(keys.small(), c=c))
        dk(
            "dk-%s-h" % c,
            "pass",
            "c=%s, h= names all fields" % c,
            part,
            "RFC4870-3.3-7",
            sign=domainkeys(keys.small(), c=c, h="received:from:to:subject:date:message-id"),
        )
        dk(
            "dk-%s-h-some" % c,
            "pass",
            "c=%s, h= names some fields" % c,
            part,
            "RFC4870-3.4.2-1",
            sign=domainkeys(keys.small(), c=c, h="From:Subject"),
        )
        for name, body in [
            ("empty", b""),
            ("none", None),
            ("empty-lines", b"\r\n\r\n"),
            ("trailing-lines", b"a\r\n\r\nb\r\n\r\n"),
            ("blanks", b" a \t b \r\n \r\n\t\r\n"),
            ("unended", b"no line end"),
        ]:
            dk(
                "dk-%s-body-%s" % (c, name),
                "pass",
                "c=%s, body: %s" % (c, name),
                "RFC4870-3.4.2.1-2" if c == "simple" else "RFC4870-3.4.2.2-2",
                sign=domainkeys(keys.small(), c=c),
                msg=Message(letter().fields, body),
                accept=["pass", "fail"] if name == "unended" else None,
            )
        dk(
            "dk-%s-field-above" % c,
            "pass",
            "a field above the signature never counts",
            "RFC4870-3.4.2-1",
            sign=domainkeys(keys.small(), c=c),
            after=lambda o: b"X-Above: yes\r\n" + o,
        )
        dk(
            "dk-%s-field-below" % c,
            "fail",
            "without h= a field put below breaks it",
            "RFC4870-3.4.2-1",
            sign=domainkeys(keys.small(), c=c),
            after=swap("Subject:", "X-Below: yes\r\nSubject:"),
        )
        dk(
            "dk-%s-field-below-h" % c,
            "pass",
            "with h= a field that it does not name may come",
            "RFC4870-3.4.2-1",
            sign=domainkeys(keys.small(), c=c, h="from:to:subject"),
            after=swap("Date:", "X-Below: yes\r\nDate:"),
        )
        dk(
            "dk-%s-body-changed" % c,
            "fail",
            "the body was changed",
            "RFC4870-3.7.4-2",
            sign=domainkeys(keys.small(), c=c),
            after=swap("Yours", "Mine"),
        )
        dk(
            "dk-%s-subject-changed" % c,
            "fail",
            "the Subject was changed",
            "RFC4870-3.7.4-2",
            sign=domainkeys(keys.small(), c=c),
            after=swap("Subject: ", "Subject: x"),
        )
    refold = swap("To: Bob Example <bob@example.org>", "To:  Bob\r\n\tExample <bob@example.org> ")
    dk("dk-nofws-refolded", "pass", "nofws survives refolding", "RFC4870-3.4.2.2-1", after=refold)
    dk(
        "dk-simple-refolded",
        "fail",
        "simple does not",
        "RFC4870-3.4.2.1-1",
        sign=domainkeys(keys.small(), c="simple"),
        after=refold,
    )
    dk(
        "dk-nofws-blanks",
        "pass",
        "nofws does not see blanks in the body",
        "RFC4870-3.4.2.2-1",
        after=swap("Yours,", " Y o u r s ,\t"),
    )
    dk(
        "dk-nofws-name-case",
        "fail",
        "nofws keeps the case of names",
        "RFC4870-3.4.2.2-1",
        after=swap("Subject:", "SUBJECT:"),
    )
    for bits in (512, 768, 1536, 2048):
        key = keys.usual() if bits == 2048 else rsa_key("rsa%d" % bits, bits)
        dk(
            "dk-rsa-%d" % bits,
            "pass",
            "%d bits" % bits,
            "RFC4870-3.2.3-1",
            sign=domainkeys(key),
            record="p=" + b64(key.spki()),
            accept=["pass", "policy"] if bits < 1024 else None,
        )
    dk(
        "dk-a-absent",
        "pass",
        "a= is rsa-sha1 where it is absent",
        "RFC4870-3.3-2",
        sign=domainkeys(keys.small(), template="{name}: q=dns; c={c}; s={s}; d={d}; {h}b={b}"),
    )
    dk("dk-b-folded", "pass", "white space in b=", "RFC4870-3.3-4", after=lambda o: o.replace(b"b=", b"b=\r\n\t  ", 1))
    dk(
        "dk-parent",
        "pass",
        "d= is a parent of the sending domain",
        "RFC4870-3.3-6",
        "RFC4870-3.1-2",
        msg=letter(sender="Ada <ada@news.example.com>"),
    )
    dk("dk-capitals", "pass", "d= in capitals", "RFC4870-3.3-6", sign=domainkeys(keys.small(), d="Example.COM"))
    dk(
        "dk-sender",
        "pass",
        "Sender decides, not From",
        "RFC4870-3.1-2",
        msg=letter(sender="Ada <ada@example.net>", extra="Sender: Office <office@example.com>\n"),
    )
    dk(
        "dk-from-list",
        "pass",
        "the first of several authors decides",
        "RFC4870-3.1-2",
        msg=letter(sender='"Ada, the first" <ada@example.com>, Eve <eve@example.net>'),
        accept=["pass", "permerror", "neutral"],
    )
    dk(
        "dk-unknown-tag",
        "pass",
        "unknown tags are ignored",
        "RFC4870-A-1",
        sign=domainkeys(keys.small(), template="{name}: a={a}; q=dns; c={c}; s={s}; d={d}; z=1; {h}b={b}"),
    )
    dk("dk-testing", "pass", "a key in testing mode", "RFC4870-3.2.3-5", record="t=y; " + OLD_KEY, testing=True)
    dk("dk-g-empty", "pass", "g= without value fits every address", "RFC4870-3.2.3-2", record="g=; " + OLD_KEY)
    dk("dk-g-same", "pass", "g= is the local part", "RFC4870-3.2.3-2", record="g=ada; " + OLD_KEY)
    dk("dk-k-absent", "pass", "k= is rsa where it is absent", "RFC4870-3.2.3-3", record=OLD_KEY.replace("k=rsa; ", ""))
    dk(
        "dk-dkim-record",
        "pass",
        "a key record written for DKIM serves too",
        "RFC4870-3.2.3-4",
        record="v=DKIM1; " + OLD_KEY,
        accept=["pass", "permerror"],
    )


def bad():
    template = "{name}: a={a}; q=dns; c={c}; s={s}; d={d}; {h}b={b}"
    dk(
        "dk-no-q",
        "permerror",
        "no q=",
        "RFC4870-3.3-3",
        "RFC4870-3.7.3-3",
        sign=domainkeys(keys.small(), template=template.replace("q=dns; ", "")),
    )
    for tag in ("c", "d", "s", "b"):
        part = "%s={%s}; " % (tag, tag)
        text = template.replace(part, "") if tag != "b" else template.replace("{h}b={b}", "{h}x={b}")
        assert text != template
        dk(
            "dk-no-" + tag,
            "permerror",
            "no %s=" % tag,
            "RFC4870-3.3-3",
            "RFC4870-3.7.3-3",
            sign=domainkeys(keys.small(), template=text),
        )
    for id, why, words in [
        ("a-unknown", "an unknown algorithm", {"a": "rsa-foo"}),
        ("a-capitals", "an algorithm in capitals", {"a": "RSA-SHA1"}),
        ("c-unknown", "an unknown canonicalization", {"c": "relaxed"}),
        ("twice", "c= twice", {"template": template + "; c=nofws"}),
        ("no-list", "no tag list", {"template": "{name}: words {b}"}),
        ("capital-tags", "tags in capitals are others", {"template": template.replace("d={d}", "D={d}")}),
        ("q-other", "another query method", {"template": template.replace("q=dns", "q=http")}),
        ("h-without-from", "h= without From", {"h": "to:subject"}),
    ]:
        dk(
            "dk-" + id,
            "neutral" if id in ("twice", "no-list", "capital-tags") else "permerror",
            why,
            "RFC4870-3.7.3-3" if "unknown" not in id else "RFC4870-3.7.3-2",
            *{"q-other": ["RFC4870-3.3-9"], "capital-tags": ["RFC4870-A-1"]}.get(id, []),
            sign=domainkeys(keys.small(), **words),
        )
    dk(
        "dk-other-domain",
        "permerror",
        "d= is not the sending domain",
        "RFC4870-3.3-6",
        msg=letter(sender="Ada <ada@example.net>"),
    )
    dk(
        "dk-suffix",
        "permerror",
        "xexample.com is not below example.com",
        "RFC4870-3.3-6",
        msg=letter(sender="Ada <ada@xexample.com>"),
    )
    dk(
        "dk-sender-other",
        "permerror",
        "Sender is of another domain",
        "RFC4870-3.1-2",
        msg=letter(extra="Sender: Office <office@example.net>\n"),
    )
    dk(
        "dk-no-from",
        "permerror",
        "no address at all",
        "RFC4870-3.7.3-4",
        msg=message("To: bob@example.org\nSubject: x\n", "y\n"),
    )
    dk("dk-no-key", "permerror", "the name does not exist", "RFC4870-3.7.4-2", zone={})
    dk("dk-servfail", "temperror", "the DNS fails", "RFC4870-3.7.4-1", zone={}, failing={NAME: "servfail"})
    dk("dk-timeout", "temperror", "the DNS is silent", "RFC4870-3.7.4-1", zone={}, failing={NAME: "timeout"})
    dk("dk-revoked", "permerror", "the key is revoked", "RFC4870-3.2.3-4", record="k=rsa; p=")
    dk("dk-p-absent", "permerror", "no p=", "RFC4870-3.2.3-4", record="k=rsa; t=y")
    dk("dk-p-junk", "permerror", "p= is no key", "RFC4870-3.7.4-2", record="p=AAAA")
    dk("dk-k-other", "permerror", "another key type", "RFC4870-3.2.3-3", record=OLD_KEY.replace("k=rsa", "k=dsa"))
    dk("dk-g-other", "permerror", "g= is another local part", "RFC4870-3.2.3-2", record="g=bob; " + OLD_KEY)
    dk("dk-other-key", "fail", "signed with another key", "RFC4870-3.7.4-2", sign=domainkeys(rsa_key("other", 1024)))


def together():
    both = {NAME: [OLD_KEY], "new._domainkey.example.com": [keys.usual().record()]}
    pair = [
        Expect("pass", "the DKIM signature on top", ["RFC4870-3.3-1"]),
        Expect("pass", "the DomainKeys signature below it", ["RFC4870-3.4.2-1"], kind="domainkeys"),
    ]
    case("dk-and-dkim", pair, sign=[domainkeys(keys.small()), dkim(keys.usual(), s="new")], zone=both)
    case(
        "dk-above-dkim",
        [
            Expect("pass", "the DKIM signature below", ["RFC6376-3.5-1"]),
            Expect("pass", "the DomainKeys signature on top covers it", ["RFC4870-3.5.5-1"], kind="domainkeys"),
        ],
        sign=[dkim(keys.usual(), s="new"), domainkeys(keys.small(), c="simple")],
        zone=both,
    )
    case(
        "dk-two",
        [
            Expect("pass", "the upper one covers the lower one", ["RFC4870-3.7.3-1"], kind="domainkeys"),
            Expect("pass", "the lower one", ["RFC4870-3.7.3-1"], kind="domainkeys", index=1),
        ],
        sign=[domainkeys(keys.small()), domainkeys(keys.usual(), s="new", c="simple")],
        zone=both,
    )


def all_cases():
    good()
    bad()
    together()
