#!/usr/bin/python3
"""rspamd behind the protocol of README.md, verifying only: a daemon with no module but dkim, and a name server for it."""
import email
import http.client
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

zone, failing = {}, set()
SERVFAIL, NXDOMAIN, TXT = 2, 3, 16


def answer(query):
    """The reply to one question: TXT records in strings of at most 255 octets."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]])
        at += 1 + query[at]
    name, question = b".".join(labels).decode("latin-1").lower(), query[12 : at + 5]
    (kind,) = struct.unpack("!H", query[at + 1 : at + 3])
    records = zone.get(name, []) if kind == TXT else []
    code = SERVFAIL if name in failing else 0 if name in zone else NXDOMAIN
    reply = query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(records), 0, 0) + question
    for record in records:
        data = b"".join(bytes([len(part)]) + part for part in (record[i : i + 255] for i in range(0, len(record), 255)))
        reply += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(data)) + data
    return reply


def name_server():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def serve():
        while True:
            query, client = server.recvfrom(4096)
            server.sendto(answer(query), client)

    threading.Thread(target=serve, daemon=True).start()
    return server.getsockname()[1]


CONFIGURATION = """
options {{
  pidfile = "{folder}/pid"; tempdir = "{folder}"; url_tld = "{folder}/tld";
  filters = "dkim"; disable_hyperscan = true; disable_monitoring = true;
  dns {{ nameserver = ["127.0.0.1:{names}"]; timeout = 1s; retransmits = 2; }}
}}
logging {{ type = "file"; filename = "{folder}/log"; level = "error"; }}
worker "normal" {{ bind_socket = "{folder}/socket"; count = 1; }}
dkim {{ }}
"""


class Daemon:
    """rspamd in a folder of its own. It keeps keys that it knows, so it starts anew where the zone changes."""

    def __init__(self):
        self.folder, self.names, self.process = tempfile.mkdtemp(prefix="rspamd-"), name_server(), None

    def start(self):
        with open(f"{self.folder}/tld", "w") as file:
            file.write("com\nexample\n")
        with open(f"{self.folder}/conf", "w") as file:
            file.write(CONFIGURATION.format(folder=self.folder, names=self.names))
        places = [f"--var={name}={self.folder}" for name in ("DBDIR", "RUNDIR", "LOGDIR")]
        self.process = subprocess.Popen(
            ["rspamd", "-f", "-i", "-c", f"{self.folder}/conf", *places], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for _ in range(300):
            try:
                return self.check(b"From: a@example.com\r\n\r\nhello\r\n")
            except OSError:
                time.sleep(0.1)
        raise OSError("rspamd does not answer")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def check(self, message):
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(20)
        connection.sock.connect(f"{self.folder}/socket")
        connection.request("POST", "/checkv2", message)
        symbols = json.load(connection.getresponse())["symbols"]
        connection.close()
        return {option: name for name, symbol in symbols.items() for option in symbol.get("options", [])}


WORDS = {"R_DKIM_ALLOW": "pass", "R_DKIM_REJECT": "fail", "R_DKIM_TEMPFAIL": "temperror", "R_DKIM_PERMFAIL": "invalid"}


def verify(daemon, message):
    """Results are told by domain and selector, which must tell the signatures apart."""
    if not daemon.process:
        daemon.start()
    told = daemon.check(message)
    answers = []
    fields = email.message_from_bytes(message).get_all("DKIM-Signature", [])
    for index, field in enumerate(fields):
        tags = dict(re.findall(r"(?:^|;)\s*([a-z]+)\s*=\s*([^;]*)", str(field)))
        name = f"{tags.get('d', '').strip()}:s={tags.get('s', '').strip()}"
        answers.append(f"dkim {index} {WORDS.get(told.get(name), 'invalid')} {told.get(name, '-')}")
    return answers


def main():
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    daemon = Daemon()

    def say(line):
        sink.write(line.encode() + b"\n")
        sink.flush()

    try:
        while words := source.readline().decode().split():
            request, rest = words[0], words[1:]
            if request == "clear":
                zone.clear()
                failing.clear()
                daemon.stop()
                say("ok")
            elif request == "record":
                zone.setdefault(rest[0].lower(), []).append(source.read(int(rest[1])))
                say("ok")
            elif request == "failing":
                failing.add(rest[0].lower())
                say("ok")
            elif request == "verify":
                message = source.read(int(rest[1]))
                try:
                    say("\t".join(["ok"] + verify(daemon, message)))
                except (OSError, ValueError, KeyError) as error:
                    say("no " + re.sub(r"[^ -~]+", " ", repr(error))[:120])
            else:
                say("no such request")
    finally:
        daemon.close()


main()
