"""Stages: tasks of a label come into the pool when those of another one are mastered.

What is locked is not in the pool, so no draw looks at it. The pool says how far one is: a label is open when the first
task of it is in the pool. That one comes last, so a process killed in the middle leaves a label that is locked still.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal, Self

import numpy as np
from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from lpcurr.errors import ConfigError
from lpcurr.generators import ListedTasks, TaskGenerator
from lpcurr.generators.listed import label_as_text
from lpcurr.memory import layout
from lpcurr.schedulers.common import CheckedModel

if TYPE_CHECKING:
    from lpcurr.pool.moment import Column, Moment
    from lpcurr.pool.pool import Pool

_logger = logging.getLogger("lpcurr")
_COMPLETED = layout.header_word("completed")
_LOOK_EVERY = 1000  # episodes, or as many as there may be tasks, for a look is O(tasks)


Label = Annotated[str, StringConstraints(min_length=1), BeforeValidator(label_as_text)]


class Stage(CheckedModel):
    """A label whose tasks wait until those of another one are mastered.

    By success, ``mastered`` is a success rate: the share of recent episodes whose score was the scheduler's
    ``task_default_success_threshold`` (0.5) or more. By score, it is a score of whatever scale, and every task of that
    label must have been played. Both are the mean over the label's tasks of an average of some fifty episodes.

    >>> Stage(unlock="hard", after="easy").mastered
    0.8
    >>> Stage(unlock="long", after="short", by="score", mastered=-200).by
    'score'
    """

    unlock: Label = Field(description="label of the tasks that wait")
    after: Label = Field(description="label of the tasks that have to be mastered first")
    by: Literal["success", "score"] = Field(default="success", description="what is averaged: successes, or scores")
    mastered: float = Field(default=0.8, description="success rate, or score, from which on they are mastered")
    episodes: int = Field(default=20, ge=1, description="episodes of that label that there must be, at least")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.by == "success" and not 0.0 <= self.mastered <= 1.0:
            raise ValueError(
                f"mastered={self.mastered:g} is no success rate, 0 … 1: for scores of another scale give by='score'"
            )
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

    Attributes:
        configured: whether there are any.

    Args:
        pool: whose tasks they are.
        generator: the list of tasks.
        stages: as configured.

    Raises:
        ConfigError: there are stages, and the tasks are no list.
    """

    def __init__(self, pool: Pool, generator: TaskGenerator | None, stages: Sequence[Stage]) -> None:
        self._pool, self._stages, self._seen = pool, stages, 0
        self.configured = bool(stages)
        self._warned_of_scale = False
        self._waiting: dict[str, list[int]] = {stage.unlock: [] for stage in stages}
        if stages:
            if not isinstance(generator, ListedTasks):
                raise ConfigError(
                    "stages unlock the tasks of a list by their labels: give tasks=[…], or leave stages out. Of a task "
                    "generator g: tasks=[g(i) for i in range(1000)], task_labels=[g.label_of(i) for i in range(1000)]"
                )
            self._tasks = generator

    def figures(self) -> dict[str, float]:
        """How many tasks are locked, where there are stages."""
        return {"num_locked_tasks": float(sum(map(len, self.locked().values())))} if self._stages else {}

    def locked(self) -> dict[str, list[int]]:
        """The labels that are locked, with the ids of their tasks."""
        if not self._stages:
            return {}
        for task_id in range(self._seen, len(self._tasks)):
            if (label := self._tasks.label_of(task_id)) in self._waiting:
                self._waiting[label].append(task_id)
        self._seen = len(self._tasks)
        locked = {label: ids for label, ids in self._waiting.items() if not ids or self._pool.read_task(ids[0]) is None}
        if locked:  # the first task enters last; one that was evicted by hand has been there
            moment = self._pool.moment(())
            for row, label in moment.label_names.items():
                if moment.labels["evicted"][row] > 0:
                    locked.pop(label, None)
        return locked

    def look(self, episodes: int) -> None:
        """Unlock if, with the ``episodes`` just credited, it is time again: told by the pool's count alone."""
        completed, period = self._pool.header_words[_COMPLETED], max(_LOOK_EVERY, self._pool.capacity)
        if completed // period != (completed - episodes) // period:
            self.unlock()

    def unlock(self) -> None:
        """Put the tasks into the pool whose label's turn has come. O(tasks), where a label is locked."""
        if not self._stages:
            return
        with self._tasks.locked():
            locked = self.locked()
            moment = self._pool.moment() if locked else None
            for stage in self._stages:
                if stage.unlock in locked and moment is not None and self._is_mastered(moment, stage):
                    for task_id in reversed(locked[stage.unlock]):
                        if self._pool.read_task(task_id) is None:  # there, where a process died over it
                            self._pool.add_task(task_id, stage.unlock, pending=False, success_threshold=None)
                    _logger.info("%r is mastered: %r is unlocked", stage.after, stage.unlock)

    def _is_mastered(self, moment: Moment, stage: Stage) -> bool:
        of_label = np.asarray(moment.task_labels == stage.after)
        columns = {name: column[of_label] for name, column in moment.columns.items()}
        episodes = columns["completion_count"]
        if episodes.sum() < stage.episodes:
            return False
        if stage.by == "score":
            return bool(episodes.all() and columns["reward_ema"].mean() >= stage.mastered)
        self._warn_of_scale(columns, stage.after, float(moment.header["success_threshold"]))
        return bool(columns["success_rate_ema"].mean() >= stage.mastered)

    def _warn_of_scale(self, columns: dict[str, Column], label: str, threshold: float) -> None:
        """Say once that scores lie outside 0 … 1, where a stage goes by success and the threshold is made for those."""
        least, greatest = columns["least_score"].min(), columns["greatest_score"].max()
        if not self._warned_of_scale and 0.0 <= threshold <= 1.0 and not 0.0 <= least <= greatest <= 1.0:
            self._warned_of_scale = True
            _logger.warning(
                "the scores of %r go from %g to %g, and the stage after it goes by success, which is a score of %g or "
                "more (said once). For scores of another scale give the stage by='score' and mastered=…, a score; or "
                "algorithm_config={'type': …, 'task_default_success_threshold': …}",
                label,
                least,
                greatest,
                threshold,
            )
