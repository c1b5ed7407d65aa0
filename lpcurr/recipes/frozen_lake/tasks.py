"""From a task id to a lake: buckets say what kind, and the id itself is the seed of its map."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from lpcurr.generators import BucketedTaskGenerator, GeneratedTask

MAX_HOLES = 0.5
"""Gymnasium draws maps until one can be crossed: with more holes than this, large ones practically never come."""


class LakeConfig(BaseModel):
    """A lake, as environments are told of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(default=4, ge=2, le=64, description="tiles a side")
    holes: float = Field(default=0.1, ge=0.0, le=MAX_HOLES, description="probability that a tile is a hole")
    slip: float = Field(
        default=0.0, ge=0.0, le=0.9, description="probability that a step goes sideways; Gymnasium: 2/3"
    )
    map_seed: int = Field(default=0, ge=0, description="seed of Gymnasium's map generator")


class FrozenLakeTasks(BucketedTaskGenerator):
    """A bucketed generator of :class:`LakeConfig` s that carry the task id as the seed of the map.

    >>> from lpcurr.generators import single_task
    >>> tasks = FrozenLakeTasks(base=single_task(LakeConfig()), buckets={"size": [4, 8]})
    >>> tasks.build(7).env_cfg
    LakeConfig(size=4, holes=0.1, slip=0.0, map_seed=7)
    """

    # The name "type" is the discriminator that generators are found by.
    type: Literal["frozen_lake"] = "frozen_lake"  # type: ignore[assignment]

    def _generate(self, task_id: int) -> GeneratedTask:
        task = super()._generate(task_id)
        return task._replace(env_cfg=task.env_cfg.model_copy(update={"map_seed": task_id}))
