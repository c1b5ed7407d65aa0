"""Kernels that look at every task: the exact distribution, Gini coefficients. O(n), off the episode path."""

from __future__ import annotations

import numpy as np

from lpcurr.kernels.calls.repair import lock
from lpcurr.kernels.choosing.draw import EXPLORATION_UNIT
from lpcurr.kernels.formulas import sigmoid, z_score
from lpcurr.kernels.indices.sums import mean_and_deviation
from lpcurr.kernels.machine.compiling import helper, kernel
from lpcurr.kernels.machine.views import column, header_record
from lpcurr.kernels.safety import mutex
from lpcurr.memory import layout
from lpcurr.schedulers.common import Way

_UNIFORM, _Z_SCORE, _WEIGHT = int(Way.UNIFORM), int(Way.Z_SCORE), int(Way.WEIGHT)
_LOCK_LOST = layout.Status.LOCK_LOST
_DIGIT_BITS = 11
_DIGITS = 1 << _DIGIT_BITS
_SIGN = np.uint64(1 << 63)


@helper
def _score_all(segment, explored, mean, deviation, lp_scores, scores):
    """Turn the progress of each task, in ``lp_scores``, into sigmoid / Σ sigmoid over all (LP variant), and its score.

    The first ``explored`` tasks are explored. Of the segment, it looks at nothing but the fixed configuration.
    """
    header = header_record(segment, 0)
    count = scores.size
    if header.draws_by == _UNIFORM:
        lp_scores[:] = 1.0
        scores[:] = 1.0
        return
    if header.draws_by == _WEIGHT:
        for position in range(count):
            score = lp_scores[position] if position < explored else header.exploration_bonus
            lp_scores[position] = score
            scores[position] = score
        return
    if count == 0:
        return
    total = 0.0
    for position in range(count):
        z = z_score(lp_scores[position], mean, deviation, header.amplification, header.temperature)
        lp_scores[position] = sigmoid(z)
        total += lp_scores[position]
    bonus = header.exploration_bonus
    if header.relative_exploration and explored > 0:
        bonus *= EXPLORATION_UNIT * lp_scores[:explored].sum() / total / explored
    for position in range(count):
        lp_scores[position] /= total
        scores[position] = lp_scores[position] if position < explored else bonus


@helper
def _probabilities(segment, scores, probabilities):
    header = header_record(segment, 0)
    count = scores.size
    total = scores.sum()
    epsilon = header.rand_task_rate
    for position in range(count):
        share = scores[position] / total if total > 0.0 else 1.0 / count
        probabilities[position] = (1.0 - epsilon) * share + epsilon / count


@kernel("int64(segment, int64, int64[::1], int64[::1], int64[::1], float64[::1], float64[::1], float64[::1])")
def distribution(segment, process, ids, entries, completions, lp_scores, scores, probabilities):
    """Fill the arrays, each [capacity], with the active tasks in the order of the active index; their number.

    The lock is held while progress is copied, not while it is made into probabilities.
    """
    if not lock(segment, process):
        return _LOCK_LOST
    view = column(segment)
    header = header_record(segment, 0)
    count, explored = header.active_count, header.explored_count
    for position in range(count):
        slot = view.active[position]
        ids[position] = view.task_id[slot]
        entries[position] = view.entry[slot]
        completions[position] = view.completion_count[slot]
        lp_scores[position] = view.priority[slot]
    mean, deviation = 0.0, 0.0
    if count > 0 and header.draws_by == _Z_SCORE:
        mean, deviation = mean_and_deviation(segment)
    mutex.unlock(segment)
    _score_all(segment, explored, mean, deviation, lp_scores[:count], scores[:count])
    _probabilities(segment, scores[:count], probabilities[:count])
    return count


@helper
def _sort_keys(keys, other):
    """Sort unsigned keys in linear time, digit by digit; ``other`` is room for as many. Returns the sorted one."""
    counts = np.empty(_DIGITS, dtype=np.int64)
    for digit in range(0, 64, _DIGIT_BITS):
        shift = np.uint64(digit)
        counts[:] = 0
        for i in range(keys.size):
            counts[(keys[i] >> shift) & np.uint64(_DIGITS - 1)] += 1
        if counts.max() == keys.size:  # all alike in this digit
            continue
        place = 0
        for value in range(_DIGITS):
            place, counts[value] = place + counts[value], place
        for i in range(keys.size):
            value = (keys[i] >> shift) & np.uint64(_DIGITS - 1)
            other[counts[value]] = keys[i]
            counts[value] += 1
        keys, other = other, keys
    return keys


@kernel("float64(float64[::1], uint64[::1], uint64[::1])")
def gini(values, keys, room):
    """Gini coefficient of float64[n], finite: (2 Σ i·x_i) / (n Σ x_i) − (n+1)/n over x sorted ascending, i from 1.

    0 for none, or where they sum to 0. ``keys`` and ``room`` are uint64[n] to work in. A float's bits, read as an
    unsigned integer, sort as the float does once the sign is turned round, and so it takes O(n).
    """
    count = values.size
    bits = values.view(np.uint64)
    for i in range(count):
        keys[i] = ~bits[i] if bits[i] & _SIGN else bits[i] | _SIGN
    ranked = _sort_keys(keys, room)
    for i in range(count):
        ranked[i] = ranked[i] ^ _SIGN if ranked[i] & _SIGN else ~ranked[i]
    sorted_values = ranked.view(np.float64)
    total, weighted = 0.0, 0.0
    error, weighted_error = 0.0, 0.0  # Kahan's compensation: the coefficient is a small difference of these
    for i in range(count):
        value = sorted_values[i] - error
        partial = total + value
        error = (partial - total) - value
        total = partial
        value = (i + 1) * sorted_values[i] - weighted_error
        partial = weighted + value
        weighted_error = (partial - weighted) - value
        weighted = partial
    if total == 0.0:
        return 0.0
    return 2.0 * weighted / (count * total) - (count + 1.0) / count
