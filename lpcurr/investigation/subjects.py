"""Find what is investigated, a recipe or any object with the curriculum methods, and how to make it with n tasks.

A factory may take the number itself. Where it does not, the constructor of what it returns usually does, or a
configuration that it is given, or the class has a constant: then the constructor is intercepted while the factory runs.
"""

import ast
import contextlib
import copy
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.errors import ConfigError
from lpcurr.investigation.played import Played, close
from lpcurr.recipes.config import TrainingConfig
from lpcurr.recipes.overrides import apply_overrides
from lpcurr.recipes.registry import find_recipe


@dataclass
class Subject:
    """What is investigated."""

    name: str  # as it was asked for
    make: Callable[[], Any]  # a fresh curriculum as it is by default
    resize: Callable[[int], Any] | None  # a fresh curriculum with n tasks; None where no way was found
    size: int | None  # tasks by default, None where that is not known
    sizing: str  # how the size is varied, or why not
    missing: list[str] = field(default_factory=list)  # curriculum methods that it does not have
    recipe: TrainingConfig | None = None


def find_subject(name: str, overrides: Sequence[str] = ()) -> Subject:
    """Find a recipe, or ``package.module:function`` of one or of a curriculum; ``key=value`` are its arguments."""
    factory = find_recipe(name)
    arguments = _arguments(overrides)
    others = arguments.keys() - _parameters(factory).keys()
    given = {} if others else arguments
    try:
        with contextlib.suppress(ValueError):  # some builtins do not tell
            inspect.signature(factory).bind(**given)
    except TypeError as error:
        raise ConfigError(f"{name}: {error}; give its arguments as key=value") from None
    made = factory(**given)
    if isinstance(made, TrainingConfig):
        return _of_recipe(name, apply_overrides(made, overrides if others else ()))
    if others:
        raise ConfigError(f"{name} takes no {', '.join(sorted(others))}")
    with Played(made, 1) as played:
        missing = played.missing
    return Subject(name, lambda: factory(**arguments), *resizable(factory, arguments), missing)


def _of_recipe(name: str, recipe: TrainingConfig) -> Subject:
    config = recipe.curriculum
    fields = config.model_dump(exclude={"task_generator", "schedule"}) | {"session_id": None, "seed": recipe.seed}

    def resize(n: int) -> Any:
        changed = fields | {"num_active_tasks": n, "defer_init": False}
        return CurriculumConfig(**changed, task_generator=config.task_generator).make()

    size, sizing = config.num_active_tasks, "curriculum.num_active_tasks=n"
    return Subject(name, lambda: resize(size), resize, size, sizing, recipe=recipe)


def _arguments(overrides: Sequence[str]) -> dict[str, Any]:
    """Read ``key=value`` with Python literals, strings otherwise."""
    arguments: dict[str, Any] = {}
    for override in overrides:
        key, equals, arguments[key] = override.partition("=")
        if not equals:
            raise ConfigError(f"{override!r} is not key=value")
        with contextlib.suppress(ValueError, SyntaxError):
            arguments[key] = ast.literal_eval(arguments[key])
    return arguments


# What the number of tasks is called, the most telling first.
SIZE_NAMES = (
    *("num_active_tasks", "num_tasks", "n_tasks", "max_tasks", "max_active_tasks", "active_tasks", "task_count"),
    *("pool_size", "capacity", "size", "n", "tasks"),
)
Make = Callable[[int], Any]


def resizable(factory: Callable[..., Any], arguments: dict[str, Any]) -> tuple[Make | None, int | None, str]:
    """Return a function that makes the same with n tasks (None: there is no way), the default, and what is changed."""
    parameters = _parameters(factory)
    for name in SIZE_NAMES:
        if name in parameters:
            default = arguments.get(name, parameters[name].default)
            called = getattr(factory, "__name__", type(factory).__name__)
            return lambda n, name=name: factory(**(arguments | {name: n})), _number(default), f"{called}({name}=n)"
    made = factory(**arguments)
    kind, found = type(made), list[tuple[str, int]]()
    close(made)

    def make(n: int | None) -> Any:
        constructor = kind.__init__

        def replacing(self: Any, *args: Any, **options: Any) -> None:
            bound = inspect.signature(constructor).bind(self, *args, **options)
            bound.apply_defaults()
            found.extend(_set_size(self, bound.arguments, n))
            constructor(*bound.args, **bound.kwargs)

        with mock.patch.object(kind, "__init__", replacing):
            return factory(**arguments)

    if _parameters(kind.__init__):
        close(make(None))
    if not found:
        return None, None, "neither the factory nor the constructor takes the number of tasks"
    return make, found[0][1], f"{kind.__name__}({found[0][0]}=n)"


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
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
