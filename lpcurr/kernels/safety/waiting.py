"""A long wait for the lock: who holds it is said, and signal handlers run, so that Ctrl-C ends it.

A kernel that has waited for a second asks here whether it is to go on. What a signal handler raises meanwhile is kept,
the kernel answers ``LOCK_LOST`` at once, and its caller raises it: :func:`raise_interruption`.
"""

import ctypes
import logging
import platform
from collections.abc import Callable, Generator
from pathlib import Path

import llvmlite.binding
import numpy as np
from numba import types

from lpcurr.kernels.machine.compiling import helper
from lpcurr.kernels.machine.settings import ROBUST_MUTEX
from lpcurr.memory.layout import Status

_logger = logging.getLogger("lpcurr")

SAY_AFTER = 10
"""Seconds of waiting after which the holder is named; it is again after each minute."""

_DEEPEST = 16  # waits, one inside the other, each of them in a signal handler that ran in the one around it
_SECOND = 1_000_000_000
_THREAD_BITS = 32
# The number of the system call gettid, which older C libraries have no function for.
_GETTID = {"x86_64": 186, "aarch64": 178, "riscv64": 178, "ppc64le": 207, "s390x": 236}.get(platform.machine(), -1)

_interruptions: list[BaseException] = []


def raise_interruption(answer: int) -> None:
    """Raise what a signal handler raised while a kernel waited, if that is why it answered ``LOCK_LOST``."""
    if answer == Status.LOCK_LOST and _interruptions:
        error = _interruptions.pop()
        _make_ready()
        raise error


def _say(told: int) -> int:
    """Name the holder of the lock, by its thread id, where it is time to; 0: the wait goes on."""
    seconds, thread = told >> _THREAD_BITS, told & (1 << _THREAD_BITS) - 1
    if seconds == SAY_AFTER or (seconds > SAY_AFTER and seconds % 60 == 0):
        _logger.warning("waiting for the lock of the pool since %d s: %s", seconds, _described(thread))
    return 0


def _described(thread: int) -> str:
    try:
        text = Path(f"/proc/{thread}/status").read_text("utf-8", "replace")
    except OSError:
        return "its holder cannot be seen from here (another container, or it has just ended)"
    status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    pid, state = status.get("Tgid", str(thread)), status.get("State", "?")
    way = f"continue it by `kill -CONT {pid}`, or end it" if state[:1] in "Tt" else "end it if it does not go on"
    return (
        f"process {pid} ({status.get('Name', '?')}) holds it, state {state}; {way} (`kill -9 {pid}` costs its one "
        "unfinished call at most). Ctrl-C ends this wait"
    )


class _ReadyCallbacks(list[Callable[[int], int]]):
    """Callbacks for the main thread, one a wait; calling it takes one away, and calls that.

    A handler may itself use a pool, and wait within the wait. What is written in Python cannot choose a callback for
    it: handlers run when a function begins, before any `try` in it. So ``__call__`` is a property, which C reads.
    """

    __call__ = property(list.pop)


def _say_and_run_handlers() -> Generator[int, int, None]:
    """Do as ``_say`` in the main thread, where signal handlers run; 1 where one raised.

    A generator, which stands inside its `try` when handlers run. Behind it is neither call nor loop, where others
    would run that nothing catches.
    """
    try:
        told = yield 0
        answer = _say(told)
        _make_ready()
    except GeneratorExit:
        raise
    except BaseException as error:  # what the handler raised, KeyboardInterrupt for one
        _interruptions[:] = (error,)
        answer = 1
    yield answer


_main_thread = _ReadyCallbacks()


def _make_ready() -> None:
    """Have callbacks for a wait, and for waits of the handlers that run in it."""
    while len(_main_thread) < _DEEPEST:
        callback = _say_and_run_handlers()
        next(callback)
        _main_thread.append(callback.send)


if ROBUST_MUTEX:
    _make_ready()
    _callback = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64)
    _callbacks = {"lpcurr_main_waits": _callback(_main_thread), "lpcurr_thread_waits": _callback(_say)}
    for _symbol, _function in _callbacks.items():
        llvmlite.binding.add_symbol(_symbol, ctypes.cast(_function, ctypes.c_void_p).value)
    _main_waits, _thread_waits = (types.ExternalFunction(each, types.int32(types.int64)) for each in _callbacks)
    _getpid = types.ExternalFunction("getpid", types.int32())
    _system_call = types.ExternalFunction("syscall", types.int64(types.int64))

    @helper
    def give_up(thread, waited):
        """Tell Python of a wait of so many nanoseconds for what a thread holds; whether it is to end."""
        told = (waited // _SECOND) << _THREAD_BITS | thread
        if _system_call(np.int64(_GETTID)) == _getpid():
            return _main_waits(told) != 0
        return _thread_waits(told) != 0
