"""Score deviation: the tasks whose score varies most, sometimes solved and sometimes not.

When to use it: to keep the metta curriculum's basic variant, ``LearningProgressConfig(use_bidirectional=False)``, or
where practice is to go to prompts that are neither always nor never solved, and nowhere else. It takes luck for
progress: a coin flip has the greatest deviation of all.
"""

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from lpcurr.schedulers.common import Share, Way
from lpcurr.schedulers.renewal import RenewingConfig, Unbiased


class ScoreDeviationConfig(RenewingConfig):
    """Draw tasks in proportion to the standard deviation of their score.

    >>> ScoreDeviationConfig(min_samples_for_lp=5).exploration_bonus
    0.1
    """

    draws_by: ClassVar[Way] = Way.WEIGHT
    presentations_needed: ClassVar[int] = 5  # the metta curriculum's

    type: Literal["score_deviation"] = "score_deviation"
    rand_task_rate: Share = Field(default=0.01, description="share of the draws that are uniform over the pool")
    unbiased_averages: Unbiased = True

    @staticmethod
    def priority(task: Any, at: Any, rules: Any) -> Any:
        """Return the deviation by the averages of the score and its square."""
        return np.sqrt(np.maximum(task.ema_squared[at] - task.reward_ema[at] * task.reward_ema[at], 0.0))

    def explored_from(self) -> int:
        """Return from how many completions on a task counts as explored: one score deviates from nothing."""
        return max(2, self.min_samples_for_lp)

    def rules(self, min_presentations: int, fixed_set: bool) -> dict[str, Any]:
        return super().rules(min_presentations, fixed_set) | {
            "unexplored_key": self.exploration_bonus,
            "unbiased": self.unbiased_averages,
        }
