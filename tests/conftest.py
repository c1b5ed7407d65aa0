"""Shared fixtures. Kernels are compiled once a session, into a folder named by a hash of their sources."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before numba is imported: editing a helper must never leave a stale kernel in a developer's cache.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(tempfile.gettempdir()) / f"lpcurr-tests-{os.getuid()}"))
os.environ.setdefault("MPLBACKEND", "agg")

from lpcurr import kernels


@pytest.fixture(scope="session", autouse=True)
def compiled_kernels() -> None:
    """Compile before the first test, so that no test's time includes it."""
    kernels.compile_all()


@pytest.fixture(autouse=True)
def no_segment_is_left_behind() -> Iterator[None]:
    """Whatever a test does, it leaves /dev/shm as it was."""
    shm = Path("/dev/shm")
    before = set(shm.glob("lpcurr_*")) if shm.is_dir() else set()
    yield
    after = set(shm.glob("lpcurr_*")) if shm.is_dir() else set()
    assert after <= before, f"left behind: {after - before}"
