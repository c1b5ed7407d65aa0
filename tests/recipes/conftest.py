"""Small configurations of the real recipe."""

from __future__ import annotations

from typing import Any

import pytest

from lpcurr.recipes.frozen_lake.config import FrozenLakeConfig, frozen_lake
from lpcurr.recipes.overrides import apply_overrides

TINY = [
    *("total_steps=512", "epoch_steps=256", "workers=2", "envs_per_worker=4", "learner.rollout_steps=16"),
    *("learner.table_bits=10", "evaluation.num_tasks=3", "curriculum.num_active_tasks=8"),
    *("curriculum.task_generator.buckets.size=[4]", "curriculum.algorithm_config.min_samples_for_lp=2"),
]


@pytest.fixture
def tiny_overrides() -> list[str]:
    """What makes the default recipe be over in a second."""
    return list(TINY)


@pytest.fixture
def tiny() -> FrozenLakeConfig:
    """The default recipe, over in a second."""
    return apply_overrides(frozen_lake(), TINY)


@pytest.fixture
def row() -> dict[str, Any]:
    """A line of metrics."""
    return {
        "curriculum": "learning_progress",
        "seed": 0,
        "epoch": 1,
        "seconds": 1.0,
        "steps": 100,
        "episodes": 7,
        "steps_per_second": 100.0,
        "episodes_per_second": 7.0,
        "score": 0.5,
        "eval/score": 0.25,
        "eval/mastered": 3,
        "eval/tasks": 8,
        "eval/mastered_share": 0.375,
        "pool/mastered_share": 0.5,
        "curriculum/num_evicted": 2.0,
        "epoch_completions/size=4": 5.0,
        "epoch_completions/size=12": 2.0,
    }
