"""A tree of when tasks were drawn last: draws in proportion to the draws since then, exact, O(log n).

A node holds how many active tasks lie below it and the sum of their ``last_drawn``, integers both. At ``now`` draws it
weighs count · now − sum, so time passes for all tasks at once without touching any. Kept only where a share of the
draws goes this way.
"""

import numpy as np

from lpcurr.kernels.indices.levels import FANOUT, SHIFT, level_count, level_place, node_count, root
from lpcurr.kernels.machine.compiling import helper
from lpcurr.kernels.machine.views import column, header_record
from lpcurr.kernels.safety import faults
from lpcurr.memory import layout


@helper
def change(segment, slot, count, last_drawn):
    """Add to the nodes above a slot: ``count`` tasks, and so much of ``last_drawn``."""
    view = column(segment)
    start, size, node = 0, node_count(view.task_id.size), slot >> SHIFT
    while True:
        view.drawn_count[start + node] += count
        view.drawn_sum[start + node] += last_drawn
        faults.may_die_here(segment)
        if size == 1:
            return
        start += size
        size = node_count(size)
        node >>= SHIFT


@helper
def clear(segment):
    """Empty the tree."""
    view = column(segment)
    for node in range(view.drawn_count.size):
        view.drawn_count[node] = 0
        view.drawn_sum[node] = 0


@helper
def total(segment):
    """Return the sum over all active tasks of the draws since each was drawn last."""
    view = column(segment)
    start = root(view.task_id.size)
    return view.drawn_count[start] * header_record(segment, 0).scheduled - view.drawn_sum[start]


@helper
def slot_at(segment, target):
    """Return the slot in whose stretch of the cumulated staleness ``target`` lies, 0 <= target < total."""
    view = column(segment)
    now = header_record(segment, 0).scheduled
    node = 0
    for level in range(level_count(view.task_id.size) - 2, -1, -1):
        start, size = level_place(view.task_id.size, level)
        first = start + (node << SHIFT)
        node = first
        for child in range(first, min(first + FANOUT, start + size)):
            node = child
            weight = view.drawn_count[child] * now - view.drawn_sum[child]
            if target < weight:
                break
            target -= weight
        node -= start
    first = node << SHIFT
    slot = first
    for leaf in range(first, min(first + FANOUT, view.task_id.size)):
        if view.task_id[leaf] != layout.FREE:
            slot = leaf
            weight = now - view.last_drawn[leaf]
            if target < weight:
                break
            target -= weight
    return np.int64(slot)
