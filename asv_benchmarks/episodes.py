"""The cost of an episode, its parts, and batches of them.

asv calls ``setup`` before every timed call, so each call does 1,000 episodes: read milliseconds as microseconds.
"""

from __future__ import annotations

import numpy as np

from asv_benchmarks.pools import destroy, mature_curriculum

EPISODES = 1000


class Episode:
    """``get_task`` + ``update_task_performance`` + ``get_episode_stats`` from Python, 1,000 times."""

    params = (["learning_progress", "basic", "discrete_random"], [64, 1_000, 32_768, 1_000_000], ["shared", "local"])
    param_names = ("algorithm", "tasks", "memory")
    number = 1
    timeout = 300

    def setup(self, algorithm: str, tasks: int, memory: str) -> None:
        self.curriculum = mature_curriculum(algorithm, tasks, memory)
        self.scores = np.random.default_rng(1).random(EPISODES).tolist()
        self._run()

    def teardown(self, algorithm: str, tasks: int, memory: str) -> None:
        destroy(self.curriculum)

    def _run(self) -> None:
        curriculum = self.curriculum
        for score in self.scores:
            task = curriculum.get_task()
            curriculum.update_task_performance(task.task_id, score)
            curriculum.get_episode_stats(task.label)

    def time_thousand_episodes(self, algorithm: str, tasks: int, memory: str) -> None:
        self._run()


class Parts:
    """The calls of an episode apart, 1,000 of each."""

    params = (["learning_progress", "basic", "discrete_random"], [1_000, 1_000_000])
    param_names = ("algorithm", "tasks")
    number = 1
    timeout = 300

    def setup(self, algorithm: str, tasks: int) -> None:
        self.curriculum = mature_curriculum(algorithm, tasks)
        self.ids = self.curriculum.sample_ids(EPISODES).tolist()
        self.time_thousand_draws(algorithm, tasks)
        self.time_thousand_updates(algorithm, tasks)
        self.time_thousand_episode_stats(algorithm, tasks)

    def teardown(self, algorithm: str, tasks: int) -> None:
        destroy(self.curriculum)

    def time_thousand_draws(self, algorithm: str, tasks: int) -> None:
        for _ in range(EPISODES):
            self.curriculum.get_task()

    def time_thousand_updates(self, algorithm: str, tasks: int) -> None:
        for task_id in self.ids:
            self.curriculum.update_task_performance(task_id, 0.5)

    def time_thousand_episode_stats(self, algorithm: str, tasks: int) -> None:
        for _ in range(EPISODES):
            self.curriculum.get_episode_stats("unknown")


class Batch:
    """``sample_ids`` + ``update_many`` for 4,096 episodes."""

    params = (["learning_progress", "basic", "discrete_random"], [1_000, 1_000_000])
    param_names = ("algorithm", "tasks")
    number = 1
    timeout = 300
    size = 4096

    def setup(self, algorithm: str, tasks: int) -> None:
        self.curriculum = mature_curriculum(algorithm, tasks)
        self.scores = np.random.default_rng(1).random(self.size)
        self.time_batch(algorithm, tasks)

    def teardown(self, algorithm: str, tasks: int) -> None:
        destroy(self.curriculum)

    def time_batch(self, algorithm: str, tasks: int) -> None:
        self.curriculum.update_many(self.curriculum.sample_ids(self.size), self.scores)
