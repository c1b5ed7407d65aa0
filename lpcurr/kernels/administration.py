"""The kernels off the episode path: adding, naming and removing tasks, attaching processes, epochs, repair."""

from __future__ import annotations

import numpy as np

from lpcurr import layout
from lpcurr.kernels import journal, labels, mutex, repair, slots, tasks
from lpcurr.kernels._compile import kernel
from lpcurr.kernels.repair import lock
from lpcurr.kernels.views import column, header_record, label_record, process_record, words

_UNKNOWN_TASK = layout.Status.UNKNOWN_TASK
_DUPLICATE_TASK = layout.Status.DUPLICATE_TASK
_POOL_FULL = layout.Status.POOL_FULL
_NO_PROCESS_RECORD = layout.Status.NO_PROCESS_RECORD
_ACCEPTED = layout.Status.ACCEPTED
_SLOT_MASK = (1 << layout.SLOT_BITS) - 1
_TRUTH_COUNT = len(layout.TRUTH_COLUMNS)
_FIRST_COLUMN_WORD = layout.COLUMNS_OFFSET // 8
_LABEL_FIRST, _LABEL_LAST = layout.truth_range("label", "label")


@kernel("int64(uint8[::1], int64, int64, float64, int64, uint8[::1], int64, int64)")
def add_task(segment, process, task_id, success_threshold, pending, name, size, name_hash):
    """Put a given task into the pool; its slot, ``DUPLICATE_TASK`` or ``POOL_FULL``.

    ``pending`` 1: its configuration is yet to be built once. A negative ``size`` leaves the label unknown.
    """
    lock(segment, process)
    header = header_record(segment, 0)
    if slots.find_slot(segment, task_id) >= 0:
        answer = _DUPLICATE_TASK
    elif header.active_count >= header.capacity:
        answer = _POOL_FULL
    else:
        row = layout.UNKNOWN_LABEL if size < 0 else labels.intern(segment, name, size, name_hash)
        answer = tasks.create_task(segment, process, task_id, row + pending * layout.PENDING, success_threshold)
        journal.commit(segment)
    mutex.unlock(segment)
    return answer


@kernel("int64(uint8[::1], int64, int64, int64, uint8[::1], int64, int64)")
def label_task(segment, process, task_id, packed, name, size, name_hash):
    """The configuration of a task that a draw handed out has been built: name its label; the label's row.

    A negative ``size`` keeps the label that it has. ``UNKNOWN_TASK`` where the task was evicted meanwhile.
    """
    lock(segment, process)
    view = column(segment)
    slot = packed & _SLOT_MASK
    entry = (packed >> layout.ENTRY_SHIFT) & layout.ENTRY_MASK
    answer = _UNKNOWN_TASK
    if view.task_id[slot] == task_id and (view.entry[slot] & layout.ENTRY_MASK) == entry:
        journal.remember_columns(segment, _LABEL_FIRST, _LABEL_LAST, slot)
        answer = labels.row_of(view.label[slot]) if size < 0 else labels.intern(segment, name, size, name_hash)
        labels.relabel(segment, slot, answer)
        journal.commit(segment)
    mutex.unlock(segment)
    return answer


@kernel("int64(uint8[::1], int64, int64, int64)")
def remove_task(segment, process, task_id, dropped):
    """Take a task out of the pool (``dropped`` 1: because it cannot be built); ``ACCEPTED`` or ``UNKNOWN_TASK``."""
    lock(segment, process)
    slot = slots.find_slot(segment, task_id)
    answer = _UNKNOWN_TASK
    if slot >= 0:
        header_record(segment, 0).dropped += dropped
        tasks.remove_task(segment, process, slot)
        journal.commit(segment)
        answer = _ACCEPTED
    mutex.unlock(segment)
    return answer


@kernel("int64(uint8[::1], int64, int64, int64[::1])")
def read_task(segment, process, task_id, row):
    """Copy a task's truth columns, as raw words, into ``row``: int64[17]; ``ACCEPTED`` or ``UNKNOWN_TASK``."""
    lock(segment, process)
    slot = slots.find_slot(segment, task_id)
    answer = _UNKNOWN_TASK
    if slot >= 0:
        padded = (header_record(segment, 0).capacity + layout.CACHE_LINE - 1) & -layout.CACHE_LINE
        cells = words(segment)
        for number in range(_TRUTH_COUNT):
            row[number] = cells[_FIRST_COLUMN_WORD + padded * number + slot]
        answer = _ACCEPTED
    mutex.unlock(segment)
    return answer


