"""Find every structure that can be reached from an object, by the path of attributes to it."""

from __future__ import annotations

import array
import collections
import contextlib
import io
import logging
import multiprocessing.process
import random
import sys
import threading
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np

_DEPTH, _ELEMENTS, _OBJECTS = 7, 512, 50_000  # larger structures are not looked into: they are named themselves
_CONTAINERS = (dict, list, set, collections.deque, np.ndarray)
_LEAVES = (str, bytes, bytearray, array.array, np.ndarray)
_SIZED = (*_CONTAINERS, *_LEAVES, frozenset, tuple)
_OPAQUE = (
    *(type, ModuleType, BuiltinFunctionType, FunctionType, int, float, np.generic, random.Random, np.random.Generator),
    *(logging.Logger, logging.Handler, io.IOBase, threading.Thread, multiprocessing.process.BaseProcess),
)


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
