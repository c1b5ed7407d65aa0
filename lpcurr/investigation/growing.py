"""What the growth of a pool of constant size means."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from lpcurr.investigation.probes.growth import Growth
from lpcurr.investigation.thresholds import CACHE_SIZE, FILLING, GROWTH_PER_EPISODE, MEMORY_STEP, STEADY_GROWTH


@dataclass(frozen=True)
class Trend:
    """A structure that grows without bound.

    Attributes:
        path: where it is.
        size: elements at the end.
        rate: elements an episode, in the second half.
    """

    path: str
    size: int
    rate: float


def unbounded(growth: Growth) -> list[Trend]:
    """Structures that grow with the episodes, not to the pool's size; the fastest first."""
    trends = []
    middle = len(growth.episodes) // 2
    for path, sizes in growth.structures.items():
        early = (sizes[middle] - sizes[0]) / (growth.episodes[middle] - growth.episodes[0])
        late = (sizes[-1] - sizes[middle]) / (growth.episodes[-1] - growth.episodes[middle])
        large = sizes[-1] >= 4 * growth.pool_size + 64 and (late >= GROWTH_PER_EPISODE or sizes[-1] >= CACHE_SIZE)
        steady = late > 0 and late >= STEADY_GROWTH * early and all(a <= b for a, b in pairwise(sizes))
        if large and steady and not _fills_with_parent(path, growth):
            trends.append(Trend(path, sizes[-1], late))
    return sorted(trends, key=lambda trend: -trend.rate)


def _fills_with_parent(path: str, growth: Growth) -> bool:
    """Whether what is inside a structure grows only because there is more of it, as in a cache that fills."""
    middle = len(growth.episodes) // 2
    factors = []
    while True:
        sizes = growth.structures.get(path, [0])
        factors.append(sizes[-1] / max(sizes[middle], 1) if len(sizes) > middle else 1.0)
        if "[*]" not in path:
            return len(factors) > 1 and max(factors[1:]) >= FILLING * factors[0]
        path = path[: path.rindex("[*]")]


def memory_grows(growth: Growth) -> bool:
    """Whether memory grew by more than an allocator's step between any two looks of the second half."""
    second = growth.resident_bytes[len(growth.resident_bytes) // 2 :]
    steps = [b - a for a, b in pairwise(second)]
    segment = growth.segment_bytes
    return (bool(steps) and min(steps) >= MEMORY_STEP) or segment[-1] > segment[len(segment) // 2]


def cost_drift(growth: Growth) -> float:
    """How many times dearer an episode is late than early."""
    third = max(len(growth.episode_seconds) // 3, 1)
    return min(growth.episode_seconds[-third:]) / median(growth.episode_seconds[:third])
