"""Two trees over the slots, sixteen children to a node: a tournament for eviction and a sum for drawing.

Sixteen children are two cache lines, and a million slots five levels. A tournament update nearly always stops at the
first level, because a change to a slot that is not its node's winner, and does not become it, concerns nobody above.
The sum tree adds up a node's children anew at each update, so rounding cannot accumulate.
"""

import numpy as np

from lpcurr.kernels.indices.levels import FANOUT, SHIFT, descend, level_count, level_place, node_count, root
from lpcurr.kernels.machine.compiling import helper
from lpcurr.kernels.machine.views import column, header_record
from lpcurr.kernels.safety import faults
from lpcurr.schedulers.common import Way

_RANK = int(Way.RANK)


@helper
def _least_leaf(segment, node):
    """The slot below a node of the first level that is to be evicted first: least key, then least entry."""
    view = column(segment)
    first = node << SHIFT
    last = min(first + FANOUT, view.evict_key.size)
    best = first
    for slot in range(first + 1, last):
        if view.evict_key[slot] < view.evict_key[best] or (
            view.evict_key[slot] == view.evict_key[best] and view.entry[slot] < view.entry[best]
        ):
            best = slot
    return best


@helper
def _least_node(segment, start, count, node):
    """The same among nodes: the children of ``node``, whose level has ``count`` nodes stored from ``start``."""
    view = column(segment)
    first = start + (node << SHIFT)
    last = min(first + FANOUT, start + count)
    best = first
    for child in range(first + 1, last):
        if view.least_key[child] < view.least_key[best] or (
            view.least_key[child] == view.least_key[best] and view.least_entry[child] < view.least_entry[best]
        ):
            best = child
    return best


@helper
def set_evict_key(segment, slot, key):
    """Change a slot's key in the tournament (infinity: may not be evicted).

    The slot's ``entry`` must be that under which its present key was set.
    """
    view = column(segment)
    old_key, old_entry = view.evict_key[slot], view.entry[slot]
    view.evict_key[slot] = key
    faults.may_die_here(segment)
    new_key, new_entry = key, old_entry
    start, count, child, leaf_level = 0, view.evict_key.size, slot, True
    while True:
        # `child` of the level below has changed from (old_key, old_entry) to (new_key, new_entry).
        node = child >> SHIFT
        cell = node if leaf_level else start + count + node
        node_key, node_entry = view.least_key[cell], view.least_entry[cell]
        if node_key == old_key and node_entry == old_entry:
            if new_key > old_key or (new_key == old_key and new_entry > old_entry):
                if leaf_level:
                    best = _least_leaf(segment, node)
                    new_key, new_entry = view.evict_key[best], view.entry[best]
                else:
                    best = _least_node(segment, start, count, node)
                    new_key, new_entry = view.least_key[best], view.least_entry[best]
        elif not (new_key < node_key or (new_key == node_key and new_entry < node_entry)):
            return
        if new_key == node_key and new_entry == node_entry:
            return
        view.least_key[cell], view.least_entry[cell] = new_key, new_entry
        faults.may_die_here(segment)
        old_key, old_entry = node_key, node_entry
        start = 0 if leaf_level else start + count
        count = node_count(count)
        child, leaf_level = node, False
        if count == 1:
            return


@helper
def least_slot(segment):
    """The slot with the least key, of several the one that entered the pool first; -1 where every key is infinite."""
    view = column(segment)
    slots = view.evict_key.size
    if view.least_key[root(slots)] == np.inf:
        return -1
    node = 0  # the winner's, on the level above
    for level in range(level_count(slots) - 2, -1, -1):
        start, count = level_place(slots, level)
        node = _least_node(segment, start, count, node) - start
    return _least_leaf(segment, node)


@helper
def set_weight(segment, slot, weight):
    """Change a slot's weight in the sum tree."""
    view = column(segment)
    if view.weight[slot] == weight:
        return
    view.weight[slot] = weight
    faults.may_die_here(segment)
    _sum_leaves(segment, slot >> SHIFT)
    start, count, node = 0, node_count(view.weight.size), slot >> SHIFT
    while count > 1:
        node >>= SHIFT
        _sum_nodes(segment, start, count, node)
        start += count
        count = node_count(count)


@helper
def _sum(values, first, last):
    """Add up values[first] … values[last - 1] in four chains: one would wait sixteen times for an addition."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    i = first
    while i + 4 <= last:
        a += values[i]
        b += values[i + 1]
        c += values[i + 2]
        d += values[i + 3]
        i += 4
    while i < last:
        a += values[i]
        i += 1
    return (a + b) + (c + d)


@helper
def _sum_leaves(segment, node):
    view = column(segment)
    first = node << SHIFT
    if header_record(segment, 0).draws_by == _RANK:  # the cells have the tree by priority
        view.weight_sum[node] = 0.0
        return
    view.weight_sum[node] = _sum(view.weight, first, min(first + FANOUT, view.weight.size))
    faults.may_die_here(segment)


@helper
def _sum_nodes(segment, start, count, node):
    view = column(segment)
    first = start + (node << SHIFT)
    view.weight_sum[start + count + node] = _sum(view.weight_sum, first, min(first + FANOUT, start + count))
    faults.may_die_here(segment)


@helper
def total_weight(segment):
    """The sum of all weights."""
    view = column(segment)
    return view.weight_sum[root(view.weight.size)]


@helper
def slot_at_weight(segment, target):
    """The slot in whose stretch of the cumulated weights ``target`` lies, 0 <= target < total weight."""
    view = column(segment)
    slots, node = view.weight.size, 0
    for level in range(level_count(slots) - 2, -1, -1):
        start, count = level_place(slots, level)
        first = start + (node << SHIFT)
        cell, target = descend(view.weight_sum, first, min(first + FANOUT, start + count), target)
        node = cell - start
    first = node << SHIFT
    return descend(view.weight, first, min(first + FANOUT, slots), target)[0]


@helper
def rebuild_trees(segment):
    """Make every inner node of both trees from the leaves, O(n)."""
    view = column(segment)
    count = node_count(view.evict_key.size)
    for node in range(count):
        best = _least_leaf(segment, node)
        view.least_key[node], view.least_entry[node] = view.evict_key[best], view.entry[best]
        faults.may_die_here(segment)
        _sum_leaves(segment, node)
    start = 0
    while count > 1:
        above = node_count(count)
        for node in range(above):
            best = _least_node(segment, start, count, node)
            cell = start + count + node
            view.least_key[cell], view.least_entry[cell] = view.least_key[best], view.least_entry[best]
            _sum_nodes(segment, start, count, node)
        start += count
        count = above
