"""The kernel tests once more without JIT, where Python checks every index, and with bounds checks compiled in.

The second run's kernels have fault points as well: ``tests.stress.test_fault_points`` uses the same ones.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernels.calls import CHECKED

HERE = Path(__file__).parent
INSIDE = "LPCURR_TEST_MODE"
MODES = {"NUMBA_DISABLE_JIT": {"NUMBA_DISABLE_JIT": "1"}, "NUMBA_BOUNDSCHECK": CHECKED}
FILES = ["trees", "slots", "random", "journal", "labels", "episodes"]


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[str, subprocess.Popen[str]]]:
    """Both runs at once: most of each is compilation, and there are two cores."""
    started = {mode: _start(mode) for mode in MODES}
    yield started
    for run in started.values():
        run.kill()
        run.communicate()


def _start(mode: str) -> subprocess.Popen[str]:
    environment = os.environ | MODES[mode] | {INSIDE: mode}
    files = [str(HERE / f"test_{name}.py") for name in FILES]
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "--no-header", *files]
    return subprocess.Popen(
        command, env=environment, cwd=HERE.parents[1], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.skipif(INSIDE in os.environ, reason="this is the inner run")
@pytest.mark.parametrize("mode", MODES)
def test_kernels_pass_in(mode: str, runs: dict[str, subprocess.Popen[str]]) -> None:
    output, _ = runs[mode].communicate(timeout=900)
    assert runs[mode].returncode == 0, output[-5000:]
    assert " passed" in output
