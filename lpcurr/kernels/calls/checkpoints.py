"""Checkpoints: copying what they hold out of a pool, and putting another content in place of a pool's.

Both are one lock turn, so a checkpoint is of one moment, and every attached process sees a restored pool whole.
"""

import numpy as np

from lpcurr.kernels.calls.repair import lock
from lpcurr.kernels.machine.compiling import helper, kernel
from lpcurr.kernels.machine.views import column, copy_words, header_record, process_record, truth_word, words
from lpcurr.kernels.safety import mutex, replacement
from lpcurr.memory import layout

_LOCK_LOST = layout.Status.LOCK_LOST
_TASK_COLUMNS = len(layout.TASK_COLUMNS)
_LABEL_TABLE_WORD = layout.LABEL_OFFSET // 8
_LABEL_WORDS = layout.LABEL.itemsize // 8
_PROCESS_TABLE_WORD = layout.PROCESS_OFFSET // 8
_PROCESS_WORDS = layout.PROCESS.itemsize // 8

# Everything else in the header is identity, configuration, or of this segment alone: stamps, repairs, the journal.
_STATE_WORDS = np.array(
    [
        layout.header_word(name)
        for name in (
            *("seed", "completed", "score_sum", "scheduled", "created", "evicted", "entry_count", "epoch_evictions"),
            *("evicted_completions", "refused", "dropped", "epoch", "label_count", "label_clock"),
            *("active_count", "explored_count", "immature_count", "high_water", "rank_root"),
            *("free_count", "inactive_labels"),
            *("sum_high", "sum_low", "square_high", "square_low", "square_peak", "updates_since_rebuild"),
        )
    ]
)


@kernel("int64(segment, int64, uint8[::1], int64[::1], int64[:, ::1], int32[::1])")
def capture(segment, process, tables, numbers, truth, active):
    """Copy the tables and truth columns at one moment between two calls.

    Args:
        segment: the pool.
        process: the caller's record.
        tables: uint8[COLUMNS_OFFSET], for the header, the process records and the labels in use.
        numbers: int64[k], which truth columns; with none, the tables alone are copied.
        truth: int64[k, n], for the first n cells of each.
        active: int32[n], for the active index.

    Returns:
        How many slots may hold tasks; where that is more than n, nothing was copied.
    """
    if not lock(segment, process):
        return _LOCK_LOST
    header = header_record(segment, 0)
    needed = header.high_water if numbers.size > 0 else 0
    if needed <= active.size:
        source, target = words(segment), words(tables)
        copy_words(target, source, 0, _PROCESS_TABLE_WORD + header.process_room * _PROCESS_WORDS)
        copy_words(target, source, _LABEL_TABLE_WORD, _LABEL_TABLE_WORD + header.label_count * _LABEL_WORDS)
        for row in range(numbers.size):
            if numbers[row] < _TASK_COLUMNS:
                first = truth_word(segment, numbers[row], 0)
                for slot in range(needed):
                    truth[row, slot] = source[first + slot]
        for slot in range(needed):  # task by task, as these columns lie
            first = truth_word(segment, _TASK_COLUMNS, slot) - _TASK_COLUMNS
            for row in range(numbers.size):
                if numbers[row] >= _TASK_COLUMNS:
                    truth[row, slot] = source[first + numbers[row]]
        view = column(segment)
        for position in range(min(header.active_count, needed)):
            active[position] = view.active[position]
    mutex.unlock(segment)
    return needed


@helper
def _rank_processes(segment, image):
    """Write into the image's process records, by ``pid``, the attached processes in the order of their ordinals."""
    count, last = 0, -1
    while True:
        chosen, least = -1, 0
        for process in range(header_record(segment, 0).process_room):
            record = process_record(segment, process)
            rank = record.ordinal * layout.PROCESS_CAPACITY + process
            if record.pid != 0 and rank > last and (chosen < 0 or rank < least):
                chosen, least = process, rank
        if chosen < 0:
            return count
        process_record(image, count).pid = chosen
        last = least
        count += 1


@helper
def _copy_stream(segment, process, image, number):
    record, source = process_record(segment, process), process_record(image, number)
    record.ordinal = source.ordinal
    record.stream0 = source.stream0
    record.stream1 = source.stream1
    record.stream2 = source.stream2
    record.stream3 = source.stream3


@helper
def _assign_streams(segment, image, attached, saved):
    """Give the image's streams to the attached processes; what is left waits for those to come."""
    for number in range(attached):
        _copy_stream(segment, process_record(image, number).pid, image, number)
    number = attached
    for process in range(header_record(segment, 0).process_room):
        record = process_record(segment, process)
        if record.pid == 0:
            record.start_time = 0
            if number < saved:
                _copy_stream(segment, process, image, number)
                record.start_time = layout.STREAM_WAITS
                number += 1
    header_record(segment, 0).next_stream = header_record(image, 0).next_stream + max(0, attached - saved)


@helper
def copy_content(segment, image):
    """Copy labels, columns, everything derived and the counters out of an image."""
    source, target = words(image), words(segment)
    copy_words(target, source, _LABEL_TABLE_WORD, header_record(segment, 0).config_offset >> 3)
    for i in range(_STATE_WORDS.size):
        target[_STATE_WORDS[i]] = source[_STATE_WORDS[i]]


@kernel("int64(segment, int64, uint8[::1], int64, int64)")
def replace(segment, process, image, saved, provided):
    """Put an image's content in place of the pool's.

    Args:
        segment: the pool.
        process: the caller's record.
        image: a segment of the same capacity and configuration, with everything derived, whose first ``provided``
            process records hold random streams: ``saved`` ones, then fresh ones of the ordinals that follow. In the
            pool, as many process records have memory as its ``process_room`` says.
        saved: see there.
        provided: see there.

    Returns:
        0, or how many streams are needed, one for each attached process; then nothing was changed.
    """
    if not lock(segment, process):
        return _LOCK_LOST
    attached = _rank_processes(segment, image)
    needed = attached if attached > provided else 0
    if needed == 0:
        header = header_record(segment, 0)
        replacement.begin(segment)
        header.process_room = max(header.process_room, header_record(image, 0).process_room)
        copy_content(segment, image)
        _assign_streams(segment, image, attached, saved)
        header.label_stamp += 1
        header.eviction_stamp += 1
        replacement.end(segment)
    mutex.unlock(segment)
    return needed
