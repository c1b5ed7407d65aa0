"""The kernels off the episode path: adding, naming and removing tasks, other rules, attaching processes, epochs."""

import numpy as np

from lpcurr.kernels.calls import log, repair, tasks
from lpcurr.kernels.calls.repair import lock
from lpcurr.kernels.indices import labels, slots
from lpcurr.kernels.machine.compiling import helper, kernel
from lpcurr.kernels.machine.views import (
    column,
    copy_words,
    header_record,
    label_hashes,
    label_record,
    process_record,
    truth_word,
    words,
)
from lpcurr.kernels.safety import faults, journal, mutex
from lpcurr.memory import layout

_UNKNOWN_TASK = layout.Status.UNKNOWN_TASK
_DUPLICATE_TASK = layout.Status.DUPLICATE_TASK
_POOL_FULL = layout.Status.POOL_FULL
_NO_PROCESS_RECORD = layout.Status.NO_PROCESS_RECORD
_ORDINAL_TAKEN = layout.Status.ORDINAL_TAKEN
_ACCEPTED = layout.Status.ACCEPTED
_LOCK_LOST = layout.Status.LOCK_LOST
_HELD_WORD = layout.header_word("held")
_NEXT_STREAM_WORD = layout.header_word("next_stream")
_RULES_FIRST, _RULES_LAST = layout.RULE_WORDS
_CONFIG_VALID_WORD = layout.header_word("config_valid")
_SLOT_MASK = (1 << layout.SLOT_BITS) - 1
_PROCESS_TABLE_WORD = layout.PROCESS_OFFSET // 8
_PROCESS_WORDS = layout.PROCESS.itemsize // 8
_PROCESS_COUNTERS = layout.process_word("draws")  # the first of them
_LABEL_TABLE_WORD = layout.LABEL_OFFSET // 8
_TRUTH_COUNT = len(layout.TRUTH_COLUMNS)
_LABEL_FIRST, _LABEL_LAST = layout.truth_range("label", "label")


@kernel("int64(segment, int64, int64, float64, int64, uint8[::1], int64, int64)")
def add_task(segment, process, task_id, success_threshold, pending, name, size, name_hash):
    """Put a given task into the pool; its slot, ``DUPLICATE_TASK`` or ``POOL_FULL``.

    ``pending`` 1: its configuration is yet to be built once. A negative ``size`` leaves the label unknown.
    """
    if not lock(segment, process):
        return _LOCK_LOST
    header = header_record(segment, 0)
    if slots.find_slot(segment, task_id) >= 0:
        answer = _DUPLICATE_TASK
    elif header.active_count >= header.capacity:
        answer = _POOL_FULL
    else:
        row = layout.UNKNOWN_LABEL if size < 0 else labels.intern(segment, name, size, name_hash)
        answer = tasks.create_task(segment, process, task_id, row + pending * layout.PENDING, success_threshold)
        log.append_added(segment, answer, name, size, name_hash)
        journal.commit(segment)
    mutex.unlock(segment)
    return answer


@kernel("int64(segment, int64, int64, int64, uint8[::1], int64, int64)")
def label_task(segment, process, task_id, packed, name, size, name_hash):
    """The configuration of a task that a draw handed out has been built: name its label; the label's row.

    A negative ``size`` keeps the label that it has. ``UNKNOWN_TASK`` where the task was evicted meanwhile.
    """
    if not lock(segment, process):
        return _LOCK_LOST
    view = column(segment)
    slot = packed & _SLOT_MASK
    entry = (packed >> layout.ENTRY_SHIFT) & layout.ENTRY_MASK
    answer = _UNKNOWN_TASK
    if view.task_id[slot] == task_id and (view.entry[slot] & layout.ENTRY_MASK) == entry:
        journal.remember_columns(segment, _LABEL_FIRST, _LABEL_LAST, slot)
        answer = labels.row_of(view.label[slot]) if size < 0 else labels.intern(segment, name, size, name_hash)
        labels.relabel(segment, slot, answer)
        log.append_label(segment, task_id, name, size, name_hash)
        journal.commit(segment)
    mutex.unlock(segment)
    return answer


@kernel("int64(segment, int64, int64, int64)")
def remove_task(segment, process, task_id, dropped):
    """Take a task out of the pool (``dropped`` 1: because it cannot be built); ``ACCEPTED`` or ``UNKNOWN_TASK``."""
    if not lock(segment, process):
        return _LOCK_LOST
    slot = slots.find_slot(segment, task_id)
    answer = _UNKNOWN_TASK
    if slot >= 0:
        tasks.remove_task(segment, process, slot, dropped)
        journal.commit(segment)
        answer = _ACCEPTED
    mutex.unlock(segment)
    return answer


