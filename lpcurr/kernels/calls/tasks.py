"""Creating, replacing, removing and updating a task: truth under the journal, then what is derived from it."""

from __future__ import annotations

import numpy as np

from lpcurr.kernels.choosing import eviction
from lpcurr.kernels.choosing.learning_progress import apply_score, compute_progress
from lpcurr.kernels.indices import labels, slots, trees
from lpcurr.kernels.indices import sums as moments
from lpcurr.kernels.machine import clock, random
from lpcurr.kernels.machine.compiling import helper
from lpcurr.kernels.machine.views import column, header_record, label_record, process_record
from lpcurr.kernels.safety import faults, journal
from lpcurr.memory import layout

_COLUMN_COUNT = len(layout.TRUTH_COLUMNS)
_SCORE_FIRST, _SCORE_LAST = layout.truth_range("completion_count", "random_baseline")
_SCHEDULED_FIRST, _SCHEDULED_LAST = layout.truth_range("scheduled_count", "scheduled_count")
_COMPLETED_WORD = layout.header_word("completed")
_SCORE_SUM_WORD = layout.header_word("score_sum")
_SCHEDULED_WORD = layout.header_word("scheduled")
_CREATED_WORD = layout.header_word("created")
_EVICTED_COMPLETIONS_WORD = layout.header_word("evicted_completions")
_LABEL_COMPLETED = layout.label_word("completed")
_LABEL_SAMPLED = layout.label_word("epoch_sampled")
_PROCESS_DRAWS = layout.process_word("draws")
_PROCESS_CREATED = layout.process_word("created")
_PROCESS_EVICTED = layout.process_word("evicted")
_PROCESS_ACCEPTED = layout.process_word("accepted")


@helper
def refresh(segment, slot):
    """Set the slot's keys in the trees by its progress and completions."""
    header = header_record(segment, 0)
    trees.set_evict_key(segment, slot, eviction.eviction_key(segment, slot))
    faults.point(segment)
    if header.algorithm == layout.BASIC:
        view = column(segment)
        explored = view.completion_count[slot] >= eviction.exploration_threshold(segment)
        trees.set_weight(segment, slot, view.progress[slot] if explored else header.exploration_bonus)


@helper
def _fill(segment, slot, task_id, label_cell, success_threshold):
    """Write a fresh task into the truth columns of a free slot."""
    header = header_record(segment, 0)
    view = column(segment)
    view.entry[slot] = header.entry_count
    header.entry_count += 1
    faults.point(segment)
    header.created += 1
    faults.point(segment)
    view.label[slot] = label_cell
    view.creation_time[slot] = clock.now(segment)
    view.success_threshold[slot] = success_threshold
    view.generator_type[slot] = header.generator_type
    view.scheduled_count[slot] = 0
    view.completion_count[slot] = 0
    view.total_score[slot] = 0.0
    view.last_score[slot] = 0.0
    view.reward_ema[slot] = 0.0
    view.ema_squared[slot] = 0.0
    view.success_rate_ema[slot] = 0.0
    view.p_fast[slot] = 0.0
    view.p_slow[slot] = 0.0
    view.p_true[slot] = 0.0
    view.random_baseline[slot] = 0.0
    faults.point(segment)
    view.task_id[slot] = task_id
    faults.point(segment)


@helper
def _enter(segment, slot):
    """Enter a filled slot into everything derived."""
    header = header_record(segment, 0)
    view = column(segment)
    slots.index_insert(segment, slot)
    slots.enter_active(segment, slot)
    if view.completion_count[slot] >= eviction.exploration_threshold(segment):
        slots.promote(segment, slot)
    faults.point(segment)
    header.immature_count += eviction.is_immature(segment, view.completion_count[slot])
    progress = compute_progress(segment, slot)
    view.progress[slot] = progress
    faults.point(segment)
    moments.add_progress(segment, progress, 1.0)
    labels.enter_label(segment, labels.row_of(view.label[slot]))
    refresh(segment, slot)


@helper
def _leave(segment, slot):
    """Take a slot out of everything derived, while its columns still say what it was."""
    header = header_record(segment, 0)
    view = column(segment)
    header.immature_count -= eviction.is_immature(segment, view.completion_count[slot])
    faults.point(segment)
    trees.set_evict_key(segment, slot, np.inf)
    faults.point(segment)
    if header.algorithm == layout.BASIC:
        trees.set_weight(segment, slot, 0.0)
    slots.leave_active(segment, slot)
    faults.point(segment)
    slots.index_remove(segment, slot)
    faults.point(segment)
    moments.remove_progress(segment, view.progress[slot])


