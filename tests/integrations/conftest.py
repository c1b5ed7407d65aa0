"""Curricula in this process alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lpcurr import Curriculum, CurriculumConfig, DiscreteRandomConfig

Make = Callable[..., Curriculum]


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes local curricula that never evict by score."""
    made: list[Curriculum] = []

    def make(generator: Callable[[int], Any] | None = lambda task_id: {"steps": 2}, **settings: Any) -> Curriculum:
        fields: dict[str, Any] = {"num_active_tasks": 8, "seed": 3, "use_shared_memory": False} | settings
        made.append(CurriculumConfig(algorithm_config=DiscreteRandomConfig(), **fields).make(generator))
        return made[-1]

    yield make
    for curriculum in made:
        curriculum.close()
