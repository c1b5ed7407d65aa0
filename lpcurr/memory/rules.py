"""The rules of a pool: the words of its header that a scheduler and its settings come to, resolved in Python.

They are all that kernels know of an algorithm. ``use`` writes them anew in a live pool, under the journal.
"""

from typing import Any

import numpy as np

SCHEDULER_NAME_WORDS = 4
OWN_WORDS = 16


def integers(*names: str) -> list[tuple[str, str]]:
    """Return fields of integers."""
    return [(name, "<i8") for name in names]


def floats(*names: str) -> list[tuple[str, str]]:
    """Return fields of floats."""
    return [(name, "<f8") for name in names]


RULES: dict[str, Any] = {
    "scheduler": 0,  # its number: place in lpcurr.schedulers.ALL, by which kernels choose its formulas
    "scheduler_name": (0,) * SCHEDULER_NAME_WORDS,  # UTF-8, for those who look from outside
    "draws_by": 0,  # lpcurr.schedulers.common.Way: how most draws are made
    "rand_task_rate": 0.0,  # share of the draws that are uniform over the pool
    "exploration_share": 0.0,  # share of the draws by rejection with the scheduler's `exploration`
    "staleness_share": 0.0,  # share of the draws in proportion to the draws since a task was last drawn
    "label_share": 0.0,  # share of the draws by the progress of labels
    "label_fast_timescale": 1.0,  # weight of a new score in a label's averages
    "label_slow_timescale": 1.0,
    "explored_from": 0,  # completions from which a task counts as explored
    "mature_from": 0,  # completions from which a task may be evicted
    "may_evict": 0,  # 0: nothing is evicted by score
    "unexplored_key": 1e300,  # key in the tournament of a mature task that is unexplored: by default behind all others
    "new_task_rate": 0.0,  # share of the draws on a full pool that may evict a task
    "eviction_percentile": 1.0,  # only scores within this share of the lowest may go
    "evict_explored_only": 1,  # 0: the reference's rule of eviction
    "exploration_bonus": 0.0,  # weight of an unexplored task
    "relative_exploration": 1,  # 1: in units of the mean explored task; 0: as it is
    "unbiased": 1,  # 1: averages are plain means while young; 0: they begin at the first score
    "baseline_normalization": 1,  # 1: p_fast and p_slow measure from the first score up to 1
    "zero_is_unset": 0,  # 1: the reference's test for a first score
    "ema_alpha": 0.02,  # weight of a new score in reward_ema, ema_squared, success_rate_ema, mean_cost
    "fast_timescale": 0.1,  # in p_fast, p_true and signal
    "slow_timescale": 0.02,  # in p_slow
    "smoothing": 0.0,  # of learning progress, as are the next two
    "performance_weight": 0.0,
    "early_progress_amplification": 0.5,
    "temperature": 0.0,  # of the z-score
    "amplification": 10.0,
    "rank_power": 1.0,  # draws by rank weigh a task its rank to minus this
    "success_threshold": 0.5,  # what new tasks get
    "generator_type": 0.0,
    "max_inactive_labels": 0,  # labels without a task whose counts are kept
    "own": (0.0,) * OWN_WORDS,  # what the scheduler's file says they are
}
"""Each with what it is where a scheduler does not say."""

RULE_FIELDS: list[Any] = [(name, np.asarray(value).dtype.str, np.shape(value)) for name, value in RULES.items()]
