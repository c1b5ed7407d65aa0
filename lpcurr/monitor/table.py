"""One row a task: of a live pool, or of a checkpoint, with what follows from the columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lpcurr.pool.moment import Column, Moment
from lpcurr.statistics.laws import Scores, score_tasks

COLUMNS = {
    "id": "task id",
    "label": "label",
    "probability": "of being the next task drawn, where no new one is made",
    "lp": "raw learning progress: the distance of the fast average from the slow one",
    "score": "moving average of the scores (reward_ema)",
    "success": "moving average of the successes (success_rate_ema)",
    "completions": "episodes that were credited",
    "draws": "episodes that were handed out",
    "explored": "whether it has enough completions for its progress to count",
    "age": "seconds since it entered the pool",
    "last_score": "the latest score",
    "total_score": "sum of the scores",
    "p_fast": "fast moving average of the normalised score",
    "p_slow": "slow moving average of the normalised score",
    "p_true": "fast moving average of the score itself",
    "random_baseline": "the first score (at most 0.75), from which scores are normalised",
    "least_score": "the least score so far",
    "greatest_score": "the greatest score so far",
    "signal": "moving average of what the learner reports beside the score",
    "mean_cost": "moving average of an episode's cost, in environment steps or tokens",
    "last_drawn": "draws of the pool when it was handed out last, or entered",
    "ema_squared": "moving average of the squared scores",
    "success_threshold": "scores from here on are a success",
    "generator_type": "the number that is kept with the task",
    "entry": "serial number of its entry into the pool",
}
"""The columns of a table, in the order in which they are shown, and what they mean."""

_STORED = {
    "id": "task_id",
    "score": "reward_ema",
    "success": "success_rate_ema",
    "completions": "completion_count",
    "draws": "scheduled_count",
    **{name: name for name in tuple(COLUMNS)[10:]},
}


@dataclass(frozen=True)
class TaskTable:
    """Tasks with what is known of them."""

    columns: Mapping[str, Column]  # arrays[tasks] by their names in COLUMNS; label holds rows of labels
    labels: Mapping[int, str]  # names by row

    @classmethod
    def of_moment(cls, moment: Moment) -> tuple[TaskTable, Scores]:
        """Make the table of a pool's active tasks, and what it was made from."""
        scores = score_tasks(moment)
        columns = {name: moment.columns[stored] for name, stored in _STORED.items()} | {
            "label": moment.label_rows,
            "probability": scores.probabilities,
            "lp": scores.raw_progress,
            "explored": scores.explored,
            "age": moment.ages,
        }
        return cls({name: columns[name] for name in COLUMNS}, moment.label_names), scores

    def __len__(self) -> int:
        return int(self.columns["id"].size)

    def chosen(self, tasks: Column) -> TaskTable:
        """Some of the tasks, by mask or by position, in that order."""
        return TaskTable({name: column[tasks] for name, column in self.columns.items()}, self.labels)

    def with_label(self, label: str) -> TaskTable:
        """The tasks of one label."""
        rows = [row for row, name in self.labels.items() if name == label]
        return self.chosen(np.isin(self.columns["label"], rows))

    def sorted_by(self, name: str, *, ascending: bool) -> TaskTable:
        """By a column of ``COLUMNS``; tasks that are alike in it in the order in which they entered the pool."""
        values = self.columns[name]
        if name == "label":
            ranked = sorted(set(self.labels.values()))
            place = {row: ranked.index(label) for row, label in self.labels.items()}
            values = np.array([place.get(int(row), -1) for row in values], dtype=np.int64)
        values = values.astype(np.int64) if values.dtype == bool else values
        return self.chosen(np.lexsort((self.columns["entry"], values if ascending else -values)))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Each task as plain Python values by column name."""
        lists = {name: column.tolist() for name, column in self.columns.items()}
        lists["label"] = [self.labels.get(row, "unknown") for row in lists["label"]]
        for values in zip(*lists.values(), strict=True):
            yield dict(zip(lists, values, strict=True))
