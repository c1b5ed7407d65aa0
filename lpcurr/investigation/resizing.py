"""Make a curriculum with another number of tasks than its factory would.

A factory may take the number itself. Where it does not, the constructor of what it returns usually does, or a
configuration that it is given, or the class has a constant: then the constructor is intercepted while the factory runs.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any
from unittest import mock

from lpcurr.investigation.played import close

# What the number of tasks is called, the most telling first.
SIZE_NAMES = (
    *("num_active_tasks", "num_tasks", "n_tasks", "max_tasks", "max_active_tasks", "active_tasks", "task_count"),
    *("pool_size", "capacity", "size", "n", "tasks"),
)
_Resizable = tuple[Callable[[int], Any] | None, int | None, str]


def resizable(factory: Callable[..., Any], arguments: dict[str, Any]) -> _Resizable:
    """Return how to make what a factory makes with n tasks.

    Args:
        factory: returns a fresh curriculum.
        arguments: what to call it with.

    Returns:
        A function of n, or None where no way was found; the number of tasks by default, if that is known; and what
        is changed, in words.
    """
    parameters = parameters_of(factory)
    for name in SIZE_NAMES:
        if name in parameters:
            default = arguments.get(name, parameters[name].default)
            called = getattr(factory, "__name__", type(factory).__name__)
            return lambda n: factory(**(arguments | {name: n})), _number(default), f"{called}({name}=n)"
    made = factory(**arguments)
    kind, found = type(made), list[tuple[str, int]]()
    close(made)

    def make(n: int | None) -> Any:
        constructor = kind.__init__  # type: ignore[misc]

        def replacing(self: Any, *args: Any, **options: Any) -> None:
            bound = inspect.signature(constructor).bind(self, *args, **options)
            bound.apply_defaults()
            found.extend(_set_size(self, bound.arguments, n))
            constructor(*bound.args, **bound.kwargs)

        with mock.patch.object(kind, "__init__", replacing):
            return factory(**arguments)

    if parameters_of(kind.__init__):  # type: ignore[misc]
        close(make(None))
    if not found:
        return None, None, "neither the factory nor the constructor takes the number of tasks"
    return make, found[0][1], f"{kind.__name__}({found[0][0]}=n)"


def parameters_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the parameters of a function; none of some builtins, which do not tell."""
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return {}


def _set_size(made: Any, arguments: dict[str, Any], n: int | None) -> list[tuple[str, int]]:
    """Set the number of tasks where it is (None: do not); return where that is, and what it was."""
    for name in SIZE_NAMES:
        if default := _number(arguments.get(name)):
            arguments[name] = n or default
            return [(name, default)]
    for argument, value in arguments.items():
        for name in SIZE_NAMES if value is not made else ():
            if default := _number(getattr(value, name, None)):
                arguments[argument] = _changed(value, name, default, n) if n else value
                return [(f"{argument}.{name}", default)]
    for name in (*SIZE_NAMES, *map(str.upper, SIZE_NAMES)):
        if default := _number(getattr(type(made), name, None)):
            setattr(made, name, n or default)
            return [(name, default)]
    return []


def _changed(config: Any, name: str, default: int, n: int) -> Any:
    """Copy a configuration with another number, also in those within it that say the same."""
    changed = copy.copy(config)
    inner = {key: value for key, value in vars(config).items() if getattr(value, name, None) == default}
    for key, value in {name: n, **{key: _changed(value, name, default, n) for key, value in inner.items()}}.items():
        object.__setattr__(changed, key, value)  # a frozen dataclass too: the copy is ours
    return changed


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
