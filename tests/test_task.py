"""A drawn task in a pickle: it takes its configuration along, and needs no curriculum where it comes out."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import lpcurr
from lpcurr import ConfigError, CurriculumConfig, CurriculumTask
from tests.memory.programs import run_program

SOURCES: dict[str, dict[str, Any]] = {
    "list": {"tasks": [{"size": 3}]},
    "function": {"task_generator": lambda task_id: {"size": task_id % 7}},
    "buckets": {"task_generator": lpcurr.bucketed({"size": 4}).add_bucket("size", [1, 2], label=True)},
    "local": {"tasks": [{"size": 3}], "use_shared_memory": False},
}


@pytest.mark.parametrize("carry", [lambda task: pickle.loads(pickle.dumps(task)), copy.deepcopy, copy.copy])
@pytest.mark.parametrize("source", SOURCES)
def test_it_is_the_same_task(source: str, carry: Callable[[CurriculumTask], CurriculumTask]) -> None:
    config = CurriculumConfig(num_active_tasks=8, seed=0, **SOURCES[source])
    with config.make() as curriculum, curriculum.evaluation([0]) as evaluation:
        tasks = [curriculum.get_task(), *curriculum.sample_tasks(2), *evaluation.sample_tasks(2)]
        carried = [carry(carry(task)) for task in tasks]
        expected = [(task.task_id, task.label, task.get_env_cfg(), task.get_slice_values()) for task in tasks]
    for task, (task_id, label, env_cfg, slice_values) in zip(carried, expected, strict=True):
        assert (task.task_id, task.label, task.get_slice_values()) == (task_id, label, slice_values)
        task.get_env_cfg()["size"] = 99
        assert task.get_env_cfg() == task.get_shared_env_cfg() == env_cfg


def test_a_process_without_the_curriculum_plays_it() -> None:
    with CurriculumConfig(tasks=["boil"], use_shared_memory=False).make() as curriculum:
        code = f"import pickle; print(pickle.loads({pickle.dumps(curriculum.get_task())!r}).get_env_cfg())"
        assert run_program(code) == "boil"


def test_one_without_a_generator_has_no_configuration() -> None:
    with CurriculumConfig(num_active_tasks=4).make() as curriculum:
        task = pickle.loads(pickle.dumps(curriculum.get_task()))
    assert task.get_slice_values() == {}
    with pytest.raises(ConfigError, match="no task generator"):
        task.get_env_cfg()
