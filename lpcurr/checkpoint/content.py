"""What a checkpoint holds, and whether it can be true."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lpcurr.errors import CheckpointError, shown
from lpcurr.memory import layout
from lpcurr.memory.label_names import write_name
from lpcurr.pool.moment import Column, Moment
from lpcurr.pool.pool import Pool

VERSION = 2
_READABLE = (1, 2)
_FORMAT = "lpcurr-checkpoint"

Columns = dict[str, Column]

COLUMN_DTYPES: dict[str, str] = {**dict(layout.TRUTH_COLUMNS), "slot": "<i4"}
REQUIRED_COLUMNS = (
    *("task_id", "entry", "label", "creation_time", "success_threshold", "generator_type", "scheduled_count"),
    *("completion_count", "total_score", "last_score", "reward_ema", "ema_squared", "success_rate_ema"),
    *("p_fast", "p_slow", "p_true", "random_baseline", "slot"),
)
"""What lpcurr 0.1 wrote, in this order. Any other column is its default in all tasks where a checkpoint lacks it."""

# Counters stay so far below 2**63 that no number of episodes takes a loaded pool there.
Natural = Annotated[int, Field(ge=0, lt=2**62)]
Integer = Annotated[int, Field(gt=-(2**62), lt=2**62)]
Word = Annotated[int, Field(ge=0, lt=2**64)]
Sum = Annotated[float, Field(ge=-1e147, le=1e147)]  # of a million priorities within ± 1e140
SquareSum = Annotated[float, Field(ge=-1e287, le=1e287)]

# Scores of this size overflow sums and averages. Draws bear that, so a checkpoint has to.
_HUGE_SCORE = 1e300
_MAY_OVERFLOW = ("total_score", "success_threshold")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Counters(_Model):
    """The header's counters, by their names there."""

    completed: Natural
    scheduled: Natural
    created: Natural
    evicted: Natural
    entry_count: Natural
    epoch_evictions: Natural
    evicted_completions: Natural
    refused: Natural
    dropped: Natural
    epoch: Natural
    next_stream: Natural
    label_clock: Natural


class Sums(_Model):
    """The header's running sums: bit for bit, because what they are depends on the order of all updates."""

    score_sum: float
    sum_high: Sum
    sum_low: Sum
    square_high: SquareSum
    square_low: SquareSum
    square_peak: SquareSum
    updates_since_rebuild: Natural


class Label(_Model):
    """A row of the label table that is in use."""

    row: int = Field(ge=0, lt=layout.LABEL_CAPACITY)
    name: str
    inactive_since: Natural
    completed: Integer
    evicted: Integer
    epoch_evicted: Integer
    epoch_sampled: Integer
    averaged: Natural = 0
    fast: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    slow: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0


_LABEL_COUNTS = Label.model_fields.keys() - {"row", "name"}


class Stream(_Model):
    """The random stream of a process."""

    ordinal: Natural
    words: list[Word] = Field(min_length=4, max_length=4)


