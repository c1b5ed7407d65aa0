"""What the frozen-lake recipe lets one choose, and its task family."""

from typing import ClassVar, Literal

from pydantic import Field

from lpcurr.generators import single_task
from lpcurr.recipes.config import ScheduledCurriculum, TrainingConfig
from lpcurr.recipes.frozen_lake.tasks import FrozenLakeTasks, LakeConfig
from lpcurr.schedulers.common import CheckedModel, Rate, Share
from lpcurr.schedulers.frontier import FrontierConfig


class LearnerConfig(CheckedModel):
    """Actor-critic on hashed tiles."""

    table_bits: int = Field(default=15, ge=8, le=20, description="the table of weights has 2**this rows")
    learning_rate: Rate = Field(default=0.01, description="step size of Adam")
    discount: Share = Field(default=0.99, description="of rewards, by step")
    trace_decay: Share = Field(default=0.95, description="λ of the generalised advantage estimate")
    entropy_bonus: float = Field(default=0.01, ge=0.0, description="weight of the policy's entropy in the objective")
    clip: Rate = Field(default=0.2, description="how far one update may move an action's probability ratio from 1")
    rollout_steps: int = Field(default=32, ge=2, le=4096, description="steps of each environment between two updates")
    minibatch: int = Field(default=2048, ge=1, le=10**6, description="transitions of one gradient step")


class EvaluationConfig(CheckedModel):
    """The held-out lakes on which the policy is judged: the same for every curriculum and seed."""

    num_tasks: int = Field(default=160, ge=1, le=10_000, description="held-out tasks, spread over the whole family")
    seed: int = Field(default=20_000, ge=0, description="which tasks are held out")
    mastered_from: Rate = Field(default=0.8, description="a task counts as mastered from this success probability on")


class FrozenLakeConfig(TrainingConfig):
    """A training on Gymnasium's FrozenLake-v1.

    ``vectorization``: ``async`` runs ``workers`` processes with ``envs_per_worker`` environments each; ``sync`` runs
    as many environments in this process, which suits debugging.
    """

    trained_by: ClassVar[str] = "lpcurr.recipes.frozen_lake.loop:train"

    total_steps: int = Field(default=2_500_000, ge=1, description="environment steps of one training")
    epoch_steps: int = Field(default=100_000, ge=1, description="environment steps of an epoch: a line of metrics each")
    vectorization: Literal["async", "sync"] = Field(default="async", description="worker processes, or none")
    workers: int = Field(default=2, ge=1, le=256, description="worker processes; they share one pool")
    envs_per_worker: int = Field(default=32, ge=1, le=4096, description="environments in each worker process")
    start_method: Literal["fork", "spawn", "forkserver"] | None = Field(
        default=None, description="how workers start; null: as this platform does by default"
    )
    learner: LearnerConfig = Field(default_factory=LearnerConfig, description="actor-critic on hashed tiles")
    evaluation: EvaluationConfig = Field(
        default_factory=EvaluationConfig, description="the held-out lakes on which the policy is judged"
    )


def frozen_lake() -> FrozenLakeConfig:
    """The recipe: 4x4 … 20x20 lakes, one to four tiles in ten holes, more or less slippery; one learner for all.

    A step that slips goes sideways: ``slip`` is the probability of that, 2/3 being Gymnasium's own slippery lake.
    """
    tasks = FrozenLakeTasks(
        base=single_task(LakeConfig()),
        buckets={"size": [4, 8, 12, 16, 20], "holes": [0.1, 0.2, 0.3, 0.4], "slip": [0.1, 0.3, 0.5, 0.67]},
        label_by=["size"],
    )
    # A new lake takes as long to build as some forty episodes: fewer of them than by default.
    algorithm = FrontierConfig(new_task_rate=0.1)
    curriculum = ScheduledCurriculum(num_active_tasks=256, task_generator=tasks, algorithm_config=algorithm)
    return FrozenLakeConfig(curriculum=curriculum)
