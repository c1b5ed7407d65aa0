"""How large every structure is that can be reached from an object, by the path of attributes to it."""

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
from collections.abc import Iterator, Mapping, Sequence, Set
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

_DEPTH = 7
_ELEMENTS = 512  # of one structure that are looked into: beyond, it is large enough to be named itself
_OBJECTS = 50_000
_SIZED = (dict, list, set, frozenset, collections.deque, tuple, str, bytes, bytearray, array.array, np.ndarray)
_OPAQUE = (
    *(type, ModuleType, BuiltinFunctionType, int, float, complex, np.generic, random.Random, np.random.Generator),
    *(logging.Logger, logging.Handler, io.IOBase, threading.Thread, multiprocessing.process.BaseProcess),
)


def structure_sizes(target: Any) -> dict[str, int]:
    """Elements of each dict, list, set, deque, array, string and cache, by path.

    ``[*]`` stands for all elements of a structure, and ``module:name`` for what lies in the module of its class.

    >>> class Curriculum:
    ...     def __init__(self): self.scores, self.history = {1: 0.5}, {1: [0.1, 0.2], 2: [0.3]}
    >>> sizes = structure_sizes(Curriculum())
    >>> sizes["scores"], sizes["history"], sizes["history[*]"]
    (1, 2, 3)
    """
    sizes: dict[str, int] = {}
    seen: set[int] = set()
    todo: collections.deque[tuple[str, Any, int]] = collections.deque([("", target, 0), *_of_module(target)])
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


def largest_structure(target: Any) -> int:
    """The size of the largest structure that belongs to the object itself."""
    return max((n for path, n in structure_sizes(target).items() if ":" not in path), default=0)


def lock_paths(target: Any) -> list[str]:
    """Where the object has locks that processes may share, as far as they can be seen."""
    found = []
    seen: set[int] = set()
    todo: collections.deque[tuple[str, Any, int]] = collections.deque([("", target, 0)])
    while todo and len(seen) < _OBJECTS:
        path, value, depth = todo.popleft()
        if value is None or id(value) in seen or isinstance(value, (type, ModuleType)):
            continue
        seen.add(id(value))
        if path and ("lock" in type(value).__name__.lower() or type(value).__name__ in ("AcquirerProxy", "Semaphore")):
            found.append(path)
        elif depth < _DEPTH and not isinstance(value, _OPAQUE):
            todo.extend((inner, child, depth + 1) for inner, child in _children(path, value))
    return found


def _size(value: Any) -> int | None:
    if isinstance(value, np.ndarray):
        return int(value.size)
    if isinstance(value, collections.deque) and value.maxlen is not None:
        return None  # bounded, however long it takes to fill
    if isinstance(value, _SIZED) or type(value).__name__ in ("DictProxy", "ListProxy"):  # those of a manager process
        return len(value)
    if callable(getattr(value, "cache_info", None)) and not isinstance(value, type):  # functools.lru_cache
        with contextlib.suppress(TypeError, AttributeError):  # something else of that name
            return int(value.cache_info().currsize)
    return None


def _children(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, (str, bytes, bytearray, array.array, np.ndarray)):
        return
    if isinstance(value, Mapping):
        if isinstance(value, dict) and len(value) <= _ELEMENTS:
            yield from ((f"{path}[*]", each) for each in list(value.values()))
        return
    if isinstance(value, (Sequence, Set, collections.deque)):
        if isinstance(value, (list, tuple, set, frozenset, collections.deque)) and len(value) <= _ELEMENTS:
            yield from ((f"{path}[*]", each) for each in list(value))
        return
    if isinstance(value, MethodType):
        yield path, value.__self__
        yield path, value.__func__
    elif isinstance(value, FunctionType):
        names = value.__code__.co_freevars
        for name, cell in zip(names, value.__closure__ or (), strict=False):
            with contextlib.suppress(ValueError):  # an empty cell
                yield f"{path}<{name}>", cell.cell_contents
    else:
        yield from _attributes(path, value)


def _attributes(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    dot = f"{path}." if path else ""
    for name, attribute in list(getattr(value, "__dict__", {}).items()):
        yield f"{dot}{name}", attribute
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            with contextlib.suppress(AttributeError):
                yield f"{dot}{name}", getattr(value, name)
        if _is_standard(kind.__module__):
            continue
        for name, member in list(vars(kind).items()):  # what all instances share
            if name.startswith("__"):
                continue
            if isinstance(member, (dict, list, set, collections.deque, np.ndarray)) or hasattr(member, "cache_info"):
                yield f"{kind.__name__}.{name}", member


def _of_module(target: Any) -> Iterator[tuple[str, Any, int]]:
    """Structures that lie in the modules of the object's own classes."""
    for kind in type(target).__mro__:
        module = sys.modules.get(kind.__module__)
        if module is None or _is_standard(kind.__module__):
            continue
        for name, value in list(vars(module).items()):
            sized = isinstance(value, (dict, list, set, collections.deque, np.ndarray)) or hasattr(value, "cache_info")
            if sized and not name.startswith("__"):
                yield f"{kind.__module__}:{name}", value, 1


def _is_standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names
