"""The tasks of a curriculum: which are in its pool, what they are, and going through some of them for evaluation."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lpcurr.curriculum.arguments import as_flag, as_task_id, as_threshold
from lpcurr.curriculum.evaluation import Evaluation
from lpcurr.curriculum.member import PoolMember
from lpcurr.errors import ConfigError, PoolFullError
from lpcurr.generators import ListedTasks, TaskList, rows_of
from lpcurr.generators.listed import check_number, label_as_text, labels_as_texts, own_label
from lpcurr.memory.label_names import encode_label
from lpcurr.memory.layout import Status
from lpcurr.memory.process_table import suspect
from lpcurr.pool.moment import Int64s


class CurriculumTasks(PoolMember):
    """Putting tasks into a pool, taking them out, and looking them up."""

    def add_task(self, task_id: int, label: str | int | None = None, *, success_threshold: float | None = None) -> None:
        """Put a given task into the pool.

        Args:
            task_id: 0 … 2**53 − 1.
            label: its group; by default what the task generator says.
            success_threshold: scores from here on count as a success; by default the algorithm's.

        Raises:
            DuplicateTaskError, PoolFullError, InvalidTaskIdError, InvalidLabelError: what their names say.
            ConfigError: the tasks are a list, and there is no such place in it.
        """
        task_id = as_task_id(task_id)
        if isinstance(self._generator, ListedTasks):
            check_number(task_id, len(self._generator))
        threshold = None if success_threshold is None else as_threshold(success_threshold)
        label = self._builder.label(task_id) if label is None else label_as_text(label)
        self._pool.add_task(task_id, label, pending=self._builder.has_generator, success_threshold=threshold)

    def append_tasks(self, tasks: Iterable[Any], labels: Iterable[str | int] | None = None) -> Int64s:
        """Make the list of tasks longer while others train: every process has the new tasks at once.

        Args:
            tasks: k tasks, of the kinds that the list was made of.
            labels: the label of each; by default what the tasks name themselves.

        Returns:
            Their ids, int64[k].

        Raises:
            ConfigError: the curriculum is over no list; or a task can only be stored pickled, and this process attached
                by name.
            InvalidLabelError: a label is too long.
            PoolFullError: there is no room for all of them. After any error none was appended; what a process that is
                killed in the middle leaves undone, whoever draws or appends next does.

        >>> from lpcurr import CurriculumConfig
        >>> with CurriculumConfig(tasks=["boil", "melt"]).make() as curriculum:
        ...     curriculum.append_tasks(["freeze"])
        ...     curriculum.build(2)
        array([2])
        'freeze'
        """
        self._pool.check_open()
        rows, texts = rows_of(tasks), labels_as_texts(labels)
        if not isinstance(self._generator, ListedTasks):
            raise ConfigError("only a list of tasks can be appended to: make the curriculum with tasks=[…]")
        listed = self._own_list()
        if listed is None:
            raise ConfigError(
                "this process attached with a list of its own, which nobody else has: append in another one"
            )
        if texts is not None and len(texts) != len(rows):
            raise ConfigError(f"there are {len(texts)} labels for {len(rows)} tasks: give one for each")
        for task, label in zip(rows, texts or [""] * len(rows), strict=True):
            encode_label(label or own_label(task))
        with listed.locked():
            locked = self._stages.locked()
            self._fill_up(listed, locked)
            room = self._pool.capacity - self.num_active_tasks - sum(map(len, locked.values()))
            if len(rows) > room:
                raise PoolFullError(
                    f"there is room for {room} more tasks, not for {len(rows)}: make the curriculum with a larger "
                    "num_active_tasks, or evict tasks"
                )
            ids = len(listed) + np.arange(len(rows), dtype=np.int64)
            self._pool.state["header"]["appending"] = 1
            try:
                listed.append(rows, texts)
                self._fill_up(listed, locked)
            except BaseException:  # such as a signal handler's: the list may have them
                self._fill_up(listed, locked)
                raise
        return ids

    def task_list(self) -> TaskList:
        """Copy the list of tasks as it is now, with what was appended and what has left the pool. O(n).

        It is what :meth:`lpcurr.Curriculum.load` wants beside a checkpoint, and goes to JSON or a pickle.

        Raises:
            ConfigError: the curriculum is over no list; or a task is stored pickled, and this process attached by name.

        >>> from lpcurr import CurriculumConfig
        >>> with CurriculumConfig(tasks=["boil", "melt"], task_labels=["hot", "hot"]).make() as curriculum:
        ...     ids = curriculum.append_tasks(["freeze"], ["cold"])
        ...     listed = curriculum.task_list()
        >>> listed.tasks, listed.labels
        (['boil', 'melt', 'freeze'], ['hot', 'hot', 'cold'])
        """
        self._pool.check_open()
        if not isinstance(self._generator, ListedTasks):
            raise ConfigError("this curriculum is over no list of tasks: make it with tasks=[…]")
        return self._generator.copy_of_list()

    def evict(self, task_id: int) -> None:
        """Take a task out of the pool, and with it what is known of it; ``UnknownTaskError`` where it is not in it."""
        task_id = as_task_id(task_id)
        if not self._pool.remove_task(task_id):
            self._pool.fail(Status.UNKNOWN_TASK, task_id)

    def drop_task(self, task_id: int) -> bool:
        """Take a task out of the pool because it cannot be played (``num_dropped``); False where it is not in it."""
        return self._pool.remove_task(as_task_id(task_id), dropped=True)

    def drop_unplayable(self, task_id: int, *, again: bool = False) -> bool:
        """Note that a task could not be begun by this process though others could, and drop it if that is its fault.

        It is where the task was never completed, and another process could not begin it either; where no other process
        plays, ``again`` decides: that it is not for the first time, or for an error that tells as much.

        Returns:
            Whether it was dropped; never from a fixed set.
        """
        stats = self._pool.read_task(as_task_id(task_id))
        known = suspect(self._pool.state, self._pool.process, task_id)
        at_fault = (as_flag(again, "again") and known == "alone") or known == "elsewhere"
        if self.config.defer_init or not at_fault or stats is None or stats["completion_count"]:
            return False
        return self.drop_task(task_id)

    def build(self, task_id: int) -> Any:
        """The environment configuration of any task id, a copy; raises ``TaskGenerationError``."""
        self._pool.check_open()
        return self._builder.env_cfg(as_task_id(task_id))

    def slice_values(self, task_id: int) -> dict[str, Any]:
        """The values that the task generator draws for a task id, by bucket."""
        self._pool.check_open()
        return self._builder.slice_values(as_task_id(task_id))

    def evaluation(self, tasks: Sequence[Any] | Mapping[str, Any] | TaskList, episodes_each: int = 1) -> Evaluation:
        """Go through a fixed set of tasks in order, each equally often, and learn nothing from it.

        What it returns takes a curriculum's place in an environment, in vectors and in several processes too.

        Args:
            tasks: n task ids, of this curriculum's task generator; or, where they are no integers, a list of tasks, or
                a dict of them by label. A ``TaskList`` is taken as it is, with its labels, and integers for tasks.
            episodes_each: how often each is to be played.

        >>> from lpcurr import CurriculumConfig
        >>> curriculum = CurriculumConfig(num_active_tasks=8, task_generator=lambda task_id: task_id).make()
        >>> with curriculum.evaluation(range(1000, 1020), episodes_each=3) as evaluation:
        ...     while not evaluation.done:
        ...         task = evaluation.get_task()
        ...         accepted = evaluation.update_task_performance(task.task_id, task.get_env_cfg() / 2000)
        ...     result = evaluation.result()
        >>> result.episodes, round(result.mean, 3), round(result.worst_tenth, 3)
        (60, 0.505, 0.5)
        >>> curriculum.stats()["num_completed"]
        0.0
        >>> curriculum.close(); curriculum.unlink()
        """
        return Evaluation.of(self.config, self._generator, tasks, episodes_each)
