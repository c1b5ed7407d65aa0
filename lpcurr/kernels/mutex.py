"""The lock: a process-shared robust POSIX mutex in the header, taken inside the kernels.

22 ns when nobody else wants it. When its holder is killed, the next taker is told so (``EOWNERDEAD``) and repairs the
pool: see :mod:`lpcurr.kernels.repair`. A ``multiprocessing.Lock`` would stay locked for ever, and a manager's lock
costs about 100 µs.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import numpy as np
from numba import types

from lpcurr import layout
from lpcurr.kernels._compile import JIT, helper
from lpcurr.kernels.views import address

HAS_MUTEX = sys.platform != "win32"
HAS_ROBUST_MUTEX = sys.platform.startswith("linux")

BUSY = 16  # EBUSY, the same on Linux and macOS
OWNER_DEAD = 130  # EOWNERDEAD on Linux


def _external(name: str) -> Any:
    return types.ExternalFunction(name, types.int32(types.voidptr))


if JIT and HAS_MUTEX:
    _mutex_lock = _external("pthread_mutex_lock")
    _mutex_trylock = _external("pthread_mutex_trylock")
    _mutex_unlock = _external("pthread_mutex_unlock")

    @helper
    def try_lock(segment):
        """Take the lock if it is free: 0, ``BUSY`` or ``OWNER_DEAD``."""
        return _mutex_trylock(address(segment, layout.MUTEX_OFFSET))

    @helper
    def wait_lock(segment):
        """Take the lock, waiting for it: 0 or ``OWNER_DEAD``."""
        return _mutex_lock(address(segment, layout.MUTEX_OFFSET))

    @helper
    def unlock(segment):
        """Give the lock back."""
        _mutex_unlock(address(segment, layout.MUTEX_OFFSET))

else:  # Windows has local pools only; without JIT the interpreter runs one kernel at a time

    @helper
    def try_lock(segment):
        """Nothing to take."""
        return 0

    @helper
    def wait_lock(segment):
        """Nothing to take."""
        return 0

    @helper
    def unlock(segment):
        """Nothing to give back."""


if JIT and HAS_ROBUST_MUTEX:
    _mutex_consistent = _external("pthread_mutex_consistent")

    @helper
    def mark_consistent(segment):
        """Tell the mutex that what it guards has been repaired."""
        _mutex_consistent(address(segment, layout.MUTEX_OFFSET))

else:

    @helper
    def mark_consistent(segment):
        """No robust mutexes here."""


def initialise(segment: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
    """Make the mutex, once, in a segment that nobody else has seen yet."""
    if not HAS_MUTEX:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    attributes = ctypes.create_string_buffer(64)
    mutex = ctypes.c_void_p(segment.ctypes.data + layout.MUTEX_OFFSET)
    process_shared, robust = 1, 1
    _checked(libc.pthread_mutexattr_init(attributes))
    _checked(libc.pthread_mutexattr_setpshared(attributes, process_shared))
    if HAS_ROBUST_MUTEX:
        _checked(libc.pthread_mutexattr_setrobust(attributes, robust))
    _checked(libc.pthread_mutex_init(mutex, attributes))
    _checked(libc.pthread_mutexattr_destroy(attributes))


def _checked(code: int) -> None:
    if code != 0:
        raise OSError(code, "cannot make the pool's mutex")
