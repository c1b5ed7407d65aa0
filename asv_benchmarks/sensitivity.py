"""What ``asv continuous`` can tell on this machine: false alarms between equal commits, and a slowdown that is planted.

``python -m asv_benchmarks.sensitivity`` clones this repository into a temporary folder, adds empty commits and one in
which the update kernel wastes about half of its time again, benchmarks them in turns, and compares each pair at several
thresholds (``--factor``). The threshold to use is the least one without false alarms; the planted slowdown should still
be named there. Takes about ten minutes on an idle machine; see ``--help`` for less.
"""

from __future__ import annotations

import argparse
import itertools
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FACTORS = (1.05, 1.1, 1.15, 1.2, 1.25, 1.3, 1.5)
BENCHMARKS = "batches|episodes|InKernel|Replacement"
KERNELS = "lpcurr/kernels/calls/episode.py"
CREDIT = "    tasks.complete_task(segment, process, slot, score, signal, cost)\n"
# A chain of square roots, each waiting for the one before; the test of its outcome keeps the compiler from dropping it.
WASTE = """    waste = score + 2.0
    for _ in range({roots}):
        waste = math.sqrt(waste + 1.0)
    if waste < 0.0:
        return _REFUSED
"""
CHANGED = re.compile(r"^\| [+-] .*\| +([0-9.]+) +\| (.*?) +\|$", re.MULTILINE)

Change = tuple[str, float]  # benchmark, and its time in times of the commit before


def git(folder: Path, *arguments: str) -> str:
    """Run git as nobody in particular; what it prints."""
    identity = ["-c", "user.name=sensitivity", "-c", "user.email=sensitivity@localhost"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def make_commits(folder: Path, equal: int, roots: int) -> tuple[list[str], str]:
    """Commits of the same code, and the one with a slower update kernel."""
    source = folder / KERNELS
    code = source.read_text()
    if code.count(CREDIT) != 1:
        raise SystemExit(f"{KERNELS} has changed: say in {Path(__file__).name} where time is to be wasted")
    commits = []
    for number in range(equal):
        git(folder, "commit", "--allow-empty", "-m", f"Equal {number + 1}")
        commits.append(git(folder, "rev-parse", "HEAD"))
    source.write_text(code.replace(CREDIT, WASTE.format(roots=roots) + CREDIT))
    git(folder, "commit", "-am", "Slower update kernel")
    return commits, git(folder, "rev-parse", "HEAD")


def asv(folder: Path, *arguments: str, capture: bool = False) -> str:
    """Run asv; what it prints, where that is to be captured."""
    command = [sys.executable, "-m", "asv", *arguments]
    stdout = subprocess.PIPE if capture else None
    return subprocess.run(command, cwd=folder, check=True, stdout=stdout, text=True).stdout or ""


def changes(folder: Path, before: str, after: str) -> list[Change]:
    """What asv takes for changed between two benchmarked commits, at the least threshold."""
    options = ["--factor", str(FACTORS[0]), "--only-changed", "--sort", "ratio"]
    table = asv(folder, "compare", before, after, *options, capture=True)
    return [(name, float(ratio)) for ratio, name in CHANGED.findall(table)]


def report(pairs: int, false: list[Change], planted: list[Change]) -> None:
    """By threshold, how much is named; and what."""
    print(f"\n{pairs} comparisons of equal commits, and one with the slower kernel: benchmarks named")
    print(f"{'factor':>8}{'false alarms':>14}{'planted':>9}")
    for factor in FACTORS:
        counts = [sum(max(ratio, 1.0 / ratio) >= factor for _, ratio in named) for named in (false, planted)]
        print(f"{factor:8}{counts[0]:14}{counts[1]:9}")
    for title, named in (("false alarm", false), ("planted", planted)):
        for name, ratio in sorted(named, key=lambda change: -change[1]):
            print(f"{title:12}{ratio:6.2f}  {name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--equal", type=int, default=3, help="commits of the same code")
    parser.add_argument("--bench", default=BENCHMARKS, help="regular expression: which benchmarks")
    parser.add_argument("--roots", type=int, default=7, help="square roots that the slower update kernel wastes")
    arguments = parser.parse_args()
    root = Path(__file__).resolve().parents[1]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "clone"
        git(root, "clone", "--quiet", str(root), str(folder))
        git(folder, "checkout", "--quiet", "-B", "main")
        equal, slower = make_commits(folder, arguments.equal, arguments.roots)
        hashes = folder / "hashes"
        hashes.write_text("\n".join([*equal, slower]))
        if not Path("~/.asv-machine.json").expanduser().exists():
            asv(folder, "machine", "--yes")
        options = ["--interleave-rounds", "--launch-method", "forkserver", "--bench", arguments.bench]
        asv(folder, "run", f"HASHFILE:{hashes}", *options)
        pairs = list(itertools.combinations(equal, 2))
        false = [change for pair in pairs for change in changes(folder, *pair)]
        report(len(pairs), false, changes(folder, equal[-1], slower))


if __name__ == "__main__":
    main()
