"""``lpcurr train`` where numba is turned off: worker processes and all, with kernels in Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def test_a_recipe_trains_with_kernels_in_python(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lpcurr", "train", "frozen_lake", "total_steps=300", "epoch_steps=300"]
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [*command, "max_seconds=300", f"run_dir={tmp_path / 'run'}"],
        env=environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    metrics = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert metrics[-1]["steps"] >= 300
