"""Statistics of a pool, under the names that dashboards of the metta curriculum use.

Everything is computed from one :class:`lpcurr.pool.moment.Moment`, so that the figures of one call fit together, and
off the episode path: the pool is locked for as long as the copy takes.
"""

from collections.abc import Iterable
from functools import cached_property

import numpy as np

from lpcurr.memory import layout
from lpcurr.pool.moment import Bools, Float64s, Moment
from lpcurr.schedulers.common import Way
from lpcurr.schedulers.learning_progress import raw_learning_progress
from lpcurr.statistics.laws import Scores, score_tasks, shares, starving

_LP_FIGURES = (
    "algorithm/lp/mean_learning_progress",
    "algorithm/lp/mean_lp_score",
    "algorithm/lp/mean_task_success_rate",
    "algorithm/lp/mean_sample_prob",
    "algorithm/lp/num_zeros_lp_dist",
)


FIGURE_COLUMNS = ("label", "creation_time", "reward_ema", "success_rate_ema")
"""The columns that figures take beside those of the law."""


class PoolStatistics:
    """The figures of one moment.

    Args:
        moment: a copy of a pool; for :meth:`counters` its tables are enough.
        troubleshooting: :meth:`figures` has all groups, and :meth:`gini_coefficients` figures of single tasks.
    """

    def __init__(self, moment: Moment, *, troubleshooting: bool = False) -> None:
        self.moment = moment
        self._troubleshooting = troubleshooting
        self._header = moment.header

    @cached_property
    def scores(self) -> Scores:
        """Scores and probabilities of the active tasks, in entry order."""
        return score_tasks(self.moment)

    @cached_property
    def raw_learning_progress(self) -> Float64s:
        """|R(p_fast) − R(p_slow)| of every active task, whatever the algorithm."""
        columns, theta = self.moment.columns, float(self._header["early_progress_amplification"])
        progress: Float64s = raw_learning_progress(columns["p_fast"], columns["p_slow"], theta)
        return progress

    # -- labels -------------------------------------------------------------------------------------------------

    def label_counts(self, field: str) -> dict[str, int]:
        """A counter of the label table, by label, where it is not zero."""
        counts = self.moment.labels[field]
        return {name: int(counts[row]) for row, name in self.moment.label_names.items() if counts[row] != 0}

    def label_sums(self, values: Float64s, of: Bools | None = None) -> dict[str, float]:
        """Sum of a value over the active tasks of each label that has some, or over those that ``of`` marks."""
        rows = self.moment.label_rows if of is None else self.moment.label_rows[of]
        counts = np.bincount(rows, minlength=layout.LABEL_CAPACITY)
        sums = np.bincount(rows, values if of is None else values[of], layout.LABEL_CAPACITY)
        return {name: float(sums[row]) for row, name in self.moment.label_names.items() if counts[row]}

    def label_means(self, values: Float64s, of: Bools | None = None) -> dict[str, float]:
        """Mean of a value by label; arguments as in :meth:`label_sums`."""
        counts = self.label_sums(np.ones(self.moment.size), of)
        return {label: value / counts[label] for label, value in self.label_sums(values, of).items()}

    def mean_scores_by_label(self) -> dict[str, float]:
        """Mean of the average score over each label's tasks that were completed."""
        return self.label_means(self.moment.columns["reward_ema"], self.moment.columns["completion_count"] > 0)

    # -- the groups of figures ----------------------------------------------------------------------------------

    def figures(self) -> dict[str, float]:
        """Everything that a dashboard shows."""
        figures = self.counters() | self.scores_by_label() | self.draws() | self.learning_progress()
        if self._troubleshooting:
            figures |= self.gini_coefficients() | self.raw_lp_debug() | self.per_label_means()
        return figures

    def counters(self) -> dict[str, float]:
        """What is counted as it happens: O(labels)."""
        header = self._header
        counted = ("created", "evicted", "completed", "scheduled", "refused", "dropped", "repairs")
        figures = {f"num_{name}": float(header[name]) for name in counted} | {
            "num_active_tasks": float(header["active_count"]),
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

    def scores_by_label(self) -> dict[str, float]:
        """Success rate of all, and mean score of each label's, tasks with a completion: of some last fifty episodes."""
        figures = {f"per_label_scores/{label}": mean for label, mean in self.mean_scores_by_label().items()}
        rates = self.moment.columns["success_rate_ema"][self.moment.columns["completion_count"] > 0]
        return figures | ({"mean_success_rate": float(rates.mean())} if rates.size else {})

    def draws(self) -> dict[str, float]:
        """Which share of the draws goes which way, and how many tasks starve."""
        figures = {f"algorithm/draws/share/{way}": share for way, share in shares(self._header).items()}
        return figures | {"algorithm/draws/starving_tasks": float(starving(self.moment).sum())}

    def learning_progress(self) -> dict[str, float]:
        """Means over the active tasks; empty for discrete random, zero where no LP distribution is drawn from."""
        if self._header["draws_by"] == Way.UNIFORM:
            return {}
        if self._header["draws_by"] != Way.Z_SCORE or self.moment.size == 0:
            return dict.fromkeys(_LP_FIGURES, 0.0)
        figures = (
            self.raw_learning_progress.mean(),
            self.scores.lp_scores.mean(),
            self.moment.columns["success_rate_ema"].mean(),
            self.scores.probabilities.mean(),
            (self.scores.lp_scores == 0.0).sum(),
        )
        return {name: float(figure) for name, figure in zip(_LP_FIGURES, figures, strict=True)}

    def gini_coefficients(self) -> dict[str, float]:
        """How unequal things are at each stage, from raw progress by way of probabilities to episodes."""
        if self.moment.size == 0:
            return {}
        details = self.task_details() if self._troubleshooting else {}
        raw, probabilities = self.raw_learning_progress, self.scores.probabilities
        ginis = {
            "pool_occupancy": gini(self.moment.columns["completion_count"]),
            "task_age": gini(self.moment.ages),
            "raw_lp_scores": gini(raw),
            "raw_lp_by_label": gini(self.label_sums(raw).values()),
            "zscored_lp_scores": gini(self.scores.lp_scores),
            "sampling_probs": gini(probabilities),
            "sampling_probs_by_label": gini(self.label_sums(probabilities).values()),
            "sampling_by_label": gini(self.label_counts("epoch_sampled").values()),
            "evictions_by_label": gini(self.label_counts("evicted").values()),
            "pool_composition_by_label": gini(self.label_counts("active").values()),
        }
        ginis["selectivity_loss_lp_to_prob"] = ginis["raw_lp_scores"] - ginis["sampling_probs"]
        by_label = ginis["raw_lp_by_label"]
        ginis["selectivity_loss_lp_label_to_prob_label"] = by_label - ginis["sampling_probs_by_label"]
        ginis["selectivity_loss_lp_label_to_sampling_label"] = by_label - ginis["sampling_by_label"]
        return {f"curriculum_gini/{name}": value for name, value in ginis.items()} | details

    def per_label_means(self) -> dict[str, float]:
        """Mean raw learning progress, mean reward over the tasks with a completion, and probability of each label."""
        progress, rewards = self.label_means(self.raw_learning_progress), self.mean_scores_by_label()
        return {
            f"per_label_stats/{name}/{label}": mean
            for name, figures in (
                ("mean_lp_score", progress),
                ("mean_reward_ema", rewards),
                ("probability", self.label_sums(self.scores.probabilities)),
            )
            for label, mean in figures.items()
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
            "debug/task_age_mean_seconds": float(self.moment.ages.mean()),
            "debug/task_age_max_seconds": float(self.moment.ages.max()),
        }

    def task_details(self) -> dict[str, float]:
        """Three figures for each active task; ``sampling_prob`` is the score, not yet divided by the sum of scores."""
        columns = self.moment.columns
        figures = {
            "completion_count": columns["completion_count"],
            "raw_lp": self.raw_learning_progress,
            "sampling_prob": self.scores.scores,
        }
        return {
            f"task_metrics/{task_id}/{name}": float(value)
            for name, values in figures.items()
            for task_id, value in zip(columns["task_id"].tolist(), values.tolist(), strict=True)
        }


def gini(values: Iterable[float]) -> float:
    """Return the Gini coefficient: 0 where all are equal, towards 1 where one has everything. O(n log n).

    With the n values x sorted ascending and i from 1: (2 Σ i·x_i) / (n Σ x_i) − (n+1)/n; 0 for none, or all zero.

    >>> gini([1.0, 1.0]), gini([0.0, 1.0]), gini([])
    (0.0, 0.5, 0.0)
    """
    ranked = np.sort(np.asarray(values if isinstance(values, np.ndarray) else list(values), dtype=np.float64))
    n, total = ranked.size, float(ranked.sum())
    if total == 0.0:
        return 0.0
    return 2.0 * float((np.arange(1, n + 1) * ranked).sum()) / (n * total) - (n + 1) / n
