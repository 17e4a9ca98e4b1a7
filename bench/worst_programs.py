"""The programs that bench/worst puts mail through, each with one way of signing, verifying or explaining."""
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

from worst_milter import Milter

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOOTER = b"-- \r\nadded on the way\r\n"
# A process that a large one starts counts the large one's memory as its own: this small one starts it, and tells what it took.
STARTER = """import os, sys
child = os.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:])
_, _, used = os.wait4(child, 0)
os.write(3, b"%f %d" % (used.ru_utime + used.ru_stime, used.ru_maxrss))
"""


def binary(name):
    path = os.path.join(ROOT, "out/bin", name)
    if not os.access(path, os.X_OK):
        raise SystemExit(f"bench/worst: {path} is not there; run ./build first")
    return path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def signed(directory, message):
    """The message with a good signature above it; as it is where its header is beyond what is signed."""
    result = subprocess.run([binary("dkim"), "sign", "--key=key.pem", "--selector=sel", "--domain=example.org", "--line-ends=crlf", "-"],
                            cwd=directory, input=message, capture_output=True)
    field = re.sub(rb"\r?\n", b"\r\n", result.stdout)
    return (field if result.returncode == 0 else b"") + message


class Once:
    """A program that is started for each message; subclasses say how."""

    signs = False

    def __init__(self, directory):
        self.directory = directory

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def prepared(self, message):
        return message if self.signs else signed(self.directory, message)

    def run(self, message):
        """Processor seconds and MiB of one process."""
        path = os.path.join(self.directory, "message")
        with open(path, "wb") as file:
            file.write(message)
        told, tell = os.pipe()
        words = [sys.executable, "-S", "-E", "-c", STARTER, *self.command(path)]
        opened = [(os.POSIX_SPAWN_OPEN, at, file, mode, 0) for at, file, mode in [(0, path, os.O_RDONLY), *self.outputs()]]
        starter = os.posix_spawn(words[0], words, self.environment(), file_actions=[(os.POSIX_SPAWN_DUP2, tell, 3), *opened])
        os.waitpid(starter, 0)
        os.close(tell)
        with open(told) as answer:
            seconds, memory = answer.read().split()
        return float(seconds), int(memory) / 1024

    def environment(self):
        return dict(os.environ)

    def outputs(self):
        """Which file each further descriptor opens."""
        return [(1, os.devnull, os.O_WRONLY), (2, os.devnull, os.O_WRONLY)]

    def idle(self, small):
        """Processor seconds and MiB that a small message takes."""
        return min(self.run(small) for _ in range(10))

    def pass_through(self, message, count):
        """Processor seconds of so many messages, and the most MiB."""
        results = [self.run(message) for _ in range(count)]
        return sum(seconds for seconds, _ in results), max(memory for _, memory in results)

    def kept(self, _):
        return 0


class ToolSigns(Once):
    name, signs = "dkim sign", True

    def command(self, path):
        return [binary("dkim"), "sign", f"--key={self.directory}/key.pem", "--selector=sel", "--domain=example.org", "--line-ends=crlf", path]


class ToolVerifies(Once):
    name = "dkim verify"

    def command(self, path):
        return [binary("dkim"), "verify", f"--test-keys={self.directory}/keys.txt", "--line-ends=crlf", path]


class ToolExplains(Once):
    name = "dkim explain"

    def prepared(self, message):
        return signed(self.directory, message) + FOOTER

    def command(self, path):
        return [binary("dkim"), "explain", f"--test-keys={self.directory}/keys.txt", "--line-ends=crlf", path]


class QmailSigns(Once):
    name, signs = "qmail-dk signs", True

    def __init__(self, directory):
        super().__init__(directory)
        keys = os.path.join(directory, "keys/example.org")
        if not os.path.exists(keys):
            os.makedirs(keys)
            os.symlink(os.path.join(directory, "key.pem"), os.path.join(keys, "default"))
        self.envelope = os.path.join(directory, "envelope")
        with open(self.envelope, "wb") as file:
            file.write(b"Fjoe@example.org\0Tann@example.com\0\0")

    def command(self, _):
        return [binary("qmail-dk")]

    def environment(self):
        return {"PATH": os.environ["PATH"], "DKHOME": self.directory, "DKQUEUE": "/bin/true", **self.duty()}

    def duty(self):
        return {"RELAYCLIENT": "", "DKIMSIGN": f"{self.directory}/keys/%/default"}

    def outputs(self):
        return [(1, self.envelope, os.O_RDONLY), (2, os.devnull, os.O_WRONLY)]


class QmailVerifies(QmailSigns):
    name, signs = "qmail-dk verifies", False

    def duty(self):
        return {"DKIMVERIFY": "", "DKTESTKEYS": f"{self.directory}/keys.txt"}


