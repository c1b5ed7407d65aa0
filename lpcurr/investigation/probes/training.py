"""A recipe's own training, with its worker processes: against random, resumed half way, by workers."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.investigation.thresholds import Budget
from lpcurr.investigation.timed import EPISODE_PARTS, PARTS, TimedCurriculum, read_times
from lpcurr.recipes.checkpoints import TrainingCheckpoint, newest_checkpoint, write_checkpoint
from lpcurr.recipes.config import Metrics, SaveLearner, TrainingConfig, randomised

Tell = Callable[[str], None]

RANDOM = "discrete_random"
_WORKER_EPOCHS = 3


@dataclass
class Epoch:
    """An epoch of a real training.

    Attributes:
        steps, episodes: in it.
        seconds: spent acting and learning, as the recipe reports.
        parts: seconds in each part of the curriculum, all processes together.
        lock_wait: of it, seconds that they waited for the pool's lock.
        environment: CPU seconds of the worker processes outside the curriculum.
        processes: how many played.
        starting: whether the processes had just begun: they load kernels, and fill the pool.
    """

    steps: int
    episodes: int
    seconds: float
    parts: dict[str, float]
    lock_wait: float
    environment: float
    processes: int
    starting: bool

    @property
    def rate(self) -> float:
        """Environment steps per second."""
        return self.steps / self.seconds

    @property
    def share(self) -> float:
        """Of the processes' time, what the curriculum takes; statistics aside, which are made between epochs."""
        return self.playing / (self.seconds * self.processes)

    @property
    def playing(self) -> float:
        """Seconds in the parts of the curriculum that belong to episodes."""
        return sum(seconds for part, seconds in self.parts.items() if part in EPISODE_PARTS)


@dataclass
class Training:
    """What was seen of a recipe's trainings.

    Attributes:
        epochs: by curriculum, in order.
        resumed_after: epochs before the resume.
        step_rates: environment steps per second by number of worker processes; empty where a recipe has no such number.
        segment_bytes: size of the pool in shared memory at the end of each epoch of the first curriculum.
    """

    epochs: dict[str, list[Epoch]] = field(default_factory=dict)
    resumed_after: int = 0
    step_rates: dict[int, float] = field(default_factory=dict)


def measure_training(config: TrainingConfig, budget: Budget, tell: Tell) -> Training:
    """Train both curricula in turns, half of the epochs each, then both again from the checkpoints of the first half.

    Args:
        config: the recipe's.
        budget: how many epochs, and how long.
        tell: hears what is going on.
    """
    began = time.perf_counter()
    half = max(budget.epochs // 2, 1)
    training = Training(resumed_after=half)
    arms: dict[str, CurriculumConfig] = {config.curriculum.algorithm_config.type: config.curriculum}
    arms[RANDOM] = randomised(config.curriculum)
    with tempfile.TemporaryDirectory() as folder:
        for epochs in (half, 2 * half):
            for name, curriculum in arms.items():
                arm = _shortened(config, budget, epochs, {"curriculum": curriculum, "use_lp": None})
                done = training.epochs.setdefault(name, [])
                done += _train(arm, name, Path(folder), budget, tell, len(done))
    if "workers" in type(config).model_fields:
        for workers in sorted({1, 2, os.cpu_count() or 1}):
            if time.perf_counter() - began > budget.training_patience:
                break
            training.step_rates[workers] = _rate_with(config, workers, budget, tell)
    return training


def _shortened(config: TrainingConfig, budget: Budget, epochs: int, changes: dict[str, Any]) -> TrainingConfig:
    steps = min(config.epoch_steps, budget.training_steps)
    budgets = {"epoch_steps": steps, "total_steps": steps * epochs, "max_seconds": budget.training_seconds}
    return config.model_copy(update=budgets | changes)


def _rate_with(config: TrainingConfig, workers: int, budget: Budget, tell: Tell) -> float:
    with tempfile.TemporaryDirectory() as folder:
        arm = _shortened(config, budget, _WORKER_EPOCHS, {"workers": workers})
        epochs = _train(arm, f"{workers} worker{'' if workers == 1 else 's'}", Path(folder), budget, tell, 0)
    return median(epoch.rate for epoch in epochs[1:] or epochs)


def _train(config: TrainingConfig, name: str, folder: Path, budget: Budget, tell: Tell, before: int) -> list[Epoch]:
    """Train from the beginning, or from the checkpoint that an earlier call left; the one place that calls a recipe."""
    start = newest_checkpoint(folder / name) if before else None
    chosen = config.curriculum.model_copy(update={"seed": config.seed})
    curriculum = chosen.make() if start is None else Curriculum.load(start.pool, config=chosen)
    times = Path(tempfile.mkdtemp(dir=folder))
    watch = _Watch(TimedCurriculum.measured(curriculum, times), times, name, folder / name, before, tell)
    tell(f"{name}: starting the environments" + (" again, from the checkpoint" if start is not None else ""))
    try:
        config.train(curriculum, config.seed, watch, None if start is None else start.learner)
    finally:
        curriculum.close()
        curriculum.unlink()
    return watch.epochs


class _Watch:
    """Called after every epoch of a training: notes what it took, and leaves a checkpoint."""

    def __init__(self, curriculum: Curriculum, times: Path, name: str, folder: Path, before: int, tell: Tell) -> None:
        self.epochs: list[Epoch] = []
        self._curriculum, self._times, self._name, self._folder = curriculum, times, name, folder
        self._before, self._tell = before, tell
        self._seen: dict[int, dict[str, float]] = {}
        self._waited = 0.0

    def __call__(self, metrics: Metrics, save_learner: SaveLearner) -> None:
        self._curriculum.stats()
        self._curriculum.on_epoch_end()
        now = read_times(self._times)
        done = {
            pid: {part: seconds - self._seen.get(pid, {}).get(part, 0.0) for part, seconds in row.items()}
            for pid, row in now.items()
        }
        self._seen = now
        parts = {part: sum(row[part] for row in done.values()) for part in PARTS}
        workers = [row for pid, row in done.items() if row["cpu"] > 0.0]
        inside = sum(row[part] for row in workers for part in PARTS)
        waited = sum(each["lock_wait_seconds"] for each in self._curriculum.process_counters())
        epoch = Epoch(
            steps=int(metrics["epoch_steps"]),
            episodes=int(metrics["epoch_episodes"]),
            seconds=max(float(metrics["epoch_seconds"]), 1e-9),
            parts=parts,
            lock_wait=max(waited - self._waited, 0.0),
            environment=max(sum(row["cpu"] for row in workers) - inside, 0.0),
            processes=max(len(workers), 1),
            starting=not self.epochs,
        )
        self._waited = waited
        self.epochs.append(epoch)
        number = self._before + len(self.epochs)
        kind, seed = self._name, self._curriculum.config.seed or 0
        training = TrainingCheckpoint(self._folder, kind, seed, number, int(metrics["steps"]))
        write_checkpoint(self._folder, self._curriculum, save_learner, training, keep=1)
        self._tell(f"{self._name}, epoch {number}: {epoch.rate:,.0f} steps/s, {epoch.share:.1%} in the curriculum")
