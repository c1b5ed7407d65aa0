"""Running a program in an interpreter of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# A signal between open() and its `with` closes the file at once, and Python says that nobody did.
CLOSED_BY_COUNTING = {"PYTHONWARNINGS": "error,ignore::ResourceWarning"}


def run_program(code: str, *arguments: str, timeout: float = 300.0, **environment: str) -> str:
    """Run a program that must say nothing on stderr and end with 0; what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"} | environment,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[-2000:]
    return done.stdout.strip()
