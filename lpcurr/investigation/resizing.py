"""Making a curriculum with another number of tasks than its factory would.

A factory may take the number itself. Where it does not, the constructor of what it returns usually does, or a
configuration that it is given, or the class has a constant: then the constructor is intercepted while the factory runs.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lpcurr.investigation.played import close

SIZE_NAMES = (
    *("num_active_tasks", "num_tasks", "n_tasks", "max_tasks", "max_active_tasks", "active_tasks", "task_count"),
    *("pool_size", "capacity", "size", "n", "tasks"),
)
"""What the number of tasks is called, the most telling first."""

Factory = Callable[..., Any]


def resizable(factory: Factory, arguments: dict[str, Any]) -> tuple[Callable[[int], Any] | None, int | None, str]:
    """How to make what a factory makes with n tasks.

    Args:
        factory: returns a fresh curriculum.
        arguments: what to call it with.

    Returns:
        A function of n, or None where no way was found; the number of tasks by default, if that is known; and what
        is changed, in words.
    """
    name = _size_parameter(factory)
    if name is not None:
        default = arguments.get(name, inspect.signature(factory).parameters[name].default)
        return lambda n: factory(**(arguments | {name: n})), _count(default), f"{_name(factory)}({name}=n)"
    found: list[tuple[str, int | None]] = []
    made = factory(**arguments)
    kind = type(made)
    close(made)
    with _intercepted(kind, None, found):
        close(factory(**arguments))
    if not found:
        return None, None, "neither the factory nor the constructor takes the number of tasks"
    where, default = found[0]

    def make(n: int) -> Any:
        with _intercepted(kind, n, []):
            return factory(**arguments)

    return make, default, f"{kind.__name__}({where}=n)"


@contextmanager
def _intercepted(kind: type, size: int | None, found: list[tuple[str, int | None]]) -> Iterator[None]:
    """Replace the number of tasks in calls of a class's constructor; ``found`` gets its name and what it was."""
    constructor = kind.__init__  # type: ignore[misc]
    owned = "__init__" in vars(kind)
    try:
        signature = inspect.signature(constructor)
    except (TypeError, ValueError):
        yield
        return

    @functools.wraps(constructor)
    def replacing(self: Any, *args: Any, **options: Any) -> None:
        bound = signature.bind(self, *args, **options)
        bound.apply_defaults()
        for name in SIZE_NAMES:
            if name in bound.arguments and _count(bound.arguments[name]) is not None:
                found.append((name, _count(bound.arguments[name])))
                if size is not None:
                    bound.arguments[name] = size
                break
        else:
            if not _replace_in_configs(bound.arguments, size, found):
                _shadow_constant(self, size, found)
        constructor(*bound.args, **bound.kwargs)

    kind.__init__ = replacing  # type: ignore[misc]
    try:
        yield
    finally:
        if owned:
            kind.__init__ = constructor  # type: ignore[misc]
        else:
            del kind.__init__  # type: ignore[misc]


def _replace_in_configs(arguments: dict[str, Any], size: int | None, found: list[tuple[str, int | None]]) -> bool:
    for argument, value in arguments.items():
        for name in SIZE_NAMES:
            if argument == "self" or _count(getattr(value, name, None)) is None:
                continue
            found.append((f"{argument}.{name}", _count(getattr(value, name))))
            if size is not None:
                changed = copy.copy(value)
                object.__setattr__(changed, name, size)  # a frozen dataclass too: the copy is ours
                arguments[argument] = changed
            return True
    return False


def _shadow_constant(made: Any, size: int | None, found: list[tuple[str, int | None]]) -> None:
    for name in SIZE_NAMES:
        for spelled in (name, name.upper()):
            default = _count(getattr(type(made), spelled, None))
            if default is not None:
                found.append((spelled, default))
                if size is not None:
                    setattr(made, spelled, size)
                return


def _size_parameter(factory: Factory) -> str | None:
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):
        return None
    return next((name for name in SIZE_NAMES if name in parameters), None)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _name(factory: Factory) -> str:
    return getattr(factory, "__name__", type(factory).__name__)
