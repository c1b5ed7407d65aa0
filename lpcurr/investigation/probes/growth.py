"""What grows while a pool of constant size is played: structures, memory, the cost of an episode."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lpcurr.investigation.clocks import Stopwatch
from lpcurr.investigation.played import Played
from lpcurr.investigation.probes.structures import largest_structure, structure_sizes
from lpcurr.investigation.resizing import close
from lpcurr.investigation.thresholds import Budget

Tell = Callable[[str], None]

POOL_SIZE = 16
"""Tasks in the pool: few, so that what grows with episodes soon stands out against what has the pool's size."""

_LOOKS = 8
_FEWEST, _MOST = 240, 400_000  # episodes
_PATIENCE = 1.5  # times its planned length, after which a look is taken
_PILOT = 40
_EPOCH = 1_000  # episodes between two ends of an epoch: what is emptied then is not growing


@dataclass
class Growth:
    """A pool at several moments.

    Attributes:
        pool_size: tasks in the pool.
        episodes: played so far, at each look.
        structures: size at each look, by path (see ``structure_sizes``); 0 where there was none yet.
        resident_bytes: of this process, at each look.
        segment_bytes: of shared memory that this process has mapped, at each look.
        episode_seconds: since the look before.
    """

    pool_size: int
    episodes: list[int] = field(default_factory=list)
    structures: dict[str, list[int]] = field(default_factory=dict)
    resident_bytes: list[int] = field(default_factory=list)
    segment_bytes: list[int] = field(default_factory=list)
    episode_seconds: list[float] = field(default_factory=list)


def measure_growth(make: Callable[[int], Any] | None, default: Callable[[], Any], budget: Budget, tell: Tell) -> Growth:
    """Play a small pool and look at it in equal steps.

    Args:
        make: the curriculum with n tasks, None where that is not possible.
        default: the curriculum as it is.
        budget: for how long.
        tell: hears what is going on.
    """
    played = Played(make(POOL_SIZE) if make is not None else default())
    pool_size = POOL_SIZE if make is not None else largest_structure(played.target)
    try:
        with Stopwatch() as pilot:
            for _ in range(_PILOT):
                played.episode()
        most = int(budget.growth_seconds / (pilot.seconds / _PILOT))
        step = min(max(most, _FEWEST), _MOST) // _LOOKS
        growth = Growth(pool_size)
        for look in range(_LOOKS):
            tell(f"{look * step:,} of {_LOOKS * step:,} episodes played")
            until = time.perf_counter() + _PATIENCE * budget.growth_seconds / _LOOKS
            with Stopwatch() as watch:
                for episode in range(step):
                    played.episode()
                    if (look * step + episode) % _EPOCH == _EPOCH - 1:
                        played.end_epoch()
                    if time.perf_counter() > until:  # it has become slower
                        break
            done = growth.episodes[-1] if growth.episodes else 0
            _look(growth, played.target, done + episode + 1, watch.seconds / (episode + 1))
        return growth
    finally:
        close(played.target)


def _look(growth: Growth, target: Any, episodes: int, seconds: float) -> None:
    looks = len(growth.episodes)
    growth.episodes.append(episodes)
    growth.episode_seconds.append(seconds)
    growth.resident_bytes.append(resident_bytes())
    growth.segment_bytes.append(mapped_segment_bytes())
    sizes = structure_sizes(target)
    for path in sizes.keys() | growth.structures.keys():
        growth.structures.setdefault(path, [0] * looks).append(sizes.get(path, 0))


def resident_bytes() -> int:
    """Resident memory of this process; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def mapped_segment_bytes() -> int:
    """Shared memory that this process has mapped; 0 where the system does not tell."""
    try:
        maps = Path("/proc/self/maps").read_text()
    except OSError:
        return 0
    found = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) .* /dev/shm/", maps, re.MULTILINE)
    return sum(int(end, 16) - int(start, 16) for start, end in found)
