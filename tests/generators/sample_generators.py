"""Generators that several tests use."""

from __future__ import annotations

from typing import Literal

import numpy as np
import sample_envs as envs

from lpcurr.generators import (
    BucketedTaskGenerator,
    GeneratedTask,
    SingleTaskGenerator,
    Span,
    TaskGenerator,
    TaskGeneratorSet,
    bucketed,
    merge,
    single_task,
)

ENV = {"size": 4, "slippery": False, "holes": 0.1, "map": {"kind": "open"}}
IDS = range(20_000)
LARGE_IDS = [int(task_id) for task_id in np.random.default_rng(0).integers(2**53, size=20_000)]


class MappedGenerator(TaskGenerator):
    """A generator as a user would write one."""

    type: Literal["mapped"] = "mapped"
    factor: int = 1

    def _generate(self, task_id: int) -> GeneratedTask:
        return GeneratedTask({"size": self.factor * task_id}, self.label_of(task_id), {})


def nested() -> TaskGeneratorSet:
    """Every kind of generator and value in one."""
    lake = bucketed(ENV, label="lake").add_bucket("size", [4, 8, 16], label=True).add_bucket("holes", Span(0.0, 0.5))
    outer = bucketed(merge([lake, single_task(ENV, "fixed")], weights=[2, 1])).add_bucket("map.kind", ["open", (1, 2)])
    game = BucketedTaskGenerator(
        base=SingleTaskGenerator(env=envs.Game(), overrides={"rewards.1": 2.0}),
        buckets={"maze.tile": list(envs.Tile), "maze.width": Span(2, 9), "lanes.0": [envs.Lane(3.0), envs.Lane(4.0)]},
        label_by=["maze.width", "maze.tile"],
        overrides={"start": (5, 6)},
    )
    model = bucketed(envs.GameModel()).add_bucket("maze.width", [Span(2, 9), 50])
    inner = merge([game, model, MappedGenerator(factor=3)], weights=[1, 2, 0.5])
    return TaskGeneratorSet(generators=[outer, inner], overrides={})


def labels(generator: TaskGenerator) -> set[str]:
    found = {generator.label_of(i) for i in range(500)}
    assert found == {generator.build(i).label for i in range(500)}
    return found
