"""tools/fuzz --afl [--seconds N] [--cores N] [TARGET...]     600 seconds for all targets together, unless told otherwise
tools/fuzz --afl --rotate [--seconds N]                    one target, today's, for 180 seconds; nothing is kept
--no-build: tests/Afl was built before

Lets afl-fuzz hunt for inputs that break a law of a reader: it sees by instrumented assemblies (SharpFuzz) where each input
goes. A run of a target begins with what its generator makes, with what is kept in tests/Conformance/corpus and with what was
found before. What it then knows is made small (afl-cmin, afl-tmin) and kept, figures are added to the ledger there, and the
table of docs/fuzzing.md is made from it. What breaks a law is read again without instrumentation, made small, and put into
tests/Conformance/findings. afl-fuzz takes only the time that no other program wants. Ctrl-C ends the hunt and keeps what it has.
Exit code: 0 without findings, 1 with some, 2 where something is missing or fails, 64 for a command line that is none.
"""

import argparse
import base64
import datetime
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import fuzz_corpus as corpus

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "out/afl"
PLAIN, GUIDED = WORK / "plain", WORK / "guided"
INSTRUMENTED = ["Dkim.Core", "Dkim.Hosting", "dkim-filter", "dkimproxy", "FParsec", "FParsecCS", "DnsClient"]
NEEDED = {"afl-fuzz": "apt-get install afl++", "afl-cmin": "apt-get install afl++", "afl-tmin": "apt-get install afl++",
          "dotnet": "the .NET SDK, as README.md says", "chrt": "apt-get install util-linux"}
# An input that takes longer is a hang: the laws, which are stricter, have judged before that.
PATIENCE_MS = 20000
# Reading again is done without instrumentation; a finding is made small in that time too.
REPLAY_SECONDS = 300


class Unfit(Exception):
    """The run cannot be: why, and the remedy."""


def say(text):
    print(f"fuzz: {text}", flush=True)


def build(is_built):
    """Publishes the targets, once as they are and once instrumented. Beside tests that run, nothing may be built anew."""
    missing = [f"{name} ({remedy})" for name, remedy in NEEDED.items() if shutil.which(name) is None]
    if missing:
        raise Unfit("missing: " + ", ".join(missing))
    say("building")
    for command in (["dotnet", "tool", "restore"],
                    ["dotnet", "publish", "tests/Afl", "-c", "Release", "-o", str(PLAIN), "-v", "q", "-clp:NoSummary"]
                    + (["--no-build"] if is_built else [])):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode != 0:
            raise Unfit(f"{' '.join(command)} fails:\n{(done.stdout + done.stderr)[-3000:]}")
    shutil.rmtree(GUIDED, ignore_errors=True)
    shutil.copytree(PLAIN, GUIDED)
    for name in INSTRUMENTED:
        done = subprocess.run(["dotnet", "sharpfuzz", str(GUIDED / f"{name}.dll")], cwd=ROOT, capture_output=True, text=True)
        if done.returncode != 0:
            raise Unfit(f"sharpfuzz cannot instrument {name}.dll: {done.stdout}{done.stderr}")


def hunt(*arguments, limit=None):
    """The program without instrumentation. The code is None where it did not end in time."""
    try:
        return subprocess.run(["dotnet", str(PLAIN / "Conformance.dll"), "hunt", *arguments], cwd=ROOT, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=limit)
    except subprocess.TimeoutExpired as late:
        return subprocess.CompletedProcess(late.cmd, None, "it did not end", "")


