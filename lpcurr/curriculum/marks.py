"""Which process took an episode of an evaluation, and which episodes are lost with processes that have died.

The mark of an episode is a task of the evaluation's pool that is never played: its success threshold says whose it is.
"""

import os
from collections.abc import Mapping

import numpy as np

from lpcurr.memory import layout
from lpcurr.memory.processes import own_start_time, process_start_time
from lpcurr.pool.moment import Column, Int64s

_PID_BITS = 22
_TICKS = (1 << 31) - 1

COLUMNS = "task_id", "entry", "success_threshold", "completion_count"
"""The truth columns that :func:`lost_episodes` looks at."""


def mark_of(episode: int) -> int:
    """Return the id of an episode's mark."""
    return layout.MAX_TASK_ID - episode


def this_process() -> float:
    """Return what marks as this process's: its id, and its start time modulo 248 days, which a float64 holds."""
    return float(os.getpid() | (own_start_time() & _TICKS) << _PID_BITS)


def lost_episodes(columns: Mapping[str, Column], ids: Int64s, *, certainly: bool) -> list[int]:
    """Return the episodes that processes had which are no more, and that have no score.

    A score says its task, not its episode. ``certainly``: of a task that a dead and a live process had, any score is
    the dead one's. Otherwise the live one's, which then has nothing to report any more. Episode ``p`` is of the task
    ``ids[p mod n]``; ``columns`` are the ``COLUMNS`` of the evaluation's pool.
    """
    is_mark = columns["task_id"] > ids.max()
    episodes, owners = layout.MAX_TASK_ID - columns["task_id"][is_mark], columns["success_threshold"][is_mark]
    of_dead = np.isin(owners, [owner for owner in np.unique(owners) if not _is_alive(owner)])
    missing = np.bincount((episodes[of_dead] if certainly else episodes) % ids.size, minlength=ids.size)
    tasks, counts = columns["task_id"][~is_mark], columns["completion_count"][~is_mark]
    missing[np.argsort(ids)] -= counts[np.argsort(tasks)]
    lost = []
    for episode in episodes[of_dead].tolist():
        if missing[episode % ids.size] > 0:
            missing[episode % ids.size] -= 1
            lost.append(episode)
    return lost


def _is_alive(owner: float) -> bool:
    number = int(owner)
    start_time = process_start_time(number & (1 << _PID_BITS) - 1)
    return start_time is not None and start_time & _TICKS == number >> _PID_BITS
