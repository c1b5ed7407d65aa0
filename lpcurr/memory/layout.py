"""The layout of a pool's segment: one structured dtype, made from the capacity alone.

A segment is one block of bytes, in shared memory or in the process:

======================  ==================================================================================
``header``              one record: identity, configuration, counters, running sums, lock, undo journal
``process``             one record for each attached process: who it is, its random stream, its counters; those beyond
                        ``process_room`` are a hole that takes no memory
``label``               the interned label strings with their counters; ``label_hash`` beside them, and ``label_sum``
columns                 each field of a task as a contiguous array of ``capacity`` cells, 64-byte aligned
``index``               open-addressing table from task id to slot
config                  behind the dtype: two rooms for the configuration as JSON, of which one is valid, as the meta
                        pages of LMDB: :meth:`lpcurr.Curriculum.use` writes the other one and turns it round
log                     behind these, where there is one: a ring of records, see :mod:`lpcurr.kernels.calls.log`
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

import hashlib
from typing import Any, NamedTuple

import numpy as np

from lpcurr.memory.rules import OWN_WORDS as OWN_WORDS
from lpcurr.memory.rules import RULE_FIELDS as RULE_FIELDS
from lpcurr.memory.rules import SCHEDULER_NAME_WORDS as SCHEDULER_NAME_WORDS
from lpcurr.memory.rules import floats, integers
from lpcurr.memory.status import Status as Status

MAGIC = 0x315252554350_4C  # "LPCURR1" read as a little-endian integer

MAX_CAPACITY = 1_000_000
MAX_TASK_ID = 2**53 - 1
PROCESS_CAPACITY = 4096
PROCESS_STEP = 256  # process records that are given memory at a time
SUSPECTS = 8
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

# A task's label cell is the label's row, plus this bit until the task's configuration has been built once, plus its
# place among the label's tasks, where draws are made by label: see lpcurr.kernels.indices.members.
PENDING = 1 << 16
PLACE_SHIFT = 17
UNKNOWN_LABEL = 0
OVERFLOW_LABEL = 1

EXPLORATION_UNIT = 10.0
"""An exploration bonus of 0.1 gives an unexplored task the weight of the mean explored one."""

RECORD_WORDS = 5  # of the log


IDENTITY_FIELDS: list[Any] = [
    *integers("magic"),  # written last by the creator, so that nobody attaches to half a pool
    *integers("layout_version"),  # a hash of this description: processes of one pool have one layout
    *integers("capacity"),  # number of slots
    *integers("segment_size"),  # bytes, configuration included
    *integers("config_offset", "config_room"),  # where the first room begins; bytes of each of the two
    *integers("log_offset", "log_capacity"),  # where the log begins; its records: a power of two, or 0
    *integers("creator_pid", "creator_start_time"),  # whose death ends the session, and not another of that id
    *integers("pid_namespace"),  # where these ids mean these processes; see lpcurr.memory.processes
    *integers("lock_file"),  # inode of the lock file where there is no robust mutex, else 0
    *integers("process_room"),  # process records that have memory; only ever grows
    *integers("seed"),  # of all random streams; each process's is that of (seed, ordinal)
    *integers("index_multiplier"),  # odd: scatters ids over the id table
    *floats("created_at"),  # seconds since 1970
]
POOL_FIELDS: list[Any] = [
    *integers("min_presentations"),  # completions before a task may be evicted
    *integers("fixed_set"),  # 1: only add_task brings tasks in
    *integers("new_label"),  # label cell of a task made by a draw: PENDING where its configuration is to be built
    *integers("node", "nodes"),  # which of how many pools this is that are kept equal; nodes 0: there is no other
    *integers("fill_limit"),  # tasks up to which a draw makes a new one without evicting: the capacity, or a share
]
HEADER_FIELDS: list[Any] = [
    *IDENTITY_FIELDS,
    *POOL_FIELDS,
    *RULE_FIELDS,
    *integers("config_valid"),  # 0 or 1: the room whose text holds
    *integers("config_size0", "config_size1"),  # bytes of the text in each room
    # Truth: counters, each in the journal while it changes.
    *integers("completed"),  # scores credited
    *floats("score_sum"),  # their sum
    *integers("scheduled"),  # tasks handed out
    *integers("created"),  # tasks that ever entered the pool
    *integers("evicted"),  # that left it
    *integers("entry_count"),  # serial number of the next tenancy
    *integers("epoch_evictions"),  # evictions since the epoch began
    *integers("evicted_completions"),  # completions that evicted tasks took with them
    *integers("refused"),  # scores of tasks that had left
    *integers("dropped"),  # tasks that could not be played
    *integers("epoch"),  # epochs ended
    *integers("next_stream"),  # ordinal of the next process's random stream
    *integers("label_count"),  # rows of the label table that were ever used
    *integers("label_clock"),  # orders labels by when they became inactive
    # Stamps only ever grow, also when a call is rolled back: a cache that has seen one is out of date once it differs.
    *integers("label_stamp"),  # a row of the label table may mean another label
    *integers("eviction_stamp"),  # the evictions of this epoch have changed
    *integers("rules_stamp"),  # the rules and the configuration have changed
    # The log: numbers of records, which only grow. What lies between `log_begin` and `log_end` is yet to be read.
    *integers("log_on", "log_begin"),
    *integers("log_end", "log_lost"),  # in the journal; entries that found no room, and all that followed them
    *integers("log_target"),  # what `log_end` is to be when the epoch has ended that is being ended
    # Derived: what a rebuild from the slots gives.
    *integers("active_count"),  # tasks in the pool
    *integers("explored_count"),  # of them with enough completions to tell
    *integers("immature_count"),  # of those, with too few to be evicted
    *integers("high_water"),  # slots from here on have never been used
    *integers("free_count"),  # size of the heap of free slots below
    *integers("index_mask"),  # cells of the id table - 1
    *integers("inactive_labels"),  # labels in use without a task
    *floats("sum_high", "sum_low"),  # sum of `priority` as a pair of floats (Dekker 1971)
    *floats("square_high", "square_low"),  # and of its square
    *floats("square_peak"),  # the greatest since the last rebuild: what the sums' rounding is relative to
    *integers("updates_since_rebuild"),
    # What the next owner of the lock goes by if this one is found dead.
    *integers("repairs"),  # times that happened
    *integers("repairs_logged"),  # of which a process has warned
    *integers("held"),  # tells of a dead owner where there is no robust mutex
    *integers("epoch_ending"),  # number of an epoch that was being ended, else 0
    *integers("fault_countdown"),  # tests only: fault points until the process kills itself
    *integers("journal_count"),  # words that are to be restored
    ("journal_word", "<i8", (JOURNAL_CAPACITY,)),  # which words of the segment
    ("journal_value", "<i8", (JOURNAL_CAPACITY,)),  # what they were
    ("clock", "<i8", (2,)),  # where the system writes the time into
    *integers("replacing"),  # 1 while the whole content is being replaced, which is more than the journal holds
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

TRUTH_COLUMNS: list[tuple[str, str]] = [
    ("task_id", "<i8"),
    ("entry", "<i8"),  # serial number of the slot's tenancy: orders tasks by age and tells tenants of one slot apart
    ("label", "<i8"),
    ("creation_time", "<f8"),
    ("success_threshold", "<f8"),
    ("generator_type", "<f8"),
    ("scheduled_count", "<i8"),
    ("last_drawn", "<i8"),  # the pool's `scheduled` when the task was handed out last, or entered
    # What a completion changes.
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
SCORE_COLUMNS = ("completion_count", "mean_cost")
"""The first and the last of the columns that a completion changes."""

COLUMN_DEFAULTS: dict[str, float] = {"mean_cost": 1.0}
"""What a task has in a column that its checkpoint knows nothing of, where that is not 0."""

DERIVED_COLUMNS: list[tuple[str, str]] = [
    ("priority", "<f8"),  # the scheduler's `priority` of the task
    ("evict_key", "<f8"),  # leaves of the eviction tree: infinite for a task that may not be evicted
    ("weight", "<f8"),  # leaves of the sum tree, where draws are made by it
    ("active", "<i4"),  # slots in use: the explored ones first, then the unexplored
    ("position", "<i4"),  # where a slot stands in `active`
    ("free", "<i4"),  # binary heap of free slots below `high_water`
]
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
COLUMN_NAMES: list[str] = [name for name, _ in (*TRUTH_COLUMNS, *DERIVED_COLUMNS, *TREE_COLUMNS, *TABLE_COLUMNS)]


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
    """Where a column lies: at ``COLUMNS_OFFSET + padded_capacity * start``, in cells of ``dtype``."""

    name: str
    dtype: str
    start: int
    eighths: int  # cells for eight slots of the padded capacity; 8: a cell for each slot


def _columns() -> tuple[list[Column], int]:
    """Return all columns, and the bytes a slot before what follows them."""
    columns, start = [], 0
    for names, eighths in ((TRUTH_COLUMNS, 8), (DERIVED_COLUMNS, 8), (TREE_COLUMNS, 1), (TABLE_COLUMNS, 10)):
        for name, dtype in names:
            columns.append(Column(name, dtype, start, eighths))
            start += np.dtype(dtype).itemsize * eighths // 8
    return columns, start


COLUMNS, INDEX_START = _columns()


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
        ("label_sum", ("<f8", (LABEL_SUMS,)), LABEL_SUMS_OFFSET),
    ]
    for column in COLUMNS:
        cells = capacity if column.eighths == 8 else padded * column.eighths // 8
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
