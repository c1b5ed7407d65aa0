"""Frames: all the figures of one moment of a session, and how fast they move."""

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lpcurr.memory import layout
from lpcurr.monitor.reading import SessionReader
from lpcurr.monitor.table import TaskTable
from lpcurr.pool.moment import Moment
from lpcurr.statistics.counters import counters_of
from lpcurr.statistics.laws import shares, starving

HISTORY = 600
HISTOGRAM_BINS = 40

_PUNCTUAL = 0.1  # seconds that a go through all tasks may be early, so as not to miss a look by a hair
_TASKS_SHARE = 0.003  # of one processor, that may go into looking at all tasks


@dataclass(frozen=True)
class Counts:
    """What costs nothing to read, however many tasks there are; rates are since the last look, None at the first.

    Each process has its counters, as ``lpcurr.statistics.counters`` names them, and ``draws_per_second``; ``key`` tells
    processes apart that had the same id one after the other.
    """

    clock: float  # seconds, by a clock that only goes forward
    header: np.void  # counters and configuration
    processes: list[dict[str, Any]]
    steps: int  # environment steps that the trainer told of; 0 where it tells of none
    episodes_per_second: float | None = None  # scores credited
    draws_per_second: float | None = None  # tasks handed out
    steps_per_second: float | None = None


class Tasks:
    """What takes a look at every task, as of a moment.

    ``labels`` has a row for each label that has tasks, ``starving`` counts the tasks that get less than a fifth of the
    mean (:func:`lpcurr.statistics.laws.starving`).
    """

    def __init__(self, moment: Moment) -> None:
        self.table, self.scores = TaskTable.of_moment(moment)
        self.labels = _label_figures(self.table, moment)
        self.starving = int(starving(moment).sum())
        self._histograms: dict[int, tuple[np.ndarray[Any, Any], float]] = {}
        self._rankings: dict[Any, tuple[list[int], int]] = {}  # kept between two goes through all tasks

    def __len__(self) -> int:
        return len(self.table)

    def exploration_share(self) -> float:
        """The share of the draws that goes to tasks without enough completions for their progress to count."""
        return float(self.scores.probabilities[~self.scores.explored].sum())

    def histogram(self, bins: int) -> tuple[np.ndarray[Any, Any], float]:
        """How many explored tasks have how much progress: counts from 0 up to the greatest, and that."""
        if bins not in self._histograms:
            progress = self.scores.raw_progress[self.scores.explored]
            progress = progress[np.isfinite(progress)]
            top = float(progress.max()) if progress.size else 0.0
            counts, _ = np.histogram(progress, bins=bins, range=(0.0, top if top > 0.0 else 1.0))
            self._histograms[bins] = counts, top
        return self._histograms[bins]

    def ranked(self, key: str, *, ascending: bool, label: str | None, start: int, count: int) -> tuple[list[int], int]:
        """Positions of tasks number ``start`` … ``start + count - 1`` by a column, and how many there are."""
        question = (key, ascending, label, start, count)
        if question not in self._rankings:
            self._rankings[question] = self._rank(*question)
        return self._rankings[question]

    def _rank(self, key: str, ascending: bool, label: str | None, start: int, count: int) -> tuple[list[int], int]:
        of = np.arange(len(self))
        if label:
            rows = [each["row"] for each in self.labels if label.lower() in each["label"].lower()]
            of = of[np.isin(self.table.columns["label"], rows)]
        values = self.table.columns[key][of].astype(np.float64)
        values = values if ascending else -values
        total, end = of.size, min(start + count, of.size)
        if end < total:  # the first few of many: no need to sort them all
            nearest = np.argpartition(values, end)[:end]
            of, values = of[nearest], values[nearest]
        return of[np.lexsort((of, values))][start:end].tolist(), total

    def row(self, position: int) -> dict[str, Any]:
        """One task as plain Python values."""
        return next(self.table.chosen(np.array([position])).rows())


