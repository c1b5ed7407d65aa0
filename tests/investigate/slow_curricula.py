"""Small curricula, each with a fault that real ones had, and one that has none.

All keep ``num_tasks`` tasks, draw in proportion to a weight by rejection, and replace a task now and then.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from typing import Any

import numpy as np


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
            time.sleep(0.0002)


class StatisticsOnTheHotPath(Healthy):
    """Computes the statistics of the pool for every episode."""

    def get_episode_stats(self, label: str) -> dict[str, float]:
        return super().get_episode_stats(label) | self.pool_statistics()

    def pool_statistics(self) -> dict[str, float]:
        ordered = sorted(self.scores.values())
        return {"median": ordered[len(ordered) // 2], "mean": sum(ordered) / len(ordered)}


class StatisticsInUpdates(Healthy):
    """Computes for every update what only the statistics need."""

    def update_task_performance(self, task_id: int, score: float) -> None:
        super().update_task_performance(task_id, score)
        self.mean = self.average()

    def average(self) -> float:
        return sum(self.scores[task_id] for task_id in self.ids) / len(self.ids)

    def stats(self) -> dict[str, float]:
        return {"mean_score": self.average()}


class EvictionOfTheReference(Healthy):
    """Looks at all tasks for every draw, and scores them all anew for each that may be evicted.

    As the curriculum that this project replaces: functions that sound like statistics are on the path, and a full pool
    that is old enough evicts a task at every draw.
    """

    def get_task(self) -> int:
        if len(self.ids) < self.num_tasks:
            return self.add()
        ripe = [task_id for task_id in self.ids if self.should_evict(task_id)]
        if ripe:
            self.evict(min(ripe, key=lambda task_id: self.scores[task_id]))
            return self.add()
        return self.rng.choice(self.ids)

    def should_evict(self, task_id: int) -> bool:
        if self.get_task_stats(task_id)["count"] < 5:
            return False
        scores = sorted(self.get_task_stats(other)["score"] for other in self.ids)
        return self.scores[task_id] <= scores[int(0.4 * len(scores))]

    def get_task_stats(self, task_id: int) -> dict[str, float]:
        return {"count": self.counts[task_id], "score": self.scores[task_id]}

    def stats(self) -> dict[str, float]:
        return {str(task_id): self.get_task_stats(task_id)["score"] for task_id in self.ids}


class VectorisedScan(Healthy):
    """Computes the whole distribution for every draw, in NumPy: no line of Python runs for a task."""

    def __init__(self, num_tasks: int = 200) -> None:
        super().__init__(num_tasks)
        self.weights = np.full(num_tasks, 0.5)

    def choose(self) -> int:
        sums = np.cumsum(self.weights[: len(self.ids)])
        return self.ids[int(np.searchsorted(sums, self.rng.random() * sums[-1]))]


class LockOfAServer(Healthy):
    """Asks another process for the lock."""

    def __init__(self, num_tasks: int = 200) -> None:
        super().__init__(num_tasks)
        self.manager = multiprocessing.get_context("spawn").Manager()
        self.lock = self.manager.Lock()

    def update_task_performance(self, task_id: int, score: float) -> None:
        with self.lock:
            super().update_task_performance(task_id, score)

    def close(self) -> None:
        self.manager.shutdown()


class SlowAfterLoading(Healthy):
    """Loads its tasks, and forgets that what it keeps of them is up to date."""

    stale = False

    def update_task_performance(self, task_id: int, score: float) -> None:
        super().update_task_performance(task_id, score)
        if self.stale:
            self.checksum = sum(digit * digit for digit in range(100))

    def get_state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("ids", "slots", "scores", "counts", "next_id")}

    def load_state(self, state: dict[str, Any]) -> None:
        vars(self).update({name: value.copy() if name != "next_id" else value for name, value in state.items()})
        self.stale = True


class OneSize(ScanOnEveryEpisode):
    """Scans a pool whose size cannot be varied."""

    def __init__(self) -> None:
        super().__init__(100)


FAULTS: dict[type[Any], list[str]] = {
    Healthy: [],
    ScanOnEveryEpisode: ["scan on every episode"],
    QuadraticEviction: ["quadratic eviction"],
    GrowingDictionary: ["growing structure"],
    LockHeldLong: ["lock held long"],
    StatisticsOnTheHotPath: ["statistics on the hot path"],
    StatisticsInUpdates: ["statistics on the hot path"],
    EvictionOfTheReference: ["scan on every episode", "quadratic eviction"],
    VectorisedScan: ["scan on every episode"],
    LockOfAServer: ["waiting on every episode"],
    SlowAfterLoading: ["state outside the checkpoint"],
    OneSize: ["scan on every episode"],
}
"""The faults of each."""
