"""What tools/fuzz --afl leaves in the tree: inputs, findings, and the ledger of figures."""

import datetime
import gzip
import hashlib
import io
import tarfile
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests/Conformance"
CORPUS, FINDINGS = TESTS / "corpus", TESTS / "findings"
LEDGER = CORPUS / "ledger.tsv"
COLUMNS = ["target", "processor seconds", "runs", "edges", "stability", "findings", "last run"]
# So many octets for one target, packed: what all of them take is to stay under 300 KB.
MOST_PACKED = 9_000


def packed(inputs):
    """An archive that is the same for the same inputs."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for number, octets in enumerate(inputs):
            entry = tarfile.TarInfo(str(number))
            entry.size = len(octets)
            tar.addfile(entry, io.BytesIO(octets))
    return gzip.compress(plain.getvalue(), 9, mtime=0)


def keep(target, inputs):
    """Keeps the shortest inputs, as many as there is room for."""
    ordered = sorted(set(inputs), key=lambda octets: (len(octets), octets))
    low, high = 0, len(ordered)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(packed(ordered[:middle])) <= MOST_PACKED else (low, middle - 1)
    CORPUS.mkdir(exist_ok=True)
    (CORPUS / f"{target}.tar.gz").write_bytes(packed(ordered[:low]))


def keep_finding(target, octets):
    name = f"{target}-{hashlib.sha256(octets).hexdigest()[:12]}"
    (FINDINGS / name).write_bytes(octets)
    return name


def read_ledger():
    if not LEDGER.exists():
        return {}
    rows = [line.split("\t") for line in LEDGER.read_text().splitlines()[1:]]
    return {row[0]: dict(zip(COLUMNS, row)) for row in rows}


def add_figures(target, seconds, runs, stats, findings):
    """Adds a run to those before: times, runs and findings are sums, edges the most there were."""
    rows = read_ledger()
    old = rows.get(target, dict.fromkeys(COLUMNS, "0"))
    rows[target] = {
        "target": target,
        "processor seconds": f"{int(old['processor seconds']) + round(seconds)}",
        "runs": f"{int(old['runs']) + runs}",
        "edges": f"{max(int(old['edges']), int(stats.get('edges_found', 0)))}",
        "stability": stats.get("stability", old["stability"]),
        "findings": f"{int(old['findings']) + findings}",
        "last run": datetime.date.today().isoformat(),
    }
    lines = ["\t".join(COLUMNS)] + ["\t".join(rows[name][column] for column in COLUMNS) for name in sorted(rows)]
    CORPUS.mkdir(exist_ok=True)
    LEDGER.write_text("\n".join(lines) + "\n")
