"""Bad input: an lpcurr error at the border, and nothing has changed. (The cases that fail today come first.)"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

import lpcurr
from lpcurr import Curriculum, CurriculumConfig, LearningProgressConfig


def make(**fields: Any) -> Curriculum:
    return CurriculumConfig(**({"num_active_tasks": 4, "seed": 0, "use_shared_memory": False} | fields)).make()


BAD_CALLS: dict[str, Callable[[Curriculum], object]] = {
    "a label that is not Unicode": lambda c: c.add_task(5, "\ud800"),
    "a ragged list of ids to update": lambda c: c.update_many([[1], [1, 2]], [0.1]),  # type: ignore[list-item]
    "a ragged list of ids to score": lambda c: c.score_tasks([[1], [1, 2]]),  # type: ignore[list-item]
    "more draws than any array holds": lambda c: c.sample_ids(10**30),
    "a minimum that is not a number": lambda c: c.recommend_eviction(None, "a"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("call", BAD_CALLS.values(), ids=BAD_CALLS)
def test_bad_input_is_an_lpcurr_error_and_changes_nothing(call: Callable[[Curriculum], object]) -> None:
    with make() as curriculum:
        curriculum.get_task()
        before = curriculum._pool.snapshot().tobytes()
        with pytest.raises(lpcurr.LpcurrError):
            call(curriculum)
        assert curriculum._pool.snapshot().tobytes() == before


def test_a_huge_score_is_named_in_the_error_as_it_was_given() -> None:
    with make() as curriculum:
        task = curriculum.get_task()
        with pytest.raises(lpcurr.InvalidScoreError, match="1000000000"):
            curriculum.update_task_performance(task.task_id, 10**400)


def test_a_closed_curriculum_builds_nothing_and_is_not_pickled() -> None:
    curriculum = CurriculumConfig(num_active_tasks=4).make(task_generator=dict)
    curriculum.close()
    curriculum.unlink()
    with pytest.raises(lpcurr.PoolClosedError):
        curriculum.build(3)
    with pytest.raises(lpcurr.PoolClosedError):
        curriculum.slice_values(3)
    with pytest.raises(lpcurr.PoolClosedError):
        pickle.dumps(curriculum)


def test_an_assignment_that_is_refused_is_a_config_error_and_leaves_the_config_as_it_was() -> None:
    config = CurriculumConfig(num_active_tasks=5)
    before = config.model_copy(deep=True)
    for name, value in (("num_active_tasks", 0), ("algorithm_config", LearningProgressConfig(num_active_tasks=6))):
        with pytest.raises(ValueError, match="num_active_tasks"):
            setattr(config, name, value)
        assert config == before
    with pytest.raises(lpcurr.ConfigError):
        config.num_active_tasks = 0


def test_a_bad_session_id_is_refused_by_the_config() -> None:
    with pytest.raises(lpcurr.ConfigError, match="session_id"):
        CurriculumConfig(session_id="a b")
