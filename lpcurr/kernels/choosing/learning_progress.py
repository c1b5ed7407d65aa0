"""What one score changes in a task, and what its learning progress is then.

The formulas are those of the metta learning-progress curriculum (a bidirectional learning-progress estimate: a fast
and a slow exponential moving average of the normalised score, whose distance is the progress), with one correction:
"first time" is told by the completion count, not by the value 0.0. ``zero_is_unset`` brings the old test back.
"""

from __future__ import annotations

import math

import numpy as np

from lpcurr.kernels.indices.sums import PROGRESS_LIMIT
from lpcurr.kernels.machine.compiling import helper
from lpcurr.kernels.machine.views import column, header_record
from lpcurr.kernels.safety import faults
from lpcurr.memory import layout

_BASELINE_LIMIT = 0.75
_LEAST_RANGE = 1e-10
_HUGE = 1e300


@helper
def apply_score(segment, slot, score):
    """Write one completion into the slot's truth columns."""
    header = header_record(segment, 0)
    view = column(segment)
    first = view.completion_count[slot] == 0
    view.completion_count[slot] += 1
    view.total_score[slot] += score
    view.last_score[slot] = score
    faults.point(segment)
    solved = 1.0 if score >= view.success_threshold[slot] else 0.0
    square = min(score * score, _HUGE)
    if first:
        view.reward_ema[slot] = score
        view.ema_squared[slot] = square
        view.success_rate_ema[slot] = solved
    else:
        alpha = header.ema_alpha
        view.reward_ema[slot] = (1.0 - alpha) * view.reward_ema[slot] + alpha * score
        view.ema_squared[slot] = (1.0 - alpha) * view.ema_squared[slot] + alpha * square
        view.success_rate_ema[slot] = (1.0 - alpha) * view.success_rate_ema[slot] + alpha * solved
    faults.point(segment)
    _apply_bidirectional(segment, slot, score, first)


@helper
def _apply_bidirectional(segment, slot, score, first):
    header = header_record(segment, 0)
    view = column(segment)
    normalised = score
    if header.baseline_normalization:
        unset = view.random_baseline[slot] == 0.0 if header.zero_is_unset else first
        if unset:
            view.random_baseline[slot] = min(score, _BASELINE_LIMIT)
        baseline = view.random_baseline[slot]
        normalised = min(max(score - baseline, 0.0) / max(1.0 - baseline, _LEAST_RANGE), _HUGE)
    fresh = view.p_fast[slot] == 0.0 and view.p_slow[slot] == 0.0 if header.zero_is_unset else first
    if fresh:
        view.p_fast[slot] = normalised
        view.p_slow[slot] = normalised
        view.p_true[slot] = score
    else:
        fast, slow = header.fast_timescale, header.slow_timescale
        view.p_fast[slot] = normalised * fast + view.p_fast[slot] * (1.0 - fast)
        view.p_slow[slot] = normalised * slow + view.p_slow[slot] * (1.0 - slow)
        view.p_true[slot] = score * fast + view.p_true[slot] * (1.0 - fast)


@helper
def reweight(p, theta):
    """R(p) = p(1−θ) / (p + θ(1−2p)): magnifies early progress for θ below 0.5."""
    denominator = p + theta * (1.0 - 2.0 * p)
    if abs(denominator) < 1e-10:
        return 0.0 if p < 0.5 else 1.0
    return p * (1.0 - theta) / denominator


@helper
def raw_learning_progress(segment, slot, theta):
    """|R(p_fast) − R(p_slow)|; θ = 0.5 is the identity."""
    view = column(segment)
    fast, slow = view.p_fast[slot], view.p_slow[slot]
    if abs(theta - 0.5) > 1e-6:
        fast = reweight(min(max(fast, 0.0), 1.0), theta)
        slow = reweight(min(max(slow, 0.0), 1.0), theta)
    return abs(fast - slow)


@helper
def compute_progress(segment, slot):
    """What the draw goes by: progress, smoothing and performance bonus, or the basic variant's standard deviation."""
    header = header_record(segment, 0)
    view = column(segment)
    if header.algorithm == layout.BASIC:
        variance = view.ema_squared[slot] - view.reward_ema[slot] * view.reward_ema[slot]
        return min(math.sqrt(variance), PROGRESS_LIMIT) if variance > 0.0 else 0.0
    progress = raw_learning_progress(segment, slot, header.early_progress_amplification) + header.smoothing
    if header.performance_weight > 0.0:
        progress += header.performance_weight * view.p_true[slot]
    if np.isnan(progress):
        return 0.0
    return min(max(progress, -PROGRESS_LIMIT), PROGRESS_LIMIT)


@helper
def sigmoid(z):
    """1 / (1 + e^−z), z clipped to ± 500."""
    return 1.0 / (1.0 + math.exp(-min(max(z, -500.0), 500.0)))


@helper
def z_score(progress, mean, deviation, amplification, temperature):
    """The argument of the sigmoid: the amplified z-score at temperature 0, else progress / temperature.

    Tasks that are all alike (standard deviation up to 1e-10), and a negative temperature, leave progress as it is.
    """
    if temperature > 0.0:
        return progress / temperature
    if temperature == 0.0 and deviation > 1e-10:
        return (progress - mean) / deviation * amplification
    return progress
