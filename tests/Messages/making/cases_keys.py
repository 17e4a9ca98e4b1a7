"""Keys and signatures that are not what they should be."""
from . import keys
from .case import NOW, case, letter
from .keys import DIGEST_INFO, b64, der, integer, rsa_key
from .signing import dkim

NAME = "sel._domainkey.example.com"
REFUSED = ["permerror", "neutral"]


def has_root(key, t):
    """Whether the block to sign at this t= has a square root (exponent 2)."""
    roots = []
    dkim(keys.Made(key, lambda k, d, a: roots.append(k.sign(d, a)) or b""), t=t)(letter(n=1))
    return roots[0] is not None


def rsa_keys():
    def sized(id, key, result, why, *proves, **words):
        case(id, result, why, proves, dkim(key), zone={NAME: [key.record()]}, **words)

    for bits in (512, 768, 1023):
        sized(
            "rsa-%d" % bits,
            rsa_key("rsa%d" % bits, bits),
            "policy",
            "%d bits are too few" % bits,
            "RFC8301-3.2-5",
            legacy="pass",
            accept=["policy", "permerror", "fail", "neutral"],
        )
    for bits in (1024, 1025, 1536, 3072, 4096):
        sized(
            "rsa-%d" % bits,
            rsa_key("rsa%d" % bits, bits, primes=2 if bits < 3000 else 4),
            "pass",
            "%d bits" % bits,
            "RFC8301-3.2-3",
        )
    sized(
        "rsa-8192",
        rsa_key("rsa8192", 8192, primes=8),
        "pass",
        "8192 bits, our limit",
        "RFC8301-3.2-4",
        accept=["pass", "permerror", "policy"],
    )
    sized(
        "rsa-9216",
        rsa_key("rsa9216", 9216, primes=9),
        "permerror",
        "9216 bits, over the limit",
        "RFC8301-3.2-4",
        "RFC6376-8.13-1",
        accept=["permerror", "policy", "pass"],
    )
    small = rsa_key("rsa768", 768)
    leading = der(
        48,
        bytes.fromhex("300d06092a864886f70d0101010500"),
        der(3, b"\0", der(48, der(2, b"\0" * 64 + small.modulus.to_bytes(96, "big")), integer(small.exponent))),
    )
    case(
        "rsa-768-padded",
        "permerror",
        "768 bits that leading zeros, which DER does not allow, make look like more",
        ["RFC8301-3.2-5"],
        dkim(small),
        zone={NAME: ["p=" + b64(leading)]},
        accept=["permerror", "policy", "neutral", "fail"],
    )
    sized("rsa-e3", rsa_key("e3", 2048, 3), "pass", "exponent 3", "RFC6376-3.6.1-5")
    sized(
        "rsa-e-33-bits",
        rsa_key("e33", 2048, (1 << 32) + 15),
        "pass",
        "an exponent of 33 bits",
        "RFC6376-8.13-1",
        accept=["pass", "permerror"],
    )
    sized(
        "rsa-e-long",
        rsa_key("e-long", 2048, (1 << 40) + 15),
        "permerror",
        "an exponent of 41 bits",
        "RFC6376-8.13-1",
        accept=["permerror", "pass", "policy"],
    )
    sized(
        "rsa-e-2048-bits",
        rsa_key("e-2048", 2048, (1 << 2000) + 297),
        "permerror",
        "an exponent as long as the modulus",
        "RFC6376-8.13-1",
        accept=["permerror", "pass", "policy"],
    )
    one = rsa_key("e1", 2048, 1)
    case(
        "rsa-e1",
        "permerror",
        "exponent 1: the signature is the padded hash, anybody could write it",
        ["RFC6376-3.6.1-5", "RFC6376-8.13-1"],
        dkim(keys.Made(one, lambda k, d, a: k.padded(d, a))),
        zone={NAME: [one.record()]},
        accept=["permerror", "fail", "neutral"],
    )
    two = rsa_key("e2", 2048, 2, blum=True)
    t = next(t for t in range(NOW - 999, NOW) if has_root(two, t))
    case(
        "rsa-e2",
        "permerror",
        "exponent 2, and a square root that fits",
        ["RFC6376-3.6.1-5"],
        dkim(two, t=t),
        msg=letter(n=1),
        zone={NAME: [two.record()]},
        accept=["permerror", "fail", "neutral"],
    )
    usual = keys.usual()
    forms = [
        ("pkcs1", usual.pkcs1(), "pass", "a bare RSAPublicKey"),
        ("spki-junk-behind", usual.spki() + b"junk", "permerror", "octets behind the SubjectPublicKeyInfo"),
        ("pkcs1-junk-behind", usual.pkcs1() + b"junk", "permerror", "octets behind the RSAPublicKey"),
        (
            "oid",
            der(48, bytes.fromhex("300d06092a864886f70d0101040500"), der(3, b"\0", usual.pkcs1())),
            "permerror",
            "the OID of md5WithRSAEncryption",
        ),
        (
            "pss-oid",
            der(48, bytes.fromhex("300b06092a864886f70d01010a"), der(3, b"\0", usual.pkcs1())),
            "permerror",
            "the OID of RSASSA-PSS",
        ),
        (
            "negative",
            der(48, der(2, usual.modulus.to_bytes(256, "big")), integer(65537)),
            "permerror",
            "a modulus without its leading zero is negative",
        ),
        ("zero-exponent", der(48, integer(usual.modulus), integer(0)), "permerror", "exponent 0"),
        ("even-modulus", der(48, integer(usual.modulus + 1), integer(65537)), "permerror", "an even modulus"),
        ("empty-sequence", der(48), "permerror", "an empty SEQUENCE"),
        ("indefinite", b"\x30\x80" + integer(usual.modulus) + integer(65537) + b"\0\0", "permerror", "BER, not DER"),
        ("octets", b"\xff" * 64, "permerror", "no DER at all"),
    ]
    for name, octets, result, why in forms:
        case(
            "rsa-form-" + name,
            result,
            why,
            ["RFC6376-3.6.1-5"],
            zone={NAME: ["v=DKIM1; p=" + b64(octets)]},
            accept=["pass", "permerror"] if result == "pass" else ["permerror", "neutral", "fail"],
        )


