"""What a user may choose of an algorithm, as pydantic models that nest in recipes.

>>> LearningProgressConfig(ema_timescale=0.001).slow_timescale_factor
0.2
>>> LearningProgressConfig(ema_timescale=2)
Traceback (most recent call last):
    ...
lpcurr.errors.ConfigError: LearningProgressConfig: ema_timescale=2: Input should be less than or equal to 1
"""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from lpcurr.errors import ConfigError
from lpcurr.memory import layout

Rate = Annotated[float, Field(gt=0.0, le=1.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=2**31)]
Capacity = Annotated[int, Field(ge=1, le=layout.MAX_CAPACITY, description="tasks that are active at a time")]

_PRESET_CAPACITY = 256


class CheckedModel(BaseModel):
    """A model whose bad values are a :class:`lpcurr.ConfigError`, which names the value, the limit and the fix."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True, allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigError(_describe(type(self), error)) from None

    @classmethod
    def model_validate(cls, *args: Any, **options: Any) -> Self:
        """As pydantic's, but with :class:`lpcurr.ConfigError`."""
        try:
            return super().model_validate(*args, **options)
        except ValidationError as error:
            raise ConfigError(_describe(cls, error)) from None

    def __setattr__(self, name: str, value: Any) -> None:
        before = dict(self.__dict__)
        try:
            super().__setattr__(name, value)
        except ValidationError as error:
            self.__dict__.update(before)  # pydantic leaves a value in place that only a model validator refuses
            raise ConfigError(_describe(type(self), error)) from None


