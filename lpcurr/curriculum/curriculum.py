"""The curriculum: what a trainer talks to."""

import json
import logging
import math
from collections.abc import Mapping
from typing import Any, SupportsFloat, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lpcurr.curriculum.arguments import as_batch, as_count, as_flag, as_groups, as_score, as_task_id
from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.queries import CurriculumQueries
from lpcurr.curriculum.saving import CurriculumCheckpoints
from lpcurr.curriculum.task import CurriculumTask
from lpcurr.curriculum.tasks import CurriculumTasks
from lpcurr.errors import InvalidBatchError, LpcurrError, SessionNotFoundError, shown
from lpcurr.generators import TaskGenerator
from lpcurr.generators.listed import label_as_text
from lpcurr.memory import layout
from lpcurr.memory.layout import Status
from lpcurr.pool.moment import Float64s, Int64s
from lpcurr.pool.pool import Pool
from lpcurr.schedulers.common import SchedulerConfig
from lpcurr.statistics.laws import goes_by_success

_logger = logging.getLogger("lpcurr")

_LABEL_SHIFT, _LABEL_MASK = layout.LABEL_SHIFT, layout.LABEL_MASK
_ACCEPTED = int(Status.ACCEPTED)  # compared in half the time
_FAR = 10.0  # far outside the scores 0 … 1 that schedulers are made for
_MAX_BATCH = 2**26  # a gigabyte of ids and labels