@kernel("int64(segment, int64, int64, int64[::1])")
def read_task(segment, process, task_id, row):
    """Copy a task's truth columns, as raw words, into ``row``, int64[columns]; ``ACCEPTED`` or ``UNKNOWN_TASK``."""
    if not lock(segment, process):
        return _LOCK_LOST
    slot = slots.find_slot(segment, task_id)
    answer = _UNKNOWN_TASK
    if slot >= 0:
        cells = words(segment)
        for number in range(_TRUTH_COUNT):
            row[number] = cells[truth_word(segment, number, slot)]
        answer = _ACCEPTED
    mutex.unlock(segment)
    return answer


@kernel("int64(segment, int64, int64, int64, uint8[::1])")
def read_label(segment, process, row, stamp, name):
    """Copy a label's name, UTF-8, into ``name``; its size, or -1 if labels were renamed since ``stamp``."""
    if not lock(segment, process):
        return _LOCK_LOST
    answer = -1
    record = label_record(segment, row)
    if header_record(segment, 0).label_stamp == stamp and record.used:
        stored = record.name
        answer = min(max(record.name_size, 0), layout.LABEL_BYTES)
        for i in range(answer):
            name[i] = stored[i]
    mutex.unlock(segment)
    return answer


@kernel("int64(segment, int64, int64[::1], int64[::1], int64[::1])")
def epoch_evictions(segment, process, hashes, counts, rows):
    """Bring up to date what a caller knows of this epoch's evictions; how many label rows changed, written to ``rows``.

    Args:
        hashes: of the label in each row, 0 where none of its tasks was evicted; [LABEL_CAPACITY], as all of these.
        counts: evictions of each row.
    """
    if not lock(segment, process):
        return _LOCK_LOST
    found = 0
    for row in range(layout.LABEL_CAPACITY):
        evicted, name_hash = np.int64(0), np.int64(0)
        if row < header_record(segment, 0).label_count:
            evicted = label_record(segment, row).epoch_evicted
        if evicted > 0:
            name_hash = label_hashes(segment)[row]
        if evicted != counts[row] or name_hash != hashes[row]:
            hashes[row], counts[row], rows[found] = name_hash, evicted, row
            found += 1
    mutex.unlock(segment)
    return found


@kernel("int64(segment, int64)")
def end_epoch(segment, process):
    """Begin a new epoch: what labels count per epoch starts again at zero; the number of epochs ended."""
    if not lock(segment, process):
        return _LOCK_LOST
    header = header_record(segment, 0)
    answer = header.epoch + 1
    log.announce_epoch(segment)
    journal.compiler_barrier()
    header.epoch_ending = answer
    journal.compiler_barrier()
    faults.may_die_here(segment)
    repair.finish_epoch(segment)
    mutex.unlock(segment)
    return answer


@helper
def put_rules(segment, rules, text, size):
    """Write other rules and their configuration, under the journal; what is derived is made anew by the caller."""
    header = header_record(segment, 0)
    cells = words(segment)
    room = 1 - header.config_valid
    target = (header.config_offset + room * header.config_room) >> 3
    for i in range(text.size):
        cells[target + i] = text[i]
    faults.may_die_here(segment)
    journal.remember_words(segment, _RULES_FIRST, _RULES_LAST)
    journal.remember_words(segment, _CONFIG_VALID_WORD, _CONFIG_VALID_WORD + 3)
    for i in range(rules.size):
        cells[_RULES_FIRST + i] = rules[i]
        faults.may_die_here(segment)
    cells[_CONFIG_VALID_WORD + 1 + room] = size
    faults.may_die_here(segment)
    header.config_valid = room
    faults.may_die_here(segment)
    header.rules_stamp += 1


@kernel("int64(segment, int64, int64[::1], int64[::1], int64)")
def use(segment, process, rules, text, size):
    """Put other rules into force for all processes, and their configuration in place of the present one.

    ``rules`` are the words ``layout.RULE_WORDS`` of a header; ``text``, the configuration of ``size`` bytes as words,
    fits the room. The rules, and which of the two rooms holds, are journalled; then everything derived is made anew.
    """
    if not lock(segment, process):
        return _LOCK_LOST
    put_rules(segment, rules, text, size)
    repair.rebuild(segment)
    log.append_rules(segment, rules, text, size)
    journal.commit(segment)
    mutex.unlock(segment)
    return _ACCEPTED


