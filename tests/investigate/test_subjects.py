"""A curriculum is made with another number of tasks, however its factory takes it, and is not changed afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from lpcurr.investigation.subjects import resizable


class Pool:
    def __init__(self, seed: int, num_tasks: int = 30) -> None:
        self.scores = [0.0] * num_tasks


@dataclass(frozen=True)
class Settings:
    capacity: int = 30


class Configured:
    def __init__(self, settings: Settings) -> None:
        self.scores = [0.0] * settings.capacity


@dataclass(frozen=True)
class Inner:
    num_active_tasks: int = 30


@dataclass(frozen=True)
class Outer:
    num_active_tasks: int = 30
    algorithm: Inner = Inner()


class Nested:
    def __init__(self, config: Outer) -> None:
        assert config.num_active_tasks == config.algorithm.num_active_tasks
        self.scores = [0.0] * config.algorithm.num_active_tasks


class Constant:
    NUM_TASKS = 30

    def __init__(self) -> None:
        self.scores = [0.0] * self.NUM_TASKS


def by_argument(num_active_tasks: int = 30) -> Pool:
    return Pool(0, num_active_tasks)


@pytest.mark.parametrize(
    "factory",
    [
        *(by_argument, lambda: Pool(3), lambda: Pool(3, 30), lambda: Configured(Settings())),
        *(lambda: Nested(Outer()), Constant),
    ],
    ids=["argument", "default", "constructor", "configuration", "nested", "constant"],
)
def test_the_number_of_tasks_is_found(factory: Callable[[], Any]) -> None:
    make, default, _ = resizable(factory, {})
    assert make is not None
    assert default == 30
    assert [len(make(n).scores) for n in (7, 50)] == [7, 50]
    assert len(factory().scores) == 30


def test_where_there_is_none_that_is_said() -> None:
    class Fixed:
        def __init__(self) -> None:
            self.scores = [0.0] * 30

    make, default, why = resizable(Fixed, {})
    assert (make, default) == (None, None)
    assert "neither" in why
