"""The one place that keeps everything derived up to date with the truth columns.

A task *enters*, *changes* by a completion, is *drawn*, and *leaves*; each index of this folder follows in the order in
which it stands here. A rebuild makes all of them anew from the truth alone, to the same values: that is what repairs a
pool, restores a checkpoint and puts another scheduler's rules into force.
"""

import numpy as np

from lpcurr.kernels import formulas
from lpcurr.kernels.indices import label_progress, labels, members, ranks, slots, staleness, sums, trees
from lpcurr.kernels.machine.compiling import helper, inlined
from lpcurr.kernels.machine.views import column, header_record, index_table
from lpcurr.kernels.safety import faults
from lpcurr.memory import layout
from lpcurr.schedulers.common import Way

_Z_SCORE, _WEIGHT, _RANK = int(Way.Z_SCORE), int(Way.WEIGHT), int(Way.RANK)


@inlined
def compute_priority(segment, slot):
    """Return what the draw goes by, NaN and what is beyond the limit dealt with."""
    priority = formulas.priority(column(segment), slot, header_record(segment, 0))
    if np.isnan(priority):
        return 0.0
    return min(max(priority, -sums.PRIORITY_LIMIT), sums.PRIORITY_LIMIT)


@inlined
def order_of_score(segment, slot):
    """Return a number that orders explored tasks as their scores do, whatever the pool's mean and deviation are.

    What the scheduler retains tasks by, unless scores are equal where that is not: no amplification, or a saturated
    sigmoid. (At temperature 0 the least score cannot be a saturated one.)
    """
    header = header_record(segment, 0)
    retained = formulas.retention(column(segment), slot, header)
    if np.isnan(retained):
        return 0.0
    if header.draws_by != _Z_SCORE:
        return retained
    if header.temperature != 0.0:
        return formulas.sigmoid(formulas.z_score(retained, 0.0, 1.0, 1.0, header.temperature))
    return retained if header.amplification > 0.0 else 0.0


@inlined
def _eviction_key(segment, slot):
    """Return the slot's key in the tournament: infinite where it may not be evicted."""
    header = header_record(segment, 0)
    completions = column(segment).completion_count[slot]
    if header.may_evict == 0 or completions < header.mature_from:
        return np.inf
    if header.nodes > 1 and slots.owner(column(segment).task_id[slot], header.nodes) != header.node:
        return np.inf
    return order_of_score(segment, slot) if completions >= header.explored_from else header.unexplored_key


@inlined
def is_immature(segment, completions):
    """Return whether a task is explored and yet too young to be evicted (0 or 1)."""
    header = header_record(segment, 0)
    return 1 if completions >= header.explored_from and completions < header.mature_from else 0


@inlined
def keeps_weights(segment):
    """Return whether the sum tree is kept: where draws are by weight, or a temperature makes sigmoids such weights.

    At temperature 0 a task's sigmoid changes with the pool's mean and deviation, so no tree can hold it.
    """
    header = header_record(segment, 0)
    return header.draws_by == _WEIGHT or (header.draws_by == _Z_SCORE and header.temperature != 0.0)


@helper
def _weight(segment, slot):
    """Return the slot's weight in the sum tree; negative ones are none."""
    header = header_record(segment, 0)
    view = column(segment)
    explored = view.completion_count[slot] >= header.explored_from
    if header.draws_by == _Z_SCORE:
        # Their share is settled before, or they have none.
        if not explored and (header.relative_exploration or header.exploration_bonus == 0.0):
            return 0.0
        return formulas.sigmoid(formulas.z_score(view.priority[slot], 0.0, 0.0, 0.0, header.temperature))
    return max(view.priority[slot], 0.0) if explored else header.exploration_bonus


@inlined
def _keep_exploring(segment, slot):
    header = header_record(segment, 0)
    if header.exploration_share > 0.0:
        view = column(segment)
        view.exploring[slot] = formulas.exploring_weight(view, slot, header)
        faults.may_die_here(segment)


@inlined
def _refresh_trees(segment, slot):
    trees.set_evict_key(segment, slot, _eviction_key(segment, slot))
    faults.may_die_here(segment)
    if keeps_weights(segment):
        trees.set_weight(segment, slot, _weight(segment, slot))


@helper
def _place(segment, slot):
    """Enter a slot into what is kept task by task: one at a time and in a rebuild alike."""
    header = header_record(segment, 0)
    view = column(segment)
    slots.index_insert(segment, slot)
    slots.enter_active(segment, slot)
    if view.completion_count[slot] >= header.explored_from:
        slots.promote(segment, slot)
    faults.may_die_here(segment)
    header.immature_count += is_immature(segment, view.completion_count[slot])
    view.priority[slot] = compute_priority(segment, slot)
    faults.may_die_here(segment)
    _keep_exploring(segment, slot)
    if header.draws_by == _RANK:
        ranks.enter(segment, slot)
    if header.staleness_share > 0.0:
        staleness.change(segment, slot, 1, view.last_drawn[slot])


