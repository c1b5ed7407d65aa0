"""The configuration of a whole curriculum: pool, task generator and algorithm."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from lpcurr.curriculum.stages import Stage, check_stages
from lpcurr.errors import ConfigError, shown
from lpcurr.generators import (
    AnyTaskSource,
    ListedTasks,
    TaskGenerator,
    TaskList,
    TaskSource,
    rows_of,
    without_omegaconf,
)
from lpcurr.generators.listed import is_list_of_tasks, labels_as_texts
from lpcurr.memory import layout
from lpcurr.schedulers import AnyScheduler
from lpcurr.schedulers.common import Capacity, CheckedModel, Count, SchedulerConfig
from lpcurr.schedulers.frontier import FrontierConfig

if TYPE_CHECKING:
    from lpcurr.curriculum.curriculum import Curriculum

# Settled once for the curriculum, whether they are given here or in the algorithm's configuration.
_SHARED_FIELDS = ("num_active_tasks", "use_shared_memory")


class CurriculumConfig(CheckedModel):
    """What a curriculum is made of.

    ``num_active_tasks`` and ``use_shared_memory`` may be given here or in ``algorithm_config``; giving both different
    values is an error, unless one is the default. ``tasks``, a list of names, dicts, prompts or whatever can be
    pickled, makes a fixed set of them with the ids 0 … n − 1; ``num_active_tasks`` is then how many there may be at
    all.

    >>> from lpcurr import LearningProgressConfig
    >>> CurriculumConfig(algorithm_config=LearningProgressConfig.stable()).num_active_tasks
    256
    >>> config = CurriculumConfig(tasks=["boil", "freeze", "melt"], task_labels=["hot", "cold", "hot"])
    >>> with config.make() as curriculum:
    ...     task = curriculum.get_task()
    ...     task.get_env_cfg() == ["boil", "freeze", "melt"][task.task_id]
    True
    """

    num_active_tasks: Capacity = 1000
    use_shared_memory: bool = True
    seed: int | None = Field(
        default=None, ge=0, lt=2**63, description="of all random streams; None: a different one each time"
    )
    min_presentations_for_eviction: Count | None = Field(
        default=None, description="completions before a task may be evicted; None: as many as its scheduler needs"
    )
    defer_init: bool = Field(
        default=False, description="a fixed set of tasks: only add_task brings tasks in, nothing is evicted by score"
    )
    task_generator: AnyTaskSource | None = Field(
        default=None,
        description="makes the environment configuration and the label of a task from its id; or a list of tasks",
    )
    tasks: Any = Field(
        default=None, exclude=True, description="a list of tasks, or a dict of them by label, instead of a generator"
    )
    task_labels: list[str] | None = Field(default=None, exclude=True, description="the label of each of the tasks")
    stages: list[Stage] = Field(
        default_factory=list, description="labels of a list of tasks that are unlocked when another one is mastered"
    )
    algorithm_config: AnyScheduler = Field(default_factory=FrontierConfig)
    session_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]{1,20}$",
        description="name under which other processes attach: 1 to 20 letters, digits, '_' or '-'; None: random",
    )
    env_cache_size: Count = Field(default=1024, description="environment configurations kept ready in each process")
    max_task_attempts: int = Field(
        default=100, ge=1, le=10**6, description="tasks in a row that the generator may fail to build"
    )
    log_entries: int = Field(
        default=0,
        ge=0,
        le=2**26,
        description="room, rounded up to a power of two, for what changed the pool until it is recorded or exchanged; "
        "40 bytes each, some two an episode",
    )
    performance_mode: bool = Field(default=False, description="stats() leaves out what takes a look at every task")

    if TYPE_CHECKING:  # what the fields are read from, for type checkers

        def __init__(
            self,
            *,
            num_active_tasks: int = ...,
            use_shared_memory: bool = ...,
            seed: int | None = ...,
            min_presentations_for_eviction: int | None = ...,
            defer_init: bool = ...,
            task_generator: TaskSource | Mapping[str, Any] | None = ...,
            tasks: Any = ...,
            task_labels: Sequence[str] | Sequence[int] | None = ...,
            stages: Sequence[Stage | Mapping[str, Any]] = ...,
            algorithm_config: SchedulerConfig | Mapping[str, Any] | str = ...,
            session_id: str | None = ...,
            env_cache_size: int = ...,
            max_task_attempts: int = ...,
            log_entries: int = ...,
            performance_mode: bool = ...,
        ) -> None: ...

    @model_validator(mode="before")
    @classmethod
    def _make_a_generator_of_tasks(cls, fields: Any) -> Any:
        if not isinstance(fields, Mapping):
            return fields
        fields = {name: without_omegaconf(value) for name, value in fields.items()}
        algorithm = fields.get("algorithm_config")
        if isinstance(algorithm, type) and issubclass(algorithm, SchedulerConfig):
            fields["algorithm_config"] = algorithm()  # a class alone is its defaults, as a word is
        for name in ("task_labels", "stages"):
            if isinstance(fields.get(name), (range, Iterator)):  # pydantic would list an error for each
                raise ValueError(f"{name} is {shown(fields[name])}: give a list")
        tasks, labels = fields.get("tasks"), fields.get("task_labels")
        if tasks is None and labels is None:
            return fields
        if fields.get("task_generator") is not None:
            raise ValueError("there are tasks and a task_generator: give one of them")
        labels = labels_as_texts(labels)
        if is_list_of_tasks(tasks):
            tasks = rows_of(tasks)  # here, for an error without the tasks in it
        elif isinstance(tasks, Mapping):
            if hasattr(tasks, "num_rows"):
                raise ValueError(f"tasks is a {type(tasks).__name__} of {', '.join(tasks)}: give one of them")
            if labels is not None:
                raise ValueError("there are task_labels and tasks by name, whose names are the labels: give a list")
            tasks, labels = list(tasks.values()), list(map(str, tasks))
        if isinstance(labels, Sequence) and isinstance(tasks, list) and len(labels) != len(tasks):  # not one error each
            raise ValueError(f"there are {len(labels)} labels for {len(tasks)} tasks: give one for each")
        rest = {name: value for name, value in fields.items() if name not in ("tasks", "task_labels")}
        listed: dict[str, Any] = {"tasks": tasks, "labels": labels}
        return rest | {"task_generator": TaskList(**listed)}

    @model_validator(mode="after")
    def _check_stages(self) -> Self:
        check_stages(self.stages)
        return self

    @model_validator(mode="after")
    def _settle_shared_fields(self) -> Self:
        settled = {}
        for name in _SHARED_FIELDS:
            own, algorithms = getattr(self, name), getattr(self.algorithm_config, name)
            given_here = name in self.model_fields_set
            given_there = name in self.algorithm_config.model_fields_set
            if given_here and given_there and own != algorithms:
                default = type(self).model_fields[name].default
                if default not in (own, algorithms):
                    raise ValueError(
                        f"{name}={own} contradicts algorithm_config.{name}={algorithms}: give it once, or the same "
                        "twice"
                    )
                given_here = own != default  # a command line's parser, or a dump, gives each field's default too
            settled[name] = own if given_here else algorithms
        algorithm = self.algorithm_config.model_copy(update=settled)
        algorithm.model_fields_set.difference_update(_SHARED_FIELDS)
        # __dict__ directly: assigning would validate, and come here, again
        self.__dict__.update(settled, algorithm_config=algorithm)
        return self

    @model_serializer(mode="wrap")
    def _serialize_shared_fields_once(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = handler(self)
        algorithm = fields.get("algorithm_config")
        if isinstance(algorithm, dict):
            for name in _SHARED_FIELDS:
                algorithm.pop(name, None)
        return fields

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("tasks", "task_labels"):
            raise ConfigError(f"{name} is for making a configuration: of one that is, set task_generator to a list")
        super().__setattr__(name, value)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's, but what is new is checked, and ``tasks`` take the task generator's place."""
        copy, update = super().model_copy(deep=deep), dict(update or {})
        copy.__dict__["algorithm_config"] = copy.algorithm_config.model_copy()
        if not isinstance(scheduler := update.get("algorithm_config", self.algorithm_config), SchedulerConfig):
            update["algorithm_config"] = self.with_scheduler(scheduler).algorithm_config
        if {"tasks", "task_labels"} & update.keys():
            listed = {name: update.pop(name, None) for name in ("tasks", "task_labels")}
            update["task_generator"] = CurriculumConfig(**listed).task_generator
        for name, value in update.items():
            setattr(copy, name, value)
        return copy

    def in_use(self) -> Self:
        """Return a copy for a live curriculum, of which no field can be set, nor of its scheduler's."""
        copy = super().in_use()
        copy.__dict__["algorithm_config"] = self.algorithm_config.in_use()
        return copy

    def make(self, task_generator: TaskSource | None = None) -> Curriculum:
        """Make the curriculum, and the pool with it."""
        from lpcurr.curriculum.curriculum import Curriculum

        return Curriculum(self, task_generator=task_generator)

    def of_list(self, held: int) -> Self:
        """Return this configuration for a fixed set of tasks, with room for the ``held`` ones that it begins with.

        Raises:
            ConfigError: ``num_active_tasks`` was given, and is less.
        """
        size = self.num_active_tasks
        if held > size:
            default = type(self).model_fields["num_active_tasks"].default
            if size != default or "num_active_tasks" in self.model_fields_set:
                raise ConfigError(
                    f"num_active_tasks={size} is less than the {held} tasks of the list, all of which are in the "
                    "pool from the start: leave it out, or give more than that to have room for appending"
                )
            size = held
        if size > layout.MAX_CAPACITY:
            raise ConfigError(f"the list has {size} tasks: the limit is {layout.MAX_CAPACITY}")
        algorithm = self.algorithm_config.model_copy(update={"num_active_tasks": size})
        return self.model_copy(update={"num_active_tasks": size, "defer_init": True, "algorithm_config": algorithm})

    def header_settings(self) -> dict[str, Any]:
        """Return the header fields that are settled for the life of the pool, and the rules."""
        return self.rules(self.algorithm_config) | {"fixed_set": self.defer_init}

    def with_scheduler(self, scheduler: SchedulerConfig | Mapping[str, Any] | str) -> CurriculumConfig:
        """Return this configuration, but for the task generator, with another scheduler; raises ``ConfigError``."""
        fields = {name: getattr(self, name) for name in CurriculumConfig.model_fields}
        return CurriculumConfig(**fields | {"algorithm_config": scheduler, "task_generator": None})

    def rules(self, scheduler: SchedulerConfig) -> dict[str, Any]:
        """Return the rule fields of the header under a scheduler's settings."""
        enough = self.min_presentations_for_eviction
        if enough is None:
            enough = scheduler.scheduler.presentations_needed
        return scheduler.rules(enough, self.defer_init)

    def to_json(self, generator: TaskGenerator | None, written: dict[str, Any] | None = None) -> bytes:
        """Return this configuration with that generator, for processes that attach by name.

        A generator that cannot be written down, such as a plain callable, is left out, and of a list of tasks there is
        where it can be found; ``written`` is one that was written before.
        """
        stored = self.model_dump(mode="json", exclude={"task_generator"})
        stored["task_generator"] = written
        if isinstance(generator, ListedTasks):
            stored["task_generator"] = generator.reference()
        elif generator is not None:
            with contextlib.suppress(ValueError):
                written = generator.model_dump(mode="json")
                CurriculumConfig.model_validate({"task_generator": written})
                stored["task_generator"] = written
        return json.dumps(stored).encode()
