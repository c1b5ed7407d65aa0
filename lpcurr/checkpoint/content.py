"""What a checkpoint holds, and whether it can be true."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lpcurr.errors import CheckpointError
from lpcurr.memory import layout
from lpcurr.pool.pool import Pool

VERSION = 1
FORMAT = "lpcurr-checkpoint"

Column = np.ndarray[tuple[int], np.dtype[np.generic]]
Columns = dict[str, Column]

COLUMN_DTYPES: dict[str, str] = {**dict(layout.TRUTH_COLUMNS), "slot": "<i4"}

Natural = Annotated[int, Field(ge=0, lt=2**63)]
Integer = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Word = Annotated[int, Field(ge=0, lt=2**64)]
Finite = Annotated[float, Field(allow_inf_nan=False)]

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
    sum_high: Finite
    sum_low: Finite
    square_high: Finite
    square_low: Finite
    square_peak: Finite
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


class Stream(_Model):
    """The random stream of a process."""

    ordinal: Natural
    words: list[Word] = Field(min_length=4, max_length=4)


class Description(_Model):
    """Everything but the columns.

    Attributes:
        capacity: slots of the pool.
        seed: from which further processes get their streams.
        config: the configuration as JSON has it, with the task generator if that can be written.
        has_generator: whether the pool had a task generator, stored or not.
    """

    capacity: int = Field(ge=1, le=layout.MAX_CAPACITY)
    seed: Natural
    config: dict[str, Any]
    has_generator: bool
    counters: Counters
    sums: Sums
    labels: list[Label]
    streams: list[Stream] = Field(max_length=layout.PROCESS_CAPACITY)


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A pool at one moment.

    Attributes:
        description: everything but the columns.
        columns: the truth columns and ``slot``, by name; row i is the task at position i of the active index.
        source: what messages call it.
    """

    description: Description
    columns: Columns
    source: str

    @classmethod
    def capture(cls, pool: Pool) -> Checkpoint:
        """Copy a pool, whose workers wait only for the copying itself.

        Raises:
            CheckpointError: the pool contradicts itself.
        """
        tables = np.zeros(layout.COLUMNS_OFFSET, dtype=np.uint8)
        slots, needed = -1, int(pool.state["header"]["high_water"][0])
        while slots < needed:
            slots = min(needed + needed // 8 + 64, pool.capacity)  # others may be filling the pool
            truth = np.empty((len(layout.TRUTH_COLUMNS), slots), dtype=np.int64)
            active = np.empty(slots, dtype=np.int32)
            for array in (truth, active):
                array.fill(0)  # page faults now, not while everyone waits
            needed = pool.capture(tables, truth, active)
        header = tables[: layout.HEADER.itemsize].view(layout.HEADER)[0]
        order = active[: header["active_count"]]
        columns: Columns = {
            name: cells[order].view(dtype) for (name, dtype), cells in zip(layout.TRUTH_COLUMNS, truth, strict=True)
        }
        columns["slot"] = order.astype(np.int64)
        description = _describe(header, tables, json.loads(pool.config_text))
        checkpoint = cls(description, columns, "this pool's checkpoint")
        checkpoint.verify()
        return checkpoint

    @classmethod
    def from_parts(cls, description: Mapping[str, Any], columns: Columns, source: str) -> Checkpoint:
        """Put a checkpoint together and verify it; raises ``CheckpointError`` with the source and what is wrong."""
        try:
            checked = Description.model_validate(description)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise refusal(source, f"{where or 'its description'}: {first['msg']}") from None
        checkpoint = cls(checked, columns, source)
        checkpoint.verify()
        return checkpoint

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Checkpoint:
        """Read what :meth:`to_state` gave; raises ``CheckpointError``."""
        source = "the state"
        if not isinstance(state, Mapping):
            raise refusal(source, f"it is a {type(state).__name__}, not a dict as get_state() gives")
        rest = dict(state)
        if rest.pop("format", None) != FORMAT:
            raise refusal(source, f"its 'format' is {state.get('format')!r}, not {FORMAT!r}")
        if (version := rest.pop("version", None)) != VERSION:
            raise refusal(source, unsupported(version))
        given = rest.pop("columns", None)
        if not isinstance(given, Mapping) or set(given) != set(COLUMN_DTYPES):
            raise refusal(source, f"its 'columns' are not a dict of {', '.join(COLUMN_DTYPES)}")
        columns = {name: _as_column(given[name], name, source) for name in COLUMN_DTYPES}
        return cls.from_parts(rest, columns, source)

    def to_state(self) -> dict[str, Any]:
        """Everything as dicts, lists, strings, ints and floats."""
        columns = {name: self.columns[name].tolist() for name in COLUMN_DTYPES}
        return {"format": FORMAT, "version": VERSION, **self.description.model_dump(), "columns": columns}

    def verify(self) -> None:
        """Raise ``CheckpointError`` with the first thing that cannot be true."""
        sizes = {column.size for column in self.columns.values()}
        if len(sizes) != 1:
            raise refusal(self.source, f"its columns have different lengths: {sorted(sizes)}")
        for problem in (*_columns_problems(self), *_counter_problems(self), *_label_problems(self)):
            raise refusal(self.source, problem)
        for problem in _stream_problems(self.description):
            raise refusal(self.source, problem)


def refusal(source: str, problem: str) -> CheckpointError:
    """The error for a checkpoint that is not loaded."""
    return CheckpointError(f"{source} is refused: {problem}")


def unsupported(version: object) -> str:
    """What to say of another version."""
    return f"its format version is {version!r}, and this lpcurr reads version {VERSION}: use the lpcurr that wrote it"


def _describe(header: np.void, tables: np.ndarray[Any, Any], config: dict[str, Any]) -> Description:
    def plain(model: type[_Model]) -> dict[str, Any]:
        return {name: header[name].item() for name in model.model_fields}

    rows = tables[layout.LABEL_OFFSET : layout.LABEL_HASH_OFFSET].view(layout.LABEL)[: header["label_count"]]
    labels = [
        {
            "row": int(row),
            "name": rows["name"][row][: rows["name_size"][row]].tobytes().decode(),
            **{name: rows[name][row].item() for name in Label.model_fields if name not in ("row", "name")},
        }
        for row in np.flatnonzero(rows["used"])
    ]
    records = tables[layout.PROCESS_OFFSET : layout.LABEL_OFFSET].view(layout.PROCESS)
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
        labels=[Label(**label) for label in labels],
        streams=streams,
    )


