"""What the cart-pole recipe lets one choose, and its task family."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from lpcurr.generators import BucketedTaskGenerator, Span, single_task
from lpcurr.recipes.config import ScheduledCurriculum, TrainingConfig
from lpcurr.schedulers.common import CheckedModel, Rate, Share
from lpcurr.schedulers.frontier import FrontierConfig


class PoleConfig(BaseModel):
    """A pole to balance, and where."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    length: float = Field(default=0.5, gt=0.0, le=100.0, description="half the pole's length, m")
    masspole: float = Field(default=0.1, gt=0.0, le=100.0, description="the pole's mass, kg; the cart has 1 kg")
    gravity: float = Field(default=9.8, gt=0.0, le=1000.0, description="m/s²")


class PPOConfig(CheckedModel):
    """Stable-Baselines3's PPO, with a network of two layers for the policy and one for the value."""

    learning_rate: Rate = Field(default=0.001, description="step size of Adam at first; it falls linearly to 0")
    n_steps: int = Field(default=512, ge=2, le=10**6, description="steps of each environment between two updates")
    batch_size: int = Field(default=256, ge=2, le=10**6, description="transitions of one gradient step")
    n_epochs: int = Field(default=10, ge=1, le=1000, description="passes over the transitions of an update")
    gamma: Share = Field(default=0.99, description="discount of rewards, by step")
    gae_lambda: Share = Field(default=0.95, description="λ of the generalised advantage estimate")
    clip_range: Rate = Field(default=0.2, description="how far one update may move an action's probability ratio")
    ent_coef: float = Field(default=0.0, ge=0.0, description="weight of the policy's entropy in the objective")
    hidden: int = Field(default=64, ge=1, le=4096, description="units of each layer")


class EvaluationConfig(CheckedModel):
    """The held-out poles on which the policy is judged: the same for every curriculum and seed."""

    num_tasks: int = Field(default=96, ge=1, le=10_000, description="held-out tasks, spread over the whole family")
    episodes: int = Field(default=4, ge=1, le=1000, description="episodes of each")
    seed: int = Field(default=20_000, ge=0, description="which tasks are held out, and how their episodes begin")
    mastered_from: Rate = Field(default=0.95, description="a task counts as mastered from this share of the steps on")


class CartPolePhysicsConfig(TrainingConfig):
    """A training on CartPole-v1 with other poles and gravities; score: the share of 500 steps that the pole was held.

    ``vectorization``: ``subproc`` runs ``workers`` processes with one environment each; ``dummy`` runs as many
    environments in this process, which suits debugging.
    """

    extra: ClassVar[str] = "sb3"
    trained_by: ClassVar[str] = "lpcurr.recipes.cartpole_physics.loop:train"

    total_steps: int = Field(default=307_200, ge=1, description="environment steps of one training")
    epoch_steps: int = Field(default=20_480, ge=1, description="environment steps of an epoch: a line of metrics each")
    max_seconds: float = Field(default=600.0, gt=0, description="a training that takes longer ends early")
    vectorization: Literal["subproc", "dummy"] = Field(default="subproc", description="worker processes, or none")
    workers: int = Field(default=4, ge=1, le=256, description="worker processes; they share one pool")
    start_method: Literal["fork", "spawn", "forkserver"] | None = Field(
        default=None, description="how workers start; null: as SB3 does by default"
    )
    learner: PPOConfig = Field(default_factory=PPOConfig, description="Stable-Baselines3's PPO")
    evaluation: EvaluationConfig = Field(
        default_factory=EvaluationConfig, description="the held-out poles on which the policy is judged"
    )


def cartpole_physics() -> CartPolePhysicsConfig:
    """The recipe: poles of 6 cm to 2 m and 0.05 to 3 kg, from a fifth of Earth's gravity to eight times that.

    A long light pole falls slowly and is easy; one that is short, or heavy, or under strong gravity asks for a quick
    and exact hand, and the shortest under the strongest cannot be held at all with CartPole's force and time step.
    """
    tasks = BucketedTaskGenerator(
        base=single_task(PoleConfig()),
        buckets={
            "length": [0.03, 0.05, 0.08, 0.15, 0.4, 1.0],
            "masspole": [Span(0.05, 0.3), Span(0.3, 1.0), Span(1.0, 3.0)],
            "gravity": [Span(2.0, 10.0), Span(10.0, 30.0), Span(30.0, 80.0)],
        },
        label_by=["length"],
    )
    # A training has two to four thousand episodes: the success rates that are shown follow within a few of them. What
    # is learned on one pole helps on all, so none is hopeless for long, and 64 stand for the family: none is evicted.
    algorithm = FrontierConfig(task_tracker_ema_alpha=0.3, task_default_success_threshold=0.95, new_task_rate=0.0)
    curriculum = ScheduledCurriculum(num_active_tasks=64, task_generator=tasks, algorithm_config=algorithm)
    return CartPolePhysicsConfig(curriculum=curriculum)
