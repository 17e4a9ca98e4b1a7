"""The kinds of mail that cost a signer or verifier most, each in any size. Lines end in CRLF."""
import base64
import random

FROM = b"From: Joe Public <joe@example.org>\r\n"
REST = (b"To: Ann Other <ann@example.com>\r\nSubject: measured\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\n"
        b"Message-ID: <1@example.org>\r\n")
HEAD = FROM + REST
SIGNATURE = (b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=sel; t=1780000000; h=from:subject;\r\n"
             b"\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=" + b"QUJD" * 85 + b"\r\n")


def filled(piece, size):
    return (piece * (size // len(piece) + 1))[:size]


def body(piece):
    """A body of this piece over and over."""
    return lambda size: HEAD + b"\r\n" + filled(piece, size - len(HEAD) - 4) + b"\r\n"


def noise(size):
    octets = random.Random(size).randbytes(size - len(HEAD) - 4)
    return HEAD + b"\r\n" + octets.replace(b"\n", b"x").replace(b"\r", b"y") + b"\r\n"


def encoded(size):
    text = base64.b64encode(random.Random(size).randbytes(size * 3 // 4))
    lines = b"\r\n".join(text[at:at + 76] for at in range(0, len(text), 76))
    return HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + lines[:size] + b"\r\n"


def parts(size):
    head = HEAD + b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    return head + filled(b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n", size - len(head)) + b"\r\n--b--\r\n"


def fields(piece):
    """A header of this field over and over, and hardly a body."""
    return lambda size: FROM + filled(piece, size // len(piece) * len(piece)) + REST + b"\r\nx\r\n"


def field(name, piece, end=b""):
    """One field of this piece over and over."""
    return lambda size: FROM + name + b": " + filled(piece, size) + end + b"\r\n" + REST + b"\r\nx\r\n"


def tags(start, piece, end):
    """A signature with one long tag."""
    first = SIGNATURE.rstrip().replace(b"h=from:subject;", start)
    return lambda size: first.replace(start, start + filled(piece, size // len(piece) * len(piece)) + end) + b"\r\n" + HEAD + b"\r\nx\r\n"


KINDS = {
    "lines of text": body(b"The quick brown fox jumps over the lazy dog, and again it does.\r\n"),
    "one line": body(b"x"),
    "lines of one letter": body(b"x\r\n"),
    "empty lines": body(b"\r\n"),
    "empty lines, then a letter": body(b"\r\n" * 1000 + b"x"),
    "blanks": body(b" "),
    "a letter, then blanks": body(b"x" + b" \t" * 500),
    "lines of blanks": body(b" \t \r\n"),
    "bare CR": body(b"\r"),
    "bare LF": body(b"x\n"),
    "lines of dots": body(b"..\r\n"),
    "NUL": body(b"\0"),
    "any octets": noise,
    "base64": encoded,
    "quoted-printable": body(b"=3D=\r\n"),
    "parts": parts,
    "short fields": fields(b"X: y\r\n"),
    "trace fields": fields(b"Received: from a.example by b.example; Fri, 20 Nov 2026 12:00:00 +0000\r\n"),
    "signatures": fields(SIGNATURE),
    "forged results": fields(b"Authentication-Results: mx.example.net; dkim=pass header.d=example.org\r\n"),
    "one long field": field(b"X-Long", b"x"),
    "one folded field": field(b"Subject", b"\r\n y"),
    "one field of comments": field(b"To", b"(", b"a@b.example"),
    "one field of addresses": field(b"To", b"a@b.example, ", b"a@b.example"),
    "one field of encoded words": field(b"Subject", b"=?utf-8?Q?x?=\r\n "),
    "names in h=": tags(b"h=from", b":x", b";"),
    "copies in z=": tags(b"h=from; z=x:y", b"|x:y", b";"),
    "unknown tags": tags(b"h=from;", b"ab=c;", b""),
}
