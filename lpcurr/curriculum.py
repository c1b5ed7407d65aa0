"""The curriculum: what a trainer talks to.

>>> config = CurriculumConfig(num_active_tasks=8, seed=0, use_shared_memory=False,
...                           task_generator=lambda task_id: {"map_seed": task_id})
>>> with config.make() as curriculum:
...     task = curriculum.get_task()
...     accepted = curriculum.update_task_performance(task.task_id, 0.7)
>>> task.get_env_cfg() == {"map_seed": task.task_id}, accepted
(True, True)
"""

from __future__ import annotations

import json
import operator
import secrets
from collections.abc import Callable
from numbers import Real
from types import TracebackType
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike

from lpcurr import layout
from lpcurr.config import LearningProgressConfig
from lpcurr.curriculum_config import CurriculumConfig
from lpcurr.errors import (
    ConfigError,
    InvalidBatchError,
    InvalidScoreError,
    InvalidTaskIdError,
    LpcurrError,
    TaskGenerationError,
    UnknownTaskError,
)
from lpcurr.generators import TaskCache, TaskGenerator, as_generator
from lpcurr.invariants import find_violations
from lpcurr.layout import Status
from lpcurr.pool import Float64s, Int64s, Pool
from lpcurr.ranking import rank_for_eviction
from lpcurr.stats import PoolStatistics

_LABEL_SHIFT, _LABEL_MASK = layout.LABEL_SHIFT, layout.LABEL_MASK
_EVICTION_STAMP = layout.header_word("eviction_stamp")
_EPOCH_EVICTIONS = layout.header_word("epoch_evictions")
_SAMPLES = "env_curriculum_stats/per_label_samples"
_EVICTIONS = "env_curriculum_stats/per_label_evictions"


class CurriculumTask:
    """One episode's task.

    Attributes:
        task_id: its id, with which the score is reported.
        label: the group that statistics count it in.
    """

    __slots__ = ("_curriculum", "label", "task_id")

    def __init__(self, task_id: int, label: str, curriculum: Curriculum) -> None:
        self.task_id = task_id
        self.label = label
        self._curriculum = curriculum

    def get_env_cfg(self) -> Any:
        """Its environment configuration, built on first use; a copy, so the caller may change it."""
        return self._curriculum.build(self.task_id)

    def get_label(self) -> str:
        """The group that statistics count it in."""
        return self.label

    def get_slice_values(self) -> dict[str, Any]:
        """The values that its generator drew, by bucket."""
        return self._curriculum.slice_values(self.task_id)

    def __repr__(self) -> str:
        return f"CurriculumTask(task_id={self.task_id}, label={self.label!r})"


