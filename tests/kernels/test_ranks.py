"""Draws by rank: the order of the tasks, whatever comes, goes and changes; and the law of the draws."""

from __future__ import annotations

import math
from bisect import insort
from itertools import groupby
from typing import Any

import numpy as np
import pytest

import lpcurr
from lpcurr import Curriculum, PrioritizedReplayConfig
from lpcurr.kernels import JIT
from lpcurr.kernels.choosing import law
from lpcurr.kernels.indices import ranks
from lpcurr.memory import layout
from tests.kernels.calls import _compile
from tests.twins import Twins, make_config

STEPS = 4000 if JIT else 150
DRAWS = 40_000 if JIT else 2_000


@_compile
def slots_and_bounds(segment, found, first, end):  # type: ignore[no-untyped-def]
    for rank in range(found.size):
        found[rank] = ranks.slot_at(segment, rank)
        first[rank], end[rank] = ranks.bounds(segment, found[rank])


@_compile
def power_sums(first, end, power, sums):  # type: ignore[no-untyped-def]
    for i in range(first.size):
        sums[i] = law.power_sum(first[i], end[i], power)


def by_rank(**settings: Any) -> PrioritizedReplayConfig:
    shares = {"staleness_share": 0.0, "rand_task_rate": 0.0}
    return PrioritizedReplayConfig(prioritization="rank", **shares | settings)


def check(curriculum: Curriculum) -> None:
    """The tree has every task, highest priority first, of equals the oldest; and knows each priority's ranks."""
    state = curriculum._pool.state
    slots = np.flatnonzero(state["task_id"][0] != layout.FREE).tolist()
    expected: list[tuple[float, int, int]] = []
    for slot in slots:
        insort(expected, (-state["priority"][0][slot], int(state["entry"][0][slot]), slot))
    found, first, end = (np.empty(len(slots), np.int64) for _ in range(3))
    slots_and_bounds(curriculum._pool._segment.bytes, found, first, end)
    assert found.tolist() == [slot for *_, slot in expected]
    rank = 0
    for _, group in groupby(expected, key=lambda each: each[0]):
        behind = rank + len(list(group))
        assert {(a, b) for a, b in zip(first[rank:behind], end[rank:behind], strict=True)} == {(rank, behind)}
        rank = behind
    assert curriculum.find_violations() == []


@pytest.mark.parametrize("signals", [3, 1000], ids=["many ties", "few ties"])
def test_tasks_come_and_go_and_change(signals: int) -> None:
    rng = np.random.default_rng(signals)
    with make_config(97, by_rank()).make() as curriculum:
        known: list[int] = []
        for step in range(STEPS):
            kind = rng.random()
            if len(known) < 97 and kind < 0.3:
                curriculum.add_task(step)
                known.append(step)
            elif known and kind < 0.5:
                curriculum.evict(known.pop(int(rng.integers(len(known)))))
            elif known:
                signal = float(rng.integers(signals))
                curriculum.update_task_performance(known[int(rng.integers(len(known)))], 0.5, signal=signal)
            if step % (STEPS // 20) == 0:
                check(curriculum)
        check(curriculum)


def test_another_scheduler_and_back() -> None:
    with make_config(20, {}).make() as curriculum:
        for task_id in range(20):
            curriculum.add_task(task_id)
            curriculum.update_task_performance(task_id, 1.0, signal=float(task_id % 7))
        for algorithm in (by_rank(), PrioritizedReplayConfig(), by_rank()):
            curriculum.use(algorithm)
            curriculum.evict(int(curriculum.probabilities()[0][0]))
        check(curriculum)


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0, 3.0, 10.0, 100.0])
def test_sums_of_powers(power: float) -> None:
    starts = [0, 1, 5, 40, 399, 1000, 50_000]
    first = np.array([a for a in starts for _ in range(5)])
    end = np.array([a + size for a in starts for size in (1, 2, 17, 1000, 30_000)])
    sums = np.empty(first.size)
    power_sums(first, end, power, sums)
    exact = [math.fsum(float(r) ** -power for r in range(a + 1, b + 1)) for a, b in zip(first, end, strict=True)]
    np.testing.assert_allclose(sums, exact, rtol=1e-12)


@pytest.mark.parametrize("sharpness", [1, 2, 3, 10])
def test_draws_are_of_the_law(sharpness: int) -> None:
    with Twins(make_config(40, by_rank(sharpness=sharpness))) as twins:
        for task_id in range(40):
            twins.add(task_id)
            twins.update(task_id, *([0.1 * (task_id // 3)] * (task_id % 4)))  # three and more of one priority
        twins.check()
        twins.check_draws(twins.curriculum.sample_ids(DRAWS).tolist())


def test_one_task_of_two() -> None:
    with Twins(make_config(2, by_rank(sharpness=1))) as twins:
        twins.add(0)
        assert set(twins.curriculum.sample_ids(50).tolist()) == {0}
        twins.add(1)
        twins.update(1, 1.0)
        twins.check_draws(twins.curriculum.sample_ids(DRAWS).tolist())


def test_a_scale_changes_nothing() -> None:
    laws = []
    for scale in (1.0, 1e6):
        with make_config(10, by_rank(sharpness=3)).make() as curriculum:
            for task_id in range(10):
                curriculum.add_task(task_id)
                curriculum.update_task_performance(task_id, 0.0, signal=scale * task_id)
            laws.append(curriculum.probabilities()[1])
    np.testing.assert_array_equal(*laws)


def test_shares_that_do_not_fit() -> None:
    with pytest.raises(lpcurr.ConfigError, match=r"staleness_share=0.7 and rand_task_rate=0.6 add up to 1.3"):
        PrioritizedReplayConfig(staleness_share=0.7, rand_task_rate=0.6)
