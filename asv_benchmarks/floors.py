"""What an episode costs inside the machine, without Python: the episode, and the floor under it.

``touch_floor`` takes the same lock as a draw and as an update, picks a slot by the same random stream, and reads and
writes the very columns of it that they do, with none of their logic: no rejection, no moving averages, no running sums,
no journal, no trees. ``python -m asv_benchmarks.floors`` prints both side by side.

Reference: ``lpcurr.kernels.calls.episode.draw`` and ``update``, whose helpers ``episode_loop`` calls as they are.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import cache
from typing import Any, cast

import numba
import numpy as np

from asv_benchmarks.pools import ALGORITHMS, Timing, destroy, kept_curriculum, mature_curriculum
from lpcurr import Curriculum, kernels
from lpcurr.kernels.calls import episode
from lpcurr.kernels.calls.repair import lock
from lpcurr.kernels.indices import labels
from lpcurr.kernels.machine import random
from lpcurr.kernels.machine.segment_type import parse_signature
from lpcurr.kernels.machine.views import column, header_record, label_record, process_record
from lpcurr.kernels.safety import mutex

EPISODES = 20_000


@cache
def compiled(loop: Callable[..., float]) -> Callable[..., float]:
    """Compile a loop as kernels are, at its first use. Numba must not keep it: it would not see a kernel change."""
    kernels.compile_all()  # what the loop calls by name must be known before
    dispatcher: Any = numba.njit(nogil=True, error_model="numpy")(loop)
    dispatcher.compile(parse_signature("float64(segment, int64, float64[::1])"))
    result = dispatcher.overloads[dispatcher.signatures[0]]

    def call(*arguments: Any) -> float:
        return cast("float", result.entry_point(*arguments))  # ``result`` owns the machine code

    return call


def episode_loop(segment, process, scores):  # type: ignore[no-untyped-def]
    """``scores.size`` times what the two kernels of an episode do, each under a lock turn of its own."""
    total = 0.0
    for i in range(scores.size):
        if not lock(segment, process):
            return -1.0
        task_id, packed = episode._draw_one(segment, process)
        mutex.unlock(segment)
        total += packed
        if not lock(segment, process):
            return -1.0
        total += episode._update_one(segment, process, task_id, scores[i], scores[i], 1.0)
        mutex.unlock(segment)
    return total


def touch_floor(segment, process, scores):  # type: ignore[no-untyped-def]
    """The same locks, the same columns of one random slot, and nothing computed."""
    total = 0.0
    for i in range(scores.size):
        if not lock(segment, process):
            return -1.0
        header = header_record(segment, 0)
        view = column(segment)
        slot = np.int64(view.active[random.below(segment, process, header.active_count)])
        # what a draw reads and writes
        total += view.priority[slot] + view.task_id[slot] + view.entry[slot]
        row = labels.row_of(view.label[slot])
        view.scheduled_count[slot] += 1
        header.scheduled += 1
        view.last_drawn[slot] = header.scheduled
        label_record(segment, row).epoch_sampled += 1
        process_record(segment, process).draws += 1
        mutex.unlock(segment)
        if not lock(segment, process):
            return -1.0
        score = scores[i]
        # what an update reads and writes
        row = labels.row_of(view.label[slot])
        total += view.task_id[slot] + view.success_threshold[slot] + view.position[slot]
        view.completion_count[slot] += 1
        view.total_score[slot] += score
        view.last_score[slot] = score
        view.reward_ema[slot] += score
        view.ema_squared[slot] += score
        view.success_rate_ema[slot] += score
        view.p_fast[slot] += score
        view.p_slow[slot] += score
        view.p_true[slot] += score
        view.random_baseline[slot] += score
        view.least_score[slot] += score
        view.greatest_score[slot] += score
        view.signal[slot] += score
        view.mean_cost[slot] += score
        view.priority[slot] += score
        view.evict_key[slot] += score
        view.least_key[slot >> 4] += score
        header.completed += 1
        header.score_sum += score
        header.sum_high += score
        header.square_high += score
        label_record(segment, row).completed += 1
        process_record(segment, process).accepted += 1
        mutex.unlock(segment)
    return total


def lock_only(segment, process, scores):  # type: ignore[no-untyped-def]
    """Two lock turns an episode and nothing else."""
    for _ in range(scores.size):
        for _ in range(2):
            if not lock(segment, process):
                return -1.0
            mutex.unlock(segment)
    return 0.0


def timed(loop: Callable[..., float], curriculum: Curriculum, scores: np.ndarray[Any, Any]) -> float:
    """Nanoseconds of one pass through the loop, by episode."""
    pool = curriculum._pool
    content, call = pool._segment.bytes, compiled(loop)
    start = time.perf_counter_ns()
    answer = call(content, pool.process, scores)
    elapsed = time.perf_counter_ns() - start
    if answer == -1.0:
        raise RuntimeError("the pool's lock is lost")
    return elapsed / scores.size


def in_kernel(algorithm: str, tasks: int, rounds: int = 31) -> tuple[float, float, float, float]:
    """Median nanoseconds of an episode, of the floor, and of two lock turns, and the median ratio of the first two.

    The floor plays on a pool of its own, since it leaves nonsense behind.
    """
    curriculum, floor_pool = mature_curriculum(algorithm, tasks), mature_curriculum(algorithm, tasks)
    scores = np.random.default_rng(1).random(EPISODES)
    turns = []
    for _ in range(rounds + 1):
        turns.append(
            [
                timed(loop, pool, scores)
                for loop, pool in ((episode_loop, curriculum), (touch_floor, floor_pool), (lock_only, curriculum))
            ]
        )
    destroy(curriculum)
    destroy(floor_pool)
    measured = np.array(turns[1:])
    ours, floor, locks = np.median(measured, axis=0)
    return float(ours), float(floor), float(locks), statistics.median(measured[:, 0] / measured[:, 1])


class InKernel(Timing):
    """20,000 episodes of 1,000 tasks without Python, and what they stand on."""

    params = (["learning_progress", "discrete_random", "touch floor", "lock turns"],)
    param_names = ("what",)

    def setup(self, what: str) -> None:
        algorithm = what if what in ALGORITHMS else "learning_progress"
        self.loop = {"touch floor": touch_floor, "lock turns": lock_only}.get(what, episode_loop)
        # The floor leaves nonsense behind, but asv gives every benchmark a process, and so a pool, of its own.
        self.pool = kept_curriculum(algorithm, 1_000)
        self.scores = np.random.default_rng(1).random(EPISODES)
        compiled(self.loop)

    def time_twenty_thousand(self, what: str) -> None:
        timed(self.loop, self.pool, self.scores)


class Ratio:
    """An episode in the kernel, in touch floors, measured side by side: at most 3 at 1,000 tasks."""

    params = ([1_000, 1_000_000],)
    param_names = ("tasks",)
    unit = "ratio"
    timeout = 300

    def track_episode_to_touch_floor(self, tasks: int) -> float:
        return in_kernel("learning_progress", tasks, rounds=15)[3]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, nargs="+", default=[1_000, 32_768, 1_000_000])
    parser.add_argument("--rounds", type=int, default=31)
    arguments = parser.parse_args()
    print(f"{'':20}{'tasks':>10}{'episode':>10}{'floor':>10}{'locks':>10}{'ratio':>8}   (ns)")
    for algorithm in ("learning_progress", "discrete_random"):
        for tasks in arguments.tasks:
            ours, floor, locks, ratio = in_kernel(algorithm, tasks, arguments.rounds)
            print(f"{algorithm:20}{tasks:10,}{ours:10.0f}{floor:10.0f}{locks:10.0f}{ratio:8.2f}", flush=True)


if __name__ == "__main__":
    main()
