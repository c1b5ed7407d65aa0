"""What a curriculum is compared with: one that does nothing but draw, and one that takes a lock to do as little."""

from __future__ import annotations

import multiprocessing
import random


class Trivial:
    """A fixed set of tasks drawn uniformly; an update is one addition."""

    def __init__(self, num_tasks: int) -> None:
        self._random = random.Random(0)
        self._totals = [0.0] * num_tasks

    def get_task(self) -> int:
        """Any task."""
        return int(self._random.random() * len(self._totals))

    def update_task_performance(self, task_id: int, score: float) -> None:
        """Add it up."""
        self._totals[task_id] += score


class Control(Trivial):
    """The same under a lock that processes share: how long one waits for a lock that is held for one addition."""

    def __init__(self, num_tasks: int) -> None:
        super().__init__(num_tasks)
        self._lock = multiprocessing.get_context("fork").Lock()

    def get_task(self) -> int:
        """Any task."""
        with self._lock:
            return super().get_task()

    def update_task_performance(self, task_id: int, score: float) -> None:
        """Add it up."""
        with self._lock:
            super().update_task_performance(task_id, score)
