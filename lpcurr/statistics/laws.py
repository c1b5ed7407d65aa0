"""The exact law of the draws, from what is known of the tasks: for looking at a pool at one moment, in NumPy.

The kernels draw from it task by task and in constant time. Nothing here needs numba, so that those who look from
outside (``lpcurr top``, ``lpcurr inspect``) need not wait for it. The tests hold draws and law equal to 1e-12.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from lpcurr.memory import layout
from lpcurr.pool.moment import Bools, Column, Float64s, Moment

PROGRESS_LIMIT = 1e140


class Scores(NamedTuple):
    """Of every active task, in the order in which they entered the pool: arrays of equal length.

    Attributes:
        raw_progress: |R(p_fast) − R(p_slow)|; in the basic variant the deviation of the score.
        explored: whether it has enough completions for its progress to count.
        lp_scores: sigmoid / Σ sigmoid where draws go by z-scores, else the score.
        scores: what the probability is in proportion to.
        probabilities: of being the next task drawn, where no new one is made.
    """

    raw_progress: Float64s
    explored: Bools
    lp_scores: Float64s
    scores: Float64s
    probabilities: Float64s


def score_tasks(moment: Moment) -> Scores:
    """Score the active tasks as the draw of their pool does."""
    columns, rules, count = moment.columns, moment.header, moment.size
    progress = priorities(columns, rules)
    least = max(2, int(rules["min_samples"])) if rules["algorithm"] == layout.BASIC else int(rules["min_samples"])
    explored: Bools = columns["completion_count"] >= least
    raw, epsilon = raw_learning_progress(columns, rules), float(rules["rand_task_rate"])
    if rules["algorithm"] == layout.DISCRETE_RANDOM:
        lp_scores = scores = np.ones(count)
        epsilon = 0.0
    elif rules["algorithm"] == layout.BASIC:
        raw = progress
        lp_scores = scores = np.where(explored, progress, rules["exploration_bonus"])
    else:
        lp_scores, scores = _scores_of_z(progress, explored, rules)
    total = scores.sum()
    shares = scores / total if total > 0.0 else np.full(count, 1.0 / max(count, 1))
    return Scores(raw, explored, lp_scores, scores, (1.0 - epsilon) * shares + epsilon / max(count, 1))


def priorities(columns: Mapping[str, Column], rules: np.void) -> Float64s:
    """What the draw goes by: progress with what is added to it, or the basic variant's deviation of the score."""
    if rules["algorithm"] == layout.BASIC:
        variance = columns["ema_squared"] - columns["reward_ema"] ** 2
        deviations: Float64s = np.minimum(np.sqrt(np.maximum(variance, 0.0)), PROGRESS_LIMIT)
        return deviations
    progress = raw_learning_progress(columns, rules) + rules["smoothing"]
    if rules["performance_weight"] > 0.0:
        progress = progress + rules["performance_weight"] * columns["p_true"]
    clamped: Float64s = np.clip(np.nan_to_num(progress, nan=0.0), -PROGRESS_LIMIT, PROGRESS_LIMIT)
    return clamped


def raw_learning_progress(columns: Mapping[str, Column], rules: np.void | Mapping[str, float]) -> Float64s:
    """|R(p_fast) − R(p_slow)|, where R magnifies early progress for θ below 0.5 and is the identity at 0.5.

    >>> columns = {"p_fast": np.array([0.5, 0.25]), "p_slow": np.array([0.25, 0.25])}
    >>> raw_learning_progress(columns, {"early_progress_amplification": 0.5})
    array([0.25, 0.  ])
    """
    fast, slow, theta = columns["p_fast"], columns["p_slow"], float(rules["early_progress_amplification"])
    if abs(theta - 0.5) > 1e-6:
        fast, slow = _reweight(np.clip(fast, 0.0, 1.0), theta), _reweight(np.clip(slow, 0.0, 1.0), theta)
    progress: Float64s = np.abs(fast - slow)
    return progress


def mean_and_deviation(header: np.void) -> tuple[float, float]:
    """Return mean and population standard deviation of the priorities, from the header's double-double sums."""
    n = int(header["active_count"])
    high, low = float(header["sum_high"]), float(header["sum_low"])
    squares = Fraction(float(header["square_high"])) + Fraction(float(header["square_low"]))
    variance = n * squares - (Fraction(high) + Fraction(low)) ** 2  # times n²
    return (high + low) / max(n, 1), math.sqrt(variance / n**2) if n and variance > 0 else 0.0


def _scores_of_z(progress: Float64s, explored: Bools, rules: np.void) -> tuple[Float64s, Float64s]:
    """Return sigmoid / Σ sigmoid of all tasks, and their scores: the exploration bonus for the unexplored ones."""
    z = progress
    if rules["temperature"] > 0.0:
        z = progress / rules["temperature"]
    elif rules["temperature"] == 0.0:
        mean, deviation = mean_and_deviation(rules)
        if deviation > 1e-10:
            z = (progress - mean) / deviation * rules["amplification"]
    sigmoids = 1.0 / (1.0 + np.exp(-np.clip(z, -500.0, 500.0)))
    lp_scores: Float64s = sigmoids / sigmoids.sum() if sigmoids.size else sigmoids
    bonus = float(rules["exploration_bonus"])
    if rules["relative_exploration"] and explored.any():
        bonus *= layout.EXPLORATION_UNIT * lp_scores[explored].mean()
    return lp_scores, np.where(explored, lp_scores, bonus)


def _reweight(p: Column, theta: float) -> Float64s:
    denominator = p + theta * (1.0 - 2.0 * p)
    tiny = np.abs(denominator) < 1e-10
    weighted: Float64s = np.where(
        tiny, np.where(p < 0.5, 0.0, 1.0), p * (1.0 - theta) / np.where(tiny, 1.0, denominator)
    )
    return weighted
