"""One face for whatever has the curriculum methods: ours, or another library's."""

from __future__ import annotations

import inspect
import random
import time
from collections.abc import Callable
from typing import Any

from lpcurr.errors import ConfigError, LpcurrError

METHODS = {
    "get_task": "draw",
    "update_task_performance": "update",
    "get_episode_stats": "episode stats",
    "stats": "statistics",
    "on_epoch_end": "end of epoch",
    "recommend_eviction": "choice of an eviction",
}
"""The methods that are looked for, and what their part is called."""

PARTS = {
    "draw": "draw",
    "eviction": "draw",
    "task generation": "generate",
    "update": "update",
    "episode stats": "episode_stats",
}
"""The parts of an episode, and the method of :class:`Played` in which each happens."""

_ID_NAMES = ("task_id", "_task_id", "id")


class Played:
    """A curriculum that is being investigated.

    Args:
        target: the curriculum.
        seed: of the scores that it is told.

    Attributes:
        target: the curriculum.
        missing: those of :data:`METHODS` that it does not have.
        seconds: by part, spent in its methods by :meth:`episode`.
        calls: by part, likewise.
        known: the ids that it has handed out and that it still knows, in order.
        capacity: tasks that it holds, where that is known: a new one beyond has made it evict another.

    Raises:
        ConfigError: it has no ``get_task``.
    """

    def __init__(self, target: Any, seed: int = 0, capacity: int | None = None) -> None:
        self.target = target
        self.capacity = capacity
        self.missing = [name for name in METHODS if not callable(getattr(target, name, None))]
        if "get_task" in self.missing:
            raise ConfigError(f"a {type(target).__name__} has no get_task(): it is neither a recipe nor a curriculum")
        self._random = random.Random(seed)
        self._label_first = _takes_an_argument(getattr(target, "get_episode_stats", None))
        self._generates: bool | None = None
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self.known: dict[Any, None] = {}
        self.last: tuple[Any, Any] = (None, None)  # task and id of the latest draw

    def has(self, method: str) -> bool:
        """Whether it has this one of :data:`METHODS`."""
        return method not in self.missing

    def draw(self) -> bool:
        """``get_task``; whether the task was never seen before."""
        task = self.target.get_task()
        task_id = _id_of(task)
        self.last = task, task_id
        if task_id in self.known:
            return False
        self.known[task_id] = None
        return True

    def update(self, task_id: Any = None) -> None:
        """``update_task_performance`` of a task, by default the latest, with a random score; forgets unknown tasks."""
        task_id = self.last[1] if task_id is None else task_id
        try:
            self.target.update_task_performance(task_id, self._random.random())
        except (KeyError, ValueError, IndexError):  # how curricula refuse a task that they have evicted meanwhile
            self.known.pop(task_id, None)

    def episode_stats(self) -> None:
        """``get_episode_stats`` of the latest task's label."""
        if self._label_first:
            self.target.get_episode_stats(self.label())
        else:
            self.target.get_episode_stats()

    def label(self) -> Any:
        """The label of the latest task; "unknown" where tasks have none."""
        task = self.last[0]
        if callable(getattr(task, "get_label", None)):
            return task.get_label()
        return getattr(task, "label", None) or "unknown"

    def generate(self) -> None:
        """``get_env_cfg`` of the latest task."""
        self.last[0].get_env_cfg()

    def parts(self) -> dict[str, Callable[[], Any]]:
        """What an episode consists of, by the name of the part; the draw comes first."""
        if self._generates is None and self.last[0] is not None:
            self._generates = self._can_generate()
        found: dict[str, Callable[[], Any]] = {"draw": self.draw}
        if self._generates:
            found["task generation"] = self.generate
        if self.has("update_task_performance"):
            found["update"] = self.update
        if self.has("get_episode_stats"):
            found["episode stats"] = self.episode_stats
        return found

    def _can_generate(self) -> bool:
        if not callable(getattr(self.last[0], "get_env_cfg", None)):
            return False
        try:
            self.generate()
        except (LpcurrError, NotImplementedError):  # it has no task generator
            return False
        return True

    def end_epoch(self) -> None:
        """``stats`` and ``on_epoch_end``, as a trainer calls them; their seconds are counted."""
        for name in ("stats", "on_epoch_end"):
            if self.has(name):
                began = time.perf_counter()
                getattr(self.target, name)()
                self.seconds[METHODS[name]] = self.seconds.get(METHODS[name], 0.0) + time.perf_counter() - began

    def episode(self) -> None:
        """One whole episode but for the environment; its seconds are counted by part."""
        for name, call in self.parts().items():
            began = time.perf_counter()
            new = call()
            seconds = time.perf_counter() - began
            if new and self.capacity is not None and len(self.known) > self.capacity:
                name = "eviction"
            self.seconds[name] = self.seconds.get(name, 0.0) + seconds
            self.calls[name] = self.calls.get(name, 0) + 1


def _id_of(task: Any) -> Any:
    for name in _ID_NAMES:
        if hasattr(task, name):
            return getattr(task, name)
    if isinstance(task, dict):
        return next((task[name] for name in _ID_NAMES if name in task), id(task))
    if isinstance(task, tuple) and task:
        return task[0]
    return task


def _takes_an_argument(method: Any) -> bool:
    try:
        parameters = inspect.signature(method).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL) for p in parameters)
