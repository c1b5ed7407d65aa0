"""Pools in the state that benchmarks measure: full, every task explored, and progress spread out."""

from __future__ import annotations

import numpy as np

from lpcurr import Curriculum, CurriculumConfig, DiscreteRandomConfig, LearningProgressConfig

ALGORITHMS = {
    "learning_progress": LearningProgressConfig,
    "basic": lambda: LearningProgressConfig(use_bidirectional=False),
    "discrete_random": DiscreteRandomConfig,
}


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
    ids = curriculum.sample_ids(tasks)
    rng = np.random.default_rng(0)
    level, trend = rng.random(tasks), rng.normal(0.0, 0.05, tasks)
    for completion in range(12):
        curriculum.update_many(ids, np.clip(level + trend * completion, 0.0, 1.0))
    return curriculum


def destroy(curriculum: Curriculum) -> None:
    """Close and unlink: asv runs many setups in one process."""
    curriculum.close()
    curriculum.unlink()