class Curriculum:
    """A learning-progress (or discrete random) curriculum over a pool of tasks that any number of processes share.

    Pickling a curriculum into another process of this machine attaches to the same pool there, and so does
    :func:`lpcurr.attach` by session id; a forked child has its own place in the pool at once. Any process can draw,
    update or evict any task. The process that made the pool destroys it when it exits (or calls :meth:`unlink`).

    Args:
        config: what it is made of.
        task_generator: any picklable callable from a task id to an environment configuration; instead of
            ``config.task_generator``.

    Raises:
        SegmentSpaceError: shared memory has no room.
        ConfigError: the session id is in use, or two task generators were given.

    Example:
        >>> curriculum = Curriculum(CurriculumConfig(num_active_tasks=100, seed=1))
        >>> task = curriculum.get_task()
        >>> curriculum.update_task_performance(task.task_id, 1.0)
        True
        >>> curriculum.close(); curriculum.unlink()
    """

    def __init__(
        self,
        config: CurriculumConfig | None = None,
        task_generator: Callable[[int], Any] | None = None,
        *,
        _pool: Pool | None = None,
    ) -> None:
        config = config or CurriculumConfig()
        if task_generator is not None and config.task_generator is not None and _pool is None:
            raise ConfigError("there are two task generators, one in the config and one in the call: give one")
        generator = config.task_generator if task_generator is None else as_generator(task_generator)
        if config.seed is None:
            config = config.model_copy(update={"seed": secrets.randbits(63)})
        self.config = config
        self.performance_mode = config.performance_mode
        self._generator: TaskGenerator | None = generator
        self._cache = None if generator is None else TaskCache(generator, config.env_cache_size)
        self._pool = _pool if _pool is not None else _make_pool(config, generator)
        self._label_stamp = self._pool.catch_up()
        self._labels: list[str | None] = [None] * layout.LABEL_CAPACITY
        self._seen_evictions = -1
        self._evictions: dict[str, int] = {}
        self._last_failure: TaskGenerationError | None = None

    # -- an episode ---------------------------------------------------------------------------------------------

    def get_task(self) -> CurriculumTask:
        """Choose the task of the next episode.

        Below capacity that is a new one. On a full pool, a share ``new_task_rate`` of the calls may replace the
        task with the least score by a new one; otherwise it is drawn by the distribution, which reflects every
        update up to now. Many environments may play one task at a time.

        Raises:
            TaskGenerationError: ``max_task_attempts`` tasks in a row could not be built.
            PoolEmptyError: the pool is a fixed set (``defer_init``) without tasks.
        """
        task_id, packed = self._pool.draw()
        if packed >= 0:
            label = self._labels[packed >> _LABEL_SHIFT & _LABEL_MASK]
            if label is not None:
                return CurriculumTask(task_id, label, self)
        return self._look_closer(task_id, packed)

    def update_task_performance(self, task_id: int, score: float) -> bool:
        """Report the score of an episode.

        Args:
            task_id: the task that was played.
            score: any finite number; by convention 0 … 1 (success rate or normalised return).

        Returns:
            Whether it was credited: False where the task has left the pool meanwhile, which is normal among many
            workers and is counted (``num_refused``).

        Raises:
            InvalidScoreError: the score is not a finite number.
            InvalidTaskIdError: the id is not an integer in 0 … 2**53 − 1.
        """
        if type(task_id) is not int:
            task_id = _as_task_id(task_id)
        if type(score) is not float:
            score = _as_score(score)
        try:
            status = self._pool.update(task_id, score)
        except OverflowError:
            status = Status.INVALID_TASK_ID
        if status < 0:
            self._pool.fail(status, task_id, score)
        return status == Status.ACCEPTED

    def get_episode_stats(self, label: str) -> dict[str, dict[str, int]]:
        """What a trainer logs for one episode: this sample, and the pool's evictions so far in this epoch, by label."""
        words = self._pool.header_words
        if words[_EVICTION_STAMP] != self._seen_evictions:
            self._seen_evictions = words[_EVICTION_STAMP]
            self._evictions = self._count_evictions() if words[_EPOCH_EVICTIONS] else {}
        return {_SAMPLES: {label: 1}, _EVICTIONS: self._evictions.copy()}

    # -- batches ------------------------------------------------------------------------------------------------

    def sample_ids(self, count: int) -> Int64s:
        """Choose ``count`` tasks at once, as so many calls of :meth:`get_task` would: int64[count], one lock turn."""
        try:
            count = operator.index(count)
        except TypeError:
            raise InvalidBatchError(f"the number of tasks to sample is {count!r}, not an integer") from None
        if count < 0:
            raise InvalidBatchError(f"the number of tasks to sample is {count}, which is negative")
        ids, packed = self._pool.draw_many(count)
        known: dict[int, bool] = {}
        for attempt in range(self.config.max_task_attempts):
            failed = [
                int(i) for i in np.flatnonzero(packed < 0) if not self._is_playable(int(ids[i]), int(packed[i]), known)
            ]
            if not failed:
                return ids
            if attempt + 1 < self.config.max_task_attempts:
                packed[:] = 0
                ids[failed], packed[failed] = self._pool.draw_many(len(failed))
        raise self._given_up()

    def update_many(self, ids: ArrayLike, scores: ArrayLike) -> int:
        """Report many scores at once, in order, under one lock turn.

        Args:
            ids: int64[k], the tasks that were played.
            scores: float64[k].

        Returns:
            How many were credited; the rest were of tasks that have left the pool.

        Raises:
            InvalidBatchError: wrong dtype or shape, or different lengths.
            InvalidScoreError, InvalidTaskIdError: a bad value; nothing of the batch was written.
        """
        checked_ids = cast("Int64s", _as_batch(ids, np.int64, "ids"))
        checked_scores = cast("Float64s", _as_batch(scores, np.float64, "scores"))
        if checked_ids.size != checked_scores.size:
            raise InvalidBatchError(f"there are {checked_ids.size} ids and {checked_scores.size} scores")
        return self._pool.update_many(checked_ids, checked_scores)

    # -- tasks --------------------------------------------------------------------------------------------------

    def add_task(self, task_id: int, label: str | None = None, *, success_threshold: float | None = None) -> None:
        """Put a given task into the pool.

        Args:
            task_id: 0 … 2**53 − 1.
            label: its group; by default what the task generator says.
            success_threshold: scores from here on count as a success; by default the algorithm's.

        Raises:
            DuplicateTaskError, PoolFullError, InvalidTaskIdError, InvalidLabelError.
        """
        task_id = _as_task_id(task_id)
        threshold = None if success_threshold is None else _as_score(success_threshold)
        if label is None and self._cache is not None:
            try:
                label = self._cache.label(task_id)
            except TaskGenerationError:
                label = None  # told apart from a good one when it is first drawn
        self._pool.add_task(task_id, label, pending=self._cache is not None, success_threshold=threshold)

    def evict(self, task_id: int) -> None:
        """Take a task out of the pool; raises ``UnknownTaskError`` where it is not in it."""
        task_id = _as_task_id(task_id)
        if not self._pool.remove_task(task_id):
            self._pool.fail(Status.UNKNOWN_TASK, task_id)

    def recommend_eviction(self, ids: ArrayLike | None = None, min_presentations: int | None = None) -> int | None:
        """The task that would make room first, by exact scores, O(n).

        Args:
            ids: which tasks to choose from; by default all, and those not in the pool are passed over.
            min_presentations: completions from which a task may go; by default the configured number.

        Returns:
            The evictable task with the least score, of equals the first in ``ids`` (or in the pool), or None.
        """
        return self._rank(ids, min_presentations)[1]

    def evictable_tasks(self, ids: ArrayLike | None = None, min_presentations: int | None = None) -> list[int]:
        """All tasks that may be evicted by their scores; arguments as in :meth:`recommend_eviction`."""
        return self._rank(ids, min_presentations)[0]

    def get_task_score(self, task_id: int) -> float:
        """A task's score: its probability is this over the sum of all scores (``rand_task_rate`` aside). O(n)."""
        return self.score_tasks([task_id])[int(task_id)]

    def score_tasks(self, ids: ArrayLike) -> dict[int, float]:
        """The scores of several tasks at one moment; raises ``UnknownTaskError`` for one not in the pool. O(n)."""
        tasks = self._pool.distribution()
        scores = dict(zip(tasks.ids.tolist(), tasks.scores.tolist(), strict=True))
        wanted = [_as_task_id(task_id) for task_id in np.asarray(ids).ravel().tolist()]
        missing = [task_id for task_id in wanted if task_id not in scores]
        if missing:
            raise UnknownTaskError(f"task {missing[0]} is not in the pool: it was never added, or evicted meanwhile")
        return {task_id: scores[task_id] for task_id in wanted}

    def probabilities(self) -> tuple[Int64s, Float64s]:
        """The active tasks, in the order in which they entered the pool, and the exact probability of each draw."""
        tasks = self._pool.distribution()
        return tasks.ids, tasks.probabilities

    def get_task_stats(self, task_id: int) -> dict[str, Any] | None:
        """What is known of a task, by field name; None where it is not in the pool."""
        task_id = _as_task_id(task_id)
        stats = self._pool.read_task(task_id)
        if stats is None:
            return None
        del stats["entry"]
        stats["label"] = self._label_text(stats["label"], task_id)
        stats["seed"] = task_id
        stats["mean_score"] = stats["total_score"] / max(stats["completion_count"], 1)
        return stats

    def build(self, task_id: int) -> Any:
        """The environment configuration of any task id, a copy; raises ``TaskGenerationError``."""
        return self._need_cache().env_cfg(task_id)

    def slice_values(self, task_id: int) -> dict[str, Any]:
        """The values that the task generator draws for a task id, by bucket."""
        return self._need_cache().slice_values(task_id)

    # -- statistics ---------------------------------------------------------------------------------------------

    def stats(self) -> dict[str, float]:
        """All figures for a dashboard, flat; in performance mode only those that are counted as they happen."""
        statistics = PoolStatistics(self._pool)
        figures = statistics.counters()
        if not self.performance_mode:
            figures |= statistics.learning_progress()
            if self.config.algorithm_config.show_curriculum_troubleshooting_logging:
                figures |= self._ginis(statistics) | statistics.raw_lp_debug() | statistics.per_label_means()
        return figures

    def calculate_gini_coefficients(self) -> dict[str, float]:
        """How unequal progress, probabilities, episodes and evictions are; empty in performance mode."""
        return {} if self.performance_mode else self._ginis(PoolStatistics(self._pool))

    def _ginis(self, statistics: PoolStatistics) -> dict[str, float]:
        troubleshooting = self.config.algorithm_config.show_curriculum_troubleshooting_logging
        return statistics.gini_coefficients() | (statistics.task_details() if troubleshooting else {})

    def calculate_per_label_mean_lp_stats(self) -> dict[str, float]:
        """Mean raw learning progress and mean reward of each label."""
        return {} if self.performance_mode else PoolStatistics(self._pool).per_label_means()

    def calculate_raw_lp_debug_stats(self) -> dict[str, float]:
        """Raw learning progress over the pool, and task ages."""
        return {} if self.performance_mode else PoolStatistics(self._pool).raw_lp_debug()

    def find_violations(self) -> list[str]:
        """Check the pool against what its slots say; a sentence for each thing that is wrong. O(capacity)."""
        return find_violations(self._pool)

    def on_epoch_end(self) -> None:
        """Begin a new epoch: per-epoch counts (samples and evictions by label) start again at zero."""
        self._pool.end_epoch()

    # -- life ---------------------------------------------------------------------------------------------------

    @property
    def session_id(self) -> str | None:
        """What other processes attach by; None for a local pool."""
        return self._pool.session_id

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._pool.closed

    def close(self) -> None:
        """Leave the pool; others go on. May be called twice; any other use afterwards raises ``PoolClosedError``."""
        self._pool.close()

    def unlink(self) -> None:
        """Destroy the pool's shared memory: nobody can attach any more, and it goes with its last user."""
        self._pool.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        creator = self._pool.is_creator
        self.close()
        if creator:
            self.unlink()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._pool.session_id is None:
            raise LpcurrError(
                "a curriculum with use_shared_memory=False lives in this process alone and cannot be pickled into "
                "another: make it with use_shared_memory=True"
            )
        return _unpickle, (self._pool.session_id, self.config, self._generator)

    def __repr__(self) -> str:
        where = "closed" if self.closed else (f"session {self.session_id}" if self.session_id else "local")
        return f"<Curriculum {self.config.algorithm_config.type}, {self.config.num_active_tasks} tasks, {where}>"

    # -- inside -------------------------------------------------------------------------------------------------

    def _need_cache(self) -> TaskCache:
        if self._cache is None:
            raise ConfigError(
                "this curriculum has no task generator: give one, as Curriculum(config, task_generator=f)"
            )
        return self._cache

    def _look_closer(self, task_id: int, packed: int) -> CurriculumTask:
        """The rest of :meth:`get_task` for a task that was never built, or whose label is not known here yet."""
        for attempt in range(self.config.max_task_attempts):
            if task_id < 0:
                self._pool.fail(task_id)
            if self._is_playable(task_id, packed, {}):
                row = packed >> _LABEL_SHIFT & _LABEL_MASK
                if packed & layout.WAITS and row == layout.UNKNOWN_LABEL:
                    return CurriculumTask(task_id, self._need_cache().label(task_id), self)
                return CurriculumTask(task_id, self._label_text(row, task_id), self)
            if attempt + 1 < self.config.max_task_attempts:
                task_id, packed = self._pool.draw()
        raise self._given_up()

    def _is_playable(self, task_id: int, packed: int, known: dict[int, bool]) -> bool:
        """Build a task that waits for it and name its label; one that cannot be built is dropped from the pool."""
        self._notice_renamed_labels()
        if not packed & layout.WAITS:
            return True
        if task_id not in known:
            cache = self._need_cache()
            try:
                label = cache.get(task_id).label
            except TaskGenerationError as error:
                self._last_failure = error
                self._pool.remove_task(task_id, dropped=True)
                known[task_id] = False
            else:
                named = packed >> _LABEL_SHIFT & _LABEL_MASK != layout.UNKNOWN_LABEL
                self._pool.label_task(task_id, packed & ~layout.ATTENTION, None if named else label)
                known[task_id] = True
        return known[task_id]

    def _given_up(self) -> TaskGenerationError:
        error = TaskGenerationError(
            f"the task generator failed on {self.config.max_task_attempts} tasks in a row (max_task_attempts), "
            f"at last with: {self._last_failure}"
        )
        error.__cause__ = self._last_failure
        return error

    def _notice_renamed_labels(self) -> None:
        if self._pool.label_stamp != self._label_stamp:
            self._label_stamp = self._pool.catch_up()
            self._labels = [None] * layout.LABEL_CAPACITY

    def _label_text(self, row: int, task_id: int) -> str:
        """The name of a label's row, from the segment the first time."""
        self._notice_renamed_labels()
        label = self._labels[row]
        if label is None:
            label = None if row == layout.OVERFLOW_LABEL else self._pool.label_name(row, self._label_stamp)
            if label is None:  # the table overflowed, or the row was renamed this very moment: the generator knows
                return "unknown" if self._cache is None else self._cache.label(task_id)
            self._labels[row] = label
        return label

    def _count_evictions(self) -> dict[str, int]:
        """Evictions of this epoch by label."""
        return {self._label_text(row, -1): count for row, count in self._pool.epoch_evictions()}

    def _rank(self, ids: ArrayLike | None, min_presentations: int | None) -> tuple[list[int], int | None]:
        algorithm = self.config.algorithm_config
        if not isinstance(algorithm, LearningProgressConfig):
            return [], None
        tasks = self._pool.distribution()
        queried = tasks.ids if ids is None else cast("Int64s", _as_batch(ids, np.int64, "ids"))
        enough = self.config.min_presentations_for_eviction if min_presentations is None else min_presentations
        explored_from = (
            algorithm.min_samples_for_lp if algorithm.use_bidirectional else max(2, algorithm.min_samples_for_lp)
        )
        counted = explored_from if algorithm.eviction_among == "explored" else None
        return rank_for_eviction(tasks, queried, enough, counted, algorithm.eviction_threshold_percentile)


