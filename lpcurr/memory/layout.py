"""The layout of a pool's segment: one structured dtype, made from the capacity alone.

A segment is one block of bytes, in shared memory or in the process:

======================  ==================================================================================
``header``              one record: identity, configuration, counters, running sums, lock, undo journal
``process``             one record for each attached process: who it is, its random stream, its counters; those beyond
                        ``process_room`` are a hole that takes no memory
``label``               the interned label strings with their counters; ``label_hash`` beside them, and ``label_sum``
columns                 each field of a task as an array of ``capacity`` cells: contiguous and 64-byte aligned, but for
                        those that a score changes, which stand side by side in a record for each task
``index``               open-addressing table from task id to slot
config                  behind the dtype: two rooms for the configuration as JSON, of which one is valid, as the meta
                        pages of LMDB: :meth:`lpcurr.Curriculum.use` writes the other one and turns it round
log                     behind these, where there is one: a ring of records, see :mod:`lpcurr.kernels.calls.log`
======================  ==================================================================================

This is the only place that knows where anything lies. Columns fall into two classes. The *truth* columns (eight bytes
a cell, first in the segment) hold what a task is; everything else (``DERIVED_COLUMNS``, ``index``, the counts and sums
in the header) follows from them and can be rebuilt, which is what repairs a pool after a worker died while changing it.

>>> state = np.zeros(1, dtype=segment_dtype(1000))
>>> cells(state, "p_fast")[0].shape
(1000,)
>>> state["header"]["active_count"].dtype
dtype('int64')
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from lpcurr.memory.header import CACHE_LINE as CACHE_LINE
from lpcurr.memory.header import HEADER as HEADER
from lpcurr.memory.header import HEADER_FIELDS as HEADER_FIELDS
from lpcurr.memory.header import JOURNAL_CAPACITY as JOURNAL_CAPACITY
from lpcurr.memory.header import JOURNALS as JOURNALS
from lpcurr.memory.header import MUTEX_OFFSET as MUTEX_OFFSET
from lpcurr.memory.header import MUTEX_SIZE as MUTEX_SIZE
from lpcurr.memory.rules import OWN_WORDS as OWN_WORDS
from lpcurr.memory.rules import RULE_FIELDS as RULE_FIELDS
from lpcurr.memory.rules import RULES as RULES
from lpcurr.memory.rules import SCHEDULER_NAME_WORDS as SCHEDULER_NAME_WORDS
from lpcurr.memory.rules import floats, integers

MAGIC = 0x315252554350_4C  # "LPCURR1" read as a little-endian integer

MAX_CAPACITY = 1_000_000
MAX_TASK_ID = 2**53 - 1
PROCESS_CAPACITY = 4096
PROCESS_STEP = 256  # process records that are given memory at a time
SUSPECTS = 8
LABEL_CAPACITY = 4096
LABEL_BYTES = 120
FANOUT = 16

FREE = -1  # task_id of a slot that holds no task

# What a draw hands back beside the task id, packed into one int64: slot | label row << 20 | waits << 32 | entry << 33.
# `waits`: the task's configuration has not been built yet. The sign bit asks the caller's attention: that, or labels
# were renamed since the last look, or tasks are being appended to the list.
SLOT_BITS = 20
LABEL_SHIFT = 20
LABEL_MASK = 0xFFF
WAITS = 1 << 32
ENTRY_SHIFT = 33
ENTRY_MASK = 0x3FFFFFFF
ATTENTION = -(2**63)

# A task's label cell is the label's row, plus this bit until the task's configuration has been built once, plus its
# place among the label's tasks, where draws are made by label: see lpcurr.kernels.indices.members.
PENDING = 1 << 16
PLACE_SHIFT = 17
UNKNOWN_LABEL = 0
OVERFLOW_LABEL = 1

EXPLORATION_UNIT = 10.0
"""An exploration bonus of 0.1 gives an unexplored task the weight of the mean explored one."""

RECORD_WORDS = 5  # of the log


class Status:
    """What a kernel answers instead of raising; :mod:`lpcurr.memory.answers` has the error for each."""

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
    INVALID_SIGNAL = -10
    INVALID_COST = -11
    NOT_ENOUGH_TASKS = -12
    LOG_TAKEN = -13


# A record is free where its pid is 0. With this start time it holds a stream from a checkpoint, for the next process.
STREAM_WAITS = -1

PROCESS = np.dtype(
    [
        *integers("pid", "start_time", "ordinal", "label_stamp"),
        *((f"stream{word}", "<u8") for word in range(4)),
        *integers("draws", "tries", "scans", "lock_waits", "lock_wait_ns"),
        *integers("created", "evicted", "accepted", "refused"),
        *integers("steps"),  # of environments: told by the trainer for those who watch, used by nobody else
        ("wait_clock", "<i8", (2,)),  # where the system writes the time into
        ("wait_until", "<i8", (2,)),  # how long a turn of waiting for the lock lasts
        ("suspects", "<i8", (SUSPECTS,)),  # ids + 1 of tasks that could not be begun here, each at id mod SUSPECTS
        ("padding", "<i8", (2,)),  # to whole cache lines: other processes write the records beside this one
    ]
)

LABEL = np.dtype(
    [
        *integers("used", "name_size", "active", "inactive_since"),
        *integers("completed", "evicted", "epoch_evicted", "epoch_sampled"),
        # Kept where a share of the draws goes by label: scores averaged, and two averages of them, 0 … 1.
        *integers("averaged"),
        *floats("fast", "slow"),
        ("name", "u1", (LABEL_BYTES + 8,)),
    ]
)

HEADER_OFFSET = 0
PROCESS_OFFSET = HEADER.itemsize
LABEL_OFFSET = PROCESS_OFFSET + PROCESS_CAPACITY * PROCESS.itemsize
assert PROCESS.itemsize % CACHE_LINE == 0
LABEL_HASH_OFFSET = LABEL_OFFSET + LABEL_CAPACITY * LABEL.itemsize
LABEL_SUMS_OFFSET = LABEL_HASH_OFFSET + LABEL_CAPACITY * 8
LABEL_LEAVES = (LABEL_CAPACITY - 1) // (FANOUT - 1)  # inner nodes of a full tree above the labels: they come first
LABEL_SUMS = -(-(LABEL_LEAVES + LABEL_CAPACITY) // CACHE_LINE) * CACHE_LINE
COLUMNS_OFFSET = LABEL_SUMS_OFFSET + LABEL_SUMS * 8
assert COLUMNS_OFFSET % CACHE_LINE == 0

_TABLES_SPEC: Any = {
    "names": ["header", "process", "label_table"],
    "formats": [HEADER, (PROCESS, (PROCESS_CAPACITY,)), (LABEL, (LABEL_CAPACITY,))],
    "offsets": [HEADER_OFFSET, PROCESS_OFFSET, LABEL_OFFSET],
    "itemsize": COLUMNS_OFFSET,
}
TABLES = np.dtype(_TABLES_SPEC)
"""What lies before the columns, in a segment of any capacity."""

TASK_COLUMNS: list[tuple[str, str]] = [
    ("task_id", "<i8"),
    ("entry", "<i8"),  # serial number of the slot's tenancy: orders tasks by age and tells tenants of one slot apart
    ("label", "<i8"),
    ("creation_time", "<f8"),
    ("scheduled_count", "<i8"),
    ("last_drawn", "<i8"),  # the pool's `scheduled` when the task was handed out last, or entered
]
# What a completion reads and changes: 16 words, two cache lines of a task's own.
PLAY_COLUMNS: list[tuple[str, str]] = [
    ("success_threshold", "<f8"),
    ("generator_type", "<f8"),
    ("completion_count", "<i8"),
    ("total_score", "<f8"),
    ("last_score", "<f8"),
    ("reward_ema", "<f8"),
    ("ema_squared", "<f8"),
    ("success_rate_ema", "<f8"),
    *(("p_fast", "<f8"), ("p_slow", "<f8"), ("p_true", "<f8")),
    ("random_baseline", "<f8"),
    *(("least_score", "<f8"), ("greatest_score", "<f8")),
    ("signal", "<f8"),  # average of what the learner reports beside the score, such as a value loss
    ("mean_cost", "<f8"),  # average of an episode's environment steps, or tokens
]
TRUTH_COLUMNS: list[tuple[str, str]] = [*TASK_COLUMNS, *PLAY_COLUMNS]
PLAY = np.dtype(PLAY_COLUMNS)
SCORE_COLUMNS = ("completion_count", "mean_cost")
"""The first and the last of the columns that a completion changes."""

COLUMN_DEFAULTS: dict[str, float] = {"mean_cost": 1.0}
"""What a task has in a column that its checkpoint knows nothing of, where that is not 0."""

DERIVED_COLUMNS: list[tuple[str, str]] = [
    ("priority", "<f8"),  # the scheduler's `priority` of the task
    ("evict_key", "<f8"),  # leaves of the eviction tree: infinite for a task that may not be evicted
    ("exploring", "<f4"),  # the scheduler's `exploring_weight`, rounded, where a share of the draws explores
    ("active", "<i4"),  # slots in use, explored ones first; from the end on, the heap of free slots below `high_water`
    ("position", "<i4"),  # where a slot stands in `active`
    ("weight", "<f8"),  # leaves of the sum tree, where draws are made by it
]
# A node of the tree by priority: its children, -1 for none, and how many tasks are below the left one, itself included.
# A pool draws by rank or by weight, so these records begin where `weight` does.
RANK_COLUMNS: list[tuple[str, str]] = [("rank_left", "<i4"), ("rank_right", "<i4"), ("rank_before", "<i4")]
RANK = np.dtype(RANK_COLUMNS)
# Inner nodes of the trees: an eighth of the capacity holds every level of a 16-ary tree.
TREE_COLUMNS: list[tuple[str, str]] = [
    *(("least_key", "<f8"), ("least_entry", "<i8")),  # the tournament's winner below a node
    ("weight_sum", "<f8"),  # sum of the weights below a node
    *(("drawn_count", "<i8"), ("drawn_sum", "<i8")),  # active tasks below a node, and the sum of their `last_drawn`
]
# Open addressing, four fifths full at most.
TABLE_COLUMNS: list[tuple[str, str]] = [
    ("member", "<i4"),  # slot + 1 by label row and place, where draws are made by label
]
COLUMN_NAMES: list[str] = [
    name for name, _ in (*TRUTH_COLUMNS, *DERIVED_COLUMNS, *RANK_COLUMNS, *TREE_COLUMNS, *TABLE_COLUMNS)
]

REGIONS = {"play": PLAY, "rank": RANK}
RECORDS = {name: region for region, record in REGIONS.items() for name in record.names or ()}
"""The region of records in which a column lies, where it does."""


def padded_capacity(capacity: int) -> int:
    """Cells reserved for each column: whole cache lines of every cell size, and an odd number of times 64 cells.

    Were columns a multiple of 4 KiB apart, as in a pool of 1,000 tasks, all cells of a task would contend for the same
    few places of the processor's cache: an update took half as long again.
    """
    return (capacity + CACHE_LINE - 1) & -CACHE_LINE | CACHE_LINE


def index_size(capacity: int) -> int:
    """Cells of the id → slot table: a power of two, at most half full."""
    return 1 << max(4, (2 * capacity - 1).bit_length())


class Column(NamedTuple):
    """Where a column lies: from ``COLUMNS_OFFSET + padded_capacity * start + offset`` on, in cells of ``dtype``."""

    name: str
    dtype: str
    start: int
    eighths: int  # cells for eight slots of the padded capacity; 8: a cell for each slot
    stride: int  # bytes from one cell to the next
    offset: int = 0


def _columns() -> tuple[list[Column], int]:
    """Return all columns, and the bytes a slot before what follows them."""
    columns, start = list[Column](), 0

    def put(names: list[tuple[str, str]], eighths: int = 8) -> None:
        nonlocal start
        for name, dtype in names:
            columns.append(Column(name, dtype, start, eighths, np.dtype(dtype).itemsize))
            start += np.dtype(dtype).itemsize * eighths // 8

    def put_records(record: np.dtype[np.void]) -> None:
        nonlocal start
        for name, (dtype, offset, *_) in (record.fields or {}).items():
            columns.append(Column(name, dtype.str, start, 8, record.itemsize, offset))
        start += record.itemsize

    put(TASK_COLUMNS)
    put_records(PLAY)
    put(DERIVED_COLUMNS)
    start = columns[-1].start  # where `weight` begins
    put_records(RANK)
    put(TREE_COLUMNS, 1)
    put(TABLE_COLUMNS, 10)
    return columns, start


COLUMNS, INDEX_START = _columns()


@lru_cache(maxsize=16)  # kernels in Python ask for it at every column
def segment_dtype(capacity: int) -> np.dtype[np.void]:
    """Return the dtype of a whole segment for 1 … ``MAX_CAPACITY`` slots, but for the configuration behind it.

    Its fields are the regions in the module's table.
    """
    padded = padded_capacity(capacity)
    fields: list[tuple[str, object, int]] = [
        ("header", HEADER, HEADER_OFFSET),
        ("process", (PROCESS, (PROCESS_CAPACITY,)), PROCESS_OFFSET),
        ("label_table", (LABEL, (LABEL_CAPACITY,)), LABEL_OFFSET),
        ("label_hash", ("<i8", (LABEL_CAPACITY,)), LABEL_HASH_OFFSET),
        ("label_sum", ("<f8", (LABEL_SUMS,)), LABEL_SUMS_OFFSET),
    ]
    for column in COLUMNS:
        offset = COLUMNS_OFFSET + padded * column.start
        if region := RECORDS.get(column.name):
            if column.offset == 0:
                fields.append((region, (REGIONS[region], (capacity,)), offset))
            continue
        cells = capacity if column.eighths == 8 else padded * column.eighths // 8
        fields.append((column.name, (column.dtype, (cells,)), offset))
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


def cells(state: np.ndarray[Any, np.dtype[np.void]], name: str) -> np.ndarray[Any, Any]:
    """Return a column of a segment, whose dtype is ``segment_dtype(capacity)``: shape [1, capacity], or of nodes."""
    column: np.ndarray[Any, Any] = state[RECORDS[name]][name] if name in RECORDS else state[name]
    return column


def truth_range(first: str, last: str) -> tuple[int, int]:
    """Numbers of the truth columns ``first`` … ``last``, as a half-open range."""
    names = [name for name, _ in TRUTH_COLUMNS]
    return names.index(first), names.index(last) + 1


def _words_of(record: np.dtype[np.void]) -> Callable[[str], int]:
    """Return a function that says which eight-byte word of a record a field is."""
    return {name: int(place[1]) // 8 for name, place in (record.fields or {}).items()}.__getitem__


header_word, label_word, process_word = map(_words_of, (HEADER, LABEL, PROCESS))


def scheduler_name(header: np.void) -> str:
    """Return the name of a pool's scheduler in words, such as ``learning progress``."""
    name: str = header["scheduler_name"].tobytes().rstrip(b"\0").decode(errors="replace")
    return name.replace("_", " ")


def config_place(header: np.void) -> tuple[int, int]:
    """Return where in the segment the configuration begins that holds, and its bytes."""
    room = int(header["config_valid"]) & 1
    return int(header["config_offset"]) + room * int(header["config_room"]), int(header[f"config_size{room}"])


def _hash_of_layout() -> int:
    """Return 53 bits that differ where anything in the segment lies elsewhere or is of another type."""
    described = repr((segment_dtype(MAX_CAPACITY), COLUMNS, JOURNAL_CAPACITY, FANOUT))
    return int.from_bytes(hashlib.sha256(described.encode()).digest()[:8], "little") >> 11


LAYOUT_VERSION = _hash_of_layout()
"""Which layout this is: processes attach to a pool only where theirs is the same."""

RULE_WORDS = (header_word("scheduler"), header_word("config_valid"))
"""The words of the rules, as a half-open range."""
