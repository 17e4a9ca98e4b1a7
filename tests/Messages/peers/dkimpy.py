#!/usr/bin/python3
"""dkimpy behind the protocol of README.md."""
import base64
import re
import sys
import time

import dkim

zone, failing, clock = {}, set(), [0]
time.time = lambda: clock[0]


def lookup(name, timeout=5):
    """The records of a name, joined as dkimpy's own resolvers do when they find several: it takes the first."""
    name = name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name
    name = name.rstrip(".").lower()
    if name in failing:
        raise dkim.DnsTimeoutError("helper: name fails")
    records = zone.get(name)
    return records[0] if records else None


def verify(message):
    answers = []
    count = len([1 for x, _ in dkim.rfc822_parse(message)[0] if x.lower() == b"dkim-signature"])
    for index in range(count):
        try:
            verifier = dkim.DKIM(message, minkey=0)
            word, reason = ("pass", "") if verifier.verify(index, dnsfunc=lookup) else ("fail", "")
        except dkim.DnsTimeoutError:
            word, reason = "temperror", "DNS"
        except dkim.DKIMException as error:
            word, reason = "invalid", str(error)
        except Exception as error:  # what it does not expect of its input
            word, reason = "invalid", "%s: %s" % (type(error).__name__, error)
        answers.append("dkim %d %s %s" % (index, word, re.sub(r"[^ -~]+", " ", reason)[:120] or "-"))
    return answers


def sign(kind, algorithm, header, body, domain, selector, key, message):
    if kind != "dkim":
        raise ValueError("only DKIM")
    if algorithm.startswith("ed25519"):
        der = base64.b64decode(
            b"".join(line for line in key.split() if b"-" not in line and line != b"PRIVATE" and line != b"KEY")
        )
        key = base64.b64encode(der[-32:])
    return dkim.sign(
        message,
        selector.encode(),
        domain.encode(),
        key,
        signature_algorithm=algorithm.encode(),
        canonicalize=(header.encode(), body.encode()),
    )


def main():
    source, sink = sys.stdin.buffer, sys.stdout.buffer

    def say(line, octets=b""):
        sink.write(line.encode() + b"\n" + octets)
        sink.flush()

    while words := source.readline().decode().split():
        request, rest = words[0], words[1:]
        if request == "clear":
            zone.clear()
            failing.clear()
            say("ok")
        elif request == "record":
            zone.setdefault(rest[0].lower(), []).append(source.read(int(rest[1])))
            say("ok")
        elif request == "failing":
            failing.add(rest[0].lower())
            say("ok")
        elif request == "verify":
            clock[0] = int(rest[0])
            message = source.read(int(rest[1]))
            try:
                say("\t".join(["ok"] + verify(message)))
            except Exception as error:  # a message that it cannot take apart
                say("no " + re.sub(r"[^ -~]+", " ", repr(error))[:120])
        elif request == "sign":
            clock[0] = int(rest[6])
            key, message = source.read(int(rest[7])), source.read(int(rest[8]))
            try:
                field = sign(*rest[:6], key, message)
                say("ok %d" % len(field), field)
            except Exception as error:  # the caller wants to know, not a trace
                say("no " + re.sub(r"[^ -~]+", " ", repr(error))[:120])
        else:
            say("no such request")


main()
