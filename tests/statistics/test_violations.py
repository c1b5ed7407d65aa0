"""What is derived is checked against the truth: damage to any of it is a sentence."""

from __future__ import annotations

import numpy as np
import pytest

import lpcurr
from lpcurr.memory import layout
from lpcurr.schedulers.common import SchedulerConfig
from tests.checkpoint.pools import play

SCHEDULERS: list[tuple[SchedulerConfig, set[str]]] = [
    (lpcurr.FrontierConfig(num_active_tasks=40), {"weight", "weight_sum", "exploring", "drawn_count", "drawn_sum"}),
    (lpcurr.LearningProgressConfig(num_active_tasks=40), set()),
    (
        lpcurr.PrioritizedReplayConfig(num_active_tasks=40, prioritization="rank"),
        {"rank_left", "rank_right", "rank_before", "drawn_count", "drawn_sum"},
    ),
]
ALWAYS = {"priority", "evict_key", "least_key", "active", "position"}


@pytest.mark.parametrize(("scheduler", "own"), SCHEDULERS, ids=lambda value: getattr(value, "type", None))
def test_damage_to_what_is_derived_is_found(scheduler: SchedulerConfig, own: set[str]) -> None:
    with lpcurr.CurriculumConfig(algorithm_config=scheduler, seed=3).make() as curriculum:
        play(curriculum, 2000)
        assert curriculum.find_violations() == []
        slot = int(curriculum._pool.state["active"][0][0])
        for name in sorted(ALWAYS | own):
            cells = layout.cells(curriculum._pool.state, name)[0]
            cell = slot if len(cells) >= 40 else 0
            before = cells[cell].copy()
            cells[cell] = before + 1 if np.isfinite(before) else 0
            assert curriculum.find_violations() != [], name
            cells[cell] = before
            assert curriculum.find_violations() == [], name
