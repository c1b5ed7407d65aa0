"""What the arena recipe lets one choose."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from lpcurr.recipes.config import ScheduledCurriculum, TrainingConfig
from lpcurr.schedulers.common import CheckedModel, Rate, Share
from lpcurr.schedulers.frontier import FrontierConfig

AGENTS = 4
"""In every room."""


class PPOConfig(CheckedModel):
    """PufferLib's PPO, and the policy."""

    hidden_size: int = Field(default=64, ge=1, le=4096, description="units of the policy's hidden layers")
    learning_rate: Rate = Field(default=0.003, description="step size of Adam")
    discount: Share = Field(default=0.99, description="of rewards, by step")
    trace_decay: Share = Field(default=0.9, description="λ of the generalised advantage estimate")
    entropy_bonus: float = Field(default=0.01, ge=0.0, description="weight of the policy's entropy in the objective")
    clip: Rate = Field(default=0.2, description="how far one update may move an action's probability ratio from 1")
    rollout_steps: int = Field(default=32, ge=2, le=4096, description="steps of each environment between two updates")
    minibatches: int = Field(default=2, ge=1, le=1024, description="gradient steps for one pass over a rollout")
    passes: int = Field(default=2, ge=1, le=64, description="over each rollout")
    torch_threads: int = Field(default=1, ge=1, le=256, description="of the learner; workers need cores too")


class EvaluationConfig(CheckedModel):
    """The held-out arenas on which the policy is judged: the same for every curriculum and seed."""

    num_tasks: int = Field(default=64, ge=1, le=10_000, description="held-out tasks, spread over the whole family")
    episodes: int = Field(default=1, ge=1, le=90, description="episodes of each")
    seed: int = Field(default=20_000, ge=0, description="which tasks are held out, and their maps")
    mastered_from: Rate = Field(default=0.8, description="a task counts as mastered from this score on")


class MettaGridArenaConfig(TrainingConfig):
    """A training on MettaGrid's arena. Steps are those of agents, as PufferLib counts them: a room has four."""

    extra: ClassVar[str] = "metta"
    trained_by: ClassVar[str] = "lpcurr.recipes.mettagrid_arena.loop:train"

    total_steps: int = Field(default=2_000_000, ge=1, description="agent steps of one training")
    epoch_steps: int = Field(default=50_000, ge=1, description="agent steps of an epoch: a line of metrics each")
    max_seconds: float = Field(default=600.0, gt=0, description="a training that takes longer ends early")
    vectorization: Literal["multiprocessing", "serial"] = Field(
        default="multiprocessing", description="worker processes; or as many arenas in this process, one after another"
    )
    workers: int = Field(default=2, ge=2, le=256, description="worker processes; they share one pool")
    envs_per_worker: int = Field(default=8, ge=1, le=4096, description="arenas in each worker process")
    learner: PPOConfig = Field(default_factory=PPOConfig, description="PufferLib's PPO, and the policy")
    evaluation: EvaluationConfig = Field(
        default_factory=EvaluationConfig, description="the held-out arenas on which the policy is judged"
    )

    @model_validator(mode="after")
    def _check_minibatches(self) -> Self:
        arenas = self.workers * self.envs_per_worker
        if arenas * AGENTS % self.learner.minibatches:
            raise ValueError(
                f"learner.minibatches={self.learner.minibatches} does not divide the {arenas * AGENTS} agents "
                f"(workers · envs_per_worker · {AGENTS}): each minibatch takes as many of their rollouts"
            )
        return self


def mettagrid_arena() -> MettaGridArenaConfig:
    """The recipe: rooms from 7x7 to 17x17 with few or many machines; needs mettagrid, pufferlib and torch."""
    import mettagrid  # noqa: F401
    import pufferlib  # noqa: F401 - so that a missing one shows before a run folder is made
    import torch  # noqa: F401

    from lpcurr.recipes.mettagrid_arena.arenas import arena_tasks

    curriculum = ScheduledCurriculum(
        num_active_tasks=256, task_generator=arena_tasks(AGENTS), algorithm_config=FrontierConfig()
    )
    return MettaGridArenaConfig(curriculum=curriculum)