@dataclass
class Watch:
    """A session under observation: each :meth:`look` gives the figures of that moment.

    A pool so large that to go through all tasks would take more than a hundredth of a processor is gone through less
    often than it is looked at.
    """

    reader: SessionReader
    history: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))  # episodes a second, the latest last
    steps_history: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))  # environment steps likewise
    counts: Counts = field(init=False)
    tasks: Tasks = field(init=False)  # of the latest look that went through all tasks
    nodes: dict[str, Any] = field(init=False)  # see SessionReader.nodes
    ending: str = ""  # how the session ended; empty while it goes on
    _tasks_due: float = 0.0

    def __post_init__(self) -> None:
        self.counts, self.nodes = self._count(None), self.reader.nodes()
        self._go_through_tasks()

    def look(self) -> None:
        """Take a new look, unless the session has ended."""
        if not self.ending:
            self.counts, self.nodes = self._count(self.counts), self.reader.nodes()
            self.history.append(self.counts.episodes_per_second or 0.0)
            self.steps_history.append(self.counts.steps_per_second or 0.0)
            if time.monotonic() >= self._tasks_due - _PUNCTUAL:
                self._go_through_tasks()
            self.ending = self.reader.ending()

    def _count(self, before: Counts | None) -> Counts:
        now, header = time.monotonic(), self.reader.header()
        processes = [
            {"key": (int(record["pid"]), int(record["start_time"])), **counters_of(record)}
            for record in self.reader.processes()
        ]
        drawn = {} if before is None else {each["key"]: each["draws"] for each in before.processes}
        seconds = 0.0 if before is None else max(now - before.clock, 1e-9)
        for each in processes:
            known = each["key"] in drawn
            each["draws_per_second"] = max(each["draws"] - drawn[each["key"]], 0) / seconds if known else None
        steps = sum(each["steps"] for each in processes)
        if before is None:
            return Counts(now, header, processes, steps)

        def rate(new: int, old: int) -> float:
            return max(int(new) - int(old), 0) / seconds  # it may be less than before after a checkpoint was loaded

        return Counts(
            now,
            header,
            processes,
            steps,
            rate(header["completed"], before.header["completed"]),
            rate(header["scheduled"], before.header["scheduled"]),
            rate(steps, before.steps),
        )

    def _go_through_tasks(self) -> None:
        began, began_at = time.thread_time(), time.monotonic()
        self.tasks = Tasks(self.reader.moment())
        cost = 2.0 * (time.thread_time() - began)  # ranking them for the picture takes about as long again
        self._tasks_due = began_at + cost / _TASKS_SHARE

    def figures(self, tasks: int = 10) -> dict[str, Any]:
        """Return everything as plain Python values, for scripts, with so many of the hottest and coldest tasks."""
        header, processes, counts = self.counts.header, self.counts.processes, self.counts
        histogram, greatest = self.tasks.histogram(HISTOGRAM_BINS)
        unexplored = int((~self.tasks.scores.explored).sum())
        progress = self.tasks.scores.raw_progress
        hottest, _ = self.tasks.ranked("probability", ascending=False, label=None, start=0, count=tasks)
        coldest, _ = self.tasks.ranked("probability", ascending=True, label=None, start=0, count=tasks)
        return {
            "session": self.reader.session_id,
            "time": time.time(),
            "age_seconds": time.time() - float(header["created_at"]),
            "ended": self.ending or None,
            "algorithm": layout.scheduler_name(header),
            "capacity": int(header["capacity"]),
            "tasks": len(self.tasks),
            "unexplored": unexplored,
            "exploration_share": self.tasks.exploration_share(),
            "draw_shares": shares(header),
            "starving": self.tasks.starving,
            "episodes_per_second": counts.episodes_per_second,
            "draws_per_second": counts.draws_per_second,
            "steps": counts.steps or None,
            "steps_per_second": counts.steps_per_second if counts.steps else None,
            **{name: int(header[name]) for name in COUNTERS},
            "mean_score": float(header["score_sum"]) / max(int(header["completed"]), 1),
            "tries_per_draw": tries_per_draw(processes),
            "lock_waits": sum(each["lock_waits"] for each in processes),
            "lock_wait_seconds": sum(each["lock_wait_seconds"] for each in processes),
            "lp": {
                "mean": float(progress.mean()) if progress.size else 0.0,
                "max": greatest,
                "histogram": histogram.tolist(),
            },
            "hottest": [self.tasks.row(position) for position in hottest],
            "coldest": [self.tasks.row(position) for position in coldest],
            "labels": [{name: value for name, value in each.items() if name != "row"} for each in self.tasks.labels],
            "processes": [{name: value for name, value in each.items() if name != "key"} for each in processes],
            "exchange": self.nodes or None,
        }


COUNTERS = ("completed", "scheduled", "created", "evicted", "refused", "dropped", "repairs", "epoch")
"""Counters of the header that :meth:`Watch.figures` has under their own names."""


def tries_per_draw(processes: list[dict[str, Any]]) -> float | None:
    """Tasks looked at for one drawn, over all attached processes; None where nothing was drawn by rejection."""
    tries, draws = sum(each["tries"] for each in processes), sum(each["draws"] for each in processes)
    return tries / draws if tries and draws else None


def _label_figures(table: TaskTable, moment: Moment) -> list[dict[str, Any]]:
    """A row for each label with tasks, by its share of the draws."""
    columns = table.columns

    def sums(values: np.ndarray[Any, Any] | None = None) -> np.ndarray[Any, Any]:
        return np.bincount(columns["label"], weights=values, minlength=layout.LABEL_CAPACITY)

    played = columns["completions"] > 0
    tasks, share, progress = sums(), sums(columns["probability"]), sums(columns["lp"])
    score_sum, scored = sums(np.where(played, columns["score"], 0.0)), sums(played)
    present = np.flatnonzero(tasks)
    return [
        {
            "row": row,
            "label": table.labels.get(row, "unknown"),
            "tasks": int(tasks[row]),
            "share": float(share[row]),
            "lp": float(progress[row] / tasks[row]),
            "score": float(score_sum[row] / scored[row]) if scored[row] else None,
            "completions": int(moment.labels["completed"][row]) if row < moment.labels.size else 0,
            "evicted": int(moment.labels["evicted"][row]) if row < moment.labels.size else 0,
        }
        for row in present[np.argsort(-share[present], kind="stable")].tolist()
    ]
