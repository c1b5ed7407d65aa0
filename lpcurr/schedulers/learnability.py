"""Learnability p(1 − p): the tasks that are solved about half of the time.

When to use it: where a score is success or failure and the agent's failures are its own, such as prompts with a checked
answer; scores of another scale than 0 … 1 need their own ``task_default_success_threshold``. A task whose outcome is
luck looks learnable for ever: keep a share of uniform draws.

References:
    Tzannetos and others, "Proximal curriculum for reinforcement learning agents" (2023), arXiv 2304.12877. Rutherford
    and others, "No regrets: investigating and improving regret approximations for curriculum discovery" (2024), arXiv
    2408.15099: sampling for learnability, and that uniform draws are the bar.
"""

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from lpcurr.schedulers.common import Rate, Share, Way, expected_learnability, own_words, power
from lpcurr.schedulers.renewal import RenewingConfig


class LearnabilityConfig(RenewingConfig):
    """Draw tasks in proportion to the expected p(1 − p) of their success rate p.

    What is known of p is a Beta distribution: a prior, and the recent successes and failures, of which no more than
    1 / ``task_tracker_ema_alpha`` count. Its mean of p(1 − p) is ab / ((a + b)(a + b + 1)). With ``attempts`` n, as for
    groups of answers to one prompt, the weight is 1 − pⁿ − (1 − p)ⁿ at the mean: the chance that a group is mixed.

    >>> LearnabilityConfig(attempts=8).rand_task_rate
    0.7
    """

    draws_by: ClassVar[Way] = Way.WEIGHT
    scale_free: ClassVar[bool] = True

    type: Literal["learnability"] = "learnability"
    task_tracker_ema_alpha: Rate = Field(
        default=0.1, description="weight of a new score in reward_ema, ema_squared and success_rate_ema"
    )
    new_task_rate: Share = Field(
        default=0.3, description="share of the draws on a full pool that may evict a task and bring in a new one"
    )
    eviction_threshold_percentile: Share = Field(
        default=1.0, description="only tasks whose score lies within this share of the lowest may be evicted"
    )
    prior_successes: float = Field(default=1.0, gt=0.0, le=1e6, description="pseudo-count of successes before any")
    prior_failures: float = Field(default=1.0, gt=0.0, le=1e6, description="pseudo-count of failures before any")
    attempts: int = Field(default=1, ge=1, le=4096, description="episodes of a task at a time; 1: p(1 − p)")

    @staticmethod
    def priority(task: Any, at: Any, rules: Any) -> Any:
        """Return the posterior mean of p(1 − p), or the chance of a mixed group."""
        prior_successes, prior_failures, attempts = rules.own[0], rules.own[1], rules.own[2]
        known = np.minimum(task.completion_count[at], 1.0 / rules.ema_alpha)
        successes = prior_successes + known * task.success_rate_ema[at]
        failures = prior_failures + known * (1.0 - task.success_rate_ema[at])
        if attempts > 1.0:
            total = successes + failures
            return 1.0 - power(successes / total, attempts) - power(failures / total, attempts)
        return expected_learnability(successes, failures)

    def explored_from(self) -> int:
        """Return 0: the prior says what a task is worth that was never played."""
        return 0

    def rules(self, min_presentations: int, fixed_set: bool) -> dict[str, Any]:
        return super().rules(min_presentations, fixed_set) | {
            "mature_from": min_presentations,
            "own": own_words(self.prior_successes, self.prior_failures, self.attempts),
        }
