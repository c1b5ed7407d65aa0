"""Pools in the state that benchmarks measure: full, every task explored, and progress spread out."""

from __future__ import annotations

import time
from functools import cache

import numpy as np

from lpcurr import (
    Curriculum,
    CurriculumConfig,
    DiscreteRandomConfig,
    FrontierConfig,
    LabelProgressConfig,
    LearnabilityConfig,
    LearningProgressConfig,
    PrioritizedReplayConfig,
)

# The first three with the settings of 0.1, so that what is measured today stands beside what was measured then.
_SETTINGS_OF_0_1 = {
    "ema_timescale": 0.1,
    "rand_task_rate": 0.01,
    "use_baseline_normalization": True,
    "unbiased_averages": False,
}
ALGORITHMS = {
    "learning_progress": lambda: LearningProgressConfig(**_SETTINGS_OF_0_1),
    "basic": lambda: LearningProgressConfig(use_bidirectional=False, **_SETTINGS_OF_0_1),
    "discrete_random": DiscreteRandomConfig,
    "frontier": FrontierConfig,
    "learnability": LearnabilityConfig,
    "plr": PrioritizedReplayConfig,
    "label_progress": LabelProgressConfig,
}


class Timing:
    """How the timing benchmarks are run.

    A call does a thousand operations or so: asv calls ``setup`` before every timed call, and then times single calls.
    What counts is processor time, which a busy machine disturbs much less than it does the clock on the wall.
    """

    timer = time.process_time
    number = 1
    rounds = 4
    repeat = (5, 20, 1.0)
    timeout = 300


def mature_curriculum(algorithm: str, tasks: int, memory: str = "shared", **settings: object) -> Curriculum:
    """A full pool in which each task has a dozen completions with scores of its own level and trend."""
    config = CurriculumConfig(
        num_active_tasks=tasks,
        seed=0,
        use_shared_memory=memory == "shared",
        algorithm_config=ALGORITHMS[algorithm](),
        **settings,
    )
    curriculum = config.make()
    mature(curriculum)
    return curriculum


def mature(curriculum: Curriculum) -> None:
    """Fill a pool and give each task a dozen completions."""
    tasks = curriculum.config.num_active_tasks
    ids = curriculum.sample_ids(tasks)
    rng = np.random.default_rng(0)
    level, trend = rng.random(tasks), rng.normal(0.0, 0.05, tasks)
    for completion in range(12):
        curriculum.update_many(ids, np.clip(level + trend * completion, 0.0, 1.0))


@cache
def kept_curriculum(algorithm: str, tasks: int, memory: str = "shared") -> Curriculum:
    """The same pool, made once in a process and warmed up; it goes when the process ends, however it ends.

    asv runs ``setup`` before every timed call, and ends its processes by ``os._exit``, which cleans nothing up: so the
    name of the shared memory is given up at once.
    """
    curriculum = mature_curriculum(algorithm, tasks, memory)
    curriculum.unlink()
    play(curriculum, [0.5])
    return curriculum


def play(curriculum: Curriculum, scores: list[float]) -> None:
    """Whole episodes from Python: what a trainer calls, with these scores."""
    for score in scores:
        task = curriculum.get_task()
        curriculum.update_task_performance(task.task_id, score)
        curriculum.get_episode_stats(task.label)


def random_scores(count: int) -> list[float]:
    """Uniform scores, the same ones every time."""
    return np.random.default_rng(1).random(count).tolist()  # type: ignore[no-any-return]


def destroy(curriculum: Curriculum) -> None:
    """Close and unlink."""
    curriculum.close()
    curriculum.unlink()
