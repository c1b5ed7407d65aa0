"""Playing a fixed set of tasks in order, each equally often, for its scores and not for training."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, SupportsFloat

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lpcurr.checkpoint import Checkpoint, restore
from lpcurr.curriculum import marks
from lpcurr.curriculum.arguments import as_batch, as_count, as_score, as_task_id
from lpcurr.curriculum.builder import EvaluationBuilder, TaskBuilder
from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.task import CurriculumTask
from lpcurr.errors import ConfigError, DuplicateTaskError, InvalidBatchError, LpcurrError, shown
from lpcurr.generators import ListedTasks, TaskGenerator, TaskList, rows_of
from lpcurr.memory import layout
from lpcurr.memory.label_names import not_a_text
from lpcurr.memory.layout import Status
from lpcurr.memory.processes import pid_namespace
from lpcurr.pool.making import new_pool
from lpcurr.pool.moment import Int64s
from lpcurr.pool.pool import Pool
from lpcurr.schedulers.uniform import DiscreteRandomConfig

_logger = logging.getLogger("lpcurr")

_LOOK_EVERY = 1.0  # seconds between looks for episodes that a dead process had


@dataclass(frozen=True)
class EvaluationResult:
    """What an evaluation found.

    Attributes:
        mean: over the tasks, of their mean scores.
        worst_tenth: the same over the tenth of the tasks with the least, at least one.
        episodes: how many were counted.
        scores: the mean score of each task that was played, by id.
        by_label: of the tasks of each label, the mean.
    """

    mean: float
    worst_tenth: float
    episodes: int
    scores: dict[int, float]
    by_label: dict[str, float]


class EvaluationTask(CurriculumTask):
    """A task of an evaluation.

    Attributes:
        episode: which of the evaluation's episodes this is, from 0; those beyond the last are not counted.
        passes: how often the evaluation had been begun again when it was handed out.
    """

    __slots__ = ("episode", "passes")

    def __init__(self, task_id: int, label: str, builder: TaskBuilder, episode: int, passes: int) -> None:
        super().__init__(task_id, label, builder)
        self.episode = episode
        self.passes = passes


class Evaluation:
    """A set of tasks that is gone through in order; made by :meth:`lpcurr.Curriculum.evaluation`.

    Episode ``p`` is of task ``p mod n``, whichever process or environment asks for it. A vector of environments goes on
    drawing after the last one: what it gets then is not counted, has the negative id ``-1 - task_id`` and is refused
    when it is reported. So short episodes do not take the place of long ones that are still being played.

    An environment that is reset in mid-episode gives its episode back (:meth:`give_back`), and it is handed out again;
    so are the episodes that a process had when it was killed, once there are no others. :meth:`restart` begins the next
    pass through the same tasks.

    Pickled, or forked, into another process of this machine it goes on there.
    """

    def __init__(
        self, config: CurriculumConfig, generator: TaskGenerator | None, ids: Int64s, episodes: int, pool: Pool
    ) -> None:
        self.config = config  # of the pool that keeps the scores
        self._generator = generator
        self._ids = ids
        self._highest = int(ids.max())
        self._episodes_each = episodes
        self._pool = pool
        self._builder = EvaluationBuilder(pool, generator, config.env_cache_size, config.max_task_attempts)
        self._pass = 0  # the one that these are of:
        self._next = 0  # no episode before it is free, but for those that were given back
        self._free = deque[int]()  # of these, what is known here
        self._uncounted = 0
        self._told = False
        self._look_again = 0.0  # for dead processes, by the monotonic clock

    @classmethod
    def of(cls, config: CurriculumConfig, generator: TaskGenerator | None, tasks: Any, episodes: int) -> Evaluation:
        """Make the evaluation of a curriculum's generator.

        Raises:
            ConfigError: there is no task, a task twice, too many of them, or an id out of range.
        """
        episodes = as_count(episodes, "episodes_each")
        listed = CurriculumConfig(tasks=tasks).task_generator if isinstance(tasks, Mapping) else tasks
        rows = list(range(len(listed))) if isinstance(listed, TaskList) else rows_of(tasks)
        if not rows or not episodes:
            raise ConfigError(
                f"there are {len(rows)} tasks to be played {shown(episodes)} times each: give at least one"
            )
        if not all(isinstance(row, (int, np.integer)) and not isinstance(row, bool) for row in rows):
            listed, rows = TaskList(tasks=rows), list(range(len(rows)))
        ids = np.array([as_task_id(row) for row in rows], np.int64)
        if isinstance(listed, TaskList):
            generator = listed
        elif isinstance(generator, ListedTasks) and ids.max() >= len(generator):
            raise ConfigError(
                f"there is no task {ids.max()} in the list, whose ids are 0 … {len(generator) - 1}, and integers are "
                "ids: for tasks that are integers, such as seeds, give lpcurr.generators.TaskList(tasks=[…])"
            )
        slots = len(ids) * (episodes + 1)
        highest = layout.MAX_TASK_ID - len(ids) * episodes  # behind are the marks of episodes that were handed out
        if slots > layout.MAX_CAPACITY or ids.max() > highest or np.unique(ids).size != ids.size:
            raise ConfigError(
                f"{len(ids)} tasks of {shown(episodes)} episodes each, with ids up to {ids.max()}: ids must differ and "
                f"be at most {shown(highest)}, and (episodes_each + 1) · tasks at most {layout.MAX_CAPACITY:,}"
            )
        algorithm = DiscreteRandomConfig()
        fields = {"num_active_tasks": slots, "defer_init": True, "session_id": None, "algorithm_config": algorithm}
        config = config.model_copy(update=fields | {"task_generator": None, "stages": []})
        evaluation = cls(config, generator, ids, episodes, _new_pool(config, slots, shared=config.use_shared_memory))
        evaluation._fill(evaluation._pool)
        return evaluation

    # -- an episode ---------------------------------------------------------------------------------------------

    def get_task(self) -> EvaluationTask:
        """Take the task of the next episode."""
        passes = self._passes
        if passes != self._pass:
            self._pass, self._next, self._uncounted, self._free = passes, 0, 0, deque()
        self._claiming = -1
        try:
            episode = self._claim()
            task_id = int(self._ids[episode % self._ids.size])
            label = self._builder.label(task_id) or "unknown"
            marked_id = task_id if episode < self._total else -1 - task_id
            return EvaluationTask(marked_id, label, self._builder, episode, passes)
        except BaseException:  # a signal handler's: else nobody would ever play it
            self._unclaim(self._claiming)
            raise

    def give_back(self, task: CurriculumTask) -> bool:
        """Give back a task whose episode was broken off and not reported, for it to be handed out again at the end.

        Returns:
            Whether it will be: False where it is of an earlier pass, or not counted anyway.
        """
        if not isinstance(task, EvaluationTask) or task.passes != self._passes or task.episode >= self._total:
            return False
        given_back = self._pool.remove_task(marks.mark_of(task.episode))
        if given_back:
            self._free.append(task.episode)
        return given_back

    def restart(self) -> None:
        """Begin again from the first task, in all processes: scores are forgotten, so read :meth:`result` before.

        Environments that are in mid-episode are to be reset before their next step, as each evaluation of a trainer's
        does it: an episode that began before would count in the new pass.

        >>> from lpcurr import CurriculumConfig
        >>> with CurriculumConfig(tasks=["boil", "melt"]).make() as curriculum:
        ...     with curriculum.evaluation(range(2)) as evaluation:
        ...         for skill in (0.2, 0.9):
        ...             while not evaluation.done:
        ...                 task = evaluation.get_task()
        ...                 counted = evaluation.update_task_performance(task.task_id, skill)
        ...             print(evaluation.result().mean)
        ...             evaluation.restart()
        0.2
        0.9
        """
        unplayed = _new_pool(self.config, self._pool.capacity, shared=False)
        self._fill(unplayed)
        begun = Checkpoint.capture(unplayed)
        unplayed.close()
        counters = begun.description.counters.model_copy(update={"epoch": self._passes + 1})
        description = begun.description.model_copy(update={"counters": counters})
        restore(self._pool, dataclasses.replace(begun, description=description), self.config.header_settings())

    def update_task_performance(self, task_id: int, score: SupportsFloat, **others: Any) -> bool:
        """Report the score of an episode; whether it was counted. What else training learns from is left out."""
        number = as_score(score)
        counted = self._counted(task_id)
        if counted is None:
            return False
        status = self._pool.update(counted, number, number, 1.0)
        if status < 0:
            self._pool.fail(status, counted, number)
        return status == Status.ACCEPTED

    def sample_ids(self, count: int) -> Int64s:
        """Take the tasks of the next ``count`` episodes: int64[count]."""
        return np.array([task.task_id for task in self.sample_tasks(count)], np.int64)

    def sample_tasks(self, count: int) -> list[EvaluationTask]:
        """Take the tasks of the next ``count`` episodes, each with its label and configuration."""
        if as_count(count, "count") > layout.MAX_CAPACITY:
            raise InvalidBatchError(f"the number of tasks to sample is {shown(count)}, above {layout.MAX_CAPACITY}")
        return [self.get_task() for _ in range(count)]

    def update_many(self, ids: ArrayLike, scores: ArrayLike, **others: Any) -> int:
        """Report many scores; how many were counted."""
        return int(self.update_each(ids, scores).sum())

    def update_each(self, ids: ArrayLike, scores: ArrayLike, **others: Any) -> NDArray[np.bool_]:
        """Report many scores; which of them were counted, bool[k]."""
        checked_ids, checked_scores = as_batch(ids, np.int64, "ids"), as_batch(scores, np.float64, "scores")
        if checked_ids.size != checked_scores.size:
            raise InvalidBatchError(f"there are {checked_ids.size} ids and {checked_scores.size} scores")
        counted: NDArray[np.bool_] = (checked_ids >= 0) & (checked_ids <= self._highest)
        counted[counted] = self._pool.update_many(checked_ids[counted], checked_scores[counted])[1]
        return counted

    def get_episode_stats(self, label: str) -> dict[str, dict[str, int]]:
        """What a trainer logs for one episode: this sample, by label."""
        if not isinstance(label, str):
            raise not_a_text(label)
        return {"env_curriculum_stats/per_label_samples": {label: 1}}

    def build(self, task_id: int) -> Any:
        """The environment configuration of a task, a copy."""
        return self._builder.env_cfg(task_id if _is_negative(task_id) else as_task_id(task_id))

    def get_task_stats(self, task_id: int) -> dict[str, Any] | None:
        """What is known of a task, by field name; None where it is none of these, or its episode not counted."""
        counted = self._counted(task_id)
        return None if counted is None else self._builder.stats_of(counted)

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
        scores: dict[int, float] = {}
        of_label: dict[str, list[float]] = {}
        episodes = 0
        for task_id in self._ids.tolist():
            stats = self._builder.stats_of(task_id)
            if stats is not None and stats["completion_count"]:
                scores[task_id] = stats["mean_score"]
                of_label.setdefault(stats["label"], []).append(stats["mean_score"])
                episodes += stats["completion_count"]
        if not scores:
            raise ConfigError("no episode of this evaluation was reported yet")
        ordered = np.sort(list(scores.values()))
        worst = ordered[: -(-ordered.size // 10)]
        by_label = {label: float(np.mean(means)) for label, means in of_label.items()}
        return EvaluationResult(float(ordered.mean()), float(worst.mean()), episodes, scores, by_label)

    # -- life ---------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Leave the evaluation, and destroy it where it was made."""
        creator = self._pool.is_creator
        self._pool.close()
        if creator:
            self._pool.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        self._pool.check_open()
        if self._pool.session_id is None:
            raise LpcurrError(
                "the evaluation of a curriculum with use_shared_memory=False lives in this process alone: keep its "
                "environments here (SyncVectorEnv, DummyVecEnv)"
            )
        return _attach, (self._pool.session_id, self.config, self._generator, self._ids, self._episodes_each)

    # -- inside -------------------------------------------------------------------------------------------------

    def _counted(self, task_id: int) -> int | None:
        """An id whose episodes are counted; None for that of a surplus episode, and for the mark of one."""
        if _is_negative(task_id):
            return None
        number = as_task_id(task_id)
        return number if number <= self._highest else None

    @property
    def _total(self) -> int:
        return int(self._ids.size) * self._episodes_each

    @property
    def _passes(self) -> int:
        return int(self._pool.state["header"]["epoch"][0])

    def _fill(self, pool: Pool) -> None:
        for task_id in self._ids.tolist():
            pool.add_task(task_id, self._builder.label(task_id), pending=False, success_threshold=None)

    def _handed_out(self) -> int:
        return int(self._pool.state["header"]["active_count"][0]) - int(self._ids.size)

    def _take_from_dead(self) -> bool:
        """Give back the episodes that dead processes had; whether there were any."""
        now = time.monotonic()
        if self.done or now < self._look_again or self._pool.state["header"]["pid_namespace"][0] != pid_namespace():
            return False
        self._look_again = now + _LOOK_EVERY
        columns, certainly = self._pool.moment(marks.COLUMNS).columns, self._uncounted < self._total
        lost = marks.lost_episodes(columns, self._ids, certainly=certainly)
        given_back = sum(self._pool.remove_task(marks.mark_of(episode)) for episode in lost)
        if given_back:
            _logger.warning("%d episodes of an evaluation were a dead process's, and are handed out again", given_back)
        return given_back > 0

    def _claim(self) -> int:
        """The number of an episode that nobody else has: whoever puts its mark into the pool first."""
        while (handed_out := self._handed_out()) < self._total or self._take_from_dead():
            self._next = max(self._next, handed_out)
            episode = self._next
            if episode < self._total:
                self._next += 1
            elif self._free:
                episode = self._free.popleft()
            else:  # what is left was given back by others
                taken = layout.MAX_TASK_ID - self._pool.moment(["task_id", "entry"]).columns["task_id"]
                self._free = deque(np.setdiff1d(np.arange(self._total), taken).tolist())
                continue
            mark, owner, self._claiming = marks.mark_of(episode), marks.this_process(), episode
            try:
                self._pool.add_task(mark, None, pending=False, success_threshold=owner)
            except DuplicateTaskError:
                continue
            return episode
        self._uncounted += 1
        if self._uncounted >= self._total and self.done and not self._told:
            self._told = True
            _logger.warning(
                "an evaluation of %d episodes is over, and as many have been taken since, which are not counted: "
                "evaluation.restart() begins the next pass (said once)",
                self._total,
            )
        return self._total + self._uncounted - 1

    def _unclaim(self, episode: int) -> None:
        """Give back an episode that this process may have put its mark on."""
        mark = marks.mark_of(episode)
        stats = None if episode < 0 or self._pool.closed else self._pool.read_task(mark)
        if stats is not None and stats["success_threshold"] == marks.this_process() and self._pool.remove_task(mark):
            self._free.append(episode)


def _new_pool(config: CurriculumConfig, slots: int, *, shared: bool) -> Pool:
    return new_pool(
        slots,
        config.header_settings() | {"new_label": layout.UNKNOWN_LABEL},
        seed=0,
        config_text=config.to_json(None),
        shared=shared,
    )


def _is_negative(task_id: object) -> bool:
    return isinstance(task_id, (int, np.integer)) and bool(task_id < 0)


def _attach(
    session_id: str, config: CurriculumConfig, generator: TaskGenerator | None, ids: Int64s, episodes: int
) -> Evaluation:
    return Evaluation(config, generator, ids, episodes, Pool.attach(session_id))
