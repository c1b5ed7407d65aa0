"""Playing a fixed set of tasks in order, each equally often, for its scores and not for training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lpcurr.curriculum.arguments import as_batch, as_count, as_score, as_task_id
from lpcurr.curriculum.builder import TaskBuilder
from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.task import CurriculumTask
from lpcurr.errors import ConfigError, DuplicateTaskError, InvalidBatchError, LpcurrError
from lpcurr.generators import TaskGenerator, TaskList
from lpcurr.memory import layout
from lpcurr.memory.layout import Status
from lpcurr.pool.moment import Int64s
from lpcurr.pool.pool import Pool
from lpcurr.schedulers.uniform import DiscreteRandomConfig


@dataclass(frozen=True)
class EvaluationResult:
    """What an evaluation found.

    Attributes:
        mean: over the tasks, of their mean scores.
        worst_tenth: the same over the tenth of the tasks with the least, at least one.
        episodes: how many were counted.
        scores: the mean score of each task that was played, by id.
    """

    mean: float
    worst_tenth: float
    episodes: int
    scores: dict[int, float]


class Evaluation:
    """A set of tasks that is gone through in order; made by :meth:`lpcurr.Curriculum.evaluation`.

    Episode ``p`` is of task ``p mod n``, whichever process or environment asks for it. A vector of environments goes on
    drawing after the last one: what it gets then is not counted, has the negative id ``-1 - task_id`` and is refused
    when it is reported. So short episodes do not take the place of long ones that are still being played.

    Pickled, or forked, into another process of this machine it goes on there.

    Attributes:
        config: of the pool that keeps the scores.
    """

    def __init__(
        self, config: CurriculumConfig, generator: TaskGenerator | None, ids: Int64s, episodes: int, pool: Pool
    ) -> None:
        self.config = config
        self._generator = generator
        self._ids = ids
        self._episodes_each = episodes
        self._pool = pool
        self._builder = _Builder(pool, generator, config.env_cache_size, config.max_task_attempts)
        self._position = 0

    @classmethod
    def of(
        cls, config: CurriculumConfig, generator: TaskGenerator | None, tasks: Sequence[Any], episodes: int
    ) -> Evaluation:
        """Make the evaluation of a curriculum's generator.

        Raises:
            ConfigError: there is no task, a task twice, too many of them, or an id out of range.
        """
        episodes = as_count(episodes, "episodes_each")
        tasks = list(tasks)
        if not tasks or not episodes:
            raise ConfigError(f"there are {len(tasks)} tasks to be played {episodes} times each: give at least one")
        if all(isinstance(task, (int, np.integer)) and not isinstance(task, bool) for task in tasks):
            ids = np.array([as_task_id(task) for task in tasks], np.int64)
        else:
            generator, ids = TaskList(tasks=tasks), np.arange(len(tasks))
        slots = len(ids) * (episodes + 1)
        highest = layout.MAX_TASK_ID - len(ids) * episodes  # behind are the marks of episodes that were handed out
        if slots > layout.MAX_CAPACITY or ids.max() > highest or np.unique(ids).size != ids.size:
            raise ConfigError(
                f"{len(ids)} tasks of {episodes} episodes each, with ids up to {ids.max()}: ids must differ and be at "
                f"most {highest}, and (episodes_each + 1) · tasks at most {layout.MAX_CAPACITY:,}"
            )
        algorithm = DiscreteRandomConfig()
        fields = {"num_active_tasks": slots, "defer_init": True, "session_id": None, "algorithm_config": algorithm}
        config = config.model_copy(update=fields | {"task_generator": None, "stages": []})
        pool = Pool.create(
            slots,
            config.header_settings() | {"new_label": layout.UNKNOWN_LABEL},
            seed=0,
            config_text=config.to_json(None),
            shared=config.use_shared_memory,
        )
        evaluation = cls(config, generator, ids, episodes, pool)
        for task_id in ids.tolist():
            pool.add_task(task_id, evaluation._builder.label(task_id), pending=False, success_threshold=None)
        return evaluation

    # -- an episode ---------------------------------------------------------------------------------------------

    def get_task(self) -> CurriculumTask:
        """Take the task of the next episode."""
        position = self._claim()
        task_id = int(self._ids[position % self._ids.size])
        label = self._builder.label(task_id) or "unknown"
        return CurriculumTask(task_id if position < self._total else -1 - task_id, label, self._builder)

    def update_task_performance(self, task_id: int, score: float, **others: Any) -> bool:
        """Report the score of an episode; whether it was counted. What else training learns from is left out."""
        number = as_score(score)
        if task_id < 0:
            return False
        status = self._pool.update(as_task_id(task_id), number, number, 1.0)
        if status < 0:
            self._pool.fail(status, task_id, number)
        return status == Status.ACCEPTED

    def sample_ids(self, count: int) -> Int64s:
        """Take the tasks of the next ``count`` episodes: int64[count]."""
        return np.array([task.task_id for task in self.sample_tasks(count)], np.int64)

    def sample_tasks(self, count: int) -> list[CurriculumTask]:
        """Take the tasks of the next ``count`` episodes, each with its label and configuration."""
        return [self.get_task() for _ in range(as_count(count, "count"))]

    def update_many(self, ids: ArrayLike, scores: ArrayLike, **others: Any) -> int:
        """Report many scores; how many were counted."""
        return int(self.update_each(ids, scores).sum())

    def update_each(self, ids: ArrayLike, scores: ArrayLike, **others: Any) -> NDArray[np.bool_]:
        """Report many scores; which of them were counted, bool[k]."""
        checked_ids, checked_scores = as_batch(ids, np.int64, "ids"), as_batch(scores, np.float64, "scores")
        if checked_ids.size != checked_scores.size:
            raise InvalidBatchError(f"there are {checked_ids.size} ids and {checked_scores.size} scores")
        counted = checked_ids >= 0
        counted[counted] = self._pool.update_many(checked_ids[counted], checked_scores[counted])[1]
        return counted

    def get_episode_stats(self, label: str) -> dict[str, dict[str, int]]:
        """What a trainer logs for one episode: this sample, by label."""
        return {"env_curriculum_stats/per_label_samples": {label: 1}}

    def build(self, task_id: int) -> Any:
        """The environment configuration of a task, a copy."""
        return self._builder.env_cfg(task_id)

    def get_task_stats(self, task_id: int) -> dict[str, Any] | None:
        """What is known of a task, by field name; None where it is none of these, or its episode not counted."""
        return None if task_id < 0 else self._pool.read_task(as_task_id(task_id))

    def drop_unplayable(self, task_id: int, *, again: bool = False) -> bool:
        """Leave the set as it is, though a task could not be played: its episodes will be missing from the result."""
        return False

    # -- the result ---------------------------------------------------------------------------------------------

    @property
    def done(self) -> bool:
        """Whether every episode has been played and reported."""
        return int(self._pool.state["header"]["completed"][0]) >= self._total

    def result(self) -> EvaluationResult:
        """Work out the scores so far; raises ``ConfigError`` where no episode was reported yet."""
        scores, episodes = {}, 0
        for task_id in self._ids.tolist():
            stats = self._pool.read_task(task_id)
            if stats is not None and stats["completion_count"]:
                scores[task_id] = stats["total_score"] / stats["completion_count"]
                episodes += stats["completion_count"]
        if not scores:
            raise ConfigError("no episode of this evaluation was reported yet")
        ordered = np.sort(list(scores.values()))
        worst = ordered[: -(-ordered.size // 10)]
        return EvaluationResult(float(ordered.mean()), float(worst.mean()), episodes, scores)

    # -- life ---------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Leave the evaluation, and destroy it where it was made."""
        creator = self._pool.is_creator
        self._pool.close()
        if creator:
            self._pool.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        self._pool.check_open()
        if self._pool.session_id is None:
            raise LpcurrError("the evaluation of a curriculum with use_shared_memory=False lives in this process alone")
        return _attach, (self._pool.session_id, self.config, self._generator, self._ids, self._episodes_each)

    # -- inside -------------------------------------------------------------------------------------------------

    @property
    def _total(self) -> int:
        return int(self._ids.size) * self._episodes_each

    def _claim(self) -> int:
        """The number of an episode that nobody else has: whoever puts its mark into the pool first."""
        while self._position < self._total:
            handed_out = int(self._pool.state["header"]["active_count"][0]) - self._ids.size
            self._position = max(self._position, handed_out)
            if self._position >= self._total:
                break
            mark = layout.MAX_TASK_ID - self._position
            try:
                self._pool.add_task(mark, None, pending=False, success_threshold=None)
            except DuplicateTaskError:
                self._position += 1
                continue
            self._position += 1
            return self._position - 1
        self._position += 1
        return self._position - 1


class _Builder(TaskBuilder):
    """Builds tasks whose episodes are not counted too, which have negative ids."""

    def env_cfg(self, task_id: int) -> Any:
        return super().env_cfg(_task_of(task_id))

    def shared_env_cfg(self, task_id: int) -> Any:
        return super().shared_env_cfg(_task_of(task_id))

    def slice_values(self, task_id: int) -> dict[str, Any]:
        return super().slice_values(_task_of(task_id))


def _task_of(task_id: int) -> int:
    return task_id if task_id >= 0 else -1 - task_id


def _attach(
    session_id: str, config: CurriculumConfig, generator: TaskGenerator | None, ids: Int64s, episodes: int
) -> Evaluation:
    return Evaluation(config, generator, ids, episodes, Pool.attach(session_id))