def _describe(model: type[BaseModel], error: ValidationError) -> str:
    problems = []
    for each in error.errors():
        path = ".".join(str(part) for part in each["loc"])
        message = each["msg"].removeprefix("Value error, ")
        if each["type"] == "extra_forbidden" and path in {str(each["loc"][0])}:
            close = difflib.get_close_matches(path, model.model_fields, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            message = f"there is no such field; {hint}the fields are {', '.join(model.model_fields)}"
        problems.append(f"{path}={each['input']!r}: {message}" if path else message)
    return f"{model.__name__}: " + "; ".join(problems)


class AlgorithmConfig(CheckedModel):
    """What every algorithm has: the pool and the statistics that are kept of each task."""

    num_active_tasks: Capacity = 1000
    use_shared_memory: bool = Field(default=True, description="share the pool with other processes")
    max_inactive_labels_retained: Count = Field(
        default=100, description="labels whose last task has gone and whose counts are still kept"
    )
    task_tracker_ema_alpha: Rate = Field(
        default=0.02, description="weight of a new score in reward_ema, ema_squared and success_rate_ema"
    )
    task_default_success_threshold: float = Field(default=0.5, description="scores from here on count as a success")
    task_default_generator_type: float = Field(default=0.0, description="a number kept with every task")
    show_curriculum_troubleshooting_logging: bool = Field(
        default=False,
        description="stats() includes the Gini, raw LP and per-label figures, and three figures for each task",
    )

    @model_serializer(mode="wrap")
    def _serialize_with_type(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # exclude_defaults and exclude_unset would drop the type, and nothing could read the result
        fields: dict[str, Any] = handler(self)
        kind = getattr(self, "type", None)
        return fields if kind is None else {"type": kind} | fields

    def header_settings(self) -> dict[str, float]:
        """The header fields of a pool that this algorithm settles."""
        return {
            "max_inactive_labels": self.max_inactive_labels_retained,
            "ema_alpha": self.task_tracker_ema_alpha,
            "success_threshold": self.task_default_success_threshold,
            "generator_type": self.task_default_generator_type,
        }


class LearningProgressConfig(AlgorithmConfig):
    """Draw the tasks on which the agent is now improving.

    A task's learning progress is the distance between a fast and a slow moving average of its score. Field names and
    defaults are those of the metta learning-progress curriculum; ``reference()`` has its rules to the letter, and the
    four fields marked *rule* say where the default differs from them.
    """

    type: Literal["learning_progress"] = "learning_progress"
    use_bidirectional: bool = Field(
        default=True, description="progress from two moving averages; False: the score's standard deviation (basic)"
    )
    use_baseline_normalization: bool = Field(
        default=True, description="measure scores from the first one (at most 0.75) up to 1"
    )
    ema_timescale: Rate = Field(default=0.1, description="weight τ of a new score in the fast average")
    slow_timescale_factor: Rate = Field(default=0.2, description="the slow average's weight is this times τ")
    exploration_bonus: NonNegative = Field(
        default=0.1,
        description="weight of a task with too few completions to tell: with exploration='relative', ten times this "
        "times the mean weight of the explored tasks; with 'absolute', and in the basic variant, this as it is",
    )
    progress_smoothing: NonNegative = Field(default=0.0, description="added to every task's progress")
    performance_bonus_weight: NonNegative = Field(default=0.0, description="times the average score, added to progress")
    lp_score_temperature: float = Field(
        default=0.0, description="0: z-scores; above: progress / temperature; below: progress as it is"
    )
    z_score_amplification: NonNegative = Field(default=10.0, description="how sharply the draw prefers progress")
    early_progress_amplification: Share = Field(
        default=0.5, description="θ: below 0.5 magnifies progress near 0; 0.5 changes nothing"
    )
    rand_task_rate: Share = Field(default=0.01, description="share of the draws that are uniform over the pool")
    eviction_threshold_percentile: Share = Field(
        default=0.4, description="only tasks whose score lies within this share of the lowest may be evicted"
    )
    min_samples_for_lp: Count = Field(default=10, description="completions from which a task counts as explored")
    new_task_rate: Share = Field(
        default=0.1, description="rule: share of the draws on a full pool that may evict a task and bring in a new one"
    )
    exploration: Literal["relative", "absolute"] = Field(
        default="relative", description="rule: what exploration_bonus is measured against"
    )
    eviction_among: Literal["explored", "all"] = Field(
        default="explored", description="rule: which tasks may be evicted and make up the percentile"
    )
    zero_is_unset: bool = Field(
        default=False, description="rule: take an average or baseline of exactly 0.0 for one that was never set"
    )

    @classmethod
    def _preset(cls, values: dict[str, Any], overrides: dict[str, Any]) -> Self:
        preset = cls(**{"num_active_tasks": _PRESET_CAPACITY, **values, **overrides})
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
            "ema_timescale": 0.01,
            "exploration_bonus": 0.15,
            "min_samples_for_lp": 20,
            "z_score_amplification": 5.0,
            "rand_task_rate": 0.02,
        }
        return cls._preset(values, overrides)

    @classmethod
    def fast_learning(cls, **overrides: Any) -> Self:
        """For agents that improve quickly: fast averages, few samples, sharp preferences."""
        values = {
            "ema_timescale": 0.2,
            "exploration_bonus": 0.05,
            "min_samples_for_lp": 5,
            "z_score_amplification": 15.0,
            "rand_task_rate": 0.005,
        }
        return cls._preset(values, overrides)

    @classmethod
    def arena_legacy(cls, **overrides: Any) -> Self:
        """The settings of the metta arena recipes: very slow averages."""
        return cls._preset({"ema_timescale": 0.001}, overrides)

    @classmethod
    def reference(cls, **overrides: Any) -> Self:
        """The rules of the metta curriculum to the letter: for identical numbers when migrating.

        They defeat the curriculum on a full pool (a task is evicted at every draw); see the README.
        """
        values = {
            "rand_task_rate": 0.0,
            "new_task_rate": 1.0,
            "exploration": "absolute",
            "eviction_among": "all",
            "zero_is_unset": True,
        }
        return cls._preset(values, overrides)

    def header_settings(self) -> dict[str, float]:
        """The header fields of a pool that this algorithm settles."""
        return super().header_settings() | {
            "algorithm": layout.LEARNING_PROGRESS if self.use_bidirectional else layout.BASIC,
            "baseline_normalization": self.use_baseline_normalization,
            "zero_is_unset": self.zero_is_unset,
            "relative_exploration": self.exploration == "relative",
            "evict_explored_only": self.eviction_among == "explored",
            "min_samples": self.min_samples_for_lp,
            "fast_timescale": self.ema_timescale,
            "slow_timescale": self.ema_timescale * self.slow_timescale_factor,
            "smoothing": self.progress_smoothing,
            "performance_weight": self.performance_bonus_weight,
            "temperature": self.lp_score_temperature,
            "amplification": self.z_score_amplification,
            "early_progress_amplification": self.early_progress_amplification,
            "exploration_bonus": self.exploration_bonus,
            "rand_task_rate": self.rand_task_rate,
            "eviction_percentile": self.eviction_threshold_percentile,
            "new_task_rate": self.new_task_rate,
        }


class DiscreteRandomConfig(AlgorithmConfig):
    """Draw every active task equally often; nothing is evicted. Scores are tracked all the same."""

    type: Literal["discrete_random"] = "discrete_random"

    def header_settings(self) -> dict[str, float]:
        """The header fields of a pool that this algorithm settles: the averages as learning progress has them."""
        tracking = LearningProgressConfig().header_settings()
        return tracking | super().header_settings() | {"algorithm": layout.DISCRETE_RANDOM, "new_task_rate": 0.0}


AnyAlgorithmConfig = Annotated[LearningProgressConfig | DiscreteRandomConfig, Field(discriminator="type")]
