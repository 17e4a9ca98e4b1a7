"""Attacks on a dkim-filter, and how long a good client waits for its message meanwhile."""
import multiprocessing
import os
import socket
import struct
import time

from worst_inputs import FROM, HEAD, KINDS, SIGNATURE
from worst_milter import Milter
from worst_programs import FilterSigns

MESSAGES, GAP, ATTACKERS = 400, 0.005, 2
GOOD = HEAD + b"\r\n" + b"The quick brown fox jumps over the lazy dog, and again it does.\r\n" * 60


class Attacked(FilterSigns):
    """A filter that signs for this machine and verifies for others; it asks for keys where its name server never answers."""

    name = "dkim-filter attacked"

    def __init__(self, directory, asks):
        super().__init__(directory)
        self.asks = asks
        self.silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.silent.bind(("127.0.0.1", 0))

    def duty(self):
        keys = f"Nameservers 127.0.0.1@{self.silent.getsockname()[1]}" if self.asks else f"TestPublicKeys {self.directory}/keys.txt"
        return ["Mode sv", "Domain example.org", "Selector sel", f"KeyFile {self.directory}/key.pem", "AuthservID mx.example.net", keys]


def again(attack):
    """The same over and over, whatever the filter does about it."""
    def run(port):
        while True:
            try:
                attack(port)
            except (OSError, EOFError):
                time.sleep(0.01)
    return run


def connections(count, begin):
    """Many connections that are kept, each begun in some way."""
    def run(port):
        kept = []
        while len(kept) < count // ATTACKERS:
            try:
                kept.append(socket.create_connection(("127.0.0.1", port)))
                begin(kept[-1])
            except OSError:
                time.sleep(0.01)
        time.sleep(3600)
    return run


def drip(port):
    kept = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
    octets = struct.pack(">I", 13) + b"O" + struct.pack(">III", 6, 0x1FF, 0x7F) + struct.pack(">I", 60000) + b"L" + b"x" * 60000
    for octet in octets:
        for connection in kept:
            connection.send(bytes([octet]))
        time.sleep(0.01)


def messages(message):
    """Mail of a stranger, over and over on one connection."""
    def run(port):
        with Milter(port, "192.0.2.1") as milter:
            while True:
                milter.message(message)
    return again(run)


def fresh_signatures(port):
    """Mail with signatures of domains that nobody has asked for, many connections at once."""
    milters = [Milter(port, "192.0.2.1") for _ in range(50)]
    for number in range(1000):
        for index, milter in enumerate(milters):
            name = b"d=n%d-%d-%d.example" % (os.getpid(), number, index)
            milter.begin(SIGNATURE.replace(b"d=example.org", name) + HEAD + b"\r\nx\r\n")
        time.sleep(0.2)


def unread(port):
    """Whole messages without ever reading a reply."""
    milter = Milter(port, "192.0.2.1")
    milter.socket.settimeout(1)
    while True:
        milter.begin(KINDS["forged results"](100_000))


def garbage(port):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(os.urandom(1000))
        connection.recv(100)


SILENCE = "keys that are never answered for"
ATTACKS = {
    "1,000 connections that say nothing": connections(1000, lambda connection: None),
    "1,000 packets that never end": connections(1000, lambda c: c.sendall(struct.pack(">I", 60000) + b"L" + b"x" * 30000)),
    "connections opened and closed": again(lambda port: socket.create_connection(("127.0.0.1", port)).close()),
    "packets of any octets": again(garbage),
    "packets in drops": again(drip),
    "replies that nobody reads": again(unread),
    "headers beyond all limits": messages(KINDS["short fields"](4_000_000)),
    "2,000 fields of forged results": messages(KINDS["forged results"](140_000)),
    "sixty signatures": messages(SIGNATURE * 60 + HEAD + b"\r\nx\r\n"),
    "names in h=": messages(KINDS["names in h="](60_000)),
    "copies in z=": messages(KINDS["copies in z="](60_000)),
    "one field of comments": messages(KINDS["one field of comments"](60_000)),
    "bodies of empty lines": messages(KINDS["empty lines"](4_000_000)),
    SILENCE: again(fresh_signatures),
}


def attack_from_here(title, port):
    # The attackers' own processor time is not the filter's.
    os.nice(19)
    ATTACKS[title](port)


def good_client(port):
    """Seconds that each message took."""
    waited = []
    with Milter(port) as milter:
        for _ in range(MESSAGES):
            started = time.monotonic()
            if milter.message(GOOD) not in (b"a", b"c"):
                raise SystemExit("bench/worst: good mail was not taken")
            waited.append(time.monotonic() - started)
            time.sleep(GAP)
    return waited


def measure_attack(directory, title):
    """Median and 99th percentile of what a good client waits, in milliseconds, and the share of a processor that the filter
    takes meanwhile; `title` None is nobody's attack."""
    with Attacked(directory, title == SILENCE) as filter:
        attackers = [multiprocessing.Process(target=attack_from_here, args=(title, filter.port), daemon=True)
                     for _ in range(ATTACKERS if title else 0)]
        try:
            for attacker in attackers:
                attacker.start()
            time.sleep(1)
            before, started = filter.processor(), time.monotonic()
            waited = sorted(good_client(filter.port))
            busy = (filter.processor() - before) / (time.monotonic() - started)
        finally:
            for attacker in attackers:
                attacker.kill()
                attacker.join()
    return waited[len(waited) // 2] * 1000, waited[int(len(waited) * 0.99)] * 1000, busy