@kernel("int64(uint8[::1], int64, int64, int64, uint8[::1])")
def read_label(segment, process, row, stamp, name):
    """Copy a label's name, UTF-8, into ``name``; its size, or -1 if labels were renamed since ``stamp``."""
    lock(segment, process)
    answer = -1
    record = label_record(segment, row)
    if header_record(segment, 0).label_stamp == stamp and record.used:
        stored = record.name
        answer = record.size
        for i in range(answer):
            name[i] = stored[i]
    mutex.unlock(segment)
    return answer


@kernel("int64(uint8[::1], int64, int64[::1], int64[::1])")
def epoch_evictions(segment, process, rows, counts):
    """Evictions of this epoch, where there are any: label rows and counts, each [LABEL_CAPACITY]; how many rows."""
    lock(segment, process)
    found = 0
    for row in range(header_record(segment, 0).label_count):
        evicted = label_record(segment, row).epoch_evicted
        if evicted > 0:
            rows[found] = row
            counts[found] = evicted
            found += 1
    mutex.unlock(segment)
    return found


@kernel("int64(uint8[::1], int64)")
def end_epoch(segment, process):
    """Begin a new epoch: what labels count per epoch starts again at zero; the number of epochs ended."""
    lock(segment, process)
    header = header_record(segment, 0)
    for row in range(header.label_count):
        record = label_record(segment, row)
        record.epoch_sampled = 0
        record.epoch_evicted = 0
    header.epoch_evictions = 0
    header.eviction_stamp += 1
    header.epoch += 1
    answer = header.epoch
    mutex.unlock(segment)
    return answer


@kernel("UniTuple(int64, 2)(uint8[::1], int64, int64)")
def attach_process(segment, pid, start_time):
    """Take a process record: (its number, the ordinal of its random stream), or (``NO_PROCESS_RECORD``, 0)."""
    lock(segment, 0)
    header = header_record(segment, 0)
    answer, ordinal = _NO_PROCESS_RECORD, 0
    for process in range(layout.PROCESS_CAPACITY):
        record = process_record(segment, process)
        if record.pid == 0:
            ordinal = header.next_stream
            header.next_stream = ordinal + 1
            record.start_time = start_time
            record.ordinal = ordinal
            record.label_stamp = header.label_stamp
            record.draws = 0
            record.tries = 0
            record.scans = 0
            record.lock_waits = 0
            record.created = 0
            record.evicted = 0
            record.accepted = 0
            record.refused = 0
            record.pid = pid
            answer = process
            break
    mutex.unlock(segment)
    return answer, ordinal


@kernel("int64(uint8[::1], int64, int64, int64)")
def detach_process(segment, process, pid, start_time):
    """Give a process record back, if it is still that process's; whether it was."""
    lock(segment, process)
    record = process_record(segment, process)
    answer = 0
    if record.pid == pid and record.start_time == start_time:
        record.pid = 0
        answer = 1
    mutex.unlock(segment)
    return answer


@kernel("int64(uint8[::1], int64, uint8[::1])")
def snapshot(segment, process, copy):
    """Copy the segment (without the configuration text behind it) at one moment between two calls."""
    lock(segment, process)
    source, target = words(segment), words(copy)
    for i in range(target.size):
        target[i] = source[i]
    mutex.unlock(segment)
    for i in range(layout.MUTEX_OFFSET // 8, (layout.MUTEX_OFFSET + layout.MUTEX_SIZE) // 8):
        target[i] = 0  # the copy was made while locked; a mutex of zeros is a free one
    return target.size


@kernel("int64(uint8[::1])")
def initialise(segment):
    """Make an empty pool of a segment whose header has its capacity and configuration; nobody else has seen it."""
    header = header_record(segment, 0)
    view = column(segment)
    for slot in range(header.capacity):
        view.task_id[slot] = layout.FREE
    header.label_count = labels.FIRST_FREE_ROW
    header.label_stamp = 1
    repair.rebuild(segment)
    return np.int64(0)


@kernel("int64(uint8[::1])")
def rebuild_copy(segment):
    """Make a snapshot's derived state anew; for comparing it with what the pool had maintained."""
    repair.rebuild(segment)
    return np.int64(0)


@kernel("int64(uint8[::1], int64, int64, uint8[::1], int64, int64)")
def preset_label(segment, process, row, name, size, name_hash):
    """Name one of the fixed label rows of a new pool."""
    lock(segment, process)
    labels.write_row(segment, row, name, size, name_hash)
    mutex.unlock(segment)
    return np.int64(0)
