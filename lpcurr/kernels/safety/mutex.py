"""The lock: a process-shared robust POSIX mutex in the header, taken inside the kernels.

22 ns when nobody else wants it. When its holder is killed, the next taker is told so (``EOWNERDEAD``) and repairs the
pool: see :mod:`lpcurr.kernels.calls.repair`. A ``multiprocessing.Lock`` would stay locked for ever, and a manager's
lock costs about 100 µs.

Where there is no robust mutex, Python holds a lock around each kernel (:mod:`lpcurr.memory.lock_files`), and what the
kernel itself takes is a mark in the header: who finds it set knows that the holder is dead, because a holder that
lives would not have let anyone in.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import numpy as np
from numba import types

from lpcurr.kernels.machine import clock
from lpcurr.kernels.machine.compiling import JIT, helper
from lpcurr.kernels.machine.settings import ROBUST_MUTEX
from lpcurr.kernels.machine.views import address, compiler_barrier, header_record, pause
from lpcurr.kernels.safety import faults
from lpcurr.memory import layout

OWNER_DEAD = 130  # EOWNERDEAD on Linux; without robust mutexes only a name here
TIMED_OUT = 110  # ETIMEDOUT there
_SPINS = 100  # looks at a lock that is taken before sleeping: a sleep and a wake-up cost more than most calls
_HELD_BY = 0xFFFFFFFF  # half of the mutex's first word
_THREAD_ID = 0x3FFFFFFF  # of that, what is not flags


def _external(name: str) -> Any:
    return types.ExternalFunction(name, types.int32(types.voidptr))


if JIT and sys.platform != "win32":
    _sched_yield = types.ExternalFunction("sched_yield", types.int32())

    @helper
    def yield_processor():
        """Let another thread run that waits for this processor."""
        _sched_yield()

else:

    def yield_processor():
        """Python switches threads by itself."""


if ROBUST_MUTEX:
    _mutex_timedlock = types.ExternalFunction("pthread_mutex_timedlock", types.int32(types.voidptr, types.voidptr))
    _mutex_unlock = _external("pthread_mutex_unlock")
    _mutex_consistent = _external("pthread_mutex_consistent")

    @helper
    def seems_held(segment):
        """Whether a thread holds the lock at this moment; good for statistics and nothing else.

        Read from where glibc keeps the holder's thread id. ``pthread_mutex_trylock`` would tell as well, but leaves a
        mutex locked for ever when it says ENOTRECOVERABLE (seen with glibc 2.36): the next call would wait for ever.
        """
        return header_record(segment, 0).mutex[0] & _HELD_BY != 0

    @helper
    def take_lock(segment, process):
        """Take the lock, waiting until the process's deadline: 0, ``TIMED_OUT``, ``OWNER_DEAD`` or what is wrong."""
        return _mutex_timedlock(address(segment, layout.MUTEX_OFFSET), clock.deadline(segment, process))

    @helper
    def wait_lock(segment, process):
        """Take the lock, after looking whether it is given back at once, or wait for a second; answers likewise."""
        for _ in range(_SPINS):
            if not seems_held(segment):
                break
            pause()
        clock.set_deadline(segment, process)
        return take_lock(segment, process)

    @helper
    def holder(segment):
        """The id of the thread that holds the lock, if any does."""
        return header_record(segment, 0).mutex[0] & _THREAD_ID

    @helper
    def mark_consistent(segment):
        """Tell the mutex that what it guards has been repaired."""
        _mutex_consistent(address(segment, layout.MUTEX_OFFSET))

    @helper
    def unlock(segment):
        """Give the lock back."""
        faults.may_die_here(segment)
        _mutex_unlock(address(segment, layout.MUTEX_OFFSET))

else:

    @helper
    def seems_held(segment):
        """Never: whoever is here was let in by Python's lock, and has waited there."""
        return False

    @helper
    def take_lock(segment, process):
        """Set the mark: 0, or ``OWNER_DEAD`` where it was set."""
        header = header_record(segment, 0)
        answer = OWNER_DEAD if header.held != 0 else 0
        header.held = 1
        compiler_barrier()
        return answer

    @helper
    def mark_consistent(segment):
        """The mark says nothing more than that the lock is held."""

    @helper
    def unlock(segment):
        """Take the mark away."""
        faults.may_die_here(segment)
        compiler_barrier()
        header_record(segment, 0).held = 0


def initialise(segment: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
    """Make the mutex, once, in a segment that nobody else has seen yet."""
    if not ROBUST_MUTEX:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    attributes = ctypes.create_string_buffer(64)
    mutex = ctypes.c_void_p(segment.ctypes.data + layout.MUTEX_OFFSET)
    process_shared, robust = 1, 1
    _checked(libc.pthread_mutexattr_init(attributes))
    _checked(libc.pthread_mutexattr_setpshared(attributes, process_shared))
    _checked(libc.pthread_mutexattr_setrobust(attributes, robust))
    _checked(libc.pthread_mutex_init(mutex, attributes))
    _checked(libc.pthread_mutexattr_destroy(attributes))


def _checked(code: int) -> None:
    if code != 0:
        raise OSError(code, "cannot make the pool's mutex")
