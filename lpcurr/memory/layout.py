"""The layout of a pool's segment: one structured dtype, made from the capacity alone.

A segment is one block of bytes, in shared memory or in the process:

======================  ==================================================================================
``header``              one record: identity, configuration, counters, running sums, lock, undo journal
``process``             one record for each attached process: who it is, its random stream, its counters
``label``               the interned label strings with their counters; ``label_hash`` beside them
columns                 each field of a task as a contiguous array of ``capacity`` cells, 64-byte aligned
``index``               open-addressing table from task id to slot
config                  behind the dtype: the configuration as JSON, for processes that attach by name
======================  ==================================================================================

This is the only place that knows where anything lies. Columns fall into two classes. The *truth* columns (eight bytes
a cell, first in the segment) hold what a task is; everything else (``DERIVED_COLUMNS``, ``index``, the counts and sums
in the header) follows from them and can be rebuilt, which is what repairs a pool after a worker died while changing it.

>>> state = np.zeros(1, dtype=segment_dtype(1000))
>>> state["p_fast"][0].shape
(1000,)
>>> state["header"]["active_count"].dtype
dtype('int64')
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

MAGIC = 0x315252554350_4C  # "LPCURR1" read as a little-endian integer
LAYOUT_VERSION = 2

MAX_CAPACITY = 1_000_000
MAX_TASK_ID = 2**53 - 1
PROCESS_CAPACITY = 256
LABEL_CAPACITY = 4096
LABEL_BYTES = 120
JOURNAL_CAPACITY = 128  # the longest call, naming a task while labels are dropped and made, writes down 68 words
FANOUT = 16
CACHE_LINE = 64

FREE = -1  # task_id of a slot that holds no task

# What a draw hands back beside the task id, packed into one int64: slot | label row << 20 | waits << 32 | entry << 33.
# `waits`: the task's configuration has not been built yet. The sign bit asks the caller's attention: that, or labels
# were renamed since the last look.
SLOT_BITS = 20
LABEL_SHIFT = 20
LABEL_MASK = 0xFFF
WAITS = 1 << 32
ENTRY_SHIFT = 33
ENTRY_MASK = 0x3FFFFFFF
ATTENTION = -(2**63)

# A task's label cell is the label's row, plus this bit until the task's configuration has been built once.
PENDING = 1 << 16
UNKNOWN_LABEL = 0
OVERFLOW_LABEL = 1

LEARNING_PROGRESS = 0
BASIC = 1
DISCRETE_RANDOM = 2

EXPLORATION_UNIT = 10.0
"""An exploration bonus of 0.1 gives an unexplored task the weight of the mean explored one."""


class Status:
    """What a kernel answers instead of raising (it may not raise while it holds the lock)."""

    REFUSED = 0
    ACCEPTED = 1
    INVALID_SCORE = -1
    INVALID_TASK_ID = -2
    UNKNOWN_TASK = -3
    DUPLICATE_TASK = -4
    POOL_FULL = -5
    POOL_EMPTY = -6
    NO_PROCESS_RECORD = -7
    LOCK_LOST = -8
    ORDINAL_TAKEN = -9


def _integers(*names: str) -> list[tuple[str, str]]:
    return [(name, "<i8") for name in names]


def _floats(*names: str) -> list[tuple[str, str]]:
    return [(name, "<f8") for name in names]


SEVERAL_NAMESPACES = -1
"""``pid_namespace`` of a pool whose processes do not see each other's ids; else it is that of all of them."""

