"""Each planted fault is named, and no other, and where it is: with real processes, real locks, real growth."""

from __future__ import annotations

import pytest

from lpcurr.investigation.run import faults, investigate
from lpcurr.investigation.subjects import find_subject
from tests.investigate.quick import QUICK
from tests.investigate.slow_curricula import FAULTS

WHERE = {
    "ScanOnEveryEpisode": "choose → rescore",
    "QuadraticEviction": "candidate → rank",
    "GrowingDictionary": "history",
    "LockHeldLong": "update_task_performance, line",
    "StatisticsOnTheHotPath": "pool_statistics",
    "StatisticsInUpdates": "average",
    "EvictionOfTheReference": "should_evict",
    "VectorisedScan": "choose",
    "LockOfAServer": "the update",
    "SlowAfterLoading": "the new one",
    "OneSize": "rescore",
}


@pytest.mark.parametrize("name", [kind.__name__ for kind in FAULTS])
def test_faults_are_named_and_no_other_and_where_they_are(name: str) -> None:
    subject = find_subject(f"tests.investigate.slow_curricula:{name}")
    _, findings = investigate(subject, QUICK, lambda line: None)
    expected = next(names for kind, names in FAULTS.items() if kind.__name__ == name)
    assert faults(findings) == expected, {fault: finding.seen for fault, finding in findings.items()}
    for fault in expected:
        assert WHERE[name] in findings[fault].next_step
