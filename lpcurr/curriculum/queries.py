"""The questions that one can ask a curriculum: everything that only looks."""

from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from lpcurr.curriculum.arguments import as_batch, as_count, as_flag, as_task_id
from lpcurr.curriculum.member import PoolMember
from lpcurr.errors import UnknownTaskError
from lpcurr.memory import layout
from lpcurr.memory.label_names import not_a_text
from lpcurr.pool.moment import Column, Float64s, Int64s, Moment
from lpcurr.statistics.counters import process_counters
from lpcurr.statistics.figures import FIGURE_COLUMNS, PoolStatistics
from lpcurr.statistics.laws import columns_of_law, rank_for_eviction, score_tasks
from lpcurr.statistics.violations import find_violations

_EVICTION_STAMP = layout.header_word("eviction_stamp")
_SAMPLES = "env_curriculum_stats/per_label_samples"
_EVICTIONS = "env_curriculum_stats/per_label_evictions"


class CurriculumQueries(PoolMember):
    """Scores, probabilities and statistics of a pool. Each answer is of one moment, and O(n)."""

    _seen_evictions = -1
    _epoch_began = (0, 0, 0.0)  # epochs that had ended then, and completions and the sum of all scores

    def get_episode_stats(self, label: str) -> dict[str, dict[str, int]]:
        """What a trainer logs for one episode: this sample, and the pool's evictions so far in this epoch, by label."""
        words = self._pool.header_words
        if words[_EVICTION_STAMP] != self._seen_evictions:
            self._seen_evictions = words[_EVICTION_STAMP]
            self._evictions.refresh()
        try:
            return {_SAMPLES: {label: 1}, _EVICTIONS: self._evictions.by_label.copy()}
        except TypeError:
            raise not_a_text(label) from None

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
        """A task's score: its probability is this over the sum of all, in the share of draws that go by score. O(n)."""
        task_id = as_task_id(task_id)
        return self.score_tasks([task_id])[task_id]

    def score_tasks(self, ids: ArrayLike) -> dict[int, float]:
        """The scores of several tasks at one moment; raises ``UnknownTaskError`` for one not in the pool. O(n)."""
        moment = self._scored_moment()
        scores = dict(zip(moment.columns["task_id"].tolist(), score_tasks(moment).scores.tolist(), strict=True))
        wanted = as_batch(ids, np.int64, "ids").tolist()
        missing = [task_id for task_id in wanted if task_id not in scores]
        if missing:
            raise UnknownTaskError(f"task {missing[0]} is not in the pool: it was never added, or evicted meanwhile")
        return {task_id: scores[task_id] for task_id in wanted}

    def probabilities(self) -> tuple[Int64s, Float64s]:
        """The active tasks, in the order in which they entered the pool, and the exact probability of each draw."""
        moment = self._scored_moment()
        return moment.columns["task_id"], score_tasks(moment).probabilities

    def moment(self, *, tables_only: bool = False) -> Moment:
        """Copy the pool at one moment: all that is known of its tasks, labels and processes. O(n).

        Args:
            tables_only: leave out the tasks, for the cost of a copy that does not grow with them.
        """
        return self._pool.moment(()) if as_flag(tables_only, "tables_only") else self._pool.moment()

    def columns(self) -> dict[str, Column]:
        """All that is known of the active tasks at one moment, by name: arrays of [tasks] in entry order. O(n).

        The names are those of :meth:`get_task_stats`, where ``label`` is an array of strings, and ``probability``.

        >>> import lpcurr
        >>> uniform = lpcurr.DiscreteRandomConfig()
        >>> config = lpcurr.CurriculumConfig(num_active_tasks=4, defer_init=True, algorithm_config=uniform)
        >>> with config.make() as curriculum:
        ...     for task_id in (1, 2, 3, 4):
        ...         curriculum.add_task(task_id)
        ...     accepted = curriculum.update_many([3, 4], [0.0, 1.0])
        ...     columns = curriculum.columns()
        >>> columns["task_id"][columns["mean_score"] > 0.5], columns["probability"]
        (array([4]), array([0.25, 0.25, 0.25, 0.25]))
        """
        moment = self._pool.moment()
        columns = moment.columns | {"label": moment.task_labels, "seed": moment.columns["task_id"]}
        columns["mean_score"] = columns["total_score"] / np.maximum(columns["completion_count"], 1)
        columns["probability"] = score_tasks(moment).probabilities
        return columns

    def get_task_stats(self, task_id: int) -> dict[str, Any] | None:
        """What is known of a task, by field name; None where it is not in the pool."""
        return self._builder.stats_of(as_task_id(task_id))

    # -- statistics ---------------------------------------------------------------------------------------------

    def stats(self) -> dict[str, float]:
        """All figures for a dashboard, flat; in performance mode only those that are counted as they happen."""
        if self.performance_mode:
            statistics = PoolStatistics(self.moment(tables_only=True))
            figures = statistics.counters()
        else:
            statistics = self.statistics()
            figures = statistics.figures()
        epoch, completed, score_sum = self._epoch_began
        header = statistics.moment.header
        if header["epoch"] == epoch and header["completed"] > completed:  # else another process began this epoch
            figures["epoch_mean_score"] = float((header["score_sum"] - score_sum) / (header["completed"] - completed))
        return figures | self._stages.figures()

    def calculate_gini_coefficients(self) -> dict[str, float]:
        """How unequal progress, probabilities, episodes and evictions are; empty in performance mode."""
        return {} if self.performance_mode else self.statistics().gini_coefficients()

    def calculate_per_label_mean_lp_stats(self) -> dict[str, float]:
        """Mean raw learning progress and mean reward of each label."""
        return {} if self.performance_mode else self.statistics().per_label_means()

    def calculate_raw_lp_debug_stats(self) -> dict[str, float]:
        """Raw learning progress over the pool, and task ages."""
        return {} if self.performance_mode else self.statistics().raw_lp_debug()

    def statistics(self) -> PoolStatistics:
        """All groups of figures, of one moment: for those who want several that fit together."""
        troubleshooting = self.config.algorithm_config.show_curriculum_troubleshooting_logging
        return PoolStatistics(self._scored_moment(*FIGURE_COLUMNS), troubleshooting=troubleshooting)

    def process_counters(self) -> list[dict[str, Any]]:
        """What each attached process has done since it joined: draws, tries, lock waits and so on, without the lock.

        The keys are those of :data:`lpcurr.statistics.counters.PROCESS_COUNTERS`. A process that was killed keeps its
        record, with ``alive`` False, until another needs the place.

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

    # -- inside -------------------------------------------------------------------------------------------------

    def _scored_moment(self, *names: str) -> Moment:
        """Copy only these columns and what scores are made from: half of the time under the lock."""
        while True:
            stamp = self._pool.rules_stamp
            moment = self._pool.moment(sorted({*names, *columns_of_law(self._pool.state["header"][0])}))
            if moment.header["rules_stamp"] == stamp:  # else other rules came into force, with formulas of their own
                return moment

    def _rank(self, ids: ArrayLike | None, min_presentations: int | None) -> tuple[list[int], int | None]:
        moment = self._scored_moment()
        header = moment.header
        queried = moment.columns["task_id"] if ids is None else cast("Int64s", as_batch(ids, np.int64, "ids"))
        enough = int(header["mature_from"])
        if min_presentations is not None:
            enough = as_count(min_presentations, "min_presentations")
        if not self.config.algorithm_config.rules(enough, fixed_set=False)["may_evict"]:
            return [], None
        counted = int(header["explored_from"]) if header["evict_explored_only"] else None
        retention, percentile = score_tasks(moment).retention, float(header["eviction_percentile"])
        return rank_for_eviction(moment, retention, queried, enough, counted, percentile)
