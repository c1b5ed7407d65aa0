"""The lock: a process-shared robust POSIX mutex in the header, taken inside the kernels.

22 ns when nobody else wants it. When its holder is killed, the next taker is told so (``EOWNERDEAD``) and repairs the
pool: see :mod:`lpcurr.kernels.calls.repair`. A ``multiprocessing.Lock`` would stay locked for ever, and a manager's
lock costs about 100 µs.

Whoever finds it taken looks again for some microseconds, then lets others use the processor for some hundred, and only
then sleeps: a thread that sleeps makes the holder wake it, by a system call that takes longer than what it held the
lock for, and then most likely finds it taken again. Two processes together were slower than one that way.

Where there is no robust mutex, Python holds a lock around each kernel (:mod:`lpcurr.memory.lock_files`), and what the
kernel itself takes is a mark in the header: who finds it set knows that the holder is dead, because a holder that
lives would not have let anyone in.
"""

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
BUSY = 16  # EBUSY
_NOT_RECOVERABLE = 131  # ENOTRECOVERABLE
_LOOKS = 14  # at a lock that is taken, ever less often: 2 µs; then the processor is given away
_TURNS = 50  # of that before sleeping
_THREAD_ID = 0x3FFFFFFF  # of the mutex's first word, what is neither flags nor the other half
_OWNER = 0xFFFFFFFF  # half of its second word, where glibc keeps the owner, or
_GIVEN_UP = 0x7FFFFFFE  # that nobody can have it ever again (0x7FFFFFFF: who has it has yet to repair the pool)


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
    _mutex_trylock = _external("pthread_mutex_trylock")
    _mutex_unlock = _external("pthread_mutex_unlock")
    _mutex_consistent = _external("pthread_mutex_consistent")

    @helper
    def holder(segment):
        """The id of the thread that holds the lock, 0 if nobody does, or one that has died."""
        return header_record(segment, 0).mutex[0] & _THREAD_ID

    @helper
    def take_lock(segment, process):
        """Take the lock, unless it is taken: 0, ``BUSY``, ``OWNER_DEAD`` or what is wrong.

        ``pthread_mutex_trylock`` alone leaves a mutex locked for ever when it says ENOTRECOVERABLE (seen with glibc
        2.36): the next call would wait for ever. And it writes where others read.
        """
        if holder(segment) != 0:
            return np.int32(BUSY)
        if header_record(segment, 0).mutex[1] & _OWNER == _GIVEN_UP:
            return np.int32(_NOT_RECOVERABLE)
        return _mutex_trylock(address(segment, layout.MUTEX_OFFSET))

    @helper
    def spin_lock(segment, process):
        """Take the lock that was found taken, if it is given back soon; answers likewise."""
        for _ in range(_TURNS):
            for look in range(_LOOKS):
                answer = take_lock(segment, process)
                if answer != BUSY:
                    return answer
                for _ in range(look):
                    pause()
            yield_processor()
        return np.int32(BUSY)

    @helper
    def wait_lock(segment, process):
        """Sleep until the lock is there, for a second at most: ``TIMED_OUT``, or answers likewise."""
        clock.set_deadline(segment, process)
        return _mutex_timedlock(address(segment, layout.MUTEX_OFFSET), clock.deadline(segment, process))

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
