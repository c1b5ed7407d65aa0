"""Generators as fields of other configurations, and anything usable as a generator made into one."""

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, field_serializer, field_validator

from lpcurr.errors import ConfigError, shown
from lpcurr.generators.base import GeneratedTask, TaskGenerator
from lpcurr.generators.encoding import without_omegaconf
from lpcurr.generators.listed import TaskList, is_list_of_tasks, label_as_text
from lpcurr.schedulers.common import CheckedModel

UNKNOWN_LABEL = "unknown"


class CallableGenerator(TaskGenerator):
    """A callable ``task_id -> environment configuration`` as a generator.

    It is never called for a label. The label is ``label`` if given, else ``function.label_of(task_id)`` where there
    is one, else ``function.label`` where that is a string, else ``"unknown"``; slice values come from
    ``function.slice_values_of(task_id)`` where there is one. A callable may return a :class:`GeneratedTask`, and what
    ``build`` returns then has its label; but the pool asks for labels before anything is built, so such a callable
    wants a ``label_of`` as well.

    It can be pickled if the callable can. Writing it to JSON or YAML gives the callable's name, for people: reading
    that back is refused, because a file should not choose which function to call.

    Attributes:
        function: the callable.

    >>> CallableGenerator(function=lambda task_id: {"map_seed": task_id}, label="maps").build(7)
    GeneratedTask(env_cfg={'map_seed': 7}, label='maps', slice_values={})
    """

    type: Literal["callable"] = "callable"
    function: Callable[[int], Any] = Field(description="task_id -> environment configuration")

    @field_validator("function", mode="before")
    @classmethod
    def _refuse_name(cls, function: Any) -> Any:
        if isinstance(function, str):
            raise ConfigError(
                f"the callable {shown(function)} is not read from a file; pass the callable itself in Python, as in "
                "Curriculum(config, task_generator=function)"
            )
        return function

    @field_serializer("function")
    def _name(self, function: Callable[[int], Any]) -> str:
        named: Any = function if hasattr(function, "__qualname__") else type(function)
        return f"{named.__module__}:{named.__qualname__}"

    def label_of(self, task_id: int) -> str:
        if self.label is not None:
            return self.label
        label_of = getattr(self.function, "label_of", None)
        if callable(label_of):
            label = label_as_text(label_of(task_id))
            if not isinstance(label, str):
                raise ConfigError(
                    f"label_of({task_id}) of {self._name(self.function)} gave {shown(label)}, not a string"
                )
            return label
        label = getattr(self.function, "label", None)
        return label if isinstance(label, str) else UNKNOWN_LABEL

    def slice_values_of(self, task_id: int) -> dict[str, Any]:
        slice_values_of = getattr(self.function, "slice_values_of", None)
        return dict(slice_values_of(task_id)) if callable(slice_values_of) else {}

    def _generate(self, task_id: int) -> GeneratedTask:
        result = self.function(task_id)
        if not isinstance(result, GeneratedTask):
            result = GeneratedTask(result, self.label_of(task_id), self.slice_values_of(task_id))
        elif self.label is not None:
            result = result._replace(label=self.label)
        # The callable may return one object again and again. One that cannot be copied is taken to be new.
        with suppress(Exception):
            result = result._replace(env_cfg=copy.deepcopy(result.env_cfg))
        return result


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