def rsa_signatures():
    def forged(id, why, make, key=None, result="fail", **words):
        key = key or keys.usual()
        case(id, result, why, ["RFC6376-3.3.1-1"], dkim(keys.Made(key, make)), zone={NAME: [key.record()]}, **words)

    forged("forged-zeros", "256 octets of zero", lambda k, d, a: bytes(256))
    forged("forged-ones", "256 octets of 255, more than the modulus", lambda k, d, a: b"\xff" * 256)
    forged("forged-short", "the last octet missing", lambda k, d, a: k.sign(d, a)[:-1])
    forged("forged-long", "an octet too many", lambda k, d, a: k.sign(d, a) + b"\0")
    forged("forged-zero-in-front", "a zero in front", lambda k, d, a: b"\0" + k.sign(d, a))
    forged("forged-one-octet", "one octet", lambda k, d, a: b"\1")
    forged("forged-block", "the padded hash itself", lambda k, d, a: k.padded(d, a))
    forged(
        "forged-sha1-info",
        "the DigestInfo of SHA-1 before a SHA-256 hash",
        lambda k, d, a: k.raw(k.padded(d, a, DIGEST_INFO["sha1"])),
    )
    forged("forged-no-info", "no DigestInfo", lambda k, d, a: k.raw(k.padded(d, a, b"")))
    forged(
        "forged-no-null",
        "a DigestInfo without NULL parameters",
        lambda k, d, a: k.raw(k.padded(d, a, bytes.fromhex("302f300b0609608648016503040201") + b"\4\x20")),
        accept=["fail", "pass"],
    )
    forged("forged-type-2", "padding of block type 2", lambda k, d, a: k.raw(b"\0\2" + k.padded(d, a)[2:]))
    forged(
        "forged-short-padding",
        "short padding, junk behind the hash",
        lambda k, d, a: k.raw(b"\0\1" + b"\xff" * 8 + b"\0" + DIGEST_INFO[a] + d + b"\1" * (k.octets - 11 - 51)),
    )

    def cube(k, d, a):
        head = b"\0\1" + b"\xff" * 8 + b"\0" + DIGEST_INFO[a] + d
        low = int.from_bytes(head + b"\0" * (k.octets - len(head)), "big")
        root, bit = 0, 1 << 800
        while bit:
            if (root | bit) ** 3 <= low:
                root |= bit
            bit >>= 1
        return (root + 1).to_bytes(k.octets, "big")

    forged("forged-cube-root", "exponent 3: a cube root found without the private key", cube, rsa_key("e3", 2048, 3))
    case("forged-other-key", "fail", "signed with another key", ["RFC6376-6.1.3-3"], dkim(rsa_key("other2048", 2048)))
    case(
        "forged-other-key-length",
        "fail",
        "signed with a key of another length",
        ["RFC6376-6.1.3-3"],
        dkim(keys.small()),
    )