@helper
def enter(segment, slot):
    """Follow a task whose truth columns have just been filled."""
    header = header_record(segment, 0)
    view = column(segment)
    _place(segment, slot)
    if header.draws_by == _Z_SCORE:
        sums.add_priority(segment, view.priority[slot], 1.0)
    if header.label_share > 0.0:
        members.enter(segment, slot)
    labels.enter_label(segment, labels.row_of(view.label[slot]))
    _refresh_trees(segment, slot)


@inlined
def change(segment, slot):
    """Follow one more completion of a task."""
    header = header_record(segment, 0)
    view = column(segment)
    completions = view.completion_count[slot]
    if completions == header.explored_from:
        slots.promote(segment, slot)
    matured = is_immature(segment, completions - 1) - is_immature(segment, completions)
    if matured != 0:  # written seldom: other processes read what lies beside it
        header.immature_count -= matured
    faults.may_die_here(segment)
    old = view.priority[slot]
    new = compute_priority(segment, slot)
    moves = header.draws_by == _RANK and new != old
    if moves:
        ranks.leave(segment, slot)
    view.priority[slot] = new
    faults.may_die_here(segment)
    _keep_exploring(segment, slot)
    if moves:
        ranks.enter(segment, slot)
    if header.draws_by == _Z_SCORE:
        sums.replace_priority(segment, old, new)
    if header.label_share > 0.0:
        label_progress.follow(segment, labels.row_of(view.label[slot]))
    _refresh_trees(segment, slot)


@helper
def drawn(segment, slot, before):
    """Follow a draw of a task, whose ``last_drawn`` was ``before``."""
    if header_record(segment, 0).staleness_share > 0.0:
        staleness.change(segment, slot, 0, column(segment).last_drawn[slot] - before)


@helper
def leave(segment, slot):
    """Follow a task that leaves, while its columns still say what it was; its label is told afterwards."""
    header = header_record(segment, 0)
    view = column(segment)
    header.immature_count -= is_immature(segment, view.completion_count[slot])
    faults.may_die_here(segment)
    trees.set_evict_key(segment, slot, np.inf)
    faults.may_die_here(segment)
    if keeps_weights(segment):
        trees.set_weight(segment, slot, 0.0)
    if header.draws_by == _RANK:
        ranks.leave(segment, slot)
    if header.staleness_share > 0.0:
        staleness.change(segment, slot, -1, -view.last_drawn[slot])
    if header.label_share > 0.0:
        members.leave(segment, slot)
    slots.leave_active(segment, slot)
    faults.may_die_here(segment)
    slots.index_remove(segment, slot)
    faults.may_die_here(segment)
    if header.draws_by == _Z_SCORE:
        sums.remove_priority(segment, view.priority[slot])


@helper
def rebuild(segment):
    """Make everything derived from the truth columns, O(capacity)."""
    header = header_record(segment, 0)
    view = column(segment)
    table = index_table(segment)
    for cell in range(table.size):
        table[cell] = 0
    faults.may_die_here(segment)
    header.active_count = 0
    header.explored_count = 0
    header.immature_count = 0
    header.rank_root = -1
    header.free_count = 0
    header.high_water = 0
    header.label_count = min(max(header.label_count, labels.FIRST_FREE_ROW), layout.LABEL_CAPACITY)
    staleness.clear(segment)
    faults.may_die_here(segment)
    for slot in range(header.capacity):
        view.evict_key[slot] = np.inf
        view.weight[slot] = 0.0
    faults.may_die_here(segment)
    for slot in range(header.capacity):
        if view.task_id[slot] != layout.FREE:
            header.high_water = slot + 1
            _rebuild_slot(segment, slot)
    for slot in range(header.high_water):  # ascending, which is a heap
        if view.task_id[slot] == layout.FREE:
            view.active[slots.free_cell(segment, header.free_count)] = slot
            header.free_count += 1
            faults.may_die_here(segment)
    sums.rebuild_sums(segment, header.active_count if header.draws_by == _Z_SCORE else 0)
    trees.rebuild_trees(segment)
    labels.rebuild_labels(segment)


@helper
def _rebuild_slot(segment, slot):
    view = column(segment)
    if view.label[slot] < 0 or labels.row_of(view.label[slot]) >= header_record(segment, 0).label_count:
        view.label[slot] = layout.UNKNOWN_LABEL  # damaged: it would lead out of the table
    _place(segment, slot)
    view.evict_key[slot] = _eviction_key(segment, slot)
    if keeps_weights(segment):
        view.weight[slot] = _weight(segment, slot)
    faults.may_die_here(segment)
