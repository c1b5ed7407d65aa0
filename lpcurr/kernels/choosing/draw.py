"""Drawing a task: exact, fresh to the last update, at a cost that does not grow with the pool.

A scheduler is a mixture of a few ways with shares. By *z-score*, p ∝ sigmoid(z), by rejection: pick an active task
uniformly, keep it with probability sigmoid(z). The mean and deviation behind z come from the running sums, so no
other task is looked at, and a draw costs 1 / mean(sigmoid) tries: 8 at worst at amplification 10. Where tries run out
one exact scan answers; a rejection sampler that gives up and scans is still exact. By *weight*, the sum tree answers;
as it does where a temperature replaces the z-score.
By *rank*, a rank is drawn, and an ordered tree has its task.
Beside these: *uniformly*; *exploring*, by rejection with a weight within 0 … 1; by *staleness*; and by *label*.

For draws by z-score, the share of the unexplored tasks, which have no progress to go by, is settled first:

* *relative* (the default): an unexplored task weighs ``EXPLORATION_UNIT · exploration_bonus`` times the mean explored
  task, so their share is the same at every pool size;
* *absolute* (the reference's rule): an unexplored task weighs ``exploration_bonus`` and an explored one its share
  sigmoid / Σ sigmoid, about 1/n. With probability B·nU / (B·nU + 1) an unexplored task is the answer, else a draw from
  p ∝ sigmoid over *all* tasks is, if it is explored; otherwise it starts over. That needs no Σ sigmoid.
"""

import math

import numpy as np

from lpcurr.kernels import formulas
from lpcurr.kernels.indices import label_progress, members, ranks, staleness, trees
from lpcurr.kernels.indices.sums import mean_and_deviation
from lpcurr.kernels.machine import random
from lpcurr.kernels.machine.compiling import by_name, helper, inlined
from lpcurr.kernels.machine.views import column, header_record, label_record, process_record
from lpcurr.memory import layout
from lpcurr.schedulers.common import Way

EXPLORATION_UNIT = layout.EXPLORATION_UNIT
_FAR_BELOW = -3.0  # argument of the sigmoid from which on more than 20 tries would be needed
_ROUNDED = 1e-7  # more than a weight of at most 1 is changed by its rounding to float32
_UNIFORM, _WEIGHT, _RANK = int(Way.UNIFORM), int(Way.WEIGHT), int(Way.RANK)


@helper
def active_slot(segment, position):
    """The slot at a position of the active index."""
    return np.int64(column(segment).active[position])


@helper
def _any_slot(segment, process):
    return active_slot(segment, random.below(segment, process, header_record(segment, 0).active_count))


@by_name("int64(segment, int64, float64)")
def _draw_aside(segment, process, u):
    """The draw where the uniform number that settles the way lies in a share behind the uniform draws."""
    header = header_record(segment, 0)
    if u < header.rand_task_rate + header.exploration_share:
        return _draw_exploring(segment, process)
    if u < header.rand_task_rate + header.exploration_share + header.staleness_share:
        return _draw_by_staleness(segment, process)
    return _draw_by_label(segment, process)


@by_name("int64(segment, int64)")
def _draw_by_tree(segment, process):
    draws_by = header_record(segment, 0).draws_by
    if draws_by == _WEIGHT:
        return _draw_by_weight(segment, process)
    if draws_by == _RANK:
        return _draw_by_rank(segment, process)
    return _draw_by_sigmoid(segment, process)


@inlined
def draw_slot(segment, process):
    """Draw one active task by the pool's distribution; there must be one.

    One uniform number settles which way the draw goes, where there is a choice; the shares stand in a fixed order.
    """
    header = header_record(segment, 0)
    aside = header.rand_task_rate + header.exploration_share + header.staleness_share + header.label_share
    if aside > 0.0:
        u = random.uniform(segment, process)
        if u < header.rand_task_rate:
            return _any_slot(segment, process)
        if u < aside:
            return _draw_aside(segment, process, u)
    if header.draws_by == _WEIGHT or header.draws_by == _RANK:
        return _draw_by_tree(segment, process)
    if header.draws_by == _UNIFORM or header.explored_count == 0:
        return _any_slot(segment, process)
    if header.temperature != 0.0:
        return _draw_by_tree(segment, process)
    return _draw_by_z_score(segment, process)


