"""Drawing a task that an environment can play: what CurriculumEnv and ParallelCurriculumEnv do at a reset."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.curriculum.task import CurriculumTask
from lpcurr.errors import ConfigError, PoolEmptyError, TaskGenerationError

_logger = logging.getLogger("lpcurr")

Result = TypeVar("Result")


class PlayableTasks:
    """Draws tasks until one can be begun.

    A task is passed over where beginning it raises any ``Exception`` but ``ConfigError``. If it was never completed, it
    is evicted as well; one that has been played before is kept, since then something else must be wrong.

    Args:
        max_attempts: tasks in a row that may turn out unplayable.
    """

    def __init__(self, max_attempts: int) -> None:
        self._max_attempts = max_attempts
        self._drop_level = logging.WARNING

    def begin(
        self, curriculum: Curriculum, start: Callable[..., Result], *arguments: Any
    ) -> tuple[CurriculumTask, Result]:
        """Draw a task and begin it.

        Args:
            curriculum: where the tasks come from.
            start: makes the environment begin an episode of a task, the first of its arguments.
            arguments: its further ones.

        Returns:
            The task that was begun, and what ``start`` returned for it.

        Raises:
            TaskGenerationError: ``max_attempts`` tasks in a row could not be begun.
            ConfigError: from ``start``.
        """
        failure: Exception | None = None
        for _ in range(self._max_attempts):
            task = _draw(curriculum, failure)
            try:
                return task, start(task, *arguments)
            except ConfigError:
                raise
            except Exception as error:
                failure = error
                self.pass_over(curriculum, task, error)
        raise TaskGenerationError(
            f"{self._max_attempts} tasks in a row could not be played (max_task_attempts), "
            f"at last task {task.task_id} ({task.label!r}): {type(failure).__name__}: {failure}"
        ) from failure

    def pass_over(self, curriculum: Curriculum, task: CurriculumTask, error: Exception) -> None:
        """Say that a task cannot be played, and evict it unless it is known to be playable."""
        message = "task %d (%r) cannot be played, another is taken (from now on said at level DEBUG)"
        _logger.log(self._drop_level, message, task.task_id, task.label, exc_info=error)
        self._drop_level = logging.DEBUG
        stats = curriculum.get_task_stats(task.task_id)
        if stats is not None and stats["completion_count"] == 0:
            curriculum.drop_task(task.task_id)


def _draw(curriculum: Curriculum, failure: Exception | None) -> CurriculumTask:
    try:
        return curriculum.get_task()
    except PoolEmptyError:
        if failure is None:
            raise
        raise TaskGenerationError(
            f"the pool is empty: no task in it could be played, the last for {type(failure).__name__}: {failure}"
        ) from failure
