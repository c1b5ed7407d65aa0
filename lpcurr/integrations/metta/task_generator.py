"""Task generators of MettaGrid configurations, with the names that metta recipes use.

A generator is made from its configuration (``config.create()``), and gives for each task id a ``MettaGridConfig``
(``generator.get_task(task_id)``). One of your own is a subclass of :class:`TaskGenerator` with a nested ``Config``.
"""

import contextlib
import pkgutil
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar, Self

from mettagrid.base_config import Config
from mettagrid.config.mettagrid_config import MettaGridConfig
from pydantic import BeforeValidator, Field, SerializeAsAny, SerializerFunctionWrapHandler, model_serializer
from pydantic import field_validator as validates

from lpcurr.errors import ConfigError
from lpcurr.generators import Span as Range
from lpcurr.generators.base import child_id, choose, stream


class TaskInvariantError(ConfigError, AssertionError):
    """A task whose resources, actions or agents are not those of the others, which no policy could play."""


class TaskGeneratorConfig(Config):  # type: ignore[misc, unused-ignore]
    """What a task generator is made of.

    Attributes:
        label: put before the values in the labels of a bucketed generator.
        overrides: values by dotted path, set with ``MettaGridConfig.update`` in every configuration produced.
    """

    _generator_cls: ClassVar[type[Any] | None] = None
    _curriculum_of: ClassVar[Callable[..., Any]]  # set by the module of CurriculumConfig, which is made of these

    label: str | None = Field(default=None, description="put before the bucket values in labels")
    overrides: dict[str, Any] = Field(default_factory=dict, description="values by dotted path, set in every task")

    def __class_getitem__(cls, generator: Any) -> Any:
        # Recipes write TaskGeneratorConfig["MyGenerator"]. A pydantic generic would make a class of each, none of them
        # a subclass of another.
        return cls

    def create(self) -> Any:
        """The generator itself; a ``Config`` nested in a :class:`TaskGenerator` knows which one that is."""
        return self.generator_cls()(self)

    @classmethod
    def generator_cls(cls) -> type[Any]:
        """The class of the generator; raises ``TypeError`` where there is none."""
        if cls._generator_cls is None:
            raise TypeError(f"{cls.__name__} belongs to no TaskGenerator: nest it in one as Config")
        return cls._generator_cls

    def to_curriculum(self, num_active_tasks: int | None = None, algorithm_config: Any = None) -> Any:
        """Return the ``CurriculumConfig`` of a curriculum of these tasks.

        Args:
            num_active_tasks: how many are in the pool; by default what ``algorithm_config`` says, else 1000.
            algorithm_config: how they are drawn; learning progress by default.
        """
        return type(self)._curriculum_of(self, num_active_tasks, algorithm_config)

    @model_serializer(mode="wrap")
    def _serialize_with_type(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        named = self._generator_cls or type(self)
        fields: dict[str, Any] = handler(self)
        return {"type": f"{named.__module__}.{named.__qualname__}"} | fields


class TaskGenerator(ABC):
    """From a task id, the only seed, to a ``MettaGridConfig``.

    A subclass implements ``_generate_task`` and nests its ``Config``. That the agents, resources and actions are those
    of task 0 is checked for every task: the policy and its buffers are made for one number of each.

    Args:
        config: what it is made of.

    >>> from mettagrid.builder.envs import make_arena
    >>> class Rooms(TaskGenerator):
    ...     class Config(TaskGeneratorConfig["Rooms"]):
    ...         longest: int
    ...
    ...     def _generate_task(self, task_id, rng):
    ...         arena = make_arena(num_agents=2)
    ...         arena.game.max_steps = rng.randint(1, self._config.longest)
    ...         return arena
    >>> Rooms.Config(longest=100).create().get_task(7).game.max_steps
    42
    """

    Config: ClassVar[type[TaskGeneratorConfig]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "Config" in cls.__dict__:
            cls.Config._generator_cls = cls

    def __init__(self, config: Any) -> None:
        self._config = config
        self._last_bucket_values: dict[str, Any] = {}
        self._expected: dict[str, Any] | None = None

    def get_task(self, task_id: int) -> MettaGridConfig:
        """The configuration of a task.

        Raises:
            TaskInvariantError: its resources, actions or agents are not those of the others.
        """
        mg_config = self._make(task_id)
        if self._expected is None:
            self._expected = _invariants(mg_config if task_id == 0 else self._make(0))
            if task_id != 0:
                mg_config = self._make(task_id)  # whose bucket values are the last ones then
        for what, value in _invariants(mg_config).items():
            if value != self._expected[what]:
                raise TaskInvariantError(
                    f"TaskGenerator produced inconsistent {what} for task {task_id}: expected {self._expected[what]}, "
                    f"got {value}; resources, actions and agents must be the same in all tasks of a curriculum"
                )
        return mg_config

    @abstractmethod
    def _generate_task(self, task_id: int, rng: random.Random) -> MettaGridConfig:
        """The configuration of a task before the overrides; ``rng`` is seeded with the task id."""

    def _make(self, task_id: int) -> MettaGridConfig:
        rng = random.Random(task_id)
        return self._apply_overrides(self._generate_task(task_id, rng), self._config.overrides)

    def _apply_overrides(self, mg_config: MettaGridConfig, overrides: dict[str, Any]) -> MettaGridConfig:
        return mg_config.update(overrides) if overrides else mg_config


def _invariants(mg_config: MettaGridConfig) -> dict[str, Any]:
    actions = sum(getattr(mg_config.game.actions, name).enabled for name in type(mg_config.game.actions).model_fields)
    return {
        "resource count": len(mg_config.game.resource_names),
        "action count": actions,
        "agent count": mg_config.game.num_agents,
    }


# -- references to generators in configurations ---------------------------------------------------------------------


def _read(value: Any) -> Any:
    """A generator's configuration from a dict with the dotted name of its class as ``type``, which is imported."""
    if isinstance(value, TaskGeneratorConfig) or not isinstance(value, dict):
        return value
    fields = dict(value)
    named = fields.pop("type", None)
    found = named
    if isinstance(named, str):
        with contextlib.suppress(ModuleNotFoundError, AttributeError, ValueError):
            found = pkgutil.resolve_name(named)
    kind = getattr(found, "Config", found) if isinstance(found, type) and issubclass(found, TaskGenerator) else found
    if not (isinstance(kind, type) and issubclass(kind, TaskGeneratorConfig)):
        raise ConfigError(f"type={named!r}: give the dotted name of a TaskGenerator or of a TaskGeneratorConfig")
    return kind.model_validate(fields)


AnyTaskGeneratorConfig = Annotated[SerializeAsAny[TaskGeneratorConfig], BeforeValidator(_read)]
"""A pydantic field type: the configuration of any task generator; in plain data its ``type`` is its dotted name."""


# -- the generators -------------------------------------------------------------------------------------------------


class SingleTaskGenerator(TaskGenerator):
    """The same configuration for every task."""

    class Config(TaskGeneratorConfig):
        """What a single task is made of."""

        env: MettaGridConfig = Field(description="the configuration of every task")

    def _generate_task(self, task_id: int, rng: random.Random) -> MettaGridConfig:
        return self._config.env.model_copy(deep=True)


class TaskGeneratorSet(TaskGenerator):
    """One of several generators for each task, in proportion to their weights.

    The one that is chosen gets a task id of its own, so that which it is says nothing of what it draws.
    """

    class Config(TaskGeneratorConfig):
        """What a set of generators is made of."""

        task_generators: list[AnyTaskGeneratorConfig] = Field(default_factory=list, description="to choose from")
        weights: list[float] = Field(default_factory=list, description="how likely each is; none: all alike")

        @validates("weights")
        @classmethod
        def _check_weights(cls, weights: list[float], info: Any) -> list[float]:
            if any(not weight > 0 for weight in weights):
                raise ValueError(f"weights must be positive, and {weights} are not")
            generators = info.data.get("task_generators", ())
            if weights and len(weights) != len(generators):
                raise ValueError(f"{len(weights)} weights for {len(generators)} task generators: give one for each")
            return weights

        def add(self, task_generator: TaskGeneratorConfig, weight: float = 1.0) -> Self:
            """Add a generator; returns this configuration."""
            if not weight > 0:
                raise ConfigError(f"the weight {weight!r} is not positive")
            self.weights.extend([1.0] * (len(self.task_generators) - len(self.weights)))
            self.task_generators.append(task_generator)
            self.weights.append(weight)
            return self

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        if not config.task_generators:
            raise ConfigError("a TaskGeneratorSet must have at least one task generator")
        self._generators = [each.create() for each in config.task_generators]
        self._weights = config.weights or [1.0] * len(self._generators)

    def _generate_task(self, task_id: int, rng: random.Random) -> MettaGridConfig:
        own = stream(task_id)
        generator = self._generators[choose(own, self._weights)]
        mg_config = generator._make(child_id(own))
        self._last_bucket_values = dict(generator._last_bucket_values)
        return mg_config


class Span(Config):  # type: ignore[misc, unused-ignore]
    """A range of numbers to draw from: of two integers an integer, both ends included, else a uniform float.

    >>> Span(1, 6), Span(range_min=0.0, range_max=0.5)
    (Span(range_min=1, range_max=6), Span(range_min=0.0, range_max=0.5))
    """

    range_min: int | float = Field(description="the least value")
    range_max: int | float = Field(description="the greatest value")

    def __init__(self, range_min: Any = None, range_max: Any = None, **fields: Any) -> None:
        given = {"range_min": range_min, "range_max": range_max}
        super().__init__(**{name: value for name, value in given.items() if value is not None}, **fields)

    @validates("range_max")
    @classmethod
    def _check_order(cls, range_max: Any, info: Any) -> Any:
        Range(info.data.get("range_min", range_max), range_max)
        if info.data.get("range_min", range_max - 1) >= range_max:
            raise ValueError(f"range_min must be less than range_max, which is {range_max}")
        return range_max

    def draw(self, u: float) -> int | float:
        """The value for a uniform random number from 0 up to, but not including, 1."""
        return Range(self.range_min, self.range_max).draw(u)

    def __str__(self) -> str:
        return f"{self.range_min}-{self.range_max}"


def _read_value(value: Any) -> Any:
    is_span = isinstance(value, dict) and value.keys() == {"range_min", "range_max"}
    return Span(**value) if is_span else value


Value = Annotated[SerializeAsAny[Any], BeforeValidator(_read_value)]


class BucketedTaskGenerator(TaskGenerator):
    """Varies the tasks of another generator: each bucket draws a value, which is set at its path.

    The values go into the label of the configuration: ``arena|laser:100|ore_red:0.5``.
    """

    class Config(TaskGeneratorConfig):
        """What a bucketed generator is made of."""

        child_generator_config: AnyTaskGeneratorConfig = Field(description="what the buckets vary")
        buckets: dict[str, list[Value]] = Field(default_factory=dict, description="values and Spans by dotted path")

        def add_bucket(self, path: str, values: Sequence[Any]) -> Self:
            """Let the value at a dotted path vary over values and Spans; returns this configuration."""
            if path in self.buckets:
                raise ConfigError(f"bucket {path!r} already exists")
            if isinstance(values, str) or not list(values):
                raise ConfigError(f"bucket {path!r} is {values!r}: give a list with at least one value or Span")
            self.buckets[path] = list(values)
            return self

        @classmethod
        def from_mg(cls, mg_config: MettaGridConfig) -> Self:
            """Buckets, to be added, over one configuration."""
            return cls(child_generator_config=SingleTaskGenerator.Config(env=mg_config))

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        if not config.buckets:
            raise ConfigError("a BucketedTaskGenerator needs at least one bucket: add_bucket(path, values)")
        self._child_generator = config.child_generator_config.create()

    def _generate_task(self, task_id: int, rng: random.Random) -> MettaGridConfig:
        own = stream(task_id)
        inner = child_id(own)
        values: dict[str, Any] = {}
        for path, bucket in sorted(self._config.buckets.items()):  # of a file with sorted keys come the same tasks
            value = bucket[int(own.random() * len(bucket))]
            values[path] = value.draw(own.random()) if isinstance(value, Span) else value
        mg_config = self._child_generator._make(inner)
        self._last_bucket_values = dict(self._child_generator._last_bucket_values) | values
        parts = [mg_config.label, self._config.label, *(_named(path, value) for path, value in values.items())]
        mg_config.label = "|".join(part for part in parts if part)
        return self._apply_overrides(mg_config, values)


def _named(path: str, value: Any) -> str:
    return f"{path.rpartition('.')[2]}:" + (f"{value:.3g}" if isinstance(value, float) else str(value))
