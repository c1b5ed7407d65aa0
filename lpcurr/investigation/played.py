"""Play whatever has the curriculum methods, ours or another library's, in the same way every time."""

import inspect
import random
from collections.abc import Callable
from typing import Any, Self

from lpcurr.errors import ConfigError, LpcurrError
from lpcurr.investigation.counting import Observe

METHODS = ("get_task", "update_task_performance", "get_episode_stats", "stats", "on_epoch_end", "recommend_eviction")
_AT_THE_END = {"stats": "statistics", "on_epoch_end": "end of epoch", "recommend_eviction": "choice of an eviction"}
_ROUNDS = 24  # completions of every task in a pool that is old enough to evict: more than any preset asks for
_DRAWS_TO_FILL = 4  # for each task: of a pool that was full from the start, 98 % are seen then
_ID_NAMES = ("task_id", "_task_id", "id")
_REFUSALS = (KeyError, ValueError, IndexError)  # how curricula refuse a task that they have evicted meanwhile


def _plainly(call: Callable[..., Any], *arguments: Any) -> tuple[Any, None]:
    return call(*arguments), None


class Played:
    """A curriculum that is being investigated, with the number of tasks that it holds; a ``with`` block closes it."""

    def __init__(self, target: Any, size: int) -> None:
        self.target, self.size = target, size
        self.missing = [name for name in METHODS if not callable(getattr(target, name, None))]
        if "get_task" in self.missing:
            raise ConfigError(f"a {type(target).__name__} has no get_task(): it is neither a recipe nor a curriculum")
        self.known: dict[Any, None] = {}  # ids that it has handed out and not refused since, in order
        self._scores = random.Random(0)
        self._takes_label = _needs(getattr(target, "get_episode_stats", None))
        self._generates = True
        self._full = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        close(self.target)

    def episode(self, observe: Observe = _plainly) -> dict[str, Any]:
        """Play one episode; return what was seen by part. A draw that brings a new task into a full pool evicts."""
        task, seen = observe(self.target.get_task)
        task_id = _id_of(task)
        parts = {"eviction" if self._full and task_id not in self.known else "draw": seen}
        self.known[task_id] = None
        if self._generates:
            try:
                _, parts["task generation"] = observe(task.get_env_cfg)
            except (AttributeError, LpcurrError, NotImplementedError):  # there is no task generator
                self._generates = False
        for updated in self._update(task_id, observe):
            parts["update"] = updated
        if "get_episode_stats" not in self.missing:
            label = task.get_label() if hasattr(task, "get_label") else getattr(task, "label", None) or "unknown"
            needed = (label,) if self._takes_label else ()
            _, parts["episode statistics"] = observe(self.target.get_episode_stats, *needed)
        return parts

    def end_epoch(self, observe: Observe = _plainly) -> dict[str, Any]:
        """Call what a trainer calls once an epoch, and what chooses an eviction where that can be asked."""
        methods = {part: getattr(self.target, name) for name, part in _AT_THE_END.items() if name not in self.missing}
        return {part: observe(method)[1] for part, method in methods.items() if not _needs(method)}

    def fill(self) -> None:
        """Draw until all tasks were seen, or most; each of them is completed once."""
        for _ in range(_DRAWS_TO_FILL * self.size):
            task_id = _id_of(self.target.get_task())
            if task_id not in self.known:
                self.known[task_id] = None
                self._update(task_id)
            if len(self.known) >= self.size:
                break
        self._full = True

    def age(self, rounds: int = _ROUNDS) -> None:
        """Complete every known task so often."""
        for task_id in list(self.known):
            for _ in range(rounds):
                self._update(task_id)

    def _update(self, task_id: Any, observe: Observe = _plainly) -> list[Any]:
        """Report a random score, and return what was seen; nothing where it was refused, or there is no such method."""
        if "update_task_performance" in self.missing:
            return []
        try:
            return [observe(self.target.update_task_performance, task_id, self._scores.random())[1]]
        except _REFUSALS:
            self.known.pop(task_id, None)
            return []


def close(target: Any) -> None:
    """Give back what a curriculum holds, as far as it can."""
    for name in (name for name in ("close", "unlink") if callable(getattr(target, name, None))):
        getattr(target, name)()


def _id_of(task: Any) -> Any:
    if isinstance(task, dict):
        return next((task[name] for name in _ID_NAMES if name in task), id(task))
    if isinstance(task, tuple) and task:
        return task[0]
    return next((getattr(task, name) for name in _ID_NAMES if hasattr(task, name)), task)


def _needs(method: Any) -> bool:
    """Tell whether a method must be given an argument."""
    try:
        parameters = inspect.signature(method).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)
