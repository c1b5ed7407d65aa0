"""The NumPy baseline of the benchmarks computes what the reference computes, and what lpcurr computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asv_benchmarks.pools import mature_curriculum
from asv_benchmarks.reference import VARIANTS, Learners, ReferencePool, mature_reference, microseconds
from asv_benchmarks.staleness import staleness_of_lpcurr, staleness_of_variant
from lpcurr import Curriculum, CurriculumConfig, LearningProgressConfig
from tests.golden.replay import cases, load

FIELDS = set(LearningProgressConfig.model_fields) - {"num_active_tasks"}
CASES = cases("distribution")


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_recorded_distributions(path: Path) -> None:
    case = load(path)
    ids = case["inputs"]["task_ids"]
    config = LearningProgressConfig.reference(**{k: v for k, v in case["config"].items() if k in FIELDS})
    pool = ReferencePool(len(ids), config)
    place = {task_id: number for number, task_id in enumerate(ids)}
    for task_id, score in case["inputs"]["updates"]:
        pool.update(place[task_id], score)
    recorded = case["outputs"]["sampling_probabilities"]
    expected = [recorded[str(task_id)] for task_id in ids] if isinstance(recorded, dict) else recorded
    np.testing.assert_allclose(pool.probabilities(), expected, rtol=1e-10, atol=1e-12)


def test_the_same_probabilities_and_eviction_as_lpcurr() -> None:
    tasks = 50
    algorithm = LearningProgressConfig.reference()
    config = CurriculumConfig(
        num_active_tasks=tasks, defer_init=True, use_shared_memory=False, seed=0, algorithm_config=algorithm
    )
    pool, learners, candidates = ReferencePool(tasks), Learners(tasks), set()
    with Curriculum(config) as curriculum:
        for task in range(tasks):
            curriculum.add_task(task)
        for episode in range(3000):
            task = pool.draw()
            score = learners.score(task, int(pool.completions[task]))
            pool.update(task, score)
            curriculum.update_task_performance(task, score)
            if episode % 100 == 99:
                ids, probabilities = curriculum.probabilities()
                np.testing.assert_allclose(pool.probabilities()[ids], probabilities, rtol=1e-10, atol=1e-12)
                candidate = curriculum.recommend_eviction()
                assert pool.eviction_candidate_quadratic() == candidate
                candidates.add(candidate)
    assert len(candidates - {None}) > 3


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "as it is"])
def test_only_a_distribution_that_is_not_recomputed_is_stale(variant: str) -> None:
    staleness = staleness_of_variant(variant, tasks=40)
    if "every" in VARIANTS[variant]:
        assert staleness > 1e-3
    else:
        assert staleness == 0.0


def test_lpcurr_is_never_stale() -> None:
    assert staleness_of_lpcurr(tasks=40) < 1e-12


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_mature_pool_is_like_that_of_lpcurr(variant: str) -> None:
    """What is timed: every task is explored, and the distribution is neither uniform nor on a few tasks."""
    pool = mature_reference(200, **VARIANTS[variant])
    probabilities = pool.probabilities()
    curriculum = mature_curriculum("learning_progress", 200, "local")
    ours = curriculum.probabilities()[1]
    curriculum.close()
    assert 0.5 < (probabilities**2).sum() / (ours**2).sum() < 2.0
    assert microseconds(variant, 64, at_most=0.0) > 0.0
