"""Creating, replacing, removing and updating a task: truth under the journal, then what is derived from it."""

import numpy as np

from lpcurr.kernels.calls import log
from lpcurr.kernels.calls.scores import apply_score, apply_to_label
from lpcurr.kernels.indices import following, labels, slots
from lpcurr.kernels.machine import clock, random
from lpcurr.kernels.machine.compiling import by_name, helper, inlined
from lpcurr.kernels.machine.views import column, header_record, label_record, process_record, truth_word, words
from lpcurr.kernels.safety import faults, journal
from lpcurr.memory import layout

_COLUMN_COUNT = len(layout.TRUTH_COLUMNS)
_SCORE_FIRST, _SCORE_LAST = layout.truth_range(*layout.SCORE_COLUMNS)
_SCHEDULED_FIRST, _SCHEDULED_LAST = layout.truth_range("scheduled_count", "last_drawn")
_COMPLETED_WORD = layout.header_word("completed")
_SCORE_SUM_WORD = layout.header_word("score_sum")
_SCHEDULED_WORD = layout.header_word("scheduled")
_CREATED_WORD = layout.header_word("created")
_EVICTED_COMPLETIONS_WORD = layout.header_word("evicted_completions")
_DROPPED_WORD = layout.header_word("dropped")
_LABEL_COMPLETED = layout.label_word("completed")
_LABEL_SAMPLED = layout.label_word("epoch_sampled")
_LABEL_AVERAGES = layout.label_word("averaged"), layout.label_word("slow") + 1
_PROCESS_DRAWS = layout.process_word("draws")
_PROCESS_CREATED = layout.process_word("created")
_PROCESS_EVICTED = layout.process_word("evicted")
_PROCESS_ACCEPTED = layout.process_word("accepted")


@helper
def _fill(segment, slot, task_id, label_cell, success_threshold):
    """Write a fresh task into the truth columns of a free slot."""
    header = header_record(segment, 0)
    view = column(segment)
    view.entry[slot] = header.entry_count
    header.entry_count += 1
    faults.may_die_here(segment)
    header.created += 1
    faults.may_die_here(segment)
    view.label[slot] = label_cell
    view.creation_time[slot] = clock.now(segment)
    view.success_threshold[slot] = success_threshold
    view.generator_type[slot] = header.generator_type
    view.scheduled_count[slot] = 0
    view.last_drawn[slot] = header.scheduled
    cells, first = words(segment), truth_word(segment, _SCORE_FIRST, slot)
    for word in range(first, first + _SCORE_LAST - _SCORE_FIRST):  # they lie side by side: zeros, integers and floats
        cells[word] = 0
    view.mean_cost[slot] = 1.0
    faults.may_die_here(segment)
    view.task_id[slot] = task_id
    faults.may_die_here(segment)


@by_name("int64(segment, int64, int64, int64, float64)")
def create_task(segment, process, task_id, label_cell, success_threshold):
    """Put a task that is not in the pool into a free slot, of which there must be one; its slot."""
    journal.remember_words(segment, _CREATED_WORD, _EVICTED_COMPLETIONS_WORD + 1)
    slot = slots.take_free_slot(segment)
    journal.remember_columns(segment, 0, _COLUMN_COUNT, slot)
    journal.remember_process_word(segment, process, _PROCESS_CREATED)
    _fill(segment, slot, task_id, label_cell, success_threshold)
    following.enter(segment, slot)
    process_record(segment, process).created += 1
    return slot


