"""The tasks in the order of their priority, highest first, of equals the oldest first: kept where draws go by rank.

A treap over the slots (Seidel and Aragon 1996) in which each node knows how many of its own subtree stand before it:
the task of a rank, and how many tasks have more than a value, each in O(log n). A node's place in the heap is a hash of
its slot, so the shape follows from the truth columns alone, whatever came and went before, and a rebuild comes to the
same bits.
"""

from __future__ import annotations

import numpy as np

from lpcurr.kernels.machine.compiling import by_name, helper
from lpcurr.kernels.machine.views import column, header_record
from lpcurr.kernels.safety import faults

_U27, _U30, _U31 = np.uint64(27), np.uint64(30), np.uint64(31)
_FIRST_FACTOR, _SECOND_FACTOR = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@helper
def _height(slot):
    """The place in the heap: the finalizer of SplitMix64 (Steele and others 2014), which no two slots share."""
    z = np.uint64(slot + 1)
    z = (z ^ (z >> _U30)) * _FIRST_FACTOR
    z = (z ^ (z >> _U27)) * _SECOND_FACTOR
    return z ^ (z >> _U31)


@helper
def _before(segment, slot, other):
    view = column(segment)
    own, its = view.priority[slot], view.priority[other]
    return own > its or (own == its and view.entry[slot] < view.entry[other])


@helper
def _hang(segment, parent, right, child):
    """Put a subtree (-1: none) to a side of a parent (-1: the root)."""
    if parent < 0:
        header_record(segment, 0).rank_root = child
    elif right:
        column(segment).rank_right[parent] = child
    else:
        column(segment).rank_left[parent] = child
    faults.may_die_here(segment)


@helper
def _child(segment, node, right):
    view = column(segment)
    return np.int64(view.rank_right[node]) if right else np.int64(view.rank_left[node])


@helper
def _count_before(segment, node, slot):
    """How many in a subtree stand before a slot."""
    count = 0
    while node >= 0:
        right = _before(segment, node, slot)
        if right:
            count += column(segment).rank_before[node] + 1
        node = _child(segment, node, right)
    return count


@helper
def _enter(segment, slot):
    view = column(segment)
    own = _height(slot)
    parent, right, node = np.int64(-1), False, np.int64(header_record(segment, 0).rank_root)
    while node >= 0 and _height(node) > own:
        parent, right = node, _before(segment, node, slot)
        if not right:
            view.rank_before[node] += 1
            faults.may_die_here(segment)
        node = _child(segment, node, right)
    # What hangs here is split into what stands before the slot, whose number is known beforehand, and what behind it.
    before = _count_before(segment, node, slot)
    _hang(segment, parent, right, slot)
    view.rank_before[slot] = before
    before_parent, before_right, behind_parent, behind_right = slot, False, slot, True
    while node >= 0:
        is_before = _before(segment, node, slot)
        following = _child(segment, node, is_before)
        if is_before:
            _hang(segment, before_parent, before_right, node)
            before_parent, before_right = node, True
            before -= view.rank_before[node] + 1
        else:
            _hang(segment, behind_parent, behind_right, node)
            behind_parent, behind_right = node, False
            view.rank_before[node] -= before
        node = following
    _hang(segment, before_parent, before_right, -1)
    _hang(segment, behind_parent, behind_right, -1)


@helper
def _leave(segment, slot):
    view = column(segment)
    parent, right, node = np.int64(-1), False, np.int64(header_record(segment, 0).rank_root)
    while node != slot:
        parent, right = node, _before(segment, node, slot)
        if not right:
            view.rank_before[node] -= 1
            faults.may_die_here(segment)
        node = _child(segment, node, right)
    count = np.int64(view.rank_before[slot])
    before, behind = _child(segment, slot, False), _child(segment, slot, True)
    while before >= 0 and behind >= 0:
        if _height(before) > _height(behind):
            count -= view.rank_before[before] + 1
            _hang(segment, parent, right, before)
            parent, right = before, True
            before = _child(segment, before, True)
        else:
            view.rank_before[behind] += count
            _hang(segment, parent, right, behind)
            parent, right = behind, False
            behind = _child(segment, behind, False)
    _hang(segment, parent, right, before if before >= 0 else behind)


@by_name("int64(segment, int64, int64)")
def _change_order(segment, slot, enters):
    if enters:
        _enter(segment, slot)
    else:
        _leave(segment, slot)
    return np.int64(0)


@helper
def enter(segment, slot):
    """Put a task where its priority belongs."""
    _change_order(segment, slot, 1)


@helper
def leave(segment, slot):
    """Take a task out, whose priority is still the one under which it entered."""
    _change_order(segment, slot, 0)


@helper
def slot_at(segment, rank):
    """The slot of the task at a rank, 0 … n − 1."""
    view = column(segment)
    node = np.int64(header_record(segment, 0).rank_root)
    while True:
        before = np.int64(view.rank_before[node])
        if rank == before:
            return node
        right = rank > before
        if right:
            rank -= before + 1
        node = _child(segment, node, right)


@helper
def _count_above(segment, value, or_equal):
    """How many tasks have a priority above a value, or equal to it where that counts."""
    view = column(segment)
    count, node = 0, np.int64(header_record(segment, 0).rank_root)
    while node >= 0:
        right = view.priority[node] > value or (or_equal and view.priority[node] == value)
        if right:
            count += view.rank_before[node] + 1
        node = _child(segment, node, right)
    return count


@helper
def bounds(segment, slot):
    """The ranks that the tasks of a slot's priority have: first, and the one behind the last."""
    value = column(segment).priority[slot]
    return _count_above(segment, value, False), _count_above(segment, value, True)


@helper
def is_alone(segment, slot, rank, count):
    """Return whether no task beside a rank, 0 … count − 1, has the priority of the slot that is there."""
    priority = column(segment).priority
    value = priority[slot]
    return (rank == 0 or priority[slot_at(segment, rank - 1)] != value) and (
        rank == count - 1 or priority[slot_at(segment, rank + 1)] != value
    )
