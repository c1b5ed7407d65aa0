"""Any callable from a task id to an environment configuration as a task generator."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal

from pydantic import Field, field_serializer, field_validator

from lpcurr.errors import ConfigError, shown
from lpcurr.generators.base import GeneratedTask, TaskGenerator
from lpcurr.generators.listed import label_as_text

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
