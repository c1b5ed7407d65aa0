"""What the probes have seen, and what a hypothesis makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from lpcurr.investigation.probes.contention import Contention
from lpcurr.investigation.probes.epochs import Epochs
from lpcurr.investigation.probes.growth import Growth
from lpcurr.investigation.probes.resume import Resume
from lpcurr.investigation.probes.scaling import Cost
from lpcurr.investigation.probes.training import Training
from lpcurr.investigation.subjects import Subject


@dataclass
class Evidence:
    """All that was measured.

    Attributes:
        subject: of what.
        epochs: of the curriculum alone.
        scaling: cost of each part by pool size.
        growth: of a pool of constant size.
        contention: of processes on one pool.
        resume: from a checkpoint; None where there are none.
        training: of a recipe; None for other objects.
    """

    subject: Subject
    epochs: Epochs
    scaling: dict[str, Cost]
    growth: Growth
    contention: Contention
    resume: Resume | None
    training: Training | None


class Verdict(StrEnum):
    """What became of a hypothesis."""

    HEALTHY = "healthy"
    FAULT = "FAULT"
    EXPLAINED = "explained"  # it is seen, and is the consequence of a fault that has a line of its own
    UNTESTED = "not tested"


@dataclass(frozen=True)
class Finding:
    """A verdict with its reasons.

    Attributes:
        verdict: what became of the hypothesis.
        seen: what was measured.
        next_step: what to do about it; empty where nothing needs to be done.
    """

    verdict: Verdict
    seen: str
    next_step: str = ""


@dataclass(frozen=True)
class Hypothesis:
    """Something that may be wrong.

    Attributes:
        name: of the fault.
        test: how it shows.
        judge: from the evidence to the finding.
        probe: the attribute of the evidence that it rests on, which is measured again before a fault is reported; ""
            where that would take long, and medians over epochs have to do.
    """

    name: str
    test: str
    judge: Callable[[Evidence], Finding]
    probe: Literal["scaling", "growth", "contention", "resume", ""] = ""


def healthy(seen: str) -> Finding:
    """Nothing is wrong."""
    return Finding(Verdict.HEALTHY, seen)


def fault(seen: str, next_step: str) -> Finding:
    """This is wrong."""
    return Finding(Verdict.FAULT, seen, next_step)


def explained(seen: str, by: str) -> Finding:
    """It is so, because of another fault."""
    return Finding(Verdict.EXPLAINED, seen, f"first mend: {by}")


def untested(why: str) -> Finding:
    """It could not be tested."""
    return Finding(Verdict.UNTESTED, why)
