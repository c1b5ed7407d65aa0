"""The kernel tests once more without JIT, where Python checks every index, and with bounds checks compiled in."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
INSIDE = "LPCURR_TEST_MODE"
MODES = ["NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"]
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
    cache = Path(tempfile.gettempdir()) / f"lpcurr-tests-{os.getuid()}-{mode}"
    environment = os.environ | {mode: "1", INSIDE: mode, "NUMBA_CACHE_DIR": str(cache)}
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
