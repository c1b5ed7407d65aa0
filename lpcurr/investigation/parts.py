"""Count the work of each part of an episode in pools of n, 2n and 4n tasks, young and old enough to evict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import log2
from statistics import fmean
from typing import Any

from lpcurr.investigation.counting import Function, Path, Waits, Work, clock, count, watch
from lpcurr.investigation.limits import (
    LINEAR,
    ONE_SIZE_LINES,
    ONE_SIZE_MOST,
    ONE_SIZE_SQUARE,
    QUADRATIC,
    SCAN_LINES,
    SQUARE_LINES,
    Budget,
)
from lpcurr.investigation.played import Played, close

YOUNG = "draw of young tasks"
_WATCHED, _CLOCKED = 40, 8  # episodes
_FEWEST = 4


@dataclass
class Part:
    """One part of an episode, or of the end of an epoch.

    Attributes:
        work: lines and calls, by pool size.
        seconds: CPU seconds of a call without counting, by pool size.
        waits: how it waits, a call each, in the smallest pool.
    """

    work: dict[int, Work] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    waits: list[Waits] = field(default_factory=list)

    @property
    def lines(self) -> dict[int, float]:
        """Lines of Python that one call runs, by pool size."""
        return {size: work.lines_each for size, work in self.work.items()}

    @cached_property
    def _powers(self) -> dict[Path, float]:
        """How the lines on each path grow: the power of n, the less of the last doubling's and of all."""
        powers = {}
        sizes = sorted(self.work)
        for path in self.work[sizes[-1]].lines:
            each = [max(self.work[n].lines[path] / self.work[n].times, 1.0) for n in sizes]
            last, whole = log2(each[-1] / each[-2]), log2(each[-1] / each[0]) / log2(sizes[-1] / sizes[0])
            powers[path] = min(last, whole)
        return powers

    def _growing(self, least: float) -> dict[Path, float]:
        """Lines a call in the largest pool, of the paths that grow with at least this power."""
        largest = self.work[max(self.work)]
        return {p: largest.lines[p] / largest.times for p, power in self._powers.items() if power >= least}

    @property
    def power(self) -> int:
        """The power of n with which its lines grow: 0, 1 for a pass over the pool, 2 for one for each task."""
        n = max(self.work)
        if len(self.work) == 1:
            lines = self.lines[n]
            if lines >= ONE_SIZE_SQUARE * n * n:
                return 2
            return int(ONE_SIZE_LINES * n <= lines <= ONE_SIZE_MOST * n)
        if sum(self._growing(QUADRATIC).values()) >= SQUARE_LINES * n * n:
            return 2
        return int(sum(self._growing(LINEAR).values()) >= SCAN_LINES * n)

    @property
    def heaviest(self) -> Path:
        """The path with most of the growing lines, from the entry point down."""
        if len(self.work) > 1:
            lines = self._growing(QUADRATIC if self.power == 2 else LINEAR)
        else:
            lines = dict(self.work[max(self.work)].lines)
        return max(lines, key=lambda path: lines[path], default=())

    def loops(self) -> dict[Path, float]:
        """The paths to the functions that go through the pool, with the growing lines a call of all below them."""
        grown: Counter[Path] = Counter()
        growing = self._growing(LINEAR)
        for path, lines in growing.items():
            grown[next((path[:k] for k in range(1, len(path)) if self._calls_grow(path[: k + 1])), path)] += lines
        return dict(grown)

    def _calls_grow(self, path: Path) -> bool:
        sizes = sorted(self.work)
        first, last = (max(self.work[n].calls[path] / self.work[n].times, 1.0) for n in (sizes[0], sizes[-1]))
        return log2(last / first) >= LINEAR * log2(sizes[-1] / sizes[0])

    def functions(self) -> set[Function]:
        """All functions that run under it, the entry point left out."""
        return {function for work in self.work.values() for path in work.calls for function in path[1:]}


def count_parts(make: Callable[[int], Any], sizes: tuple[int, ...], budget: Budget) -> Iterator[int | dict[str, Part]]:
    """Count every part.

    Args:
        make: a fresh curriculum with n tasks.
        sizes: how many, ascending.
        budget: how many episodes.

    Yields:
        Each size before it is counted, and the parts by name in the end.
    """
    parts: dict[str, Part] = {}
    for size in sizes:
        yield size
        played = Played(make(size), size)
        try:
            _count_one(played, size, parts, budget, waits=size == sizes[0])
        finally:
            close(played.target)
    # A part that some size did not show, such as evictions that hardly ever happen, cannot be compared.
    yield {name: part for name, part in parts.items() if len(part.work) == len(sizes)}


def _count_one(played: Played, size: int, parts: dict[str, Part], budget: Budget, *, waits: bool) -> None:
    def keep(seen: dict[str, Work], renamed: dict[str, str] | None = None) -> float:
        for name, work in seen.items():
            part = parts.setdefault((renamed or {}).get(name, name), Part())
            part.work.setdefault(size, Work()).add(work)
        return sum(work.lines_each for work in seen.values())

    played.fill()
    for _ in range(budget.young_episodes):
        keep(played.episode(count), {"draw": YOUNG, "eviction": YOUNG})
    played.age()
    lines, episodes = 0.0, 0
    while episodes < _FEWEST or (lines < budget.lines and episodes < budget.episodes):
        lines += keep(played.episode(count))
        episodes += 1
    if waits:
        for _ in range(_WATCHED):
            for name, seen in played.episode(watch).items():
                parts.setdefault(name, Part()).waits.append(seen)
    times: dict[str, list[float]] = {}
    for _ in range(_CLOCKED):
        for name, seconds in played.episode(clock).items():
            times.setdefault(name, []).append(seconds)
    for name, seconds in played.end_epoch(clock).items():
        times[name] = [seconds]
    for name, each in times.items():
        parts.setdefault(name, Part()).seconds[size] = fmean(each)
    played.episode()
    keep(played.end_epoch(count))
