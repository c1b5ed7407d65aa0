"""The questions that one can ask a curriculum: everything that only looks."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from lpcurr.curriculum.arguments import as_batch, as_count, as_task_id
from lpcurr.curriculum.builder import TaskBuilder
from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.errors import UnknownTaskError
from lpcurr.pool.distribution import Float64s, Int64s
from lpcurr.pool.pool import Pool
from lpcurr.schedulers.learning_progress import LearningProgressConfig
from lpcurr.statistics.counters import process_counters
from lpcurr.statistics.figures import PoolStatistics
from lpcurr.statistics.ranking import rank_for_eviction
from lpcurr.statistics.violations import find_violations


class CurriculumQueries:
    """Scores, probabilities and statistics of a pool. Each answer is of one moment, and O(n).

    Attributes:
        config: what the curriculum is made of.
        performance_mode: whether statistics leave out what takes a look at every task.
    """

    performance_mode: bool
    _pool: Pool
    _builder: TaskBuilder

    @property
    def config(self) -> CurriculumConfig:
        """What the curriculum is made of."""
        raise NotImplementedError

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
        task_id = as_task_id(task_id)
        return self.score_tasks([task_id])[task_id]

    def score_tasks(self, ids: ArrayLike) -> dict[int, float]:
        """The scores of several tasks at one moment; raises ``UnknownTaskError`` for one not in the pool. O(n)."""
        tasks = self._pool.distribution()
        scores = dict(zip(tasks.ids.tolist(), tasks.scores.tolist(), strict=True))
        wanted = as_batch(ids, np.int64, "ids").tolist()
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
        task_id = as_task_id(task_id)
        stats = self._pool.read_task(task_id)
        if stats is None:
            return None
        del stats["entry"]
        stats["label"] = self._builder.label_text(stats["label"], task_id)
        stats["seed"] = task_id
        stats["mean_score"] = stats["total_score"] / max(stats["completion_count"], 1)
        return stats

    # -- statistics ---------------------------------------------------------------------------------------------

    def stats(self) -> dict[str, float]:
        """All figures for a dashboard, flat; in performance mode only those that are counted as they happen."""
        if self.performance_mode:
            return PoolStatistics(self._pool.tables()).counters()
        statistics = self._statistics()
        figures = statistics.counters() | statistics.learning_progress()
        if self.config.algorithm_config.show_curriculum_troubleshooting_logging:
            figures |= self._ginis(statistics) | statistics.raw_lp_debug() | statistics.per_label_means()
        return figures

    def calculate_gini_coefficients(self) -> dict[str, float]:
        """How unequal progress, probabilities, episodes and evictions are; empty in performance mode."""
        return {} if self.performance_mode else self._ginis(self._statistics())

    def _ginis(self, statistics: PoolStatistics) -> dict[str, float]:
        troubleshooting = self.config.algorithm_config.show_curriculum_troubleshooting_logging
        return statistics.gini_coefficients() | (statistics.task_details() if troubleshooting else {})

    def calculate_per_label_mean_lp_stats(self) -> dict[str, float]:
        """Mean raw learning progress and mean reward of each label."""
        return {} if self.performance_mode else self._statistics().per_label_means()

    def calculate_raw_lp_debug_stats(self) -> dict[str, float]:
        """Raw learning progress over the pool, and task ages."""
        return {} if self.performance_mode else self._statistics().raw_lp_debug()

    def process_counters(self) -> list[dict[str, Any]]:
        """What each attached process has done since it joined: draws, tries, lock waits and so on, without the lock.

        The keys are those of :data:`lpcurr.statistics.counters.PROCESS_COUNTERS`. A process that was killed keeps its
        record, with ``alive`` False, until another needs the place.

        Example:
            >>> import lpcurr
            >>> with lpcurr.CurriculumConfig(num_active_tasks=4, seed=0).make() as curriculum:
            ...     ids = curriculum.sample_ids(10)
            ...     (mine,) = curriculum.process_counters()
            >>> mine["draws"], mine["created"], mine["alive"]
            (10, 4, True)
        """
        self._pool.check_open()
        return process_counters(self._pool.state)

    def find_violations(self) -> list[str]:
        """Check the pool against what its slots say; a sentence for each thing that is wrong. O(capacity)."""
        return find_violations(self._pool)

    def _statistics(self) -> PoolStatistics:
        return PoolStatistics(self._pool.snapshot())

    # -- inside -------------------------------------------------------------------------------------------------

    def _rank(self, ids: ArrayLike | None, min_presentations: int | None) -> tuple[list[int], int | None]:
        enough = self.config.min_presentations_for_eviction
        if min_presentations is not None:
            enough = as_count(min_presentations, "min_presentations")
        tasks = self._pool.distribution()
        queried = tasks.ids if ids is None else cast("Int64s", as_batch(ids, np.int64, "ids"))
        algorithm = self.config.algorithm_config
        if not isinstance(algorithm, LearningProgressConfig):
            return [], None
        explored_from = (
            algorithm.min_samples_for_lp if algorithm.use_bidirectional else max(2, algorithm.min_samples_for_lp)
        )
        counted = explored_from if algorithm.eviction_among == "explored" else None
        return rank_for_eviction(tasks, queried, enough, counted, algorithm.eviction_threshold_percentile)
