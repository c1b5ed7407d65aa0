"""Tasks that vary a base: each bucket draws the value at one path of the environment configuration."""

import dataclasses
import enum
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer, model_validator

from lpcurr.errors import ConfigError, shown
from lpcurr.generators.base import DEFAULT_LABEL, GeneratedTask, TaskGenerator, child_id, copied_values, stream
from lpcurr.generators.encoding import TAG, encode, read
from lpcurr.generators.environment import InconsistentEnvError, apply_overrides, check_paths, overlap, value_at
from lpcurr.generators.nested import AnyTaskGenerator, as_generator, is_generator_form
from lpcurr.generators.single import SingleTaskGenerator
from lpcurr.generators.spans import Span

_LONGEST_TEXT = 24
_TRIAL_DRAWS = (0.0, 0.381966, 1 - 2**-53)  # both ends, and a point in between that is no round number


def _wrapped(base: Any) -> TaskGenerator:
    """The generator or callable itself, or a generator around an environment configuration."""
    is_config = isinstance(base, BaseModel) or dataclasses.is_dataclass(base)  # which may have a __call__ of its own
    if isinstance(base, TaskGenerator) or (callable(base) and not is_config):
        return as_generator(base)
    return SingleTaskGenerator(env=base)


def _read_base(base: Any) -> Any:
    return base if is_generator_form(base) else _wrapped(base)


def _read_bucket(values: Any) -> list[Any]:
    if isinstance(values, Mapping) and {"low", "high"} <= values.keys() <= {"low", "high", "log"}:
        return [Span(**values)]
    if isinstance(values, Span):
        return [values]
    if isinstance(values, str | bytes | Mapping) or not np.iterable(values):
        raise ConfigError(f"a bucket is a list of values and Spans, or one Span; got {shown(values)}")
    bucket = [_read_value(value) for value in values]
    if not bucket:
        raise ConfigError("a bucket needs at least one value")
    return bucket


def _read_value(value: Any) -> Any:
    if isinstance(value, dict) and value.get(TAG) == "span":
        return Span(**value["data"])
    return value.item() if isinstance(value, np.generic) else read(value)


def _write_bucket(bucket: list[Any]) -> Any:
    if len(bucket) == 1 and isinstance(bucket[0], Span):
        return _write_span(bucket[0])
    return [{TAG: "span", "data": _write_span(value)} if isinstance(value, Span) else encode(value) for value in bucket]


def _write_span(span: Span) -> dict[str, Any]:
    return {"low": span.low, "high": span.high} | ({"log": True} if span.log else {})


Bucket = Annotated[list[Any], BeforeValidator(_read_bucket), PlainSerializer(_write_bucket)]


