"""What is investigated: a recipe, or any object with the curriculum methods."""

from __future__ import annotations

import ast
import contextlib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.errors import ConfigError
from lpcurr.investigation.played import Played, close
from lpcurr.investigation.resizing import resizable
from lpcurr.recipes.config import TrainingConfig
from lpcurr.recipes.overrides import apply_overrides
from lpcurr.recipes.registry import find_recipe


@dataclass
class Subject:
    """What is investigated.

    Attributes:
        name: as it was asked for.
        make: a fresh curriculum as it is by default.
        resize: a fresh curriculum with n tasks; None where no way was found.
        size: tasks by default, None where that is not known.
        sizing: how the size is varied, or why not.
        missing: curriculum methods that it does not have.
        recipe: its configuration, where it is a recipe.
    """

    name: str
    make: Callable[[], Any]
    resize: Callable[[int], Any] | None
    size: int | None
    sizing: str
    missing: list[str]
    recipe: TrainingConfig | None = None


def find_subject(name: str, overrides: Sequence[str] = ()) -> Subject:
    """A recipe's name, ``package.module:function`` of a recipe, or of whatever returns a curriculum.

    Args:
        name: what to investigate.
        overrides: ``key=value``: of the recipe's configuration, or arguments of the function.

    Raises:
        ConfigError: there is no such thing, or it is neither a recipe nor a curriculum.
    """
    factory = find_recipe(name)
    arguments = _arguments(overrides)
    if arguments.keys() <= _parameters(factory):
        made = _call(name, factory, arguments)
    else:
        made = _call(name, factory, {})
        if not isinstance(made, TrainingConfig):
            raise ConfigError(f"{name} takes no {', '.join(sorted(arguments.keys() - _parameters(factory)))}")
    if isinstance(made, TrainingConfig):
        return _of_recipe(name, apply_overrides(made, overrides if arguments.keys() - _parameters(factory) else ()))
    missing = Played(made, 1).missing
    close(made)
    resize, size, sizing = resizable(factory, arguments)
    return Subject(name, lambda: factory(**arguments), resize, size, sizing, missing)


def _of_recipe(name: str, config: TrainingConfig) -> Subject:
    curriculum = config.curriculum
    fields = curriculum.model_dump(exclude={"task_generator"}) | {"session_id": None, "seed": config.seed}

    def resize(n: int) -> Curriculum:
        return CurriculumConfig(
            **fields | {"num_active_tasks": n, "defer_init": False}, task_generator=curriculum.task_generator
        ).make()

    size = curriculum.num_active_tasks
    return Subject(name, lambda: resize(size), resize, size, "curriculum.num_active_tasks=n", [], config)


def _call(name: str, factory: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    try:
        with contextlib.suppress(ValueError):  # some builtins do not tell
            inspect.signature(factory).bind(**arguments)
    except TypeError as error:
        raise ConfigError(f"{name}: {error}; give its arguments as key=value") from None
    return factory(**arguments)


def _parameters(factory: Callable[..., Any]) -> set[str]:
    try:
        return set(inspect.signature(factory).parameters)
    except (TypeError, ValueError):  # some builtins do not tell
        return set()


def _arguments(overrides: Sequence[str]) -> dict[str, Any]:
    """``key=value`` with Python literals, strings otherwise."""
    arguments = {}
    for each in overrides:
        key, equals, text = each.partition("=")
        if not equals:
            raise ConfigError(f"{each!r} is not key=value")
        try:
            arguments[key] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            arguments[key] = text
    return arguments
