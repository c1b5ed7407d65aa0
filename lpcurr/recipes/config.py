"""What the configuration of every recipe has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import Field, model_validator

from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.recipes.loggers import LogConfig
from lpcurr.schedulers.common import CheckedModel, SchedulerConfig
from lpcurr.schedulers.uniform import DiscreteRandomConfig

if TYPE_CHECKING:
    from lpcurr.curriculum.curriculum import Curriculum

Metrics = dict[str, float | int | str]
SaveLearner = Callable[[Path], None]
"""Writes all that the learner needs to go on from this moment into a folder, which exists and is empty."""

OnEpoch = Callable[[Metrics, SaveLearner], None]
"""Takes the figures of an epoch (``lpcurr.runs.folder.METRICS``), and how to save the learner as it is now."""

Seed = Annotated[int, Field(ge=0, lt=2**31)]
Positive = Annotated[int, Field(ge=1, le=10**12)]


class TrainingConfig(CheckedModel, ABC):
    """A training: a curriculum, a budget, where the results go. A recipe's configuration extends it.

    Which curriculum is used is said by ``curriculum.algorithm_config.type``, or in short by ``use_lp``.

    Attributes:
        extra: the extra of lpcurr that training needs (``lpcurr.cli.extras``).
    """

    extra: ClassVar[str] = "train"

    use_lp: bool | None = Field(
        default=None,
        description="true: learning progress; false: discrete random; by default what curriculum.algorithm_config says",
    )
    compare: bool = Field(default=False, description="train learning progress and random at equal environment steps")
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
    curriculum: CurriculumConfig = Field(
        default_factory=CurriculumConfig, description="the pool, the task generator and the algorithm"
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
    def _settle_resume(self) -> Self:
        if self.resume is not None and self.run_dir is not None:
            raise ValueError("resume goes on in its own run folder: leave run_dir out")
        return self

    @abstractmethod
    def train(self, curriculum: Curriculum, seed: int, on_epoch: OnEpoch, resume: Path | None = None) -> None:
        """Train once, up to ``total_steps`` or for ``max_seconds``.

        Args:
            curriculum: made from ``self.curriculum`` with ``seed``; the caller closes it.
            seed: of the learner and the environments.
            on_epoch: called after every epoch with its figures; may raise ``KeyboardInterrupt``.
            resume: what a learner of this recipe saved, to go on from: weights, random streams, steps so far. Episodes
                that were being played then are not; new ones begin.
        """


def randomised(curriculum: CurriculumConfig) -> CurriculumConfig:
    """The same curriculum with tasks drawn uniformly.

    >>> randomised(CurriculumConfig(num_active_tasks=64)).algorithm_config.type
    'discrete_random'
    """
    shared = SchedulerConfig.model_fields
    kept = {
        name: getattr(curriculum.algorithm_config, name)
        for name in curriculum.algorithm_config.model_fields_set
        if name in shared
    }
    fields = {name: getattr(curriculum, name) for name in type(curriculum).model_fields if name != "algorithm_config"}
    return CurriculumConfig(**fields, algorithm_config=DiscreteRandomConfig(**kept))
