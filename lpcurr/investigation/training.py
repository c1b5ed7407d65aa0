"""Time short trainings of a recipe, the only wall-clock times of an investigation: how much does a fault matter?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.investigation.limits import Budget
from lpcurr.recipes.config import Metrics, SaveLearner, TrainingConfig, randomised


@dataclass
class Epoch:
    """An epoch of a real training."""

    rate: float  # environment steps per second, while acting and learning, as the recipe reports it
    episodes: float  # of each process, per second
    waiting: float  # share of the processes' time that went into waiting for the pool's lock


@dataclass
class Training:
    """What was seen of a recipe's trainings, without the epoch in which their processes start."""

    own: list[Epoch]  # with the recipe's curriculum
    random: list[Epoch]  # with random draws
    step_rates: dict[int, float]  # by number of worker processes; empty where a recipe has no such number

    def share(self, seconds: float) -> float:
        """Return the share of the processes' time, where one episode takes so many seconds of it."""
        return seconds * median(epoch.episodes for epoch in self.own)


def time_training(config: TrainingConfig, budget: Budget, tell: Callable[[str], None]) -> Training:
    """Train with the recipe's curriculum, with random draws, and with other numbers of workers."""

    def train(what: str, **changes: Any) -> list[Epoch]:
        tell(f"training: {what}")
        return _train(config.model_copy(update=changes), budget)

    own = train("the recipe's curriculum")
    random = train("random draws", curriculum=randomised(config.curriculum), use_lp=None)
    counts = (1, 2) if "workers" in type(config).model_fields else ()
    rates = {n: [epoch.rate for epoch in train(f"workers={n}", workers=n)] for n in counts}
    return Training(own, random, {n: median(each) for n, each in rates.items() if each})


def _train(config: TrainingConfig, budget: Budget) -> list[Epoch]:
    steps = min(config.epoch_steps, budget.training_steps)
    total = {"total_steps": steps * budget.training_epochs, "max_seconds": budget.training_seconds}
    chosen: CurriculumConfig = config.curriculum.model_copy(update={"seed": config.seed, "session_id": None})
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
        whole = seconds * max(len(played), 1)
        epochs.append(
            Epoch(int(metrics["epoch_steps"]) / seconds, int(metrics["epoch_episodes"]) / whole, waited / whole)
        )

    try:
        config.model_copy(update={"epoch_steps": steps} | total).train(curriculum, config.seed, on_epoch, None)
    finally:
        curriculum.close()
        curriculum.unlink()
    return epochs[1:]
