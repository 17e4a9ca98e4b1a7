"""The lists of planted faults, their results, and docs/mutations.md, which is written from both."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests/mutation"
DOCUMENT = ROOT / "docs/mutations.md"
CAUGHT = {"caught", "endless"}


@dataclass(frozen=True)
class List:
    name: str
    what: str
    wanted: int


# In the order of the page. `wanted` is the share that must be caught, in percent.
LISTS = [
    List("engine", "the core's engine and grammars", 97),
    List("programs", "the core's programs and tools", 97),
    List("hosts", "the C# hosts", 95),
    List("measured", "core and hosts, by another hand, after the tests of the others were written; only measured", 90),
]


class Unfit(Exception):
    """The check cannot be made."""


@dataclass(frozen=True)
class Fault:
    list: str
    id: str
    file: str
    before: str
    after: str
    breaks: str

    @property
    def digest(self):
        """Tells whether a result is of this very fault. A file that moved makes no other fault of it."""
        return hashlib.sha256("\0".join((self.before, self.after)).encode()).hexdigest()[:12]

    @property
    def area(self):
        return self.file.split("/")[1] if "/" in self.file else ""

    def switch(self, number):
        # C# writes the call its own way.
        return f"(Dkim.Core.Planted.on {number})" if self.file.endswith(".fs") else f"Dkim.Core.Planted.on({number})"


@dataclass(frozen=True)
class Result:
    id: str
    digest: str
    outcome: str
    suite: str
    test: str
    seconds: int
    commit: str


def rows(path):
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def text(cell):
    r"""What a cell stands for: \n is a line end, \\n the two characters of a source."""
    return re.sub(r"\\?\\n", lambda found: "\n" if found[0] == r"\n" else r"\n", cell)


def read_faults():
    """The lists, each fault's text found exactly once in the file that it names."""
    faults, problems = [], []
    for name in [each.name for each in LISTS]:
        for number, cells in enumerate(rows(FOLDER / f"{name}.tsv"), 1):
            if len(cells) != 5:
                raise Unfit(f"{name}.tsv: row {number} has {len(cells)} cells, not 5")
            cells[2:4] = map(text, cells[2:4])
            faults.append(Fault(name, *cells))
    for fault in faults:
        path = ROOT / fault.file
        count = path.read_text().count(fault.before) if path.exists() else 0
        if count != 1:
            problems.append(f"{fault.id}: its text stands {count} times in {fault.file}")
        if "PLANTED" not in fault.after:
            problems.append(f"{fault.id}: nothing switches it on")
    if len({fault.id for fault in faults}) < len(faults):
        problems.append("an id stands twice")
    if problems:
        raise Unfit("\n".join(problems))
    return faults


def history():
    return [Result(*cells[:5], int(cells[5]), cells[6]) for cells in rows(FOLDER / "results.tsv") if len(cells) == 7]


def read_results():
    """The last result of each fault."""
    return {result.id: result for result in history()}


def keep(result):
    with (FOLDER / "results.tsv").open("a") as file:
        file.write("\t".join(map(str, vars(result).values())) + "\n")


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ").strip()


def share(part, whole):
    return 100 * part / whole if whole else 0


def figures(list, faults, results, first):
    """The row of a list: what was listed and ran, what was caught at first and is now."""
    tried = [f for f in faults if f.id in results]
    caught = sum(results[f.id].outcome in CAUGHT for f in tried)
    at_first = sum(first[f.id].outcome in CAUGHT for f in tried)
    row = (f"| {list.name} | {list.what} | {len(faults)} | {len(tried)} | {at_first} ({share(at_first, len(tried)):.1f} %) "
           f"| {caught} ({share(caught, len(tried)):.1f} %) | {list.wanted} % |")
    return row, len(tried) == len(faults) and share(caught, len(tried)) >= list.wanted


def write(faults, results, say):
    """Writes docs/mutations.md. True if the figures are good enough and every survivor is explained."""
    fits = {fault.id: fault.digest for fault in faults}
    results = {id: result for id, result in results.items() if fits.get(id) == result.digest}
    first = {}
    for result in history():
        if fits.get(result.id) == result.digest:
            first.setdefault(result.id, result)
    explained = {cells[0]: cells[1] for cells in rows(FOLDER / "survivors.tsv") if len(cells) == 2}
    survivors = [f for f in faults if f.id in results and results[f.id].outcome == "survived"]
    taught = [f.id for f in faults if f.id in results and results[f.id].outcome in CAUGHT and first[f.id].outcome == "survived"]
    tables, good = [], True
    for list in LISTS:
        own = [fault for fault in faults if fault.list == list.name]
        if own:
            row, enough = figures(list, own, results, first)
            tables.append(row)
            good = good and enough
            say(row.strip("| "))
    lines = [
        "# Planted faults, and the tests that catch them",
        "",
        "Written by `tools/mutate`, not by hand. Each fault of `tests/mutation/*.tsv` is one small change that a user would notice,",
        "invented by somebody who had not read the tests. All are compiled into one build, each behind a switch; with one of them",
        "on, the suites run until a test fails. A fault counts as caught at first if a test caught it in its first run.",
        "",
        "| List | Of | Listed | Tried | Caught at first | Caught | Wanted |",
        "|---|---|---|---|---|---|---|",
        *tables,
        "",
        "## Survivors",
        "",
    ]
    if survivors:
        # A fault that met the tests nearest to it alone has that in place of a suite.
        def why(fault):
            unknown = "met only the tests nearest to it yet" if results[fault.id].suite == "nearest" else "not explained yet"
            return explained.get(fault.id, unknown)

        lines += ["| Fault | What a user sees | Why no test fails |", "|---|---|---|"]
        lines += [f"| {f.id} | {cell(f.breaks)} | {cell(why(f))} |" for f in survivors]
    else:
        lines.append("None among those that were tried.")
    if taught:
        lines += ["", "Survived their first run, until a test was written: " + ", ".join(taught) + "."]
    lines += ["", "## All faults", "", "| Fault | File | What a user sees | Outcome | First test to fail |", "|---|---|---|---|---|"]
    for fault in faults:
        result = results.get(fault.id)
        outcome = result.outcome if result else "not tried"
        test = f"{result.suite}: {result.test}".rstrip(": ") if result and result.outcome in CAUGHT else ""
        lines.append(f"| {fault.id} | {fault.file} | {cell(fault.breaks)} | {outcome} | {cell(test)} |")
    DOCUMENT.write_text("\n".join(lines) + "\n")
    unexplained = [fault.id for fault in survivors if fault.id not in explained]
    if unexplained:
        say("not explained: " + ", ".join(unexplained))
    return good and not unexplained
