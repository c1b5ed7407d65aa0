"""Batches of distinct tasks are successive draws, those of one label independent ones, whichever way they are made."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lpcurr import (
    CurriculumConfig,
    DiscreteRandomConfig,
    FrontierConfig,
    InvalidBatchError,
    LearnabilityConfig,
    LearningProgressConfig,
    PoolEmptyError,
    PrioritizedReplayConfig,
)
from lpcurr.generators import GeneratedTask
from lpcurr.kernels import JIT
from lpcurr.schedulers.common import SchedulerConfig
from tests.twins import LEAST_P_VALUE, Twins, make_config

BATCHES = 10_000 if JIT else 200

SCHEDULERS: list[SchedulerConfig] = [
    LearningProgressConfig(rand_task_rate=0.0, min_samples_for_lp=2),
    LearningProgressConfig(rand_task_rate=0.1, exploration="absolute", exploration_bonus=1.0, min_samples_for_lp=2),
    LearningProgressConfig(use_bidirectional=False, rand_task_rate=0.2),
    LearnabilityConfig(rand_task_rate=0.0, attempts=8),
    FrontierConfig(frontier_share=0.5, staleness_share=0.0),  # staleness: chances change with each batch
    DiscreteRandomConfig(),
    PrioritizedReplayConfig(prioritization="rank", sharpness=2, staleness_share=0.0, rand_task_rate=0.1),
]


def probability_of(batch: Sequence[int], probabilities: dict[int, float]) -> float:
    """Draw without replacement, written down: each time among those that are left, in proportion to their chances."""
    left, product = dict(probabilities), 1.0
    for task_id in batch:
        product *= left.pop(task_id) / (sum(left.values()) + probabilities[task_id])
    return product


def assert_batches_are_successive_draws(
    batches: Counter[tuple[int, ...]], probabilities: dict[int, float], *, distinct: bool = True
) -> None:
    size = len(next(iter(batches)))
    orders = list(permutations(probabilities, size) if distinct else product(probabilities, repeat=size))
    chance = probability_of if distinct else lambda order, chances: math.prod(chances[task_id] for task_id in order)
    expected = np.array([chance(order, probabilities) for order in orders])
    assert expected.sum() == pytest.approx(1.0)
    counts = np.array([batches[order] for order in orders])
    assert counts.sum() == batches.total(), "a task is twice in a batch, or not in the pool"
    likely = expected * counts.sum() >= 8.0
    cells = [*counts[likely], counts[~likely].sum()], [*expected[likely], expected[~likely].sum()]
    counts, expected = np.array(cells[0]), np.array(cells[1])
    counts, expected = counts[expected > 1e-12], expected[expected > 1e-12]
    assert stats.chisquare(counts, expected / expected.sum() * counts.sum()).pvalue > LEAST_P_VALUE


def play_a_little(twins: Twins, tasks: int) -> None:
    """Give the tasks unlike priorities, and leave the last one unplayed."""
    twins.add(*range(tasks))
    for task_id in range(tasks - 1):
        twins.update(task_id, *([0.0] * 6), *([0.3 * task_id] * (task_id + 1)))


@pytest.mark.parametrize("algorithm", SCHEDULERS, ids=lambda each: each.type)
@pytest.mark.parametrize("size", [2, 5], ids=["by tries", "nearly all, by keys"])
def test_a_batch_is_of_successive_draws(algorithm: SchedulerConfig, size: int) -> None:
    with Twins(make_config(6, algorithm)) as twins:
        play_a_little(twins, 6)
        draw: Callable[..., Any] = twins.curriculum.sample_ids
        batches = Counter(tuple(draw(size, distinct=True).tolist()) for _ in range(BATCHES))
        assert_batches_are_successive_draws(batches, twins.naive.probabilities())
        (mine,) = twins.curriculum.process_counters()
        assert mine["draws"] == BATCHES * size


def test_draws_that_run_out_of_tries_look_at_all_tasks_once() -> None:
    # Five tasks of a thousand have nearly all of the weight: a batch of fifty is mostly doubles.
    with Twins(make_config(1000, LearnabilityConfig(rand_task_rate=0.0, prior_successes=1e-9))) as twins:
        twins.add(*range(1000))
        for task_id in range(5):
            twins.update(task_id, 0.0, 1.0, 0.0, 1.0)
        before = twins.curriculum.process_counters()[0]["scans"]
        batches = [twins.curriculum.sample_ids(50, distinct=True) for _ in range(BATCHES // 100)]
        assert twins.curriculum.process_counters()[0]["scans"] == before + len(batches)
        assert all(np.unique(batch).size == 50 and set(batch[:5]) == set(range(5)) for batch in batches)
        others = np.concatenate([batch[5:] for batch in batches])  # alike among themselves
        counts = np.bincount((others - 5) // 100, minlength=10)
        sizes = np.array([100] * 9 + [95])
        assert stats.chisquare(counts, sizes / sizes.sum() * counts.sum()).pvalue > LEAST_P_VALUE


def test_tasks_of_probability_zero_come_last() -> None:
    algorithm = LearningProgressConfig(
        rand_task_rate=0.0, exploration_bonus=0.0, min_samples_for_lp=2, use_bidirectional=False
    )
    with Twins(make_config(4, algorithm)) as twins:
        twins.add(*range(4))
        twins.update(2, 0.0, 1.0)
        twins.update(3, 0.0, 1.0)
        assert [p > 0.0 for p in twins.naive.probabilities().values()] == [False, False, True, True]
        batches = Counter(tuple(twins.curriculum.sample_ids(4, distinct=True).tolist()) for _ in range(400))
        assert set(batches) == {(*first, *last) for first in ((2, 3), (3, 2)) for last in ((0, 1), (1, 0))}


def test_by_staleness_a_batch_goes_by_how_it_was_at_its_beginning() -> None:
    with make_config(30, PrioritizedReplayConfig(staleness_share=0.8)).make() as curriculum:
        for task_id in range(30):
            curriculum.add_task(task_id)
        for _ in range(20):
            assert sorted(curriculum.sample_ids(30, distinct=True).tolist()) == list(range(30))
            assert np.unique(curriculum.sample_ids(29, distinct=True)).size == 29


def test_more_than_there_are_is_an_error_and_changes_nothing() -> None:
    with Twins(make_config(10, {})) as twins:
        with pytest.raises(PoolEmptyError):
            twins.curriculum.sample_ids(1, distinct=True)
        twins.add(*range(7))
        with pytest.raises(InvalidBatchError, match="8 were asked for, and there are 7"):
            twins.curriculum.sample_ids(8, distinct=True)
        assert twins.curriculum.process_counters()[0]["draws"] == 0
        assert twins.curriculum.sample_ids(0, distinct=True).size == 0
        assert sorted(twins.curriculum.sample_ids(7, distinct=True)) == list(range(7))


def test_a_pool_that_renews_itself_does_so_and_evicts_nothing_of_the_batch() -> None:
    algorithm = LearningProgressConfig(new_task_rate=0.5, min_samples_for_lp=0)
    config = make_config(20, algorithm, defer_init=False, min_presentations_for_eviction=0)
    with config.make() as curriculum:
        first = curriculum.sample_ids(12, distinct=True)
        assert curriculum.stats()["num_created"] == np.unique(first).size == 12  # there was room
        for _ in range(50):
            created = curriculum.stats()["num_created"]
            ids = curriculum.sample_ids(20, distinct=True)
            assert sorted(ids) == sorted(curriculum.probabilities()[0])  # all are there, none was evicted again
            curriculum.update_many(ids, np.linspace(0.0, 1.0, 20))
        assert curriculum.stats()["num_created"] > created - 20
        assert curriculum.stats()["num_evicted"] > 100
        assert curriculum.find_violations() == []
        with pytest.raises(InvalidBatchError, match="21 were asked for, and there are 20"):
            curriculum.sample_ids(21, distinct=True)


def _fails_for_odd_ids(task_id: int) -> GeneratedTask:
    if task_id % 2:
        raise ValueError("odd")
    return GeneratedTask({"id": task_id}, "even", {})


def test_a_task_that_cannot_be_built_is_replaced_by_one_that_is_not_in_the_batch() -> None:
    config = CurriculumConfig(num_active_tasks=40, seed=3, use_shared_memory=False, defer_init=True)
    with config.make(_fails_for_odd_ids) as curriculum:
        for task_id in range(40):
            curriculum.add_task(task_id, "given")
        tasks = curriculum.sample_tasks(15, distinct=True)
        assert len({task.task_id for task in tasks}) == 15
        assert all(task.get_env_cfg()["id"] % 2 == 0 for task in tasks)


@pytest.mark.parametrize("algorithm", SCHEDULERS, ids=lambda each: each.type)
def test_draws_of_one_label_have_the_chances_of_its_tasks_among_themselves(algorithm: SchedulerConfig) -> None:
    with Twins(make_config(40, algorithm)) as twins:
        for task_id in range(40):
            twins.curriculum.add_task(task_id, "few" if task_id < 4 else "many")
            twins.naive.add_task(task_id, "few" if task_id < 4 else "many")
        for task_id in range(39):
            twins.update(task_id, *([0.0] * 6), *([0.3 * (task_id % 4)] * (task_id % 4 + 1)))
        few = {task_id: p for task_id, p in twins.naive.probabilities().items() if task_id < 4}
        few = {task_id: p / sum(few.values()) for task_id, p in few.items()}
        draw: Callable[..., Any] = twins.curriculum.sample_ids
        for distinct in (False, True):
            batches = [draw(3, label="few", distinct=distinct).tolist() for _ in range(BATCHES // 4)]
            for some in ((0,), (0, 1), (1, 2) if not distinct else (0, 1, 2)):
                parts = Counter(tuple(batch[i] for i in some) for batch in batches)
                assert_batches_are_successive_draws(parts, few, distinct=distinct)
        assert {twins.curriculum.get_task("many").task_id >= 4 for _ in range(50)} == {True}


def test_a_batch_of_a_rare_label_takes_one_look_at_all_tasks() -> None:
    config = CurriculumConfig(tasks=list(range(10_000)), task_labels=["rare"] * 2 + ["common"] * 9_998, seed=0)
    with config.make() as curriculum:
        before = curriculum.process_counters()[0]
        assert set(curriculum.sample_ids(500, label="rare").tolist()) == {0, 1}
        after = curriculum.process_counters()[0]
        assert after["scans"] == before["scans"] + 1
        assert after["draws"] == before["draws"] + 500


def test_of_a_label_that_is_never_drawn_all_are_alike() -> None:
    config = CurriculumConfig(tasks=list(range(40)), task_labels=["never"] * 2 + ["ever"] * 38, seed=0)
    with config.make() as curriculum:
        curriculum.use(PrioritizedReplayConfig(rand_task_rate=0.0, staleness_share=0.0))
        curriculum.update_many(np.arange(40), np.zeros(40), signals=np.arange(40) >= 2)
        counts = Counter(curriculum.sample_ids(1000, label="never").tolist())
        assert stats.binomtest(counts[0], 1000).pvalue > LEAST_P_VALUE


def test_a_label_of_which_there_is_no_task_is_an_error_and_draws_bring_none_in() -> None:
    algorithm = LearningProgressConfig(new_task_rate=1.0, min_samples_for_lp=0)
    config = make_config(4, algorithm, defer_init=False, min_presentations_for_eviction=0)
    with config.make(lambda task_id: task_id) as curriculum:
        for task_id, label in ((1, "one"), (2, 2), (3, 2)):
            curriculum.add_task(task_id, label)
        assert {task.task_id for task in curriculum.sample_tasks(50, label=2)} == {2, 3}
        assert curriculum.get_task(label="one").label == "one"
        with pytest.raises(PoolEmptyError, match="no task of label 'three' is in the pool"):
            curriculum.get_task(label="three")
        with pytest.raises(InvalidBatchError, match="3 were asked for, and there are 2"):
            curriculum.sample_ids(3, distinct=True, label=2)
        assert curriculum.sample_ids(0, label="three").size == 0
        assert curriculum.stats()["num_created"] == 3
        assert curriculum.stats()["num_scheduled"] == 51
