"""The curricula that are judged: lpcurr's schedulers with their defaults, and what they have to beat."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

import lpcurr
from lpcurr.schedulers import ALL


def config_of(algorithm: Any, *, labels: list[str], pool: int, seed: int, **fields: Any) -> lpcurr.CurriculumConfig:
    """Return the settings of what is judged: a fixed set of tasks, or, without labels, a pool that is renewed."""
    return lpcurr.CurriculumConfig(
        num_active_tasks=len(labels) or pool,
        seed=seed,
        use_shared_memory=False,
        defer_init=bool(labels),
        algorithm_config=algorithm(),
        **fields,
    )


def make(algorithm: Any, *, labels: list[str], pool: int, seed: int) -> lpcurr.Curriculum:
    """Make lpcurr's curriculum with a scheduler."""
    curriculum = config_of(algorithm, labels=labels, pool=pool, seed=seed).make()
    for task_id, label in enumerate(labels):
        curriculum.add_task(task_id, label)
    return curriculum


class NewTasks:
    """No curriculum: a new task every episode."""

    def __init__(self, *, labels: list[str], pool: int, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def get_task(self) -> SimpleNamespace:
        return SimpleNamespace(task_id=int(self._rng.integers(2**53)))

    def update_task_performance(self, task_id: int, score: float) -> bool:
        return True


BARS = {"uniform": partial(make, lpcurr.DiscreteRandomConfig), "new task every episode": NewTasks}
"""What a scheduler has to beat; the second only where a generator makes the tasks."""

SCHEDULERS = {
    config.model_fields["type"].default: partial(make, config)
    for config in ALL
    if config is not lpcurr.DiscreteRandomConfig
} | {
    f"learning_progress.{preset}": partial(make, getattr(lpcurr.LearningProgressConfig, preset))
    for preset in ("stable", "fast_learning", "arena_legacy", "reference")
}
"""Every scheduler of the library by its ``type``, and the presets of learning progress."""
