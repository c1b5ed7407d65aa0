"""From what is known of the tasks to the distribution of the draws, in numpy: for looking at a pool from outside.

The kernels do the same inside a pool, task by task and in constant time. This is for those who have a copy of some
columns and no wish to wait for numba: ``lpcurr top`` and ``lpcurr inspect``. The tests hold the two equal to 1e-12.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from lpcurr.memory import layout
from lpcurr.schedulers.common import Way

Column = np.ndarray[Any, np.dtype[Any]]
Values = np.ndarray[Any, np.dtype[np.float64]]
Rules = Mapping[str, Any] | np.void
"""Configuration fields of the header by name: a header record, or what ``CurriculumConfig.header_settings()`` gives."""

PROGRESS_LIMIT = 1e140


class Scores(NamedTuple):
    """Of every task: arrays of equal length.

    Attributes:
        raw_progress: |R(p_fast) − R(p_slow)|; in the basic variant the deviation of the score.
        explored: whether it has enough completions for its progress to count.
        scores: what the probability is in proportion to.
        probabilities: of being the next task drawn, where no new one is made.
    """

    raw_progress: Values
    explored: np.ndarray[Any, np.dtype[np.bool_]]
    scores: Values
    probabilities: Values


def raw_learning_progress(fast: Values, slow: Values, theta: float) -> Values:
    """|R(p_fast) − R(p_slow)|, where R magnifies early progress for θ below 0.5 and is the identity at 0.5.

    >>> raw_learning_progress(np.array([0.5, 0.25]), np.array([0.25, 0.25]), 0.5)
    array([0.25, 0.  ])
    """
    if abs(theta - 0.5) > 1e-6:
        fast, slow = _reweight(np.clip(fast, 0.0, 1.0), theta), _reweight(np.clip(slow, 0.0, 1.0), theta)
    return np.abs(fast - slow)


def score(columns: Mapping[str, Column], rules: Rules) -> Scores:
    """Score tasks as the draw of their pool does.

    Args:
        columns: ``completion_count, p_fast, p_slow, p_true, reward_ema, ema_squared``, each an array of [tasks].
        rules: the pool's configuration fields.
    """
    count = columns["completion_count"].size
    if rules["draws_by"] == Way.WEIGHT:
        variance = columns["ema_squared"] - columns["reward_ema"] ** 2
        raw = progress = np.minimum(np.sqrt(np.maximum(variance, 0.0)), PROGRESS_LIMIT)
        explored = columns["completion_count"] >= int(rules["explored_from"])
        scores = np.where(explored, progress, float(rules["exploration_bonus"]))
    else:
        theta = float(rules["early_progress_amplification"])
        raw = raw_learning_progress(columns["p_fast"], columns["p_slow"], theta)
        explored = columns["completion_count"] >= int(rules["explored_from"])
        if rules["draws_by"] == Way.UNIFORM:
            scores = np.ones(count)
        else:
            progress = raw + float(rules["smoothing"])
            if rules["performance_weight"] > 0.0:
                progress = progress + float(rules["performance_weight"]) * columns["p_true"]
            progress = np.clip(np.nan_to_num(progress, nan=0.0), -PROGRESS_LIMIT, PROGRESS_LIMIT)
            scores = _lp_scores(progress, explored, rules)
    total = scores.sum()
    shares = scores / total if total > 0.0 else np.full(count, 1.0 / max(count, 1))
    epsilon = float(rules["rand_task_rate"])
    return Scores(raw, explored, scores, (1.0 - epsilon) * shares + epsilon / max(count, 1))


def _lp_scores(progress: Values, explored: np.ndarray[Any, np.dtype[np.bool_]], rules: Rules) -> Values:
    """Sigmoid / Σ sigmoid for the explored tasks, the exploration bonus for the others."""
    if progress.size == 0:
        return progress
    z = progress
    if rules["temperature"] > 0.0:
        z = progress / float(rules["temperature"])
    elif rules["temperature"] == 0.0:
        mean, deviation = progress.mean(), progress.std()
        if deviation > 1e-10:
            z = (progress - mean) / deviation * float(rules["amplification"])
    sigmoids = 1.0 / (1.0 + np.exp(-np.clip(z, -500.0, 500.0)))
    scores: Values = sigmoids / sigmoids.sum()
    bonus = float(rules["exploration_bonus"])
    if rules["relative_exploration"] and explored.any():
        bonus *= layout.EXPLORATION_UNIT * scores[explored].mean()
    return np.where(explored, scores, bonus)


def _reweight(p: Values, theta: float) -> Values:
    denominator = p + theta * (1.0 - 2.0 * p)
    tiny = np.abs(denominator) < 1e-10
    return np.where(tiny, np.where(p < 0.5, 0.0, 1.0), p * (1.0 - theta) / np.where(tiny, 1.0, denominator))