@helper
def _draw_by_sigmoid(segment, process):
    """The draw by z-score where a temperature replaces it: no sigmoid depends on another task, the sum tree has them.

    Under the absolute rule the tree has the unexplored tasks too, and a draw from all of them may start over.
    """
    header = header_record(segment, 0)
    explored = header.explored_count
    to_unexplored = unexplored_probability(segment)
    total = trees.total_weight(segment)
    for _ in range(max(header.active_count, 16)):
        if to_unexplored > 0.0 and random.uniform(segment, process) < to_unexplored:
            return active_slot(segment, explored + random.below(segment, process, header.active_count - explored))
        slot = trees.slot_at_weight(segment, random.uniform(segment, process) * total)
        if column(segment).position[slot] < explored:
            return slot
    process_record(segment, process).scans += 1
    return _draw_by_scan(segment, process, 0.0, 0.0, False)


@inlined
def _draw_by_weight(segment, process):
    header = header_record(segment, 0)
    explores = header.exploration_share > 0.0
    total = trees.total_weight(segment)
    if total > 0.0:
        slot = trees.slot_at_weight(segment, random.uniform(segment, process) * total)
        if not explores or random.uniform(segment, process) < formulas.acceptance(column(segment), slot, header):
            return slot
    if explores:
        return _draw_exploring(segment, process)
    return _any_slot(segment, process)


@helper
def _draw_rank(segment, process, count, power):
    """Draw a rank 1 … count in proportion to rank^−power, by rejection: four of five tries and more are kept.

    r^−power lies under x^−power for r − 1 ≤ x < r, whose integral has an inverse; so ⌊x⌋ + 1 is kept with the chance
    (x / r)^power, and rank 1 always.
    """
    tail = math.log(count) if power == 1.0 else (1.0 - count ** (1.0 - power)) / (power - 1.0)
    while True:
        above = random.uniform(segment, process) * (1.0 + tail) - 1.0
        if above < 0.0:
            return 1
        x = math.exp(above) if power == 1.0 else (1.0 - above * (power - 1.0)) ** (1.0 / (1.0 - power))
        rank = min(np.int64(x) + 1, count)
        if random.uniform(segment, process) < (x / rank) ** power:
            return rank


@helper
def _draw_by_rank(segment, process):
    """Draw a rank, and one of the tasks whose priority is that of its task: equal tasks share what their ranks get."""
    header = header_record(segment, 0)
    rank = _draw_rank(segment, process, header.active_count, header.rank_power)
    slot = ranks.slot_at(segment, rank - 1)
    if ranks.is_alone(segment, slot, rank - 1, header.active_count):
        return slot
    first, end = ranks.bounds(segment, slot)
    return ranks.slot_at(segment, first + random.below(segment, process, end - first))


@inlined
def _draw_by_staleness(segment, process):
    total = staleness.total(segment)
    if total <= 0:
        return _any_slot(segment, process)
    return staleness.slot_at(segment, np.int64(random.uniform(segment, process) * total))


@helper
def _draw_by_label(segment, process):
    """Draw a label in proportion to its progress, and one of its tasks uniformly."""
    total = label_progress.total(segment)
    if total <= 0.0:
        return _any_slot(segment, process)
    row = label_progress.row_at(segment, random.uniform(segment, process) * total)
    return members.slot_at(segment, row, random.below(segment, process, label_record(segment, row).active))


@inlined
def _draw_exploring(segment, process):
    """Draw in proportion to the scheduler's `exploring_weight`, by rejection; out of tries, by one exact scan.

    Most tries are settled by the kept weight, rounded as it is; where that is too near, the formula decides.
    """
    header = header_record(segment, 0)
    view = column(segment)
    record = process_record(segment, process)
    count = header.active_count
    for _ in range(max(count, 64)):
        record.tries += 1
        slot = active_slot(segment, random.below(segment, process, count))
        u, weight = random.uniform(segment, process), np.float64(view.exploring[slot])
        if abs(u - weight) <= _ROUNDED:
            weight = formulas.exploring_weight(view, slot, header)
        if u < weight:
            return slot
    record.scans += 1
    total = 0.0
    for position in range(count):
        total += formulas.exploring_weight(view, active_slot(segment, position), header)
    target = random.uniform(segment, process) * total
    for position in range(count):
        target -= formulas.exploring_weight(view, active_slot(segment, position), header)
        if target < 0.0:
            return active_slot(segment, position)
    return active_slot(segment, count - 1)


