"""Find what changes in a pool of constant size: with the episodes that are played, and by a resume."""

import array
import collections
import contextlib
import io
import logging
import multiprocessing.process
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np

from lpcurr.investigation.counting import count
from lpcurr.investigation.limits import CACHE_SIZE, FILLING, OFTEN, STEADY, Budget
from lpcurr.investigation.played import Played, close

POOL_SIZE = 16  # tasks: few, so that what grows with episodes soon stands out against what has the pool's size
_FEWEST, _COUNTED, _WARM, _EPOCH = 240, 20, 3, 1_000  # episodes; what is emptied after an epoch is not growing
_LOOKS = 8
_STATM = Path("/proc/self/statm")  # not everywhere
_DEPTH, _ELEMENTS, _OBJECTS = 7, 512, 50_000  # larger structures are not looked into: they are named themselves
_CONTAINERS = (dict, list, set, collections.deque, np.ndarray)
_LEAVES = (str, bytes, bytearray, array.array, np.ndarray)
_SIZED = (*_CONTAINERS, *_LEAVES, frozenset, tuple)
_OPAQUE = (
    *(type, ModuleType, BuiltinFunctionType, FunctionType, int, float, np.generic, random.Random, np.random.Generator),
    *(logging.Logger, logging.Handler, io.IOBase, threading.Thread, multiprocessing.process.BaseProcess),
)


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

    def _fills_with_parent(self, path: str) -> bool:  # there is more in a structure as there is more of it: a cache
        factors = []
        while True:
            sizes = self.structures.get(path, [0])
            factors.append(sizes[-1] / max(sizes[len(sizes) // 2], 1))
            if "[*]" not in path:
                return len(factors) > 1 and max(factors[1:]) >= FILLING * factors[0]
            path = path[: path.rindex("[*]")]

    def drift(self) -> tuple[float, float]:
        """Return how many times more lines, and CPU seconds, an episode takes late than early."""
        lines = fmean(self.lines[-2:]) / max(fmean(self.lines[:2]), 1.0)
        return lines, min(self.seconds[-3:]) / median(self.seconds[:3])


def measure_growth(make: Callable[[int], Any], only_size: int | None, waits: float, budget: Budget) -> Growth:
    """Play a small pool, or one of the only size, that is old enough to evict, and look at it again and again."""
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
            statm = _STATM.read_text() if _STATM.exists() else "0 0"
            growth.resident_bytes.append(int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE"))
            sizes = structure_sizes(played.target)
            for path in sizes.keys() | growth.structures.keys():
                growth.structures.setdefault(path, [0] * look).append(sizes.get(path, 0))
    return growth


def lines_of(played: Played) -> float:
    """Count the lines of Python that most episodes run, whatever the few do that evict."""
    return float(median(sum(work.lines_each for work in played.episode(count).values()) for _ in range(_COUNTED)))


def measure_resume(make: Callable[[int], Any], size: int) -> tuple[str, float, float] | None:
    """Save and load an old pool; return by which methods (None: there are none), and an episode's lines in either."""
    with Played(make(size), size) as old:
        ways = (("get_state", "load_state"), ("save", "load"))
        how = next((way for way in ways if all(hasattr(old.target, name) for name in way)), None)
        if how is None:
            return None
        old.fill()
        old.age()
        with Played(_reload(old.target, make(size), *how), size) as new:
            for _ in range(_WARM * size):  # caches are no state: both play all their tasks
                old.episode(), new.episode()
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


def structure_sizes(target: Any) -> dict[str, int]:
    """Return the elements of each dict, list, set, deque, array, string and cache, by path.

    ``[*]`` stands for all elements of a structure, and ``module:name`` for what lies in the module of its class.

    >>> class Curriculum:
    ...     def __init__(self): self.scores, self.history = {1: 0.5}, {1: [0.1, 0.2], 2: [0.3]}
    >>> sizes = structure_sizes(Curriculum())
    >>> sizes["scores"], sizes["history"], sizes["history[*]"]
    (1, 2, 3)
    """
    sizes: dict[str, int] = {}
    seen: set[int] = set()
    todo = collections.deque([("", target, 0)])
    for kind in type(target).__mro__:
        members = getattr(sys.modules.get(kind.__module__), "__dict__", {})
        todo.extend((f"{kind.__module__}:{name}", value, 1) for name, value in _shared(kind, members))
    while todo and len(seen) < _OBJECTS:
        path, value, depth = todo.popleft()
        if value is None or isinstance(value, _OPAQUE) or id(value) in seen:
            continue
        seen.add(id(value))
        size = _size(value)
        if size is not None and path:
            sizes[path] = sizes.get(path, 0) + size
        if depth < _DEPTH:
            todo.extend((inner, child, depth + 1) for inner, child in _children(path, value))
    return sizes


def _size(value: Any) -> int | None:
    if isinstance(value, np.ndarray):
        return int(value.size)
    if isinstance(value, collections.deque) and value.maxlen is not None:
        return None  # bounded, however long it takes to fill
    if isinstance(value, _SIZED) or type(value).__name__ in ("DictProxy", "ListProxy"):  # those of a manager process
        return len(value)
    with contextlib.suppress(TypeError, AttributeError):
        return int(value.cache_info().currsize)  # functools.lru_cache
    return None


def _children(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, _SIZED):
        if not isinstance(value, _LEAVES) and len(value) <= _ELEMENTS:
            yield from ((f"{path}[*]", each) for each in list(value.values() if isinstance(value, dict) else value))
        return
    dot = f"{path}." if path else ""
    yield from ((f"{dot}{name}", attribute) for name, attribute in list(getattr(value, "__dict__", {}).items()))
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        names = [name for name in ((slots,) if isinstance(slots, str) else slots) if hasattr(value, name)]
        yield from ((f"{dot}{name}", getattr(value, name)) for name in names)
        yield from ((f"{kind.__name__}.{name}", member) for name, member in _shared(kind, vars(kind)))


def _shared(kind: type, members: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return what all instances of a class share, among the members of it or of its module."""
    if kind.__module__.partition(".")[0] in sys.stdlib_module_names:
        return []
    named = [(name, value) for name, value in members.items() if not name.startswith("__")]
    return [(name, v) for name, v in named if isinstance(v, _CONTAINERS) or hasattr(v, "cache_info")]
