"""The probability of a task, by a look at all of them.

Draws do without: they are exact and look at a few tasks. A batch of distinct tasks that takes most of what is likely
needs it once. :mod:`lpcurr.statistics.laws` says the same of a pool that is looked at from outside.
"""

import math

from lpcurr.kernels import formulas
from lpcurr.kernels.choosing.draw import EXPLORATION_UNIT, active_slot
from lpcurr.kernels.indices import label_progress, labels, ranks, staleness, trees
from lpcurr.kernels.indices.sums import mean_and_deviation
from lpcurr.kernels.machine.compiling import helper
from lpcurr.kernels.machine.views import column, header_record, label_record
from lpcurr.schedulers.common import Way

_WEIGHT, _Z_SCORE, _RANK = int(Way.WEIGHT), int(Way.Z_SCORE), int(Way.RANK)


@helper
def _sigmoid(segment, slot, mean, deviation):
    header = header_record(segment, 0)
    priority = column(segment).priority[slot]
    return formulas.sigmoid(formulas.z_score(priority, mean, deviation, header.amplification, header.temperature))


@helper
def power_sum(first, end, power):
    """Return Σ r^−power for first < r ≤ end, in at most some hundred steps a unit of power.

    The terms where the power is steep one by one; of the rest, which is smooth, the Euler–Maclaurin formula with three
    corrections, within 1e-13.
    """
    total, low = 0.0, first
    while low < end and low < max(first + 16, 40.0 * power):
        low += 1
        total += float(low) ** -power
    if low < end:
        a, b = float(low), float(end)
        from_a, from_b = a**-power, b**-power
        logarithm = math.log1p((b - a) / a)
        if power == 1.0:
            total += logarithm
        else:
            total -= a * from_a * math.expm1((1.0 - power) * logarithm) / (power - 1.0)
        total += (from_b - from_a) * 0.5
        slope_a, slope_b = -power * from_a / a, -power * from_b / b
        total += (slope_b - slope_a) / 12.0
        both = (power + 1.0) * (power + 2.0)
        third_a, third_b = slope_a * both / (a * a), slope_b * both / (b * b)
        total -= (third_b - third_a) / 720.0
    return total


@helper
def totals(segment):
    """Return what probabilities are shares of, O(n).

    (Σ sigmoid of the explored tasks, Σ sigmoid of all, Σ exploring weight, mean, deviation, Σ weight (of ranks too),
    Σ weight that is accepted, Σ staleness): what the scheduler does not go by is 0.
    """
    header = header_record(segment, 0)
    view = column(segment)
    explored_sum, sigmoid_sum, exploring_sum, mean, deviation, accepted_sum = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    by_z_score = header.draws_by == _Z_SCORE and header.explored_count > 0
    if by_z_score:
        mean, deviation = mean_and_deviation(segment)
    for position in range(header.active_count):
        slot = active_slot(segment, position)
        if by_z_score:
            sigmoid_sum += _sigmoid(segment, slot, mean, deviation)
            if position < header.explored_count:
                explored_sum = sigmoid_sum
        if header.exploration_share > 0.0:
            exploring_sum += formulas.exploring_weight(view, slot, header)
            if header.draws_by == _WEIGHT:
                accepted_sum += view.weight[slot] * formulas.acceptance(view, slot, header)
    weight_sum = trees.total_weight(segment) if header.draws_by == _WEIGHT else 0.0
    if header.draws_by == _RANK:
        weight_sum = power_sum(0, header.active_count, header.rank_power)
    stale_sum = staleness.total(segment) if header.staleness_share > 0.0 else 0
    return explored_sum, sigmoid_sum, exploring_sum, mean, deviation, weight_sum, accepted_sum, stale_sum


@helper
def _by_z_score(segment, position, sums):
    """Return the probability of the task at a position, of the draws that go by z-score; see ``draw``."""
    header = header_record(segment, 0)
    explored_sum, sigmoid_sum, _, mean, deviation, _, _, _ = sums
    explored = header.explored_count
    bonus = header.exploration_bonus
    if header.relative_exploration:
        bonus *= EXPLORATION_UNIT
        explored_weight = float(explored)
    else:
        explored_weight = explored_sum / sigmoid_sum
    total = bonus * (header.active_count - explored) + explored_weight
    if position >= explored:
        return bonus / total
    sigmoid = _sigmoid(segment, active_slot(segment, position), mean, deviation)
    return explored_weight / total * (sigmoid / explored_sum)


@helper
def probability(segment, position, sums):
    """Return the probability that the next draw is the task at a position of the active index; ``sums``: `totals`."""
    header = header_record(segment, 0)
    view = column(segment)
    slot = active_slot(segment, position)
    _, _, exploring_sum, _, _, weight_sum, accepted_sum, stale_sum = sums
    uniform = 1.0 / header.active_count
    exploring = uniform
    if exploring_sum > 0.0:
        exploring = formulas.exploring_weight(view, slot, header) / exploring_sum
    chosen = uniform
    if header.draws_by == _WEIGHT:
        chosen = exploring
        if weight_sum > 0.0:
            chosen = view.weight[slot] / weight_sum
            if exploring_sum > 0.0:
                rejected = 1.0 - accepted_sum / weight_sum
                chosen = chosen * formulas.acceptance(view, slot, header) + max(rejected, 0.0) * exploring
    elif header.draws_by == _RANK:
        first, end = ranks.bounds(segment, slot)
        chosen = power_sum(first, end, header.rank_power) / (end - first) / weight_sum
    elif header.draws_by == _Z_SCORE and header.explored_count > 0:
        chosen = _by_z_score(segment, position, sums)
    aside = header.rand_task_rate + header.exploration_share + header.staleness_share + header.label_share
    answer = (1.0 - aside) * chosen + header.rand_task_rate * uniform + header.exploration_share * exploring
    if header.staleness_share > 0.0:
        share = (header.scheduled - view.last_drawn[slot]) / stale_sum if stale_sum > 0 else uniform
        answer += header.staleness_share * share
    if header.label_share > 0.0:
        total, row = label_progress.total(segment), labels.row_of(view.label[slot])
        share = uniform
        if total > 0.0:
            share = label_progress.weight_of(segment, row) / total / label_record(segment, row).active
        answer += header.label_share * share
    return answer
