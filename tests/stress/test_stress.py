"""The short form of the stress tool: workers are killed at random, and the pool is sound and its account exact."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.memory.programs import run_program

ROOT = Path(__file__).parents[2]


def run_tool(*options: str) -> dict[str, Any]:
    """Run the stress tool, which is to find nothing wrong; its report."""
    command = [sys.executable, "-m", "tests.stress", "--json", *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["faults"] == []
    assert report["calls"] > 0
    return report


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--aim"], id="holding the lock"),
        pytest.param(["--basic", "--tasks", "40"], id="at random", marks=pytest.mark.heavy),
        pytest.param(["--everything", "--workers", "8"], id="doing everything", marks=pytest.mark.heavy),
    ],
)
def test_killed_workers_lose_one_call_each_and_break_nothing(options: list[str]) -> None:
    kills = 48 if "--aim" in options else 12  # one aimed kill in five is in time
    report = run_tool("--seconds", "60", "--kills", str(kills), "--window", "0.02", *options)
    assert report["kills"] == kills
    assert "--aim" not in options or report["inside_the_lock"] > 0


@pytest.mark.heavy
def test_workers_that_do_everything_take_no_more_and_more() -> None:
    report = run_tool("--seconds", "20", "--kills", "0", "--everything")
    assert len(report["taken"]) == 2
    assert report["evicted"] > 0


def test_the_account_notices_what_is_lost() -> None:
    """The tool itself can fail: a pool that forgets what its workers finished is found out."""
    code = (
        "import sys; sys.argv = ['stress', '--json', '--seconds', '0', '--workers', '1', '--kills', '1']\n"
        "from tests.stress import __main__ as tool\n"
        "stress = tool.Stress(tool._parse())\n"
        "stress.ledger.accounts[0, tool.DRAWS] = 7\n"
        "print(stress.account())\n"
        "stress.curriculum.close(); stress.curriculum.unlink()\n"
    )
    assert "the pool counts 0 draws; 7 were finished" in run_program(code, cwd=ROOT)
