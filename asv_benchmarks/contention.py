"""Throughput of several processes that do nothing but episodes on one pool: the worst case for its one lock."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from multiprocessing.synchronize import Barrier
from typing import Any

from asv_benchmarks.pools import kept_curriculum
from lpcurr import Curriculum

BURST = 200
SECONDS = 0.4
TURNS = 3


def _hammer(curriculum: Curriculum, counts: Any, number: int, barrier: Barrier, seconds: float) -> None:
    score, episodes = 0.25, 0
    barrier.wait()
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        for _ in range(BURST):
            curriculum.update_task_performance(curriculum.get_task().task_id, score)
            score = 1.0 - 0.9 * score
        episodes += BURST
    counts[number] = episodes


def episodes_a_second(curriculum: Curriculum, processes: int, seconds: float = SECONDS) -> float:
    """Total throughput of so many processes."""
    context = multiprocessing.get_context("fork")
    counts, barrier = context.RawArray("q", processes), context.Barrier(processes)
    workers = [
        context.Process(target=_hammer, args=(curriculum, counts, number, barrier, seconds))
        for number in range(processes)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        if worker.exitcode:
            raise RuntimeError(f"a worker ended with exit code {worker.exitcode}")
    return sum(counts) / seconds


class Contention:
    """Episodes a second of all processes together; a flat curve beyond the number of cores is the aim."""

    params = ([1, 2, 4, 8],)
    param_names = ("processes",)
    unit = "episodes/s"
    timeout = 300

    def track_throughput(self, processes: int) -> float:
        curriculum = kept_curriculum("learning_progress", 1_000)
        return statistics.median(episodes_a_second(curriculum, processes) for _ in range(TURNS))
