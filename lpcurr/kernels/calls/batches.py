"""Batches of distinct tasks, each next one by the distribution among those not yet in the batch; and of one label's.

That is successive sampling, without replacement by weight, and it is exact either way:

* draws are made as ever, and one that is in the batch already is made again. Which task comes next does not depend on
  how often that was necessary, so one may stop at any number of tries;
* when the tries run out, one look at all tasks gives each a key −log(u) / p: the tasks with the least keys, in their
  order, are distributed as successive draws (Efraimidis and Spirakis 2006, "Weighted random sampling with a
  reservoir"). A task that is never drawn, p = 0, comes behind all others, in random order.

A try takes some eight times as long as a task of that look, from which the number of tries follows: neither way costs
much more than the better one.

A batch of one label's tasks is drawn likewise, as if all others were in it already, and brings no new task in. Where
its tasks may come twice, the look at all tasks goes through the cumulated probabilities instead.
"""

import math

import numpy as np

from lpcurr.kernels.calls import tasks
from lpcurr.kernels.calls.episode import DRAW, pack, room_for_new_task
from lpcurr.kernels.calls.repair import lock
from lpcurr.kernels.choosing import draw as drawing
from lpcurr.kernels.choosing import law
from lpcurr.kernels.indices import labels, slots
from lpcurr.kernels.machine import random
from lpcurr.kernels.machine.compiling import helper, kernel
from lpcurr.kernels.machine.views import column, header_record, label_record, process_record
from lpcurr.kernels.safety import journal, mutex
from lpcurr.memory import layout

_ACCEPTED = layout.Status.ACCEPTED
_LOCK_LOST = layout.Status.LOCK_LOST
_NOT_ENOUGH_TASKS = layout.Status.NOT_ENOUGH_TASKS
_POOL_EMPTY = layout.Status.POOL_EMPTY
_NOT_CHOSEN, _DONE = -1, -2
_ANY_LABEL = -2
_LAST_KEY = 1e299  # of a task that can be drawn; behind it come those that cannot


@helper
def _hand_out(segment, process, slot):
    tasks.count_draw(segment, process, slot)
    journal.commit(segment)
    return column(segment).task_id[slot], pack(segment, process, slot)


@helper
def _mark(segment, ids, marks, distinct):
    """Mark the slots of the tasks that are in the batch already: (how many, how many cells are to be filled)."""
    kept, wanted = 0, 0
    for i in range(ids.size):
        if ids[i] < 0:
            wanted += 1
        else:
            slot = slots.find_slot(segment, ids[i])
            if slot >= 0:
                marks[slot] = distinct
                kept += distinct
    return kept, wanted


@helper
def _is_out(segment, slot, marks, row):
    """Whether a task is not to be drawn: it is in the batch, or has another label."""
    return marks[slot] != 0 or (row != _ANY_LABEL and labels.row_of(column(segment).label[slot]) != row)


@helper
def _fill_with_new(segment, process, ids, packed, chosen, marks, row):
    """Make the batch's new tasks, as so many draws would, but evict none that is in it; how many cells are left."""
    left = 0
    for i in range(ids.size):
        chosen[i] = _DONE
        if ids[i] >= 0:
            continue
        leaving = room_for_new_task(segment, process) if row == _ANY_LABEL else DRAW
        if leaving == DRAW or (leaving >= 0 and marks[leaving]):
            chosen[i] = _NOT_CHOSEN
            left += 1
            continue
        if leaving >= 0:
            tasks.remove_task(segment, process, leaving, 0)
        slot = tasks.create_random_task(segment, process)
        marks[slot] = 1
        ids[i], packed[i] = _hand_out(segment, process, slot)
    return left


@helper
def _choose_by_tries(segment, process, chosen, marks, row, left, distinct):
    """Choose slots for as many cells as the tries suffice for; how many are left."""
    tries = 2 * left + (header_record(segment, 0).active_count >> 3)
    for i in range(chosen.size):
        if chosen[i] != _NOT_CHOSEN:
            continue
        slot = drawing.draw_slot(segment, process)
        while _is_out(segment, slot, marks, row):
            if tries == 0:
                return left
            tries -= 1
            slot = drawing.draw_slot(segment, process)
        marks[slot] = distinct
        chosen[i] = slot
        left -= 1
    return left


@helper
def _sift(keys, heap, node, size):
    """Put the element at ``node`` of a heap, whose root has the greatest key, where it belongs below."""
    key, slot = keys[node], heap[node]
    while 2 * node + 1 < size:
        child = 2 * node + 1
        if child + 1 < size and keys[child + 1] > keys[child]:
            child += 1
        if keys[child] <= key:
            break
        keys[node], heap[node] = keys[child], heap[child]
        node = child
    keys[node], heap[node] = key, slot


