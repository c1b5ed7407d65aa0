"""What each part of an episode costs by the number of tasks in the pool."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from lpcurr.investigation.clocks import Stopwatch, exponent
from lpcurr.investigation.played import METHODS, PARTS, Played
from lpcurr.investigation.probes.hot_code import HotCode, find_hot_code
from lpcurr.investigation.resizing import close
from lpcurr.investigation.thresholds import LINEAR, Budget

Tell = Callable[[str], None]

_ONCE_AN_EPOCH = ("stats", "recommend_eviction")
_MOST_EPISODES, _FEWEST_EPISODES = 200, 2
_PATIENCE = 10  # blocks of time, after which a block is over even if it had too few episodes
_SLOW_DRAW = 0.02  # seconds: the next size would be sixteen times as slow with the square
_TRIAL_DRAWS = 20  # to meet one that evicts
_DRAWS_TO_FILL = 2  # for each task; pools that are full from the start rarely hand out all of theirs
_YOUNG_DRAWS = 5
_ENOUGH_SIZES = 3  # for an exponent


@dataclass
class Cost:
    """What one part costs.

    Attributes:
        sizes: tasks in the pool.
        seconds: of one call, by size: the mean in a block of episodes, of repeated ones the least but one;
            for evictions the median.
        aged: of how many of the sizes, from the smallest, all tasks had been played enough.
        hot_code: where the time goes in the largest pool; for parts that grow.
    """

    sizes: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    aged: int = 0
    hot_code: HotCode | None = None

    @property
    def exponent(self) -> float:
        """The power of the pool's size with which the cost grows; the larger of all sizes' and the aged pools'."""
        aged = exponent(self.sizes[: self.aged], self.seconds[: self.aged]) if self.aged >= _ENOUGH_SIZES else 0.0
        return max(exponent(self.sizes, self.seconds), aged)

    @property
    def ratio(self) -> float:
        """The highest cost over that in the smallest pool."""
        return max(self.seconds) / self.seconds[0]


def measure_scaling(
    make: Callable[[int], Any], budget: Budget, tell: Tell, only_size: int | None = None
) -> dict[str, Cost]:
    """The cost of every part by pool size, on pools that are full of tasks that were played before.

    Args:
        make: the curriculum with n tasks.
        budget: which sizes, and for how long.
        tell: hears what is going on.
        only_size: the number of tasks that ``make`` always makes, where it cannot be varied.

    Returns:
        By part; ``eviction`` has the draws that brought a new task into a full pool, where there were any.
    """
    pools: list[_Pool] = []
    aged = True
    try:
        for size in budget.sizes if only_size is None else (only_size,):
            tell(f"pool of {size:,} tasks: filling it, playing each {budget.rounds} times")
            pool = _Pool(make(size), size)
            pools.append(pool)
            full = pool.fill(time.perf_counter() + budget.seconds_per_size)
            aged = full and aged and pool.age(budget)  # where there was no time to, there is none with more tasks
            slowest = pool.slowest_draw(_SLOW_DRAW)
            if len(pools) > _ENOUGH_SIZES and (not full or slowest > _PATIENCE * _SLOW_DRAW):
                close(pools.pop().played.target)
            if not full or (slowest > _SLOW_DRAW and len(pools) >= _ENOUGH_SIZES):
                break
        for repetition in range(budget.repetitions):
            tell(f"cost of each part in pools of {_words(pools)} tasks: repetition {repetition + 1}")
            slow: set[str] = set()
            for pool in pools:
                pool.measure(budget)
                pool.measure_once_an_epoch(slow)
        return _gather(pools, budget, only_size is not None)
    finally:
        for pool in pools:
            close(pool.played.target)


