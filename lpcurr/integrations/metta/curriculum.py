"""The curriculum with the names of metta's: configuration, curriculum and task."""

from __future__ import annotations

import hashlib
import logging
from typing import Annotated, Any, Literal, cast

import numpy as np
from mettagrid.base_config import Config
from mettagrid.config.mettagrid_config import MettaGridConfig
from pydantic import Field, PrivateAttr, model_validator

import lpcurr.curriculum.config
import lpcurr.curriculum.curriculum
import lpcurr.curriculum.task
from lpcurr.generators import GeneratedTask
from lpcurr.generators import TaskGenerator as CoreGenerator
from lpcurr.integrations.metta.learning_progress_algorithm import (
    CurriculumAlgorithmConfig,
    LearningProgressAlgorithm,
    LearningProgressConfig,
)
from lpcurr.integrations.metta.stats import StatsLogger
from lpcurr.integrations.metta.task_generator import (
    AnyTaskGeneratorConfig,
    SingleTaskGenerator,
    TaskGenerator,
    TaskGeneratorConfig,
    TaskInvariantError,
)
from lpcurr.integrations.puffer import merge_episode_stats
from lpcurr.memory import layout
from lpcurr.pool.pool import Pool
from lpcurr.schedulers.uniform import DiscreteRandomConfig

_logger = logging.getLogger("lpcurr")


class DiscreteRandomCurriculumConfig(DiscreteRandomConfig, CurriculumAlgorithmConfig):
    """Draw every active task equally often; nothing is evicted."""


AnyAlgorithmConfig = Annotated[LearningProgressConfig | DiscreteRandomCurriculumConfig, Field(discriminator="type")]


class CurriculumConfig(lpcurr.curriculum.config.CurriculumConfig, Config):  # type: ignore[misc, unused-ignore]
    """What a curriculum is made of; tasks are drawn at random unless ``algorithm_config`` says otherwise.

    Where ``num_active_tasks`` is given here and in ``algorithm_config``, and differs, the latter holds, as in metta.
    ``defer_init`` leaves the pool empty at the start; the draws fill it.
    """

    seed: int = Field(default=0, ge=0, lt=2**63, description="of all random streams")
    max_task_id: int = Field(default=1_000_000, gt=0, description="without effect: ids have 53 bits here")
    task_generator: AnyTaskGeneratorConfig = Field(description="makes each task's MettaGridConfig from its id")
    algorithm_config: AnyAlgorithmConfig = Field(default_factory=DiscreteRandomCurriculumConfig)

    @model_validator(mode="before")
    @classmethod
    def _reconcile(cls, fields: Any) -> Any:
        if not isinstance(fields, dict):
            return fields
        algorithm = fields.get("algorithm_config")
        if algorithm is None:
            return {name: value for name, value in fields.items() if name != "algorithm_config"}
        given = algorithm if isinstance(algorithm, dict) else algorithm.model_dump(include=algorithm.model_fields_set)
        size = given.get("num_active_tasks")
        if size is not None and fields.get("num_active_tasks", size) != size:
            _logger.warning("num_active_tasks: %s of algorithm_config holds, not %s", size, fields["num_active_tasks"])
            fields = fields | {"num_active_tasks": size}
        return fields

    @classmethod
    def from_mg(cls, mg_config: MettaGridConfig) -> CurriculumConfig:
        """A curriculum of one task."""
        return cls(task_generator=SingleTaskGenerator.Config(env=mg_config))

    def make(self, task_generator: Any = None) -> Curriculum:
        """Make the curriculum, and the pool with it."""
        return Curriculum(self)

    def core(self) -> lpcurr.curriculum.config.CurriculumConfig:
        """The same as lpcurr's own configuration, without the generator."""
        core = lpcurr.curriculum.config.CurriculumConfig
        fields = {name: getattr(self, name) for name in core.model_fields}
        algorithm = self.algorithm_config
        return core(
            **fields
            | {
                "task_generator": None,
                "algorithm_config": cast("CurriculumAlgorithmConfig", algorithm).core(),
                "defer_init": False,  # there: a fixed set of tasks
                "performance_mode": self.performance_mode or algorithm.performance_mode,
                "session_id": self.session_id or algorithm.session_id,
            }
        )


