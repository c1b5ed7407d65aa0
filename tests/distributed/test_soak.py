"""The short forms of the soaks: see :mod:`tests.distributed.soak`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.distributed.test_torch_distributed import ROOT, _can_unshare

pytest.importorskip("torch")

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(not _can_unshare(), reason="a /dev/shm for each node takes root"),
]


def run(*words: str) -> dict[str, Any]:
    """Run a soak in a process of its own, which forks."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.distributed.soak", *words]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def test_four_nodes_agree_after_each_exchange_and_draw_by_the_exact_distribution() -> None:
    figures = run("play", "--episodes", "100000")
    assert figures["exchanges"] == 10
    assert figures["evicted"] > 1000


def test_kills_cost_no_more_than_what_the_dead_had_not_sent() -> None:
    figures = run("kill", "--kills", "8", "--timeout", "5")
    assert sum(figures["moments"].values()) == 8
    assert figures["companions_silent"] == 0
