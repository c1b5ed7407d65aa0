"""Taking the lock in a way that repairs what a dead worker left.

A repair may itself be killed at any moment and begins anew in the next process that takes the lock: undoing the same
words twice, rebuilding from the same slots twice and ending the same epoch twice change nothing, the journal is
forgotten only when all its words are restored, and the mutex is declared consistent only when all is done.
"""

import numpy as np

from lpcurr.kernels.indices import following
from lpcurr.kernels.machine import clock
from lpcurr.kernels.machine.compiling import by_name, helper
from lpcurr.kernels.machine.settings import ROBUST_MUTEX
from lpcurr.kernels.machine.views import column_stride, header_record, label_record, process_record
from lpcurr.kernels.safety import faults, journal, mutex, replacement, waiting
from lpcurr.memory import layout

_LOCK_LOST = layout.Status.LOCK_LOST


@helper
def finish_epoch(segment):
    """End the epoch whose end has been announced in ``epoch_ending``; all labels' counts do not fit the journal."""
    header = header_record(segment, 0)
    for row in range(header.label_count):
        record = label_record(segment, row)
        record.epoch_sampled = 0
        faults.may_die_here(segment)
        record.epoch_evicted = 0
    header.epoch_evictions = 0
    faults.may_die_here(segment)
    header.eviction_stamp += 1
    header.log_end = header.log_target
    header.epoch = header.epoch_ending
    faults.may_die_here(segment)
    journal.compiler_barrier()
    header.epoch_ending = 0
    faults.may_die_here(segment)


@by_name("int64(segment)")
def rebuild(segment):
    """Make everything derived from the truth columns."""
    following.rebuild(segment)
    return np.int64(0)


@helper
def _is_laid_out(segment):
    """Return whether the words that say where things lie, which never change, come to one layout."""
    header = header_record(segment, 0)
    if header.capacity < 1 or header.capacity > layout.MAX_CAPACITY:
        return False
    cells = 16
    while cells < 2 * header.capacity:
        cells *= 2
    config = layout.COLUMNS_OFFSET + column_stride(segment) * layout.INDEX_START + 4 * cells
    log = config + 2 * header.config_room
    return (
        header.index_mask == cells - 1
        and header.config_offset == config
        and header.log_offset == log
        and header.segment_size == log + 8 * layout.RECORD_WORDS * header.log_capacity
    )


@by_name("int64(segment)")
def repair(segment):
    """Undo what a dead owner left unfinished, end an epoch that it was ending, and rebuild the rest.

    Loading a checkpoint can be neither undone nor finished: a pool in the middle of it is emptied. One whose header
    is damaged is not touched: ``LOCK_LOST``.
    """
    header = header_record(segment, 0)
    if not _is_laid_out(segment):
        return np.int64(_LOCK_LOST)
    header.fill_limit = min(max(header.fill_limit, 0), header.capacity)
    header.repairs += 1
    faults.may_die_here(segment)
    journal.roll_back(segment)
    if header.epoch_ending > 0:
        finish_epoch(segment)
    replacement.abandon(segment)
    rebuild(segment)
    # Every process looks up: labels and evictions may have changed back, and it can log the repair.
    header.label_stamp += 1
    header.eviction_stamp += 1
    header.rules_stamp += 1
    faults.may_die_here(segment)
    return np.int64(0)


if ROBUST_MUTEX:

    @by_name("int64(segment, int64)")
    def _wait(segment, process):
        """Take a lock that someone holds; ``mutex.take_lock``'s answers, ``TIMED_OUT`` where the wait is given up."""
        record = process_record(segment, process)
        answer = mutex.spin_lock(segment, process)
        if answer == mutex.BUSY:
            began = clock.monotonic_ns(segment, process)
            answer = mutex.wait_lock(segment, process)
            waited = clock.monotonic_ns(segment, process) - began
            while answer == mutex.TIMED_OUT and not waiting.give_up(mutex.holder(segment), waited):
                answer = mutex.wait_lock(segment, process)
                waited = clock.monotonic_ns(segment, process) - began
            record.lock_wait_ns += max(waited, 0)
        record.lock_waits += 1
        return np.int64(answer)

else:
    _wait = mutex.take_lock  # never needed: whoever is here was let in by Python's lock


@helper
def lock(segment, process):
    """Take the pool's lock; where its owner has died, roll back what that left unfinished and rebuild the rest.

    Returns:
        Whether the lock was taken. It is not where someone gave it back unrepaired after its owner's death
        (``ENOTRECOVERABLE``), as here where the header is damaged, nor is it ever again; or where a signal handler
        raised during the wait.
    """
    answer = np.int64(mutex.take_lock(segment, process))
    if answer == mutex.BUSY:
        answer = _wait(segment, process)
    if answer == mutex.OWNER_DEAD:
        answer = repair(segment)
        if answer != 0:
            if ROBUST_MUTEX:  # else the mark stays, for the next to find
                mutex.unlock(segment)
            return False
        faults.may_die_here(segment)
        mutex.mark_consistent(segment)
    if answer != 0:
        return False
    faults.may_die_here(segment)
    journal.open_for(segment, process)
    return True
