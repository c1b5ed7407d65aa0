"""What kernels answer instead of raising; :mod:`lpcurr.memory.answers` has the error for each."""

from __future__ import annotations


class Status:
    """What a kernel answers instead of raising (it may not raise while it holds the lock)."""

    REFUSED = 0
    ACCEPTED = 1
    INVALID_SCORE = -1
    INVALID_TASK_ID = -2
    UNKNOWN_TASK = -3
    DUPLICATE_TASK = -4
    POOL_FULL = -5
    POOL_EMPTY = -6
    NO_PROCESS_RECORD = -7
    LOCK_LOST = -8
    ORDINAL_TAKEN = -9
    INVALID_SIGNAL = -10
    INVALID_COST = -11
    NOT_ENOUGH_TASKS = -12
    LOG_TAKEN = -13
