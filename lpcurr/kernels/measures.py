"""Kernels that look at every task: the exact distribution. O(n), off the episode path."""

from __future__ import annotations

from lpcurr import layout
from lpcurr.kernels import mutex
from lpcurr.kernels._compile import helper, kernel
from lpcurr.kernels.draw import EXPLORATION_UNIT
from lpcurr.kernels.learning_progress import sigmoid, z_score
from lpcurr.kernels.moments import mean_and_deviation
from lpcurr.kernels.repair import lock
from lpcurr.kernels.views import column, header_record

_LOCK_LOST = layout.Status.LOCK_LOST


@helper
def _score_all(segment, lp_scores, scores):
    """Per position of the active index: sigmoid / Σ sigmoid over all (LP variant), and the score."""
    header = header_record(segment, 0)
    view = column(segment)
    count, explored = header.active_count, header.explored_count
    if header.algorithm == layout.DISCRETE_RANDOM:
        lp_scores[:count] = 1.0
        scores[:count] = 1.0
        return
    if header.algorithm == layout.BASIC:
        for position in range(count):
            score = view.progress[view.active[position]] if position < explored else header.exploration_bonus
            lp_scores[position] = score
            scores[position] = score
        return
    if count == 0:
        return
    mean, deviation = mean_and_deviation(segment)
    total = 0.0
    for position in range(count):
        progress = view.progress[view.active[position]]
        weight = sigmoid(z_score(progress, mean, deviation, header.amplification, header.temperature))
        lp_scores[position] = weight
        total += weight
    bonus = header.exploration_bonus
    if header.relative_exploration and explored > 0:
        bonus *= EXPLORATION_UNIT * lp_scores[:explored].sum() / total / explored
    for position in range(count):
        lp_scores[position] /= total
        scores[position] = lp_scores[position] if position < explored else bonus


@helper
def _probabilities(segment, scores, probabilities):
    header = header_record(segment, 0)
    count = header.active_count
    total = scores[:count].sum()
    epsilon = 0.0 if header.algorithm == layout.DISCRETE_RANDOM else header.rand_task_rate
    for position in range(count):
        share = scores[position] / total if total > 0.0 else 1.0 / count
        probabilities[position] = (1.0 - epsilon) * share + epsilon / count


@kernel("int64(uint8[::1], int64, int64[::1], int64[::1], int64[::1], float64[::1], float64[::1], float64[::1])")
def distribution(segment, process, ids, entries, completions, lp_scores, scores, probabilities):
    """Fill the arrays, each [capacity], with the active tasks in the order of the active index; their number."""
    if not lock(segment, process):
        return _LOCK_LOST
    view = column(segment)
    count = header_record(segment, 0).active_count
    for position in range(count):
        slot = view.active[position]
        ids[position] = view.task_id[slot]
        entries[position] = view.entry[slot]
        completions[position] = view.completion_count[slot]
    _score_all(segment, lp_scores, scores)
    _probabilities(segment, scores, probabilities)
    mutex.unlock(segment)
    return count
