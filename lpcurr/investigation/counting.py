"""Observe one call: its result, and the lines, calls, bytes and waits in it, none of which depends on the load.

Lines are counted by ``sys.settrace`` on every version of Python: unlike ``sys.monitoring`` it sees its own thread only.
"""

from __future__ import annotations

import gc
import resource
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import managers, synchronize
from types import CodeType, FrameType
from typing import Any

Observe = Callable[..., tuple[Any, Any]]
Function = tuple[str, int, str]  # file, first line, name
Path = tuple[Function, ...]  # from the entry point down


@dataclass
class Work:
    """Lines and calls of some calls of one entry point."""

    times: int = 0  # that the entry point was called
    lines: Counter[Path] = field(default_factory=Counter)
    calls: Counter[Path] = field(default_factory=Counter)  # functions entered; generators each time that they go on

    def add(self, other: Work) -> None:
        """Add the work of other calls."""
        self.times += other.times
        self.lines.update(other.lines)
        self.calls.update(other.calls)

    @property
    def lines_each(self) -> float:
        """Lines for one call of the entry point."""
        return self.lines.total() / max(self.times, 1)


class _Node:  # a function as it is reached by one path
    def __init__(self, parent: _Node | None, path: Path) -> None:
        self.parent, self.path, self.calls, self.lines = parent, path, 0, 0
        self.children: dict[CodeType, _Node] = {}


def count(call: Callable[..., Any], *arguments: Any) -> tuple[Any, Work]:
    """Count the lines and calls of a call."""
    here = _Node(None, ())
    nodes: list[_Node] = []

    def within(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal here
        if event == "line":
            here.lines += 1
        elif event == "return" and here.parent is not None:
            here = here.parent
        return within

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal here
        code, parent = frame.f_code, here
        if code not in parent.children:
            parent.children[code] = _Node(parent, (*parent.path, (code.co_filename, code.co_firstlineno, code.co_name)))
            nodes.append(parent.children[code])
        here = parent.children[code]
        here.calls += 1
        return within

    tracing, collecting = sys.gettrace(), gc.isenabled()
    gc.disable()  # finalizers would be counted where they happen to run
    sys.settrace(enter)
    try:
        result = call(*arguments)
    finally:
        sys.settrace(tracing)
        (gc.enable if collecting else gc.disable)()
    work = Work(times=1)
    for node in nodes:  # two functions of one line and name are one
        work.lines[node.path] += node.lines
        work.calls[node.path] += node.calls
    return result, work


def weigh(call: Callable[..., Any], *arguments: Any) -> tuple[Any, int]:
    """Count the bytes that Python and NumPy take at most during a call; ``tracemalloc`` must have been started."""
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    result = call(*arguments)
    return result, tracemalloc.get_traced_memory()[1] - before


def clock(call: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """Take the CPU seconds of a call: of this thread, whatever others do."""
    began = time.thread_time()
    result = call(*arguments)
    return result, time.thread_time() - began


@dataclass
class Waits:
    """How a call waits, and what it does while it holds a lock that processes share."""

    waits: int = 0  # how often it gave its core away to wait: sleeping, reading, for a lock that is taken
    holding_waits: int = 0  # of these, while it held a lock
    holding_calls: int = 0  # functions called while it held a lock
    messages: int = 0  # round trips to a manager's process
    places: list[str] = field(default_factory=list)  # where it took locks


_SEMAPHORE = synchronize._multiprocessing.SemLock  # type: ignore[attr-defined]
_TAKES = {"acquire": 1, "__enter__": 1, "release": -1, "__exit__": -1}


def watch(call: Callable[..., Any], *arguments: Any) -> tuple[Any, Waits]:
    """Count a call's waits: voluntary context switches, which other processes do not add to."""
    seen, depth, since = Waits(), 0, 0

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal depth, since
        if event == "call":
            seen.holding_calls += depth > 0
            seen.messages += frame.f_code is managers.BaseProxy._callmethod.__code__
        if event != "c_return" or not isinstance(getattr(argument, "__self__", None), _SEMAPHORE):
            return
        change = _TAKES.get(argument.__name__, 0)
        if depth == 1 and change < 0:
            seen.holding_waits += _switches() - since
        depth = max(depth + change, 0)
        if depth == 1 and change > 0:
            since = _switches()
            place = frame.f_back if frame.f_back and frame.f_code.co_filename == synchronize.__file__ else frame
            seen.places.append(f"{place.f_code.co_name}, line {place.f_lineno}")

    before, began = sys.getprofile(), _switches()
    sys.setprofile(profile)
    try:
        result = call(*arguments)
    finally:
        sys.setprofile(before)
    seen.waits = _switches() - began
    return result, seen


def _switches() -> int:
    return resource.getrusage(getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)).ru_nvcsw
