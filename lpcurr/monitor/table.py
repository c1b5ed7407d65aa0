"""One row a task: of a live pool, or of a checkpoint, with what follows from the columns."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lpcurr.memory import layout
from lpcurr.monitor.reading import SessionReader
from lpcurr.statistics.laws import Rules, score

if TYPE_CHECKING:
    from lpcurr.checkpoint import Checkpoint

Column = np.ndarray[Any, np.dtype[Any]]

SCORED_BY = ("completion_count", "p_fast", "p_slow", "p_true", "reward_ema", "ema_squared")

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
    """Tasks with what is known of them.

    Attributes:
        columns: arrays of [tasks], by their names in ``COLUMNS``; ``label`` holds rows of ``labels``.
        labels: label names by row.
    """

    columns: Mapping[str, Column]
    labels: Mapping[int, str]

    @classmethod
    def of_session(cls, reader: SessionReader) -> tuple[TaskTable, bool]:
        """The tasks of a live pool; False if the pool changed while it was read, so that rows may disagree a little."""
        truth, at_rest = reader.tasks_at_rest(name for name, _ in layout.TRUTH_COLUMNS)
        return cls._made(truth, label_names(reader.labels()), reader.header(), time.time()), at_rest

    @classmethod
    def of_checkpoint(cls, checkpoint: Checkpoint, rules: Rules, saved_at: float) -> TaskTable:
        """The tasks of a checkpoint, with ages as of when it was saved."""
        labels = {label.row: label.name for label in checkpoint.description.labels}
        return cls._made(checkpoint.columns, labels, rules, saved_at)

    @classmethod
    def _made(cls, truth: Mapping[str, Column], labels: Mapping[int, str], rules: Rules, now: float) -> TaskTable:
        scores = score(truth, rules)
        columns: dict[str, Column] = {name: truth[stored] for name, stored in _STORED.items()}
        columns |= {
            "label": truth["label"] & (layout.PENDING - 1),
            "probability": scores.probabilities,
            "lp": scores.raw_progress,
            "explored": scores.explored,
            "age": np.maximum(now - truth["creation_time"], 0.0),
        }
        return cls({name: columns[name] for name in COLUMNS}, labels)

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


def label_names(table: np.ndarray[Any, np.dtype[np.void]]) -> dict[int, str]:
    """Names of the labels in use, by row, of a copy of a label table; one that was cut by its renaming is mended."""
    return {
        int(row): table["name"][row][: table["name_size"][row]].tobytes().decode(errors="replace")
        for row in np.flatnonzero(table["used"])
    }