class BucketedTaskGenerator(TaskGenerator):
    """Varies the tasks of a base: each bucket draws the value at its path, independently and uniformly.

    A bucket is a list of values and :class:`Span` s, or one Span: an entry is drawn from the list, each as likely as
    the others, and then a number from it if it is a Span. Buckets are drawn in the order of their paths, not of the
    dict, so that a file whose keys were sorted gives the same tasks.

    Labels: the label of the base, or ``label`` if given. With ``label_by``, the values of those buckets as well, as in
    ``"size=4,slippery"``: a flag is named where it is True, a Span by the quarter of it that the value is in, anything
    long by its place in the list. Slice values: each bucket's value, those of the base included.

    Attributes:
        base: a generator, or an environment configuration. A dict whose ``type`` is that of a generator is read as
            the generator; wrap a configuration that looks like one in :func:`single_task`.
        buckets: values by dotted path into the environment configuration.
        label_by: the bucket paths to name in the labels.

    Raises:
        ConfigError: a path leads nowhere in the base's configuration, or sets what another bucket or
            override sets; a value has the wrong type; a bucket is empty; ``label_by`` names no bucket.

    >>> lake = BucketedTaskGenerator(
    ...     base={"size": 4, "slippery": False},
    ...     buckets={"size": [4, 8], "slippery": [False, True]},
    ...     label_by=["size", "slippery"],
    ... )
    >>> lake.build(3)  # doctest: +NORMALIZE_WHITESPACE
    GeneratedTask(env_cfg={'size': 8, 'slippery': False}, label='size=8',
                  slice_values={'size': 8, 'slippery': False})
    >>> lake.label_of(1)
    'size=8,slippery'
    """

    type: Literal["bucketed"] = "bucketed"
    base: Annotated[AnyTaskGenerator, BeforeValidator(_read_base)]
    buckets: dict[str, Bucket] = Field(default_factory=dict)
    label_by: list[str] = Field(default_factory=list)

    def add_bucket(self, path: str, values: Iterable[Any] | Span, *, label: bool = False) -> Self:
        """Let the value at a path vary; returns this generator.

        Args:
            path: dotted path into the environment configuration of the base.
            values: values and Spans, or one Span.
            label: whether labels name the value.

        Raises:
            ConfigError: as for the class. The generator is left as it was.

        >>> bucketed({"size": 4}).add_bucket("size", Span(4, 12)).slice_values_of(5)
        {'size': 11}
        """
        if not isinstance(label, bool | np.bool_):
            raise ConfigError(f"label is {shown(label)}: give True where labels are to name the value, or False")
        bucket = _read_bucket(values)
        self._check_bucket_paths([*self.buckets, path])
        if hidden := overlap(self.overrides, [path]):
            raise ConfigError(f"the override {hidden[0]!r} would undo the bucket {path!r}; remove one of the two")
        self._check_values({path: bucket})
        self.buckets[path] = self._as_drawn(path, bucket)
        if label:
            self.label_by.append(path)
        self.model_fields_set.update(("buckets", "label_by"))  # or exclude_unset would leave them out of a file
        return self

    def label_of(self, task_id: int) -> str:
        if self.label is not None and not self.label_by:
            return self.label
        inner_id, drawn = self._draw(task_id)
        return self._label(self.label or self.base.label_of(inner_id), drawn)

    def slice_values_of(self, task_id: int) -> dict[str, Any]:
        inner_id, drawn = self._draw(task_id)
        return self.base.slice_values_of(inner_id) | copied_values({path: value for path, (_, value) in drawn.items()})

    def _generate(self, task_id: int) -> GeneratedTask:
        inner_id, drawn = self._draw(task_id)
        task = self.base.build(inner_id)
        values = {path: value for path, (_, value) in drawn.items()}
        return GeneratedTask(
            apply_overrides(task.env_cfg, values),
            self._label(self.label or task.label, drawn),
            task.slice_values | copied_values(values),
        )

    def _draw(self, task_id: int) -> tuple[int, dict[str, tuple[int, Any]]]:
        """The base's task id, and by path the place in the bucket that was drawn with its value."""
        rng = stream(task_id)
        inner_id = child_id(rng)
        drawn = {}
        for path in sorted(self.buckets):
            bucket = self.buckets[path]
            place = int(rng.random() * len(bucket))
            value = bucket[place]
            drawn[path] = place, value.draw(rng.random()) if isinstance(value, Span) else value
        return inner_id, drawn

    def _label(self, prefix: str, drawn: dict[str, tuple[int, Any]]) -> str:
        if not self.label_by:
            return prefix
        parts = [] if prefix == DEFAULT_LABEL else [prefix]
        names = [path.rpartition(".")[2] for path in self.label_by]
        for path, name in zip(self.label_by, names, strict=True):
            place, value = drawn[path]
            entry = self.buckets[path][place]
            parts.append(_label_part(path if names.count(name) > 1 else name, entry, place, value))
        return ",".join(part for part in parts if part) or prefix

    def _base_envs(self) -> list[Any]:
        return self.base._example_envs()

    def _bucket_paths(self) -> list[str]:
        return [*self.base._bucket_paths(), *self.buckets]

    def _check_bucket_paths(self, paths: list[str]) -> None:
        check_paths(paths)
        if twice := overlap(paths, self.base._bucket_paths()):
            raise ConfigError(
                f"the bucket {twice[0]!r} would undo the bucket {twice[1]!r} of the base, whose values labels "
                "and statistics would go on naming; remove one of the two"
            )

    def _check_values(self, buckets: dict[str, list[Any]]) -> None:
        """Try each value in the base's configurations, so that a wrong one shows now and not in mid training."""
        for path, bucket in buckets.items():
            trials: list[Any] = []
            for value in bucket:
                trials += [value.draw(u) for u in _TRIAL_DRAWS] if isinstance(value, Span) else [value]
            for env in self._base_envs():
                for value in trials:
                    with suppress(InconsistentEnvError):  # with the values of the other buckets it may be fine
                        env = apply_overrides(env, {path: value})

    def _as_drawn(self, path: str, bucket: list[Any]) -> list[Any]:
        """The bucket whose integer Spans draw floats where every base has a float at the path."""
        bases = self._base_envs()
        if not bases or not all(type(value_at(env, path)) is float for env in bases):
            return bucket
        return [value.of_floats() if isinstance(value, Span) and value.integer else value for value in bucket]

    @model_validator(mode="after")
    def _validate_buckets(self) -> Self:
        self._check_bucket_paths(list(self.buckets))
        self._check_values(self.buckets)
        for path, bucket in self.buckets.items():
            self.buckets[path] = self._as_drawn(path, bucket)
        if unknown := [path for path in self.label_by if path not in self.buckets]:
            raise ConfigError(f"label_by names {unknown[0]!r}, but the buckets are {', '.join(self.buckets) or 'none'}")
        return self


def _label_part(name: str, entry: Any, place: int, value: Any) -> str:
    if value is True:
        return name
    if value is False:
        return ""
    if isinstance(entry, Span):
        return f"{name}={entry.bin_of(value)}"
    if isinstance(value, enum.Enum):
        return f"{name}={value.name}"
    if value is None or isinstance(value, int | float | str):
        text = str(value)
        if len(text) <= _LONGEST_TEXT:
            return f"{name}={text}"
    return f"{name}#{place}"


def bucketed(env_or_generator: Any, label: str | None = None) -> BucketedTaskGenerator:
    """A generator to add buckets to.

    Args:
        env_or_generator: what the buckets vary: an environment configuration, a generator, or a callable.
        label: the label of the tasks; that of the base if not given.

    >>> lake = bucketed({"size": 4, "holes": 0.1})
    >>> lake = lake.add_bucket("size", [4, 8]).add_bucket("holes", Span(0.0, 0.3))
    >>> lake(11)
    {'size': 4, 'holes': 0.2772631752071188}
    """
    return BucketedTaskGenerator(base=_wrapped(env_or_generator), label=label)
