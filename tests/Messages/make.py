#!/usr/bin/python3
"""Writes the corpus: *.eml, corpus.json and keys/*.pem, the same octets on every run.

Needs the Debian packages python3-cryptography, python3-dkim, libmail-dkim-perl and libopendkim-dev. Each message is
shown to those three implementations; where one says pass and the case does not (or the reverse), the case's `why` for
it must stand in making/disagreements.py, or nothing is written."""
import json
import os
import sys

from making import (
    case,
    cases_attacks,
    cases_canon,
    cases_domainkeys,
    cases_keys,
    cases_lists,
    cases_odd,
    cases_records,
    cases_tags,
    cases_way,
    disagreements,
    keys,
    peers,
)

HERE = os.path.dirname(os.path.abspath(__file__))


def whole(one):
    return one.octets + b"".join(text.encode("latin-1") * times for text, times in one.append)


def crosscheck(one, helpers):
    """Each peer's word for each signature, and complaints about disagreements that nobody explained."""
    said, complaints = {}, []
    for peer in helpers:
        words = peer.verify(one.zone, one.failing, one.now, whole(one))
        for expect in one.expect:
            if expect.kind == "domainkeys" and peer.name != "maildkim":
                continue
            if expect.kind == "dkim" and peer.name == "maildkim" and one.octets.count(b"a=ed25519"):
                continue
            word = words if isinstance(words, str) else words.get((expect.kind, expect.index), "absent")
            said.setdefault((expect.kind, expect.index), {})[peer.name] = word
            ours = "pass" in (expect.legacy, expect.result)
            if word.startswith("pass") != ours:
                reason = disagreements.reason(peer.name, one.id, word)
                if reason is None:
                    complaints.append(
                        "%s %s %d: %s here, %s says %s"
                        % (one.id, expect.kind, expect.index, expect.result, peer.name, word)
                    )
                else:
                    said[expect.kind, expect.index][peer.name] = word + " (" + reason + ")"
    return said, complaints


def row(one, said):
    def signature(expect):
        entry = {
            "kind": expect.kind,
            "index": expect.index,
            "result": expect.result,
            "accept": expect.accept or [expect.result],
        }
        for name in ("legacy", "whole", "testing"):
            if getattr(expect, name) is not None:
                entry[name] = getattr(expect, name)
        if expect.unsigned is not None:
            entry["unsigned_octets"] = expect.unsigned
        entry["why"] = expect.why
        entry["proves"] = expect.proves
        entry["crosscheck"] = said.get((expect.kind, expect.index), {})
        return entry

    entry = {"id": one.id, "file": one.id + ".eml", "now": one.now}
    if one.append:
        entry["append"] = one.append
    entry["dns"] = one.zone
    if one.failing:
        entry["dns_errors"] = one.failing
    if not one.expect:
        entry["proves"] = one.proves
    entry["signatures"] = [signature(e) for e in one.expect]
    return entry


def main():
    helpers, folder = peers.start()
    try:
        parts = (cases_canon, cases_way, cases_lists, cases_tags, cases_records, cases_keys, cases_domainkeys)
        for part in (*parts, cases_attacks):
            part.all_cases()
        cases_odd.all_cases(helpers)
        rows, complaints = [], []
        for one in case.ALL:
            said, more = crosscheck(one, helpers)
            rows.append(row(one, said))
            complaints += more
    finally:
        peers.stop(helpers, folder)
    keys.save_primes()
    if complaints:
        print("\n".join(complaints))
        sys.exit("%d unexplained disagreements; nothing written" % len(complaints))
    for name in os.listdir(HERE):
        if name.endswith(".eml"):
            os.unlink(os.path.join(HERE, name))
    for one in case.ALL:
        with open(os.path.join(HERE, one.id + ".eml"), "wb") as file:
            file.write(one.octets)
    with open(os.path.join(HERE, "corpus.json"), "w", encoding="ascii") as file:
        file.write("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")
    for key in (keys.usual(), keys.small(), keys.edwards()):
        with open(os.path.join(HERE, "keys", key.name + ".pem"), "w", encoding="ascii") as file:
            file.write(key.pem())
    print("%d cases, %d signatures" % (len(rows), sum(len(r["signatures"]) for r in rows)))


main()
