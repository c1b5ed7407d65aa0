"""Time that belongs to the code that is measured, and how it grows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Self

import numpy as np

from lpcurr.investigation.thresholds import ONSET

_SCHEDSTAT = "/proc/thread-self/schedstat"


def queued_seconds() -> float:
    """How long this thread has been ready to run while others had the cores; 0 where the system does not tell.

    A busy machine stretches wall-clock times by this. CPU time would leave it out too, but also waiting for locks.
    """
    try:
        with open(_SCHEDSTAT, "rb") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


class Stopwatch:
    """Wall-clock seconds of a ``with`` block, less the time that it waited for a core.

    Attributes:
        seconds: the result, after the block.
        queued: the time that it waited for a core.
    """

    seconds = queued = 0.0

    def __enter__(self) -> Self:
        self._before = queued_seconds()
        self._began = time.perf_counter()
        return self

    def __exit__(self, *exception: object) -> None:
        wall = time.perf_counter() - self._began
        self.queued = queued_seconds() - self._before
        # Not all: what it waited while the clocks themselves were read is in one of them only.
        self.queued = min(self.queued, 0.9 * wall)
        self.seconds = max(wall - self.queued, 1e-9)


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The power with which costs grow, judged at the large end: what matters, and where fixed costs hide it least.

    The slope over the last three sizes on log-log axes, or that over the last two if it is less: a step, such as a
    cache that has become too small, is no growth. Nor is a jump at the last size alone.

    >>> sizes = [10, 100, 1000, 10000]
    >>> round(exponent(sizes, [5 + n for n in sizes]), 1), round(exponent(sizes, [7.0, 7.1, 30.0, 31.0]), 1)
    (1.0, 0.0)
    """
    if len(sizes) < 2:
        return 0.0
    x, y = np.log(np.asarray(sizes[-3:], float)), np.log(np.maximum(costs[-3:], 1e-12))
    fit = float(np.polyfit(x, y, 1)[0])
    slopes = np.diff(y) / np.diff(x)
    least = min(fit, float(slopes[-1]))
    return least if len(slopes) < 2 or slopes[-2] >= ONSET else min(least, float(slopes[-2]))


def third_medians(values: Sequence[float]) -> tuple[float, float]:
    """Median of the first third after the first value (which warms up), and of the last third.

    >>> third_medians([9.0, 1.0, 1.0, 5.0, 2.0, 2.0, 2.0])
    (1.0, 2.0)
    """
    rest = list(values[1:]) or list(values)
    third = max(len(rest) // 3, 1)
    return float(np.median(rest[:third])), float(np.median(rest[-third:]))