@helper
def _free_record(segment):
    """A free process record: of those with a stream from a checkpoint the one with the least ordinal, -1 if none is."""
    free, waiting = -1, -1
    for process in range(header_record(segment, 0).process_room):
        record = process_record(segment, process)
        if record.pid != 0:
            continue
        if record.start_time != layout.STREAM_WAITS:
            free = process if free < 0 else free
        elif waiting < 0 or record.ordinal < process_record(segment, waiting).ordinal:
            waiting = process
    return waiting if waiting >= 0 else free


@kernel("int64(segment, int64, int64, int64, int64, uint64[::1], int64)")
def attach_process(segment, pid, start_time, seed, ordinal, stream, room):
    """Take a process record, with a stream that a checkpoint left or else the given one: its number.

    ``stream`` is uint64[4], that of (``seed``, ``ordinal``); ``ORDINAL_TAKEN`` where these are not the pool's seed and
    next ordinal any more, so that a record never holds a stream that is not its own; ``NO_PROCESS_RECORD`` where none
    is free. ``room`` process records have memory, or more by now.
    """
    if not lock(segment, 0):
        return _LOCK_LOST
    header = header_record(segment, 0)
    header.process_room = max(header.process_room, room)
    process = _free_record(segment)
    answer = process if process >= 0 else _NO_PROCESS_RECORD
    if process >= 0:
        record = process_record(segment, process)
        journal.remember_word(segment, _NEXT_STREAM_WORD)
        journal.remember_process(segment, process)
        if record.start_time != layout.STREAM_WAITS:
            if header.seed == seed and header.next_stream == ordinal:
                header.next_stream = ordinal + 1
                record.ordinal = ordinal
                record.stream0 = stream[0]
                record.stream1 = stream[1]
                record.stream2 = stream[2]
                record.stream3 = stream[3]
                faults.may_die_here(segment)
            else:
                answer = _ORDINAL_TAKEN
        if answer >= 0:
            record.start_time = start_time
            record.label_stamp = header.label_stamp
            cells, at = words(segment), _PROCESS_TABLE_WORD + process * _PROCESS_WORDS
            for word in range(at + _PROCESS_COUNTERS, at + _PROCESS_WORDS):
                cells[word] = 0
            faults.may_die_here(segment)
            record.pid = pid
            faults.may_die_here(segment)
        journal.commit(segment)
    mutex.unlock(segment)
    return answer


@kernel("int64(segment, int64, int64, int64)")
def detach_process(segment, process, pid, start_time):
    """Give a process record back, if it is still that process's; whether it was."""
    if not lock(segment, process):
        return _LOCK_LOST
    record = process_record(segment, process)
    answer = 0
    if record.pid == pid and record.start_time == start_time:
        record.pid = 0  # one store: nothing to undo
        faults.may_die_here(segment)
        answer = 1
    mutex.unlock(segment)
    return answer


@kernel("int64(segment, int64, uint8[::1])")
def snapshot(segment, process, copy):
    """Copy the segment's first ``copy.size`` bytes, the header at least, at one moment between two calls."""
    if not lock(segment, process):
        return _LOCK_LOST
    source, target = words(segment), words(copy)
    begin = _PROCESS_TABLE_WORD + header_record(segment, 0).process_room * _PROCESS_WORDS
    copy_words(target, source, 0, min(begin, target.size))
    copy_words(target, source, _LABEL_TABLE_WORD, target.size)
    mutex.unlock(segment)
    target[_HELD_WORD] = 0  # the copy was made while locked; a mutex of zeros is a free one
    for i in range(layout.MUTEX_OFFSET // 8, (layout.MUTEX_OFFSET + layout.MUTEX_SIZE) // 8):
        target[i] = 0
    return target.size


@kernel("int64(segment)")
def rebuild_copy(segment):
    """Make everything derived in a segment that nobody else uses: a new one, an image, a snapshot to compare with."""
    repair.rebuild(segment)
    return np.int64(0)


@kernel("int64(segment)")
def recover(segment):
    """Undo an unfinished call in a private copy of a pool, such as a forked child's of a local one, and rebuild it."""
    repair.repair(segment)
    return np.int64(0)
