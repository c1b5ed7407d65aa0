"""What the configuration of every recipe has."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, TypeVar

from pydantic import Field, PlainSerializer, SerializerFunctionWrapHandler, model_serializer, model_validator

from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.errors import ConfigError
from lpcurr.generators import TaskSource
from lpcurr.recipes.loggers import LogConfig
from lpcurr.schedulers import AnyScheduler
from lpcurr.schedulers.common import CheckedModel, SchedulerConfig
from lpcurr.schedulers.uniform import DiscreteRandomConfig

if TYPE_CHECKING:
    from lpcurr.curriculum.curriculum import Curriculum

Metrics = dict[str, float | int | str]
SaveLearner = Callable[[Path], None]
"""Writes all that the learner needs to go on from this moment into a folder, which exists and is empty."""

OnEpoch = Callable[[Metrics, SaveLearner], None]
"""Takes the figures of an epoch (``lpcurr.runs.metrics.METRICS``), and how to save the learner as it is now."""

Seed = Annotated[int, Field(ge=0, lt=2**31)]
Positive = Annotated[int, Field(ge=1, le=10**12)]
ArmName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.=-]{0,47}$")]
AnyCurriculumConfig = TypeVar("AnyCurriculumConfig", bound=CurriculumConfig)
_SHARED = CurriculumConfig.model_fields.keys() & SchedulerConfig.model_fields.keys()


def dump_algorithm(algorithm: SchedulerConfig) -> dict[str, Any]:
    """Return an algorithm's settings; the pool's size and place only where they were given with it."""
    return algorithm.model_dump(mode="json", exclude=_SHARED - algorithm.model_fields_set)


Algorithm = Annotated[AnyScheduler, PlainSerializer(dump_algorithm)]


class Switch(CheckedModel):
    """Another algorithm, or other settings of the same, from a moment of the training on."""

    at: float = Field(gt=0.0, lt=1.0, description="share of total_steps; in force from the next epoch on")
    use: Algorithm = Field(description="the algorithm from then on")


class ScheduledCurriculum(CurriculumConfig):
    """A curriculum whose algorithm changes while a training lasts.

    >>> config = ScheduledCurriculum(schedule=[{"at": 0.3, "use": {"type": "discrete_random"}}])
    >>> config.algorithm_config.type, config.algorithm_after(1).type
    ('frontier', 'discrete_random')
    """

    schedule: list[Switch] = Field(default_factory=list, description="algorithms to change to, by share of total_steps")

    @model_validator(mode="before")
    @classmethod
    def _from_one_without_a_schedule(cls, value: Any) -> Any:
        if isinstance(value, CurriculumConfig) and not isinstance(value, cls):
            return {name: getattr(value, name) for name in CurriculumConfig.model_fields}
        return value

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        for before, after in pairwise(self.schedule):
            if after.at <= before.at:
                raise ValueError(f"schedule: at={after.at} follows at={before.at}: give them in ascending order")
        return self

    @model_serializer(mode="wrap")
    def _serialize_shared_fields_once(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = super()._serialize_shared_fields_once(handler)
        if not fields.get("schedule", True):
            del fields["schedule"]  # then it reads as any curriculum's
        return dict(fields)

    def algorithm_after(self, switches: int) -> SchedulerConfig:
        """Return the algorithm in force after so many entries of the schedule."""
        if switches > len(self.schedule):
            raise ConfigError(
                f"curriculum.schedule has {len(self.schedule)} entries, and {switches} were in force already: "
                "leave those as they were"
            )
        return self.schedule[switches - 1].use if switches else self.algorithm_config

    def unscheduled(self, algorithm: SchedulerConfig | None = None) -> CurriculumConfig:
        """Return the configuration of the pool, with the algorithm at the beginning or another."""
        fields = {name: getattr(self, name) for name in CurriculumConfig.model_fields}
        plain = CurriculumConfig(**fields)
        return plain if algorithm is None else with_algorithm(plain, algorithm)

    def make(self, task_generator: TaskSource | None = None) -> Curriculum:
        """Make the curriculum as it is at the beginning."""
        return self.unscheduled().make(task_generator)


class TrainingConfig(CheckedModel):
    """A training: a curriculum, a budget, where the results go. A recipe's configuration extends it.

    Which curriculum is used is said by ``curriculum.algorithm_config.type``, or in short by ``use_lp``. Several are
    compared as ``arms``, or the recipe's own with discrete random by ``compare``.

    Attributes:
        extra: the extra of lpcurr that training needs (``lpcurr.cli.extras``).
        trained_by: ``package.module:function`` of the training loop; a recipe may define ``train`` instead.
    """

    extra: ClassVar[str] = "train"
    trained_by: ClassVar[str] = ""

    use_lp: bool | None = Field(
        default=None,
        description="false: discrete random; true: as curriculum.algorithm_config says, which is not to be random",
    )
    compare: bool = Field(default=False, description="train the recipe's algorithm and random at equal steps")
    arms: dict[ArmName, Algorithm] = Field(
        default_factory=dict, description="algorithms to compare, by any names: {fast: {type: learning_progress, …}, …}"
    )
    baseline: str | None = Field(
        default=None, description="the arm that others are measured against; null: the random one, or else the first"
    )
    seeds: int = Field(default=1, ge=1, le=100, description="how many seeds to train, from `seed` up")
    seed: Seed = Field(default=0, description="of the learner, the environments and the curriculum")
    total_steps: Positive = Field(default=1_000_000, description="environment steps of one training")
    epoch_steps: Positive = Field(default=50_000, description="environment steps of an epoch: a line of metrics each")
    max_seconds: float = Field(default=90.0, gt=0, description="a training that takes longer ends early")
    run_dir: Path | None = Field(default=None, description="a new folder for the results; default runs/<recipe>-<time>")
    resume: Path | None = Field(default=None, description="a run folder, or a checkpoint in one, to go on from")
    checkpoint_every: int = Field(default=1, ge=0, description="epochs between two checkpoints; 0: none")
    keep_checkpoints: int = Field(default=3, ge=1, le=10_000, description="the newest that are kept of each training")
    log: LogConfig = Field(default_factory=LogConfig, description="TensorBoard and W&B beside metrics.jsonl")
    curriculum: ScheduledCurriculum = Field(
        default_factory=ScheduledCurriculum, description="the pool, the task generator, the algorithm and its schedule"
    )

    @model_validator(mode="after")
    def _settle_use_lp(self) -> Self:
        random = isinstance(self.curriculum.algorithm_config, DiscreteRandomConfig)
        if self.use_lp and random:
            raise ValueError("use_lp=true contradicts curriculum.algorithm_config.type=discrete_random: give one")
        if self.use_lp is False and not random:
            # __dict__ directly: assigning would validate, and come here, again
            self.__dict__["curriculum"] = randomised(self.curriculum)
        return self

    @model_validator(mode="after")
    def _check_contradictions(self) -> Self:
        if self.resume is not None and self.run_dir is not None:
            raise ValueError("resume goes on in its own run folder: leave run_dir out")
        if self.arms and (self.compare or self.use_lp is not None or self.curriculum.schedule):
            raise ValueError(
                "arms says which algorithms are trained: leave compare, use_lp and curriculum.schedule out "
                "(runs with a schedule are compared with others by `lpcurr report ONE OTHER`)"
            )
        if self.baseline is not None and (self.arms or self.compare) and self.baseline not in self.arm_curricula():
            raise ValueError(f"baseline={self.baseline!r}: the arms are {', '.join(self.arm_curricula())}")
        return self

    def arm_curricula(self) -> dict[str, ScheduledCurriculum]:
        """Return the curricula that are trained, by the names under which they are recorded.

        >>> arms = TrainingConfig(arms={"fast": {"type": "learning_progress", "ema_timescale": 0.3}, "uniform":
        ...                             {"type": "discrete_random"}}).arm_curricula()
        >>> arms["fast"].algorithm_config.ema_timescale, list(arms)
        (0.3, ['fast', 'uniform'])
        """
        own = self.curriculum
        if self.arms:
            return {name: with_algorithm(own, algorithm) for name, algorithm in self.arms.items()}
        if not self.compare:
            return {own.algorithm_config.type: own}
        random = randomised(own.model_copy(update={"schedule": []}))
        if isinstance(own.algorithm_config, DiscreteRandomConfig):
            default = type(self.curriculum)().algorithm_config
            own = with_algorithm(own, default)
        return {own.algorithm_config.type: own, random.algorithm_config.type: random}

    def baseline_name(self) -> str | None:
        """Return the arm that others are measured against; None where there is only one."""
        arms = self.arm_curricula()
        random = [name for name, arm in arms.items() if isinstance(arm.algorithm_config, DiscreteRandomConfig)]
        return (self.baseline or next(iter((*random, *arms)))) if len(arms) > 1 else None

    def train(self, curriculum: Curriculum, seed: int, on_epoch: OnEpoch, resume: Path | None = None) -> None:
        """Train once, up to ``total_steps`` or for ``max_seconds``.

        Args:
            curriculum: made from ``self.curriculum`` with ``seed``; the caller closes it.
            seed: of the learner and the environments.
            on_epoch: called after every epoch with its figures; may raise ``KeyboardInterrupt``.
            resume: what a learner of this recipe saved, to go on from: weights, random streams, steps so far. Episodes
                that were being played then are not; new ones begin.
        """
        module, _, function = self.trained_by.partition(":")
        getattr(importlib.import_module(module), function)(self, curriculum, seed, on_epoch, resume)


def with_algorithm(curriculum: AnyCurriculumConfig, algorithm: SchedulerConfig) -> AnyCurriculumConfig:
    """Return a curriculum with another algorithm, whose own pool size counts where it was given.

    >>> with_algorithm(CurriculumConfig(num_active_tasks=64), DiscreteRandomConfig()).num_active_tasks
    64
    >>> with_algorithm(CurriculumConfig(num_active_tasks=64), DiscreteRandomConfig(num_active_tasks=8)).num_active_tasks
    8
    """
    replaced = {"algorithm_config"} | (_SHARED & algorithm.model_fields_set)
    kept = {name: getattr(curriculum, name) for name in type(curriculum).model_fields if name not in replaced}
    return type(curriculum)(**kept | {"algorithm_config": algorithm})


def randomised(curriculum: AnyCurriculumConfig) -> AnyCurriculumConfig:
    """Return the same curriculum with tasks drawn uniformly.

    >>> randomised(CurriculumConfig(num_active_tasks=64)).algorithm_config.type
    'discrete_random'
    """
    algorithm = curriculum.algorithm_config
    common = (algorithm.model_fields_set & SchedulerConfig.model_fields.keys()) - {"type"}
    kept = {name: getattr(algorithm, name) for name in common}
    return with_algorithm(curriculum, DiscreteRandomConfig(**kept))