def edwards():
    ed = keys.edwards()
    public = ed.public()
    order = 2**252 + 27742317777372353535851937790883648493
    ed_name = {NAME: [ed.record()]}

    def broken(id, result, why, record, *proves, sign=None, **words):
        words.setdefault("accept", REFUSED)
        case(id, result, why, proves, sign or dkim(ed), zone={NAME: [record]}, **words)

    v = "v=DKIM1; k=ed25519; p="
    for name, octets in [("31", public[:31]), ("33", public + b"\0"), ("spki", ed.spki()), ("64", public * 2)]:
        broken(
            "ed-key-" + name,
            "permerror",
            "a key that is not 32 octets: " + name,
            v + b64(octets),
            "RFC8463-4.2-1",
            "RFC6376-6.1.2-8",
        )
    broken("ed-key-revoked", "permerror", "revoked", v, "RFC6376-3.6.1-7")
    broken(
        "ed-key-without-k",
        "permerror",
        "without k= the record is an RSA key",
        "v=DKIM1; p=" + b64(public),
        "RFC6376-6.1.2-8",
        accept=REFUSED + ["fail"],
    )
    broken("ed-key-is-rsa", "permerror", "k=ed25519 and an RSA key", v + b64(keys.usual().spki()), "RFC6376-6.1.2-8")
    broken(
        "ed-signature-rsa-record",
        "permerror",
        "a=ed25519-sha256 and a record with k=rsa",
        keys.usual().record(),
        "RFC6376-6.1.2-8",
        accept=REFUSED + ["fail"],
    )
    broken(
        "rsa-signature-ed-record",
        "permerror",
        "a=rsa-sha256 and a record with k=ed25519",
        ed.record(),
        "RFC6376-6.1.2-8",
        sign=dkim(keys.usual()),
        accept=REFUSED + ["fail"],
    )
    broken(
        "ed-said-rsa-made",
        "fail",
        "a=ed25519-sha256 with an RSA signature",
        ed.record(),
        "RFC8463-3-1",
        sign=dkim(keys.usual(), a="ed25519-sha256"),
        accept=["fail", "permerror", "neutral"],
    )
    broken(
        "ed-h-sha256",
        "pass",
        "h=sha256 in an Ed25519 record",
        "v=DKIM1; h=sha256; k=ed25519; p=" + b64(public),
        "RFC6376-3.6.1-3",
        accept=["pass"],
    )
    for name, octets, why in [
        ("non-canonical", (2**255 - 18).to_bytes(32, "little"), "y = p + 1, written as it must not be"),
        ("small-order", (1).to_bytes(32, "little"), "the neutral element as key"),
        ("no-point", (2).to_bytes(32, "little"), "no point of the curve"),
        ("zero", bytes(32), "32 octets of zero, a point of order 4"),
    ]:
        broken(
            "ed-key-" + name,
            "permerror" if name in ("small-order", "zero") else "fail",
            why + "; the signature is R = neutral element, S = 0",
            v + b64(octets),
            "RFC8032-5.1.7-1",
            sign=dkim(keys.Fixed((1).to_bytes(32, "little") + bytes(32), "ed25519")),
            accept=["permerror", "fail", "neutral"],
        )

    def malleable(k, d, a):
        s = k.sign(d, a)
        return s[:32] + (int.from_bytes(s[32:], "little") + order).to_bytes(32, "little")

    for name, make, why in [
        ("s-plus-l", malleable, "S + L in place of S"),
        ("zeros", lambda k, d, a: bytes(64), "64 zeros"),
        ("63", lambda k, d, a: k.sign(d, a)[:63], "63 octets"),
        ("65", lambda k, d, a: k.sign(d, a) + b"\0", "65 octets"),
        ("turned", lambda k, d, a: k.sign(d, a)[32:] + k.sign(d, a)[:32], "S before R"),
    ]:
        case(
            "ed-signature-" + name,
            "fail",
            why,
            ["RFC8032-5.1.7-1", "RFC8463-3-1"],
            dkim(keys.Made(ed, make)),
            zone=ed_name,
            accept=["fail", "permerror", "neutral"] if name in ("63", "65") else ["fail"],
        )
    case(
        "ed-signature-not-prehashed",
        "fail",
        "signed without hashing first",
        ["RFC8463-3-1"],
        dkim(keys.Made(ed, lambda k, d, a: k.sign(b"the data itself", a))),
        zone=ed_name,
    )
    case(
        "ed-other-key",
        "fail",
        "signed with another key",
        ["RFC6376-6.1.3-3"],
        dkim(keys.ed25519_key("other")),
        zone=ed_name,
    )


def all_cases():
    rsa_keys()
    rsa_signatures()
    edwards()
