"""Test keys, the same on every run: RSA of any number of primes from a seeded generator, Ed25519 from a seed."""
import base64
import functools
import hashlib
import json
import math
import os
import random

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DIGEST_INFO = {
    "sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
}

SMALL_PRIMES = [n for n in range(2, 2000) if all(n % p for p in range(2, int(n**0.5) + 1))]


def probably_prime(n, generator):
    if any(n % p == 0 for p in SMALL_PRIMES) or pow(2, n - 1, n) != 1:
        return False
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(24):
        x = pow(generator.randrange(2, n - 1), odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def der(tag, *parts):
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 128 + len(length)]) + length + body


def integer(n):
    return der(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def b64(octets):
    return base64.b64encode(octets).decode()


PRIMES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "keys", "primes.json")


@functools.lru_cache(None)
def known_primes():
    """What earlier runs found, by the name of the key."""
    if not os.path.exists(PRIMES):
        return {}
    with open(PRIMES, encoding="ascii") as file:
        return json.load(file)


def save_primes():
    with open(PRIMES, "w", encoding="ascii") as file:
        json.dump(dict(sorted(known_primes().items())), file, indent=1)
        file.write("\n")


class Rsa:
    """A key of `bits` bits; `primes` more than two make a very long one cheaply. `exponent` need not be sensible."""

    type = "rsa"

    def __init__(self, name, bits, exponent=65537, primes=2, blum=False):
        self.name, self.bits, self.exponent = name, bits, exponent
        self.primes = [int(p, 16) for p in known_primes().get(name, [])] or self.search(primes, blum)
        known_primes()[name] = ["%x" % p for p in self.primes]
        self.modulus = functools.reduce(lambda a, b: a * b, self.primes)
        self.phi = functools.reduce(lambda a, b: a * b, [p - 1 for p in self.primes])
        assert self.modulus.bit_length() == bits

    def search(self, primes, blum):
        """Primes from a generator seeded with the name: slow, and the same on every run."""
        generator, bits, exponent = random.Random("dkim corpus " + self.name), self.bits, self.exponent
        sizes = [bits // primes + (1 if i < bits % primes else 0) for i in range(primes)]
        while True:
            found = []
            for size in sizes:
                while True:
                    p = generator.getrandbits(size) | 255 << (size - 8) | (3 if blum else 1)
                    if (exponent % 2 == 0 or math.gcd(exponent, p - 1) == 1) and probably_prime(p, generator):
                        found.append(p)
                        break
            if functools.reduce(lambda a, b: a * b, found).bit_length() == bits and len(set(found)) == primes:
                return found

    @property
    def octets(self):
        return (self.bits + 7) // 8

    def padded(self, digest, algorithm, info=None):
        payload = (DIGEST_INFO[algorithm] if info is None else info) + digest
        return b"\0\1" + b"\xff" * (self.octets - 3 - len(payload)) + b"\0" + payload

    def raw(self, block):
        """The private operation on a padded block; None where no root exists (exponent 2)."""
        m = int.from_bytes(block, "big")
        if self.exponent == 2:
            p, q = self.primes
            rp, rq = pow(m, (p + 1) // 4, p), pow(m, (q + 1) // 4, q)
            if rp * rp % p != m % p or rq * rq % q != m % q:
                return None
            root = (rp * q * pow(q, -1, p) + rq * p * pow(p, -1, q)) % self.modulus
        else:
            root = pow(m, pow(self.exponent, -1, self.phi), self.modulus)
        return root.to_bytes(self.octets, "big")

    def sign(self, digest, algorithm):
        return self.raw(self.padded(digest, algorithm))

    def pkcs1(self):
        """RSAPublicKey."""
        return der(48, integer(self.modulus), integer(self.exponent))

    def spki(self):
        """SubjectPublicKeyInfo."""
        return der(48, bytes.fromhex("300d06092a864886f70d0101010500"), der(3, b"\0", self.pkcs1()))

    def record(self, tags="v=DKIM1; k=rsa; "):
        return tags + "p=" + b64(self.spki())

    def pem(self):
        p, q = self.primes
        d = pow(self.exponent, -1, self.phi)
        numbers = rsa.RSAPrivateNumbers(
            p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(self.exponent, self.modulus)
        )
        return (
            numbers.private_key()
            .private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
            )
            .decode()
        )


class Ed25519:
    type = "ed25519"

    def __init__(self, name):
        self.name = name
        self.key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(("dkim corpus " + name).encode()).digest())

    def sign(self, digest, algorithm):
        return self.key.sign(digest)

    def public(self):
        return self.key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)

    def spki(self):
        return self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def record(self, tags="v=DKIM1; k=ed25519; "):
        return tags + "p=" + b64(self.public())

    def pem(self):
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()


class Fixed:
    """Gives the same octets for every digest: forged and broken signatures."""

    def __init__(self, value, type="rsa"):
        self.value, self.type = value, type

    def sign(self, digest, algorithm):
        return self.value


class Made:
    """A key whose signature is made by a function of key, digest and hash name."""

    def __init__(self, key, make):
        self.key, self.make, self.type = key, make, key.type

    def sign(self, digest, algorithm):
        return self.make(self.key, digest, algorithm)


@functools.lru_cache(None)
def rsa_key(name, bits, exponent=65537, primes=2, blum=False):
    return Rsa(name, bits, exponent, primes, blum)


@functools.lru_cache(None)
def ed25519_key(name):
    return Ed25519(name)


def usual():
    return rsa_key("rsa2048", 2048)


def small():
    return rsa_key("rsa1024", 1024)


def edwards():
    return ed25519_key("ed25519")
