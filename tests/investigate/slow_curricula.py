"""Small curricula in plain Python, each with one fault that real ones had, and one that has none.

All keep ``num_tasks`` tasks, draw in proportion to a weight by rejection, and replace a task now and then.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from typing import Any


class Healthy:
    """O(1) in everything, and only what is in the pool is kept."""

    def __init__(self, num_tasks: int = 200) -> None:
        self.num_tasks = num_tasks
        self.rng = random.Random(0)
        self.next_id = 0
        self.ids: list[int] = []
        self.slots: dict[int, int] = {}
        self.scores: dict[int, float] = {}
        self.counts: dict[int, int] = {}
        self.episodes = 0

    def get_task(self) -> int:
        if len(self.ids) < self.num_tasks:
            return self.add()
        if self.rng.random() < 0.05:
            self.evict(self.candidate())
            return self.add()
        return self.choose()

    def choose(self) -> int:
        while True:
            task_id = self.ids[int(self.rng.random() * len(self.ids))]
            if self.rng.random() < 0.2 + self.scores[task_id]:
                return task_id

    def candidate(self) -> int:
        """The weakest of a few."""
        return min(self.rng.sample(self.ids, min(4, len(self.ids))), key=lambda task_id: self.scores[task_id])

    def add(self) -> int:
        task_id = self.next_id
        self.next_id += 1
        self.slots[task_id] = len(self.ids)
        self.ids.append(task_id)
        self.scores[task_id] = 0.5
        self.counts[task_id] = 0
        return task_id

    def evict(self, task_id: int) -> None:
        slot, last = self.slots.pop(task_id), self.ids.pop()
        if last != task_id:
            self.ids[slot] = last
            self.slots[last] = slot
        del self.scores[task_id], self.counts[task_id]

    def update_task_performance(self, task_id: int, score: float) -> None:
        self.episodes += 1
        if task_id in self.scores:
            self.scores[task_id] += 0.1 * (score - self.scores[task_id])
            self.counts[task_id] += 1

    def get_episode_stats(self, label: str) -> dict[str, float]:
        return {"episodes": float(self.episodes)}

    def stats(self) -> dict[str, float]:
        return {"mean_score": sum(self.scores.values()) / max(len(self.scores), 1)}

    def on_epoch_end(self) -> None:
        self.episodes = 0


class ScanOnEveryEpisode(Healthy):
    """Recomputes the whole distribution for every draw."""

    def choose(self) -> int:
        return self.rng.choices(self.ids, self.rescore())[0]

    def rescore(self) -> list[float]:
        return [0.2 + self.scores[task_id] for task_id in self.ids]


class QuadraticEviction(Healthy):
    """Counts for each candidate how many tasks score less; candidates are tasks that were played enough."""

    def get_task(self) -> int:
        if len(self.ids) < self.num_tasks:
            return self.add()
        if self.rng.random() < 0.3:
            self.evict(self.candidate())
            return self.add()
        return self.choose()

    def candidate(self) -> int:
        for task_id in self.ids:
            if self.counts[task_id] >= 5 and self.rank(task_id) < 1:
                return task_id
        return self.ids[0]

    def rank(self, task_id: int) -> int:
        return sum(self.scores[other] < self.scores[task_id] for other in self.ids)


class GrowingDictionary(Healthy):
    """Remembers something of every episode that there ever was."""

    def __init__(self, num_tasks: int = 200) -> None:
        super().__init__(num_tasks)
        self.history: dict[int, float] = {}

    def update_task_performance(self, task_id: int, score: float) -> None:
        super().update_task_performance(task_id, score)
        self.history[len(self.history)] = score


class LockHeldLong(Healthy):
    """Works, and sleeps, inside a lock that all processes share."""

    def __init__(self, num_tasks: int = 200) -> None:
        super().__init__(num_tasks)
        self.lock = multiprocessing.get_context("fork").Lock()

    def update_task_performance(self, task_id: int, score: float) -> None:
        with self.lock:
            super().update_task_performance(task_id, score)
            time.sleep(0.002)


class StatisticsOnTheHotPath(Healthy):
    """Computes the statistics of the pool for every episode."""

    def get_episode_stats(self, label: str) -> dict[str, float]:
        return super().get_episode_stats(label) | self.pool_statistics()

    def pool_statistics(self) -> dict[str, float]:
        ordered = sorted(self.scores.values())
        return {"median": ordered[len(ordered) // 2], "mean": sum(ordered) / len(ordered)}


FAULTS: dict[str, type[Any]] = {
    "scan on every episode": ScanOnEveryEpisode,
    "quadratic eviction": QuadraticEviction,
    "growing structure": GrowingDictionary,
    "lock held long": LockHeldLong,
    "statistics on the hot path": StatisticsOnTheHotPath,
}
"""The fault of each."""
