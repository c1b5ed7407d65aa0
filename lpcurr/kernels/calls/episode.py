"""The kernels of the episode path: one call and one lock turn for a draw, an update, or a batch of either.

A draw answers with two int64: the task id, and the slot, label row and entry packed as ``layout`` says. A negative
second number asks for attention: the task's configuration has never been built, labels were renamed, or (with a
negative first number, a ``layout.Status``) there is no task.
"""

import math

from lpcurr.kernels.calls import log, tasks
from lpcurr.kernels.calls.repair import lock
from lpcurr.kernels.choosing import draw as drawing
from lpcurr.kernels.choosing import eviction
from lpcurr.kernels.indices import labels, slots
from lpcurr.kernels.machine import random
from lpcurr.kernels.machine.compiling import helper, inlined, kernel
from lpcurr.kernels.machine.views import column, header_record, process_record
from lpcurr.kernels.safety import faults, journal, mutex
from lpcurr.memory import layout

_REFUSED = layout.Status.REFUSED
_ACCEPTED = layout.Status.ACCEPTED
_TURN = 0xFFFF  # a batch gives the lock away after each 65,536 items: they take some 10 ms
_INVALID_SCORE = layout.Status.INVALID_SCORE
_INVALID_SIGNAL = layout.Status.INVALID_SIGNAL
_INVALID_COST = layout.Status.INVALID_COST
_INVALID_TASK_ID = layout.Status.INVALID_TASK_ID
_POOL_EMPTY = layout.Status.POOL_EMPTY
_LOCK_LOST = layout.Status.LOCK_LOST
_REFUSED_WORD = layout.header_word("refused")
_PROCESS_REFUSED = layout.process_word("refused")

DRAW, FREE_SLOT = -1, -2


@inlined
def room_for_new_task(segment, process):
    """Settle whether the next task is a new one.

    ``DRAW`` where it is not; ``FREE_SLOT`` where there is room for it; else the slot of the task that it replaces.
    """
    header = header_record(segment, 0)
    if header.fixed_set:
        return DRAW
    if header.active_count < header.fill_limit:
        return FREE_SLOT
    if header.active_count < header.capacity:  # what is free yet is for other nodes to fill
        return DRAW
    if header.may_evict and (header.new_task_rate >= 1.0 or random.uniform(segment, process) < header.new_task_rate):
        slot = eviction.eviction_candidate(segment)
        if slot >= 0:
            return slot
    return DRAW


@helper
def _give_way(segment, process):
    """Let others into the pool in the middle of a batch; whether the lock was taken again."""
    mutex.unlock(segment)
    mutex.yield_processor()
    return lock(segment, process)


@inlined
def _next_slot(segment, process):
    """The slot of the next task to play: a new one, a new one in place of an evicted one, or a draw."""
    leaving = room_for_new_task(segment, process)
    if leaving == DRAW:
        if header_record(segment, 0).active_count == 0:
            return _POOL_EMPTY
        return drawing.draw_slot(segment, process)
    if leaving >= 0:
        tasks.remove_task(segment, process, leaving, 0)
    return tasks.create_random_task(segment, process)


@inlined
def pack(segment, process, slot):
    """Slot, label row and entry as one int64."""
    view = column(segment)
    cell = view.label[slot]
    packed = slot | (labels.row_of(cell) << layout.LABEL_SHIFT)
    packed |= (view.entry[slot] & layout.ENTRY_MASK) << layout.ENTRY_SHIFT
    header = header_record(segment, 0)
    renamed = process_record(segment, process).label_stamp != header.label_stamp
    if cell & layout.PENDING:
        packed |= layout.WAITS | layout.ATTENTION
    if renamed or header.appending:
        packed |= layout.ATTENTION
    return packed


@inlined
def _draw_one(segment, process):
    slot = _next_slot(segment, process)
    if slot < 0:
        return slot, layout.ATTENTION
    tasks.count_draw(segment, process, slot)
    journal.commit(segment)
    return column(segment).task_id[slot], pack(segment, process, slot)


