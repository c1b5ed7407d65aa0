"""The schedulers' formulas once more, for one task in plain Python, by the scheduler's name.

A mixture has those of its parts. A scheduler without an entry in ``DRAWS_BY``, ``RULES`` and ``PRIORITY`` fails the
generic tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.naive import Rules, Task

DRAWS_BY = {
    "learning_progress": "z-score",
    "score_deviation": "weight",
    "discrete_random": "uniform",
    "learnability": "weight",
    "frontier": "weight",
    "plr": "weight",
    "label_progress": "uniform",
    "staleness": "uniform",
}


def _renewal(settings: Any) -> dict[str, Any]:
    return {
        "bonus": settings.exploration_bonus,
        "epsilon": settings.rand_task_rate,
        "min_samples": settings.min_samples_for_lp,
        "percentile": settings.eviction_threshold_percentile,
        "explored_only": settings.eviction_among == "explored",
        "new_task_rate": settings.new_task_rate,
    }


def _learning_progress(settings: Any) -> dict[str, Any]:
    return _renewal(settings) | {
        "tau": settings.ema_timescale,
        "slow_tau": settings.ema_timescale * settings.slow_timescale_factor,
        "baseline": settings.use_baseline_normalization,
        "zero_is_unset": settings.zero_is_unset,
        "unbiased": settings.unbiased_averages,
        "temperature": settings.lp_score_temperature,
        "amplification": settings.z_score_amplification,
        "relative": settings.exploration == "relative",
    }


def _score_deviation(settings: Any) -> dict[str, Any]:
    rules = _learning_progress(settings) if settings.type == "learning_progress" else _renewal(settings)
    rules["unbiased"] = settings.unbiased_averages
    return rules | {"min_samples": max(2, settings.min_samples_for_lp)}


def _learnability(settings: Any) -> dict[str, Any]:
    return _renewal(settings) | {"min_samples": 0}


def _frontier(settings: Any) -> dict[str, Any]:
    stale = min(settings.staleness_share, 1.0 - settings.frontier_share)
    return {
        "tau": settings.ema_timescale,
        "slow_tau": settings.ema_timescale * settings.slow_timescale_factor,
        "baseline": False,
        "exploring": 1.0 - settings.frontier_share - stale,
        "stale": stale,
        "new_task_rate": settings.new_task_rate,
        "explored_at_maturity": True,
    }


def _plr(settings: Any) -> dict[str, Any]:
    return {
        "tau": settings.signal_timescale,
        "slow_tau": settings.signal_timescale * 0.2,
        "baseline": False,
        "epsilon": settings.rand_task_rate,
        "stale": min(settings.staleness_share, 1.0 - settings.rand_task_rate),
        "new_task_rate": settings.new_task_rate,
    }


def _label_progress(settings: Any) -> dict[str, Any]:
    return {
        "by_label": settings.label_share,
        "label_tau": settings.ema_timescale,
        "label_slow_tau": settings.ema_timescale * settings.slow_timescale_factor,
        "new_task_rate": settings.new_task_rate,
    }


RULES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "learning_progress": _learning_progress,
    "score_deviation": _score_deviation,
    "discrete_random": lambda settings: {"evicts": False},
    "learnability": _learnability,
    "frontier": _frontier,
    "plr": _plr,
    "label_progress": _label_progress,
    "staleness": lambda settings: {"stale": 1.0, "evicts": False},
}


def reweight(p: float, theta: float) -> float:
    """R(p)."""
    denominator = p + theta * (1.0 - 2.0 * p)
    if abs(denominator) < 1e-10:
        return 0.0 if p < 0.5 else 1.0
    return p * (1.0 - theta) / denominator


def raw_progress(task: Task, theta: float) -> float:
    """|R(p_fast) − R(p_slow)|."""
    fast, slow = task.p_fast, task.p_slow
    if abs(theta - 0.5) > 1e-6:
        fast, slow = (reweight(min(1.0, max(0.0, p)), theta) for p in (fast, slow))
    return abs(fast - slow)


def _progress(task: Task, rules: Rules) -> float:
    settings = rules.settings
    value = raw_progress(task, settings.early_progress_amplification) + settings.progress_smoothing
    if settings.performance_bonus_weight > 0.0:
        value += settings.performance_bonus_weight * task.p_true
    return value


def _learnable(task: Task, rules: Rules) -> float:
    settings = rules.settings
    known = min(task.completion_count, 1.0 / rules.alpha)
    a = settings.prior_successes + known * task.success_rate_ema
    b = settings.prior_failures + known * (1.0 - task.success_rate_ema)
    n = settings.attempts
    if n > 1:
        return 1.0 - (a / (a + b)) ** n - (b / (a + b)) ** n
    return a * b / ((a + b) * (a + b + 1.0))


def _plr_value(task: Task, rules: Rules) -> float:
    return task.p_true if rules.settings.by == "score" else task.signal


def _plr_priority(task: Task, rules: Rules) -> float:
    power = 1 if rules.settings.prioritization == "rank" else rules.settings.sharpness
    return max(_plr_value(task, rules), 0.0) ** power


def scaled(value: float, task: Task) -> float:
    low, high = min(0.0, task.least_score), max(1.0, task.greatest_score)
    return (value - low) / (high - low)


def _mastery(task: Task) -> float:
    return scaled(task.p_fast, task) * task.completion_count / (task.completion_count + 1)


def _middling(task: Task) -> float:
    middle = (scaled(task.p_fast, task) + scaled(task.p_slow, task)) / 2
    return max(middle * (1 - middle), 0.0)


def _noise(task: Task) -> float:
    mean, span = scaled(task.reward_ema, task), max(1.0, task.greatest_score) - min(0.0, task.least_score)
    of_coins = max(mean * (1 - mean), 0.0)
    ratio = (task.ema_squared - task.reward_ema**2) / span**2 / of_coins if of_coins > 0.0 else 0.0
    return _middling(task) * min(1.0, max(0.3, ratio))


def _stillness(task: Task, rules: Rules) -> float:
    noise = rules.tau / (2 - rules.tau) * _noise(task)
    away = scaled(task.p_fast, task) - scaled(task.reward_ema, task)
    n = task.completion_count
    return noise / (away**2 + noise) * n / (n + 10) if away**2 + noise > 0.0 else 0.0


def _luck(task: Task, rules: Rules) -> float:
    return _stillness(task, rules) * min(1.0, 6 * _middling(task))


def _frontier_exploring(task: Task, rules: Rules) -> float:
    return 1.0 - rules.settings.exploration_slope * max(_mastery(task), _luck(task, rules))


def _frontier_worth(task: Task, rules: Rules) -> float:
    if task.completion_count < rules.min_presentations:
        return 0.0
    fast, slow = scaled(task.p_fast, task), scaled(task.p_slow, task)
    t, ts = rules.tau, rules.slow_tau
    noise = (t / (2 - t) + ts / (2 - ts) - 2 * t * ts / (t + ts - t * ts)) * _noise(task)
    movement = (fast - slow) ** 2
    odds = math.expm1(min(700.0, 8 * math.log1p(movement / (16 * noise)))) if noise > 0.0 else math.inf
    genuine = 1 / (1 + 20 / odds) if movement > 0.0 else 0.0
    m = _mastery(task)
    worth = (m * (1 - m) ** 3 * genuine * (1 - _stillness(task, rules))) ** 2
    return worth / task.mean_cost if rules.settings.per_cost else worth


def label_worth(fast: float, slow: float, rules: Rules) -> float:
    """|d| times the share of d² that is not noise."""
    t, ts = rules.label_tau, rules.label_slow_tau
    noise = t / (2 - t) + ts / (2 - ts) - 2 * t * ts / (t + ts - t * ts)
    q, movement = (fast + slow) / 2, (fast - slow) ** 2
    both = movement + noise * max(q * (1 - q), 0.0)
    return abs(fast - slow) * movement / both if both > 0.0 else 0.0


def _recent_learnability(task: Task, p: float) -> float:
    k = min(task.completion_count, 25)
    a, b = 1 + k * p, 1 + k * (1 - p)
    return a * b / ((a + b) * (a + b + 1))


PRIORITY: dict[str, Callable[[Task, Rules], float]] = {
    "learning_progress": _progress,
    "score_deviation": lambda task, rules: math.sqrt(max(0.0, task.ema_squared - task.reward_ema**2)),
    "discrete_random": lambda task, rules: 0.0,
    "learnability": _learnable,
    "frontier": _frontier_worth,
    "plr": _plr_priority,
    "label_progress": lambda task, rules: 0.0,
    "staleness": lambda task, rules: 0.0,
}

EXPLORING: dict[str, Callable[[Task, Rules], float]] = {
    "frontier": _frontier_exploring,
}
"""Weights of the share of draws that explores, where they are not all 1."""

ACCEPTANCE: dict[str, Callable[[Task, Rules], float]] = {
    "frontier": lambda task, rules: 1.0 - max(_mastery(task) ** 3, _luck(task, rules))
}
"""With what chance a draw by weight is kept, where it may be made anew by exploring."""

RETENTION: dict[str, Callable[[Task, Rules], float]] = {
    "frontier": lambda task, rules: (
        task.entry + 3 * rules.capacity * _recent_learnability(task, scaled(task.p_slow, task))
    ),
    "plr": lambda task, rules: _recent_learnability(task, task.success_rate_ema),
    "label_progress": lambda task, rules: _recent_learnability(task, task.success_rate_ema),
}
"""What evictions go by, where that is not the score."""
