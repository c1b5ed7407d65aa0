"""An investigation from beginning to end, and the folder that it leaves behind.

``investigation.json``  all measurements, and the finding on every hypothesis
``investigation.png``   costs by pool size, rates by epoch, shares, growth, processes
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from lpcurr import kernels
from lpcurr.investigation.display import Display
from lpcurr.investigation.evidence import Evidence, Finding, Hypothesis, Verdict
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
from lpcurr.runs.folder import RunFolder

Tell = Callable[[str], None]


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
    recipe, probes = subject.recipe, _probes(subject, budget)
    with Display(console, len(probes) + (recipe is not None)) as display:
        training = None
        if recipe is not None:
            display.stage("training")
            training = measure_training(recipe, budget, display.tell)
        results: dict[str, Any] = {}
        for name, probe in probes.items():
            display.stage(name)
            results[name] = probe(display.tell)
        evidence = Evidence(subject, training=training, **results)
        findings = {hypothesis: hypothesis.judge(evidence) for hypothesis in HYPOTHESES}
        suspects = [h for h, finding in findings.items() if finding.verdict is Verdict.FAULT and h.probe]
        again = {name: probes[name](_Again(display.tell)) for name in dict.fromkeys(h.probe for h in suspects)}
    second = replace(evidence, **again)
    return Investigation(evidence, findings | {hypothesis: hypothesis.judge(second) for hypothesis in suspects})


def _probes(subject: Subject, budget: Budget) -> dict[str, Callable[[Tell], Any]]:
    """What is measured of every subject, by the attribute of the evidence."""
    make, resize, one_size = subject.make, subject.resize, _only_size(subject)
    sized = resize or (lambda size: make())
    return {
        "epochs": lambda tell: measure_epochs(make, subject.size, budget, tell),
        "scaling": lambda tell: measure_scaling(sized, budget, tell, one_size),
        "growth": lambda tell: measure_growth(resize, make, budget, tell),
        "contention": lambda tell: measure_contention(sized, budget, tell),
        "resume": lambda tell: measure_resume(make, budget, tell),
    }


@dataclass(frozen=True)
class _Again:
    """Says of a measurement that it is the second, which a fault needs to be believed."""

    tell: Tell

    def __call__(self, line: str) -> None:
        self.tell(f"to be sure, again: {line}")


def _only_size(subject: Subject) -> int | None:
    """The size of a pool whose size cannot be varied."""
    if subject.resize is not None:
        return None
    made = subject.make()
    size = subject.size or max(largest_structure(made), 1)
    close(made)
    return size


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
