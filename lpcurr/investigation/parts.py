"""Count the work of each part of an episode in pools of n, 2n and 4n tasks, young and old enough to evict.

Work outside Python, which runs no lines, shows by the memory that calls take in larger pools, and by CPU time.
"""

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from math import log2
from statistics import fmean, median
from typing import Any

from lpcurr.investigation import limits
from lpcurr.investigation.counting import Function, Observe, Path, Waits, Work, clock, count, watch, weigh
from lpcurr.investigation.played import Played

EPISODE = ("draw", "eviction", "task generation", "update", "episode statistics")
YOUNG = "draw of young tasks"
_FEWEST, _WATCHED, _CLOCKED, _BLOCK = 4, 40, 8, 24  # episodes


@dataclass
class Part:
    """One part of an episode, or of the end of an epoch."""

    work: dict[int, Work] = field(default_factory=dict)  # by pool size
    seconds: dict[int, float] = field(default_factory=dict)  # of CPU a call without counting, by pool size
    waits: list[Waits] = field(default_factory=list)  # call by call, in the smallest pool
    bytes: dict[int, float] = field(default_factory=dict)  # that a call takes at most, median, in large pools
    large: dict[int, float] = field(default_factory=dict)  # seconds of CPU a call in the cheapest block, in large pools

    @property
    def lines(self) -> dict[int, float]:
        """Lines of Python that one call runs, by pool size."""
        return {size: work.lines_each for size, work in self.work.items()}

    @cached_property
    def power(self) -> int:
        """The power of n with which its lines grow: 0, 1 for a pass over the pool, 2 for one for each task."""
        n, lines = max(self.work), self.work[max(self.work)].lines_each
        if len(self.work) == 1:
            passes = limits.ONE_SIZE_LINES * n <= lines <= limits.ONE_SIZE_MOST * n
            return 2 if lines >= limits.ONE_SIZE_SQUARE * n * n else int(passes)
        linear, square = (sum(self.growing(least).values()) for least in (limits.LINEAR, limits.QUADRATIC))
        if square >= limits.SQUARE_LINES * n * n and square >= limits.SQUARE_SHARE * linear:
            return 2
        return int(linear >= limits.SCAN_LINES * n)

    @property
    def grows_outside(self) -> bool:
        """Whether it goes through the pool outside Python, by its last two steps."""
        figures = (self.bytes, limits.BYTES_STEP, limits.BYTES), (self.large, limits.SECONDS_STEP, 0.0)
        return any(
            v[-3] * step <= v[-2] <= v[-1] / step and v[-1] >= least * max(by_size)
            for by_size, step, least in figures
            if len(v := list(by_size.values())) > 2
        )

    def growing(self, least: float) -> dict[Path, float]:
        """Return the lines of a call in the largest pool, by the paths on which they grow with at least this power."""
        each = {path: self._each(path, "lines") for path in self.work[max(self.work)].lines}
        return {path: lines[-1] for path, lines in each.items() if self._power(lines) >= least}

    def heaviest(self) -> Path:
        """Return the path with most of the growing lines; of all lines, where none grow or there is one size."""
        lines = self.growing((-9.0, limits.LINEAR, limits.QUADRATIC)[self.power if len(self.work) > 1 else 0])
        return max(lines, key=lambda path: lines[path], default=())

    def share_through(self, functions: set[Function]) -> float:
        """Return the share of the growing lines that these functions make: in them, or in what they go through."""
        lines = self.growing(limits.LINEAR)
        heads = {path: [path[: k + 1] for k in range(1, len(path)) if path[k] in functions] for path in lines}
        once = {path for path in lines if any(self._power(self._each(h, "calls")) < limits.LINEAR for h in heads[path])}
        return sum(lines[path] for path in once) / max(sum(lines.values()), 1.0)

    def functions(self) -> set[Function]:
        """Return all functions that run below its entry point."""
        return {function for work in self.work.values() for path in work.calls for function in path[1:]}

    def _each(self, path: Path, what: str) -> list[float]:
        return [max(getattr(work, what)[path] / work.times, 1.0) for work in self.work.values()]

    def _power(self, values: list[float]) -> float:
        steps = zip(pairwise(values), pairwise(self.work), strict=True)
        return min((log2(b / a) / log2(larger / smaller) for (a, b), (smaller, larger) in steps), default=0.0)


Parts = dict[str, Part]


def waits_each(parts: Parts, what: Callable[[Waits], int] = lambda seen: seen.waits) -> dict[str, float]:
    """Return how many waits of some kind an episode has, by part."""
    episodes = sum(len(parts[name].waits) for name in ("draw", "eviction") if name in parts)
    return {name: sum(map(what, parts[name].waits)) / max(episodes, 1) for name in EPISODE if name in parts}


def count_parts(make: Callable[[int], Any], sizes: tuple[int, ...], budget: limits.Budget) -> Parts:
    """Count every part of a fresh curriculum of each size, ascending."""
    parts: Parts = {}
    for size in sizes:
        with Played(make(size), size) as played:
            _count(played, parts, budget)
            for _ in range(_WATCHED if size == sizes[0] else 0):
                for name, waits in played.episode(watch).items():
                    parts.setdefault(name, Part()).waits.append(waits)
            for name, times in _block(played, clock, _CLOCKED).items():
                parts.setdefault(name, Part()).seconds[size] = fmean(times)
            for name, seconds in played.end_epoch(clock).items():
                parts.setdefault(name, Part()).seconds[size] = seconds
            played.episode()  # so that no statistics come from a cache
            for name, work in played.end_epoch(count).items():
                parts[name].work[size] = work
    # What some size did not show, such as evictions that hardly ever happen, cannot be compared.
    return {name: part for name, part in parts.items() if len(part.work) == len(sizes)}


def _count(played: Played, parts: Parts, budget: limits.Budget) -> None:  # tasks while they are young, and old ones
    played.fill()
    lines, episodes = 0.0, 0
    while episodes < budget.young_episodes + _FEWEST or (lines < budget.lines and episodes < budget.episodes):
        if episodes == budget.young_episodes:
            played.age()
        for name, work in played.episode(count).items():
            if episodes < budget.young_episodes:
                name = {"draw": YOUNG, "eviction": ""}.get(name, name)
            else:
                lines += work.lines_each
            parts.setdefault(name, Part()).work.setdefault(played.size, Work()).add(work)
        episodes += 1
    parts.pop("", None)  # evictions of the young


def measure_outside(parts: Parts, make: Callable[[int], Any], budget: limits.Budget) -> None:
    """Measure the parts in larger and larger pools, until one takes too long."""
    for size in budget.native_sizes:
        with Played(make(size), size) as played:
            began = time.thread_time()
            played.fill()
            for _ in range(budget.blocks):
                played.age(2 if time.thread_time() - began < budget.native_seconds else 0)
            blocks = [_block(played, clock) for _ in range(budget.blocks)]
            tracemalloc.start()
            weighed = _block(played, weigh)
            tracemalloc.stop()
            for name in weighed.keys() & parts.keys() & set(blocks[0]).intersection(*blocks[1:]):
                parts[name].bytes[size] = median(weighed[name])
                parts[name].large[size] = min(fmean(block[name]) for block in blocks)
            if time.thread_time() - began > budget.native_seconds:
                break


def _block(played: Played, observe: Observe, episodes: int = _BLOCK) -> dict[str, list[Any]]:
    seen: dict[str, list[Any]] = {}
    for _ in range(episodes):
        for name, value in played.episode(observe).items():
            seen.setdefault(name, []).append(value)
    return seen
