"""A checkpoint that is loaded for other tasks than it was made with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lpcurr
from lpcurr import CheckpointError, ConfigError, Curriculum, CurriculumConfig, LpcurrError, Span


def mazes() -> Any:
    return lpcurr.bucketed({"size": 4, "slip": 0.0}).add_bucket("size", [4, 8, 16], label=True)


OTHERS = {
    "another field": (mazes().add_bucket("slip", [0.0, 0.3]), r"buckets\.slip was absent, now \[0\.0, 0\.3\]"),
    "another value": (
        lpcurr.bucketed({"size": 5, "slip": 0.0}).add_bucket("size", [4, 8, 16], label=True),
        "size was 4, now 5",
    ),
    "another range": (
        lpcurr.bucketed({"size": 4, "slip": 0.0}).add_bucket("size", Span(4, 16), label=True),
        "buckets.size",
    ),
    "another kind": (lpcurr.single_task({"size": 4}), "type was 'bucketed', now 'single'"),
    "a list": (["a"], "not a list of tasks"),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with CurriculumConfig(num_active_tasks=8, seed=0, task_generator=mazes()).make() as curriculum:
        curriculum.sample_ids(8)
        curriculum.save(tmp_path / "pool.lpc")
    return tmp_path / "pool.lpc"


@pytest.mark.parametrize("name", list(OTHERS))
def test_another_generator_is_refused_and_the_difference_named(path: Path, name: str) -> None:
    other, difference = OTHERS[name]
    with pytest.raises(ConfigError, match=rf"{difference}.*replace_generator=True"):
        Curriculum.load(path, task_generator=other)
    if name != "a list":
        with pytest.raises(ConfigError, match=difference):
            Curriculum.load(path, config=CurriculumConfig(num_active_tasks=8, task_generator=other))
        with CurriculumConfig(num_active_tasks=8, task_generator=other).make() as curriculum:
            with pytest.raises(ConfigError, match=difference):
                curriculum.load_state(path)
            assert curriculum.stats()["num_active_tasks"] == 0
            curriculum.load_state(path, replace_generator=True)
            assert curriculum.stats()["num_active_tasks"] == 8
        with Curriculum.load(path, task_generator=other, replace_generator=True) as curriculum:
            assert curriculum.get_task().get_env_cfg() is not None


def test_the_same_generator_is_taken_and_what_cannot_be_compared_too(path: Path) -> None:
    for same in (mazes(), lambda task_id: {"size": task_id}, None):
        with Curriculum.load(path, task_generator=same) as curriculum:
            assert curriculum.stats()["num_active_tasks"] == 8


@pytest.mark.parametrize("forged", [-1, np.zeros(3), {"count": "x"}, {"count": -5}, [1]], ids=repr)
def test_a_forged_description_of_the_list_is_passed_over_before_anything_is_changed(forged: Any) -> None:
    with CurriculumConfig(tasks=["a", "b"]).make() as curriculum:
        state = curriculum.get_state()
        state["config"]["task_generator"] = forged
        curriculum.load_state(state, replace_generator=True)
        assert sorted(curriculum.columns()["task_id"].tolist()) == [0, 1]


@pytest.mark.parametrize("field", ["format", "version"])
def test_a_state_whose_format_is_an_array_is_refused(field: str) -> None:
    with CurriculumConfig(num_active_tasks=4).make() as curriculum, pytest.raises(CheckpointError):
        curriculum.load_state(curriculum.get_state() | {field: np.zeros(3)})


@pytest.mark.parametrize("field", ["count", "session", "digest", "type"])
def test_a_forged_list_of_tasks_is_refused(field: str) -> None:
    with CurriculumConfig(tasks=["a", "b"]).make() as curriculum:
        state = curriculum.get_state()
        state["config"]["task_generator"] |= {field: np.zeros(3)}
        with pytest.raises(LpcurrError):
            curriculum.load_state(state)
