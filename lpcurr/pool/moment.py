"""One moment of a pool: the copy of its truth that statistics, queries, recorder, checkpoints and monitor share."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from lpcurr.memory import layout
from lpcurr.memory.process_table import copy_tables, process_records
from lpcurr.memory.segment import State

Column = np.ndarray[tuple[int], np.dtype[Any]]
Int64s = np.ndarray[tuple[int], np.dtype[np.int64]]
Float64s = np.ndarray[tuple[int], np.dtype[np.float64]]
Bools = np.ndarray[tuple[int], np.dtype[np.bool_]]
Records = np.ndarray[tuple[int], np.dtype[np.void]]

TRUTH = tuple(name for name, _ in layout.TRUTH_COLUMNS)


@dataclass(frozen=True)
class Moment:
    """A pool between two calls; nobody changes it.

    Attributes:
        header: configuration, counters and running sums, by the names in ``lpcurr.memory.layout.HEADER_FIELDS``.
        labels: the label table up to the last row that was ever used: names, and counters by label.
        processes: the records of the process table that have memory, free ones included.
        columns: the truth columns of the active tasks, in the order in which they entered the pool: arrays of [tasks].
            ``label`` holds rows of the label table, with a bit for a task that was never built: see ``label_rows``.
        slots: where each of these tasks lives, likewise.
        active: the slots in use, in the order of the pool's active index.
        time: seconds since 1970.

    >>> import lpcurr
    >>> with lpcurr.CurriculumConfig(num_active_tasks=4, seed=0, defer_init=True).make() as curriculum:
    ...     curriculum.add_task(7, "easy")
    ...     accepted = curriculum.update_task_performance(7, 0.5)
    ...     moment = curriculum.moment()
    >>> moment.columns["task_id"], moment.columns["reward_ema"], moment.task_labels
    (array([7]), array([0.5]), array(['easy'], dtype=object))
    """

    header: np.void
    labels: Records
    processes: Records
    columns: dict[str, Column]
    slots: Column
    active: Column
    time: float = field(default_factory=time.time)

    @classmethod
    def of_cells(cls, tables: np.ndarray[Any, Any], cells: dict[str, Column], active: Column) -> Moment:
        """Put a moment together from copies, and take them over: of tables, columns by slot, and slots in use.

        ``tables`` are the first ``layout.COLUMNS_OFFSET`` bytes; ``entry`` is among the columns, or there is none.
        """
        tables = tables.view(layout.TABLES)
        header = tables["header"][0]
        slots = active = active[: max(int(header["active_count"]), 0)]
        if active.size:
            slots = np.sort(active)
            entries = cells["entry"][slots]
            if np.any(entries[1:] < entries[:-1]):
                slots = slots[np.argsort(entries, kind="stable")]  # quick where most of them are in order
            if slots[-1] != slots.size - 1 or not np.array_equal(slots, np.arange(slots.size)):
                room = np.empty(slots.size, dtype=np.int64)  # one for all columns: new memory costs more than the copy
                places = slots.astype(np.intp)
                for column in cells.values():  # `mode` says not to buffer: no place is out of range
                    column[: slots.size] = np.take(column, places, out=room.view(column.dtype), mode="clip")
        columns = {name: column[: active.size] for name, column in cells.items()}
        labels = tables["label_table"][0][: max(int(header["label_count"]), 0)]
        return cls(header, labels, process_records(tables), columns, slots, active)

    @classmethod
    def of_state(cls, state: State, names: Iterable[str] = TRUTH) -> Moment:
        """Copy out of a segment without its lock: one that is private, or that others may be changing.

        Where they are, a task that came or went meanwhile is left out, and cells of a row may be an episode apart.
        """
        tables = copy_tables(state.view(np.uint8))
        header = tables.view(layout.TABLES)["header"][0]
        active: Column = state["active"][0][: max(int(header["active_count"]), 0)].copy()
        if active.size and np.bincount(active, minlength=1).max() > 1:  # one moved while the index was copied
            active = np.unique(active)
        end = int(active.max(initial=-1)) + 1
        cells = {name: layout.cells(state, name)[0][:end].copy() for name in {"task_id", "entry", *names}}
        return cls.of_cells(tables, cells, active[cells["task_id"][active] != layout.FREE])

    def by_index(self) -> Int64s:
        """Return the places of the tasks in ``columns`` in the order of the pool's active index: int64[tasks]."""
        place = np.empty(int(self.slots.max(initial=-1)) + 1, dtype=np.int64)
        place[self.slots] = np.arange(self.size)
        places: Int64s = place[self.active]
        return places

    @property
    def size(self) -> int:
        """How many tasks are active."""
        return int(self.active.size)

    @property
    def ages(self) -> Float64s:
        """Seconds since each active task entered the pool: float64[tasks], in entry order."""
        ages: Float64s = np.maximum(self.time - self.columns["creation_time"], 0.0)
        return ages

    @cached_property
    def label_rows(self) -> Int64s:
        """The row of each active task's label: int64[tasks], in entry order."""
        rows: Int64s = self.columns["label"] & (layout.PENDING - 1)
        rows[rows >= self.labels.size] = layout.UNKNOWN_LABEL  # named after the labels were copied, without the lock
        return rows

    @cached_property
    def label_names(self) -> dict[int, str]:
        """Names of the labels in use, by row."""
        return {
            int(row): self.labels["name"][row][: self.labels["name_size"][row]].tobytes().decode(errors="replace")
            for row in np.flatnonzero(self.labels["used"])
        }

    @cached_property
    def task_labels(self) -> Column:
        """The name of each active task's label: str objects [tasks], in entry order."""
        names = np.full(layout.LABEL_CAPACITY, "unknown", dtype=object)
        for row, name in self.label_names.items():
            names[row] = name
        found: Column = names[self.label_rows]
        return found
