"""The cache of built tasks: bounded, isolated, and honest about errors."""

from __future__ import annotations

import pickle
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

import pytest
import sample_envs as envs
from pydantic import BaseModel, ConfigDict

from lpcurr.errors import ConfigError, TaskGenerationError
from lpcurr.generators import GeneratedTask, TaskCache, TaskGenerator, as_generator, bucketed, single_task

pytestmark = pytest.mark.no_kernels


class CountingGenerator(TaskGenerator):
    """Counts what is built; tasks 100 and up are impossible."""

    type: Literal["counting"] = "counting"
    copyable: bool = True

    def _generate(self, task_id: int) -> GeneratedTask:
        BUILT[task_id] += 1
        if task_id >= 100:
            raise ValueError(f"no map for {task_id}")
        env = {"id": task_id, "rows": [1]} | ({} if self.copyable else {"lock": threading.Lock()})
        return GeneratedTask(env, "counted", {"id": task_id})

    def label_of(self, task_id: int) -> str:
        if task_id >= 100:
            raise KeyError("no label")
        return "counted"

    def slice_values_of(self, task_id: int) -> dict[str, Any]:
        return {"id": task_id}


BUILT: Counter[int] = Counter()


@pytest.fixture(autouse=True)
def _nothing_built() -> None:
    BUILT.clear()


def test_a_task_is_built_once() -> None:
    cache = TaskCache(CountingGenerator(), size=3)
    for _ in range(5):
        assert cache.env_cfg(1) == {"id": 1, "rows": [1]}
        assert cache.get(1) == GeneratedTask({"id": 1, "rows": [1]}, "counted", {"id": 1})
    assert BUILT == {1: 1}


def test_the_least_recently_used_is_dropped_and_the_bound_holds() -> None:
    cache = TaskCache(CountingGenerator(), size=3)
    for task_id in (1, 2, 3, 1, 4):  # 2 is the one not used for longest
        cache.get(task_id)
        assert len(cache) <= 3
    for task_id in (1, 3, 4):
        cache.env_cfg(task_id)
    assert BUILT == {1: 1, 2: 1, 3: 1, 4: 1}
    cache.get(2)
    assert BUILT[2] == 2
    for task_id in range(50):
        cache.env_cfg(task_id)
    assert len(cache) == 3


@pytest.mark.parametrize("make", envs.GAMES)
@pytest.mark.parametrize("size", [0, 1, 10])
def test_what_an_environment_does_to_its_configuration_stays_there(make: Any, size: int) -> None:
    cache = TaskCache(bucketed(make()).add_bucket("maze.width", [4]), size)
    for _ in range(3):
        env = cache.env_cfg(7)
        assert env == make()
        assert type(env) is type(make())
        (env["rewards"] if isinstance(env, dict) else env.rewards).clear()
        (env["lanes"] if isinstance(env, dict) else env.lanes).pop()
    assert cache.get(7).env_cfg == make()


def test_a_callable_with_one_object_for_all_is_isolated_too() -> None:
    shared = {"size": 1}
    for size in (0, 5):
        cache = TaskCache(as_generator(lambda task_id: shared), size)
        cache.env_cfg(0)["size"] = 2
        assert cache.env_cfg(0) == shared == {"size": 1}


def test_size_0_keeps_nothing() -> None:
    cache = TaskCache(CountingGenerator(), size=0)
    for _ in range(3):
        cache.env_cfg(1)
        cache.get(2)
    assert BUILT == {1: 3, 2: 3}
    assert len(cache) == 0


def test_what_cannot_be_copied_is_built_each_time() -> None:
    cache = TaskCache(CountingGenerator(copyable=False), size=5)
    first, second = cache.env_cfg(1), cache.env_cfg(1)
    assert first is not second
    assert first["lock"] is not second["lock"]
    assert cache.get(1).env_cfg not in (first, second)


