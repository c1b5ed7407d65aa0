"""Which tasks may be evicted, by their exact scores: what the episode path decides in O(1), spelled out in O(n)."""

from __future__ import annotations

import math

import numpy as np

from lpcurr.pool.distribution import Distribution, Int64s


def rank_for_eviction(
    tasks: Distribution, queried: Int64s, enough: int, explored_from: int | None, percentile: float
) -> tuple[list[int], int | None]:
    """Find the evictable tasks among the queried ones.

    Args:
        tasks: all active tasks.
        queried: the ids that are asked for; those that are not in the pool are not evictable.
        enough: completions from which a task may go.
        explored_from: completions from which a task is explored, where only explored tasks count; None: all count.
        percentile: a score may be at most that at index min(m − 1, floor(m · percentile)) of the m that count.

    Returns:
        The evictable ids in the order of ``queried``, and the one with the least score (of equals the first), or None.
    """
    counted = tasks.scores if explored_from is None else tasks.scores[tasks.completions >= explored_from]
    if counted.size == 0 or tasks.ids.size == 1:  # a pool of one task evicts nothing
        return [], None
    threshold = np.sort(counted)[min(counted.size - 1, math.floor(counted.size * percentile))]
    least = max(enough, explored_from or 0)
    may_go = (tasks.completions >= least) & (tasks.scores <= threshold)
    scores = dict(zip(tasks.ids[may_go].tolist(), tasks.scores[may_go].tolist(), strict=True))
    evictable = [task_id for task_id in queried.tolist() if task_id in scores]
    return evictable, min(evictable, key=scores.__getitem__, default=None)
