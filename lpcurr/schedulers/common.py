"""What every scheduler has: settings, and formulas that kernels and those who look from outside share.

A scheduler is one file of this package: a pydantic model of its settings, whose formulas are static methods in plain
NumPy. They take ``task``, an object with every truth column and ``priority`` as attributes; ``at``, which task; and
``rules``, an object with every rule field of the header and ``capacity``, the pool's, as attributes. Numba compiles
them for one slot, and outside the kernels they take whole arrays, so each is written once. What holds for all of them
(and is tested for all):

* elementwise, and equal bit for bit for one task and for arrays: arithmetic, ``np.sqrt``, ``np.abs``, ``np.minimum``,
  ``np.maximum`` and :func:`where`, and functions of such; ``if`` on ``rules`` alone;
* no allocation, no state; a part that several formulas need is :func:`shared`. A NaN, and what is beyond ± 1e140, is
  the caller's to deal with.
"""

from __future__ import annotations

import builtins
import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import IntEnum
from functools import partial, wraps
from inspect import isabstract
from typing import Annotated, Any, ClassVar, Self, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, ValidationError, model_serializer

from lpcurr.errors import ConfigError, shown
from lpcurr.memory import layout
from lpcurr.memory.undisturbed import run_undisturbed

Rate = Annotated[float, Field(gt=0.0, le=1.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=2**31)]
Capacity = Annotated[int, Field(ge=1, le=layout.MAX_CAPACITY, description="tasks that are active at a time")]

PRESET_CAPACITY = 256
_IN_USE = "_in_use"  # in a model's dict, where pydantic neither compares nor writes what is no field
BEHIND_ALL: float = layout.RULES["unexplored_key"]
"""Where the unexplored tasks stand in the order of eviction: behind every explored one."""


class Way(IntEnum):
    """How a scheduler's draws are made, beside the shares that go other ways."""

    UNIFORM = 0
    """Every active task alike."""
    Z_SCORE = 1
    """In proportion to sigmoid(z), z being the priority's amplified z-score over the pool, by rejection."""
    WEIGHT = 2
    """In proportion to the priority, by a sum tree."""
    RANK = 3
    """In proportion to a power of the rank by priority, tasks of equal priority alike, by an ordered tree."""


def shared(part: Callable[..., Any]) -> Callable[..., Any]:
    """Let formulas share a part, a function of ``task``, ``at`` and perhaps ``rules``: a dict ``task.shared`` keeps it.

    Compiled, and where there is no such dict, the part is as it was.
    """

    @wraps(part)
    def kept(task: Any, *others: Any) -> Any:
        answers = getattr(task, "shared", None)
        if answers is None:
            return part(task, *others)
        if part not in answers:
            answers[part] = part(task, *others)
        return answers[part]

    return kept


def where(condition: Any, yes: Any, no: Any) -> Any:
    """Return ``yes`` where the condition holds, else ``no``: elementwise, in kernels for one task."""
    return np.where(condition, yes, no)


def share_of(part: Any, whole: Any) -> Any:
    """Return part / whole, 0 where there is nothing to share; elementwise."""
    return where(whole > 0.0, part / where(whole > 0.0, whole, 1.0), 0.0)


def noise_of_movement(fast: Any, slow: Any) -> Any:
    """Return the variance of the difference of two averages of one 0/1 sequence, of these weights, over p(1 − p)."""
    return fast / (2.0 - fast) + slow / (2.0 - slow) - 2.0 * fast * slow / (fast + slow - fast * slow)


def power(base: Any, exponent: float) -> Any:
    """Return base to the power of a whole number ≥ 0 by squaring: the same bits for one task and for arrays."""
    result = 1.0 + 0.0 * base
    while exponent >= 1.0:
        if exponent % 2.0 >= 1.0:
            result = result * base
        base = base * base
        exponent = exponent // 2.0
    return result


def expected_learnability(successes: Any, failures: Any) -> Any:
    """Return E[p(1 − p)] where p is Beta(successes, failures): ab / ((a + b)(a + b + 1))."""
    total = successes + failures
    return successes * failures / (total * (total + 1.0))


def recent_learnability(solved: Any, plays: Any) -> Any:
    """Return the expected p(1 − p) by the last 25 plays of which a share was solved, beside a success and a failure."""
    known = np.minimum(plays * 1.0, 25.0)
    return expected_learnability(1.0 + known * solved, 1.0 + known * (1.0 - solved))


