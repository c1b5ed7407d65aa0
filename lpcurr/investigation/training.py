"""Time short trainings of a recipe, the only wall-clock times of an investigation: they say how much a fault matters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.investigation.limits import Budget
from lpcurr.recipes.config import Metrics, SaveLearner, TrainingConfig, randomised

Tell = Callable[[str], None]


@dataclass
class Epoch:
    """An epoch of a real training.

    Attributes:
        rate: environment steps per second.
        episodes: of each process, per second that it spent acting and learning, as the recipe reports it.
        waiting: share of the processes' time that went into waiting for the pool's lock.
    """

    rate: float
    episodes: float
    waiting: float


@dataclass
class Training:
    """What was seen of a recipe's trainings, without the epoch in which their processes start.

    Attributes:
        own, random: epochs with the recipe's curriculum, and with random draws.
        step_rates: environment steps per second by number of worker processes; empty where a recipe has no such number.
    """

    own: list[Epoch]
    random: list[Epoch]
    step_rates: dict[int, float] = field(default_factory=dict)

    def share(self, seconds: float) -> float:
        """Return the share of the processes' time, where one episode takes so many seconds of it."""
        return seconds * median(epoch.episodes for epoch in self.own)


def time_training(config: TrainingConfig, budget: Budget, tell: Tell) -> Training:
    """Train with the recipe's curriculum, with random draws, and with other numbers of workers."""
    tell("training: the recipe's curriculum")
    training = Training(_train(config, {}, budget), [])
    tell("training: random draws")
    training.random = _train(config, {"curriculum": randomised(config.curriculum), "use_lp": None}, budget)
    for workers in (1, 2) if "workers" in type(config).model_fields else ():
        tell(f"training: workers={workers}")
        training.step_rates[workers] = median(e.rate for e in _train(config, {"workers": workers}, budget))
    return training


def _train(config: TrainingConfig, changes: dict[str, Any], budget: Budget) -> list[Epoch]:
    steps = min(config.epoch_steps, budget.training_steps)
    limits = {"epoch_steps": steps, "total_steps": steps * budget.training_epochs}
    arm = config.model_copy(update=limits | {"max_seconds": budget.training_seconds} | changes)
    chosen: CurriculumConfig = arm.curriculum.model_copy(update={"seed": arm.seed, "session_id": None})
    curriculum = chosen.make()
    epochs: list[Epoch] = []
    before: dict[int, tuple[int, float]] = {}

    def on_epoch(metrics: Metrics, save_learner: SaveLearner) -> None:
        curriculum.on_epoch_end()
        now = {each["pid"]: (each["draws"], each["lock_wait_seconds"]) for each in curriculum.process_counters()}
        played = [pid for pid in now if now[pid][0] > before.get(pid, (0, 0.0))[0]]
        waited = sum(now[pid][1] - before.get(pid, (0, 0.0))[1] for pid in played)
        before.update(now)
        seconds = max(float(metrics["epoch_seconds"]), 1e-9)
        together = seconds * max(len(played), 1)
        epochs.append(
            Epoch(int(metrics["epoch_steps"]) / seconds, int(metrics["epoch_episodes"]) / together, waited / together)
        )

    try:
        arm.train(curriculum, arm.seed, on_epoch, None)
    finally:
        curriculum.close()
        curriculum.unlink()
    return epochs[1:] or epochs