def test_what_cannot_be_pickled_is_copied_all_the_same() -> None:
    class Local:
        def __init__(self) -> None:
            self.rows = [1]

    cache = TaskCache(as_generator(lambda task_id: Local()), size=5)
    for _ in range(3):
        env = cache.env_cfg(1)
        assert (type(env), env.rows) == (Local, [1])
        env.rows.clear()


def test_labels_and_slice_values_build_nothing() -> None:
    cache = TaskCache(CountingGenerator(), size=5)
    assert (cache.label(1), cache.slice_values(1)) == ("counted", {"id": 1})
    assert BUILT == {}


def test_errors_name_task_and_generator_and_keep_their_cause() -> None:
    cache = TaskCache(CountingGenerator(label="mine"), size=5)
    for call in (cache.get, cache.env_cfg):
        with pytest.raises(
            TaskGenerationError, match=r"CountingGenerator 'mine' .*task 123 .*ValueError: no map"
        ) as caught:
            call(123)
        assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(TaskGenerationError, match="task 123 in label_of: KeyError"):
        cache.label(123)
    assert len(cache) == 0
    assert cache.env_cfg(1)["id"] == 1


def test_an_interrupt_is_no_generation_error() -> None:
    def interrupted(task_id: int) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TaskCache(as_generator(interrupted), 1).env_cfg(0)


def test_pickling_takes_the_generator_and_no_tasks() -> None:
    cache = TaskCache(single_task({"size": 4}), size=5)
    cache.get(1)
    copy = pickle.loads(pickle.dumps(cache))
    assert (copy.generator, copy.size, len(copy)) == (cache.generator, 5, 0)
    assert copy.env_cfg(1) == {"size": 4}


@pytest.mark.parametrize("size", [-1, 1.5, True, None, "3"])
def test_a_size_that_is_none(size: Any) -> None:
    with pytest.raises(ConfigError, match="an integer from 0 up"):
        TaskCache(single_task({}), size)


def test_threads_share_a_cache() -> None:
    cache = TaskCache(CountingGenerator(), size=2)
    wrong: list[Any] = []

    def work(offset: int) -> None:
        for i in range(2000):
            task_id = (i * 7 + offset) % 5
            try:
                if cache.env_cfg(task_id)["id"] != task_id:
                    wrong.append(task_id)
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(cache) <= 2


class FrozenModel(BaseModel):
    model_config = ConfigDict(frozen=True)
    size: int = 4
    rest: Any = None


class LooseModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


class OpenModel(BaseModel):
    size: int = 4


@dataclass(frozen=True, slots=True)
class FrozenRecord:
    rest: Any


@dataclass
class OpenRecord:
    rest: Any


@pytest.mark.parametrize(
    ("config", "same"),
    [
        (7, True),
        (FrozenModel(), True),
        (FrozenModel(rest=(1, "a", None)), True),
        (FrozenModel(rest=FrozenRecord(FrozenModel())), True),
        (FrozenRecord(frozenset({1.5})), True),
        (OpenModel(), False),
        (OpenRecord(1), False),
        (FrozenModel(rest=[1]), False),
        (FrozenModel(rest=OpenModel()), False),
        (FrozenRecord(([1],)), False),
        (LooseModel(rows=[1]), False),
        ({"size": 4}, False),
    ],
)
def test_only_what_nobody_can_change_is_handed_out_itself(config: Any, same: bool) -> None:
    cache = TaskCache(as_generator(lambda task_id: config), size=3)
    handed_out = [cache.env_cfg(1), cache.env_cfg(1)]
    assert handed_out[0] == handed_out[1] == config
    assert (handed_out[0] is handed_out[1]) is same


def test_a_shared_configuration_is_the_same_object_and_copies_are_not_touched_by_it() -> None:
    cache = TaskCache(bucketed({"size": 4, "more": {}}).add_bucket("size", [4, 8]), 4)
    shared = cache.shared_env_cfg(7)
    assert cache.shared_env_cfg(7) is shared
    assert cache.env_cfg(7) == shared
    assert cache.env_cfg(7) is not shared
