"""The kernel tests once more without JIT, where Python checks every index, and with bounds checks compiled in."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
INSIDE = "LPCURR_TEST_MODE"
MODES = {
    "NUMBA_DISABLE_JIT": ["test_trees.py", "test_slots.py", "test_random.py", "test_journal.py", "test_labels.py"],
    "NUMBA_BOUNDSCHECK": ["test_trees.py", "test_slots.py", "test_random.py", "test_journal.py", "test_labels.py"],
}


@pytest.mark.skipif(INSIDE in os.environ, reason="this is the inner run")
@pytest.mark.parametrize("mode", MODES)
def test_kernels_pass_in(mode: str) -> None:
    cache = Path(tempfile.gettempdir()) / f"lpcurr-tests-{os.getuid()}-{mode}"
    environment = os.environ | {mode: "1", INSIDE: mode, "NUMBA_CACHE_DIR": str(cache)}
    files = [str(HERE / name) for name in [*MODES[mode], "test_episodes.py"]]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", *files]
    done = subprocess.run(command, env=environment, cwd=HERE.parents[1], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
