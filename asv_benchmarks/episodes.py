"""The cost of an episode from Python, by algorithm, pool size and memory; and of its three calls apart.

Every call does 1,000 episodes: read milliseconds as microseconds.
"""

from __future__ import annotations

from asv_benchmarks.pools import ALGORITHMS, Timing, kept_curriculum, play, random_scores

EPISODES = 1000


class Episode(Timing):
    """``get_task`` + ``update_task_performance`` + ``get_episode_stats``, 1,000 times."""

    params = (list(ALGORITHMS), [64, 1_000, 32_768, 1_000_000], ["shared", "local"])
    param_names = ("algorithm", "tasks", "memory")

    def setup(self, algorithm: str, tasks: int, memory: str) -> None:
        self.curriculum = kept_curriculum(algorithm, tasks, memory)
        self.scores = random_scores(EPISODES)

    def time_thousand_episodes(self, algorithm: str, tasks: int, memory: str) -> None:
        play(self.curriculum, self.scores)


class Calls(Timing):
    """The calls of an episode apart, 1,000 of each."""

    params = (list(ALGORITHMS), [1_000, 32_768])
    param_names = ("algorithm", "tasks")

    def setup(self, algorithm: str, tasks: int) -> None:
        self.curriculum = kept_curriculum(algorithm, tasks)
        self.ids = self.curriculum.sample_ids(EPISODES).tolist()

    def time_thousand_draws(self, algorithm: str, tasks: int) -> None:
        for _ in range(EPISODES):
            self.curriculum.get_task()

    def time_thousand_updates(self, algorithm: str, tasks: int) -> None:
        for task_id in self.ids:
            self.curriculum.update_task_performance(task_id, 0.5)

    def time_thousand_episode_stats(self, algorithm: str, tasks: int) -> None:
        for _ in range(EPISODES):
            self.curriculum.get_episode_stats("unknown")
