"""Mixtures: exactly the sum of share times chance over the parts, and what cannot be mixed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lpcurr
from lpcurr.schedulers.common import SchedulerConfig
from lpcurr.schedulers.mixture import MixtureConfig
from tests.schedulers.test_every_scheduler import TASKS, check_many_draws, played
from tests.twins import Twins, make_config

MAIN: list[SchedulerConfig] = [
    lpcurr.LearningProgressConfig(),
    lpcurr.LearningProgressConfig(use_bidirectional=False),
    lpcurr.LearnabilityConfig(attempts=4),
    lpcurr.FrontierConfig(),
    lpcurr.PrioritizedReplayConfig(),
    lpcurr.LabelProgressConfig(label_share=0.8),
    lpcurr.DiscreteRandomConfig(),
]


def mixture(*parts: tuple[float, Any]) -> MixtureConfig:
    return MixtureConfig.model_validate({"parts": [{"share": share, "use": use} for share, use in parts]})


@pytest.mark.parametrize("main", MAIN, ids=lambda main: main.scheduler.__name__)
def test_chances_are_the_sum_of_share_times_chance(main: SchedulerConfig) -> None:
    others = (lpcurr.LabelProgressConfig(), lpcurr.StalenessConfig(), lpcurr.DiscreteRandomConfig())
    parts = list(zip((0.4, 0.3, 0.2, 0.1), (main, *others), strict=True))
    if main.type == "label_progress":
        parts[1] = (0.3, lpcurr.StalenessConfig())
    mixed = mixture(*parts[::-1])  # in any order
    with Twins(make_config(TASKS, mixed)) as twins:
        played(twins)
        twins.curriculum.sample_ids(0)
        twins.check()
        mixed_law = twins.curriculum.probabilities()[1]
        expected = np.zeros(TASKS)
        for share, part in parts:
            twins.curriculum.use(part)
            expected += share * twins.curriculum.probabilities()[1]
        np.testing.assert_allclose(mixed_law, expected, rtol=1e-12)
        twins.use(mixed)
        check_many_draws(twins, 20_000)
        assert twins.curriculum.find_violations() == []


def test_the_part_with_a_priority_of_its_own_says_what_is_kept_and_evicted() -> None:
    mixed = mixture((0.3, {"type": "label_progress"}), (0.7, {"type": "learnability", "task_tracker_ema_alpha": 0.3}))
    assert mixed.task_tracker_ema_alpha == 0.3
    assert mixed.scheduler is lpcurr.LearnabilityConfig
    config = lpcurr.CurriculumConfig(algorithm_config=mixed, num_active_tasks=50)
    assert lpcurr.CurriculumConfig(**config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([(0.5, "frontier"), (0.5, "learnability")], "'frontier' and 'learnability' both draw by a priority of"),
        ([(0.5, "frontier"), (0.4, "staleness")], "add up to 0.9, not 1"),
        ([(1.0, "frontier")], "at least 2 items"),
        ([(0.5, "frontier"), (0.5, "mixture")], "give its parts instead"),
        ([(0.5, "frontier"), (0.5, "nothing")], "no such type"),
        ([(0.5, "label_progress"), (0.5, {"type": "label_progress", "ema_timescale": 0.2})], "other timescales"),
        ([(0.5, {"type": "frontier", "num_active_tasks": 5}), (0.5, "staleness")], "give it to the mixture"),
    ],
)  # fmt: skip
def test_what_cannot_be_mixed_says_why(parts: list[tuple[float, Any]], message: str) -> None:
    with pytest.raises(lpcurr.ConfigError, match=message):
        mixture(*((share, {"type": use} if isinstance(use, str) else use) for share, use in parts))


def test_a_setting_of_a_part_is_not_given_twice() -> None:
    with pytest.raises(lpcurr.ConfigError, match="give it only there"):
        MixtureConfig(task_tracker_ema_alpha=0.5)
