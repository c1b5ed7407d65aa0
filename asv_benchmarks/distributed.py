"""What a log costs: an episode with it, and applying the log of many nodes on one machine."""

from __future__ import annotations

import tempfile
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
        applied = sum(apply_entries(image, chunk) for chunk in self.chunks)
        return applied / (time.perf_counter() - began)

    def track_bytes(self, tasks: int, scheduler: str) -> float:
        """Bytes of a node's entries for each of its episodes."""
        return sum(chunk.nbytes for chunk in self.chunks) / (2048 * self.nodes)


class TakingOver:
    """What an exchange costs by the size of the pool alone: to bring it into place, when nothing was played."""

    params = ([1_000, 10_000, 100_000, 1_000_000],)
    param_names = ("tasks",)
    timeout = 300

    def setup(self, tasks: int) -> None:
        """Fill a pool."""
        config = lpcurr.CurriculumConfig(num_active_tasks=tasks, seed=0, use_shared_memory=False, log_entries=1 << 12)
        self.curriculum = config.make()
        _play(self.curriculum, 2 * tasks, np.random.default_rng(0))
        self.log = PoolLog(self.curriculum._pool)
        self.base, self.begin = image_of(self.curriculum._pool), self.log.begin()

    def teardown(self, tasks: int) -> None:
        """Give the memory back."""
        self.curriculum.close()

    def time_install(self, tasks: int) -> None:
        """Put the image in place of the pool."""
        self.log.install(self.base, self.begin)


class Logging:
    """What a log adds to an episode, and what a recording to a file adds, its thread included: side by side."""

    params = (["log", "file"],)
    param_names = ("written",)
    unit = "share of an episode"
    episodes, rounds = 50_000, 15
    timeout = 300

    def setup(self, written: str) -> None:
        """Fill two equal pools; of one a log is kept."""
        self.folder = tempfile.TemporaryDirectory()
        self.curricula = []
        for logged in (False, True):
            config = lpcurr.CurriculumConfig(num_active_tasks=1000, seed=0, log_entries=1 << 20)
            curriculum = config.make()
            _play(curriculum, 20_000, np.random.default_rng(0))
            if logged and written == "file":
                curriculum.record(f"{self.folder.name}/played")
            elif logged:
                PoolLog(curriculum._pool).begin()
            self.curricula.append(curriculum)

    def teardown(self, written: str) -> None:
        """Give the memory back."""
        for curriculum in self.curricula:
            curriculum.close()
            curriculum.unlink()
        self.folder.cleanup()

    def track_share(self, written: str) -> float:
        """Processor time of an episode with it over one without, less 1: median of the rounds."""
        shares = []
        for _ in range(self.rounds):
            plain, logged = map(self._seconds, self.curricula)
            shares.append(logged / plain - 1)
        return float(np.median(shares))

    def _seconds(self, curriculum: lpcurr.Curriculum) -> float:
        began = time.process_time()
        for _ in range(self.episodes):
            curriculum.update_task_performance(curriculum.get_task().task_id, 0.5)
        if curriculum._recording is not None:
            curriculum._recording.flush()
        return time.process_time() - began
