"""What a log costs: an episode with it, and applying the log of many nodes on one machine."""

from __future__ import annotations

import time

import numpy as np

import lpcurr
from lpcurr.pool.log import PoolLog, apply_entries, assign_node, image_of


def _play(curriculum: lpcurr.Curriculum, episodes: int, rng: np.random.Generator) -> None:
    for _ in range(0, episodes, 256):
        ids = curriculum.sample_ids(256)
        curriculum.update_many(ids, rng.random(256))


class Exchange:
    """The log of 64 nodes, applied by one of them."""

    params = ([1_000, 100_000], ["frontier", "learning_progress"])
    param_names = ("tasks", "scheduler")
    nodes = 64
    unit = "entries/s"

    def setup(self, tasks: int, scheduler: str) -> None:
        """Let 64 nodes play from one pool, 2,048 episodes each."""
        config = {"num_active_tasks": tasks, "seed": 0, "use_shared_memory": False, "log_entries": 1 << 18}
        config["algorithm_config"] = {"type": scheduler, "new_task_rate": 0.01}
        self.curriculum = lpcurr.CurriculumConfig(**config).make()
        rng = np.random.default_rng(0)
        _play(self.curriculum, 2 * tasks, rng)
        log = PoolLog(self.curriculum._pool)
        self.base, self.chunks = image_of(self.curriculum._pool), []
        for node in range(self.nodes):
            image = self.base.copy()
            assign_node(image, node, self.nodes)
            log.install(image, log.begin())
            _play(self.curriculum, 2048, rng)
            self.chunks.append(log.read(int(self.curriculum._pool.state["header"]["log_begin"][0]))[0])

    def teardown(self, tasks: int, scheduler: str) -> None:
        """Give the memory back."""
        self.curriculum.close()

    def track_entries_per_second(self, tasks: int, scheduler: str) -> float:
        """Apply everybody's entries to the pool of the last exchange."""
        image = self.base.copy()
        began = time.perf_counter()
        applied = sum(apply_entries(image, chunk)[1] for chunk in self.chunks)
        return applied / (time.perf_counter() - began)

    def track_bytes(self, tasks: int, scheduler: str) -> float:
        """Bytes of a node's entries for each of its episodes."""
        return sum(chunk.nbytes for chunk in self.chunks) / (2048 * self.nodes)


class Logging:
    """An episode with and without a log."""

    params = ([False, True],)
    param_names = ("log",)
    number = 200_000
    warmup_time = 0.2

    def setup(self, log: bool) -> None:
        """Fill a pool."""
        config = lpcurr.CurriculumConfig(num_active_tasks=1000, seed=0, use_shared_memory=False, log_entries=1 << 20)
        self.curriculum = config.make()
        _play(self.curriculum, 20_000, np.random.default_rng(0))
        if log:
            PoolLog(self.curriculum._pool).begin()

    def teardown(self, log: bool) -> None:
        """Give the memory back."""
        self.curriculum.close()

    def time_episode(self, log: bool) -> None:
        """Draw a task and report its score."""
        self.curriculum.update_task_performance(self.curriculum.get_task().task_id, 0.5)
