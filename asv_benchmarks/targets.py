"""The promises of the README as ratios, each measured side by side in one run, so that a noisy machine does not matter.

``python -m asv_benchmarks.targets`` prints them without asv.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numba
import numpy as np

from asv_benchmarks.pools import Timing, destroy, mature_curriculum, play, random_scores
from lpcurr import Curriculum

ROUNDS = 41
EPISODES = 2000


@numba.njit(nogil=True, error_model="numpy")
def empty_draw(segment, process):  # type: ignore[no-untyped-def]
    """What a draw takes and answers, and nothing else."""
    return process, process


@numba.njit(nogil=True, error_model="numpy")
def empty_update(segment, process, task_id, score):  # type: ignore[no-untyped-def]
    """What an update takes and answers, and nothing else."""
    return task_id


def empty_calls(segment: np.ndarray) -> Callable[[], None]:
    """2,000 times the two kernel calls of an episode, through numba's dispatcher, with empty bodies."""

    def run() -> None:
        for _ in range(EPISODES):
            empty_draw(segment, 0)
            empty_update(segment, 0, 4503599627370496, 0.5)

    return run


def episodes(curriculum: Curriculum) -> Callable[[], None]:
    """2,000 whole episodes from Python."""
    scores = random_scores(EPISODES)

    def run() -> None:
        play(curriculum, scores)

    return run


def batches(curriculum: Curriculum) -> Callable[[], None]:
    """One batch of 4,096 episodes."""
    scores = np.random.default_rng(1).random(4096)

    def run() -> None:
        curriculum.update_many(curriculum.sample_ids(4096), scores)

    return run


def seconds(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compare(first: Callable[[], None], second: Callable[[], None]) -> tuple[float, float, float]:
    """Median times of two runs in turn, and the median of their ratios."""
    first(), second()
    pairs = [(seconds(first), seconds(second)) for _ in range(ROUNDS)]
    ratio = statistics.median(a / b for a, b in pairs)
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs), ratio


class EmptyCalls(Timing):
    """What calling two compiled functions costs that do nothing: the floor under every episode from Python."""

    def setup(self) -> None:
        self.run = empty_calls(np.zeros(4096, dtype=np.uint8))

    def time_two_thousand_pairs(self) -> None:
        self.run()


class Targets:
    """Ratios; the bounds are those of the README."""

    unit = "ratio"
    timeout = 600

    def _compare(self, first: tuple[str, int], second: tuple[str, int] | None) -> tuple[float, float, float]:
        curriculum = mature_curriculum(*first)
        if second is None:
            result = compare(episodes(curriculum), empty_calls(np.zeros(4096, dtype=np.uint8)))
        else:
            other = mature_curriculum(*second)
            result = compare(episodes(curriculum), episodes(other))
            destroy(other)
        destroy(curriculum)
        return result

    def track_episode_to_two_empty_calls(self) -> float:
        """Learning progress, shared memory, 1,000 tasks: at most 4."""
        return self._compare(("learning_progress", 1_000), None)[2]

    def track_learning_progress_to_random(self) -> float:
        """At 1,000 tasks: at most 1.5."""
        return self._compare(("learning_progress", 1_000), ("discrete_random", 1_000))[2]

    def track_million_tasks_to_thousand(self) -> float:
        """Learning progress: at most 3."""
        return self._compare(("learning_progress", 1_000_000), ("learning_progress", 1_000))[2]

    def track_batched_episode_to_empty_call(self) -> float:
        """An episode in batches of 4,096 at 1,000 tasks, in empty kernel calls: at most 2.5."""
        return self.batched_episode()[2]

    def batched_episode(self) -> tuple[float, float, float]:
        """Seconds of a batched episode, of an empty call, and their ratio."""
        curriculum = mature_curriculum("learning_progress", 1_000)
        batch, calls, ratio = compare(batches(curriculum), empty_calls(np.zeros(4096, dtype=np.uint8)))
        destroy(curriculum)
        return batch / 4096, calls / (2 * EPISODES), ratio * 2 * EPISODES / 4096


def main() -> None:
    targets = Targets()
    rows = (
        ("episode, 1,000 tasks / two empty calls", ("learning_progress", 1_000), None, 4.0),
        ("learning progress / discrete random", ("learning_progress", 1_000), ("discrete_random", 1_000), 1.5),
        ("episode, 1,000,000 / 1,000 tasks", ("learning_progress", 1_000_000), ("learning_progress", 1_000), 3.0),
    )
    print(f"{'':42}{'ns':>8}{'ns':>8}{'ratio':>8}{'at most':>9}")
    for name, first, second, bound in rows:
        a, b, ratio = targets._compare(first, second)
        print(f"{name:42}{a / EPISODES * 1e9:8.0f}{b / EPISODES * 1e9:8.0f}{ratio:8.2f}{bound:9.1f}")
    a, b, ratio = targets.batched_episode()
    print(f"{'episode in batches of 4,096 / empty call':42}{a * 1e9:8.0f}{b * 1e9:8.0f}{ratio:8.2f}{2.5:9.1f}")


if __name__ == "__main__":
    main()
