"""Small configurations of the real recipe."""

from __future__ import annotations

import pytest

from lpcurr.recipes.frozen_lake.config import FrozenLakeConfig, frozen_lake
from lpcurr.recipes.overrides import apply_overrides
from lpcurr.reports.page import write_report

TINY = [
    "curriculum.algorithm_config.type=learning_progress",
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
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the report out, which takes longer to draw than a tiny training takes."""
    monkeypatch.setattr("lpcurr.recipes.training.write_report", lambda *_: None)


@pytest.fixture
def page_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave ``report.png`` out, whose layout takes longer than the whole page."""
    monkeypatch.setattr("lpcurr.recipes.training.write_report", lambda paths, page, _: write_report(paths, page, None))