def sigmoid(z: Any) -> Any:
    """Return 1 / (1 + e^−z), z clipped to ± 500."""
    return 1.0 / (1.0 + np.exp(-np.minimum(np.maximum(z, -500.0), 500.0)))


def z_score(priority: Any, mean: float, deviation: float, amplification: float, temperature: float) -> Any:
    """Return the argument of the sigmoid: the amplified z-score at temperature 0, else priority / temperature.

    Tasks that are all alike (standard deviation up to 1e-10), and a negative temperature, leave the priority as it is.
    """
    if temperature > 0.0:
        return priority / temperature
    if temperature == 0.0 and deviation > 1e-10:
        return (priority - mean) / deviation * amplification
    return priority


class CheckedModel(BaseModel):
    """A model whose bad values are a :class:`lpcurr.ConfigError`, which names the value, the limit and the fix.

    It is written undisturbed: its serializers are Python, in which signal handlers run. What these raise, Ctrl-C for
    one, pydantic gives on as an error of its own, and in a union takes for a wrong guess.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True, allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigError(_describe(type(self), error)) from None

    # For pydantic to validate those within others by itself, so that one error has the whole path.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def model_validate(cls, *args: Any, **options: Any) -> Self:
        """As pydantic's, but with :class:`lpcurr.ConfigError`."""
        try:
            return super().model_validate(*args, **options)
        except ValidationError as error:
            raise ConfigError(_describe(cls, error)) from None

    def model_dump(self, *args: Any, **options: Any) -> dict[str, Any]:
        """As pydantic's."""
        return run_undisturbed(partial(super().model_dump, *args, **options))

    def model_dump_json(self, *args: Any, **options: Any) -> str:
        """As pydantic's."""
        return run_undisturbed(partial(super().model_dump_json, *args, **options))

    def in_use(self) -> Self:
        """Return a copy for a live curriculum, of which no field can be set."""
        copy = self.model_copy()
        copy.__dict__[_IN_USE] = True
        return copy

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's; what can be set of the copy is nobody's in use."""
        copy = super().model_copy(update=update, deep=deep)
        copy.__dict__.pop(_IN_USE, None)
        return copy

    def __setattr__(self, name: str, value: Any) -> None:
        if _IN_USE in self.__dict__:
            raise ConfigError(
                f"{name} of a live curriculum's configuration cannot be set: curriculum.use(…) changes its scheduler, "
                "also in other processes; anything else is settled when it is made"
            )
        before = dict(self.__dict__)
        try:
            super().__setattr__(name, value)
        except ValidationError as error:
            self.__dict__.update(before)  # pydantic leaves a value in place that only a model validator refuses
            raise ConfigError(_describe(type(self), error)) from None


def _describe(model: type[BaseModel], error: ValidationError) -> str:
    problems = []
    for each in error.errors():
        path, owner = _place(model, each["loc"])
        message, value = each["msg"].removeprefix("Value error, "), f"={shown(each['input'])}"
        if each["type"] == "extra_forbidden":
            kinds = [owner, *(owner.__subclasses__() if isabstract(owner) else ())]  # which of them, nobody says here
            names = dict.fromkeys(name for kind in kinds for name in kind.model_fields)
            message = f"there is no such field; {_meant(path[-1], list(names))}"
        elif each["type"] == "union_tag_invalid":
            path, value = [*path, "type"], f"={shown(each['ctx']['tag'])}"
            message = f"there is no such type; {_meant(each['ctx']['tag'], each['ctx']['expected_tags'].split(', '))}"
        elif each["type"] == "union_tag_not_found":
            message = "its 'type' is missing, which says what it is"
        elif each["type"] == "value_error" and isinstance(each["input"], Mapping):
            value = ""  # what is wrong lies between several of its fields
        problems.append(f"{'.'.join(path)}{value}: {message}" if path else message)
    return f"{model.__name__}: " + "; ".join(problems)


def _place(model: type[BaseModel], loc: Iterable[int | str]) -> tuple[list[str], type[BaseModel]]:
    """Return the path that a problem has in a configuration, without the tags of unions, and the model it lies in."""
    path, members = list[str](), [model]
    owner = model
    for part in loc:
        chosen = [member for member in members if str(part) == _tag_of(member)]
        if chosen and len(members) > 1:
            members = chosen
            continue
        path.append(str(part))
        owner = members[0]
        if field := owner.model_fields.get(str(part)):
            members = list(_models(field.annotation)) or members
    return path, owner


def _tag_of(model: type[BaseModel]) -> object:
    return model.model_fields["type"].default if "type" in model.model_fields else None


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models in an annotation, unions and ``Annotated`` opened."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _meant(given: str, names: list[str]) -> str:
    names = [name.strip("'") for name in names]
    close = difflib.get_close_matches(given[:100], names, n=1)
    return (f"did you mean {close[0]!r}? " if close else "") + f"there are {', '.join(names)}"


class SchedulerConfig(CheckedModel):
    """What every scheduler has: the pool and the estimates that are kept of each task."""

    number: ClassVar[int] = -1
    """Place in :data:`lpcurr.schedulers.ALL`, by which the header names the scheduler."""
    draws_by: ClassVar[Way] = Way.UNIFORM
    scale_free: ClassVar[bool] = False
    """Whether scores of any scale are alike to it; where not, those far outside 0 … 1 are warned of."""
    presentations_needed: ClassVar[int] = 3
    """Completions before a task may be evicted, where the configuration does not say."""

    type: str = ""
    num_active_tasks: Capacity = 1000
    use_shared_memory: bool = Field(default=True, description="share the pool with other processes")
    max_inactive_labels_retained: Count = Field(
        default=100, description="labels whose last task has gone and whose counts are still kept"
    )
    task_tracker_ema_alpha: Rate = Field(
        default=0.02, description="weight of a new score in reward_ema, ema_squared and success_rate_ema"
    )
    task_default_success_threshold: float = Field(default=0.5, description="scores from here on count as a success")
    task_default_generator_type: float = Field(default=0.0, description="a number kept with every task")
    show_curriculum_troubleshooting_logging: bool = Field(
        default=False,
        description="stats() includes the Gini, raw LP and per-label figures, and three figures for each task",
    )

    @staticmethod
    def priority(task: Any, at: Any, rules: Any) -> Any:
        """Return what the draw goes by: a weight, or what the pool-wide z-score is taken of."""
        return 0.0 * task.last_score[at]

    @staticmethod
    def exploring_weight(task: Any, at: Any, rules: Any) -> Any:
        """Return a weight within 0 … 1, of 0.5 and more on average, for the share of draws that explores."""
        return 1.0 + 0.0 * task.last_score[at]

    @staticmethod
    def acceptance(task: Any, at: Any, rules: Any) -> Any:
        """Return with what chance a draw by weight is kept, 0 … 1; else it explores. Asked where a share explores."""
        return 1.0 + 0.0 * task.last_score[at]

    @staticmethod
    def retention(task: Any, at: Any, rules: Any) -> Any:
        """Return what the eviction goes by: of the tasks that may go, the one with the least goes."""
        return task.priority[at]

    @model_serializer(mode="wrap")
    def _serialize_with_type(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # exclude_defaults and exclude_unset would drop the type, and nothing could read the result
        fields: dict[str, Any] = handler(self)
        return {"type": self.type} | fields if self.type else fields

    @property
    def scheduler(self) -> builtins.type[SchedulerConfig]:
        """Which scheduler these settings are of."""
        return self.__class__

    def rules(self, min_presentations: int, fixed_set: bool) -> dict[str, Any]:
        """Return the rule fields of the header (``lpcurr.memory.rules.RULES``) that these settings come to.

        A setting that has the name of a rule field is that.

        Args:
            min_presentations: completions before a task may be evicted.
            fixed_set: nothing is evicted by score.
        """
        scheduler = self.scheduler
        rules = layout.RULES | {
            "scheduler": scheduler.number,
            "scheduler_name": name_words(str(scheduler.model_fields["type"].default)),
            "draws_by": int(scheduler.draws_by),
            "mature_from": min_presentations,
            "ema_alpha": self.task_tracker_ema_alpha,
            "success_threshold": self.task_default_success_threshold,
            "generator_type": self.task_default_generator_type,
            "max_inactive_labels": self.max_inactive_labels_retained,
        }
        return rules | {name: getattr(self, name) for name in type(self).model_fields if name in rules}


def name_words(name: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return a scheduler's name as the header holds it: int64[4], UTF-8."""
    size = 8 * layout.SCHEDULER_NAME_WORDS
    return np.frombuffer(name.encode()[:size].ljust(size, b"\0"), dtype="<i8")


def own_words(*values: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the block of the header that a scheduler names for itself: float64[16], zero behind the values."""
    return np.pad(np.array(values, dtype=np.float64), (0, layout.OWN_WORDS - len(values)))
