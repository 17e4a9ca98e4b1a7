"""The other implementations, as the helpers of ../peers."""
import os
import shutil
import subprocess
import tempfile

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peers")


class Peer:
    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, line, *parts):
        self.process.stdin.write(line.encode() + b"\n" + b"".join(parts))
        self.process.stdin.flush()
        answer = self.process.stdout.readline().decode()
        if not answer:
            raise RuntimeError(self.name + " died at " + line)
        return answer.rstrip("\n")

    def sign(self, kind, algorithm, header, body, domain, selector, now, pem, octets):
        answer = self.ask(
            "sign %s %s %s %s %s %s %d %d %d"
            % (kind, algorithm, header, body, domain, selector, now, len(pem), len(octets)),
            pem.encode(),
            octets,
        )
        if not answer.startswith("ok "):
            raise RuntimeError("%s does not sign: %s" % (self.name, answer))
        return self.process.stdout.read(int(answer[3:]))

    def verify(self, zone, failing, now, octets):
        """Words by (kind, index), or what it said about the message as a whole."""
        self.ask("clear")
        for name, records in zone.items():
            for record in records:
                text = ("".join(record) if isinstance(record, list) else record).encode("latin-1")
                if name.isascii() and not any(c.isspace() for c in name):
                    self.ask("record %s %d" % (name, len(text)), text)
        for name in failing:
            self.ask("failing " + name)
        answer = self.ask("verify %d %d" % (now, len(octets)), octets)
        if not answer.startswith("ok"):
            return answer
        words = {}
        for part in answer.split("\t")[1:]:
            kind, index, word, reason = part.split(" ", 3)
            words[kind, int(index)] = word + ("" if reason == "-" else ": " + reason)
        return words


def start():
    """The three; libopendkim's helper is compiled into a temporary folder."""
    folder = tempfile.mkdtemp()
    program = os.path.join(folder, "opendkim")
    subprocess.run(
        ["cc", "-O1", "-o", program, os.path.join(HERE, "opendkim.c"), "-I/usr/include/opendkim", "-lopendkim"],
        check=True,
    )
    return [
        Peer("dkimpy", ["/usr/bin/python3", os.path.join(HERE, "dkimpy.py")]),
        Peer("maildkim", ["perl", os.path.join(HERE, "maildkim.pl")]),
        Peer("opendkim", [program]),
    ], folder


def stop(peers, folder):
    for peer in peers:
        peer.process.stdin.close()
        peer.process.wait(10)
    shutil.rmtree(folder)
