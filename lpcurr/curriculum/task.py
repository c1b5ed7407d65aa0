"""The task of one episode, as a draw hands it out."""

from __future__ import annotations

import copy
from typing import Any

from lpcurr.curriculum.builder import TaskBuilder
from lpcurr.errors import ConfigError


class CurriculumTask:
    """One episode's task.

    Pickled, it takes its configuration along, which is built for that, and no curriculum: a worker on any machine can
    play it, and the score is reported where a curriculum is, by ``update_task_performance(task.task_id, score)``.

    Attributes:
        task_id: its id, with which the score is reported.
        label: the group that statistics count it in.
    """

    __slots__ = ("_builder", "label", "task_id")

    def __init__(self, task_id: int, label: str, builder: TaskBuilder | BuiltTask) -> None:
        self.task_id = task_id
        self.label = label
        self._builder = builder

    def get_env_cfg(self) -> Any:
        """Its environment configuration, built on first use; a copy, so the caller may change it."""
        return self._builder.env_cfg(self.task_id)

    def get_shared_env_cfg(self) -> Any:
        """The same without a copy, for environments that only read it: later episodes of the task here share it."""
        return self._builder.shared_env_cfg(self.task_id)

    def get_label(self) -> str:
        """The group that statistics count it in."""
        return self.label

    def get_slice_values(self) -> dict[str, Any]:
        """The values that its generator drew, by bucket."""
        return self._builder.slice_values(self.task_id)

    def __getstate__(self) -> Any:
        builder = self._builder
        if isinstance(builder, TaskBuilder):
            configuration = builder.shared_env_cfg(self.task_id) if builder.has_generator else None
            values = builder.slice_values(self.task_id) if builder.has_generator else {}
            builder = BuiltTask(configuration, values, is_known=builder.has_generator)
        slots: dict[str, Any] = super().__getstate__()[1]  # type: ignore[index]
        return None, slots | {"_builder": builder}

    def __repr__(self) -> str:
        return f"CurriculumTask(task_id={self.task_id}, label={self.label!r})"


class BuiltTask:
    """Stands in for the builder of a task that has come out of a pickle; ``is_known``: there was a generator."""

    def __init__(self, env_cfg: Any, slice_values: dict[str, Any], *, is_known: bool = True) -> None:
        self._env_cfg = env_cfg
        self._slice_values = slice_values
        self._is_known = is_known

    def env_cfg(self, task_id: int) -> Any:
        """A copy of the configuration."""
        return copy.deepcopy(self.shared_env_cfg(task_id))

    def shared_env_cfg(self, task_id: int) -> Any:
        """The same without a copy."""
        if not self._is_known:
            raise ConfigError(f"task {task_id} was pickled by a curriculum that has no task generator: give it one")
        return self._env_cfg

    def slice_values(self, task_id: int) -> dict[str, Any]:
        """What its generator drew, by bucket."""
        return dict(self._slice_values)