@helper
def _heapify(keys, heap, size):
    for node in range(size // 2 - 1, -1, -1):
        _sift(keys, heap, node, size)


@helper
def _sort(keys, heap, size):
    """Put a heap into the order of its keys."""
    for last in range(size - 1, 0, -1):
        keys[0], keys[last] = keys[last], keys[0]
        heap[0], heap[last] = heap[last], heap[0]
        _sift(keys, heap, 0, last)


@helper
def _choose_by_keys(segment, process, chosen, marks, row, keys, heap, left):
    """Choose slots for the cells that are left, by one look at all tasks."""
    process_record(segment, process).scans += 1
    sums = law.totals(segment)
    size = 0
    for position in range(header_record(segment, 0).active_count):
        slot = drawing.active_slot(segment, position)
        if _is_out(segment, slot, marks, row):
            continue
        p = law.probability(segment, position, sums)
        u = random.uniform(segment, process)
        key = min(-math.log(1.0 - u) / p, _LAST_KEY) if p > 0.0 else _LAST_KEY * (2.0 + u)
        if size < left:
            keys[size], heap[size] = key, slot
            size += 1
            if size == left:
                _heapify(keys, heap, left)
        elif key < keys[0]:
            keys[0], heap[0] = key, slot
            _sift(keys, heap, 0, left)
    _sort(keys, heap, left)
    following = 0
    for i in range(chosen.size):
        if chosen[i] == _NOT_CHOSEN:
            chosen[i] = heap[following]
            following += 1


@helper
def _choose_repeatedly(segment, process, chosen, marks, row, targets, cells, left):
    """Choose slots for the cells that are left, perhaps the same ones, by one look at all tasks."""
    process_record(segment, process).scans += 1
    sums = law.totals(segment)
    count, total, tasks_of_label = header_record(segment, 0).active_count, 0.0, 0
    for position in range(count):
        if not _is_out(segment, drawing.active_slot(segment, position), marks, row):
            total += law.probability(segment, position, sums)
            tasks_of_label += 1
    never_drawn = total == 0.0  # then one is as good as another
    if never_drawn:
        total = float(tasks_of_label)
    following = 0
    for i in range(chosen.size):
        if chosen[i] == _NOT_CHOSEN:
            targets[following], cells[following] = random.uniform(segment, process) * total, i
            following += 1
    _heapify(targets, cells, left)
    _sort(targets, cells, left)
    following, reached, last = 0, 0.0, np.int64(-1)
    for position in range(count):
        slot = drawing.active_slot(segment, position)
        if _is_out(segment, slot, marks, row):
            continue
        weight = 1.0 if never_drawn else law.probability(segment, position, sums)
        reached += weight
        while following < left and targets[following] < reached:
            chosen[cells[following]] = slot
            following += 1
        if weight > 0.0:
            last = slot
    while following < left:  # a target that was rounded up to the total
        chosen[cells[following]] = last
        following += 1


@kernel(
    "UniTuple(int64, 2)(segment, int64, int64[::1], int64[::1], int64[::1], int64[::1], float64[::1], uint8[::1], "
    "uint8[::1], int64, int64, uint8)"
)
def draw_batch(segment, process, ids, packed, chosen, heap, keys, marks, name, size, name_hash, distinct):
    """Put tasks into the cells of ``ids`` (int64[k]) that are negative; none is there twice, where ``distinct`` is 1.

    The distribution is that of the beginning, once the batch's new tasks are made: that these were handed out is
    counted when all are chosen.

    ``packed`` (int64[k]) is what a draw answers beside the id; ``chosen``, ``heap`` (int64[k]) and ``keys``
    (float64[k]) are scratch; ``marks`` (uint8[capacity]) must be zero. ``size`` is that of the name of the label whose
    tasks these are to be, negative for any: then ``distinct`` must be 1.

    (``ACCEPTED``, k), or with nothing handed out (``POOL_EMPTY``, 0) or (``NOT_ENOUGH_TASKS``, for how many cells there
    are tasks).
    """
    if not lock(segment, process):
        return _LOCK_LOST, 0
    header = header_record(segment, 0)
    kept, wanted = _mark(segment, ids, marks, distinct)
    row = _ANY_LABEL if size < 0 else labels.find_row(segment, name, size, name_hash)
    available = (header.active_count if header.fixed_set else header.capacity) - kept
    if row != _ANY_LABEL:
        available = label_record(segment, row).active - kept if row >= 0 else 0
    if wanted > 0 and header.fixed_set and header.active_count == 0:
        mutex.unlock(segment)
        return _POOL_EMPTY, 0
    if wanted > available and (distinct or available == 0):
        mutex.unlock(segment)
        return _NOT_ENOUGH_TASKS, available
    left = _fill_with_new(segment, process, ids, packed, chosen, marks, row)
    left = _choose_by_tries(segment, process, chosen, marks, row, left, distinct)
    if left > 0 and distinct:
        _choose_by_keys(segment, process, chosen, marks, row, keys, heap, left)
    elif left > 0:
        _choose_repeatedly(segment, process, chosen, marks, row, keys, heap, left)
    for i in range(ids.size):
        if chosen[i] >= 0:
            ids[i], packed[i] = _hand_out(segment, process, chosen[i])
    mutex.unlock(segment)
    return _ACCEPTED, ids.size
