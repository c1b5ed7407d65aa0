"""What is written down of a training: the figures of each epoch, and the tasks that are in the pool at its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from lpcurr.curriculum import Curriculum
from lpcurr.recipes.config import Metrics
from lpcurr.recipes.run_folder import Row, RunFolder

_COMPLETIONS = "per_label_completions/"


class Recorder:
    """Completes the figures that a recipe gives for an epoch, and writes them down."""

    def __init__(self, curriculum: Curriculum, run: Row, folder: RunFolder, show: Callable[[Row], None]) -> None:
        self._curriculum, self._run, self._folder, self._show = curriculum, run, folder, show
        self._started = time.perf_counter()
        self._completions: dict[str, float] = {}
        self.rows: list[Row] = []

    def __call__(self, metrics: Metrics) -> None:
        stats = self._curriculum.stats()
        self._curriculum.on_epoch_end()
        completions = {key.removeprefix(_COMPLETIONS): n for key, n in stats.items() if key.startswith(_COMPLETIONS)}
        row: Row = {**self._run, "epoch": len(self.rows) + 1, "seconds": time.perf_counter() - self._started}
        mastered = mastered_in_pool(self._curriculum)
        row |= metrics | _rates(metrics)
        row |= {"pool/mastered": mastered, "pool/mastered_share": mastered / max(stats["num_active_tasks"], 1.0)}
        row |= {f"epoch_completions/{label}": n - self._completions.get(label, 0.0) for label, n in completions.items()}
        row |= {f"curriculum/{key}": value for key, value in stats.items()}
        self._completions = completions
        self.rows.append(row)
        self._folder.append_metrics(row)
        self._show(row)


def _rates(metrics: Metrics) -> dict[str, float]:
    seconds = max(float(metrics["epoch_seconds"]), 1e-9)
    rates = {
        "steps_per_second": float(metrics["epoch_steps"]) / seconds,
        "episodes_per_second": float(metrics["epoch_episodes"]) / seconds,
    }
    if "eval/mastered" in metrics:
        rates["eval/mastered_share"] = float(metrics["eval/mastered"]) / max(float(metrics["eval/tasks"]), 1.0)
    return rates


def mastered_in_pool(curriculum: Curriculum) -> int:
    """How many active tasks have a success rate of at least the algorithm's success threshold."""
    threshold = curriculum.config.algorithm_config.task_default_success_threshold
    stats = (curriculum.get_task_stats(task_id) for task_id in curriculum.probabilities()[0].tolist())
    return sum(s is not None and s["completion_count"] > 0 and s["success_rate_ema"] >= threshold for s in stats)


def active_tasks(curriculum: Curriculum, run: dict[str, Any]) -> list[Row]:
    """The lines of ``tasks.jsonl``: every active task with its probability and state."""
    rows = []
    for task_id, probability in zip(*(column.tolist() for column in curriculum.probabilities()), strict=True):
        stats = curriculum.get_task_stats(task_id)
        if stats is not None:
            rows.append(
                {
                    **run,
                    "task_id": task_id,
                    "label": stats["label"],
                    "probability": probability,
                    "completions": stats["completion_count"],
                    "success_rate": stats["success_rate_ema"],
                    "learning_progress": abs(stats["p_fast"] - stats["p_slow"]),
                }
            )
    return rows
