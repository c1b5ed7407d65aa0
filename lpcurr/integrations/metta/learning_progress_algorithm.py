"""Learning progress with the names of the metta curriculum: its configuration, and an algorithm as a view of a pool."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Self

from mettagrid.base_config import Config
from pydantic import Field, model_validator

from lpcurr.curriculum.attach import attach
from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.errors import SessionNotFoundError
from lpcurr.integrations.metta.stats import StatsLogger
from lpcurr.integrations.metta.task_tracker import TaskTracker
from lpcurr.schedulers import learning_progress, uniform
from lpcurr.schedulers.common import NonNegative, Rate, SchedulerConfig, Share
from lpcurr.statistics.figures import PoolStatistics

_logger = logging.getLogger("lpcurr")

_WITHOUT_EFFECT = {
    *("initial_weights", "sample_threshold", "memory", "basic_ema_initial_alpha", "basic_ema_alpha_decay", "lp_gain"),
    *("task_struct_size", "max_memory_tasks", "max_slice_axes", "enable_detailed_slice_logging"),
}


class CurriculumAlgorithmConfig(SchedulerConfig, Config):  # type: ignore[misc, unused-ignore]
    """What both algorithms have; a MettaGrid ``Config``, so that ``override("path.to.field", value)`` reaches them.

    Fields of metta's that never had an effect, or have none here (``sample_threshold``, ``max_slice_axes`` …), are
    taken and left out.
    """

    performance_mode: bool = Field(default=False, description="statistics leave out what takes a look at every task")
    session_id: str | None = Field(default=None, description="under which other processes attach; by default random")

    @model_validator(mode="before")
    @classmethod
    def _leave_out(cls, fields: Any) -> Any:
        if not isinstance(fields, dict) or not _WITHOUT_EFFECT & fields.keys():
            return fields
        _logger.info("%s: without effect here: %s", cls.__name__, ", ".join(sorted(_WITHOUT_EFFECT & fields.keys())))
        return {name: value for name, value in fields.items() if name not in _WITHOUT_EFFECT}

    def algorithm_type(self) -> str:
        """The ``type`` by which it is selected."""
        return str(getattr(self, "type", ""))

    def core(self) -> learning_progress.LearningProgressConfig | uniform.DiscreteRandomConfig:
        """The same as lpcurr's own configuration."""
        kinds = (learning_progress.LearningProgressConfig, uniform.DiscreteRandomConfig)
        kind = next(kind for kind in kinds if isinstance(self, kind))
        return kind(**{name: getattr(self, name) for name in kind.model_fields})

    def create(self, num_tasks: int, stats_logger: Any = None) -> LearningProgressAlgorithm:
        """The algorithm over a pool of its own; ``stats_logger`` is not needed."""
        return LearningProgressAlgorithm(num_tasks, stats_logger, self)


class LearningProgressConfig(learning_progress.LearningProgressConfig, CurriculumAlgorithmConfig):
    """Draw the tasks on which the agent is now improving; fields as ``lpcurr.LearningProgressConfig``.

    Defaults and presets are metta's, so that its recipes mean what they meant: ``lpcurr.LearningProgressConfig`` has
    milder ones, which starve no task. The rules are lpcurr's but in ``reference()``.
    """

    unbiased_averages: bool = Field(
        default=False, description="plain means while a task is young: no progress before 1 / ema_timescale plays"
    )
    use_baseline_normalization: bool = Field(default=True, description="measure scores from the first one up to 1")
    ema_timescale: Rate = Field(default=0.1, description="weight τ of a new score in the fast average")
    slow_timescale_factor: Rate = Field(default=0.2, description="the slow average's weight is this times τ")
    z_score_amplification: NonNegative = Field(default=10.0, description="how sharply the draw prefers progress")
    rand_task_rate: Share = Field(default=0.01, description="share of the draws that are uniform over the pool")

    @classmethod
    def stable(cls, **overrides: Any) -> Self:
        """For noisy scores and long trainings, by metta's values."""
        values = {"ema_timescale": 0.01, "exploration_bonus": 0.15, "min_samples_for_lp": 20}
        return cls._preset(values | {"z_score_amplification": 5.0, "rand_task_rate": 0.02}, overrides)

    @classmethod
    def fast_learning(cls, **overrides: Any) -> Self:
        """For agents that improve quickly, by metta's values."""
        values = {"ema_timescale": 0.2, "exploration_bonus": 0.05, "min_samples_for_lp": 5}
        return cls._preset(values | {"z_score_amplification": 15.0, "rand_task_rate": 0.005}, overrides)


