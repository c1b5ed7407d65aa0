"""The NumPy baseline of the benchmarks computes what the reference computes, and what lpcurr computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asv_benchmarks.reference import Learners, ReferencePool
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


def test_the_same_probabilities_as_lpcurr() -> None:
    tasks = 50
    algorithm = LearningProgressConfig.reference()
    config = CurriculumConfig(
        num_active_tasks=tasks, defer_init=True, use_shared_memory=False, seed=0, algorithm_config=algorithm
    )
    pool, learners = ReferencePool(tasks), Learners(tasks)
    with Curriculum(config) as curriculum:
        for task in range(tasks):
            curriculum.add_task(task)
        for _ in range(3000):
            task = pool.draw()
            score = learners.score(task, int(pool.completions[task]))
            pool.update(task, score)
            pool.refresh()
            curriculum.update_task_performance(task, score)
        ids, probabilities = curriculum.probabilities()
    np.testing.assert_allclose(pool.probabilities()[ids], probabilities, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("every", "stale"), [(1, False), (10, True), (100, True)])
def test_a_distribution_that_is_not_recomputed_is_stale(every: int, stale: bool) -> None:
    pool, learners = ReferencePool(30, every=every), Learners(30)
    distances = []
    for _ in range(600):
        distances.append(pool.staleness())
        task = pool.draw()
        pool.episode(learners.score(task, int(pool.completions[task])))
    assert (max(distances) > 1e-3) is stale
