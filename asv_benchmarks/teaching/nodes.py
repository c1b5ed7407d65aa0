"""What staleness costs in teaching: schedulers on four nodes that exchange now and then, as others for the panel.

``python -m asv_benchmarks.teaching --scheduler frontier asv_benchmarks.teaching.nodes:every_100 …`` compares one pool
with four, whose draws are made without what the other three have played since the last exchange, up to so many
episodes in all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import lpcurr
from asv_benchmarks.teaching.schedulers import config_of
from asv_benchmarks.teaching.streams import Floats, Ints
from lpcurr.distributed import Meeting, Transport, join
from lpcurr.distributed.transport import agree

NODES = 4


class InOneProcess(Transport):
    """One node among threads of this process."""

    def __init__(self, node: int, parts: list[bytes], barrier: threading.Barrier) -> None:
        self._node, self._parts, self._barrier = node, parts, barrier

    def _gather(self, part: bytes) -> list[bytes]:
        self._parts[self._node] = part
        self._barrier.wait()
        parts = list(self._parts)
        self._barrier.wait()
        return parts

    def meet(self, position: int, checkpoint: Callable[[], bytes]) -> Meeting:
        """See :class:`Transport`."""
        return agree(self._gather, self._node, position, checkpoint)

    def exchange(self, position: int, entries: bytes) -> list[bytes]:
        """See :class:`Transport`."""
        return self._gather(entries)

    def close(self) -> None:
        """See :class:`Transport`."""


class Nodes:
    """Four nodes that draw and are told of scores in turn, and exchange after every so many episodes in all."""

    def __init__(self, algorithm: Any, every: int, *, labels: list[str], pool: int, seed: int) -> None:
        config = config_of(algorithm, labels=labels, pool=pool, seed=seed, log_entries=1 << 15)
        self._every, self._turn, self._played = every, 0, 0
        self._threads = ThreadPoolExecutor(NODES)
        parts, barrier = [b""] * NODES, threading.Barrier(NODES)
        transports = [InOneProcess(node, parts, barrier) for node in range(NODES)]
        self._nodes = list(self._threads.map(partial(join, config), transports))
        for task_id, label in enumerate(labels):
            self._nodes[0].add_task(task_id, label)
        self._exchange()

    def sample_ids(self, count: int) -> Ints:
        """Draw on the node whose turn it is."""
        return self._nodes[self._turn].sample_ids(count)

    def update_many(self, ids: Ints, scores: Floats, signals: Floats, costs: Floats) -> int:
        """Report to the same node, and pass the turn on."""
        credited = self._nodes[self._turn].update_many(ids, scores, signals, costs)
        self._turn = (self._turn + 1) % NODES
        self._played += len(ids)
        if self._played >= self._every:
            self._exchange()
        return credited

    def _exchange(self) -> None:
        self._played = 0
        list(self._threads.map(lambda node: node.sync(), self._nodes))


every_100, every_1000, every_4000 = (partial(Nodes, lpcurr.FrontierConfig, every) for every in (100, 1000, 4000))
learning_progress_every_1000 = partial(Nodes, lpcurr.LearningProgressConfig, 1000)
