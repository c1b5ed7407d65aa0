"""Each planted fault is named, and no other is: with real processes, real locks, real growth."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from lpcurr.investigation.run import Investigation, investigate
from lpcurr.investigation.subjects import find_subject
from tests.investigate.quick import QUICK
from tests.investigate.slow_curricula import FAULTS, Healthy

MODULE = "tests.investigate.slow_curricula"


def of(name: str) -> Investigation:
    return investigate(find_subject(f"{MODULE}:{name}"), QUICK, Console(file=io.StringIO()))


@pytest.mark.parametrize(
    ("fault", "where"),
    [
        ("scan on every episode", "rescore"),
        ("quadratic eviction", "candidate → rank"),
        ("growing structure", "history"),
        ("lock held long", "(lock)"),
        ("statistics on the hot path", "pool_statistics"),
    ],
)
def test_the_fault_is_named_and_no_other_and_where_it_is(fault: str, where: str) -> None:
    found = of(FAULTS[fault].__name__)
    assert found.faults == [fault], {h.name: f.seen for h, f in found.findings.items()}
    (finding,) = [finding for hypothesis, finding in found.findings.items() if hypothesis.name == fault]
    assert where in finding.next_step


def test_a_curriculum_without_a_fault_is_healthy() -> None:
    found = of(Healthy.__name__)
    assert found.faults == [], {h.name: f.seen for h, f in found.findings.items()}
