"""A signer written from RFC 6376 and RFC 4870 alone, which writes whatever it is told, right or wrong."""
import base64
import dataclasses
import hashlib
import re

NOW = 1767225600  # 2026-01-01T00:00:00Z
SIGNED = NOW - 3600


@dataclasses.dataclass
class Message:
    """Fields as octets, each with its CRLF, topmost first; body None where there is no separator line."""

    fields: list
    body: bytes | None

    def octets(self):
        return b"".join(self.fields) + (b"" if self.body is None else b"\r\n" + self.body)

    def under(self, field):
        return Message([field] + self.fields, self.body)

    def named(self, name):
        return [f for f in self.fields if name_of(f) == name.lower()]


def message(header, body=b""):
    """From text with LF, or octets: a field for each line that does not begin with white space."""
    header = header.encode() if isinstance(header, str) else header
    body = body.encode() if isinstance(body, str) else body
    fields = []
    for line in header.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n").splitlines(keepends=True):
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1] += line
        else:
            fields.append(line)
    return Message(fields, body if body is None else body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


def name_of(field):
    return field.split(b":", 1)[0].rstrip(b" \t").lower().decode("latin-1")


def relaxed_field(field):
    name, value = field.split(b":", 1)
    value = re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" ")
    return name.rstrip(b" \t").lower() + b":" + value + b"\r\n"


def canonical_field(canon, field):
    return relaxed_field(field) if canon == "relaxed" else field


def canonical_body(canon, body):
    body = body or b""
    if canon == "relaxed":
        body = re.sub(rb"[ \t]+", b" ", body)
        body = re.sub(rb" (?=\r\n|\Z)", b"", body)
    end = len(body)
    while body.endswith(b"\r\n", 0, end):
        end -= 2
    body = body[:end]
    return body + b"\r\n" if body or canon == "simple" else b""


def selected(msg, names):
    """The fields that h= names, bottom up (RFC 6376 5.4.2)."""
    left = {}
    for field in msg.fields:
        left.setdefault(name_of(field), []).append(field)
    return [left[n.lower()].pop() for n in names if left.get(n.lower())]


def folded(text, width=68):
    return "\r\n\t ".join(text[i : i + width] for i in range(0, len(text), width))


TEMPLATE = "{name}: v=1; a={a}; c={c}; d={d}; s={s};\r\n\tt={t}; {extra}h={h};\r\n\t" "bh={bh};\r\n\tb={b}"
DEFAULT_H = "from:to:subject:date:message-id"


def dkim(
    key,
    d="example.com",
    s="sel",
    c="relaxed/relaxed",
    hash="sha256",
    h=DEFAULT_H,
    hc=None,
    bc=None,
    l=None,
    body=None,
    extra="",
    template=TEMPLATE,
    end="\r\n",
    tweak=None,
    names=None,
    bh=None,
    fold=True,
    own_end=b"",
    bh_fold=None,
    **words
):
    """A function that puts a signature on top of a message. `template` is the field with holes; the holes `bh` and `b`
    are filled by computing. `names` and `hc`, `bc` are what is really hashed where that differs from what is said;
    `tweak` changes the text of the value of b=, `own_end` stands after the own field in the hash."""

    def sign(msg):
        parts = (c.split("/") + ["simple"])[:2]
        header_canon, body_canon = hc or parts[0], bc or parts[1]
        canonical = canonical_body(body_canon, msg.body if body is None else body)
        digest = hashlib.new(hash, canonical if l is None else canonical[:l]).digest()
        holes = dict(name="DKIM-Signature", a=key.type + "-" + hash, c=c, d=d, s=s, t=SIGNED, h=h, extra=extra)
        holes.update(words)
        holes["bh"] = base64.b64encode(digest).decode() if bh is None else bh
        if bh_fold:
            holes["bh"] = folded(holes["bh"], bh_fold)
        # The white space around the value of b= is deleted with it (RFC 6376 3.7).
        empty = re.sub("[ \t\r\n]*<b>[ \t\r\n]*", "", template.format(b="<b>", **holes)) + end
        empty = empty.encode("utf-8", "surrogateescape")
        data = b"".join(
            canonical_field(header_canon, f)
            for f in selected(msg, re.split(r"\s*:\s*", h.strip()) if names is None else names)
        )
        data += canonical_field(header_canon, empty)[:-2] + own_end
        value = base64.b64encode(key.sign(hashlib.new(hash, data).digest(), hash)).decode()
        value = folded(value) if fold else value
        value = value if tweak is None else tweak(value)
        return msg.under((template.format(b=value, **holes) + end).encode("utf-8", "surrogateescape"))

    return sign


DOMAINKEYS_TEMPLATE = "{name}: a={a}; q=dns; c={c};\r\n\ts={s}; d={d};\r\n\t{h}b={b}"


def nofws(octets):
    return re.sub(rb"[ \t\r\n]", b"", octets)


def domainkeys_input(canon, msg, names):
    """What RFC 4870 3.4.2 hashes: the fields in the order they stand, a separator line, the body, no empty lines at
    the end."""
    fields = msg.fields
    if names is not None:
        wanted = [n.lower() for n in names]
        fields = [f for f in fields if name_of(f) in wanted]
    lines = re.split(rb"\r\n", msg.body) if msg.body else []
    if lines and lines[-1] == b"":
        lines.pop()
    if canon == "nofws":
        fields = [nofws(f) + b"\r\n" for f in fields]
        lines = [nofws(line) for line in lines]
    while lines and lines[-1] == b"":
        lines.pop()
    text = b"".join(fields)
    return text + b"\r\n" + b"".join(line + b"\r\n" for line in lines) if lines else text


def domainkeys(
    key,
    d="example.com",
    s="sel",
    c="nofws",
    h=None,
    template=DOMAINKEYS_TEMPLATE,
    tweak=None,
    names=None,
    hash="sha1",
    **words
):
    """A function that puts a DomainKey-Signature on top of a message; without `h` it signs all below."""

    def sign(msg):
        holes = dict(
            name="DomainKey-Signature", a=key.type + "-" + hash, c=c, d=d, s=s, h="" if h is None else "h=%s;\r\n\t" % h
        )
        holes.update(words)
        listed = names if names is not None else None if h is None else re.split(r"\s*:\s*", h)
        canon = c if c in ("simple", "nofws") else "nofws"
        data = domainkeys_input(canon, msg, listed)
        value = folded(base64.b64encode(key.sign(hashlib.new(hash, data).digest(), hash)).decode())
        value = value if tweak is None else tweak(value)
        return msg.under((template.format(b=value, **holes) + "\r\n").encode("utf-8", "surrogateescape"))

    return sign
