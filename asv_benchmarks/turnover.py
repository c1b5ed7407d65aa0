"""Tasks that come and go: creation, eviction, both in one draw, and what the task generator adds.

Every call does 1,000 of them: read milliseconds as microseconds.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from asv_benchmarks.pools import Timing, mature
from lpcurr import Curriculum, CurriculumConfig, LearningProgressConfig, Span, bucketed

TASKS = 1000
SIZES = [1_000, 32_768, 1_000_000]


def level(task_id: int) -> dict[str, int]:
    """The cheapest task generator."""
    return {"level": task_id % 10}


def buckets() -> Any:
    """A generator of a few buckets, as recipes have them."""
    return (
        bucketed({"size": 4, "slip": 0.0, "holes": 0.1, "seed": 0})
        .add_bucket("size", [4, 8, 12, 16], label=True)
        .add_bucket("slip", Span(0.0, 0.7))
        .add_bucket("holes", Span(0.1, 0.4))
    )


GENERATORS = {"none": lambda: None, "function": lambda: level, "buckets": buckets}


@cache
def restless_curriculum(tasks: int, generator: str = "none") -> Curriculum:
    """A full pool in which every draw evicts the least task and creates one; kept as ``kept_curriculum`` is."""
    config = CurriculumConfig(
        num_active_tasks=tasks,
        seed=0,
        min_presentations_for_eviction=0,
        task_generator=GENERATORS[generator](),
        algorithm_config=LearningProgressConfig(
            min_samples_for_lp=0, new_task_rate=1.0, eviction_threshold_percentile=1.0
        ),
    )
    curriculum = config.make()
    mature(curriculum)
    curriculum.unlink()
    before = curriculum.stats()["num_evicted"]
    curriculum.sample_ids(TASKS)
    curriculum.get_task()
    assert curriculum.stats()["num_evicted"] == before + TASKS + 1
    return curriculum


class Replacement(Timing):
    """Draws of which each evicts a task and creates one, in a batch: the kernels alone."""

    params = (SIZES,)
    param_names = ("tasks",)

    def setup(self, tasks: int) -> None:
        self.curriculum = restless_curriculum(tasks)

    def time_thousand_replacements(self, tasks: int) -> None:
        self.curriculum.sample_ids(TASKS)


class Generation(Timing):
    """``get_task`` where every task is new: with no generator, a trivial one, and a usual one."""

    params = (list(GENERATORS),)
    param_names = ("generator",)

    def setup(self, generator: str) -> None:
        self.curriculum = restless_curriculum(TASKS, generator)

    def time_thousand_new_tasks(self, generator: str) -> None:
        for _ in range(TASKS):
            self.curriculum.get_task()


class Creation(Timing):
    """The first draws of an empty pool, which create; in a batch."""

    def setup(self) -> None:
        config = CurriculumConfig(num_active_tasks=TASKS, seed=0, use_shared_memory=False)
        config.make().sample_ids(TASKS)
        self.curriculum = config.make()

    def time_thousand_creations(self) -> None:
        self.curriculum.sample_ids(TASKS)


class ByHand(Timing):
    """``add_task`` and ``evict``, from Python, on a pool that is otherwise full."""

    params = (SIZES,)
    param_names = ("tasks",)

    def setup(self, tasks: int) -> None:
        self.curriculum = fixed_curriculum(tasks)

    def time_thousand_evictions_and_additions(self, tasks: int) -> None:
        curriculum = self.curriculum
        for task_id in range(TASKS):
            curriculum.evict(task_id)
        for task_id in range(TASKS):
            curriculum.add_task(task_id)


@cache
def fixed_curriculum(tasks: int) -> Curriculum:
    """A full pool that only ``add_task`` and ``evict`` change."""
    curriculum = CurriculumConfig(num_active_tasks=tasks, defer_init=True, seed=0).make()
    curriculum.unlink()
    for task_id in range(tasks):
        curriculum.add_task(task_id)
    curriculum.evict(0)
    curriculum.add_task(0)
    return curriculum
