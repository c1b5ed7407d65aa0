"""Whole episodes against the naive pool; short enough to run without JIT, where every index is checked."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from lpcurr import CurriculumConfig, DiscreteRandomConfig
from lpcurr.kernels import JIT
from tests.twins import Twins, make_config

ALGORITHMS: dict[str, Any] = {
    "default": {"new_task_rate": 0.5},
    "reference": {
        "exploration": "absolute",
        "eviction_among": "all",
        "zero_is_unset": True,
        "new_task_rate": 1.0,
        "rand_task_rate": 0.0,
    },
    "basic": {"use_bidirectional": False, "new_task_rate": 1.0},
    "reweighted": {"early_progress_amplification": 0.1, "performance_bonus_weight": 0.2},
    "warm": {"lp_score_temperature": 0.05, "progress_smoothing": 0.01, "new_task_rate": 1.0},
    "random": DiscreteRandomConfig(),
}


@pytest.mark.parametrize("capacity", [1, 2, 17])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_episodes_do_what_the_naive_pool_says(algorithm: str, capacity: int) -> None:
    values = ALGORITHMS[algorithm]
    if isinstance(values, dict):
        values = {"min_samples_for_lp": 3, **values}
    rng = random.Random(capacity)
    config = make_config(capacity, values, defer_init=False, min_presentations_for_eviction=4)
    with Twins(config) as twins:
        for step in range(40 * capacity if JIT else 12 * min(capacity, 8)):
            twins.update(twins.draw(), rng.choice([0.0, 0.0, 1.0, rng.random()]))
            if rng.random() < 0.05:
                twins.evict(rng.choice(list(twins.naive.tasks)))
            if step % (15 if JIT else 7) == 0 and twins.naive.tasks:
                twins.check()
        assert twins.curriculum.find_violations() == []


@pytest.mark.skipif(not JIT, reason="a batch this long takes a minute without JIT")
def test_a_batch_that_gives_way_in_between_is_as_many_single_calls() -> None:
    config = CurriculumConfig(num_active_tasks=10, seed=2, use_shared_memory=False, defer_init=True)
    with config.make() as long, config.make() as short:
        for task_id in range(10):
            long.add_task(task_id)
            short.add_task(task_id)
        ids = long.sample_ids(200_000)
        np.testing.assert_array_equal(np.concatenate([short.sample_ids(50_000) for _ in range(4)]), ids)
        scores = np.random.default_rng(0).random(ids.size)
        assert long.update_many(ids, scores) == ids.size
        assert sum(short.update_many(ids[i::4], scores[i::4]) for i in range(4)) == ids.size
        assert long.stats()["num_completed"] == short.stats()["num_completed"] == ids.size
        assert long.find_violations() == []
