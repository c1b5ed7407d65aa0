"""Investigate from beginning to end, and leave a folder behind.

``investigation.json``  all counts and times, and the finding on every hypothesis
``investigation.png``   lines and CPU time by pool size, structures and lines by episodes, a recipe's speed
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console

from lpcurr import kernels
from lpcurr.investigation import limits
from lpcurr.investigation.faults import HYPOTHESES, Evidence
from lpcurr.investigation.growth import measure_growth
from lpcurr.investigation.native import measure_native
from lpcurr.investigation.parts import EPISODE, count_parts, waits_each
from lpcurr.investigation.played import close
from lpcurr.investigation.report import Findings, answer, as_json, draw_picture, print_result
from lpcurr.investigation.resume import measure_resume
from lpcurr.investigation.structures import structure_sizes
from lpcurr.investigation.subjects import Subject
from lpcurr.investigation.training import time_training
from lpcurr.runs.folder import RunFolder


def investigate(subject: Subject, budget: limits.Budget, tell: Callable[[str], None]) -> tuple[Evidence, Findings]:
    """Count everything, and judge.

    Args:
        subject: what.
        budget: how much.
        tell: hears what is going on.
    """
    kernels.warmup()
    random.seed(0)  # for subjects that draw from the global streams
    np.random.seed(0)  # noqa: NPY002 - the same
    only = None if subject.resize else subject.size or _largest_structure(subject)
    make = subject.resize or (lambda size: subject.make())
    sizes = budget.sizes if only is None else (only,)
    tell(f"counting lines and calls with {', '.join(map(str, sizes))} tasks")
    parts = count_parts(make, sizes, budget)
    waits = sum(waits_each(parts).values())
    slow = waits >= limits.WAIT or any(parts[name].power for name in EPISODE if name in parts)
    tell("looking for work outside Python" if not slow else "large pools would take for ever: not played")
    native = {} if slow or only else measure_native(make, budget)
    tell("looking for what grows with the episodes")
    growth = measure_growth(make, only, waits, budget)
    tell("resuming from a checkpoint")
    resume = measure_resume(make, only or budget.sizes[0])
    training = None if subject.recipe is None else time_training(subject.recipe, budget, tell)
    evidence = Evidence(subject, parts, native, growth, resume, training)
    return evidence, {hypothesis: hypothesis.judge(evidence) for hypothesis in HYPOTHESES}


def run(subject: Subject, out: Path | None, console: Console, budget: limits.Budget | None = None) -> Findings:
    """Investigate, print the result, and leave the folder.

    Raises:
        ConfigError: the folder exists already.
    """
    folder = RunFolder(out, f"investigate-{subject.name.replace('.', '-').replace(':', '-')}").path
    began = time.perf_counter()

    def tell(line: str) -> None:
        console.print(f"{time.perf_counter() - began:4.0f}s  {line}", highlight=False, markup=False)

    tell(f"investigating {subject.name}: writing to {folder}")
    evidence, findings = investigate(subject, budget or limits.Budget(), tell)
    written = json.dumps(as_json(evidence, findings), indent=1)
    (folder / "investigation.json").write_text(written + "\n", encoding="utf-8")
    draw_picture(evidence, answer(findings), folder / "investigation.png")
    print_result(console, evidence, findings)
    console.print(f"{folder}/ has investigation.json, investigation.png", highlight=False, markup=False)
    return findings


def _largest_structure(subject: Subject) -> int:
    """Return the size of the largest structure that belongs to the object itself: it may be the pool."""
    made = subject.make()
    try:
        return max((size for path, size in structure_sizes(made).items() if ":" not in path), default=1)
    finally:
        close(made)
