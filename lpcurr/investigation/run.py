"""Investigate from beginning to end, show it, and leave a folder with ``investigation.json``: all counts and times."""

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lpcurr import kernels
from lpcurr.investigation import limits
from lpcurr.investigation.faults import HYPOTHESES, Evidence, Finding
from lpcurr.investigation.growth import measure_growth, measure_resume, structure_sizes
from lpcurr.investigation.parts import EPISODE, count_parts, measure_outside, waits_each
from lpcurr.investigation.played import Played
from lpcurr.investigation.subjects import Subject
from lpcurr.investigation.training import time_training
from lpcurr.monitor.wording import short_time
from lpcurr.runs.folder import RunFolder

Findings = Mapping[str, Finding]

_TABLE: dict[str, Any] = {"title_justify": "left", "show_lines": True}
_COLOURS = {"FAULT": "bold red", "healthy": "green", "explained": "yellow", "not tested": "dim"}


def investigate(subject: Subject, budget: limits.Budget, tell: Callable[[str], None]) -> tuple[Evidence, Findings]:
    """Count everything, and judge; ``tell`` hears what is going on."""
    kernels.compile_all()
    random.seed(0)  # for subjects that draw from the global streams
    np.random.seed(0)  # noqa: NPY002 - the same
    only = None if subject.resize else subject.size or _largest_structure(subject.make())
    make = subject.resize or (lambda size: subject.make())
    sizes = budget.sizes if only is None else (only,)
    tell(f"counting lines and calls with {', '.join(map(str, sizes))} tasks")
    parts = count_parts(make, sizes, budget)
    waits = sum(waits_each(parts).values())
    slow = waits >= limits.WAIT or any(parts[name].power for name in EPISODE if name in parts)
    tell("large pools would take for ever: not played" if slow else "looking for work outside Python")
    if not (slow or only):
        measure_outside(parts, make, budget)
    tell("looking for what grows with the episodes")
    growth = measure_growth(make, only, waits, budget)
    tell("resuming from a checkpoint")
    resume = measure_resume(make, only or budget.sizes[0])
    training = None if subject.recipe is None else time_training(subject.recipe, budget, tell)
    evidence = Evidence(subject, parts, growth, resume, training)
    return evidence, {name: judge(evidence) for name, judge in HYPOTHESES.items()}


def run(subject: Subject, out: Path | None, console: Console, budget: limits.Budget | None = None) -> Findings:
    """Investigate, print the result, and leave the folder; a ConfigError where that exists already."""
    folder = RunFolder(out, f"investigate-{subject.name.replace('.', '-').replace(':', '-')}").path
    began = time.perf_counter()

    def tell(line: str) -> None:
        console.print(f"{time.perf_counter() - began:4.0f}s  {line}", highlight=False, markup=False)

    tell(f"investigating {subject.name}: writing to {folder}")
    evidence, findings = investigate(subject, budget or limits.Budget(), tell)
    written = json.dumps(as_json(evidence, findings), indent=1)
    (folder / "investigation.json").write_text(written + "\n", encoding="utf-8")
    print_result(console, evidence, findings)
    console.print(f"{folder}/ has investigation.json", highlight=False, markup=False)
    return findings


def _largest_structure(target: Any) -> int:  # of the object itself after some draws: it may be the pool
    with Played(target, 256) as played:
        played.fill()
        return max([size for path, size in structure_sizes(played.target).items() if ":" not in path] + [1])


def faults(findings: Findings) -> list[str]:
    """Return the names of the faults that were found."""
    return [name for name, finding in findings.items() if finding.verdict == "FAULT"]


def answer(findings: Findings) -> str:
    """Return the result in one line."""
    return f"found: {', '.join(faults(findings))}" if faults(findings) else "healthy: no fault was found"


def as_json(evidence: Evidence, findings: Findings) -> dict[str, Any]:
    """Return counts, times and findings as plain data."""
    counted: dict[str, Any] = {
        name: {"lines": part.lines, "seconds": part.seconds | part.large, "bytes": part.bytes}
        for name, part in evidence.parts.items()
    }
    others = {name: getattr(evidence, name) for name in ("growth", "training")}
    timed = {name: None if other is None else asdict(other) for name, other in others.items()}
    return {
        "subject": {name: getattr(evidence.subject, name) for name in ("name", "size", "sizing", "missing")},
        "answer": answer(findings),
        "faults": faults(findings),
        "findings": [{"hypothesis": name} | asdict(finding) for name, finding in findings.items()],
        "evidence": {"parts": counted, "resume": evidence.resume} | timed,
    }


def print_result(console: Console, evidence: Evidence, findings: Findings) -> None:
    """Print both tables, and the answer."""
    subject, shares = evidence.subject, evidence.shares
    title = f"{subject.name}: what a call costs"
    table = Table("part", "tasks", "lines of Python", "CPU time", "share of a training", title=title, **_TABLE)
    for name, part in evidence.parts.items():
        times = [short_time(part.seconds[size]) if size in part.seconds else "" for size in part.lines]
        columns = ([f"{n:,}" for n in part.lines], [f"{each:,.0f}" for each in part.lines.values()], times)
        table.add_row(name, *map("\n".join, columns), f"{shares[name]:.2%}" if name in shares else "")
    console.print(table)
    table = Table("hypothesis", "verdict", "what was seen, next step", title="hypotheses", **_TABLE)
    for name, finding in findings.items():
        seen = finding.seen + (f"\n→ {finding.next_step}" if finding.next_step else "")
        table.add_row(name, Text(finding.verdict, style=_COLOURS[finding.verdict]), Text(seen))
    console.print(table)
    if absent := ", ".join(f"{name}()" for name in subject.missing):
        console.print(Text(f"left out, because it does not have them: {absent}"))
    if subject.resize is None:
        console.print(Text(f"one pool size only: {subject.sizing}"))
    console.print(Text(answer(findings), style="bold red" if faults(findings) else "bold green"))