class _Pool:
    """One size."""

    def __init__(self, target: Any, size: int) -> None:
        self.played = Played(target, capacity=size)
        self.size = size
        self.is_aged = False
        self.blocks: dict[str, list[float]] = {}  # seconds of a call, by repetition
        self._aged: set[Any] = set()

    def fill(self, until: float) -> bool:
        """Draw until the pool has all its tasks; False where the time was up before, and then ``size`` is less."""
        draws = 0
        while len(self.played.known) < self.size and draws < _DRAWS_TO_FILL * self.size:
            self.played.draw()
            self.played.update()
            draws += 1
            if time.perf_counter() > until:
                if draws > len(self.played.known):  # tasks come again: it was full from the start
                    break
                self.size = max(draws, 2)
                return False
        for _ in range(_YOUNG_DRAWS):  # before tasks are old enough to be evicted
            with Stopwatch() as watch:
                self.played.draw()
            self.blocks.setdefault("draw of young tasks", []).append(watch.seconds)
            if watch.seconds > _SLOW_DRAW:
                break
        return True

    def age(self, budget: Budget) -> bool:
        """Give every known task completions, one task after the other, so that some are ripe if not all."""
        until = time.perf_counter() + budget.seconds_per_size
        self.is_aged = False
        for task_id in [each for each in self.played.known if each not in self._aged]:
            for _ in range(budget.rounds):
                self.played.update(task_id)
            self._aged.add(task_id)
            if time.perf_counter() > until:
                return False
        self.is_aged = True
        return True

    def slowest_draw(self, enough: float) -> float:
        """Seconds of the slowest but one of a few draws; ends when two take longer than is enough to know."""
        times: list[float] = []
        while len(times) < _TRIAL_DRAWS and sum(each > enough for each in times) < 2:
            with Stopwatch() as watch:
                self.played.draw()
            times.append(watch.seconds)
        return sorted(times)[-2]

    def measure(self, budget: Budget) -> None:
        """One repetition: a block of whole episodes, since what a part does may depend on the others."""
        played, was_aged = self.played, self.is_aged
        played.seconds.clear()
        played.calls.clear()
        began = time.perf_counter()
        with Stopwatch() as watch:
            for episode in range(_MOST_EPISODES):
                played.episode()
                elapsed = time.perf_counter() - began
                if elapsed > budget.block_seconds and (
                    episode >= _FEWEST_EPISODES or elapsed > _PATIENCE * budget.block_seconds
                ):
                    break
        wall = watch.seconds + watch.queued
        for part, seconds in played.seconds.items():
            # Where others had the cores, the part that seems to have taken most of the time is where that happened.
            own = seconds * watch.seconds / wall if seconds > wall / 2 else seconds
            self.blocks.setdefault(part, []).append(own / played.calls[part])
        self.is_aged = was_aged and self.age(budget)

    def measure_once_an_epoch(self, slow: set[str]) -> None:
        """One call of each method that is not for every episode; those in ``slow`` already are in a smaller pool."""
        for method in _ONCE_AN_EPOCH:
            if self.played.has(method) and method not in slow:
                with Stopwatch() as watch:
                    getattr(self.played.target, method)()
                self.blocks.setdefault(METHODS[method], []).append(watch.seconds)
                if watch.seconds > _PATIENCE * _SLOW_DRAW:
                    slow.add(method)


def _gather(pools: list[_Pool], budget: Budget, one_size: bool) -> dict[str, Cost]:
    costs: dict[str, Cost] = {}
    for pool in pools:
        for part, blocks in pool.blocks.items():
            cost = costs.setdefault(part, Cost())
            cost.sizes.append(pool.size)
            # What an eviction takes differs from one to the next: its least says nothing.
            cost.seconds.append(median(blocks) if part == "eviction" else _typical(blocks))
            cost.aged += pool.is_aged
    if "eviction" in costs and len(costs["eviction"].sizes) < _ENOUGH_SIZES:
        del costs["eviction"]
    for part in PARTS:
        if part in costs and (costs[part].exponent >= LINEAR or one_size):
            largest = _where_it_shows(part, costs[part], pools)
            seconds = _PATIENCE * budget.block_seconds
            costs[part].hot_code = find_hot_code(largest.played, part, seconds, with_lines=one_size)
    return costs


def _typical(blocks: list[float]) -> float:
    """The least but one: others on the machine only ever add to a time, and the least may be an error of the clocks."""
    return sorted(blocks)[min(1, len(blocks) - 1)]


def _where_it_shows(part: str, cost: Cost, pools: list[_Pool]) -> _Pool:
    """The largest pool that has the part, an aged one if it takes that for the cost to grow."""
    having = [pool for pool in pools if part in pool.blocks]
    aged = [pool for pool in having if pool.is_aged]
    return aged[-1] if aged and exponent(cost.sizes, cost.seconds) < cost.exponent else having[-1]


def _words(pools: list[_Pool]) -> str:
    return ", ".join(f"{pool.size:,}" for pool in pools)