def attach(session_id: str, task_generator: Callable[[int], Any] | None = None) -> Curriculum:
    """Join the live pool of a session, from any process of the same user on this machine.

    Args:
        session_id: what ``curriculum.session_id`` is in the process that made it.
        task_generator: needed where the curriculum's generator is a plain callable, which cannot be stored with it.

    Raises:
        SessionNotFoundError: there is no such session.
        SessionIncompatibleError: what has that name is not a pool of this version of lpcurr.

    Example:
        >>> curriculum = CurriculumConfig(num_active_tasks=4).make()
        >>> other = attach(curriculum.session_id)
        >>> other.add_task(curriculum.get_task().task_id)
        Traceback (most recent call last):
            ...
        lpcurr.errors.DuplicateTaskError: ...
        >>> other.close(); curriculum.close(); curriculum.unlink()
    """
    pool = Pool.attach(session_id)
    config = CurriculumConfig(**json.loads(pool.config_text))
    return Curriculum(config, task_generator, _pool=pool)


def _unpickle(session_id: str, config: CurriculumConfig, generator: TaskGenerator | None) -> Curriculum:
    return Curriculum(config, generator, _pool=Pool.attach(session_id))


def _make_pool(config: CurriculumConfig, generator: TaskGenerator | None) -> Pool:
    assert config.seed is not None
    settings = config.header_settings() | {"new_label": layout.UNKNOWN_LABEL if generator is None else layout.PENDING}
    stored = config.model_dump(mode="json", exclude={"task_generator"})
    stored["task_generator"] = _storable(generator)
    return Pool.create(
        config.num_active_tasks,
        settings,
        seed=config.seed,
        config_text=json.dumps(stored).encode(),
        shared=config.use_shared_memory,
        session_id=config.session_id,
    )


