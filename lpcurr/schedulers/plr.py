"""Prioritized level replay: the tasks of which the learner says that there is most to learn, and those long not seen.

When to use it: where the learner has a number for what an episode could still teach, such as the mean size of its
value loss, and reports it as ``signal``. On simulated students, whose signal is how far a score was from what was
expected, it lost to uniform draws more often than it won unless half of the draws and more went by staleness, which is
the default; by rank with the settings of its paper it lost nearly everywhere but on generators without end. Where a
generator makes the tasks, those always or never solved make room.

References:
    Jiang, Grefenstette and Rocktäschel, "Prioritized level replay" (2021), arXiv 2010.03934: P = (1 − ρ) · P_score
    + ρ · P_stale, with P_score ∝ score^(1/β) or rank^(−1/β), and P_stale ∝ draws since the task was last drawn; there
    by rank, with β and ρ 0.1. Both prioritizations: Schaul and others (2016), arXiv 1511.05952.
"""

from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from lpcurr.schedulers.common import Rate, SchedulerConfig, Share, Way, own_words, power, recent_learnability


class PrioritizedReplayConfig(SchedulerConfig):
    """Draw by a task's score or its rank, and a share in proportion to how long it was not drawn.

    The score is the average of the ``signal`` that was reported with the task's episodes, or of the episode's own score
    where ``by`` says so; negative ones count as nothing. Ranks do not care about its scale: the highest has rank 1, and
    tasks of equal scores have equal chances, the mean of what their ranks give. A rank costs 0.6 µs more an episode at
    1,000 tasks, and 4 at a million.

    >>> as_published = PrioritizedReplayConfig(
    ...     prioritization="rank", sharpness=10, staleness_share=0.1, rand_task_rate=0.0
    ... )
    """

    draws_by: ClassVar[Way] = Way.WEIGHT

    type: Literal["plr"] = "plr"
    by: Literal["signal", "score"] = Field(default="signal", description="what is averaged: the signal, or the score")
    signal_timescale: Rate = Field(default=0.1, description="weight of a new value in that average; 1: the last one")
    prioritization: Literal["proportional", "rank"] = Field(
        default="proportional", description="whether draws go by that average, or by its rank over the pool"
    )
    sharpness: int = Field(
        default=1, ge=1, le=100, description="1/β: tasks weigh their average to this power, or rank to minus this"
    )
    staleness_share: Share = Field(
        default=0.5, description="ρ: share of the draws in proportion to the draws since a task was last drawn"
    )
    rand_task_rate: Share = Field(default=0.1, description="share of the draws that are uniform over the pool")
    new_task_rate: Share = Field(
        default=0.3, description="share of the draws on a full pool that may evict a task and bring in a new one"
    )

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        total = self.staleness_share + self.rand_task_rate
        if total > 1.0:
            raise ValueError(
                f"staleness_share={self.staleness_share:g} and rand_task_rate={self.rand_task_rate:g} add up to "
                f"{total:g}: they are shares of the draws, give at most 1 together"
            )
        return self

    @staticmethod
    def priority(task: Any, at: Any, rules: Any) -> Any:
        """Return the average of the signal, or of the score, to the power of 1/β where it is no rank that counts."""
        sharpness, by_score = rules.own[0], rules.own[1]
        value = task.p_true[at] if by_score > 0.0 else task.signal[at]
        return power(np.maximum(value, 0.0), sharpness)

    @staticmethod
    def retention(task: Any, at: Any, rules: Any) -> Any:
        """Return the expected p(1 − p) of its successes: what is always or never solved goes first."""
        return recent_learnability(task.success_rate_ema[at], task.completion_count[at])

    def rules(self, min_presentations: int, fixed_set: bool) -> dict[str, Any]:
        by_rank = self.prioritization == "rank"
        return super().rules(min_presentations, fixed_set) | {
            "draws_by": int(Way.RANK if by_rank else Way.WEIGHT),
            "rank_power": float(self.sharpness),
            "may_evict": not fixed_set,
            "baseline_normalization": 0,
            "fast_timescale": self.signal_timescale,
            "slow_timescale": self.signal_timescale * 0.2,
            "own": own_words(1 if by_rank else self.sharpness, self.by == "score"),
        }
