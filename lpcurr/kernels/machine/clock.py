"""The time, from inside a kernel: the system writes it into the segment, since a kernel has no memory of its own."""

import sys

import numpy as np
from numba import types

from lpcurr.kernels.machine.compiling import JIT, helper
from lpcurr.kernels.machine.views import address, header_record, process_record
from lpcurr.memory import layout

_CLOCK_OFFSET = 8 * layout.header_word("clock")
_WAIT_OFFSET = layout.PROCESS_OFFSET + 8 * layout.process_word("wait_clock")
_UNTIL_OFFSET = layout.PROCESS_OFFSET + 8 * layout.process_word("wait_until")
_PROCESS_SIZE = layout.PROCESS.itemsize
_REALTIME, _MONOTONIC = 0, 1 if sys.platform.startswith("linux") else 6  # 6: macOS

if JIT and sys.platform != "win32":
    _clock_gettime = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.voidptr))

    @helper
    def now(segment):
        """Seconds since 1970 (float64); the caller holds the lock."""
        _clock_gettime(np.int32(_REALTIME), address(segment, _CLOCK_OFFSET))
        clock = header_record(segment, 0).clock
        return np.float64(clock[0]) + 1e-9 * np.float64(clock[1])

    @helper
    def monotonic_ns(segment, process):
        """Nanoseconds of a clock that never goes back; the lock need not be held."""
        _clock_gettime(np.int32(_MONOTONIC), address(segment, _WAIT_OFFSET + process * _PROCESS_SIZE))
        clock = process_record(segment, process).wait_clock
        return clock[0] * 1_000_000_000 + clock[1]

    @helper
    def deadline(segment, process):
        """Pointer to the time, of day, at which the process's turn of waiting ends."""
        return address(segment, _UNTIL_OFFSET + process * _PROCESS_SIZE)

    @helper
    def set_deadline(segment, process):
        """Let the process's turn of waiting end in a second."""
        _clock_gettime(np.int32(_REALTIME), deadline(segment, process))
        process_record(segment, process).wait_until[0] += 1

elif JIT:  # Windows, where pools are local and nobody waits: whole seconds
    _time64 = types.ExternalFunction("_time64", types.int64(types.voidptr))

    @helper
    def now(segment):
        """Seconds since 1970 (float64); the caller holds the lock."""
        return np.float64(_time64(address(segment, _CLOCK_OFFSET)))

    @helper
    def monotonic_ns(segment, process):
        """Nanoseconds of a clock that never goes back; the lock need not be held."""
        return np.int64(0)

else:
    import time

    def now(segment):
        """Seconds since 1970 (float64); the caller holds the lock."""
        return time.time()

    def monotonic_ns(segment, process):
        """Nanoseconds of a clock that never goes back; the lock need not be held."""
        return time.monotonic_ns()
