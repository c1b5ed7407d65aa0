"""The undo journal: what a call is about to change, written down before it changes it.

``remember_…`` copies words to the header and then publishes them by raising ``journal_count``; ``commit`` sets the
count back to zero at the end of a call. There are several journals, of which the lock's holder uses one, so that
processes do not all write into the same cache lines; the header's ``journal`` says which.

Whoever finds the lock's owner dead restores the words in reverse order and rebuilds the derived state
(:mod:`lpcurr.kernels.calls.repair`): at most the dead worker's one unfinished call is lost; of a batch, what comes
after its last complete item. A word may be written down more than once: the oldest value wins.

Only truth is journalled: the columns in ``layout.TRUTH_COLUMNS``, labels and counters. Not: stamps (they only grow), a
process's random stream and the figures about its draws (they go with it). A compiler barrier is all the ordering that
is needed: a killed process's stores retire in program order, as every thread sees its own.
"""

import numpy as np

from lpcurr.kernels.machine import views
from lpcurr.kernels.machine.compiling import helper, inlined
from lpcurr.kernels.machine.views import column_stride, compiler_barrier, header_record, truth_word, words
from lpcurr.kernels.safety import faults
from lpcurr.memory import layout

_LABEL_TABLE_WORD = layout.LABEL_OFFSET // 8
_LABEL_WORDS = layout.LABEL.itemsize // 8
_LABEL_STATE_WORDS = layout.label_word("name")
_LABEL_HASH_WORD = layout.LABEL_HASH_OFFSET // 8
_PROCESS_TABLE_WORD = layout.PROCESS_OFFSET // 8
_PROCESS_WORDS = layout.PROCESS.itemsize // 8
_PROCESS_IDENTITY_WORDS = layout.process_word("draws")
_TASK_COLUMNS = len(layout.TASK_COLUMNS)
_CAPACITY = layout.JOURNAL_CAPACITY
_LINE_WORDS = layout.CACHE_LINE // 8
_NUMBER_BITS = 8
_NUMBER_MASK = (1 << _NUMBER_BITS) - 1
_APART = 1 << _NUMBER_BITS  # the words of a run are not side by side, but a column apart
_RUN_BITS = _NUMBER_BITS + 1

_counts = views._fixed_array("<i8", 8 * layout.header_word("journal_count"), layout.JOURNALS * _LINE_WORDS)
_words = views._fixed_array("<i8", 8 * layout.header_word("journal_word"), layout.JOURNALS * _CAPACITY)
_values = views._fixed_array("<i8", 8 * layout.header_word("journal_value"), layout.JOURNALS * _CAPACITY)


@inlined
def open_for(segment, process):
    """Let the lock's new holder use the journal that its number gives it."""
    header_record(segment, 0).journal = process & (layout.JOURNALS - 1)


@inlined
def next_entry(segment):
    """Return the number of the next entry in the holder's journal, for the functions that note."""
    journal = header_record(segment, 0).journal
    return journal * _CAPACITY + _counts(segment)[np.uint64(journal * _LINE_WORDS)]


@inlined
def note_word(segment, entry, word):
    """Write one eight-byte word of the segment into an entry of the journal; the next entry.

    Nothing counts until :func:`publish` says so: what a call changes is noted and published together, which takes
    fewer steps that wait for each other than to publish each.
    """
    _words(segment)[np.uint64(entry)] = word
    _values(segment)[np.uint64(entry)] = words(segment)[np.uint64(word)]
    return entry + 1


@inlined
def _note_run(segment, entry, first, stride, number, apart):
    """Write ``number`` words into the journal; the next entry.

    Their values take an entry each; where they belong is told once, by a negative word in the last.
    """
    cells, values = words(segment), _values(segment)
    for i in range(number):  # unsigned: a signed index is looked at for whether it counts from the end
        values[np.uint64(entry + i)] = cells[np.uint64(first + stride * i)]
    _words(segment)[np.uint64(entry + number - 1)] = -(first << _RUN_BITS | apart | number)
    return entry + number


@inlined
def note_columns(segment, entry, first, last, slot):
    """Write the truth columns number ``first`` … ``last - 1`` of a slot into the journal; the next entry."""
    border = min(max(first, _TASK_COLUMNS), last)
    if first < border:
        stride = column_stride(segment)
        entry = _note_run(segment, entry, truth_word(segment, first, slot), stride, border - first, _APART)
    if border < last:
        entry = _note_run(segment, entry, truth_word(segment, border, slot), 1, last - border, 0)
    return entry


@inlined
def note_label_word(segment, entry, row, word):
    """Write one word of a label's record, ``word`` as ``layout.label_word`` has it; the next entry."""
    return note_word(segment, entry, _LABEL_TABLE_WORD + row * _LABEL_WORDS + word)


@inlined
def note_process_word(segment, entry, process, word):
    """Write one word of a process's record, ``word`` as ``layout.process_word`` has it; the next entry."""
    return note_word(segment, entry, _PROCESS_TABLE_WORD + process * _PROCESS_WORDS + word)


@inlined
def publish(segment, entry):
    """From now on a repair restores what is noted before this entry."""
    faults.may_die_here(segment)
    compiler_barrier()
    _counts(segment)[np.uint64(header_record(segment, 0).journal * _LINE_WORDS)] = entry & (_CAPACITY - 1)
    compiler_barrier()
    faults.may_die_here(segment)


@helper
def remember_word(segment, word):
    """Journal one eight-byte word of the segment."""
    publish(segment, note_word(segment, next_entry(segment), word))


@helper
def remember_words(segment, first, last):
    """Journal the words ``first`` … ``last - 1``, published together."""
    publish(segment, _note_run(segment, next_entry(segment), first, 1, last - first, 0))


@helper
def remember_columns(segment, first, last, slot):
    """Journal the truth columns number ``first`` … ``last - 1`` of a slot."""
    publish(segment, note_columns(segment, next_entry(segment), first, last, slot))


@helper
def remember_label_word(segment, row, word):
    """Journal one word of a label's record; ``word`` as ``layout.label_word`` has it."""
    publish(segment, note_label_word(segment, next_entry(segment), row, word))


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
    publish(segment, note_process_word(segment, next_entry(segment), process, word))


@helper
def remember_process(segment, process):
    """Journal who a process record belongs to, and its random stream."""
    start = _PROCESS_TABLE_WORD + process * _PROCESS_WORDS
    remember_words(segment, start, start + _PROCESS_IDENTITY_WORDS)


@inlined
def commit(segment):
    """The call's truth is complete: forget the journal."""
    publish(segment, 0)


@helper
def roll_back(segment):
    """Undo what an unfinished call had journalled, up to an entry that is none; the number of words restored."""
    cells, stride = words(segment), column_stride(segment)
    header_record(segment, 0).journal &= layout.JOURNALS - 1
    begin = header_record(segment, 0).journal * _CAPACITY
    entry = begin + (next_entry(segment) & (_CAPACITY - 1))
    count = entry - begin
    while entry > begin:
        word = _words(segment)[entry - 1]
        first, number, step = word, 1, 1
        if word < 0:
            first, number = -word >> _RUN_BITS, -word & _NUMBER_MASK
            step = stride if -word & _APART else 1
        entry -= number
        if number == 0 or entry < begin or first < 0 or first + step * number > cells.size:
            break  # damaged: others wrote here
        for i in range(number):
            cells[first + step * i] = _values(segment)[entry + i]
            faults.may_die_here(segment)
    commit(segment)
    return count
