"""A curriculum that notes in every process how long its methods take, wherever a trainer uses it."""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lpcurr.curriculum.builder import TaskBuilder
from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.curriculum.task import CurriculumTask
from lpcurr.generators import TaskGenerator
from lpcurr.pool.pool import Pool

EPISODE_PARTS = ("draw", "eviction", "task generation", "update", "episode stats")
PARTS = (*EPISODE_PARTS, "statistics", "end of epoch")
"""What is timed, and what of it belongs to episodes."""

_COLUMNS = (*PARTS, "cpu")
_COLUMN = {name: number for number, name in enumerate(_COLUMNS)}


class Ledger:
    """The times of one process, in a file of its own: read while it runs, and left behind when it is killed.

    Args:
        folder: where the files of all processes are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pid = 0
        self._cpu_before = 0.0
        self._row: Any = None

    def row(self) -> Any:
        """float64[columns] of this process, opened at the first call, and anew after a fork."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._cpu_before = time.process_time()
            size = 8 * len(_COLUMNS)
            with (self.folder / f"{self._pid}.times").open("w+b") as file:
                file.truncate(size)
                self._row = np.frombuffer(mmap.mmap(file.fileno(), size), np.float64)
        return self._row

    def note(self, part: str, began: float, without: float = 0.0) -> None:
        """Count a call that began then, less some seconds."""
        self.row()[_COLUMN[part]] += time.perf_counter() - began - without

    def seconds(self, part: str) -> float:
        """What this process has noted for a part so far."""
        return float(self.row()[_COLUMN[part]])

    def note_cpu(self) -> None:
        """Note how much CPU time the process has used since its first call."""
        self.row()[_COLUMN["cpu"]] = time.process_time() - self._cpu_before


def read_times(folder: Path) -> dict[int, dict[str, float]]:
    """The times of every process so far, in seconds, by process id and part; ``cpu`` is the whole process's."""
    times = {}
    for path in folder.glob("*.times"):
        row = np.fromfile(path, np.float64)
        if row.size == len(_COLUMNS):
            times[int(path.stem)] = dict(zip(_COLUMNS, row.tolist(), strict=True))
    return times


class TimedCurriculum(Curriculum):
    """As :class:`lpcurr.Curriculum`, and measured; worker processes that it is handed to are measured as well."""

    ledger: Ledger

    @classmethod
    def measured(cls, curriculum: Curriculum, folder: Path) -> TimedCurriculum:
        """Let a curriculum be measured from now on: it becomes one of this class.

        Args:
            curriculum: any; it is changed, not copied.
            folder: where the processes leave their times.
        """
        curriculum.__class__ = cls
        assert isinstance(curriculum, TimedCurriculum)
        curriculum.ledger = Ledger(folder)
        curriculum._builder = _TimedBuilder.measured(curriculum._builder, curriculum.ledger)
        return curriculum

    def get_task(self) -> CurriculumTask:
        """Measured without the time of the task generator; draws that evicted a task are told apart."""
        ledger, record = self.ledger, self._pool.state["process"][0]
        process = self._pool.process
        evicted, generating = record["evicted"][process], ledger.seconds("task generation")
        began = time.perf_counter()
        task = super().get_task()
        part = "eviction" if record["evicted"][process] != evicted else "draw"
        ledger.note(part, began, without=ledger.seconds("task generation") - generating)
        return task

    def update_task_performance(
        self, task_id: int, score: float, signal: float | None = None, cost: float = 1.0
    ) -> bool:
        """Measured."""
        began = time.perf_counter()
        accepted = super().update_task_performance(task_id, score, signal, cost)
        self.ledger.note("update", began)
        self.ledger.note_cpu()
        return accepted

    def get_episode_stats(self, label: str) -> dict[str, dict[str, int]]:
        """Measured."""
        began = time.perf_counter()
        stats = super().get_episode_stats(label)
        self.ledger.note("episode stats", began)
        return stats

    def stats(self) -> dict[str, float]:
        """Measured."""
        began = time.perf_counter()
        stats = super().stats()
        self.ledger.note("statistics", began)
        return stats

    def on_epoch_end(self) -> None:
        """Measured."""
        began = time.perf_counter()
        super().on_epoch_end()
        self.ledger.note("end of epoch", began)

    def __reduce__(self) -> tuple[Any, ...]:
        _, (session_id, config, generator) = super().__reduce__()
        return _unpickle, (session_id, config, generator, self.ledger.folder)


class _TimedBuilder(TaskBuilder):
    """Times what the task generator does, in a draw or when the environment's configuration is asked for."""

    ledger: Ledger

    @classmethod
    def measured(cls, builder: TaskBuilder, ledger: Ledger) -> _TimedBuilder:
        builder.__class__ = cls
        assert isinstance(builder, _TimedBuilder)
        builder.ledger = ledger
        return builder

    def make_playable(self, task_id: int, packed: int, known: dict[int, bool]) -> bool:
        return bool(self._timed(super().make_playable, task_id, packed, known))

    def env_cfg(self, task_id: int) -> Any:
        return self._timed(super().env_cfg, task_id)

    def _timed(self, method: Callable[..., Any], *arguments: Any) -> Any:
        began = time.perf_counter()
        result = method(*arguments)
        self.ledger.note("task generation", began)
        return result


def _unpickle(
    session_id: str, config: CurriculumConfig, generator: TaskGenerator | None, folder: Path
) -> TimedCurriculum:
    attached = TimedCurriculum(config, generator, _pool=Pool.attach(session_id))
    return TimedCurriculum.measured(attached, folder)