class Daemon:
    """A daemon that stays; subclasses say how it is started and spoken to."""

    signs = False

    def __init__(self, directory):
        self.directory = directory
        self.port = free_port()

    def __enter__(self):
        self.process = subprocess.Popen(self.command(), cwd=self.directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        for _ in range(1000):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit(f"bench/worst: {self.name} ended at once: {' '.join(self.command())}")
                time.sleep(0.01)
        raise SystemExit(f"bench/worst: {self.name} does not listen")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def link(self, name, target):
        path = os.path.join(self.directory, name)
        if not os.path.lexists(path):
            os.symlink(binary(target), path)
        return path

    def memory(self, row):
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith(row))

    def processor(self):
        # The clock of another process's processor time, as clock_getcpuclockid(3) makes it.
        return time.clock_gettime(~self.process.pid << 3 | 2)

    def prepared(self, message):
        return message if self.signs else signed(self.directory, message)

    def idle(self, small):
        """Processor seconds and MiB that a small message takes."""
        self.pass_through(small, 300)
        seconds, _ = self.pass_through(small, 300)
        return seconds / 300, self.memory("VmRSS")

    def pass_through(self, message, count):
        with open(f"/proc/{self.process.pid}/clear_refs", "w") as file:
            file.write("5")
        before = self.processor()
        for _ in range(count):
            self.send(message)
        return self.processor() - before, self.memory("VmHWM")

    def kept(self, small):
        """MiB resident when small mail came after, beyond those of the first time."""
        first = getattr(self, "first", None)
        deadline = time.monotonic() + 5
        while True:
            for _ in range(50):
                self.send(small)
            resident = self.memory("VmRSS")
            if first is None:
                self.first = first = resident
            if resident - first <= 2 or time.monotonic() > deadline:
                return max(0, resident - first)
            time.sleep(0.2)


class FilterSigns(Daemon):
    name, signs = "dkim-filter signs", True

    def command(self):
        path = os.path.join(self.directory, self.name.replace(" ", "-") + ".conf")
        lines = ["Background no", "Syslog no", f"Socket inet:{self.port}@127.0.0.1", *self.duty()]
        with open(path, "w") as file:
            file.write("\n".join(lines) + "\n")
        return [self.link("dkim-filter", "dkim-filter"), "-x", path]

    def duty(self):
        return ["Mode s", "Domain example.org", "Selector sel", f"KeyFile {self.directory}/key.pem", "Canonicalization relaxed/relaxed"]

    def send(self, message):
        with Milter(self.port) as milter:
            milter.message(message)


class FilterVerifies(FilterSigns):
    name, signs = "dkim-filter verifies", False

    def duty(self):
        return ["Mode v", f"TestPublicKeys {self.directory}/keys.txt", "AuthservID mx.example.net"]


class Relay(threading.Thread):
    """Takes all mail and throws it away."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, connection):
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 relay.example ESMTP\r\n")
            while line := lines.readline(2000):
                verb = line[:4].upper()
                if verb == b"DATA":
                    connection.sendall(b"354 go on\r\n")
                    tail = b"\r\n"
                    while not tail.endswith(b"\r\n.\r\n"):
                        piece = connection.recv(1 << 16)
                        if not piece:
                            return
                        tail = (tail + piece)[-5:]
                connection.sendall(b"250 8BITMIME\r\n" if verb == b"EHLO" else b"250 OK\r\n")
                if verb == b"QUIT":
                    return


class ProxySigns(Daemon):
    name, signs = "dkimproxy.out", True

    def command(self):
        self.relay = Relay()
        return [self.link(self.name, "dkimproxy"), *self.duty(), f"127.0.0.1:{self.port}", f"127.0.0.1:{self.relay.port}"]

    def duty(self):
        return ["--domain=example.org", "--selector=sel", f"--keyfile={self.directory}/key.pem", "--signature=dkim"]

    def send(self, message):
        with socket.create_connection(("127.0.0.1", self.port)) as client, client.makefile("rb") as replies:
            replies.readline()
            for command in (b"HELO client.example", b"MAIL FROM:<joe@example.org>", b"RCPT TO:<ann@example.com>", b"DATA"):
                client.sendall(command + b"\r\n")
                reply = replies.readline()
                if reply[:1] not in b"23":
                    raise SystemExit(f"bench/worst: {self.name} says {reply!r} to {command!r}")
            stuffed = message.replace(b"\r\n.", b"\r\n..")
            client.sendall(stuffed + (b"" if message.endswith(b"\r\n") else b"\r\n") + b".\r\n")
            replies.readline()
            client.sendall(b"QUIT\r\n")
            replies.readline()


class ProxyVerifies(ProxySigns):
    name, signs = "dkimproxy.in", False

    def duty(self):
        return [f"--test_keys={self.directory}/keys.txt"]


PROGRAMS = (ToolSigns, ToolVerifies, ToolExplains, QmailSigns, QmailVerifies, FilterSigns, FilterVerifies, ProxySigns, ProxyVerifies)
