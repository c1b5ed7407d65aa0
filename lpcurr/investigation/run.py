"""An investigation from beginning to end, and the folder that it leaves behind.

``investigation.json``  all measurements, and the finding on every hypothesis
``investigation.png``   costs by pool size, rates by epoch, shares, growth, processes
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from lpcurr import kernels
from lpcurr.investigation.display import Display
from lpcurr.investigation.evidence import Evidence, Finding, Hypothesis
from lpcurr.investigation.hypotheses import HYPOTHESES
from lpcurr.investigation.pictures import draw_picture
from lpcurr.investigation.probes.contention import measure_contention
from lpcurr.investigation.probes.epochs import measure_epochs
from lpcurr.investigation.probes.growth import measure_growth
from lpcurr.investigation.probes.resume import measure_resume
from lpcurr.investigation.probes.scaling import measure_scaling
from lpcurr.investigation.probes.structures import largest_structure
from lpcurr.investigation.probes.training import measure_training
from lpcurr.investigation.resizing import close
from lpcurr.investigation.subjects import Subject
from lpcurr.investigation.tables import answer, faults, print_result
from lpcurr.investigation.thresholds import Budget
from lpcurr.recipes.run_folder import RunFolder

_Result = TypeVar("_Result")
_Stage = Callable[[], Any]


@dataclass(frozen=True)
class Investigation:
    """What came out.

    Attributes:
        evidence: what was measured.
        findings: the finding on every hypothesis.
    """

    evidence: Evidence
    findings: dict[Hypothesis, Finding]

    @property
    def faults(self) -> list[str]:
        """The names of the hypotheses that were found to be true."""
        return faults(self.findings)


def investigate(subject: Subject, budget: Budget, console: Console) -> Investigation:
    """Measure everything, and judge.

    Args:
        subject: what.
        budget: how long.
        console: where progress is shown.
    """
    kernels.warmup()
    with Display(console, 5 if subject.recipe is None else 6) as display:

        def stage(name: str, probe: Callable[[Callable[[str], None]], _Result]) -> _Result:
            display.stage(name)
            return probe(display.tell)

        recipe, resize, one_size = subject.recipe, subject.resize, _only_size(subject)
        training = None
        if recipe is not None:
            training = stage("training", lambda tell: measure_training(recipe, budget, tell))
        epochs = stage("epochs", lambda tell: measure_epochs(subject.make, subject.size, budget, tell))
        scaling = stage(
            "pool sizes",
            lambda tell: measure_scaling(resize or _whatever(subject.make), budget, tell, one_size),
        )
        growth = stage("growth", lambda tell: measure_growth(resize, subject.make, budget, tell))
        contention = stage(
            "processes", lambda tell: measure_contention(resize or _whatever(subject.make), budget, tell)
        )
        resume = stage("resume", lambda tell: measure_resume(subject.make, budget, tell))
    evidence = Evidence(subject, epochs, scaling, growth, contention, resume, training)
    return Investigation(evidence, {hypothesis: hypothesis.judge(evidence) for hypothesis in HYPOTHESES})


def _only_size(subject: Subject) -> int | None:
    """The size of a pool whose size cannot be varied."""
    if subject.resize is not None:
        return None
    made = subject.make()
    size = subject.size or max(largest_structure(made), 1)
    close(made)
    return size


def _whatever(make: _Stage) -> Callable[[int], Any]:
    return lambda size: make()


def run(subject: Subject, out: Path | None, console: Console, budget: Budget | None = None) -> Investigation:
    """Investigate, print the result, and leave the folder.

    Raises:
        ConfigError: the folder exists already.
    """
    folder = RunFolder(out, f"investigate-{subject.name.replace('.', '-').replace(':', '-')}")
    console.print(f"investigating {subject.name}: writing to {folder.path}", highlight=False, markup=False)
    found = investigate(subject, budget or Budget(), console)
    (folder.path / "investigation.json").write_text(json.dumps(as_json(found), indent=1) + "\n", encoding="utf-8")
    draw_picture(found.evidence, answer(found.findings), folder.path / "investigation.png")
    print_result(console, found.evidence, found.findings)
    console.print(f"{folder.path}/ has investigation.json, investigation.png", highlight=False, markup=False)
    return found


def as_json(found: Investigation) -> dict[str, Any]:
    """Measurements and findings as plain data."""
    evidence, subject = found.evidence, found.evidence.subject
    described = {name: getattr(subject, name) for name in ("name", "size", "sizing", "missing")}
    scaling = {part: asdict(cost) | {"exponent": cost.exponent} for part, cost in evidence.scaling.items()}
    measured = {
        name: None if (result := getattr(evidence, name)) is None else asdict(result)
        for name in ("epochs", "growth", "contention", "resume", "training")
    }
    findings = [
        {"hypothesis": hypothesis.name, "test": hypothesis.test} | asdict(finding)
        for hypothesis, finding in found.findings.items()
    ]
    return {
        "subject": described,
        "answer": answer(found.findings),
        "faults": found.faults,
        "findings": findings,
        "evidence": {"scaling": scaling} | measured,
    }
