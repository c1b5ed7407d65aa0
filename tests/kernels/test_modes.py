"""The kernel tests once more without JIT, where Python checks every index, and with bounds checks compiled in.

The second run's kernels have fault points as well, which ``tests.stress.test_fault_points`` uses. Both runs take long.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kernels.calls import CHECKED

pytestmark = [pytest.mark.no_kernels, pytest.mark.heavy]

HERE = Path(__file__).parent
INSIDE = "LPCURR_TEST_MODE"
FILES = ["trees", "slots", "random", "journal", "labels", "episodes"]


@pytest.mark.skipif(INSIDE in os.environ, reason="this is the inner run")
@pytest.mark.parametrize(
    "variables",
    [pytest.param({"NUMBA_DISABLE_JIT": "1"}, id="NUMBA_DISABLE_JIT"), pytest.param(CHECKED, id="NUMBA_BOUNDSCHECK")],
)
def test_kernels_pass_in(variables: dict[str, str]) -> None:
    files = [str(HERE / f"test_{name}.py") for name in FILES]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "--no-header", *files],
        env=os.environ | variables | {INSIDE: "1"},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