def _storable(generator: TaskGenerator | None) -> dict[str, Any] | None:
    """The generator for processes that attach by name, None where it cannot be written down (a plain callable, say)."""
    if generator is None:
        return None
    try:
        stored = generator.model_dump(mode="json")
        CurriculumConfig.model_validate({"task_generator": stored})
    except ValueError:
        return None
    return stored


def _as_task_id(task_id: object) -> int:
    try:
        number = operator.index(task_id)  # type: ignore[arg-type]
    except TypeError:
        raise InvalidTaskIdError(f"task id {task_id!r} is a {type(task_id).__name__}, not an integer") from None
    if not 0 <= number <= layout.MAX_TASK_ID:
        raise InvalidTaskIdError(f"task id {number} is outside 0 … 2**53 − 1")
    return number


def _as_score(score: object) -> float:
    if not isinstance(score, (Real, np.bool_)):
        raise InvalidScoreError(f"score {score!r} is a {type(score).__name__}, not a number")
    try:
        return float(score)
    except OverflowError:
        return float("inf")


def _as_batch(values: ArrayLike, dtype: type[np.int64] | type[np.float64], name: str) -> np.ndarray[Any, Any]:
    array = np.asarray(values)
    if array.ndim != 1:
        raise InvalidBatchError(f"{name} has shape {array.shape}: it must have one dimension")
    if array.size == 0:
        return np.empty(0, dtype=dtype)
    if array.dtype.kind == "b" or not np.can_cast(array.dtype, dtype, "safe"):
        raise InvalidBatchError(f"{name} has dtype {array.dtype}: it must be {np.dtype(dtype).name}")
    return np.ascontiguousarray(array, dtype=dtype)