class LearningProgressAlgorithm(StatsLogger):
    """Scores, evictions and statistics of a curriculum's pool, by the names of metta's algorithm.

    Args:
        num_tasks: slots of a pool of its own, or more where ``hypers.num_active_tasks`` says so, as metta's tracker
            has; joined instead where ``hypers.session_id`` names a live one.
        stats_logger: not needed; it keeps the place that it has in metta.
        hypers: the algorithm's configuration.
        curriculum: whose pool to view, instead of one of its own.

    >>> algorithm = LearningProgressConfig(use_shared_memory=False).create(8)
    >>> algorithm.task_tracker.track_task_creation(5)
    >>> algorithm.update_task_performance(5, 0.5)
    >>> algorithm.score_tasks([5]), algorithm.task_tracker.get_task_stats(5)["last_score"]
    ({5: 0.1}, 0.5)
    """

    def __init__(
        self, num_tasks: int, stats_logger: Any = None, hypers: Any = None, *, curriculum: Curriculum | None = None
    ) -> None:
        self.hypers = hypers or LearningProgressConfig()
        self._curriculum = _own_pool(num_tasks, self.hypers) if curriculum is None else curriculum
        self.num_tasks = self._curriculum.config.num_active_tasks
        self.performance_mode = self.hypers.performance_mode
        self.task_tracker = TaskTracker.of(self._curriculum)

    def score_tasks(self, task_ids: Sequence[int]) -> dict[int, float]:
        """The scores of tasks: a task's probability is its score over the sum of all."""
        return self._curriculum.score_tasks(list(task_ids)) if len(task_ids) else {}

    def get_task_score(self, task_id: int) -> float:
        """The score of a task, 0 where it is not in the pool."""
        return self._curriculum.get_task_score(task_id) if self.task_tracker.get_task_stats(task_id) else 0.0

    def recommend_eviction(self, all_task_ids: Sequence[int], min_presentations: int = 5) -> int | None:
        """The task that would make room first, or None."""
        return self._curriculum.recommend_eviction(list(all_task_ids), min_presentations)

    def should_evict_task(self, task_id: int, min_presentations: int = 5) -> bool:
        """Whether a task may be evicted by its score."""
        return bool(self._curriculum.evictable_tasks([task_id], min_presentations))

    def on_task_created(self, task: Any) -> None:
        """Put a task into the pool, with its label."""
        self.task_tracker.track_task_creation(task._task_id, label=task.get_label())

    def on_task_evicted(self, task_id: int) -> None:
        """Take a task out of the pool."""
        self.task_tracker.remove_task(task_id)

    def on_task_sampled(self, task_id: int) -> None:
        """Do nothing: a draw counts itself."""

    def update_task_performance(self, task_id: int, score: float) -> None:
        """Credit a score; to a task that has left the pool it is not credited, and counted."""
        self._curriculum.update_task_performance(task_id, score)

    def get_evictions(self) -> dict[str, int]:
        """Evictions of this epoch by label."""
        return self._curriculum.get_episode_stats("")["env_curriculum_stats/per_label_evictions"]

    def get_and_reset_evictions(self) -> dict[str, int]:
        """The same, and a new epoch begins, for the samples by label as well."""
        evictions = self.get_evictions()
        self.on_epoch_end()
        return evictions

    def get_pool_composition_stats(self) -> dict[str, dict[str, int]]:
        """Tasks in the pool, and draws of this epoch, by label."""
        tables = PoolStatistics(self._curriculum.moment(tables_only=True))
        columns = {"pool_composition": "active", "sampling_counts": "epoch_sampled"}
        return {name: tables.label_counts(column) for name, column in columns.items()}

    def get_and_reset_sampling_counts(self) -> dict[str, int]:
        """Draws of this epoch by label; and a new epoch begins, for the evictions as well."""
        counts = self.get_pool_composition_stats()["sampling_counts"]
        self.on_epoch_end()
        return counts

    def on_epoch_end(self) -> None:
        """Begin a new epoch: its counts start again at zero."""
        self._curriculum.on_epoch_end()

    def get_base_stats(self) -> dict[str, float]:
        """The figures of ``Curriculum.stats()`` that are the algorithm's."""
        prefix = "algorithm/"
        stats = self._curriculum.stats().items()
        return {name.removeprefix(prefix): value for name, value in stats if name.startswith(prefix)}

    def calculate_gini_coefficients(self) -> dict[str, float]:
        """How unequal progress, probabilities, episodes and evictions are; empty in performance mode."""
        return self._curriculum.calculate_gini_coefficients()

    def get_state(self) -> dict[str, Any]:
        """The whole pool as plain data."""
        return {"type": self.hypers.algorithm_type(), "pool": self._curriculum.get_state()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Put the pool back; every attached process sees it."""
        self._curriculum.load_state(state["pool"])

    def cleanup_shared_memory(self) -> None:
        """Leave the pool, and destroy it if this process made it."""
        self._curriculum.__exit__()


def _own_pool(num_tasks: int, hypers: Any) -> Curriculum:
    if hypers.session_id is not None and hypers.use_shared_memory:
        try:
            return attach(hypers.session_id)
        except SessionNotFoundError:
            pass
    if "num_active_tasks" in hypers.model_fields_set:
        num_tasks = max(num_tasks, hypers.num_active_tasks)
    algorithm = hypers.core().model_copy(update={"num_active_tasks": num_tasks})
    return CurriculumConfig(
        num_active_tasks=num_tasks,
        use_shared_memory=hypers.use_shared_memory,
        session_id=hypers.session_id,
        performance_mode=hypers.performance_mode,
        defer_init=True,
        algorithm_config=algorithm,
    ).make()
