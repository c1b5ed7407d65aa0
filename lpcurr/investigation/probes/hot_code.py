"""Where the time of a call goes, and what that code is for."""

from __future__ import annotations

import cProfile
import dis
import pstats
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType
from typing import Any

from lpcurr.investigation import played as played_module
from lpcurr.investigation.played import PARTS, Played

_DESCENT = 0.5  # the callee that has this share of its caller's time is followed
_STATISTICS = {
    *("stat", "stats", "statistic", "statistics", "metric", "metrics", "gini", "summary", "summaries", "summarise"),
    *("summarize", "report", "reports", "histogram", "histograms", "percentile", "percentiles", "dashboard", "logging"),
    *("telemetry", "diagnostics", "quantiles"),
}
_EVICTION = {"evict", "evicts", "eviction", "evictions", "evictable", "prune", "remove", "replace", "discard", "victim"}
_DRAWS = ("get_task",)
_REPORTS = ("stats", "get_episode_stats", "on_epoch_end", "calculate_gini_coefficients")


@dataclass
class HotCode:
    """Where the time of a call goes.

    Attributes:
        chain: the functions from the call down, each with most of the time of the one before.
        lines: lines of Python that one call runs; 0 where they were not counted.
        purpose: "statistics", "eviction" or "scan", as far as the names in the chain, and who reads the results, tell.
    """

    chain: list[str]
    lines: int
    purpose: str

    @property
    def place(self) -> str:
        """The chain in words."""
        return " → ".join(self.chain)


def find_hot_code(played: Played, part: str, seconds: float, *, with_lines: bool = False) -> HotCode:
    """Profile episodes for about so many seconds (at least one), and look at one part of them."""
    profile = cProfile.Profile()
    until = time.perf_counter() + seconds
    profile.enable()
    try:
        while True:
            played.episode()
            if time.perf_counter() > until:
                break
    finally:
        profile.disable()
    functions = _chain(profile, PARTS[part])
    names = [name for _, _, name in functions]
    lines = count_lines(played.parts()[part]) if with_lines and part != "eviction" else 0
    return HotCode(names, lines, _purpose(played.target, functions))


def count_lines(call: Callable[[], Any]) -> int:
    """How many lines of Python a call runs, those of this package's probes included."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def _chain(profile: cProfile.Profile, method: str) -> list[tuple[str, int, str]]:
    """The functions that hold the time, from the subject's method down."""
    try:
        table: dict[Any, Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    except TypeError:  # nothing was recorded
        return []
    own = [key for key in table if key[0] == played_module.__file__]
    here = next((key for key in own if key[2] == method), None)
    found: list[tuple[str, int, str]] = []
    while here is not None and here not in found:
        if here not in own:
            found.append(here)
        time_of = {
            key: callers[here][3]
            for key, (*_, callers) in table.items()
            if here in callers and key != here and key not in own
        }
        below = max(time_of, key=lambda key: time_of[key], default=None)
        if below is None or (found and time_of[below] < _DESCENT * table[here][3]):
            break
        here = below
    return [(file, line, _readable(name)) for file, line, name in found]


def _readable(name: str) -> str:
    builtin = re.fullmatch(r"<(?:built-in )?method (.+?)(?: of '.*)?>", name)
    return builtin.group(1).removeprefix("builtins.").strip("'") if builtin else name


def _words(name: str) -> set[str]:
    return set(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().split("_"))


def _purpose(target: Any, functions: list[tuple[str, int, str]]) -> str:
    for words, purpose in ((_STATISTICS, "statistics"), (_EVICTION, "eviction")):
        if any(_words(name) & words for _, _, name in functions):
            return purpose
    return "statistics" if _is_for_reports(target, functions) else "scan"


def _is_for_reports(target: Any, functions: list[tuple[str, int, str]]) -> bool:
    """Whether what the hot code stores is read by the statistics, and not by the draw.

    >>> class Curriculum:
    ...     def get_task(self): return self.scores
    ...     def update_task_performance(self, task_id, score): self.mean = sum(self.scores.values())
    ...     def stats(self): return {"mean": self.mean}
    >>> hot = Curriculum.update_task_performance.__code__
    >>> _is_for_reports(Curriculum(), [(hot.co_filename, hot.co_firstlineno, hot.co_name)])
    True
    """
    codes = {(c.co_filename, c.co_firstlineno): c for c in _methods(type(target)).values()}
    hot = [codes[place[:2]] for place in functions if place[:2] in codes]
    stored = {name for code in hot for name in _attributes(code, "STORE_ATTR")}
    stored = {name for name in stored if not isinstance(getattr(target, name, None), int)}  # counters tell nothing
    for_draws, for_reports = (_read_by(type(target), names, hot) for names in (_DRAWS, _REPORTS))
    return bool(stored & for_reports) and not stored & for_draws


def _read_by(kind: type, names: tuple[str, ...], without: list[CodeType]) -> set[str]:
    """The attributes that methods read, with all methods of the class that they mention."""
    methods = _methods(kind)
    read: set[str] = set()
    todo, done = list(names), set()
    while todo:
        name = todo.pop()
        code = methods.get(name)
        if code is None or name in done or (code in without and name not in names):
            continue
        done.add(name)
        loaded = set(_attributes(code, "LOAD"))
        read |= loaded
        todo += loaded & methods.keys()
    return read


def _methods(kind: type) -> dict[str, CodeType]:
    found: dict[str, CodeType] = {}
    for each in reversed(kind.__mro__):
        for name, member in vars(each).items():
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            if isinstance(function, FunctionType):
                found[name] = function.__code__
    return found


def _attributes(code: CodeType, operation: str) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname.startswith(operation) and instruction.opname.endswith(("ATTR", "METHOD")):
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):  # a comprehension or an inner function
            yield from _attributes(constant, operation)
