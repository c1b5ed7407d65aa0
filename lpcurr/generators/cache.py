"""Tasks built on demand, the latest kept."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, TypeVar

from pydantic import BaseModel

from lpcurr.errors import ConfigError, TaskGenerationError, shown
from lpcurr.generators.base import GeneratedTask, TaskGenerator

Result = TypeVar("Result")

_PLAIN = (type(None), bool, int, float, complex, str, bytes)


class _Kept:
    """A task, and its environment configuration as it is copied from: pickled, once that was asked for and worked."""

    __slots__ = ("immutable", "pickled", "task")

    def __init__(self, task: GeneratedTask) -> None:
        self.task = task
        self.immutable = _is_immutable(task.env_cfg)
        self.pickled: bytes | None = None


class TaskCache:
    """Builds tasks by id and keeps those that were used last.

    Environment configurations are handed out as deep copies: an environment that changes its configuration changes
    its own episode only. One that nobody can change (frozen pydantic models and dataclasses, tuples and plain values,
    all the way down) is handed out as it is: the copy took 3 µs of an episode. A configuration that cannot be copied is
    built anew each time instead.

    Pickling takes the generator along and leaves the tasks behind, since any process can build them again. Where the
    generator raises, that is a ``TaskGenerationError``.

    Args:
        generator: what builds the tasks.
        size: how many built tasks to keep; 0 keeps none.

    Raises:
        ConfigError: the size is negative or not an integer.

    >>> from lpcurr.generators import bucketed
    >>> cache = TaskCache(bucketed({"size": 4}).add_bucket("size", [4, 8]), size=100)
    >>> env_cfg = cache.env_cfg(12)
    >>> env_cfg["size"] = 99
    >>> cache.env_cfg(12), len(cache)
    ({'size': 8}, 1)
    """

    def __init__(self, generator: TaskGenerator, size: int) -> None:
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:
            raise ConfigError(f"the size of a task cache is an integer from 0 up, not {shown(size)}")
        self.generator = generator
        self.size = size
        # It has no lock, which a fork at the wrong moment would leave locked in the child: threads that meet on one id
        # build it twice at worst.
        self._find = lru_cache(maxsize=size)(partial(_build, generator))
        self._picklable = self._copyable = True

    def __len__(self) -> int:
        return self._find.cache_info().currsize

    def __reduce__(self) -> tuple[type[TaskCache], tuple[TaskGenerator, int]]:
        return TaskCache, (self.generator, self.size)

    def get(self, task_id: int) -> GeneratedTask:
        """The built task. It is the cache's own: read it, do not hand it out."""
        return self._find(task_id).task

    def env_cfg(self, task_id: int) -> Any:
        """An environment configuration that is the caller's own, or that nobody can change."""
        if self.size and self._copyable:
            kept = self._find(task_id)
            if kept.immutable:
                return kept.task.env_cfg
            if self._picklable:
                # Of a MettaGridConfig, which every episode takes a copy of: 0.14 ms, against 0.7 for deepcopy.
                try:
                    if kept.pickled is None:
                        kept.pickled = pickle.dumps(kept.task.env_cfg, pickle.HIGHEST_PROTOCOL)
                    return pickle.loads(kept.pickled)
                except Exception:  # of a class in a function, say
                    self._picklable = False
            try:
                return copy.deepcopy(kept.task.env_cfg)
            except Exception:
                self._copyable = False
                self._find.cache_clear()
        return _guarded(self.generator, self.generator.build, task_id).env_cfg

    def label(self, task_id: int) -> str:
        """The label of a task, which is not built for it."""
        return _guarded(self.generator, self.generator.label_of, task_id)

    def shared_env_cfg(self, task_id: int) -> Any:
        """An environment configuration that must not be changed: the next episode of the task gets the same one."""
        return self.get(task_id).env_cfg

    def slice_values(self, task_id: int) -> dict[str, Any]:
        """The drawn value of each bucket, by path; the task is not built for it."""
        return _guarded(self.generator, self.generator.slice_values_of, task_id)


def _build(generator: TaskGenerator, task_id: int) -> _Kept:
    return _Kept(_guarded(generator, generator.build, task_id))


def _guarded(generator: TaskGenerator, call: Callable[[int], Result], task_id: int) -> Result:
    try:
        return call(task_id)
    except Exception as error:
        name = f"{type(generator).__name__}{f' {generator.label!r}' if generator.label else ''}"
        raise TaskGenerationError(
            f"{name} failed for task {task_id} in {call.__name__}: {type(error).__name__}: {error}"
        ) from error


def _is_immutable(value: Any) -> bool:
    """Whether nothing in a configuration can be changed; exact types, since a subclass may add anything."""
    if type(value) in _PLAIN:
        return True
    if type(value) in (tuple, frozenset):
        return all(map(_is_immutable, value))
    if isinstance(value, BaseModel):
        frozen = bool(value.model_config.get("frozen"))
        hidden = value.__pydantic_private__ or value.__pydantic_extra__
        return frozen and not hidden and all(map(_is_immutable, vars(value).values()))
    parameters = getattr(type(value), "__dataclass_params__", None)
    if parameters is not None and parameters.frozen:
        return all(_is_immutable(getattr(value, field.name)) for field in dataclasses.fields(value))
    return False
