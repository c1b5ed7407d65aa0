"""The tasks of a pool by the names of metta's task tracker."""

from __future__ import annotations

from typing import Any

from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.schedulers.learning_progress import LearningProgressConfig


class TaskTracker:
    """What is known of each task: a view of a pool, which every process that shares it has.

    Args:
        max_memory_tasks: slots of a pool of its own, in this process.
        ema_alpha: weight of a new score in the averages.
        default_success_threshold: scores from here on count as a success.

    >>> tracker = TaskTracker(max_memory_tasks=4)
    >>> tracker.track_task_creation(1, label="maze")
    >>> tracker.update_task_performance(1, 0.75)
    >>> tracker.get_task_stats(1)["mean_score"], tracker.get_label_completion_counts()
    (0.75, {'maze': 1})
    """

    def __init__(
        self, max_memory_tasks: int = 1000, ema_alpha: float = 0.1, default_success_threshold: float = 0.5
    ) -> None:
        self._curriculum = CurriculumConfig(
            num_active_tasks=max_memory_tasks,
            use_shared_memory=False,
            defer_init=True,
            algorithm_config=LearningProgressConfig(
                task_tracker_ema_alpha=ema_alpha, task_default_success_threshold=default_success_threshold
            ),
        ).make()

    @classmethod
    def of(cls, curriculum: Curriculum) -> TaskTracker:
        """A view of the pool of a curriculum."""
        tracker = cls.__new__(cls)
        tracker._curriculum = curriculum
        return tracker

    def track_task_creation(
        self, task_id: int, success_threshold: float | None = None, *, label: str | None = None
    ) -> None:
        """Put a task into the pool; one that is in it already stays as it is."""
        if self.get_task_stats(task_id) is None:
            self._curriculum.add_task(task_id, label, success_threshold=success_threshold)

    def update_task_performance(self, task_id: int, score: float) -> None:
        """Credit a score."""
        self._curriculum.update_task_performance(task_id, score)

    def get_task_stats(self, task_id: int) -> dict[str, Any] | None:
        """What is known of a task, by field name; None where it is not in the pool."""
        return self._curriculum.get_task_stats(task_id)

    def get_task_label(self, task_id: int) -> str | None:
        """The label of a task; None where it is not in the pool."""
        stats = self.get_task_stats(task_id)
        return None if stats is None else str(stats["label"])

    def get_all_tracked_tasks(self) -> list[int]:
        """The ids in the pool, in the order in which they entered it."""
        ids: list[int] = self._curriculum.probabilities()[0].tolist()
        return ids

    def get_label_completion_counts(self) -> dict[str, int]:
        """Completions of the tasks in the pool, by label."""
        counts: dict[str, int] = {}
        for task_id in self.get_all_tracked_tasks():
            stats = self.get_task_stats(task_id)
            if stats is not None and stats["completion_count"]:
                counts[stats["label"]] = counts.get(stats["label"], 0) + int(stats["completion_count"])
        return counts

    def get_global_stats(self) -> dict[str, float]:
        """``mean_score`` and ``total_completions`` over the pool."""
        prefix = "algorithm/tracker/"
        stats = self._curriculum.stats().items()
        return {name.removeprefix(prefix): value for name, value in stats if name.startswith(prefix)}

    def remove_task(self, task_id: int) -> None:
        """Take a task out of the pool; nothing where it is not in it."""
        if self.get_task_stats(task_id) is not None:
            self._curriculum.evict(task_id)

    def get_state(self) -> dict[str, Any]:
        """The whole pool as plain data."""
        return self._curriculum.get_state()

    def load_state(self, state: dict[str, Any]) -> None:
        """Put the pool back; every attached process sees it."""
        self._curriculum.load_state(state)
