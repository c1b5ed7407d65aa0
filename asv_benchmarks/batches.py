"""Draws and updates in batches: one call of Python for 4,096 of them, so this is the cost of the kernels themselves.

Look here first for a slower kernel: from Python, an update costs several times what its kernel does.
"""

from __future__ import annotations

import numpy as np

from asv_benchmarks.pools import ALGORITHMS, Timing, kept_curriculum

SIZE = 4096


class Batch(Timing):
    """``sample_ids(4096)`` and ``update_many`` of as many scores."""

    # Larger pools are in `episodes`: they wait for memory, whose speed depends on what else the machine does.
    params = (list(ALGORITHMS), [1_000, 32_768])
    param_names = ("algorithm", "tasks")

    def setup(self, algorithm: str, tasks: int) -> None:
        self.curriculum = kept_curriculum(algorithm, tasks)
        self.ids = self.curriculum.sample_ids(SIZE)
        self.scores = np.random.default_rng(1).random(SIZE)
        self.curriculum.update_many(self.ids, self.scores)

    def time_draws(self, algorithm: str, tasks: int) -> None:
        self.curriculum.sample_ids(SIZE)

    def time_updates(self, algorithm: str, tasks: int) -> None:
        self.curriculum.update_many(self.ids, self.scores)
