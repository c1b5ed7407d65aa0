"""Which tasks may be evicted, by their exact scores: what the episode path decides in O(1), spelled out in O(n)."""

from __future__ import annotations

import math

import numpy as np

from lpcurr.pool.moment import Float64s, Int64s, Moment


def rank_for_eviction(
    moment: Moment, retention: Float64s, queried: Int64s, enough: int, explored_from: int | None, percentile: float
) -> tuple[list[int], int | None]:
    """Find the evictable tasks among the queried ones.

    Args:
        moment: the pool.
        retention: what the eviction goes by, of its active tasks in entry order.
        queried: the ids that are asked for; those that are not in the pool are not evictable.
        enough: completions from which a task may go.
        explored_from: completions from which a task is explored, where only explored tasks count; None: all count.
        percentile: it may be at most that at index min(m − 1, floor(m · percentile)) of the m that count.

    Returns:
        The evictable ids in the order of ``queried``, and the one with the least key (of equals the first), or None.
    """
    ids, completions = moment.columns["task_id"], moment.columns["completion_count"]
    counted = retention if explored_from is None else retention[completions >= explored_from]
    if counted.size == 0 or ids.size == 1:  # a pool of one task evicts nothing
        return [], None
    threshold = np.sort(counted)[min(counted.size - 1, math.floor(counted.size * percentile))]
    may_go = (completions >= max(enough, explored_from or 0)) & (retention <= threshold)
    key_of = dict(zip(ids[may_go].tolist(), retention[may_go].tolist(), strict=True))
    evictable = [task_id for task_id in queried.tolist() if task_id in key_of]
    return evictable, min(evictable, key=key_of.__getitem__, default=None)