class Curriculum(CurriculumTasks, CurriculumQueries, CurriculumCheckpoints):
    """A curriculum over a pool of tasks that up to 4,096 processes share, drawn by the scheduler of its configuration.

    Pickling a curriculum into another process of this machine attaches to the same pool there, and so does
    :func:`lpcurr.attach` by session id; a forked child has its own place in the pool at once. Any process can draw,
    update or evict any task. The process that made the pool destroys it when it exits (or calls :meth:`unlink`).

    Args:
        config: what it is made of.
        task_generator: any picklable callable from a task id to an environment configuration, or a list of tasks;
            instead of ``config.task_generator``.

    Raises:
        SegmentSpaceError: shared memory has no room.
        ConfigError: the session id is in use, or two task generators were given.

    >>> curriculum = Curriculum(CurriculumConfig(num_active_tasks=100, seed=1))
    >>> task = curriculum.get_task()
    >>> curriculum.update_task_performance(task.task_id, 1.0)
    True
    >>> curriculum.close(); curriculum.unlink()
    """

    _warned_of_unknown_ids = False
    _warned_of_scale = False

    # -- an episode ---------------------------------------------------------------------------------------------

    def get_task(self, label: str | int | None = None) -> CurriculumTask:
        """Choose the task of the next episode.

        Of one ``label`` alone, for an environment that plays no others: see :meth:`sample_ids`.

        Below capacity that is a new one. On a full pool, a share ``new_task_rate`` of the calls may replace the
        task with the least score by a new one; otherwise it is drawn by the distribution, which reflects every
        update up to now. Many environments may play one task at a time.

        Raises:
            TaskGenerationError: ``max_task_attempts`` tasks in a row could not be built.
            PoolEmptyError: the pool is a fixed set (``defer_init``) without tasks.
        """
        if label is not None:
            return self.sample_tasks(1, label=label)[0]
        task_id, packed = self._pool.draw()
        if packed >= 0:
            label = self._builder.labels[packed >> _LABEL_SHIFT & _LABEL_MASK]
            if label is not None:
                return CurriculumTask(task_id, label, self._builder)
        return self._look_closer(task_id, packed)

    def update_task_performance(
        self, task_id: int, score: SupportsFloat, signal: SupportsFloat | None = None, cost: SupportsFloat = 1.0
    ) -> bool:
        """Report the score of an episode.

        Args:
            task_id: the task that was played.
            score: any finite number; by convention 0 … 1 (success rate or normalised return).
            signal: what the learner says of the episode, such as its value loss, for schedulers that go by that;
                None: the score.
            cost: what the episode took, in environment steps or tokens, above 0.

        Returns:
            Whether it was credited: False where the task has left the pool meanwhile, which is normal among many
            workers and is counted (``num_refused``).

        Raises:
            InvalidScoreError: the score or the signal is not a finite number, or the cost none above 0.
            InvalidTaskIdError: the id is not an integer in 0 … 2**53 − 1.
        """
        if type(task_id) is not int:
            task_id = as_task_id(task_id)
        if type(score) is not float:
            score = as_score(score)
        if signal is None:
            signal = score
        elif type(signal) is not float:
            signal = as_score(signal, "signal")
        if type(cost) is not float:
            cost = as_score(cost, "cost")
        if not -_FAR <= score <= _FAR:
            self._warn_of_scale(score)
        try:
            status = self._pool.update(task_id, score, signal, cost)
        except OverflowError:
            status = Status.INVALID_TASK_ID
        if status < 0:
            given = {Status.INVALID_SIGNAL: signal, Status.INVALID_COST: cost}.get(status, score)
            self._pool.fail(status, task_id, given)
        if self._stages.configured and status == _ACCEPTED:
            self._stages.look(1)
        return status == _ACCEPTED

    def count_steps(self, count: int) -> None:
        """Say that so many environment steps were taken, for those who watch the session (``lpcurr top``).

        The pool knows episodes, not steps. A trainer that calls this after each rollout has its steps per second shown;
        nothing else depends on it. It takes no lock.
        """
        self._pool.count_steps(as_count(count, "count"))

    # -- batches ------------------------------------------------------------------------------------------------

    def sample_ids(self, count: int, *, distinct: bool = False, label: str | int | None = None) -> Int64s:
        """Choose ``count`` tasks at once: int64[count].

        Args:
            count: how many.
            distinct: no task twice: each next one is drawn from those that are not in the batch yet, in proportion to
                their probabilities at the beginning. By default it is as so many calls of :meth:`get_task`. New tasks
                come into the pool as often either way, but a distinct batch evicts no task that is in it.
            label: draw among the tasks of this label that are in the pool, in proportion to their probabilities. That
                brings no new task in, and takes longer the rarer the label is, up to one look at all tasks a batch.

        Raises:
            InvalidBatchError: ``count`` is none from 0 up, or ``distinct`` and more than there are tasks.
            PoolEmptyError, TaskGenerationError: as :meth:`get_task`; or no task of the label is in the pool.

        >>> with CurriculumConfig(tasks=["2+3", "7+5", "64+88"], task_labels=["easy", "easy", "hard"]).make() as sums:
        ...     sums.get_task("hard").get_env_cfg(), sorted(sums.sample_ids(2, distinct=True, label="easy").tolist())
        ('64+88', [0, 1])
        """
        return self._sample(count, distinct, label)[0]

    def sample_tasks(
        self, count: int, *, distinct: bool = False, label: str | int | None = None
    ) -> list[CurriculumTask]:
        """Choose ``count`` tasks at once, as :meth:`sample_ids` does, each with its label and configuration."""
        ids, packed = self._sample(count, distinct, label)
        drawn = zip(ids.tolist(), packed.tolist(), strict=True)
        return [CurriculumTask(task_id, self._drawn_label(task_id, row), self._builder) for task_id, row in drawn]

    def update_many(
        self, ids: ArrayLike, scores: ArrayLike, signals: ArrayLike | None = None, costs: ArrayLike | None = None
    ) -> int:
        """Report many scores at once, in order, giving way to others after each 65,536.

        Args:
            ids: int64[k], the tasks that were played.
            scores: float64[k].
            signals: float64[k], what the learner says of each episode; None: the scores.
            costs: float64[k], what each took, in environment steps or tokens; None: 1.

        Returns:
            How many were credited; the rest were of tasks that have left the pool.

        Raises:
            InvalidBatchError: wrong dtype or shape, or different lengths.
            InvalidScoreError, InvalidTaskIdError: a bad value; nothing of the batch was written.
        """
        return self._update_many(ids, scores, signals, costs)[0]

    def update_each(
        self, ids: ArrayLike, scores: ArrayLike, signals: ArrayLike | None = None, costs: ArrayLike | None = None
    ) -> NDArray[np.bool_]:
        """Report many scores as :meth:`update_many` does; which of them were credited, bool[k]."""
        return self._update_many(ids, scores, signals, costs)[1]

    def update_groups(self, ids: ArrayLike, successes: ArrayLike, attempts: ArrayLike) -> NDArray[np.bool_]:
        """Report groups of attempts, as language models make several answers to one prompt, in one call.

        A group counts as ``attempts`` episodes, of which ``successes`` scored 1 and the others 0. The successes lie
        evenly among them, whatever order they came in, so that no average depends on it.

        Args:
            ids: int64[k], the tasks.
            successes: int64[k], how many attempts succeeded.
            attempts: int64[k], from 1 up; or one number for all. Whole floats do, as sums of rewards are.

        Returns:
            Which groups were credited, bool[k]; the others were of tasks that have left the pool.

        Raises:
            InvalidBatchError: wrong dtype, shape or length, more successes than attempts, or over 2**24 attempts.
            InvalidTaskIdError: a bad id; nothing was written.

        >>> with CurriculumConfig(tasks=["1+1=", "17*23="]).make() as curriculum:
        ...     credited = curriculum.update_groups([0, 1], [7, 2], 8)
        ...     curriculum.get_task_stats(1)["mean_score"]
        0.25
        """
        episodes, scores, begins = as_groups(ids, successes, attempts)
        return self._update_many(episodes, scores, None, None)[1][begins]

    # -- epochs and the scheduler -------------------------------------------------------------------------------------

    def on_epoch_end(self) -> None:
        """Begin a new epoch: per-epoch counts (samples and evictions by label) start again at zero.

        Where ``config.stages`` has labels that are locked, those whose turn has come are unlocked, which otherwise is
        looked at once in a thousand episodes, or in as many as there may be tasks.
        """
        epoch = self._pool.end_epoch()
        header = self.moment(tables_only=True).header
        self._epoch_began = epoch, int(header["completed"]), float(header["score_sum"])
        self._stages.unlock()

    def use(self, scheduler: SchedulerConfig | Mapping[str, Any] | str) -> None:
        """Go on with another scheduler, or with other settings, on the same pool.

        All attached processes follow at their next call. Tasks, estimates and counters stay as they are: an average
        with another timescale goes on from its present value. The pool keeps its size.

        Args:
            scheduler: its settings, as a configuration has them; a word is one with its defaults. What they say of the
                pool (``num_active_tasks``, ``use_shared_memory``) must not contradict it.

        Raises:
            ConfigError: it does, or the configuration has become too long for the pool's room.

        >>> import lpcurr
        >>> with lpcurr.CurriculumConfig(num_active_tasks=4).make() as curriculum:
        ...     curriculum.use("uniform")
        ...     curriculum.config.algorithm_config.type
        'discrete_random'
        """
        self._pool.check_open()
        config = self.config.with_scheduler(scheduler)
        generator = json.loads(self._pool.config_text).get("task_generator")
        self._pool.use(config.rules(config.algorithm_config), config.to_json(None, generator))
        self._warned_of_scale = False

    # -- inside -------------------------------------------------------------------------------------------------

    def __reduce__(self) -> tuple[Any, ...]:
        self._pool.check_open()
        if self._pool.session_id is None:
            raise LpcurrError(
                "a curriculum with use_shared_memory=False lives in this process alone and cannot be pickled into "
                "another: make it with use_shared_memory=True (Linux, macOS), or keep its environments in one process "
                "(SyncVectorEnv, DummyVecEnv)"
            )
        return _unpickle, (type(self), self._pool.session_id, self.config, self._generator)

    def __repr__(self) -> str:
        where = "closed" if self.closed else (f"session {self.session_id}" if self.session_id else "local")
        room = f"room for {self.config.num_active_tasks:,} tasks"
        return f"<Curriculum {self.config.algorithm_config.type}, {room}, {where}>"

    def _look_closer(self, task_id: int, packed: int) -> CurriculumTask:
        """The rest of :meth:`get_task` for a task that was never built, or whose label is not known here yet."""
        self._finish_appending()
        for attempt in range(self.config.max_task_attempts):
            if task_id < 0:
                self._pool.fail(task_id)
            if self._builder.make_playable(task_id, packed, {}):
                return CurriculumTask(task_id, self._drawn_label(task_id, packed), self._builder)
            if attempt + 1 < self.config.max_task_attempts:
                task_id, packed = self._pool.draw()
        raise self._builder.given_up()

    def _update_many(
        self, ids: ArrayLike, scores: ArrayLike, signals: ArrayLike | None, costs: ArrayLike | None
    ) -> tuple[int, NDArray[np.bool_]]:
        checked_ids = cast("Int64s", as_batch(ids, np.int64, "ids"))
        columns = []
        for values, name in ((scores, "scores"), (signals, "signals"), (costs, "costs")):
            is_left_out = values is None and name != "scores"
            column = cast("Float64s", as_batch(() if is_left_out else cast("ArrayLike", values), np.float64, name))
            if not is_left_out and column.size != checked_ids.size:
                raise InvalidBatchError(f"there are {checked_ids.size} ids and {column.size} {name}")
            columns.append(column)
        credited = self._pool.update_many(checked_ids, *columns)
        if self._stages.configured:
            self._stages.look(credited[0])
        farthest = float(np.abs(columns[0]).max(initial=0.0))
        if farthest > _FAR:
            self._warn_of_scale(farthest)
        if checked_ids.size > 1 and credited[0] == 0 and not self._warned_of_unknown_ids:
            self._warned_of_unknown_ids = True
            _logger.warning(
                "none of the %d ids of a batch is in the pool, so no score was credited (said once): ids are those "
                "that get_task, sample_ids or sample_tasks gave; the first here is %d",
                checked_ids.size,
                checked_ids[0],
            )
        return credited

    def _warn_of_scale(self, score: float) -> None:
        """Say once that a score lies far outside 0 … 1, where the scheduler goes by scores as they are, or success."""
        if self._warned_of_scale or not math.isfinite(score):
            return
        self._warned_of_scale, settings = True, self.config.algorithm_config
        header, advice = self._pool.state["header"][0], "report scores within 0 … 1, "
        if not settings.scheduler.scale_free:
            reason = "scores as they are: tasks with large scores take the draws"
        elif goes_by_success(header) and 0.0 <= settings.task_default_success_threshold <= 1.0:
            reason = f"successes: here, scores of {settings.task_default_success_threshold:g} or more"
            advice += "give it the task_default_success_threshold of yours, "
        else:
            return
        _logger.warning(
            "a score of size %g lies far outside 0 … 1, and %s goes by %s (said once); %sor use a scheduler that puts "
            "each task on its own scale: FrontierConfig()",
            score,
            settings.type,
            reason,
            advice,
        )

    def _sample(self, count: int, distinct: bool, label: str | int | None) -> tuple[Int64s, Int64s]:
        """Ids and packed, int64[count], of tasks that can be played."""
        count, distinct = as_count(count, "the number of tasks to sample"), as_flag(distinct, "distinct")
        if count > _MAX_BATCH:
            raise InvalidBatchError(f"the number of tasks to sample is {shown(count)}, outside 0 … {_MAX_BATCH}")
        ids, packed = np.full((2, count), -1)
        label = None if label is None else label_as_text(label)
        self._draw_into(ids, packed, distinct, label)
        known: dict[int, bool] = {}
        waiting = np.flatnonzero(packed < 0)
        if waiting.size:
            self._finish_appending()
        for attempt in range(self.config.max_task_attempts):
            failed = [i for i in waiting if not self._builder.make_playable(int(ids[i]), int(packed[i]), known)]
            if not failed:
                return ids, packed
            if attempt + 1 < self.config.max_task_attempts:
                ids[failed] = -1
                self._draw_into(ids, packed, distinct, label)
                waiting = np.array([i for i in failed if packed[i] < 0], np.int64)
        raise self._builder.given_up()

    def _draw_into(self, ids: Int64s, packed: Int64s, distinct: bool, label: str | None) -> None:
        """Draw tasks for the cells of ids that are negative."""
        if distinct or label is not None:
            self._pool.fill_batch(ids, packed, label, distinct)
        else:
            cells = ids < 0
            ids[cells], packed[cells] = self._pool.draw_many(int(cells.sum()))

    def _drawn_label(self, task_id: int, packed: int) -> str:
        row = packed >> _LABEL_SHIFT & _LABEL_MASK
        if packed & layout.WAITS and row == layout.UNKNOWN_LABEL:  # named this very moment
            return self._builder.built_label(task_id)
        return self._builder.labels[row] or self._builder.label_text(row, task_id)


def _unpickle(
    kind: type[Curriculum], session_id: str, config: CurriculumConfig, generator: TaskGenerator | None
) -> Curriculum:
    try:
        pool = Pool.attach(session_id, may_share=True)
    except SessionNotFoundError as error:
        raise SessionNotFoundError(
            f"{error}. A pickled curriculum joins its pool, and holds nothing of it: curriculum.save(path) does"
        ) from None
    return kind(config, generator, _pool=pool)
