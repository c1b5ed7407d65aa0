"""From a drawn task id to a task that can be played: its configuration, its label, and what to do when it has none."""

from typing import Any

import numpy as np

from lpcurr.errors import ConfigError, TaskGenerationError
from lpcurr.generators import TaskCache, TaskGenerator
from lpcurr.memory import layout
from lpcurr.memory.label_names import encode_label
from lpcurr.pool.pool import Pool

OF_THE_MACHINE = (OSError, EOFError, MemoryError)
"""Errors that say nothing of a task, though it could not be begun; ConnectionError and TimeoutError are among them."""


class TaskBuilder:
    """Builds the tasks of a pool in one process.

    Attributes:
        labels: name of each label row that this process has looked up, None for the others.
        max_attempts: how many tasks in a row may fail to be built.
    """

    def __init__(self, pool: Pool, generator: TaskGenerator | None, cache_size: int, max_attempts: int) -> None:
        self.max_attempts = max_attempts
        self.labels: list[str | None] = [None] * layout.LABEL_CAPACITY
        self._pool = pool
        self._cache = None if generator is None else TaskCache(generator, cache_size)
        self._label_stamp = pool.catch_up()
        self._last_failure: TaskGenerationError | None = None
        self._keeps_all = bool(pool.state["header"]["fixed_set"][0])

    @property
    def has_generator(self) -> bool:
        """Whether configurations can be built here."""
        return self._cache is not None

    def env_cfg(self, task_id: int) -> Any:
        """A copy of a task's environment configuration."""
        return self._need_cache().env_cfg(task_id)

    def shared_env_cfg(self, task_id: int) -> Any:
        """The same without a copy: nobody may change it."""
        return self._need_cache().shared_env_cfg(task_id)

    def slice_values(self, task_id: int) -> dict[str, Any]:
        """What the generator draws for a task, by bucket."""
        return self._need_cache().slice_values(task_id)

    def label(self, task_id: int) -> str | None:
        """The label that the generator gives a task; None without a generator, or where it fails."""
        if self._cache is None:
            return None
        try:
            return self._cache.label(task_id)
        except TaskGenerationError:
            return None

    def _need_cache(self) -> TaskCache:
        if self._cache is None:
            raise ConfigError(
                "this curriculum has no task generator here: give one, as Curriculum(config, task_generator=f), or "
                "attach(session_id, task_generator=f) where it is a callable, which is not stored with the pool"
            )
        return self._cache

    def make_playable(self, task_id: int, packed: int, known: dict[int, bool]) -> bool:
        """Build a drawn task if it waits for it, and name its label; one that cannot be built is dropped and counted.

        A fixed set keeps its tasks, and an error of the machine's, such as a lost connection, costs none.

        ``known`` are the verdicts of this call by task id, for a batch may hold a task more than once. Returned is
        whether the task can be played.
        """
        self.notice_renamed_labels()
        if not packed & layout.WAITS or self._cache is None:  # without a generator it goes on waiting for one
            return True
        if task_id not in known:
            try:
                label = self._cache.get(task_id).label
            except TaskGenerationError as error:
                self._last_failure = error
                if not self._keeps_all and not isinstance(error.__cause__, OF_THE_MACHINE):
                    self._pool.remove_task(task_id, dropped=True)
                known[task_id] = False
            else:
                named = packed >> layout.LABEL_SHIFT & layout.LABEL_MASK != layout.UNKNOWN_LABEL
                self._pool.label_task(task_id, packed & ~layout.ATTENTION, None if named else label)
                known[task_id] = True
        return known[task_id]

    def given_up(self) -> TaskGenerationError:
        """The error for ``max_attempts`` failures in a row."""
        error = TaskGenerationError(
            f"the task generator failed on {self.max_attempts} tasks in a row (max_task_attempts), "
            f"at last with: {self._last_failure}"
        )
        error.__cause__ = self._last_failure
        return error

    def notice_renamed_labels(self) -> None:
        """Forget what rows meant if any of them may mean another label now."""
        if self._pool.label_stamp != self._label_stamp:
            self._label_stamp = self._pool.catch_up()
            self.labels = [None] * layout.LABEL_CAPACITY

    def label_text(self, row: int, task_id: int) -> str:
        """The label of a task whose label row is this one."""
        if row != layout.OVERFLOW_LABEL:
            name = self.row_name(row)
            if name is not None:
                self.labels[row] = name
                return name
        # The table overflowed, or the row was renamed this very moment: the generator knows.
        return "unknown" if self._cache is None else self._cache.label(task_id)

    def row_name(self, row: int) -> str | None:
        """What a row of the label table counts, from the segment the first time; None if it was just renamed."""
        self.notice_renamed_labels()
        return self.labels[row] or self._pool.label_name(row, self._label_stamp)

    def stats_of(self, task_id: int) -> dict[str, Any] | None:
        """What the pool knows of a task, by field name and with its label; None where it is not in the pool."""
        stats = self._pool.read_task(task_id)
        if stats is None:
            return None
        del stats["entry"]
        stats["label"] = self.label_text(stats["label"], task_id)
        stats["seed"] = task_id
        stats["mean_score"] = stats["total_score"] / max(stats["completion_count"], 1)
        return stats

    def built_label(self, task_id: int) -> str:
        """The label that a task was built with."""
        return "unknown" if self._cache is None else self._cache.get(task_id).label


class EvaluationBuilder(TaskBuilder):
    """Builds tasks whose episodes are not counted too, which have negative ids."""

    def env_cfg(self, task_id: int) -> Any:
        return super().env_cfg(_task_of(task_id))

    def shared_env_cfg(self, task_id: int) -> Any:
        return super().shared_env_cfg(_task_of(task_id))

    def slice_values(self, task_id: int) -> dict[str, Any]:
        return super().slice_values(_task_of(task_id))


def _task_of(task_id: int) -> int:
    return task_id if task_id >= 0 else -1 - task_id


class EpochEvictions:
    """What this process knows of a pool's evictions: of thousands of labels, few change from one look to the next."""

    def __init__(self, pool: Pool, builder: TaskBuilder) -> None:
        self.by_label: dict[str, int] = {}
        self._pool = pool
        self._builder = builder
        self._names: dict[int, str] = {}
        self._hashes, self._counts = np.zeros((2, layout.LABEL_CAPACITY), dtype=np.int64)

    def refresh(self) -> None:
        """Bring ``by_label`` up to date."""
        changed = self._pool.changed_evictions(self._hashes, self._counts)
        for row in changed:
            if row in self._names:
                del self.by_label[self._names.pop(row)]
        for row in changed:
            name = self._builder.row_name(row) if self._counts[row] > 0 else None
            if name is not None and encode_label(name)[2] == self._hashes[row]:
                self._names[row] = name
                self.by_label[name] = int(self._counts[row])
            else:
                self._counts[row] = 0  # where another process has just renamed it, to be looked at again
