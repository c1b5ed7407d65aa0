"""The undo journal: what a call is about to change, written down before it changes it.

``remember_…`` copies words to the header and then publishes them by raising ``journal_count``; ``commit`` sets the
count back to zero at the end of a call. Whoever finds the lock's owner dead restores the words in reverse order and
rebuilds the derived state (:mod:`lpcurr.kernels.calls.repair`): at most the dead worker's one unfinished call is
lost; of a batch, what comes after its last complete item. A word may be written down more than once: the oldest value
wins.

Only truth is journalled: the columns in ``layout.TRUTH_COLUMNS``, labels and counters. Not: stamps (they only grow), a
process's random stream and the figures about its draws (they go with it). A compiler barrier is all the ordering that
is needed: a killed process's stores retire in program order, as every thread sees its own.
"""

from __future__ import annotations

import numpy as np

from lpcurr.kernels.machine import views
from lpcurr.kernels.machine.compiling import helper, inlined
from lpcurr.kernels.machine.views import compiler_barrier, header_record, padded_capacity, words
from lpcurr.kernels.safety import faults
from lpcurr.memory import layout

_FIRST_COLUMN_WORD = layout.COLUMNS_OFFSET // 8
_LABEL_TABLE_WORD = layout.LABEL_OFFSET // 8
_LABEL_WORDS = layout.LABEL.itemsize // 8
_LABEL_STATE_WORDS = layout.label_word("name")
_LABEL_HASH_WORD = layout.LABEL_HASH_OFFSET // 8
_PROCESS_TABLE_WORD = layout.PROCESS_OFFSET // 8
_PROCESS_WORDS = layout.PROCESS.itemsize // 8
_PROCESS_IDENTITY_WORDS = layout.process_word("draws")

_RUN_BITS = 8
_RUN_MASK = (1 << _RUN_BITS) - 1

_journal_words = views._fixed_array("<i8", 8 * layout.header_word("journal_word"), layout.JOURNAL_CAPACITY)
_journal_values = views._fixed_array("<i8", 8 * layout.header_word("journal_value"), layout.JOURNAL_CAPACITY)


@inlined
def note_word(segment, count, word):
    """Write one eight-byte word of the segment into entry ``count`` of the journal; the next entry.

    Nothing counts until :func:`publish` says so: what a call changes is noted and published together, which takes
    fewer steps that wait for each other than to publish each.
    """
    _journal_words(segment)[np.uint64(count)] = word
    _journal_values(segment)[np.uint64(count)] = words(segment)[np.uint64(word)]
    return count + 1


@helper
def _stride(segment):
    """Return how many words lie between a slot's cells of one column and the next."""
    return padded_capacity(header_record(segment, 0).capacity)


@inlined
def note_columns(segment, count, first, last, slot):
    """Write the truth columns number ``first`` … ``last - 1`` of a slot into the journal; the next entry.

    Their values take an entry each; where they belong is told once, by a negative word in the last.
    """
    stride, number = _stride(segment), last - first
    cells, values = words(segment), _journal_values(segment)
    word = _FIRST_COLUMN_WORD + stride * first + slot
    for i in range(number):  # unsigned: a signed index is looked at for whether it counts from the end
        values[np.uint64(count + i)] = cells[np.uint64(word + stride * i)]
    _journal_words(segment)[np.uint64(count + number - 1)] = -(word << _RUN_BITS | number)
    return count + number


@inlined
def note_label_word(segment, count, row, word):
    """Write one word of a label's record, ``word`` as ``layout.label_word`` has it; the next entry."""
    return note_word(segment, count, _LABEL_TABLE_WORD + row * _LABEL_WORDS + word)


@inlined
def note_process_word(segment, count, process, word):
    """Write one word of a process's record, ``word`` as ``layout.process_word`` has it; the next entry."""
    return note_word(segment, count, _PROCESS_TABLE_WORD + process * _PROCESS_WORDS + word)


@inlined
def publish(segment, count):
    """From now on a repair restores the first ``count`` entries."""
    faults.may_die_here(segment)
    compiler_barrier()
    header_record(segment, 0).journal_count = count
    compiler_barrier()
    faults.may_die_here(segment)


@helper
def remember_word(segment, word):
    """Journal one eight-byte word of the segment."""
    publish(segment, note_word(segment, header_record(segment, 0).journal_count, word))


@helper
def remember_words(segment, first, last):
    """Journal the words ``first`` … ``last - 1``, published together."""
    count = header_record(segment, 0).journal_count
    for word in range(first, last):
        count = note_word(segment, count, word)
    publish(segment, count)


@helper
def remember_columns(segment, first, last, slot):
    """Journal the truth columns number ``first`` … ``last - 1`` of a slot."""
    publish(segment, note_columns(segment, header_record(segment, 0).journal_count, first, last, slot))


@helper
def remember_label_word(segment, row, word):
    """Journal one word of a label's record; ``word`` as ``layout.label_word`` has it."""
    publish(segment, note_label_word(segment, header_record(segment, 0).journal_count, row, word))


@helper
def remember_label(segment, row):
    """Journal a label's state and counters."""
    start = _LABEL_TABLE_WORD + row * _LABEL_WORDS
    remember_words(segment, start, start + _LABEL_STATE_WORDS)


@helper
def remember_label_name(segment, row):
    """Journal a label's state and counters, its name and its hash: the row is to be another label's."""
    start = _LABEL_TABLE_WORD + row * _LABEL_WORDS
    remember_words(segment, start, start + _LABEL_WORDS)
    remember_word(segment, _LABEL_HASH_WORD + row)


@helper
def remember_process_word(segment, process, word):
    """Journal one word of a process's record; ``word`` as ``layout.process_word`` has it."""
    publish(segment, note_process_word(segment, header_record(segment, 0).journal_count, process, word))


@helper
def remember_process(segment, process):
    """Journal who a process record belongs to, and its random stream."""
    start = _PROCESS_TABLE_WORD + process * _PROCESS_WORDS
    remember_words(segment, start, start + _PROCESS_IDENTITY_WORDS)


@inlined
def commit(segment):
    """The call's truth is complete: forget the journal."""
    faults.may_die_here(segment)
    compiler_barrier()
    header_record(segment, 0).journal_count = 0
    compiler_barrier()
    faults.may_die_here(segment)


@helper
def roll_back(segment):
    """Undo what an unfinished call had journalled; the number of words restored."""
    count = header_record(segment, 0).journal_count
    cells = words(segment)
    entry, stride = count, _stride(segment)
    while entry > 0:
        word = _journal_words(segment)[entry - 1]
        first, number = (word, 1) if word >= 0 else (-word >> _RUN_BITS, -word & _RUN_MASK)
        entry -= number
        for i in range(number):
            cells[first + stride * i] = _journal_values(segment)[entry + i]
            faults.may_die_here(segment)
    commit(segment)
    return count
