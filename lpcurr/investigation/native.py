"""Look for passes over the pool outside Python, which run no lines: the memory that calls take, and their CPU time."""

from __future__ import annotations

import cProfile
import pstats
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any

from lpcurr.investigation.counting import Function, Observe, clock, weigh
from lpcurr.investigation.limits import NATIVE_BYTES, NATIVE_STEP, NATIVE_TIMES, Budget
from lpcurr.investigation.played import Played, close

_EPISODES = 24  # of a block


@dataclass
class Native:
    """What one part takes, by pool size."""

    bytes: dict[int, float] = field(default_factory=dict)  # at most during a call, median
    seconds: dict[int, float] = field(default_factory=dict)  # of CPU a call, in the cheapest block of episodes
    where: tuple[Function, ...] = ()  # down to the function with most of the time; empty where it does not grow

    @property
    def grows(self) -> bool:
        """Whether it goes through the pool."""
        taken, seconds = list(self.bytes.values()), list(self.seconds.values())
        by_bytes = _steps(taken) and taken[-1] >= NATIVE_BYTES * max(self.bytes)
        return by_bytes or (_steps(seconds) and seconds[-1] >= NATIVE_TIMES * seconds[0])


def _steps(values: list[float]) -> bool:
    return len(values) > 2 and values[-3] * NATIVE_STEP <= values[-2] <= values[-1] / NATIVE_STEP


def measure_native(make: Callable[[int], Any], budget: Budget) -> dict[str, Native]:
    """Measure every part in larger and larger pools, until one takes too long."""
    parts: dict[str, Native] = {}
    for size in budget.native_sizes:
        played, began = Played(make(size), size), time.thread_time()
        try:
            played.fill()
            for _ in range(budget.blocks):
                played.age(2 if time.thread_time() - began < budget.native_seconds else 0)
            blocks = [_play(played, clock) for _ in range(budget.blocks)]
            tracemalloc.start()
            weighed = _play(played, weigh)
            tracemalloc.stop()
            for name in weighed:
                part = parts.setdefault(name, Native())
                part.bytes[size] = median(weighed[name])
                part.seconds[size] = min((fmean(b[name]) for b in blocks if name in b), default=0.0)
            if size == budget.native_sizes[-1] or time.thread_time() - began > budget.native_seconds:
                for name, part in parts.items():
                    part.where = _hottest(played, name) if part.grows else ()
                break
        finally:
            close(played.target)
    return parts


def _play(played: Played, observe: Observe) -> dict[str, list[Any]]:
    seen: dict[str, list[Any]] = {}
    for _ in range(_EPISODES):
        for name, value in played.episode(observe).items():
            seen.setdefault(name, []).append(value)
    return seen


def _hottest(played: Played, part: str) -> tuple[Function, ...]:
    def observe(call: Callable[..., Any], *arguments: Any) -> tuple[Any, cProfile.Profile]:
        profile = cProfile.Profile()
        return profile.runcall(call, *arguments), profile

    profiles = _play(played, observe).get(part, [])
    table: dict[Function, Any] = pstats.Stats(*profiles).stats if profiles else {}  # type: ignore[attr-defined]
    path = [max(table, key=lambda function: table[function][2])] if table else []
    while path and (callers := table[path[0]][4].keys() - set(path)):
        path.insert(0, max(callers, key=lambda function: table[function][3]))
    return tuple(path)
