"""Learning progress by label: practice goes to the labels whose scores are moving now, to their tasks alike.

When to use it: where labels name groups of tasks that are learned together (levels, subjects, maps), and a task is
played too rarely for progress of its own to be told from luck: five to twenty episodes, or once. Without labels, or
with one for all tasks, it draws uniformly; half of its draws are uniform in any case, so that no task starves.

Of a label it keeps a fast and a slow average, f and s, of the scores of its tasks, each on the scale of what that task
has given so far, 0 … 1. Where nothing changes, d = f − s has the variance ν · q(1 − q), q = (f + s) / 2,
ν = τ/(2−τ) + τₛ/(2−τₛ) − 2ττₛ/(τ+τₛ−ττₛ); a label weighs |d| · g, g = d² / (d² + ν q(1 − q)) being the share of the
movement that is not noise. Averages begin with the first draw by label: after ``use`` they are plain means at first.

References:
    Matiisen, Oliver, Cohen and Schulman, "Teacher-student curriculum learning" (2017), arXiv 1707.00183: subtasks by
    the slope of their scores, whichever sign it has. Graves and others, "Automated curriculum learning for neural
    networks" (2017), arXiv 1704.03003.
"""

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from lpcurr.schedulers.common import Rate, SchedulerConfig, Share, Way, noise_of_movement, recent_learnability, share_of


def label_worth(fast: Any, slow: Any, rules: Any) -> Any:
    """Return what labels weigh by the averages of their scores: |d| · g."""
    noise = noise_of_movement(rules.label_fast_timescale, rules.label_slow_timescale)
    middle = (fast + slow) * 0.5
    movement = (fast - slow) * (fast - slow)
    return np.abs(fast - slow) * share_of(movement, movement + noise * np.maximum(middle * (1.0 - middle), 0.0))


class LabelProgressConfig(SchedulerConfig):
    """Draw half of the tasks from the labels that are making progress, and half uniformly.

    >>> LabelProgressConfig(label_share=0.3).ema_timescale
    0.05
    """

    draws_by: ClassVar[Way] = Way.UNIFORM
    scale_free: ClassVar[bool] = True

    type: Literal["label_progress"] = "label_progress"
    label_share: Share = Field(default=0.5, description="share of the draws by progress of labels; others are uniform")
    ema_timescale: Rate = Field(default=0.05, description="weight τ of a new score in a label's fast average")
    slow_timescale_factor: Rate = Field(default=0.2, description="the slow average's weight is this times τ")
    new_task_rate: Share = Field(
        default=0.3, description="share of the draws on a full pool that may evict a task and bring in a new one"
    )

    @staticmethod
    def retention(task: Any, at: Any, rules: Any) -> Any:
        """Return the expected p(1 − p) of its successes: what is always or never solved goes first."""
        return recent_learnability(task.success_rate_ema[at], task.completion_count[at])

    def rules(self, min_presentations: int, fixed_set: bool) -> dict[str, Any]:
        return super().rules(min_presentations, fixed_set) | {
            "label_fast_timescale": self.ema_timescale,
            "label_slow_timescale": self.ema_timescale * self.slow_timescale_factor,
            "may_evict": not fixed_set,
        }
