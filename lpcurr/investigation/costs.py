"""Which parts of an episode grow with the pool, and what for."""

from __future__ import annotations

from dataclasses import dataclass

from lpcurr.investigation.evidence import Evidence
from lpcurr.investigation.probes.scaling import Cost
from lpcurr.investigation.thresholds import (
    LINEAR,
    QUADRATIC,
    SCAN_RATIO,
    SINGLE_SIZE_LINES,
    SINGLE_SIZE_MOST,
    SINGLE_SIZE_SQUARE,
    WORTH_NAMING,
)

SCAN, EVICTION, STATISTICS = "scan", "eviction", "statistics"

_EVERY_EPISODE = ("draw", "task generation", "update", "episode stats")
_EVICTING = ("eviction", "choice of an eviction")
_YOUNGER = 0.4  # by how much the exponent on tasks that were never played must be less, for eviction to be the cause


@dataclass(frozen=True)
class Growing:
    """A part whose cost grows with the pool.

    Attributes:
        part: which.
        cost: by pool size.
        purpose: SCAN, EVICTION or STATISTICS.
        place: the code where the time goes.
    """

    part: str
    cost: Cost
    purpose: str
    place: str


def growing_parts(evidence: Evidence, purpose: str) -> list[Growing]:
    """The parts that grow for this purpose. Eviction counts from the square on: it is rarer than episodes."""
    found = []
    for part in _EVERY_EPISODE:
        cost = evidence.scaling.get(part)
        if cost is not None and grows(cost) and _is_dear(cost, evidence) and _purpose(part, cost, evidence) == purpose:
            found.append(Growing(part, cost, purpose, cost.hot_code.place if cost.hot_code else part))
    if purpose == EVICTION and not (found or _is_quadratic(evidence.scaling.get("draw"))):
        for part in _EVICTING:
            cost = evidence.scaling.get(part)
            if cost is not None and _is_quadratic(cost):
                found.append(Growing(part, cost, purpose, cost.hot_code.place if cost.hot_code else f"the {part}"))
    return found


def grows(cost: Cost) -> bool:
    """Whether a part goes through the pool."""
    if len(cost.sizes) == 1:
        lines = cost.hot_code.lines if cost.hot_code is not None else 0
        return SINGLE_SIZE_LINES * cost.sizes[0] <= lines <= SINGLE_SIZE_MOST * cost.sizes[0] or _is_quadratic(cost)
    return cost.exponent >= LINEAR and cost.ratio >= SCAN_RATIO


def _is_dear(cost: Cost, evidence: Evidence) -> bool:
    others = [evidence.scaling[part] for part in (*_EVERY_EPISODE, "eviction") if part in evidence.scaling]
    return max(cost.seconds) >= WORTH_NAMING * sum(max(other.seconds) for other in others)


def _is_quadratic(cost: Cost | None) -> bool:
    if cost is None:
        return False
    if len(cost.sizes) == 1:
        return cost.hot_code is not None and cost.hot_code.lines >= SINGLE_SIZE_SQUARE * cost.sizes[0] ** 2
    return cost.exponent >= QUADRATIC and cost.ratio >= SCAN_RATIO


def _purpose(part: str, cost: Cost, evidence: Evidence) -> str:
    named = cost.hot_code.purpose if cost.hot_code is not None else SCAN
    if part == "episode stats" or named == STATISTICS:
        return STATISTICS
    if _is_quadratic(cost) and (named == EVICTION or (part == "draw" and _only_when_old(cost, evidence))):
        return EVICTION
    return SCAN


def _only_when_old(cost: Cost, evidence: Evidence) -> bool:
    young = evidence.scaling.get("draw of young tasks")
    return young is not None and young.exponent <= cost.exponent - _YOUNGER