def _as_column(values: Any, name: str, source: str) -> Column:
    dtype = np.dtype(COLUMN_DTYPES[name] if name != "slot" else "<i8")
    try:
        column = np.asarray(values)
    except (ValueError, TypeError, OverflowError) as error:
        raise refusal(source, f"column {name!r} is not a list of numbers: {error}") from None
    if column.ndim == 1 and column.size == 0:
        return np.empty(0, dtype=dtype)
    if column.ndim != 1 or column.dtype.kind == "b" or not np.can_cast(column.dtype, dtype, "safe"):
        raise refusal(source, f"column {name!r} is not a list of numbers that fit {dtype.name}")
    return column.astype(dtype)


def _columns_problems(checkpoint: Checkpoint) -> Iterator[str]:
    description, columns = checkpoint.description, checkpoint.columns
    limits = {"task_id": layout.MAX_TASK_ID, "slot": description.capacity - 1}
    limits["entry"] = description.counters.entry_count - 1
    for name, limit in limits.items():
        column = columns[name].astype(np.int64)
        outside = column[(column < 0) | (column > limit)]
        if outside.size:
            yield f"{name} {outside[0]} is outside 0 … {limit}"
        ranked = np.sort(column)
        repeated = ranked[1:][ranked[1:] == ranked[:-1]]
        if repeated.size:
            yield f"{name} {repeated[0]} is there twice"
    for name in ("scheduled_count", "completion_count"):
        if (columns[name].astype(np.int64) < 0).any():
            yield f"a {name} is negative"
    bearable = ~(np.abs(columns["total_score"].astype(np.float64)) < _HUGE_SCORE)
    for name, dtype in layout.TRUTH_COLUMNS:
        if dtype == "<f8" and name not in _MAY_OVERFLOW:
            wrong = ~np.isfinite(columns[name].astype(np.float64)) & ~bearable
            if wrong.any():
                yield f"{name} of task {columns['task_id'][wrong][0]} is not finite"


def _counter_problems(checkpoint: Checkpoint) -> Iterator[str]:
    counters, columns = checkpoint.description.counters, checkpoint.columns
    tasks = columns["slot"].size
    if counters.created - counters.evicted != tasks:
        yield f"{counters.created} tasks were created and {counters.evicted} evicted, but {tasks} are there"
    completions = int(columns["completion_count"].astype(np.int64).sum())
    if completions + counters.evicted_completions != counters.completed:
        yield (
            f"its tasks have {completions} completions and evicted ones had {counters.evicted_completions}, "
            f"but {counters.completed} were counted"
        )


def _label_problems(checkpoint: Checkpoint) -> Iterator[str]:
    labels = {label.row: label for label in checkpoint.description.labels}
    names = [label.name for label in labels.values()]
    if len(labels) != len(checkpoint.description.labels) or len(set(names)) != len(names):
        yield "a label is there twice"
    if not labels.keys() >= {layout.UNKNOWN_LABEL, layout.OVERFLOW_LABEL}:
        yield "the labels of tasks without a label are missing"
    for name in names:
        if not _is_label(name):
            yield f"label {name!r} is not text of at most {layout.LABEL_BYTES} bytes"
    cells = np.unique(checkpoint.columns["label"].astype(np.int64))
    used = {int(cell) & (layout.PENDING - 1) for cell in cells}
    if cells.size and (cells[0] < 0 or cells[-1] >= 2 * layout.PENDING or not used <= labels.keys()):
        yield "a task has a label that is not there"
    clock = checkpoint.description.counters.label_clock
    for row, label in labels.items():
        inactive = row > layout.OVERFLOW_LABEL and row not in used
        if (label.inactive_since > 0) != inactive or label.inactive_since > clock:
            yield f"label {label.name!r} has inactive_since {label.inactive_since}, which its tasks contradict"


def _is_label(name: str) -> bool:
    try:
        return len(name.encode()) <= layout.LABEL_BYTES
    except UnicodeEncodeError:  # half a surrogate pair
        return False


def _stream_problems(description: Description) -> Iterator[str]:
    ordinals = [stream.ordinal for stream in description.streams]
    if ordinals != sorted(set(ordinals)) or (ordinals and ordinals[-1] >= description.counters.next_stream):
        yield f"the ordinals of its random streams, {ordinals}, do not ascend below {description.counters.next_stream}"
    if any(not any(stream.words) for stream in description.streams):
        yield "a random stream is all zeros, from which nothing but zeros would come"