@by_name("int64(segment, int64, int64, int64)")
def remove_task(segment, process, slot, dropped):
    """Take a task out of the pool (``dropped`` 1: because it cannot be built); its slot becomes free."""
    header = header_record(segment, 0)
    view = column(segment)
    log.append(segment, log.EVICTED + dropped, view.task_id[slot], 0.0, 0.0, 0.0)
    row = labels.row_of(view.label[slot])
    journal.remember_words(segment, _CREATED_WORD, _EVICTED_COMPLETIONS_WORD + 1)
    journal.remember_word(segment, _DROPPED_WORD)
    journal.remember_columns(segment, 0, _COLUMN_COUNT, slot)
    journal.remember_label(segment, row)
    journal.remember_process_word(segment, process, _PROCESS_EVICTED)
    following.leave(segment, slot)
    header.dropped += dropped
    faults.may_die_here(segment)
    record = label_record(segment, row)
    record.evicted += 1
    faults.may_die_here(segment)
    record.epoch_evicted += 1
    faults.may_die_here(segment)
    header.evicted += 1
    faults.may_die_here(segment)
    header.epoch_evictions += 1
    faults.may_die_here(segment)
    header.eviction_stamp += 1
    faults.may_die_here(segment)
    header.evicted_completions += view.completion_count[slot]
    faults.may_die_here(segment)
    view.task_id[slot] = layout.FREE
    faults.may_die_here(segment)
    labels.leave_label(segment, row)
    slots.give_free_slot(segment, slot)
    faults.may_die_here(segment)
    process_record(segment, process).evicted += 1
    faults.may_die_here(segment)
    return np.int64(0)


@helper
def create_random_task(segment, process):
    """Create a task under a random id that is not in the pool; its slot."""
    header = header_record(segment, 0)
    task_id = random.task_id(segment, process)
    while slots.find_slot(segment, task_id) >= 0:
        task_id = random.task_id(segment, process)
    slot = create_task(segment, process, task_id, header.new_label, header.success_threshold)
    log.append_created(segment, slot)
    return slot


@inlined
def complete_task(segment, process, slot, score, signal, cost):
    """Credit one completion to a task."""
    header = header_record(segment, 0)
    view = column(segment)
    row = labels.row_of(view.label[slot])
    count = journal.note_columns(segment, journal.next_entry(segment), _SCORE_FIRST, _SCORE_LAST, slot)
    count = journal.note_word(segment, count, _COMPLETED_WORD)
    count = journal.note_word(segment, count, _SCORE_SUM_WORD)
    count = journal.note_label_word(segment, count, row, _LABEL_COMPLETED)
    if header.label_share > 0.0:
        for word in range(*_LABEL_AVERAGES):
            count = journal.note_label_word(segment, count, row, word)
    journal.publish(segment, journal.note_process_word(segment, count, process, _PROCESS_ACCEPTED))
    apply_score(segment, slot, score, signal, cost)
    faults.may_die_here(segment)
    if header.label_share > 0.0:
        apply_to_label(segment, row, slot, score)
    header.completed += 1
    faults.may_die_here(segment)
    header.score_sum += score
    faults.may_die_here(segment)
    label_record(segment, row).completed += 1
    faults.may_die_here(segment)
    process_record(segment, process).accepted += 1
    faults.may_die_here(segment)
    following.change(segment, slot)
    log.append(segment, log.COMPLETED, view.task_id[slot], score, signal, cost)


@inlined
def count_draw(segment, process, slot):
    """Count that a task was handed out."""
    header = header_record(segment, 0)
    view = column(segment)
    row = labels.row_of(view.label[slot])
    count = journal.note_columns(segment, journal.next_entry(segment), _SCHEDULED_FIRST, _SCHEDULED_LAST, slot)
    count = journal.note_word(segment, count, _SCHEDULED_WORD)
    count = journal.note_label_word(segment, count, row, _LABEL_SAMPLED)
    journal.publish(segment, journal.note_process_word(segment, count, process, _PROCESS_DRAWS))
    before = view.last_drawn[slot]
    view.scheduled_count[slot] += 1
    faults.may_die_here(segment)
    header.scheduled += 1
    faults.may_die_here(segment)
    view.last_drawn[slot] = header.scheduled
    faults.may_die_here(segment)
    following.drawn(segment, slot, before)
    label_record(segment, row).epoch_sampled += 1
    faults.may_die_here(segment)
    process_record(segment, process).draws += 1
    faults.may_die_here(segment)
    log.append(segment, log.DRAWN, view.task_id[slot], 0.0, 0.0, 0.0)