@helper
def create_task(segment, process, task_id, label_cell, success_threshold):
    """Put a task that is not in the pool into a free slot, of which there must be one; its slot."""
    journal.remember_words(segment, _CREATED_WORD, _EVICTED_COMPLETIONS_WORD + 1)
    slot = slots.take_free_slot(segment)
    journal.remember_columns(segment, 0, _COLUMN_COUNT, slot)
    journal.remember_process_word(segment, process, _PROCESS_CREATED)
    _fill(segment, slot, task_id, label_cell, success_threshold)
    _enter(segment, slot)
    process_record(segment, process).created += 1
    return slot


@helper
def remove_task(segment, process, slot):
    """Take a task out of the pool; its slot becomes free."""
    header = header_record(segment, 0)
    view = column(segment)
    row = labels.row_of(view.label[slot])
    journal.remember_words(segment, _CREATED_WORD, _EVICTED_COMPLETIONS_WORD + 1)
    journal.remember_columns(segment, 0, _COLUMN_COUNT, slot)
    journal.remember_label(segment, row)
    journal.remember_process_word(segment, process, _PROCESS_EVICTED)
    _leave(segment, slot)
    record = label_record(segment, row)
    record.evicted += 1
    faults.point(segment)
    record.epoch_evicted += 1
    faults.point(segment)
    header.evicted += 1
    faults.point(segment)
    header.epoch_evictions += 1
    faults.point(segment)
    header.eviction_stamp += 1
    faults.point(segment)
    header.evicted_completions += view.completion_count[slot]
    faults.point(segment)
    view.task_id[slot] = layout.FREE
    faults.point(segment)
    labels.leave_label(segment, row)
    slots.give_free_slot(segment, slot)
    faults.point(segment)
    process_record(segment, process).evicted += 1
    faults.point(segment)


@helper
def create_random_task(segment, process):
    """Create a task under a random id that is not in the pool; its slot."""
    header = header_record(segment, 0)
    task_id = random.task_id(segment, process)
    while slots.find_slot(segment, task_id) >= 0:
        task_id = random.task_id(segment, process)
    return create_task(segment, process, task_id, header.new_label, header.success_threshold)


@helper
def complete_task(segment, process, slot, score):
    """Credit one completion to a task."""
    header = header_record(segment, 0)
    view = column(segment)
    row = labels.row_of(view.label[slot])
    count = journal.note_columns(segment, header.journal_count, _SCORE_FIRST, _SCORE_LAST, slot)
    count = journal.note_word(segment, count, _COMPLETED_WORD)
    count = journal.note_word(segment, count, _SCORE_SUM_WORD)
    count = journal.note_label_word(segment, count, row, _LABEL_COMPLETED)
    journal.publish(segment, journal.note_process_word(segment, count, process, _PROCESS_ACCEPTED))
    apply_score(segment, slot, score)
    faults.point(segment)
    header.completed += 1
    faults.point(segment)
    header.score_sum += score
    faults.point(segment)
    label_record(segment, row).completed += 1
    faults.point(segment)
    process_record(segment, process).accepted += 1
    faults.point(segment)

    completions = view.completion_count[slot]
    if completions == eviction.exploration_threshold(segment):
        slots.promote(segment, slot)
    header.immature_count += eviction.is_immature(segment, completions)
    faults.point(segment)
    header.immature_count -= eviction.is_immature(segment, completions - 1)
    faults.point(segment)
    old = view.progress[slot]
    new = compute_progress(segment, slot)
    view.progress[slot] = new
    faults.point(segment)
    moments.replace_progress(segment, old, new)
    refresh(segment, slot)


@helper
def count_draw(segment, process, slot):
    """Count that a task was handed out."""
    header = header_record(segment, 0)
    view = column(segment)
    row = labels.row_of(view.label[slot])
    count = journal.note_columns(segment, header.journal_count, _SCHEDULED_FIRST, _SCHEDULED_LAST, slot)
    count = journal.note_word(segment, count, _SCHEDULED_WORD)
    count = journal.note_label_word(segment, count, row, _LABEL_SAMPLED)
    journal.publish(segment, journal.note_process_word(segment, count, process, _PROCESS_DRAWS))
    view.scheduled_count[slot] += 1
    faults.point(segment)
    header.scheduled += 1
    faults.point(segment)
    label_record(segment, row).epoch_sampled += 1
    faults.point(segment)
    process_record(segment, process).draws += 1
    faults.point(segment)
