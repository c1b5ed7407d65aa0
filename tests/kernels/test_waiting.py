"""The holder of the lock is stopped: who waits says so, and can be interrupted; nothing is lost."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

import lpcurr
from lpcurr import Curriculum, CurriculumConfig
from lpcurr.kernels.machine.settings import ROBUST_MUTEX
from lpcurr.kernels.safety import waiting
from lpcurr.memory import layout

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux") or not ROBUST_MUTEX, reason="robust mutexes are Linux's"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


class Alarm(Exception):
    """What the handler of this test's signal raises."""


def is_waiting(frame: FrameType) -> bool:
    """Return whether a signal handler runs in a wait for the lock, and not before the call has come to it."""
    return frame.f_code.co_filename == waiting.__file__


@pytest.fixture
def stopped() -> Iterator[tuple[Curriculum, int]]:
    """A curriculum whose lock is held by a process that is stopped."""
    with CurriculumConfig(num_active_tasks=8, seed=0).make() as curriculum:
        curriculum.sample_ids(8)
        mutex = ctypes.c_void_p(curriculum._pool._segment.bytes.ctypes.data + layout.MUTEX_OFFSET)
        holder = os.fork()
        if holder == 0:
            ctypes.CDLL(None).pthread_mutex_lock(mutex)
            os.kill(os.getpid(), signal.SIGSTOP)
            ctypes.CDLL(None).pthread_mutex_unlock(mutex)
            os._exit(0)
        os.waitpid(holder, os.WUNTRACED)
        yield curriculum, holder
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)
        curriculum.get_task()


@pytest.fixture
def alarm() -> Iterator[None]:
    def ring(_: int, frame: FrameType) -> None:
        if is_waiting(frame):
            raise Alarm

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.5, 0.5)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


CALLS: dict[str, Callable[[Curriculum], Any]] = {
    "draw": lambda curriculum: curriculum.get_task(),
    "batch": lambda curriculum: curriculum.sample_ids(4),
    "attach": lambda curriculum: lpcurr.attach(str(curriculum.session_id)),
    "close": lambda curriculum: curriculum.close(),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_signal_handler_ends_the_wait(stopped: tuple[Curriculum, int], alarm: None, call: str) -> None:
    curriculum, holder = stopped
    with pytest.raises(Alarm):
        CALLS[call](curriculum)
    os.kill(holder, signal.SIGCONT)
    if call == "close":
        return
    curriculum.get_task()  # nothing of the interrupted call is left
    assert curriculum.find_violations() == []
    assert {each["pid"] for each in curriculum.process_counters()} <= {os.getpid(), holder}


@pytest.mark.parametrize("thread", [False, True])
def test_the_holder_is_named(
    stopped: tuple[Curriculum, int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, thread: bool
) -> None:
    curriculum, holder = stopped
    monkeypatch.setattr(waiting, "SAY_AFTER", 1)
    said = threading.Event()

    class Continue(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.set()
            os.kill(holder, signal.SIGCONT)

    handler = Continue()
    logging.getLogger("lpcurr").addHandler(handler)
    try:
        if thread:
            waiter = threading.Thread(target=curriculum.get_task)
            waiter.start()
            waiter.join(300)
        else:
            curriculum.get_task()
    finally:
        logging.getLogger("lpcurr").removeHandler(handler)
    assert said.is_set()
    assert f"process {holder} (" in caplog.text
    assert f"kill -CONT {holder}" in caplog.text
    mine, _ = curriculum.process_counters()
    assert mine["lock_waits"] == 1
    assert mine["lock_wait_seconds"] >= 1.0


def test_a_signal_handler_that_waits_itself_can_be_interrupted(stopped: tuple[Curriculum, int]) -> None:
    curriculum, holder = stopped
    depth = 0

    def ring(_: int, frame: FrameType) -> None:
        nonlocal depth
        if not is_waiting(frame):
            return
        depth += 1
        if depth == 3:
            raise Alarm
        curriculum.get_task()

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)
    try:
        with pytest.raises(Alarm):
            curriculum.get_task()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert depth == 3
    os.kill(holder, signal.SIGCONT)
    curriculum.get_task()
    assert curriculum.find_violations() == []


def test_what_interrupted_a_wait_is_raised_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_interruptions", [Alarm()])
    with CurriculumConfig(num_active_tasks=8, seed=0).make() as curriculum:
        with pytest.raises(Alarm):
            curriculum._pool.fail(layout.Status.LOCK_LOST)
        with pytest.raises(lpcurr.PoolLostError):
            curriculum._pool.fail(layout.Status.LOCK_LOST)