@kernel("UniTuple(int64, 2)(segment, int64)")
def draw(segment, process):
    """Hand out one task: (task id, packed)."""
    if not lock(segment, process):
        return _LOCK_LOST, layout.ATTENTION
    answer = _draw_one(segment, process)
    mutex.unlock(segment)
    return answer


@kernel("int64(segment, int64, int64[::1], int64[::1])")
def draw_many(segment, process, ids, packed):
    """Hand out ``ids.size`` tasks into ``ids`` and ``packed``; ``ACCEPTED`` or ``POOL_EMPTY``."""
    if not lock(segment, process):
        return _LOCK_LOST
    status = _ACCEPTED
    for i in range(ids.size):
        if i & _TURN == _TURN and not _give_way(segment, process):
            return _LOCK_LOST
        ids[i], packed[i] = _draw_one(segment, process)
        if ids[i] < 0:
            status = ids[i]
            break
    mutex.unlock(segment)
    return status


@inlined
def _check(task_id, score, signal, cost):
    if not math.isfinite(score):
        return _INVALID_SCORE
    if not math.isfinite(signal):
        return _INVALID_SIGNAL
    if not (cost > 0.0 and math.isfinite(cost)):
        return _INVALID_COST
    if task_id < 0 or task_id > layout.MAX_TASK_ID:
        return _INVALID_TASK_ID
    return _ACCEPTED


@inlined
def _update_one(segment, process, task_id, score, signal, cost):
    slot = slots.find_slot(segment, task_id)
    if slot < 0:
        journal.remember_word(segment, _REFUSED_WORD)
        journal.remember_process_word(segment, process, _PROCESS_REFUSED)
        header_record(segment, 0).refused += 1
        faults.may_die_here(segment)
        process_record(segment, process).refused += 1
        log.append(segment, log.REFUSED, task_id, score, signal, cost)
        journal.commit(segment)
        return _REFUSED
    tasks.complete_task(segment, process, slot, score, signal, cost)
    journal.commit(segment)
    return _ACCEPTED


@kernel("int64(segment, int64, int64, float64, float64, float64)")
def update(segment, process, task_id, score, signal, cost):
    """Credit a score to a task: ``ACCEPTED``, ``REFUSED`` (not in the pool), or what is wrong with the arguments."""
    status = _check(task_id, score, signal, cost)
    if status == _ACCEPTED:
        if not lock(segment, process):
            return _LOCK_LOST
        status = _update_one(segment, process, task_id, score, signal, cost)
        mutex.unlock(segment)
    return status


@inlined
def _given(values, i, default):
    """Return what a batch says of its item i: nothing where it has no values."""
    return values[i] if values.size > 0 else default


@kernel("UniTuple(int64, 2)(segment, int64, int64[::1], float64[::1], float64[::1], float64[::1], uint8[::1])")
def update_many(segment, process, ids, scores, signals, costs, credited):
    """Credit ``scores[i]`` to ``ids[i]``, in order: (``ACCEPTED``, number accepted), or (what is wrong, where).

    ``signals`` and ``costs`` have as many cells, or none: then the signal is the score, and the cost 1.

    ``credited[i]`` is 1 where it was, 0 where the task is not in the pool.
    """
    for i in range(ids.size):
        signal, cost = _given(signals, i, scores[i]), _given(costs, i, 1.0)
        status = _check(ids[i], scores[i], signal, cost)
        if status != _ACCEPTED:
            return status, i
    accepted = 0
    if not lock(segment, process):
        return _LOCK_LOST, 0
    for i in range(ids.size):
        if i & _TURN == _TURN and not _give_way(segment, process):
            return _LOCK_LOST, accepted
        signal, cost = _given(signals, i, scores[i]), _given(costs, i, 1.0)
        status = _update_one(segment, process, ids[i], scores[i], signal, cost)
        credited[i] = status == _ACCEPTED
        accepted += credited[i]
    mutex.unlock(segment)
    return _ACCEPTED, accepted
