"""Find what changes in a pool of constant size: with the episodes that are played, and by a resume from a checkpoint."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from typing import Any

from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.investigation.counting import clock, count
from lpcurr.investigation.limits import CACHE_SIZE, FILLING, MEMORY_STEP, OFTEN, STEADY, Budget
from lpcurr.investigation.played import Played, close
from lpcurr.investigation.structures import structure_sizes

POOL_SIZE = 16  # tasks: few, so that what grows with episodes soon stands out against what has the pool's size

_FEWEST, _COUNTED, _TURNS, _EPOCH = 240, 20, 40, 1_000  # episodes; what is emptied after an epoch is not growing
_LOOKS = 8


@dataclass
class Growth:
    """A pool at several moments: each list has an element for each look."""

    pool_size: int
    episodes: list[int] = field(default_factory=list)  # played so far
    structures: dict[str, list[int]] = field(default_factory=dict)  # sizes by path; 0 where there was none yet
    resident_bytes: list[int] = field(default_factory=list)  # of this process
    lines: list[float] = field(default_factory=list)  # of an episode
    seconds: list[float] = field(default_factory=list)  # of CPU for an episode since the look before

    def unbounded(self) -> dict[str, float]:
        """Return the structures that grow with the episodes, not to the pool's size, with elements an episode."""
        rates, middle = {}, len(self.episodes) // 2
        for path, sizes in self.structures.items():
            early = (sizes[middle] - sizes[0]) / (self.episodes[middle] - self.episodes[0])
            late = (sizes[-1] - sizes[middle]) / (self.episodes[-1] - self.episodes[middle])
            large = sizes[-1] >= 4 * self.pool_size + 64 and (late >= OFTEN or sizes[-1] >= CACHE_SIZE)
            steady = late > 0 and late >= STEADY * early and all(a <= b for a, b in pairwise(sizes))
            if large and steady and not self._fills_with_parent(path):
                rates[path] = late
        return dict(sorted(rates.items(), key=lambda item: -item[1]))

    def _fills_with_parent(self, path: str) -> bool:
        """Tell whether what is in a structure grows only because there is more of it, as in a cache that fills."""
        factors = []
        while True:
            sizes = self.structures.get(path, [0])
            factors.append(sizes[-1] / max(sizes[len(sizes) // 2], 1))
            if "[*]" not in path:
                return len(factors) > 1 and max(factors[1:]) >= FILLING * factors[0]
            path = path[: path.rindex("[*]")]

    def memory_grows(self) -> bool:
        """Tell whether memory grew by more than an allocator's step between any two looks of the second half."""
        return min(b - a for a, b in pairwise(self.resident_bytes[_LOOKS // 2 :])) >= MEMORY_STEP

    def drift(self) -> tuple[float, float]:
        """Return how many times more lines, and CPU seconds, an episode takes late than early."""
        lines = fmean(self.lines[-2:]) / max(fmean(self.lines[:2]), 1.0)
        return lines, min(self.seconds[-3:]) / median(self.seconds[:3])


def measure_growth(make: Callable[[int], Any], only_size: int | None, waits: float, budget: Budget) -> Growth:
    """Play a small pool that is old enough to evict, and look at it in equal steps.

    Args:
        make: a fresh curriculum with n tasks.
        only_size: what it has if that cannot be varied.
        waits: how many an episode has.
        budget: how many episodes.
    """
    growth = Growth(only_size or POOL_SIZE)
    played = Played(make(growth.pool_size), growth.pool_size)
    try:
        played.fill()
        played.age()
        most = min(budget.lines_to_grow / max(lines_of(played), 1.0), budget.waits_to_grow / max(waits, 1e-9))
        step = int(max(min(most, budget.episodes_to_grow), _FEWEST)) // _LOOKS
        for look in range(_LOOKS):
            began = time.thread_time()
            for episode in range(look * step, (look + 1) * step):
                played.episode()
                if episode % _EPOCH == _EPOCH - 1:
                    played.end_epoch()
                    played.known = dict.fromkeys(list(played.known)[-_EPOCH:])  # ours must not grow either
            growth.seconds.append((time.thread_time() - began) / step)
            growth.lines.append(lines_of(played))
            growth.episodes.append((look + 1) * step)
            growth.resident_bytes.append(_resident_bytes())
            sizes = structure_sizes(played.target)
            for path in sizes.keys() | growth.structures.keys():
                growth.structures.setdefault(path, [0] * look).append(sizes.get(path, 0))
        return growth
    finally:
        close(played.target)


def lines_of(played: Played) -> float:
    """Count the lines of Python that most episodes run, whatever the few do that evict."""
    return float(median(sum(work.lines_each for work in played.episode(count).values()) for _ in range(_COUNTED)))


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


@dataclass
class Resume:
    """The work of an episode in the pool that was saved, and in the one that was loaded."""

    how: str  # the methods that saved and loaded
    lines: tuple[float, float]  # of Python
    seconds: tuple[float, float]  # of CPU, in the cheapest episode
    save_seconds: float
    load_seconds: float


def measure_resume(make: Callable[[int], Any], size: int) -> Resume | None:
    """Play a pool until it is old, save it, load it into another, and play both; None where nothing can be saved."""
    old = Played(make(size), size)
    try:
        ways = (("get_state", "load_state"), ("save", "load"))
        how = next((way for way in ways if all(hasattr(old.target, name) for name in way)), None)
        if how is None:
            return None
        old.fill()
        old.age()
        loaded, saving, loading = _reload(old.target, lambda: make(size), how)
        try:
            new = Played(loaded, size)
            new.known = dict(old.known)
            turns = [(sum(old.episode(clock).values()), sum(new.episode(clock).values())) for _ in range(_TURNS)]
            seconds = min(before for before, _ in turns), min(after for _, after in turns)
            return Resume(" and ".join(how), (lines_of(old), lines_of(new)), seconds, saving, loading)
        finally:
            close(loaded)
    finally:
        close(old.target)


def _reload(target: Any, make: Callable[[], Any], how: tuple[str, str]) -> tuple[Any, float, float]:
    """Return another that has the state, and the seconds of saving and of loading it."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "curriculum")
        state, saving = clock(target.get_state) if how[0] == "get_state" else (file, clock(target.save, file)[1])
        if isinstance(target, Curriculum):
            loaded, loading = clock(lambda: target.load(file, task_generator=target.config.task_generator))
            return loaded, saving, loading
        fresh = make()
        loaded, loading = clock(getattr(fresh, how[1]), state)
        # A class method gives the curriculum, a method fills its own.
        return (loaded if hasattr(loaded, "get_task") else fresh), saving, loading