def _curriculum_of(tasks: TaskGeneratorConfig, num_active_tasks: int | None, algorithm_config: Any) -> CurriculumConfig:
    size: dict[str, Any] = {} if num_active_tasks is None else {"num_active_tasks": num_active_tasks}
    return CurriculumConfig(task_generator=tasks, algorithm_config=algorithm_config or LearningProgressConfig(), **size)


TaskGeneratorConfig._curriculum_of = staticmethod(_curriculum_of)


class _Tasks(CoreGenerator):
    """The tasks of a metta generator as lpcurr's core takes them."""

    type: Literal["metta"] = "metta"
    config: AnyTaskGeneratorConfig

    _generator: TaskGenerator | None = PrivateAttr(default=None)
    _violation: TaskInvariantError | None = PrivateAttr(default=None)

    def generator(self) -> TaskGenerator:
        if self._generator is None:
            self._generator = cast("TaskGenerator", self.config.create())
        return self._generator

    def label_of(self, task_id: int) -> str:
        return self._generate(task_id).label

    def slice_values_of(self, task_id: int) -> dict[str, Any]:
        return self._generate(task_id).slice_values

    def take_violation(self) -> TaskInvariantError | None:
        violation, self._violation = self._violation, None
        return violation

    def _generate(self, task_id: int) -> GeneratedTask:
        generator = self.generator()
        try:
            mg_config = generator.get_task(task_id)
        except TaskInvariantError as error:
            self._violation = error
            raise
        label = getattr(mg_config, "label", None)
        return GeneratedTask(mg_config, _shortened(str(label or "unknown")), dict(generator._last_bucket_values))


def _shortened(label: str) -> str:
    """A label that the pool has room for: a long one keeps its beginning, and a hash tells it apart."""
    text = label.encode()
    if len(text) <= layout.LABEL_BYTES:
        return label
    mark = f"~{hashlib.sha256(text).hexdigest()[:8]}"
    return text[: layout.LABEL_BYTES - len(mark)].decode(errors="ignore") + mark


class _Given(lpcurr.curriculum.task.BuiltTask):
    """What a task that was made by hand is built from: its configuration is given as it is, not copied."""

    env_cfg = lpcurr.curriculum.task.BuiltTask.shared_env_cfg


class CurriculumTask(lpcurr.curriculum.task.CurriculumTask):
    """One episode's task; ``complete`` counts for this object alone, ``update_task_performance`` for the pool.

    Args:
        task_id: its id.
        env_cfg: its configuration, which one that is made by hand gives as it is.
        slice_values: by bucket.
    """

    __slots__ = ("_mean_score", "_num_completions", "_num_scheduled", "_total_score")

    def __init__(self, task_id: int, env_cfg: Any, slice_values: dict[str, Any] | None = None) -> None:
        label = str(getattr(env_cfg, "label", None) or "unknown")
        super().__init__(task_id, label, _Given(env_cfg, dict(slice_values or {})))
        self._num_completions = self._num_scheduled = 0
        self._total_score = self._mean_score = 0.0

    @classmethod
    def drawn(cls, task: lpcurr.curriculum.task.CurriculumTask) -> CurriculumTask:
        """Return a drawn task as one of these."""
        own = cls(task.task_id, None)
        own.label, own._builder, own._num_scheduled = task.label, task._builder, 1
        return own

    # The names that metta's recipes and tests go by.

    _task_id = property(lambda self: self.task_id)
    _env_cfg = property(lambda self: self.get_shared_env_cfg())
    _label = property(lambda self: self.label, lambda self, label: setattr(self, "label", label))

    def complete(self, score: float, *, signal: float | None = None, cost: float = 1.0) -> None:
        """Count a score; ``signal`` and ``cost``, which only the pool keeps, may stand beside it as in its update."""
        self._num_completions += 1
        self._total_score += score
        self._mean_score = self._total_score / self._num_completions

    def get_bucket_values(self) -> dict[str, Any]:
        """The same as ``get_slice_values``."""
        return self.get_slice_values()


