"""Learning progress: the tasks on which the agent is improving, or getting worse, now.

When to use it: on pools of a few hundred tasks that are played often, 50 episodes and more each, and renewed from a
generator. Progress is the distance between a fast and a slow average of a task's score; its z-score over the pool,
amplified, becomes a chance by way of the sigmoid.

References:
    Kanitscheider and others, "Multi-task curriculum learning in a complex, visual, hard-exploration domain:
    Minecraft" (2021), arXiv 2106.14876: the bidirectional progress and its reweighting. Oudeyer, Kaplan and Hafner,
    "Intrinsic motivation systems for autonomous mental development" (2007): learning progress as a reward.
"""

import builtins
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from lpcurr.schedulers.common import BEHIND_ALL, PRESET_CAPACITY, NonNegative, Rate, SchedulerConfig, Share, Way, where
from lpcurr.schedulers.renewal import RenewingConfig, Unbiased
from lpcurr.schedulers.score_deviation import ScoreDeviationConfig


def reweight(p: Any, theta: float) -> Any:
    """Return R(p) = p(1−θ) / (p + θ(1−2p)): magnifies early progress for θ below 0.5 (Kanitscheider 2021)."""
    denominator = p + theta * (1.0 - 2.0 * p)
    tiny = np.abs(denominator) < 1e-10
    return where(tiny, where(p < 0.5, 0.0, 1.0), p * (1.0 - theta) / where(tiny, 1.0, denominator))


def raw_learning_progress(fast: Any, slow: Any, theta: float) -> Any:
    """Return |R(p_fast) − R(p_slow)|; θ = 0.5 is the identity.

    >>> raw_learning_progress(np.array([0.5, 0.25]), np.array([0.25, 0.25]), 0.5)
    array([0.25, 0.  ])
    """
    if np.abs(theta - 0.5) > 1e-6:
        fast = reweight(np.minimum(np.maximum(fast, 0.0), 1.0), theta)
        slow = reweight(np.minimum(np.maximum(slow, 0.0), 1.0), theta)
    return np.abs(fast - slow)