class Description(_Model):
    """Everything but the columns."""

    capacity: int = Field(ge=1, le=layout.MAX_CAPACITY)  # slots of the pool
    seed: int = Field(ge=0, lt=2**63)  # from which further processes get their streams
    config: dict[str, Any]  # as JSON has it, with the task generator if that can be written
    has_generator: bool  # whether the pool had a task generator, stored or not
    counters: Counters
    sums: Sums
    labels: list[Label]
    streams: list[Stream] = Field(max_length=layout.PROCESS_CAPACITY)


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A pool at one moment."""

    description: Description
    columns: Columns  # the truth columns and ``slot``, by name; row i is the task at position i of the active index
    source: str  # what messages call it

    @classmethod
    def capture(cls, pool: Pool) -> Checkpoint:
        """Copy a pool, whose workers wait for the copying alone; ``CheckpointError`` where it contradicts itself."""
        return cls.of_moment(pool.moment(), pool.config_text)

    @classmethod
    def of_moment(cls, moment: Moment, config_text: bytes) -> Checkpoint:
        """Put a checkpoint together from a pool's moment; raises as :meth:`capture`."""
        order = moment.by_index()
        columns: Columns = {name: column[order] for name, column in moment.columns.items()}
        columns["slot"] = moment.active.astype(np.int64)
        source = "this pool's checkpoint"
        try:
            description = _describe(moment, json.loads(config_text))
        except ValueError as error:  # no JSON, or pydantic's: others wrote into the pool
            raise refusal(source, _first_line(error)) from None
        checkpoint = cls(description, columns, source)
        checkpoint.verify()
        return checkpoint

    @classmethod
    def from_parts(cls, version: object, description: Mapping[str, Any], columns: Columns, source: str) -> Checkpoint:
        """Put a checkpoint together and verify it; raises ``CheckpointError`` with the source and what is wrong."""
        if type(version) is not int or version not in _READABLE:
            raise refusal(
                source,
                f"its format version is {shown(version)}, and this lpcurr reads {_READABLE[0]} to {_READABLE[-1]}: "
                "use the lpcurr that wrote it",
            )
        if version == 1:
            description = _with_rules_of_version_1(description)
        if not set(REQUIRED_COLUMNS) <= set(columns) <= set(COLUMN_DTYPES):
            raise refusal(source, f"its columns are {', '.join(columns) or 'none'}, not {', '.join(COLUMN_DTYPES)}")
        for name in set(COLUMN_DTYPES) - set(columns):
            default = layout.COLUMN_DEFAULTS.get(name, 0)
            columns[name] = np.full(columns["slot"].size, default, dtype=COLUMN_DTYPES[name])
        try:
            checked = Description.model_validate(description)
        except ValidationError as error:
            raise refusal(source, _first_line(error)) from None
        checkpoint = cls(checked, columns, source)
        checkpoint.verify()
        return checkpoint

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Checkpoint:
        """Read what :meth:`to_state` gave; raises ``CheckpointError``."""
        source = "the state"
        if not isinstance(state, Mapping):
            raise refusal(source, f"it is a {type(state).__name__}, not a dict as get_state() gives")
        if not isinstance(state.get("format"), str) or state["format"] != _FORMAT:
            raise refusal(source, f"its 'format' is {shown(state.get('format'))}, not {_FORMAT!r}")
        given = state.get("columns")
        if not isinstance(given, Mapping):
            raise refusal(source, f"its 'columns' are not a dict of {', '.join(COLUMN_DTYPES)}")
        columns = {name: _as_column(values, name, source) for name, values in given.items()}
        rest = {name: value for name, value in state.items() if name not in ("format", "version", "columns")}
        return cls.from_parts(state.get("version"), rest, columns, source)

    def to_state(self) -> dict[str, Any]:
        """Everything as dicts, lists, strings, ints and floats."""
        columns = {name: self.columns[name].tolist() for name in COLUMN_DTYPES}
        return {"format": _FORMAT, "version": VERSION, **self.description.model_dump(), "columns": columns}

    def moment(self, settings: Mapping[str, float], saved_at: float) -> Moment:
        """Return the pool as it was when it was saved, under the configuration fields of its header."""
        description, tasks = self.description, self.columns["slot"].size
        header = np.zeros(1, dtype=layout.HEADER)[0]
        own = {"capacity": description.capacity, "seed": description.seed, "active_count": tasks}
        for name, value in (dict(settings) | dict(description.counters) | dict(description.sums) | own).items():
            header[name] = value
        labels = np.zeros(1 + max(label.row for label in description.labels), dtype=layout.LABEL)
        write_labels(labels, description.labels)
        order = np.argsort(self.columns["entry"])
        columns: Columns = {name: self.columns[name][order] for name, _ in layout.TRUTH_COLUMNS}
        slots = self.columns["slot"]
        return Moment(header, labels, np.zeros(0, layout.PROCESS), columns, slots[order], slots, saved_at)

    def verify(self) -> None:
        """Raise ``CheckpointError`` with the first thing that cannot be true."""
        for problem in _problems(self):
            raise refusal(self.source, problem)


def refusal(source: str, problem: str) -> CheckpointError:
    """The error for a checkpoint that is not loaded."""
    return CheckpointError(f"{source} is refused: {problem}")


def _first_line(error: ValueError) -> str:
    """Return the first thing that is wrong with a description."""
    if not isinstance(error, ValidationError):
        return f"its configuration is no JSON: {error}"
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'its description'}: {first['msg']}"


def write_labels(table: np.ndarray[Any, np.dtype[np.void]], labels: Iterable[Label]) -> None:
    """Enter labels into an empty label table."""
    for label in labels:
        write_name(table[label.row], label.name)
        for field in _LABEL_COUNTS:
            table[label.row][field] = getattr(label, field)


def _describe(moment: Moment, config: dict[str, Any]) -> Description:
    header = moment.header

    def plain(model: type[_Model]) -> dict[str, Any]:
        return {name: header[name].item() for name in model.model_fields}

    labels = [
        Label(row=row, name=name, **{field: moment.labels[field][row].item() for field in _LABEL_COUNTS})
        for row, name in moment.label_names.items()
    ]
    records = moment.processes
    in_use = (records["pid"] != 0) | (records["start_time"] == layout.STREAM_WAITS)
    streams = [
        Stream(ordinal=int(record["ordinal"]), words=[int(record[f"stream{number}"]) for number in range(4)])
        for record in np.sort(records[in_use], order="ordinal")
    ]
    return Description(
        capacity=int(header["capacity"]),
        seed=int(header["seed"]),
        config=config,
        has_generator=bool(header["new_label"] >= layout.PENDING),
        counters=Counters(**plain(Counters)),
        sums=Sums(**plain(Sums)),
        labels=labels,
        streams=streams,
    )


