"""Whether a long training costs more at its end than at its beginning: the fault that this project began with."""

from __future__ import annotations

import gc
import tracemalloc

from asv_benchmarks.pools import destroy, play, random_scores
from asv_benchmarks.targets import compare, episodes
from asv_benchmarks.turnover import buckets
from lpcurr import Curriculum, CurriculumConfig

TASKS = 256
BEGINNING, END = 10_000, 1_000_000


def played(count: int) -> Curriculum:
    """A pool with a usual task generator after so many episodes; the cache of configurations is full by then."""
    curriculum = CurriculumConfig(num_active_tasks=TASKS, seed=0, task_generator=buckets(), env_cache_size=64).make()
    play_on(curriculum, count)
    return curriculum


def play_on(curriculum: Curriculum, count: int) -> None:
    """So many more episodes, and an epoch's end after each 5,000."""
    scores = random_scores(5_000)
    for _ in range(count // len(scores)):
        play(curriculum, scores)
        curriculum.stats()
        curriculum.on_epoch_end()


class LongRun:
    """Episode 1,000,000 against episode 10,000 of a pool of 256 tasks that come and go."""

    timeout = 600

    def track_cost_of_last_to_first(self) -> float:
        """Cost of an episode then, in its cost at the beginning; measured side by side."""
        old, young = played(END), played(BEGINNING)
        ratio = compare(episodes(old), episodes(young))[2]
        destroy(old)
        destroy(young)
        return ratio

    track_cost_of_last_to_first.unit = "ratio"  # type: ignore[attr-defined]

    def track_bytes_grown_an_episode(self) -> float:
        """Python memory that 50,000 episodes did not give back."""
        curriculum = played(BEGINNING)
        play_on(curriculum, END // 20)
        tracemalloc.start()
        play_on(curriculum, BEGINNING)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        play_on(curriculum, END // 20)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        destroy(curriculum)
        return (after - before) / (END // 20)

    track_bytes_grown_an_episode.unit = "bytes"  # type: ignore[attr-defined]