class LearningProgressConfig(RenewingConfig):
    """Draw the tasks on which the agent is now improving.

    A task's learning progress is the distance between a fast and a slow moving average of its score. Field names are
    those of the metta learning-progress curriculum; ``reference()`` has its settings and its rules to the letter. The
    defaults draw most tasks uniformly, because its own starve them, and the others sharply: where few of a thousand
    tasks can be learned, those get a seventh of the draws, with metta's z_score_amplification of 10 a fiftieth.

    >>> LearningProgressConfig(ema_timescale=0.001).slow_timescale_factor
    0.1
    >>> LearningProgressConfig(ema_timescale=2)
    Traceback (most recent call last):
        ...
    lpcurr.errors.ConfigError: LearningProgressConfig: ema_timescale=2: Input should be less than or equal to 1
    """

    draws_by: ClassVar[Way] = Way.Z_SCORE
    presentations_needed: ClassVar[int] = 5  # the metta curriculum's

    type: Literal["learning_progress"] = "learning_progress"
    use_bidirectional: bool = Field(
        default=True, description="progress from two moving averages; False: the scheduler score_deviation (basic)"
    )
    use_baseline_normalization: bool = Field(
        default=False, description="measure scores from the first one (at most 0.75) up to 1"
    )
    ema_timescale: Rate = Field(default=0.2, description="weight τ of a new score in the fast average")
    slow_timescale_factor: Rate = Field(default=0.1, description="the slow average's weight is this times τ")
    progress_smoothing: NonNegative = Field(default=0.0, description="added to every task's progress")
    performance_bonus_weight: NonNegative = Field(default=0.0, description="times the average score, added to progress")
    lp_score_temperature: float = Field(
        default=0.0, description="0: z-scores; above: progress / temperature; below: progress as it is"
    )
    z_score_amplification: NonNegative = Field(default=100.0, description="how sharply the draw prefers progress")
    early_progress_amplification: Share = Field(
        default=0.5, description="θ: below 0.5 magnifies progress near 0; 0.5 changes nothing"
    )
    exploration: Literal["relative", "absolute"] = Field(
        default="relative", description="rule: what exploration_bonus is measured against"
    )
    zero_is_unset: bool = Field(
        default=False, description="rule: take an average or baseline of exactly 0.0 for one that was never set"
    )
    unbiased_averages: Unbiased = True

    @model_validator(mode="after")
    def _basic_draws_as_ever(self) -> Self:
        if not self.use_bidirectional and "rand_task_rate" not in self.model_fields_set:
            # __dict__ directly: assigning would validate, and come here, again
            self.__dict__["rand_task_rate"] = ScoreDeviationConfig.model_fields["rand_task_rate"].default
        return self

    @staticmethod
    def priority(task: Any, at: Any, rules: Any) -> Any:
        """Return progress with smoothing and performance bonus."""
        theta = rules.early_progress_amplification
        progress = raw_learning_progress(task.p_fast[at], task.p_slow[at], theta) + rules.smoothing
        if rules.performance_weight > 0.0:
            progress = progress + rules.performance_weight * task.p_true[at]
        return progress

    @property
    def scheduler(self) -> builtins.type[SchedulerConfig]:
        """Learning progress, or score deviation where ``use_bidirectional`` is False."""
        return LearningProgressConfig if self.use_bidirectional else ScoreDeviationConfig

    def explored_from(self) -> int:
        """Return from how many completions on a task counts as explored."""
        return self.min_samples_for_lp if self.use_bidirectional else max(2, self.min_samples_for_lp)

    def _unexplored_key(self) -> float:
        if not self.use_bidirectional:
            return self.exploration_bonus
        return BEHIND_ALL if self.exploration_bonus > 0.0 else -BEHIND_ALL  # no explored task scores 0

    def rules(self, min_presentations: int, fixed_set: bool) -> dict[str, Any]:
        return super().rules(min_presentations, fixed_set) | {
            "unexplored_key": self._unexplored_key(),
            "relative_exploration": self.exploration == "relative",
            "unbiased": self.unbiased_averages,
            "baseline_normalization": self.use_baseline_normalization,
            "fast_timescale": self.ema_timescale,
            "slow_timescale": self.ema_timescale * self.slow_timescale_factor,
            "smoothing": self.progress_smoothing,
            "performance_weight": self.performance_bonus_weight,
            "temperature": self.lp_score_temperature,
            "amplification": self.z_score_amplification,
        }

    # -- presets ------------------------------------------------------------------------------------------------

    @classmethod
    def _preset(cls, values: dict[str, Any], overrides: dict[str, Any]) -> Self:
        preset = cls(**{"num_active_tasks": PRESET_CAPACITY, **values, **overrides})
        if "num_active_tasks" not in overrides:
            # A preset's size gives way to CurriculumConfig(num_active_tasks=…) without contradicting it.
            preset.model_fields_set.discard("num_active_tasks")
        return preset

    @classmethod
    def default(cls, **overrides: Any) -> Self:
        """The defaults for a pool of 256 tasks."""
        return cls._preset({}, overrides)

    @classmethod
    def stable(cls, **overrides: Any) -> Self:
        """For noisy scores and long trainings: slower averages, more samples before a task is judged."""
        values = {
            "ema_timescale": 0.1,
            "exploration_bonus": 0.15,
            "min_samples_for_lp": 20,
            "slow_timescale_factor": 0.2,
            "z_score_amplification": 3.0,
            "rand_task_rate": 0.8,
        }
        return cls._preset(values, overrides)

    @classmethod
    def fast_learning(cls, **overrides: Any) -> Self:
        """For agents that improve quickly: fast averages, few samples, sharp preferences."""
        values = {
            "ema_timescale": 0.3,
            "exploration_bonus": 0.05,
            "min_samples_for_lp": 5,
            "slow_timescale_factor": 0.2,
            "z_score_amplification": 15.0,
        }
        return cls._preset(values, overrides)

    @classmethod
    def arena_legacy(cls, **overrides: Any) -> Self:
        """The settings of the metta arena recipes: very slow averages that begin at the first score."""
        values = {
            "ema_timescale": 0.001,
            "slow_timescale_factor": 0.2,
            "z_score_amplification": 10.0,
            "rand_task_rate": 0.01,
            "use_baseline_normalization": True,
            "unbiased_averages": False,
        }
        return cls._preset(values, overrides)

    @classmethod
    def reference(cls, **overrides: Any) -> Self:
        """The rules of the metta curriculum to the letter: for identical numbers when migrating.

        They defeat the curriculum on a full pool (a task is evicted at every draw); see `lpcurr help migrating`.
        """
        values = {
            "ema_timescale": 0.1,
            "slow_timescale_factor": 0.2,
            "z_score_amplification": 10.0,
            "use_baseline_normalization": True,
            "rand_task_rate": 0.0,
            "new_task_rate": 1.0,
            "exploration": "absolute",
            "eviction_among": "all",
            "zero_is_unset": True,
            "unbiased_averages": False,
        }
        return cls._preset(values, overrides)