def _with_rules_of_version_1(description: Mapping[str, Any]) -> Mapping[str, Any]:
    """Say in the configuration what was no rule yet: averages began at a task's first score."""
    config: Any = description.get("config")
    algorithm = config.get("algorithm_config") if isinstance(config, Mapping) else None
    if not isinstance(algorithm, Mapping) or algorithm.get("type") != "learning_progress":
        return description
    return {**description, "config": {**config, "algorithm_config": {"unbiased_averages": False, **algorithm}}}


def _as_column(values: Any, name: str, source: str) -> Column:
    dtype = np.dtype(COLUMN_DTYPES.get(name, "<f8") if name != "slot" else "<i8")
    try:
        column = np.asarray(values)
    except (ValueError, TypeError, OverflowError) as error:
        raise refusal(source, f"column {name!r} is not a list of numbers: {error}") from None
    if column.ndim == 1 and column.size == 0:
        return np.empty(0, dtype=dtype)
    if column.ndim != 1 or column.dtype.kind == "b" or not np.can_cast(column.dtype, dtype, "safe"):
        raise refusal(source, f"column {name!r} is not a list of numbers that fit {dtype.name}")
    return column.astype(dtype)


def _problems(checkpoint: Checkpoint) -> Iterator[str]:
    sizes = {column.size for column in checkpoint.columns.values()}
    if len(sizes) != 1:
        yield f"its columns have different lengths: {sorted(sizes)}"
    for check in (_column_problems, _counter_problems, _label_problems, _stream_problems):
        yield from check(checkpoint.description, checkpoint.columns)


def _column_problems(description: Description, columns: Columns) -> Iterator[str]:
    limits = {"task_id": layout.MAX_TASK_ID, "slot": description.capacity - 1}
    limits["entry"] = description.counters.entry_count - 1
    for name, limit in limits.items():
        ranked = np.sort(columns[name].astype(np.int64))
        outside = ranked[(ranked < 0) | (ranked > limit)]
        if outside.size:
            yield f"{name} {outside[0]} is outside 0 … {limit}"
        repeated = ranked[1:][ranked[1:] == ranked[:-1]]
        if repeated.size:
            yield f"{name} {repeated[0]} is there twice"
    scores = np.abs(columns["total_score"])
    for name, column in columns.items():
        if column.dtype.kind == "i" and name not in limits and np.any((column < 0) | (column >= 2**62)):
            yield f"a {name} is negative, or beyond 2**62"
        if column.dtype.kind == "f" and name not in _MAY_OVERFLOW:
            wrong = ~np.isfinite(column) & (scores < _HUGE_SCORE)
            if wrong.any():
                yield f"{name} of task {columns['task_id'][wrong][0]} is not finite"


def _counter_problems(description: Description, columns: Columns) -> Iterator[str]:
    counters, tasks = description.counters, columns["slot"].size
    if counters.created - counters.evicted != tasks:
        yield f"{counters.created} tasks were created and {counters.evicted} evicted, but {tasks} are there"
    completions = sum(columns["completion_count"].tolist())  # of Python's ints, which do not overflow
    if completions + counters.evicted_completions != counters.completed:
        yield (
            f"its tasks have {completions} completions and evicted ones had {counters.evicted_completions}, "
            f"but {counters.completed} were counted"
        )


def _label_problems(description: Description, columns: Columns) -> Iterator[str]:
    labels = {label.row: label for label in description.labels}
    names = {label.name for label in description.labels}
    if not len(labels) == len(names) == len(description.labels):
        yield "a label is there twice"
    if not labels.keys() >= {layout.UNKNOWN_LABEL, layout.OVERFLOW_LABEL}:
        yield "the labels of tasks without a label are missing"
    for name in names:
        encoded = name.encode(errors="replace")  # half a surrogate pair becomes a question mark
        if len(encoded) > layout.LABEL_BYTES or encoded.decode() != name:
            yield f"label {shown(name)} is not text of at most {layout.LABEL_BYTES} bytes"
    cells = columns["label"].astype(np.int64)
    used = set(np.unique(cells & (layout.PENDING - 1)).tolist())
    if (cells >> layout.PLACE_SHIFT >= layout.MAX_CAPACITY).any() or not used <= labels.keys():
        yield "a task has a label that is not there"
    for row, label in labels.items():
        inactive = row > layout.OVERFLOW_LABEL and row not in used
        if (label.inactive_since > 0) != inactive or label.inactive_since > description.counters.label_clock:
            yield f"label {label.name!r} has inactive_since {label.inactive_since}, which its tasks contradict"


def _stream_problems(description: Description, columns: Columns) -> Iterator[str]:
    ordinals = [stream.ordinal for stream in description.streams]
    if ordinals != sorted(set(ordinals)) or (ordinals and ordinals[-1] >= description.counters.next_stream):
        yield f"the ordinals of its random streams, {ordinals}, do not ascend below {description.counters.next_stream}"
    if any(not any(stream.words) for stream in description.streams):
        yield "a random stream is all zeros, from which nothing but zeros would come"
