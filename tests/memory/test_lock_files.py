"""The lock around the kernels where it is a file's: it is given back whatever a signal handler raises."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from lpcurr.memory import lock_files
from lpcurr.memory.lock_files import guarded, lock_path, watch

fcntl = pytest.importorskip("fcntl")

CAN_LOCK = """
import fcntl, sys
with open(sys.argv[1], "r+") as file:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
"""


class Raised(Exception):
    """What a signal handler raised."""


def test_a_handler_that_raises_before_the_lock_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"lpcurr_handler-{os.getpid()}"
    segment = np.zeros(8, np.uint8)
    watch(segment, name, make=True)
    lockf, raised = fcntl.lockf, []

    def interrupted(file: int, operation: int) -> None:
        if operation == fcntl.LOCK_UN and not raised:
            raised.append(operation)
            raise Raised
        lockf(file, operation)

    monkeypatch.setattr(lock_files.fcntl, "lockf", interrupted)
    try:
        with pytest.raises(Raised):
            guarded(lambda segment: 1)(segment)
        command = [sys.executable, "-c", CAN_LOCK, str(lock_path(name, make=False))]
        subprocess.run(command, check=True, timeout=300)
        assert guarded(lambda segment: 2)(segment) == 2
    finally:
        lock_files.remove(name)


def test_a_handler_that_uses_the_pool_in_the_middle_of_a_call() -> None:
    segment = np.zeros(8, np.uint8)
    watch(segment, None, make=True)
    seen: list[Any] = []

    def use(*_: object) -> None:
        seen.append(guarded(lambda segment: 3)(segment))

    before = signal.signal(signal.SIGUSR1, use)
    try:
        assert guarded(lambda segment: signal.raise_signal(signal.SIGUSR1))(segment) is None
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [3]
