"""The task of one episode, as a draw hands it out."""

from __future__ import annotations

from typing import Any

from lpcurr.curriculum.builder import TaskBuilder


class CurriculumTask:
    """One episode's task.

    Attributes:
        task_id: its id, with which the score is reported.
        label: the group that statistics count it in.
    """

    __slots__ = ("_builder", "label", "task_id")

    def __init__(self, task_id: int, label: str, builder: TaskBuilder) -> None:
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

    def __repr__(self) -> str:
        return f"CurriculumTask(task_id={self.task_id}, label={self.label!r})"