class Curriculum(lpcurr.curriculum.curriculum.Curriculum, StatsLogger):
    """A curriculum over a pool of MettaGrid tasks, full from the start, that any number of processes share.

    It survives fork; pickled into another process of this machine it attaches to the same pool there.

    Args:
        config: what it is made of.
        seed: instead of the configuration's.

    Raises:
        ConfigError, ValueError: no task can be made: a misspelt path, say.
    """

    def __init__(self, config: CurriculumConfig, seed: int | None = None, *, _pool: Pool | None = None) -> None:
        if seed is not None:
            config = config.model_copy(update={"seed": seed})
        self._config = config
        self._tasks = _Tasks(config=config.task_generator)
        self._task_generator = self._tasks.generator()
        if _pool is None:
            self._task_generator.get_task(0)  # what is wrong with all tasks shows here, and not at a draw
        super().__init__(config.core(), self._tasks, _pool=_pool)
        if _pool is None and not config.defer_init:
            self._fill()
        self._algorithm = LearningProgressAlgorithm(0, None, config.algorithm_config, curriculum=self)

    def _fill(self) -> None:
        draws = np.random.default_rng([self._config.seed, self._config.num_active_tasks])
        ids: dict[int, None] = {}
        while len(ids) < self._config.num_active_tasks:
            missing = self._config.num_active_tasks - len(ids)
            ids.update(dict.fromkeys(draws.integers(0, 2**53, missing).tolist()))
        for task_id in ids:  # each is built, and its label known, when it is first drawn
            self._pool.add_task(task_id, None, pending=True, success_threshold=None)

    @property
    def _num_active_tasks(self) -> int:
        return self.config.num_active_tasks

    def get_task(self, label: str | int | None = None) -> CurriculumTask:
        """Choose the task of the next episode, of that label alone where one is given.

        Raises:
            TaskInvariantError: a task's resources, actions or agents are not those of the others.
            TaskGenerationError: ``max_task_attempts`` tasks in a row could not be built.
        """
        task = super().get_task(label)
        violation = self._tasks.take_violation()
        if violation is not None:
            raise violation
        return CurriculumTask.drawn(task)

    def get_task_score(self, task_id: int) -> float:
        """A task's score, 0 where it is not in the pool."""
        return super().get_task_score(task_id) if self.get_task_stats(task_id) else 0.0

    def get_base_stats(self) -> dict[str, float]:
        """All figures."""
        return lpcurr.curriculum.curriculum.Curriculum.stats(self)

    def stats(self, prefix: str = "") -> dict[str, float]:
        """All figures for a dashboard, flat, with ``prefix`` before their names."""
        return StatsLogger.stats(self, prefix)

    def get_evictions(self) -> dict[str, int]:
        """Evictions of this epoch by label."""
        return self._algorithm.get_evictions()

    def get_and_reset_evictions(self) -> dict[str, int]:
        """The same, and a new epoch begins, for the samples by label as well."""
        return self._algorithm.get_and_reset_evictions()

    @staticmethod
    def merge_episode_stats_into_infos(infos: Any, curriculum_stats: dict[str, Any]) -> None:
        """Add what ``get_episode_stats`` gave to the infos of a step."""
        merge_episode_stats(infos, curriculum_stats)

    def log_shared_memory_state(self) -> None:
        """Log, at level INFO, what the pool holds."""
        if not self.performance_mode:
            _logger.info("%r: %s", self, {**self.stats(), **self.calculate_raw_lp_debug_stats()})

    def __reduce__(self) -> tuple[Any, ...]:
        super().__reduce__()  # refuses what cannot be shared
        return _attach, (self.session_id, self._config)


def _attach(session_id: str, config: CurriculumConfig) -> Curriculum:
    return Curriculum(config, _pool=Pool.attach(session_id, may_share=True))
