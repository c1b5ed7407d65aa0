"""What every task generator is: a function from a task id to an environment configuration, a label and slice values."""

from __future__ import annotations

import operator
import random
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate
from typing import Any, ClassVar, Literal, NamedTuple, Self  # noqa: F401 - Literal: the example's names are looked up here

from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from lpcurr.errors import ConfigError
from lpcurr.generators.encoding import EncodedValue
from lpcurr.generators.environment import InconsistentEnvError, apply_overrides, check_paths, copied, overlap
from lpcurr.schedulers.common import CheckedModel

DEFAULT_LABEL = "default"


class GeneratedTask(NamedTuple):
    """What a generator makes of one task id."""

    env_cfg: Any
    """The environment configuration, made for this call: the caller may change it."""
    label: str
    """The group that statistics count this task in."""
    slice_values: dict[str, Any]
    """The drawn value of each bucket, by bucket path."""


class TaskGenerator(CheckedModel, ABC):
    """A function from a task id to an environment configuration, with the id as its only seed.

    The same id gives the same configuration in every process, whatever its ``PYTHONHASHSEED``. Fields cannot be
    reassigned; the builder methods of the subclasses extend a generator in place, and hand it back.

    A subclass names its ``type``, which is the key it is found by when a configuration is read, and implements
    ``_generate``. Where tasks have labels or slice values of their own, it overrides ``label_of`` and
    ``slice_values_of`` too.

    Attributes:
        type: which generator this is, in JSON and YAML.
        label: the label of every task; None leaves it to the kind of generator.
        overrides: values by dotted path, set in every environment configuration produced. A dict as a value replaces
            what was there as a whole.

    >>> import random
    >>> from typing import Literal
    >>> class MazeGenerator(TaskGenerator):
    ...     type: Literal["maze"] = "maze"
    ...     max_size: int
    ...
    ...     def _generate(self, task_id):
    ...         size = 2 + int(random.Random(task_id).random() * (self.max_size - 1))
    ...         return GeneratedTask({"size": size, "map_seed": task_id}, self.label_of(task_id), {})
    >>> MazeGenerator(max_size=9, label="mazes").build(7)
    GeneratedTask(env_cfg={'size': 4, 'map_seed': 7}, label='mazes', slice_values={})
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=True)

    kinds: ClassVar[dict[str, type[TaskGenerator]]] = {}
    """Every concrete generator class by its ``type``."""

    type: str
    label: str | None = Field(default=None, min_length=1)
    overrides: dict[str, EncodedValue] = Field(default_factory=dict)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        if cls.__abstractmethods__:
            return
        kind = cls.model_fields["type"].default
        known = TaskGenerator.kinds.get(kind) if isinstance(kind, str) else cls
        # The same name in the same place is the same class, defined again by a reload or a notebook cell.
        if known and (known is cls or (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__)):
            raise TypeError(
                f"{cls.__name__} needs a type of its own, such as type: Literal['maze'] = 'maze'; "
                f"taken: {', '.join(TaskGenerator.kinds)}"
            )
        TaskGenerator.kinds[kind] = cls

    def build(self, task_id: int) -> GeneratedTask:
        """Make a task from its id: a new environment configuration with its label and slice values."""
        task = self._generate(operator.index(task_id))  # a NumPy integer where numba is disabled, which no seed may be
        return task._replace(env_cfg=apply_overrides(task.env_cfg, self.overrides)) if self.overrides else task

    def __call__(self, task_id: int) -> Any:
        """The environment configuration alone."""
        return self.build(task_id).env_cfg

    def label_of(self, task_id: int) -> str:
        """The label that ``build`` gives this task, without building it."""
        return self.label or DEFAULT_LABEL

    def slice_values_of(self, task_id: int) -> dict[str, Any]:
        """The slice values that ``build`` gives this task, without building it."""
        return {}

    @abstractmethod
    def _generate(self, task_id: int) -> GeneratedTask:
        """The task before this generator's ``overrides``; the configuration must be one that may be changed."""

    def _base_envs(self) -> list[Any]:
        """Copies of the configurations that the tasks start from, as far as they are known without building any."""
        return []

    def _bucket_paths(self) -> list[str]:
        """The paths that buckets set, here and in the generators inside."""
        return []

    def _example_envs(self) -> list[Any]:
        """``_base_envs`` with the overrides: what a path given from outside is checked against."""
        examples = self._base_envs()
        if self.overrides:
            for place, env in enumerate(examples):
                # Buckets may yet make the values fit together; whether they do shows when a task is built.
                with suppress(InconsistentEnvError):
                    examples[place] = apply_overrides(env, self.overrides)
        return examples

    def _check_overrides(self) -> None:
        check_paths(self.overrides)
        if hidden := overlap(self.overrides, self._bucket_paths()):
            raise ConfigError(
                f"the override {hidden[0]!r} would undo the bucket {hidden[1]!r}, whose values labels and "
                "statistics would go on naming; remove one of the two"
            )
        self._example_envs()

    @model_validator(mode="after")
    def _validate_overrides(self) -> Self:
        self._check_overrides()
        return self

    @model_serializer(mode="wrap")
    def _serialize_with_type(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # exclude_defaults and exclude_unset would drop the type, and nothing could read the result.
        fields: dict[str, Any] = handler(self)
        return {"type": self.type} | fields


def stream(task_id: int) -> random.Random:
    """The random stream of a task.

    Only its ``random()`` may be used: that is the one draw that Python promises never to change, and a task has to be
    the same under every version.
    """
    return random.Random(operator.index(task_id))


def child_id(rng: random.Random) -> int:
    """A task id for the generator inside: 53 new bits, so that its draws have nothing to do with this one's."""
    return int(rng.random() * 2**53)


def choose(rng: random.Random, weights: Sequence[float]) -> int:
    """A place among the weights, drawn in proportion to them."""
    bounds = list(accumulate(weights))
    return bisect_right(bounds, rng.random() * bounds[-1], hi=len(bounds) - 1)


def copied_values(values: dict[str, Any]) -> dict[str, Any]:
    """The values by path, so that whoever changes one does not change the bucket it comes from."""
    return {path: copied(value) for path, value in values.items()}
