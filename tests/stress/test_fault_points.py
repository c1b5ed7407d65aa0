"""A process is killed inside every step of every call that changes a pool: ``tests.stress.fault_points`` as tests.

The light suite does so for some of the calls, without JIT and with lockf in place of the mutex; the heavy one for all,
with kernels that are compiled with fault points and bounds checks: see ``test_modes``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lpcurr.memory import layout
from tests.kernels.calls import CHECKED
from tests.stress.scenarios import SCENARIOS

pytestmark = pytest.mark.no_kernels

ROOT = Path(__file__).parents[2]
Reports = dict[str, dict[str, Any]]

# Without JIT: slow, so these alone.
IN_PYTHON = ("update explores", "end an epoch", "drop a task", "rename a label's last task")


def _run(only: tuple[str, ...] = (), every: int = 1, **variables: str) -> Reports:
    environment = os.environ | CHECKED | {"PYTHONPATH": str(ROOT)} | variables
    command = [sys.executable, "-m", "tests.stress.fault_points", "--every", str(every), "--only", *only]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    return {report["name"]: report for report in reports}


@pytest.fixture(scope="module")
def reports() -> Reports:
    return _run()


@pytest.fixture(scope="module")
def reports_in_python() -> Reports:
    return _run(IN_PYTHON, every=32, NUMBA_DISABLE_JIT="1", LPCURR_LOCK="fcntl")


@pytest.mark.heavy
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="robust mutexes are Linux's")
@pytest.mark.parametrize("name", [scenario.name for scenario in SCENARIOS])
def test_a_kill_at_any_point_undoes_one_call_or_finishes_it(reports: Reports, name: str) -> None:
    assert reports[name]["faults"] == []
    assert 0 < reports[name]["undone"] < reports[name]["kills"]


@pytest.mark.heavy
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="robust mutexes are Linux's")
def test_a_repair_that_is_killed_is_begun_anew(reports: Reports) -> None:
    (repair,) = (report for name, report in reports.items() if name.startswith("repair"))
    assert repair["faults"] == []
    assert repair["kills"] > 30


@pytest.mark.heavy
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="robust mutexes are Linux's")
def test_the_journal_has_room_to_spare(reports: Reports) -> None:
    longest = max(report["journalled"] for report in reports.values() if "journalled" in report)
    assert 60 < longest < layout.JOURNAL_CAPACITY - 20


@pytest.mark.parametrize("name", IN_PYTHON)
def test_without_a_robust_mutex_it_is_the_same(reports_in_python: Reports, name: str) -> None:
    report = reports_in_python[name]
    assert report["faults"] == []
    assert 0 < report["undone"] < report["kills"]


def test_without_a_robust_mutex_a_repair_that_is_killed_is_begun_anew(reports_in_python: Reports) -> None:
    (repair,) = (report for name, report in reports_in_python.items() if name.startswith("repair"))
    assert repair["faults"] == []
    assert repair["kills"] > 3
