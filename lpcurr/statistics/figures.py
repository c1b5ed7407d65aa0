"""Statistics of a pool, under the names that dashboards of the metta curriculum use.

Everything is computed from one consistent snapshot, so that the figures of one call fit together, and off the episode
path: the pool is locked for as long as the copy takes.
"""

from __future__ import annotations

import time
from functools import cached_property

import numpy as np

from lpcurr.memory import layout
from lpcurr.memory.segment import State
from lpcurr.pool.distribution import Distribution, distribution_of, gini
from lpcurr.schedulers.common import Way
from lpcurr.statistics.laws import raw_learning_progress

Values = np.ndarray[tuple[int], np.dtype[np.float64]]

_LP_FIGURES = (
    "algorithm/lp/mean_learning_progress",
    "algorithm/lp/mean_lp_score",
    "algorithm/lp/mean_task_success_rate",
    "algorithm/lp/mean_sample_prob",
    "algorithm/lp/num_zeros_lp_dist",
)


class PoolStatistics:
    """The figures of one moment.

    Args:
        snapshot: a copy of a pool, or for :meth:`counters` of its tables alone, which nobody changes.
        now: seconds since 1970, from which ages count; by default this moment.
    """

    def __init__(self, snapshot: State, now: float | None = None) -> None:
        self.snapshot = snapshot
        self._now = time.time() if now is None else now
        self._header = self.snapshot["header"][0]

    @cached_property
    def _slots(self) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        """Of the active tasks in entry order: the same figures whatever the order of the active index is."""
        slots = self.snapshot["active"][0][: self._header["active_count"]]
        ordered: np.ndarray[tuple[int], np.dtype[np.int32]] = slots[np.argsort(self.snapshot["entry"][0][slots])]
        return ordered

    @cached_property
    def distribution(self) -> Distribution:
        """The distribution at that moment."""
        return distribution_of(self.snapshot.view(np.uint8))

    def column(self, name: str) -> np.ndarray[tuple[int], np.dtype[np.generic]]:
        """One column of the active tasks, in the order in which they entered the pool."""
        values: np.ndarray[tuple[int], np.dtype[np.generic]] = self.snapshot[name][0][self._slots]
        return values

    # -- labels -------------------------------------------------------------------------------------------------

    @cached_property
    def label_names(self) -> dict[int, str]:
        """Name of each label in use, by row."""
        table = self.snapshot["label_table"][0][: self._header["label_count"]]
        return {
            int(row): table["name"][row][: table["name_size"][row]].tobytes().decode()
            for row in np.flatnonzero(table["used"])
        }

    @cached_property
    def _rows(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return self.column("label").astype(np.int64) & (layout.PENDING - 1)

    def label_counts(self, field: str) -> dict[str, int]:
        """A counter of the label table, by label, where it is not zero."""
        counts = self.snapshot["label_table"][0][field]
        return {name: int(counts[row]) for row, name in self.label_names.items() if counts[row] != 0}

    def _label_sums(self, values: Values) -> dict[str, float]:
        counts = np.bincount(self._rows, minlength=layout.LABEL_CAPACITY)
        sums = np.bincount(self._rows, weights=values, minlength=layout.LABEL_CAPACITY)
        return {name: float(sums[row]) for row, name in self.label_names.items() if counts[row]}

    def label_means(
        self, values: Values, of: np.ndarray[tuple[int], np.dtype[np.bool_]] | None = None
    ) -> dict[str, float]:
        """Mean of a value over the active tasks of each label, or over those of them that ``of`` marks."""
        rows, chosen = (self._rows, values) if of is None else (self._rows[of], values[of])
        counts = np.bincount(rows, minlength=layout.LABEL_CAPACITY)
        sums = np.bincount(rows, weights=chosen, minlength=layout.LABEL_CAPACITY)
        return {name: float(sums[row] / counts[row]) for row, name in self.label_names.items() if counts[row]}

    # -- learning progress --------------------------------------------------------------------------------------

    @cached_property
    def raw_learning_progress(self) -> Values:
        """|R(p_fast) − R(p_slow)| of every active task, whatever the algorithm."""
        fast, slow = self.column("p_fast").astype(np.float64), self.column("p_slow").astype(np.float64)
        theta = float(self._header["early_progress_amplification"])
        return raw_learning_progress(fast, slow, theta)

    # -- the groups of figures ----------------------------------------------------------------------------------

    def counters(self) -> dict[str, float]:
        """What is counted as it happens: O(labels)."""
        header = self._header
        figures = {
            "num_created": float(header["created"]),
            "num_evicted": float(header["evicted"]),
            "num_completed": float(header["completed"]),
            "num_scheduled": float(header["scheduled"]),
            "num_active_tasks": float(header["active_count"]),
            "num_refused": float(header["refused"]),
            "num_dropped": float(header["dropped"]),
            "num_repairs": float(header["repairs"]),
            "algorithm/num_tasks": float(header["capacity"]),
            "algorithm/tracker/total_completions": float(header["completed"]),
            "algorithm/tracker/mean_score": float(header["score_sum"] / max(header["completed"], 1)),
        }
        for prefix, field in (
            ("per_label_completions", "completed"),
            ("algorithm/pool_composition", "active"),
            ("algorithm/sampling_counts", "epoch_sampled"),
            ("algorithm/eviction_counts", "evicted"),
        ):
            figures |= {f"{prefix}/{label}": float(count) for label, count in self.label_counts(field).items()}
        return figures

    def learning_progress(self) -> dict[str, float]:
        """Means over the active tasks; empty for discrete random, zero where no LP distribution is drawn from."""
        if self._header["draws_by"] == Way.UNIFORM:
            return {}
        if self._header["draws_by"] != Way.Z_SCORE or self._slots.size == 0:
            return dict.fromkeys(_LP_FIGURES, 0.0)
        figures = (
            self.raw_learning_progress.mean(),
            self.distribution.lp_scores.mean(),
            self.column("success_rate_ema").astype(np.float64).mean(),
            self.distribution.probabilities.mean(),
            (self.distribution.lp_scores == 0.0).sum(),
        )
        return {name: float(figure) for name, figure in zip(_LP_FIGURES, figures, strict=True)}

    def gini_coefficients(self) -> dict[str, float]:
        """How unequal things are at each stage, from raw progress by way of probabilities to episodes."""
        if self._slots.size == 0:
            return {}
        probabilities = self.distribution.probabilities
        ginis = {
            "pool_occupancy": gini(self.column("completion_count").astype(np.float64)),
            "task_age": gini(self.task_ages),
            "raw_lp_scores": gini(self.raw_learning_progress),
            "raw_lp_by_label": gini(self._label_sums(self.raw_learning_progress).values()),
            "zscored_lp_scores": gini(self.distribution.lp_scores),
            "sampling_probs": gini(probabilities),
            "sampling_probs_by_label": gini(self._label_sums(probabilities).values()),
            "sampling_by_label": gini(self.label_counts("epoch_sampled").values()),
            "evictions_by_label": gini(self.label_counts("evicted").values()),
            "pool_composition_by_label": gini(self.label_counts("active").values()),
        }
        ginis["selectivity_loss_lp_to_prob"] = ginis["raw_lp_scores"] - ginis["sampling_probs"]
        by_label = ginis["raw_lp_by_label"]
        ginis["selectivity_loss_lp_label_to_prob_label"] = by_label - ginis["sampling_probs_by_label"]
        ginis["selectivity_loss_lp_label_to_sampling_label"] = by_label - ginis["sampling_by_label"]
        return {f"curriculum_gini/{name}": value for name, value in ginis.items()}

    def per_label_means(self) -> dict[str, float]:
        """Mean raw learning progress, and mean reward over the tasks with a completion, of each label."""
        played = self.column("completion_count").astype(np.int64) > 0
        rewards = self.column("reward_ema").astype(np.float64)
        figures = {
            f"per_label_stats/mean_lp_score/{label}": mean
            for label, mean in self.label_means(self.raw_learning_progress).items()
        }
        return figures | {
            f"per_label_stats/mean_reward_ema/{label}": mean
            for label, mean in self.label_means(rewards, played).items()
        }

    def raw_lp_debug(self) -> dict[str, float]:
        """Raw learning progress over the active tasks (sample standard deviation), and their ages in seconds."""
        raw = self.raw_learning_progress
        if raw.size == 0:
            return {}
        return {
            "debug/raw_lp_mean": float(raw.mean()),
            "debug/raw_lp_std": float(raw.std(ddof=1)) if raw.size > 1 else 0.0,
            "debug/raw_lp_min": float(raw.min()),
            "debug/raw_lp_max": float(raw.max()),
            "debug/raw_lp_nonzero_count": float((raw > 0.0).sum()),
            "debug/raw_lp_total_count": float(raw.size),
            "debug/task_age_mean_seconds": float(self.task_ages.mean()),
            "debug/task_age_max_seconds": float(self.task_ages.max()),
        }

    def task_details(self) -> dict[str, float]:
        """Three figures for each active task; ``sampling_prob`` is the score, not yet divided by the sum of scores."""
        figures = {}
        for i, task_id in enumerate(self.distribution.ids):
            figures[f"task_metrics/{task_id}/completion_count"] = float(self.distribution.completions[i])
            figures[f"task_metrics/{task_id}/raw_lp"] = float(self.raw_learning_progress[i])
            figures[f"task_metrics/{task_id}/sampling_prob"] = float(self.distribution.scores[i])
        return figures

    @cached_property
    def task_ages(self) -> Values:
        """Seconds since each active task entered the pool."""
        return np.maximum(self._now - self.column("creation_time").astype(np.float64), 0.0)