HEADER_FIELDS: list[Any] = [
    # Identity. `magic` is written last by the creator, so that nobody attaches to half a pool.
    *_integers("magic", "layout_version", "capacity", "segment_size", "config_offset", "config_size"),
    *_integers("creator_pid", "creator_start_time", "pid_namespace", "lock_file", "seed"),
    *_floats("created_at"),
    # Configuration, fixed for the life of the pool (spec names; `rule` fields are 0 or 1).
    *_integers("algorithm", "baseline_normalization", "zero_is_unset", "relative_exploration", "evict_explored_only"),
    *_integers("min_samples", "min_presentations", "fixed_set", "new_label", "max_inactive_labels"),
    *_floats("ema_alpha", "fast_timescale", "slow_timescale", "smoothing", "performance_weight", "temperature"),
    *_floats("amplification", "early_progress_amplification", "exploration_bonus", "rand_task_rate"),
    *_floats("eviction_percentile", "new_task_rate", "success_threshold", "generator_type"),
    # Truth: counters, each in the journal while it changes.
    *_integers("completed"),
    *_floats("score_sum"),
    *_integers("scheduled"),
    *_integers("created", "evicted", "entry_count", "epoch_evictions", "evicted_completions"),
    *_integers("refused", "dropped", "epoch", "next_stream"),
    *_integers("label_count", "label_clock"),
    # Stamps only ever grow, also when a call is rolled back: who has seen one looks again when it differs.
    *_integers("label_stamp", "eviction_stamp"),
    # Derived: what a rebuild from the slots gives.
    *_integers("active_count", "explored_count", "immature_count", "high_water", "free_count", "index_mask"),
    *_integers("inactive_labels"),
    *_floats("sum_high", "sum_low", "square_high", "square_low", "square_peak"),
    *_integers("updates_since_rebuild"),
    # What the next owner of the lock goes by if this one is found dead: `journal_count` words are to be restored, an
    # epoch that was being ended is to be ended. `held` tells of a dead owner where there is no robust mutex.
    *_integers("repairs", "repairs_logged", "held", "epoch_ending", "fault_countdown"),
    *_integers("journal_count"),
    ("journal_word", "<i8", (JOURNAL_CAPACITY,)),
    ("journal_value", "<i8", (JOURNAL_CAPACITY,)),
    ("clock", "<i8", (2,)),
    # 1 while the whole content is being replaced, which is more than the journal holds.
    *_integers("replacing"),
]
_HEADER_PLAIN = np.dtype(HEADER_FIELDS)
# The mutex stands on cache lines of its own behind the other fields.
MUTEX_OFFSET = -(-_HEADER_PLAIN.itemsize // CACHE_LINE) * CACHE_LINE
MUTEX_SIZE = 64
_HEADER_SPEC: Any = {
    "names": [*(_HEADER_PLAIN.names or ()), "mutex"],
    "formats": [*(_HEADER_PLAIN[name] for name in _HEADER_PLAIN.names or ()), ("<i8", (MUTEX_SIZE // 8,))],
    "offsets": [*(offset for _, offset, *_ in (_HEADER_PLAIN.fields or {}).values()), MUTEX_OFFSET],
    "itemsize": MUTEX_OFFSET + MUTEX_SIZE,
}
HEADER = np.dtype(_HEADER_SPEC)

# A record is free where its pid is 0. With this start time it holds a stream from a checkpoint, for the next process.
STREAM_WAITS = -1

PROCESS = np.dtype(
    [
        *_integers("pid", "start_time", "ordinal", "label_stamp"),
        ("stream0", "<u8"),
        ("stream1", "<u8"),
        ("stream2", "<u8"),
        ("stream3", "<u8"),
        *_integers("draws", "tries", "scans", "lock_waits", "lock_wait_ns"),
        *_integers("created", "evicted", "accepted", "refused"),
        *_integers("steps"),  # of environments: told by the trainer for those who watch, used by nobody else
        ("wait_clock", "<i8", (2,)),  # where the system writes the time into
    ]
)

LABEL = np.dtype(
    [
        *_integers("used", "name_size", "active", "inactive_since"),
        *_integers("completed", "evicted", "epoch_evicted", "epoch_sampled"),
        ("name", "u1", (LABEL_BYTES + 8,)),
    ]
)

HEADER_OFFSET = 0
PROCESS_OFFSET = HEADER.itemsize
LABEL_OFFSET = PROCESS_OFFSET + PROCESS_CAPACITY * PROCESS.itemsize
LABEL_HASH_OFFSET = LABEL_OFFSET + LABEL_CAPACITY * LABEL.itemsize
COLUMNS_OFFSET = LABEL_HASH_OFFSET + LABEL_CAPACITY * 8
assert COLUMNS_OFFSET % CACHE_LINE == 0

_TABLES_SPEC: Any = {
    "names": ["header", "process", "label_table"],
    "formats": [HEADER, (PROCESS, (PROCESS_CAPACITY,)), (LABEL, (LABEL_CAPACITY,))],
    "offsets": [HEADER_OFFSET, PROCESS_OFFSET, LABEL_OFFSET],
    "itemsize": COLUMNS_OFFSET,
}
TABLES = np.dtype(_TABLES_SPEC)
"""What lies before the columns, in a segment of any capacity."""

TRUTH_COLUMNS: list[tuple[str, str]] = [
    ("task_id", "<i8"),
    ("entry", "<i8"),  # serial number of the slot's tenancy: orders tasks by age and tells tenants of one slot apart
    ("label", "<i8"),
    ("creation_time", "<f8"),
    ("success_threshold", "<f8"),
    ("generator_type", "<f8"),
    ("scheduled_count", "<i8"),
    ("completion_count", "<i8"),
    ("total_score", "<f8"),
    ("last_score", "<f8"),
    ("reward_ema", "<f8"),
    ("ema_squared", "<f8"),
    ("success_rate_ema", "<f8"),
    ("p_fast", "<f8"),
    ("p_slow", "<f8"),
    ("p_true", "<f8"),
    ("random_baseline", "<f8"),
]
DERIVED_COLUMNS: list[tuple[str, str]] = [
    ("progress", "<f8"),  # what the draw goes by: `sub` of the LP variant, the score of the basic one
    ("evict_key", "<f8"),  # leaves of the eviction tree: infinite for a task that may not be evicted
    ("weight", "<f8"),  # leaves of the sum tree of the basic variant
    ("active", "<i4"),  # slots in use: the explored ones first, then the unexplored
    ("position", "<i4"),  # where a slot stands in `active`
    ("free", "<i4"),  # binary heap of free slots below `high_water`
]
# Inner nodes of the two trees: an eighth of the capacity holds every level of a 16-ary tree.
TREE_COLUMNS: list[tuple[str, str]] = [("least_key", "<f8"), ("least_entry", "<i8"), ("weight_sum", "<f8")]
COLUMN_NAMES: list[str] = [name for name, _ in (*TRUTH_COLUMNS, *DERIVED_COLUMNS, *TREE_COLUMNS)]


def padded_capacity(capacity: int) -> int:
    """Cells reserved for each column: the capacity rounded up to whole cache lines of every cell size."""
    return -(-capacity // CACHE_LINE) * CACHE_LINE


def index_size(capacity: int) -> int:
    """Cells of the id → slot table: a power of two, at most half full."""
    return 1 << max(4, (2 * capacity - 1).bit_length())


class Column(NamedTuple):
    """Where a column lies: at ``COLUMNS_OFFSET + padded_capacity * start``, in cells of ``dtype``."""

    name: str
    dtype: str
    start: int
    cells_divisor: int  # 1: a cell for each slot; 8: tree nodes


def _columns() -> list[Column]:
    columns, start = [], 0
    for names, divisor in ((TRUTH_COLUMNS, 1), (DERIVED_COLUMNS, 1), (TREE_COLUMNS, 8)):
        for name, dtype in names:
            columns.append(Column(name, dtype, start, divisor))
            start += np.dtype(dtype).itemsize // divisor
    return columns


COLUMNS: list[Column] = _columns()
INDEX_START = COLUMNS[-1].start + 1  # bytes a slot before the index table


def segment_dtype(capacity: int) -> np.dtype[np.void]:
    """Return the dtype of a whole segment for ``capacity`` slots.

    Args:
        capacity: number of slots, 1 … ``MAX_CAPACITY``.

    Returns:
        A structured dtype whose fields are the regions in the module's table; ``itemsize`` is the segment's size
        without the configuration text behind it.
    """
    padded = padded_capacity(capacity)
    fields: list[tuple[str, object, int]] = [
        ("header", HEADER, HEADER_OFFSET),
        ("process", (PROCESS, (PROCESS_CAPACITY,)), PROCESS_OFFSET),
        ("label_table", (LABEL, (LABEL_CAPACITY,)), LABEL_OFFSET),
        ("label_hash", ("<i8", (LABEL_CAPACITY,)), LABEL_HASH_OFFSET),
    ]
    for column in COLUMNS:
        cells = capacity if column.cells_divisor == 1 else padded // column.cells_divisor
        fields.append((column.name, (column.dtype, (cells,)), COLUMNS_OFFSET + padded * column.start))
    index_offset = COLUMNS_OFFSET + padded * INDEX_START
    fields.append(("index", ("<i4", (index_size(capacity),)), index_offset))
    names, formats, offsets = zip(*fields, strict=True)
    return np.dtype(
        {
            "names": list(names),
            "formats": list(formats),
            "offsets": list(offsets),
            "itemsize": index_offset + 4 * index_size(capacity),
        }
    )


def truth_range(first: str, last: str) -> tuple[int, int]:
    """Numbers of the truth columns ``first`` … ``last``, as a half-open range."""
    names = [name for name, _ in TRUTH_COLUMNS]
    return names.index(first), names.index(last) + 1


def header_word(name: str) -> int:
    """Which eight-byte word of the segment a header field is."""
    assert HEADER.fields is not None
    return int(HEADER.fields[name][1]) // 8


def label_word(name: str) -> int:
    """Which eight-byte word of a label's record a field is."""
    assert LABEL.fields is not None
    return int(LABEL.fields[name][1]) // 8


def process_word(name: str) -> int:
    """Which eight-byte word of a process's record a field is."""
    assert PROCESS.fields is not None
    return int(PROCESS.fields[name][1]) // 8
