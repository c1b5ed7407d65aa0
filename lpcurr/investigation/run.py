"""Investigate from beginning to end, and leave a folder behind.

``investigation.json``  all counts and times, and the finding on every hypothesis
``investigation.png``   lines and CPU time by pool size, structures and lines by episodes, a recipe's speed
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from lpcurr import kernels
from lpcurr.investigation import limits
from lpcurr.investigation.faults import HYPOTHESES, Evidence, Finding, Hypothesis
from lpcurr.investigation.growth import measure_growth
from lpcurr.investigation.native import measure_native
from lpcurr.investigation.parts import EPISODE, count_parts, waits_each
from lpcurr.investigation.played import close
from lpcurr.investigation.report import answer, as_json, draw_picture, faults, print_result
from lpcurr.investigation.resume import measure_resume
from lpcurr.investigation.structures import largest_structure
from lpcurr.investigation.subjects import Subject
from lpcurr.investigation.training import time_training
from lpcurr.runs.folder import RunFolder


@dataclass(frozen=True)
class Investigation:
    """What was counted, and the finding on every hypothesis."""

    evidence: Evidence
    findings: dict[Hypothesis, Finding]

    @property
    def faults(self) -> list[str]:
        """The names of the hypotheses that were found to be true."""
        return faults(self.findings)


def investigate(subject: Subject, budget: limits.Budget, tell: Callable[[str], None]) -> Investigation:
    """Count everything, and judge.

    Args:
        subject: what.
        budget: how much.
        tell: hears what is going on.
    """
    kernels.warmup()
    random.seed(0)  # for subjects that draw from the global streams
    np.random.seed(0)  # noqa: NPY002 - the same
    only = None if subject.resize else _only_size(subject)
    make = subject.resize or (lambda size: subject.make())
    parts = count_parts(make, budget.sizes if only is None else (only,), budget, tell)
    waits = sum(waits_each(parts).values())
    slow = waits >= limits.WAIT or any(parts[name].power for name in EPISODE if name in parts)
    native = {} if slow or only else measure_native(make, budget, tell)  # large pools would take for ever
    tell("what grows with the episodes")
    growth = measure_growth(make, only, waits, budget)
    tell("a resume from a checkpoint")
    resume = measure_resume(make, only or budget.sizes[0])
    training = None if subject.recipe is None else time_training(subject.recipe, budget, tell)
    evidence = Evidence(subject, parts, native, growth, resume, training)
    return Investigation(evidence, {hypothesis: hypothesis.judge(evidence) for hypothesis in HYPOTHESES})


def run(subject: Subject, out: Path | None, console: Console, budget: limits.Budget | None = None) -> Investigation:
    """Investigate, print the result, and leave the folder.

    Raises:
        ConfigError: the folder exists already.
    """
    folder = RunFolder(out, f"investigate-{subject.name.replace('.', '-').replace(':', '-')}")
    console.print(f"investigating {subject.name}: writing to {folder.path}", highlight=False, markup=False)
    began = time.perf_counter()

    def tell(line: str) -> None:
        console.print(f"{time.perf_counter() - began:4.0f}s  {line}", highlight=False, markup=False)

    found = investigate(subject, budget or limits.Budget(), tell)
    written = json.dumps(as_json(found.evidence, found.findings), indent=1)
    (folder.path / "investigation.json").write_text(written + "\n", encoding="utf-8")
    draw_picture(found.evidence, answer(found.findings), folder.path / "investigation.png")
    print_result(console, found.evidence, found.findings)
    console.print(f"{folder.path}/ has investigation.json, investigation.png", highlight=False, markup=False)
    return found


def _only_size(subject: Subject) -> int:
    """Return the size of a pool whose size cannot be varied."""
    made = subject.make()
    try:
        return subject.size or largest_structure(made)
    finally:
        close(made)
