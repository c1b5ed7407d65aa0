"""Saving and loading a pool, by its size."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from asv_benchmarks.pools import Timing, destroy, kept_curriculum
from lpcurr import Curriculum


class Checkpoint(Timing):
    """``save`` and ``load`` of a pool of learning progress; loading makes the pool."""

    timer = time.perf_counter  # waiting for the disk counts
    params = ([1_000, 32_768, 1_000_000],)
    param_names = ("tasks",)

    def setup(self, tasks: int) -> None:
        self.curriculum = kept_curriculum("learning_progress", tasks)
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "pool"
        self.curriculum.save(self.path)
        self.loaded: Curriculum | None = None

    def teardown(self, tasks: int) -> None:
        self.folder.cleanup()
        if self.loaded is not None:
            destroy(self.loaded)

    def time_save(self, tasks: int) -> None:
        self.curriculum.save(self.path)

    def time_load(self, tasks: int) -> None:
        self.loaded = Curriculum.load(self.path)

    def track_bytes_a_task(self, tasks: int) -> float:
        return self.path.stat().st_size / tasks

    track_bytes_a_task.unit = "bytes"  # type: ignore[attr-defined]