class Run:
    """One target under afl-fuzz."""

    def __init__(self, target, seconds):
        self.target, self.seconds = target, seconds
        self.room = WORK / "work" / target
        self.seeds, self.found_in = self.room / "seeds", self.room / "out/default"
        self.spent, self.runs, self.findings = 0.0, 0, []
        self.stats, self.process, self.stopped = {}, None, False

    def command(self):
        # afl-cmin looks for the program by its path.
        return ["--", str(Path(shutil.which("dotnet")).resolve()), str(GUIDED / "Dkim.Afl.dll"), self.target, str(self.seeds)]

    def start(self, tool, *options, limit=None):
        """Runs a tool of afl++ in a session of its own and adds up its time of processors. Returns its code, None where it
        did not end in time."""
        environment = dict(os.environ, AFL_SKIP_BIN_CHECK="1", AFL_SKIP_CPUFREQ="1", AFL_NO_AFFINITY="1", AFL_NO_UI="1",
                           AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES="1", AFL_FORKSRV_INIT_TMOUT="120000", AFL_NO_COLOR="1")
        with open(self.room / "log", "ab") as log:
            self.process = subprocess.Popen(
                [*(["chrt", "-i", "0"] if tool == "afl-fuzz" else ["nice", "-n", "10"]), tool, *options, "-t", str(PATIENCE_MS), "-m", "none", *self.command()], cwd=ROOT,
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
            end = time.monotonic() + limit if limit else None
            ended, status, usage = 0, 0, None
            while not ended:
                ended, status, usage = os.wait4(self.process.pid, os.WNOHANG)
                if not ended and end and time.monotonic() > end:
                    self.end(signal.SIGKILL)
                time.sleep(0 if ended else 0.2)
            self.process.returncode = os.waitstatus_to_exitcode(status)
            self.end(signal.SIGKILL)
        self.spent += usage.ru_utime + usage.ru_stime
        return self.process.returncode

    def end(self, number):
        """Ends what was started, the program under test too."""
        try:
            os.killpg(self.process.pid, number)
        except (AttributeError, ProcessLookupError):
            pass

    def stop(self):
        self.stopped = True
        if self.process and self.process.returncode is None:
            self.end(signal.SIGINT)

    def progress(self):
        """Inputs and edges so far, as afl-fuzz last wrote them."""
        try:
            last = (self.found_in / "plot_data").read_text().strip().split("\n")[-1].split(", ")
            return self.runs + int(last[-2]), int(last[-1])
        except (OSError, ValueError, IndexError):
            return self.runs, 0

    def fuzz(self):
        shutil.rmtree(self.room, ignore_errors=True)
        self.room.mkdir(parents=True)
        done = hunt("--seed-corpus", self.target, str(self.seeds))
        if done.returncode != 0:
            raise Unfit(f"no inputs of {self.target} to begin with: {done.stdout}")
        end, began = time.monotonic() + self.seconds, "-"
        source = str(self.seeds)
        while not self.stopped and (left := int(end - time.monotonic())) > 0:
            code = self.start("afl-fuzz", "-V", str(left), "-i", source, "-o", str(self.room / "out"))
            self.stats = read_stats(self.found_in / "fuzzer_stats")
            self.runs += int(self.stats.get("execs_done", 0))
            suspects = [file for kind in ("crashes", "hangs") for file in sorted((self.found_in / kind).glob("id*"))]
            # Where the program itself died, the input that it had is the one to look at.
            died = code != 0 and not self.stopped
            self.judge(suspects + ([self.found_in / ".cur_input"] if died else []))
            if not died:
                break
            if not self.findings and time.monotonic() < end:
                raise Unfit(f"afl-fuzz ended before its time with {self.target}:\n{tail(self.room / 'log')}")
            source = began
        return self

    def judge(self, files):
        """Reads inputs again without instrumentation; what still breaks a law, or the program, is a finding."""
        for file in filter(Path.is_file, files):
            again = hunt("--replay", self.target, str(file), limit=REPLAY_SECONDS)
            if again.returncode == 1:
                told = again.stdout.strip()
                name = told.split(":")[0]
            elif again.returncode != 0:
                name = corpus.keep_finding(self.target, file.read_bytes())
                told = f"{name}: the program died, or did not end:\n{again.stdout[-500:]}"
            else:
                continue
            if name not in [known for known, _ in self.findings]:
                self.findings.append((name, told))

    def keep(self):
        """Makes small what afl-fuzz knows and keeps it, with the figures."""
        corpus.add_figures(self.target, self.spent, self.runs, self.stats, len(self.findings))
        least = self.room / "least"
        if self.start("afl-cmin", "-i", str(self.found_in / "queue"), "-o", str(least), limit=300) != 0:
            raise Unfit(f"afl-cmin fails for {self.target}:\n{tail(self.room / 'log')}")
        end = time.monotonic() + min(30, self.seconds / 4)
        for file in sorted(least.iterdir(), key=lambda file: -file.stat().st_size):
            if time.monotonic() < end and not self.stopped:
                shorter = self.room / "shorter"
                if self.start("afl-tmin", "-e", "-i", str(file), "-o", str(shorter), limit=15) == 0:
                    shorter.replace(file)
        corpus.keep(self.target, [file.read_bytes() for file in least.iterdir()])


def read_stats(path):
    try:
        pairs = (line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
        return {name.strip(): value.strip() for name, value in pairs}
    except OSError:
        return {}


def tail(path):
    return path.read_text(errors="replace")[-1500:]


def show(run):
    """A line on the terminal that is written over, until the run has ended."""
    began = time.monotonic()
    while not run.done.wait(1):
        if sys.stdout.isatty():
            runs, edges = run.progress()
            print(f"\r\033[Kfuzz: {run.target}: {int(time.monotonic() - began)} of {run.seconds} s, {runs:,} runs, {edges:,} edges",
                  end="", flush=True)
    if sys.stdout.isatty():
        print("\r\033[K", end="")


def told_of(run):
    text = (f"{run.target}: {run.runs:,} runs, {run.stats.get('edges_found', '0')} edges, stability "
            f"{run.stats.get('stability', 'unknown')}, {run.spent:.0f} s of processors")
    for name, told in run.findings:
        octets = (corpus.FINDINGS / name).read_bytes()
        text += (f"\nfuzz: FINDING {told}\n  to read it again:\n"
                 f"  echo {base64.b64encode(octets).decode()} | base64 -d > tests/Conformance/findings/{name}\n"
                 f"  ./test conformance FindingsTests")
    return text


def todays(targets):
    return [targets[datetime.date.today().toordinal() % len(targets)]]


def hunt_all(runs, cores, keeps):
    """Runs targets, as many at once as there may be processors. Returns what could not be done."""
    waiting, faults, lock = list(runs), [], threading.Lock()

    def work():
        while True:
            with lock:
                run = waiting.pop(0) if waiting and not faults else None
            if run is None or run.stopped:
                return
            run.done = threading.Event()
            shower = threading.Thread(target=show, args=(run,))
            shower.start()
            try:
                run.fuzz()
                if keeps:
                    with lock:
                        run.keep()
            except Unfit as fault:
                faults.append(str(fault))
            finally:
                run.done.set()
                shower.join()
            say(told_of(run))

    workers = [threading.Thread(target=work) for _ in range(min(cores, len(runs)))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return faults


class WrongArguments(Exception):
    """The command line is none."""


class Arguments(argparse.ArgumentParser):
    def error(self, message):
        raise WrongArguments(message)


def read_arguments(arguments):
    parser = Arguments(add_help=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--rotate", action="store_true")
    parser.add_argument("--no-build", action="store_true")
    parser.add_argument("targets", nargs="*")
    options = parser.parse_args(arguments)
    if options.seconds is None:
        options.seconds = 180 if options.rotate else 600
    if options.seconds < 1 or options.cores < 1 or (options.rotate and options.targets):
        raise WrongArguments("--seconds and --cores are at least 1; --rotate names no target")
    return options


def main(arguments):
    try:
        options = read_arguments(arguments)
    except WrongArguments as wrong:
        print(f"fuzz: {wrong}\n{__doc__}", end="", file=sys.stderr)
        return 64
    if options.help:
        print(__doc__, end="")
        return 0
    WORK.mkdir(parents=True, exist_ok=True)
    with open(WORK / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("fuzz: another run is under way in out/afl; wait for its end", file=sys.stderr)
            return 2
        try:
            return run_all(options)
        except Unfit as fault:
            print(f"fuzz: {fault}", file=sys.stderr)
            return 2


def run_all(options):
    build(options.no_build)
    known = hunt("--targets").stdout.split()
    wanted = todays(known) if options.rotate else options.targets or known
    if unknown := [name for name in wanted if name not in known]:
        raise Unfit(f"no target {unknown[0]}; there are: {' '.join(known)}")
    each = max(5, options.seconds * min(options.cores, len(wanted)) // len(wanted))
    runs = [Run(target, each) for target in wanted]

    def interrupted(*_):
        say("ending; what is known is made small and kept" if not runs[0].stopped else "ending")
        for run in runs:
            run.stop()

    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    faults = hunt_all(runs, options.cores, keeps=not options.rotate)
    if not options.rotate and hunt("--document").returncode != 0:
        faults.append("docs/fuzzing.md could not be written")
    if faults:
        raise Unfit("\n".join(faults))
    return 1 if any(run.findings for run in runs) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
