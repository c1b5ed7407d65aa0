"""A weighted choice among task generators."""

import sys
from collections.abc import Iterable
from numbers import Real
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from lpcurr.errors import ConfigError, shown
from lpcurr.generators.base import GeneratedTask, TaskGenerator, child_id, choose, stream
from lpcurr.generators.nested import AnyTaskGenerator, as_generator


class TaskGeneratorSet(TaskGenerator):
    """Chooses one of several generators for each task, in proportion to their weights.

    The chosen generator gets a task id of its own, drawn from this one: which generator is chosen says nothing about
    what it draws. Labels and slice values are those of the chosen generator; a ``label`` given here replaces the
    labels of them all.

    Attributes:
        generators: the generators to choose from; sets may nest.
        weights: how likely each is, as positive numbers of any scale; all alike if not given.

    Raises:
        ConfigError: not as many weights as generators, or a weight that is not positive and finite.

    >>> from lpcurr.generators import single_task
    >>> mixed = TaskGeneratorSet(
    ...     generators=[single_task({"size": 4}, "small"), single_task({"size": 8}, "large")], weights=[3, 1]
    ... )
    >>> [mixed.label_of(task_id) for task_id in range(4)]
    ['large', 'small', 'large', 'small']
    """

    type: Literal["set"] = "set"
    generators: list[AnyTaskGenerator] = Field(default_factory=list)
    weights: list[float] = Field(default_factory=list)

    def add(self, generator: Any, weight: float = 1.0) -> Self:
        """Add a generator to choose from, or a callable, with a weight on the scale of the others; returns this one.

        Raises:
            ConfigError: the weight is not positive and finite, or an override of this set leads nowhere in the
                generator's environment configuration. The set is left as it was.

        >>> from lpcurr.generators import single_task
        >>> TaskGeneratorSet().add(single_task({"size": 4})).add(single_task({"size": 8}), weight=2.0).weights
        [1.0, 2.0]
        """
        self.generators.append(as_generator(generator))
        self.weights.append(weight)
        try:
            self._check_weights()
            self._check_overrides()
        except Exception:
            self.generators.pop()
            self.weights.pop()
            raise
        self.model_fields_set.update(("generators", "weights"))  # or exclude_unset would leave them out of a file
        return self

    def label_of(self, task_id: int) -> str:
        if self.label is not None:
            return self.label
        generator, inner_id = self._choose(task_id)
        return generator.label_of(inner_id)

    def slice_values_of(self, task_id: int) -> dict[str, Any]:
        generator, inner_id = self._choose(task_id)
        return generator.slice_values_of(inner_id)

    def _generate(self, task_id: int) -> GeneratedTask:
        generator, inner_id = self._choose(task_id)
        task = generator.build(inner_id)
        return task._replace(label=self.label or task.label)

    def _choose(self, task_id: int) -> tuple[TaskGenerator, int]:
        if not self.generators:
            raise ConfigError("the set of generators is empty; add(...) one first")
        rng = stream(task_id)
        return self.generators[choose(rng, self.weights)], child_id(rng)

    def _base_envs(self) -> list[Any]:
        return [env for generator in self.generators for env in generator._example_envs()]

    def _bucket_paths(self) -> list[str]:
        return [path for generator in self.generators for path in generator._bucket_paths()]

    def _check_weights(self) -> None:
        if len(self.weights) != len(self.generators):
            raise ConfigError(f"{len(self.weights)} weights for {len(self.generators)} generators; give one for each")
        for weight in self.weights:
            if not (isinstance(weight, Real) and 0 < weight <= sys.float_info.max):
                raise ConfigError(
                    f"the weight {shown(weight)} is not positive and finite; leave that generator out instead"
                )

    @model_validator(mode="after")
    def _validate_weights(self) -> Self:
        if "weights" not in self.model_fields_set:
            self.weights.extend([1.0] * len(self.generators))
        self._check_weights()
        return self


def merge(generators: Iterable[Any], weights: Iterable[float] | None = None) -> TaskGeneratorSet:
    """A generator that chooses among several for each task: see :class:`TaskGeneratorSet`.

    Raises:
        ConfigError: there is no generator, or one of them is something else.

    >>> from lpcurr.generators import bucketed, single_task
    >>> easy, hard = single_task({"size": 4}, "easy"), bucketed({"size": 8}, "hard").add_bucket("size", [8, 16])
    >>> merge([easy, hard], weights=[0.8, 0.2]).build(2)
    GeneratedTask(env_cfg={'size': 16}, label='hard', slice_values={'size': 16})
    """
    try:
        generators, weights = list(generators), None if weights is None else list(weights)
    except TypeError as error:
        raise ConfigError(f"merge takes a list of generators, and one of weights: {error}") from None
    members = [as_generator(generator) for generator in generators]
    if not members:
        raise ConfigError("merge needs at least one generator")
    if weights is None:
        return TaskGeneratorSet(generators=members)
    return TaskGeneratorSet(generators=members, weights=weights)
