"""Find what is investigated: a recipe, or any object with the curriculum methods."""

from __future__ import annotations

import ast
import contextlib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.errors import ConfigError
from lpcurr.investigation.played import Played, close
from lpcurr.investigation.resizing import parameters_of, resizable
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
    """Find a recipe by name, or ``package.module:function`` of a recipe or of whatever returns a curriculum.

    Args:
        name: what to investigate.
        overrides: ``key=value``: of the recipe's configuration, or arguments of the function.

    Raises:
        ConfigError: there is no such thing, or it is neither a recipe nor a curriculum.
    """
    factory = find_recipe(name)
    arguments = _arguments(overrides)
    others = arguments.keys() - parameters_of(factory).keys()
    made = _call(name, factory, {} if others else arguments)
    if isinstance(made, TrainingConfig):
        return _of_recipe(name, apply_overrides(made, overrides if others else ()))
    if others:
        raise ConfigError(f"{name} takes no {', '.join(sorted(others))}")
    missing = Played(made, 1).missing
    close(made)
    return Subject(name, lambda: factory(**arguments), *resizable(factory, arguments), missing)


def _of_recipe(name: str, recipe: TrainingConfig) -> Subject:
    config = recipe.curriculum
    fields = config.model_dump(exclude={"task_generator"}) | {"session_id": None, "seed": recipe.seed}

    def resize(n: int) -> Any:
        changed = fields | {"num_active_tasks": n, "defer_init": False}
        return CurriculumConfig(**changed, task_generator=config.task_generator).make()

    size, sizing = config.num_active_tasks, "curriculum.num_active_tasks=n"
    return Subject(name, lambda: resize(size), resize, size, sizing, recipe=recipe)


def _call(name: str, factory: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    try:
        with contextlib.suppress(ValueError):  # some builtins do not tell
            inspect.signature(factory).bind(**arguments)
    except TypeError as error:
        raise ConfigError(f"{name}: {error}; give its arguments as key=value") from None
    return factory(**arguments)


def _arguments(overrides: Sequence[str]) -> dict[str, Any]:
    """Read ``key=value`` with Python literals, strings otherwise."""
    arguments = {}
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise ConfigError(f"{override!r} is not key=value")
        try:
            arguments[key] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            arguments[key] = text
    return arguments
