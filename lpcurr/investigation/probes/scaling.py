"""What each part of an episode costs by the number of tasks in the pool."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from lpcurr.investigation.clocks import Stopwatch, exponent
from lpcurr.investigation.played import METHODS, Played
from lpcurr.investigation.probes.hot_code import HotCode, find_hot_code
from lpcurr.investigation.probes.structures import largest_structure
from lpcurr.investigation.resizing import close
from lpcurr.investigation.thresholds import LINEAR, Budget

Tell = Callable[[str], None]

_ONCE_AN_EPOCH = ("stats", "recommend_eviction")
_MOST_CALLS, _FEWEST_CALLS = 200, 2
_PATIENCE = 10  # blocks of time, after which evicting draws are enough
_SLOW_CALL = 0.25  # seconds: a pool of this size is too large to go on with
_YOUNG_DRAWS = 5
_ENOUGH_SIZES = 3  # for an exponent


@dataclass
class Cost:
    """What one part costs.

    Attributes:
        sizes: tasks in the pool.
        seconds: of one call, by size: the median over repetitions of the mean of a block of calls.
        hot_code: where the time goes in the largest pool; for parts that grow.
    """

    sizes: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    hot_code: HotCode | None = None

    @property
    def exponent(self) -> float:
        """The power of the pool's size with which the cost grows."""
        return exponent(self.sizes, self.seconds)

    @property
    def ratio(self) -> float:
        """Cost in the largest pool over that in the smallest."""
        return self.seconds[-1] / self.seconds[0] if self.seconds else 1.0


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
    try:
        for size in budget.sizes if only_size is None else (only_size,):
            tell(f"pool of {size:,} tasks: filling it, playing each {budget.rounds} times")
            pool = _Pool(make(size), size)
            complete = pool.prepare(budget)
            if not complete and len(pools) >= _ENOUGH_SIZES:
                close(pool.played.target)
                break
            pools.append(pool)
            if not complete:
                break
        for repetition in range(budget.repetitions):
            tell(f"cost of each part in pools of {_words(pools)} tasks: repetition {repetition + 1}")
            for pool in pools:
                pool.measure(budget)
        return _gather(pools, budget)
    finally:
        for pool in pools:
            if not getattr(pool.played.target, "closed", False):
                close(pool.played.target)


class _Pool:
    """One size."""

    def __init__(self, target: Any, size: int) -> None:
        self.played = Played(target)
        self.size = size
        self.blocks: dict[str, list[float]] = {}
        self.evicting: list[float] = []
        self._calls: dict[str, int] = {}
        self._aged: set[Any] = set()

    def prepare(self, budget: Budget) -> bool:
        """Fill the pool and play its tasks; False where the time was up before."""
        until = time.perf_counter() + budget.seconds_per_size
        full_from_the_start = largest_structure(self.played.target) >= self.size
        while len(self.played.known) < self.size:
            new = self.played.draw()
            self.played.update()
            if not new and full_from_the_start:
                break  # tasks are drawn again: those never drawn are played later, or never
            if time.perf_counter() > until:
                if not full_from_the_start:
                    self.size = max(len(self.played.known), 2)
                return False
        self._time_young_draws()
        complete = self._age(budget.rounds, until)
        with Stopwatch() as watch:
            self.played.draw()
        return complete and watch.seconds < _SLOW_CALL

    def _time_young_draws(self) -> None:
        """Before tasks are old enough to be evicted."""
        for _ in range(_YOUNG_DRAWS):
            with Stopwatch() as watch:
                self.played.draw()
            self.blocks.setdefault("draw of young tasks", []).append(watch.seconds)

    def _age(self, rounds: int, until: float) -> bool:
        """Give every known task completions, one task after the other, so that some are ripe if not all."""
        for task_id in [each for each in self.played.known if each not in self._aged]:
            for _ in range(rounds):
                self.played.update(task_id)
            self._aged.add(task_id)
            if time.perf_counter() > until:
                return False
        return True

    def measure(self, budget: Budget) -> None:
        """One repetition of every part."""
        played = self.played
        self._time_draws(budget)
        for name, call in played.parts().items():
            if name != "draw":
                self._time(name, call, budget)
        for method in _ONCE_AN_EPOCH:
            if played.has(method):
                with Stopwatch() as watch:
                    getattr(played.target, method)()
                self.blocks.setdefault(METHODS[method], []).append(watch.seconds)
        self._age(budget.rounds, time.perf_counter() + budget.block_seconds)

    def _time_draws(self, budget: Budget) -> None:
        """Draws that bring in a new task are told apart from the others."""
        calls = self._count("draw", self.played.draw, budget)
        events, clock = [], time.perf_counter
        with Stopwatch() as watch:
            until = clock() + _PATIENCE * budget.block_seconds
            for done in range(1, calls + 1):
                began = clock()
                new = self.played.draw()
                ended = clock()
                if new:
                    events.append(ended - began)
                if ended > until:
                    break
        if len(events) < done:
            ordinary = max(watch.seconds - sum(events), 1e-9) / (done - len(events))
            self.blocks.setdefault("draw", []).append(ordinary)
        if len(self.played.known) > self.size:
            self.evicting += events

    def _time(self, part: str, call: Callable[[], Any], budget: Budget) -> None:
        calls = self._count(part, call, budget)
        with Stopwatch() as watch:
            for _ in range(calls):
                call()
        self.blocks.setdefault(part, []).append(watch.seconds / calls)

    def _count(self, part: str, call: Callable[[], Any], budget: Budget) -> int:
        """How many calls make a block; always the same number."""
        if part not in self._calls:
            with Stopwatch() as watch:
                call()
            self._calls[part] = min(max(int(budget.block_seconds / watch.seconds), _FEWEST_CALLS), _MOST_CALLS)
        return self._calls[part]


def _gather(pools: list[_Pool], budget: Budget) -> dict[str, Cost]:
    costs: dict[str, Cost] = {}
    for pool in pools:
        for part, blocks in pool.blocks.items():
            cost = costs.setdefault(part, Cost())
            cost.sizes.append(pool.size)
            cost.seconds.append(median(blocks))
    events = [pool for pool in pools if pool.evicting]
    if len(events) >= _ENOUGH_SIZES:
        costs["eviction"] = Cost([p.size for p in events], [median(p.evicting) for p in events])
    for part, call in pools[-1].played.parts().items():
        evicts = part == "draw" and "eviction" in costs and costs["eviction"].exponent >= LINEAR
        if part in costs and (costs[part].exponent >= LINEAR or evicts or len(pools) == 1):
            seconds = _PATIENCE * budget.block_seconds if evicts else budget.block_seconds
            hot_code = find_hot_code(pools[-1].played.target, call, seconds, with_lines=len(pools) == 1)
            costs[part].hot_code = hot_code
            if evicts:
                costs["eviction"].hot_code = hot_code
    return costs


def _words(pools: list[_Pool]) -> str:
    return ", ".join(f"{pool.size:,}" for pool in pools)
