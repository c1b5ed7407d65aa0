"""Find what changes in a pool of constant size: with the episodes that are played, and by a resume."""

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

from lpcurr.investigation.counting import count
from lpcurr.investigation.limits import CACHE_SIZE, FILLING, MEMORY_STEP, OFTEN, STEADY, Budget
from lpcurr.investigation.played import Played, close
from lpcurr.investigation.structures import structure_sizes

POOL_SIZE = 16  # tasks: few, so that what grows with episodes soon stands out against what has the pool's size

_FEWEST, _COUNTED, _EPOCH = 240, 20, 1_000  # episodes; what is emptied after an epoch is not growing
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
    """Play a small pool (or of the only size that there is) that is old enough to evict, and look at it in equal steps.

    How many episodes depends on the lines that one runs, and the times that it waits.
    """
    growth = Growth(only_size or POOL_SIZE)
    with Played(make(growth.pool_size), growth.pool_size) as played:
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


def lines_of(played: Played) -> float:
    """Count the lines of Python that most episodes run, whatever the few do that evict."""
    return float(median(sum(work.lines_each for work in played.episode(count).values()) for _ in range(_COUNTED)))


def _resident_bytes() -> int:
    statm = Path("/proc/self/statm")  # not everywhere
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


def measure_resume(make: Callable[[int], Any], size: int) -> tuple[str, float, float] | None:
    """Play a pool until it is old, save it, and load it into another.

    Returns:
        The methods that saved and loaded, and the lines that an episode runs before and after; None if there are none.
    """
    with Played(make(size), size) as old:
        ways = (("get_state", "load_state"), ("save", "load"))
        how = next((way for way in ways if all(hasattr(old.target, name) for name in way)), None)
        if how is None:
            return None
        old.fill()
        old.age()
        with Played(_reload(old.target, make(size), *how), size) as new:
            new.known = dict(old.known)
            return " and ".join(how), lines_of(old), lines_of(new)


def _reload(target: Any, fresh: Any, save: str, load: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        file = (str(Path(folder) / "curriculum"),) if save == "save" else ()
        state = getattr(target, save)(*file)
        loaded = getattr(fresh, load)(*(file or (state,)))
    if not hasattr(loaded, "get_task"):  # a method fills its own, a class method gives another
        return fresh
    close(fresh)
    return loaded
