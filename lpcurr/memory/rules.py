"""The rules of a pool: the words of its header that a scheduler and its settings come to, resolved in Python.

They are all that kernels know of an algorithm. ``use`` writes them anew in a live pool, under the journal.
"""

from __future__ import annotations

from typing import Any

SCHEDULER_NAME_WORDS = 4
OWN_WORDS = 16


def integers(*names: str) -> list[tuple[str, str]]:
    """Return fields of integers."""
    return [(name, "<i8") for name in names]


def floats(*names: str) -> list[tuple[str, str]]:
    """Return fields of floats."""
    return [(name, "<f8") for name in names]


RULE_FIELDS: list[Any] = [
    *integers("scheduler"),  # its number: place in lpcurr.schedulers.ALL, by which kernels choose its formulas
    ("scheduler_name", "<i8", (SCHEDULER_NAME_WORDS,)),  # UTF-8, for those who look from outside
    *integers("draws_by"),  # lpcurr.schedulers.common.Way: how most draws are made
    *floats("rand_task_rate"),  # share of the draws that are uniform over the pool
    *floats("exploration_share"),  # share of the draws by rejection with the scheduler's `exploration`
    *floats("staleness_share"),  # share of the draws in proportion to the draws since a task was last drawn
    *floats("label_share"),  # share of the draws by the progress of labels
    *floats("label_fast_timescale", "label_slow_timescale"),  # weight of a new score in a label's averages
    *integers("explored_from"),  # completions from which a task counts as explored
    *integers("mature_from"),  # completions from which a task may be evicted
    *integers("may_evict"),  # 0: nothing is evicted by score
    *floats("unexplored_key"),  # key in the tournament of a mature task that is unexplored
    *floats("new_task_rate"),  # share of the draws on a full pool that may evict a task
    *floats("eviction_percentile"),  # only scores within this share of the lowest may go
    *integers("evict_explored_only"),  # 0: the reference's rule of eviction
    *floats("exploration_bonus"),  # weight of an unexplored task
    *integers("relative_exploration"),  # 1: in units of the mean explored task; 0: as it is
    *integers("unbiased"),  # 1: averages are plain means while young; 0: they begin at the first score
    *integers("baseline_normalization"),  # 1: p_fast and p_slow measure from the first score up to 1
    *integers("zero_is_unset"),  # 1: the reference's test for a first score
    *floats("ema_alpha"),  # weight of a new score in reward_ema, ema_squared, success_rate_ema, mean_cost
    *floats("fast_timescale"),  # in p_fast, p_true and signal
    *floats("slow_timescale"),  # in p_slow
    *floats("smoothing", "performance_weight", "early_progress_amplification"),  # of learning progress
    *floats("temperature", "amplification"),  # of the z-score
    *floats("rank_power"),  # draws by rank weigh a task its rank to minus this
    *floats("success_threshold", "generator_type"),  # what new tasks get
    *integers("max_inactive_labels"),  # labels without a task whose counts are kept
    ("own", "<f8", (OWN_WORDS,)),  # what the scheduler's file says they are
]
