"""What is written down of a training: the figures of each epoch, and the tasks that are in the pool at its end."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.recipes.checkpoints import TrainingCheckpoint, training_folder, write_checkpoint
from lpcurr.recipes.config import Metrics, SaveLearner, TrainingConfig
from lpcurr.runs.folder import RunFolder
from lpcurr.runs.metrics import Row
from lpcurr.statistics.figures import PoolStatistics

_COMPLETIONS = "per_label_completions/"
_GINI = "curriculum_gini/"
_COUNTERS = ("draws", "tries", "scans", "lock_waits", "lock_wait_seconds")


class Recorder:
    """Completes the figures that a recipe gives for an epoch and writes them down; keeps schedule and checkpoints.

    Everything is read between epochs, by the process that trains. In performance mode what takes a look at every task
    is left out: the keys of ``pool/``, ``gini/``, ``label_…/`` and ``success_probability/``. An entry of the schedule
    comes into force at the end of the epoch that reaches it, so that every epoch is of one algorithm, and before the
    checkpoint of that epoch is made.

    ``takers`` take each line of metrics as well: loggers, the display. Of a training that was cut, ``before`` has the
    lines, and ``switches`` counts the entries of the schedule that are in force already.
    """

    def __init__(
        self,
        curriculum: Curriculum,
        config: TrainingConfig,
        arm: str,
        seed: int,
        folder: RunFolder,
        takers: Sequence[Callable[[Row], None]] = (),
        before: Sequence[Row] = (),
        switches: int = 0,
    ) -> None:
        self._curriculum, self._config, self._folder, self._takers = curriculum, config, folder, takers
        self._run: Row = {"curriculum": arm, "seed": seed}
        self._started = time.perf_counter() - (before[-1]["seconds"] if before else 0.0)
        self._completions = _completions_by_label(curriculum.stats())
        self._processes: dict[int, dict[str, float]] = {}
        self._switches = switches
        self.rows = list(before)

    def __call__(self, metrics: Metrics, save_learner: SaveLearner) -> None:
        if self._curriculum.performance_mode:
            stats, looked = self._curriculum.stats(), {}
        else:
            statistics = self._curriculum.statistics()
            stats, looked = statistics.figures(), self._look(statistics)
        self._curriculum.on_epoch_end()
        completions = _completions_by_label(stats)
        row: Row = {**self._run, "epoch": len(self.rows) + 1, "seconds": time.perf_counter() - self._started}
        row |= {"algorithm": self._algorithm.type, "switches": self._switches}
        row |= metrics | _rates(metrics) | looked
        row |= {f"epoch_completions/{label}": n - self._completions.get(label, 0.0) for label, n in completions.items()}
        row |= {f"curriculum/{key}": value for key, value in stats.items()}
        row |= self._work()
        self._completions = completions
        self.rows.append(row)
        self._folder.append("metrics.jsonl", [row])
        self._switch(row["steps"])
        self._make_checkpoint(row, save_learner)
        for take in self._takers:
            take(row)

    @property
    def _algorithm(self) -> Any:
        return self._config.curriculum.algorithm_after(self._switches)

    def _switch(self, steps: int) -> None:
        """Bring what is due of the schedule into force, for all processes at their next call."""
        schedule = self._config.curriculum.schedule
        due = sum(steps >= entry.at * self._config.total_steps for entry in schedule)
        if due > self._switches:
            self._switches = due
            self._curriculum.use(self._algorithm)

    def _make_checkpoint(self, row: Row, save_learner: SaveLearner) -> None:
        every, epoch = self._config.checkpoint_every, row["epoch"]
        if every == 0 or epoch % every != 0:
            return
        folder = training_folder(self._folder.path, row["curriculum"], row["seed"])
        training = TrainingCheckpoint(
            folder, row["curriculum"], row["seed"], epoch, int(row["steps"]), switches=self._switches
        )
        write_checkpoint(folder, self._curriculum, save_learner, training, self._config.keep_checkpoints)

    def _look(self, statistics: PoolStatistics) -> dict[str, float]:
        """What takes a look at every task."""
        figures = shares_of_draws(statistics, self._algorithm.task_default_success_threshold)
        by_label = {
            "label_progress": statistics.label_means(statistics.raw_learning_progress),
            "label_reward": statistics.mean_scores_by_label(),
            "label_probability": statistics.label_sums(statistics.scores.probabilities),
        }
        for name, values in by_label.items():
            figures |= {f"{name}/{label}": value for label, value in values.items()}
        for key, value in statistics.gini_coefficients().items():
            if key.startswith(_GINI):  # details of single tasks come with it when they are asked for
                figures[f"gini/{key.removeprefix(_GINI)}"] = value
        return figures

    def _work(self) -> dict[str, float]:
        """Count what all processes have done since the last epoch, those that have left meanwhile excepted."""
        now = {each["pid"]: each for each in self._curriculum.process_counters()}
        done = {
            f"epoch_{name}": sum(
                max(each[name] - self._processes.get(pid, {}).get(name, 0), 0) for pid, each in now.items()
            )
            for name in _COUNTERS
        }
        self._processes = now
        return done


def _completions_by_label(stats: dict[str, float]) -> dict[str, float]:
    return {key.removeprefix(_COMPLETIONS): n for key, n in stats.items() if key.startswith(_COMPLETIONS)}


def _rates(metrics: Metrics) -> dict[str, float]:
    seconds = max(float(metrics["epoch_seconds"]), 1e-9)
    rates = {
        "steps_per_second": float(metrics["epoch_steps"]) / seconds,
        "episodes_per_second": float(metrics["epoch_episodes"]) / seconds,
    }
    if "eval/mastered" in metrics:
        rates["eval/mastered_share"] = float(metrics["eval/mastered"]) / max(float(metrics["eval/tasks"]), 1.0)
    return rates


def shares_of_draws(statistics: PoolStatistics, threshold: float) -> dict[str, float]:
    """Return who gets the next draw, by how well a task is done, and how many are done at a threshold or above it.

    ``success_probability/<tenth>`` add up to 1 where there is a task; ``pool/mastered_share`` is of the active ones.
    """
    columns, probabilities = statistics.moment.columns, statistics.scores.probabilities
    rates, played = columns["success_rate_ema"], columns["completion_count"] > 0
    mastered = int((played & (rates >= threshold)).sum())
    figures = {"pool/mastered": float(mastered), "pool/mastered_share": mastered / max(played.size, 1)}
    tenths = np.where(played, np.clip((rates * 10).astype(np.int64), 0, 9), 10)
    for tenth in np.unique(tenths).tolist():
        group = tenth / 10 if tenth < 10 else "unplayed"
        figures[f"success_probability/{group}"] = float(probabilities[tenths == tenth].sum())
    return figures


def active_tasks(curriculum: Curriculum, run: Row) -> list[Row]:
    """The lines of ``tasks.jsonl``: every active task with its probability and state."""
    found = curriculum.columns()
    columns = {
        "task_id": found["task_id"],
        "label": found["label"],
        "probability": found["probability"],
        "completions": found["completion_count"],
        "success_rate": found["success_rate_ema"],
        "learning_progress": np.abs(found["p_fast"] - found["p_slow"]),
    }
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [run | dict(zip(columns, row, strict=True)) for row in rows]
