"""Stages: tasks of a label come into the pool when those of another one are mastered.

What is locked is not in the pool, so no draw looks at it. The pool says how far one is: a label is open when the first
task of it is in the pool. That one comes last, so a process killed in the middle leaves a label that is locked still.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import Field, model_validator

from lpcurr.errors import ConfigError
from lpcurr.generators import StoredTasks, TaskGenerator, TaskList
from lpcurr.memory import layout
from lpcurr.schedulers.common import CheckedModel

if TYPE_CHECKING:
    from lpcurr.pool.moment import Moment
    from lpcurr.pool.pool import Pool

_logger = logging.getLogger("lpcurr")


class Stage(CheckedModel):
    """A label whose tasks wait until those of another one are mastered.

    Example:
        >>> Stage(unlock="hard", after="easy").mastered
        0.8
    """

    unlock: str = Field(min_length=1, description="label of the tasks that wait")
    after: str = Field(min_length=1, description="label of the tasks that have to be mastered first")
    mastered: float = Field(
        default=0.8, gt=0.0, le=1.0, description="success rate from which on they are, the mean over its tasks"
    )
    episodes: int = Field(default=20, ge=1, description="episodes of that label that there must be, at least")

    @model_validator(mode="after")
    def _check_labels(self) -> Self:
        for label in (self.unlock, self.after):
            if len(label.encode()) > layout.LABEL_BYTES:
                raise ValueError(f"the label {label!r:.40} is longer than {layout.LABEL_BYTES} bytes: shorten it")
        return self


def check_stages(stages: Sequence[Stage]) -> None:
    """Raise ``ValueError`` where a label is unlocked twice, or can never be."""
    before = {stage.unlock: stage.after for stage in stages}
    if len(before) < len(stages):
        twice = next(label for label in before if sum(stage.unlock == label for stage in stages) > 1)
        raise ValueError(f"two stages unlock {twice!r}: give one for each label")
    for label in before:
        passed, at = [label], before[label]
        while at in before and at not in passed:
            passed.append(at)
            at = before[at]
        if at in passed:
            raise ValueError(f"{' waits for '.join(map(repr, [*passed, at]))}: none of them would ever be unlocked")


class Stages:
    """The stages of a pool: which labels are locked, and unlocking them.

    Args:
        pool: whose tasks they are.
        generator: the list of tasks.
        stages: as configured.

    Raises:
        ConfigError: there are stages, and the tasks are no list.
    """

    def __init__(self, pool: Pool, generator: TaskGenerator | None, stages: Sequence[Stage]) -> None:
        self._pool, self._stages, self._seen = pool, stages, 0
        self._waiting: dict[str, list[int]] = {stage.unlock: [] for stage in stages}
        if stages:
            if not isinstance(generator, (TaskList, StoredTasks)):
                raise ConfigError(
                    "stages unlock the tasks of a list by their labels: give tasks=[…], or leave stages out"
                )
            self._tasks = generator

    def locked(self) -> dict[str, list[int]]:
        """The labels that are locked, with the ids of their tasks."""
        if not self._stages:
            return {}
        for task_id in range(self._seen, len(self._tasks)):
            if (label := self._tasks.label_of(task_id)) in self._waiting:
                self._waiting[label].append(task_id)
        self._seen = len(self._tasks)
        return {label: ids for label, ids in self._waiting.items() if not ids or self._pool.read_task(ids[0]) is None}

    def unlock(self) -> None:
        """Put the tasks into the pool whose label's turn has come. O(tasks), where a label is locked."""
        if not self._stages:
            return
        with self._tasks.locked():
            locked = self.locked()
            moment = self._pool.moment() if locked else None
            for stage in self._stages:
                if stage.unlock in locked and moment is not None and _is_mastered(moment, stage):
                    for task_id in reversed(locked[stage.unlock]):
                        if self._pool.read_task(task_id) is None:  # there, where a process died over it
                            self._pool.add_task(task_id, stage.unlock, pending=False, success_threshold=None)
                    _logger.info("%r is mastered: %r is unlocked", stage.after, stage.unlock)


def _is_mastered(moment: Moment, stage: Stage) -> bool:
    of_label = np.asarray(moment.task_labels == stage.after)
    rates, episodes = moment.columns["success_rate_ema"][of_label], moment.columns["completion_count"][of_label]
    return bool(episodes.sum() >= stage.episodes and rates.mean() >= stage.mastered)
