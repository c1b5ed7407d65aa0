"""Generators as fields of other configurations, and anything usable as a generator made into one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, SerializeAsAny

from lpcurr.errors import ConfigError, shown
from lpcurr.generators.base import TaskGenerator
from lpcurr.generators.callables import CallableGenerator
from lpcurr.generators.encoding import without_omegaconf
from lpcurr.generators.listed import TaskList, is_list_of_tasks
from lpcurr.schedulers.common import CheckedModel


def as_generator(source: Any) -> TaskGenerator:
    """Return a generator itself, or a callable in a :class:`CallableGenerator`; raises ``ConfigError`` for the rest.

    >>> as_generator(lambda task_id: {"map_seed": task_id})(7)
    {'map_seed': 7}
    """
    if isinstance(source, TaskGenerator):
        return source
    if isinstance(source, type) and issubclass(source, TaskGenerator):
        raise ConfigError(f"{source.__name__} is a class; pass an instance of it")
    if callable(source):
        return CallableGenerator(function=source)
    raise ConfigError(
        f"a task generator is a TaskGenerator or a callable task_id -> environment configuration, not {shown(source)} "
        f"of type {type(source).__name__}; for one fixed configuration use single_task(...), for a list of tasks "
        "CurriculumConfig(tasks=[…])"
    )


def as_task_source(source: Any) -> TaskGenerator:
    """Make a generator of what a curriculum's tasks come from: a list of tasks, or what :func:`as_generator` takes.

    >>> as_task_source(["boil", "melt"]).build(1).env_cfg
    'melt'
    """
    is_tasks = not isinstance(source, TaskGenerator) and is_list_of_tasks(source)
    return TaskList(tasks=source) if is_tasks else as_generator(source)


def is_generator_form(value: Any) -> bool:
    """Whether this is a generator as JSON or YAML has it: a mapping whose ``type`` is that of a generator."""
    return isinstance(value, Mapping) and isinstance(value.get("type"), str) and value["type"] in TaskGenerator.kinds


def _read_source(value: Any) -> Any:
    value = without_omegaconf(value)
    return value if value is None or isinstance(value, Mapping) else as_task_source(value)


def _read_generator(value: Any) -> TaskGenerator:
    value = without_omegaconf(value)
    if is_generator_form(value):
        kind = TaskGenerator.kinds[value["type"]]
        return super(CheckedModel, kind).model_validate(dict(value))  # pydantic's: one error then has the whole path
    if isinstance(value, Mapping):
        raise ConfigError(
            f"a generator's type is one of {', '.join(TaskGenerator.kinds)}, not {shown(value.get('type'))}; "
            "for one of your own, import the module that defines it first"
        )
    return as_generator(value)


AnyTaskGenerator = Annotated[SerializeAsAny[TaskGenerator], BeforeValidator(_read_generator)]
"""A pydantic field type: any generator, told apart by ``type`` when read.

An open union: the ``type`` of every :class:`TaskGenerator` subclass that has been defined is known, a user's own too.
It also takes a callable.
"""

TaskSource = Callable[[int], Any] | Sequence[Any]
"""What :func:`as_task_source` takes: a generator or another callable, or a list of tasks."""

AnyTaskSource = Annotated[AnyTaskGenerator, BeforeValidator(_read_source)]
"""A pydantic field type: any generator, or a list of tasks."""
