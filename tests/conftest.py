"""Shared fixtures. Kernels are compiled once a session, into a folder named by a hash of their sources."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from _pytest.doctest import DoctestModule

# Before numba is imported: editing a helper must never leave a stale kernel in a developer's cache.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(tempfile.gettempdir()) / f"lpcurr-tests-{os.getuid()}"))
os.environ.setdefault("MPLBACKEND", "agg")

from lpcurr import kernels
from lpcurr.memory import layout
from lpcurr.memory.processes import NAME_PREFIX

# Some 150 interpreters are started: without bytecode, each would first compile the package, and pytest all tests.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


@pytest.fixture(autouse=True)
def compiled_kernels(request: pytest.FixtureRequest) -> None:
    """Compile before the first test that needs kernels, so that no test's time includes it."""
    if request.node.get_closest_marker("no_kernels") is None:
        kernels.compile_all()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Look for no cycles while tests are collected, nor ever among them: to look at them takes a third of a second."""
    gc.disable()
    yield
    gc.enable()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_collect_file() -> Iterator[None]:
    """Look for examples in the package alone: a look through all tests finds none."""
    return [each for each in (yield) if not isinstance(each, DoctestModule)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what needs no kernels after the first file: while one worker compiles them, there is work for the others."""
    first = items[0].path if items else None
    items.sort(key=lambda item: item.path != first and item.get_closest_marker("no_kernels") is None)


_SHARED_MEMORY = Path("/dev/shm")


def _segments() -> set[str]:
    """The names of all segments, among other things that tests put there."""
    return {name for name in os.listdir(_SHARED_MEMORY) if name.startswith(NAME_PREFIX)}


def _is_own(name: str) -> bool:
    """Whether this process made a segment: another test run on this machine may have some of its own."""
    with contextlib.suppress(FileNotFoundError):
        path = _SHARED_MEMORY / name
        header = np.fromfile(path, dtype=layout.HEADER, count=1) if path.is_file() else np.zeros(0, layout.HEADER)
        return bool(header.size and header["creator_pid"][0] == os.getpid())
    return False


@pytest.fixture(autouse=True)
def no_segment_is_left_behind() -> Iterator[None]:
    """Whatever a test does, it leaves /dev/shm as it was."""
    before = _segments()
    yield
    left = list(filter(_is_own, _segments() - before))
    assert not left, f"left behind: {left}"


@pytest.fixture(autouse=True)
def no_process_is_left_behind() -> Iterator[None]:
    """A test that fails takes its processes with it: others would be counted wrong, or slowed, by them."""
    before = set(multiprocessing.active_children())
    yield
    left = [process for process in multiprocessing.active_children() if process not in before]
    for process in left:
        process.kill()
        process.join()
    assert not left, f"left behind: {left}"
