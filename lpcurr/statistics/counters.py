"""What each process has done to a pool, counted as it happens in its own record, and read by anyone without the lock.

The counters cost the episode path nothing measurable: each is an addition on a cache line that the call writes anyway,
and the clock is read only by a process that has to wait for the lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lpcurr.memory.process_table import process_records
from lpcurr.memory.processes import process_is_alive

if TYPE_CHECKING:
    from lpcurr.memory.segment import State

PROCESS_COUNTERS = {
    "pid": "process id",
    "alive": "whether that process is there; one that is not was killed",
    "draws": "tasks handed out",
    "tries": "tasks looked at for them by rejection; none for discrete random",
    "scans": "draws that ran out of tries and went through all tasks instead, with the same distribution",
    "lock_waits": "calls that found the lock taken",
    "lock_wait_seconds": "how long those slept together; some microseconds' wait is no sleep",
    "created": "tasks brought into the pool",
    "evicted": "tasks evicted for new ones",
    "accepted": "scores credited",
    "refused": "scores of tasks that had left the pool",
    "steps": "environment steps that it told of (Curriculum.count_steps)",
}
"""The keys of :meth:`lpcurr.Curriculum.process_counters`."""


def process_counters(state: State) -> list[dict[str, Any]]:
    """Return the counters of every attached process, in the order of their records."""
    table = process_records(state)
    return [counters_of(record) for record in table[table["pid"] > 0]]


def counters_of(record: np.void) -> dict[str, Any]:
    """The counters of one process, from its record, by the names in ``PROCESS_COUNTERS``."""
    derived = {
        "alive": process_is_alive(int(record["pid"]), int(record["start_time"])),
        "lock_wait_seconds": int(record["lock_wait_ns"]) / 1e9,
    }
    return {name: derived[name] if name in derived else int(record[name]) for name in PROCESS_COUNTERS}
