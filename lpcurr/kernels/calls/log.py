"""The log: what changed the pool's truth, entry by entry, in the order in which it happened.

A ring of records of five words behind the configuration, off until someone asks for it (``log_on``). An entry is
written in the same lock turn as what it tells of, and counts from the moment at which ``log_end`` is raised, which is
in the call's journal: an unfinished call that is undone leaves no entry. It is one record: kind, task id, three
numbers; and further ones for a label's name or a configuration.

Applied to the pool of the moment at which the log begins, its entries make the same truth columns, labels and counters
bit by bit (:mod:`lpcurr.kernels.calls.replay`). Not in it: random streams, and what processes count for themselves.

Where there is no room, the entry and all that follow it are lost, and counted, until whoever reads the log begins anew:
what was read is then never with a gap.
"""

import numpy as np

from lpcurr.kernels.indices import labels
from lpcurr.kernels.machine.compiling import helper
from lpcurr.kernels.machine.views import column, header_record, reals, words
from lpcurr.kernels.safety import faults, journal
from lpcurr.memory import layout

DRAWN, COMPLETED, REFUSED, EVICTED, DROPPED, CREATED, LABELLED, EPOCH, USED = range(1, 10)
KIND_BITS = 8  # of an entry's first word; above them is a name's size + 1, 0 for none; or that of a configuration
PENDING = 1 << 7  # beside CREATED
KIND_MASK = PENDING - 1

_END_WORD = layout.header_word("log_end")
_RECORD_WORDS = layout.RECORD_WORDS
RULE_COUNT = layout.RULE_WORDS[1] - layout.RULE_WORDS[0]


@helper
def place(segment, number):
    """Return the word at which a record begins."""
    header = header_record(segment, 0)
    return (header.log_offset >> 3) + (number & (header.log_capacity - 1)) * _RECORD_WORDS


@helper
def records_for(count):
    """Return how many records hold so many words."""
    return (count + _RECORD_WORDS - 1) // _RECORD_WORDS


@helper
def _has_room(segment, count):
    """Journal the end of the log; whether so many records find room, else the entry is counted as lost."""
    header = header_record(segment, 0)
    journal.remember_words(segment, _END_WORD, _END_WORD + 2)
    if header.log_lost == 0 and header.log_end + count - header.log_begin <= header.log_capacity:
        return True
    header.log_lost += 1
    faults.may_die_here(segment)
    return False


@helper
def _write(segment, kind, task_id, first, second, third):
    cells, numbers = words(segment), reals(segment)
    at = place(segment, header_record(segment, 0).log_end)
    cells[at] = kind
    cells[at + 1] = task_id
    numbers[at + 2] = first
    numbers[at + 3] = second
    numbers[at + 4] = third


@helper
def _end(segment, count):
    faults.may_die_here(segment)
    header_record(segment, 0).log_end += count
    faults.may_die_here(segment)


@helper
def _append(segment, kind, task_id, first, second, third):
    if _has_room(segment, 1):
        _write(segment, kind, task_id, first, second, third)
        _end(segment, 1)


@helper
def append(segment, kind, task_id, first, second, third):
    """Write an entry of one record."""
    if header_record(segment, 0).log_on:
        _append(segment, kind, task_id, first, second, third)


@helper
def append_created(segment, slot):
    """Write that a draw made the task in this slot."""
    view = column(segment)
    kind = CREATED + (PENDING if view.label[slot] & layout.PENDING else 0)
    append(segment, kind, view.task_id[slot], view.success_threshold[slot], view.creation_time[slot], 0.0)


@helper
def _put(segment, number, i, word):
    """Write word i of what follows an entry's first record, whose number is ``number``."""
    words(segment)[place(segment, number + 1 + i // _RECORD_WORDS) + i % _RECORD_WORDS] = word


@helper
def _append_name(segment, kind, task_id, first, second, name, size, name_hash):
    count = records_for((size + 7) // 8) if size > 0 else 0
    if not _has_room(segment, 1 + count):
        return
    header = header_record(segment, 0)
    _write(segment, kind | ((size + 1) << KIND_BITS), task_id, first, second, 0.0)
    words(segment)[place(segment, header.log_end) + 4] = name_hash
    for i in range(max(size + 7, 0) // 8):
        word = np.int64(0)
        for k in range(min(8, size - 8 * i) - 1, -1, -1):
            word = (word << 8) | np.int64(name[8 * i + k])
        _put(segment, header.log_end, i, word)
    _end(segment, 1 + count)


@helper
def append_added(segment, slot, name, size, name_hash):
    """Write that the task in this slot was put into the pool by hand; a negative ``size``: without a label."""
    if header_record(segment, 0).log_on:
        view = column(segment)
        kind = CREATED + (PENDING if view.label[slot] & layout.PENDING else 0)
        threshold, time = view.success_threshold[slot], view.creation_time[slot]
        _append_name(segment, kind, view.task_id[slot], threshold, time, name, size, name_hash)


@helper
def append_label(segment, task_id, name, size, name_hash):
    """Write that a task was built, and named unless ``size`` is negative."""
    if header_record(segment, 0).log_on:
        _append_name(segment, LABELLED, task_id, 0.0, 0.0, name, size, name_hash)


@helper
def append_rules(segment, rules, text, size):
    """Write that other rules came into force."""
    header = header_record(segment, 0)
    if header.log_on == 0:
        return
    count = 1 + records_for(rules.size + text.size)
    if _has_room(segment, count):
        _write(segment, USED | (size << KIND_BITS), 0, 0.0, 0.0, 0.0)
        for i in range(rules.size):
            _put(segment, header.log_end, i, rules[i])
        for i in range(text.size):
            _put(segment, header.log_end, rules.size + i, text[i])
        _end(segment, count)


@helper
def announce_epoch(segment):
    """Write that an epoch ends, and where the log is to end when it has: its end is not journalled but begun anew."""
    header = header_record(segment, 0)
    header.log_target = header.log_end
    if header.log_on == 0:
        return
    if header.log_lost == 0 and header.log_end + 1 - header.log_begin <= header.log_capacity:
        _write(segment, EPOCH, 0, 0.0, 0.0, 0.0)
        header.log_target = header.log_end + 1
    else:
        header.log_lost += 1


@helper
def label_row(segment, entries, i):
    """Return the row of the label that the entry at word i names, made if need be; unknown where it names none."""
    head, name_hash = words(entries)[i], words(entries)[i + 4]
    size = (head >> KIND_BITS) - 1
    if size < 0:
        return layout.UNKNOWN_LABEL
    first = 8 * (i + _RECORD_WORDS)
    return labels.intern(segment, entries[first : first + size], size, name_hash)


@helper
def length(entries, i):
    """Return the words of the entry at word i of ``entries``, uint8[n]."""
    head = words(entries)[i]
    kind, size = head & KIND_MASK, head >> KIND_BITS
    follow = 0
    if kind in (CREATED, LABELLED):
        follow = (max(size - 1, 0) + 7) // 8
    elif kind == USED:
        follow = RULE_COUNT + (size + 7) // 8
    return _RECORD_WORDS * (1 + records_for(follow))
