"""Generators of one's own, and callables."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import sample_envs as envs
from sample_generators import ENV, MappedGenerator, labels

from lpcurr.errors import ConfigError
from lpcurr.generators import (
    CallableGenerator,
    GeneratedTask,
    SingleTaskGenerator,
    TaskGenerator,
    as_generator,
    bucketed,
    merge,
    single_task,
)

pytestmark = pytest.mark.no_kernels


def test_a_generator_of_ones_own() -> None:
    generator = MappedGenerator(factor=2, label="mine", overrides={})
    assert generator.build(4) == GeneratedTask({"size": 8}, "mine", {})
    assert MappedGenerator(overrides={"size": 1}).build(4) == GeneratedTask({"size": 1}, "default", {})


def test_a_generator_needs_a_type_of_its_own() -> None:
    with pytest.raises(TypeError, match=r"Untyped needs a type of its own.*taken: .*single"):

        class Untyped(TaskGenerator):
            def _generate(self, task_id: int) -> GeneratedTask:
                raise NotImplementedError

    with pytest.raises(TypeError, match="Inheriting needs a type of its own"):

        class Inheriting(SingleTaskGenerator):
            pass

    assert TaskGenerator.kinds["single"] is SingleTaskGenerator


def test_the_base_class_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        TaskGenerator(type="single")  # type: ignore[abstract]


class Mazes:
    """A callable with everything a callable may have."""

    label = "not asked"

    def __call__(self, task_id: int) -> GeneratedTask:
        return GeneratedTask({"map_seed": task_id}, f"kind {task_id % 2}", {"kind": task_id % 2})

    def label_of(self, task_id: int) -> str:
        return f"kind {task_id % 2}"

    def slice_values_of(self, task_id: int) -> dict[str, int]:
        return {"kind": task_id % 2}


class Labelled:
    label = "mazes"

    def __call__(self, task_id: int) -> int:
        return task_id


def test_a_generator_is_its_own_generator() -> None:
    generator = single_task(ENV)
    assert as_generator(generator) is generator


def test_labels_and_slice_values_of_a_callable() -> None:
    assert as_generator(envs.not_a_config).build(3) == GeneratedTask(3, "unknown", {})
    assert as_generator(Labelled()).build(3) == GeneratedTask(3, "mazes", {})
    mazes = as_generator(Mazes())
    assert mazes.build(3) == GeneratedTask({"map_seed": 3}, mazes.label_of(3), mazes.slice_values_of(3))
    assert (mazes.label_of(3), mazes.slice_values_of(3)) == ("kind 1", {"kind": 1})
    named = CallableGenerator(function=Mazes(), label="given", overrides={"map_seed": 0})
    assert named.build(3) == GeneratedTask({"map_seed": 0}, "given", {"kind": 1})
    assert labels(merge([mazes])) == {"kind 0", "kind 1"}


def test_a_label_never_calls_the_callable() -> None:
    def refuses(task_id: int) -> Any:
        raise AssertionError("called")

    generator = bucketed(merge([refuses])).add_bucket("size", [1])
    assert (generator.label_of(0), generator.slice_values_of(0)) == ("unknown", {"size": 1})


def test_a_callable_that_returns_one_object_again_and_again() -> None:
    shared = {"size": 1}
    generator = bucketed(lambda task_id: shared).add_bucket("size", [2])
    assert generator(0) == {"size": 2}
    as_generator(lambda task_id: shared)(0)["size"] = 3
    assert shared == {"size": 1}


def test_a_level_by_number_is_named_by_it() -> None:
    class Levels:
        def __call__(self, task_id: int) -> dict[str, int]:
            return {"level": task_id % 3}

        def label_of(self, task_id: int) -> int:
            return task_id % 3

    assert as_generator(Levels()).label_of(5) == "2"


def test_a_label_of_that_gives_no_string() -> None:
    class Wrong(Labelled):
        def label_of(self, task_id: int) -> None:
            return None

    with pytest.raises(ConfigError, match=r"label_of\(5\) of .*Wrong gave None, not a string"):
        as_generator(Wrong()).label_of(5)


@pytest.mark.parametrize("source", [3, None, "name", {"size": 4}, [single_task(ENV)]])
def test_what_is_neither_generator_nor_callable(source: Any) -> None:
    with pytest.raises(ConfigError, match=r"a task generator is .*single_task"):
        as_generator(source)


def test_a_class_of_generators_is_no_generator() -> None:
    with pytest.raises(ConfigError, match="SingleTaskGenerator is a class"):
        as_generator(SingleTaskGenerator)


def test_a_callable_generator_is_as_picklable_as_its_callable() -> None:
    assert pickle.loads(pickle.dumps(as_generator(envs.not_a_config)))(3) == 3
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(as_generator(lambda task_id: task_id))
