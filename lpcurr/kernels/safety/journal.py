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

from lpcurr.kernels.machine import views
from lpcurr.kernels.machine.compiling import helper
from lpcurr.kernels.machine.views import compiler_barrier, header_record, words
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

_journal_words = views._fixed_array("<i8", 8 * layout.header_word("journal_word"), layout.JOURNAL_CAPACITY)
_journal_values = views._fixed_array("<i8", 8 * layout.header_word("journal_value"), layout.JOURNAL_CAPACITY)


@helper
def note_word(segment, count, word):
    """Write one eight-byte word of the segment into entry ``count`` of the journal; the next entry.

    Nothing counts until :func:`publish` says so: what a call changes is noted and published together, which takes
    fewer steps that wait for each other than to publish each.
    """
    _journal_words(segment)[count] = word
    _journal_values(segment)[count] = words(segment)[word]
    return count + 1


@helper
def note_columns(segment, count, first, last, slot):
    """Write the truth columns number ``first`` … ``last - 1`` of a slot into the journal; the next entry."""
    padded = (header_record(segment, 0).capacity + layout.CACHE_LINE - 1) & -layout.CACHE_LINE
    for number in range(first, last):
        count = note_word(segment, count, _FIRST_COLUMN_WORD + padded * number + slot)
    return count


@helper
def note_label_word(segment, count, row, word):
    """Write one word of a label's record, ``word`` as ``layout.label_word`` has it; the next entry."""
    return note_word(segment, count, _LABEL_TABLE_WORD + row * _LABEL_WORDS + word)


@helper
def note_process_word(segment, count, process, word):
    """Write one word of a process's record, ``word`` as ``layout.process_word`` has it; the next entry."""
    return note_word(segment, count, _PROCESS_TABLE_WORD + process * _PROCESS_WORDS + word)


@helper
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


@helper
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
    for entry in range(count - 1, -1, -1):
        cells[_journal_words(segment)[entry]] = _journal_values(segment)[entry]
        faults.may_die_here(segment)
    commit(segment)
    return count
