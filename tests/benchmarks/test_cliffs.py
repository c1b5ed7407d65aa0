"""The sweep that finds cliffs, on a small pool."""

from __future__ import annotations

import logging

import pytest

from asv_benchmarks import cliffs
from lpcurr import CurriculumConfig, LearningProgressConfig


def test_every_setting_is_tried_at_both_ends() -> None:
    tried = [settings.model_dump() for settings in cliffs.configurations()]
    assert len(tried) > 200
    for name, values in {"rand_task_rate": {0.0, 1.0}, "exploration": {"relative", "absolute"}}.items():
        assert values <= {settings.get(name) for settings in tried}


def test_cases_are_measured_and_made_anew(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "lpcurr")
    some = list(cliffs.configurations())[::100]
    monkeypatch.setattr(cliffs, "SECONDS", 0.0001)
    monkeypatch.setattr(cliffs, "configurations", lambda: iter(some))
    cases = list(cliffs.measure(50, ["young"], ["random", "one of 1e12"]))
    assert len(cases) == 2 * 2 * len(some)
    assert all(case.ratio > 0.0 for case in cases)
    assert {case.call for case in cases} == {"draw", "update"}


@pytest.mark.parametrize("score", [-200.0, -1e6])
def test_draws_among_tasks_that_are_all_far_below_zero_take_few_tries(score: float) -> None:
    algorithm = LearningProgressConfig(
        performance_bonus_weight=1.0, rand_task_rate=0.0, new_task_rate=0.0, min_samples_for_lp=1
    )
    config = CurriculumConfig(num_active_tasks=1_000, seed=0, algorithm_config=algorithm, use_shared_memory=False)
    with config.make() as curriculum:
        ids = curriculum.sample_ids(1_000)
        curriculum.update_many(ids, [score] * 1_000)
        drawn = curriculum.sample_ids(4_000)
        (mine,) = curriculum.process_counters()
        assert mine["scans"] == 0
        assert mine["tries"] < 10 * 4_000
        assert len(set(drawn.tolist())) > 900


@pytest.mark.parametrize("temperature", [0.0, 0.5])
def test_without_a_bonus_the_one_explored_task_is_found_at_once(temperature: float) -> None:
    algorithm = LearningProgressConfig.reference(
        exploration_bonus=0.0, new_task_rate=0.0, lp_score_temperature=temperature, min_samples_for_lp=2
    )
    config = CurriculumConfig(num_active_tasks=1_000, seed=0, algorithm_config=algorithm, use_shared_memory=False)
    with config.make() as curriculum:
        first = curriculum.sample_ids(1_000)[0]
        for score in (0.0, 1.0, 0.0):
            curriculum.update_task_performance(int(first), score)
        assert set(curriculum.sample_ids(500).tolist()) == {int(first)}
        (mine,) = curriculum.process_counters()
        assert mine["scans"] == 0
        assert mine["tries"] < 10 * 500