@helper
def unexplored_probability(segment):
    """How often a try goes to the unexplored group; there must be an explored task."""
    header = header_record(segment, 0)
    unexplored = float(header.active_count - header.explored_count)
    weight = header.exploration_bonus * unexplored
    if header.relative_exploration:
        weight *= EXPLORATION_UNIT
        return weight / (weight + float(header.explored_count))
    return weight / (weight + 1.0)


@helper
def _ceiling(count, mean, deviation, amplification):
    """Return what no task's sigmoid exceeds: 1, unless all are far below it, as where every score is -200.

    No value lies more than √n standard deviations above the mean (Samuelson 1968).
    """
    most = mean + (deviation + 1e-9 * (1.0 + abs(mean))) * math.sqrt(float(count))
    z = formulas.z_score(most, mean, deviation, amplification, 0.0)
    return formulas.sigmoid(z) if z < _FAR_BELOW else 1.0


@helper
def _draw_by_z_score(segment, process):
    header = header_record(segment, 0)
    record = process_record(segment, process)
    view = column(segment)
    count, explored = header.active_count, header.explored_count
    to_unexplored = unexplored_probability(segment)
    # Where the relative rule has settled the groups' shares, or there is no bonus, the explored tasks alone are left.
    candidates = explored if header.relative_exploration or to_unexplored == 0.0 else count
    mean, deviation = mean_and_deviation(segment)
    amplification = header.amplification
    limit = max(count, 16)
    ceiling = _ceiling(count, mean, deviation, amplification)
    settled = False
    for _ in range(limit):
        if not settled and to_unexplored > 0.0 and random.uniform(segment, process) < to_unexplored:
            return active_slot(segment, explored + random.below(segment, process, count - explored))
        settled = True
        record.tries += 1
        position = random.below(segment, process, candidates)
        slot = np.int64(view.active[position])
        z = formulas.z_score(view.priority[slot], mean, deviation, amplification, 0.0)
        u = random.uniform(segment, process) * ceiling
        # For z < 0, formulas.sigmoid(z) < 1 / (2 − z + z²/2): most rejections need no exponential.
        if z < 0.0 and u * (2.0 - z + 0.5 * z * z) >= 1.0:
            continue
        if u < formulas.sigmoid(z):
            if position < explored:
                return slot
            settled = False  # the draw from all tasks came out unexplored: start over
    record.scans += 1
    return _draw_by_scan(segment, process, mean, deviation, settled)


@helper
def _draw_by_scan(segment, process, mean, deviation, settled):
    """The same draw by looking at every task; ``settled``: the try did not go to the unexplored group."""
    header = header_record(segment, 0)
    view = column(segment)
    amplification, temperature = header.amplification, header.temperature
    count, explored = header.active_count, header.explored_count
    total_explored, total = 0.0, 0.0
    for position in range(count):
        z = formulas.z_score(view.priority[view.active[position]], mean, deviation, amplification, temperature)
        total += formulas.sigmoid(z)
        if position < explored:
            total_explored = total
    if settled and header.relative_exploration == 0:  # the draw from all tasks is still to come
        settled = random.uniform(segment, process) * total < total_explored
    if not settled:
        weight = header.exploration_bonus * (count - explored)
        if weight > 0.0 and random.uniform(segment, process) * (weight + total_explored / total) < weight:
            return active_slot(segment, explored + random.below(segment, process, count - explored))
    target = random.uniform(segment, process) * total_explored
    for position in range(explored):
        z = formulas.z_score(view.priority[view.active[position]], mean, deviation, amplification, temperature)
        target -= formulas.sigmoid(z)
        if target < 0.0:
            return active_slot(segment, position)
    return active_slot(segment, explored - 1)
