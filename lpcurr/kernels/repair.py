"""Rebuilding derived state from the slots, and taking the lock in a way that repairs what a dead worker left."""

from __future__ import annotations

import numpy as np
from numba import carray, types

from lpcurr import layout
from lpcurr.kernels import eviction, journal, labels, moments, mutex, slots, trees
from lpcurr.kernels._compile import JIT, helper, kernel
from lpcurr.kernels.learning_progress import compute_progress
from lpcurr.kernels.views import address, column, header_record, index_table, process_record

_SEGMENT_SIZE_WORD = layout.header_word("segment_size")
_HEADER_WORDS = layout.HEADER.itemsize // 8


@helper
def rebuild(segment):
    """Make everything derived from the truth columns, O(capacity)."""
    header = header_record(segment, 0)
    view = column(segment)
    table = index_table(segment)
    for cell in range(table.size):
        table[cell] = 0
    header.active_count = 0
    header.explored_count = 0
    header.immature_count = 0
    header.free_count = 0
    header.high_water = 0
    for slot in range(header.capacity):
        view.evict_key[slot] = np.inf
        view.weight[slot] = 0.0
        if view.task_id[slot] != layout.FREE:
            header.high_water = slot + 1
            _rebuild_slot(segment, slot)
    for slot in range(header.high_water):  # ascending, which is a heap
        if view.task_id[slot] == layout.FREE:
            view.free[header.free_count] = slot
            header.free_count += 1
    moments.rebuild_sums(segment)
    trees.rebuild_trees(segment)
    labels.rebuild_labels(segment)


@helper
def _rebuild_slot(segment, slot):
    header = header_record(segment, 0)
    view = column(segment)
    slots.index_insert(segment, slot)
    slots.enter_active(segment, slot)
    explored = view.completion_count[slot] >= eviction.exploration_threshold(segment)
    if explored:
        slots.promote(segment, slot)
    header.immature_count += eviction.is_immature(segment, view.completion_count[slot])
    view.progress[slot] = compute_progress(segment, slot)
    view.evict_key[slot] = eviction.eviction_key(segment, slot)
    if header.algorithm == layout.BASIC:
        view.weight[slot] = view.progress[slot] if explored else header.exploration_bonus


@kernel("int64(voidptr)", symbol="lpcurr_repair")
def repair_segment(pointer):
    """Undo what a dead owner left unfinished and rebuild the rest; the caller holds the lock."""
    words = carray(pointer, _HEADER_WORDS, np.int64)
    segment = carray(pointer, words[_SEGMENT_SIZE_WORD], np.uint8)
    journal.roll_back(segment)
    rebuild(segment)
    header = header_record(segment, 0)
    header.repairs += 1
    header.label_stamp += 1  # every process looks up: labels may have changed, and it can log the repair
    mutex.mark_consistent(segment)
    return header.repairs


# Called by name: compiled into each kernel, the rebuild would be a third of all compilation.
_repair = types.ExternalFunction("lpcurr_repair", types.int64(types.voidptr)) if JIT else repair_segment.function


@helper
def lock(segment, process):
    """Take the pool's lock; where its owner has died, roll back what that left unfinished and rebuild the rest."""
    answer = mutex.try_lock(segment)
    if answer == mutex.BUSY:
        process_record(segment, process).lock_waits += 1
        answer = mutex.wait_lock(segment)
    if answer == mutex.OWNER_DEAD:
        _repair(address(segment, 0))
