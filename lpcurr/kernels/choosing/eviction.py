"""Which task makes room for a new one.

A task is *evictable* when it has had enough completions and its score is at most the score at index
min(m − 1, floor(m · percentile)) of the m scores sorted ascending; the least score goes, of equals the one that entered
the pool first. Two rules differ in what counts:

* the default: enough are max(min_presentations, explored_from), and m are the explored tasks; and nobody goes while
  new_task_rate of the pool or more is too young to go: a new task needs some episodes before anyone knows what it is
  worth, so at one new task in ten draws there would soon be nothing but new tasks; and nobody goes while the one
  whose turn it is is being played, for its score would come too late;
* ``reference``: enough are min_presentations, and m are all tasks, unexplored ones at the exploration bonus.

On the episode path nothing is scored. The sigmoid is monotone, so the least score is the least priority, which the
tournament tree has at its root; and the percentile only asks how many tasks score strictly below that one: none,
unless explored tasks are still too young to go (``immature_count``).
"""

from __future__ import annotations

import math

import numpy as np

from lpcurr.kernels import formulas
from lpcurr.kernels.indices import following, trees
from lpcurr.kernels.indices.sums import mean_and_deviation
from lpcurr.kernels.machine.compiling import by_name, helper
from lpcurr.kernels.machine.views import column, header_record
from lpcurr.schedulers.common import BEHIND_ALL, Way

_WEIGHT = int(Way.WEIGHT)


@helper
def percentile_index(count, percentile):
    """min(m − 1, floor(m · percentile))."""
    return min(count - 1, np.int64(math.floor(count * percentile)))


@by_name("int64(segment)")
def eviction_candidate(segment):
    """The slot of the task that is to be evicted now, -1 if none is."""
    header = header_record(segment, 0)
    if header.active_count <= 1:
        return -1
    young = header.active_count - header.explored_count + header.immature_count
    if header.evict_explored_only and young >= max(1.0, header.new_task_rate * header.active_count):
        return -1  # first find out what the new tasks are worth that are here already
    slot = trees.least_slot(segment)
    if slot < 0 or not header.evict_explored_only:
        return slot if slot < 0 else _reference_candidate(segment, slot)
    return slot if not _is_played(segment, slot) and _passes(segment, slot, header.explored_count, 0) else -1


@helper
def _is_played(segment, slot):
    """Whether a task that was reported before is handed out now: more often than reported, and lately.

    What was handed out many draws ago may have been abandoned, and must not stay for that.
    """
    header = header_record(segment, 0)
    view = column(segment)
    lately = (header.scheduled - view.last_drawn[slot]) ** 2 < 4 * header.active_count
    return lately and view.scheduled_count[slot] > view.completion_count[slot] > 0


@helper
def _passes(segment, slot, count, more_below):
    """The percentile test: at most ``percentile_index`` of ``count`` scores lie strictly below the slot's.

    ``more_below`` are those known to, beside explored tasks that are too young to be candidates.
    """
    header = header_record(segment, 0)
    view = column(segment)
    allowed = percentile_index(count, header.eviction_percentile) - more_below
    if header.immature_count <= allowed:
        return True
    if allowed < 0 or view.completion_count[slot] < header.explored_from:
        return allowed >= 0  # an unexplored candidate: nothing explored and mature lies below it
    own = following.order_of_score(segment, slot)
    for position in range(header.explored_count):
        if following.order_of_score(segment, np.int64(view.active[position])) < own:
            allowed -= 1
            if allowed < 0:
                return False
    return allowed >= 0


@helper
def _compare_with_bonus(segment, slot):
    """-1, 0 or 1: an explored task's score against the exploration bonus.

    Σ sigmoid is added up only until it shows that sigmoid / Σ sigmoid lies below the bonus: some 10 / bonus tasks at
    the default amplification, whatever the size of the pool.
    """
    header = header_record(segment, 0)
    view = column(segment)
    bonus = header.exploration_bonus
    if header.draws_by == _WEIGHT:
        score = view.priority[slot]
    elif bonus == 0.0:  # no sigmoid is 0
        return 1
    else:
        mean, deviation = mean_and_deviation(segment)
        amplification, temperature = header.amplification, header.temperature
        own = formulas.sigmoid(formulas.z_score(view.priority[slot], mean, deviation, amplification, temperature))
        total = 0.0
        for position in range(header.active_count):
            other = view.priority[view.active[position]]
            total += formulas.sigmoid(formulas.z_score(other, mean, deviation, amplification, temperature))
            if total * bonus > own:
                return -1
        score = own / total
    return -1 if score < bonus else (1 if score > bonus else 0)


@helper
def _reference_candidate(segment, slot):
    """The reference rule: unexplored tasks may go too, and count in the percentile, at the exploration bonus."""
    header = header_record(segment, 0)
    view = column(segment)
    count = header.active_count
    unexplored = count - header.explored_count
    if view.completion_count[slot] < header.explored_from:
        # No mature explored task is there, or none below the bonus: nothing scores less than this one but, maybe,
        # explored tasks that are too young.
        below = _immature_below_bonus(segment)
        return slot if below <= percentile_index(count, header.eviction_percentile) else -1
    if unexplored == 0:
        return slot if _passes(segment, slot, count, 0) else -1
    order = _compare_with_bonus(segment, slot)
    if order < 0:
        return slot if _passes(segment, slot, count, 0) else -1
    # Where the tree knows what an unexplored task scores, one that goes before this slot would be at its root.
    rival = -1 if header.unexplored_key < BEHIND_ALL else _oldest_mature_unexplored(segment)
    if rival >= 0 and (order > 0 or view.entry[rival] < view.entry[slot]):
        below = _immature_below_bonus(segment)
        return rival if below <= percentile_index(count, header.eviction_percentile) else -1
    return slot if _passes(segment, slot, count, unexplored if order > 0 else 0) else -1


@helper
def _oldest_mature_unexplored(segment):
    """Of the unexplored tasks that may be evicted, the slot of the oldest, -1 if there are none: O(n).

    Needed only where an explored score reaches a bonus above 0, which takes a pool of few tasks.
    """
    view = column(segment)
    header = header_record(segment, 0)
    oldest = -1
    for position in range(header.explored_count, header.active_count):
        slot = np.int64(view.active[position])
        if view.completion_count[slot] >= header.mature_from and (oldest < 0 or view.entry[slot] < view.entry[oldest]):
            oldest = slot
    return oldest


@helper
def _immature_below_bonus(segment):
    """How many explored tasks that are too young to go score below the exploration bonus."""
    header = header_record(segment, 0)
    view = column(segment)
    if header.immature_count == 0 or header.exploration_bonus == 0.0:
        return 0
    below = 0
    for position in range(header.explored_count):
        slot = np.int64(view.active[position])
        if following.is_immature(segment, view.completion_count[slot]) and _compare_with_bonus(segment, slot) < 0:
            below += 1
    return below
