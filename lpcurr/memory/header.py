"""The header of a pool's segment: one record of eight-byte words.

:mod:`lpcurr.memory.layout` has everything else, and these names as well.
"""

from typing import Any

import numpy as np

from lpcurr.memory.rules import RULE_FIELDS, floats, integers

JOURNALS = 16  # processes take turns with them, so that few write into the cache lines of others
JOURNAL_CAPACITY = 128  # a power of two; the longest call, naming a task while labels are dropped, writes down 68 words
CACHE_LINE = 64


HEADER_FIELDS: list[Any] = [
    # Identity.
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
    # Settled for the life of the pool.
    *integers("fixed_set"),  # 1: only add_task brings tasks in
    *integers("new_label"),  # label cell of a task made by a draw: PENDING where its configuration is to be built
    *integers("node", "nodes"),  # which of how many pools this is that are kept equal; nodes 0: there is no other
    *integers("fill_limit"),  # tasks up to which a draw makes a new one without evicting: the capacity, or a share
    *RULE_FIELDS,
    *integers("config_valid"),  # 0 or 1: the room whose text holds
    *integers("config_size0", "config_size1"),  # bytes of the text in each room
    # What every episode writes, in one cache line.
    *integers("completed"),  # scores credited
    *floats("score_sum"),  # their sum
    *integers("scheduled"),  # tasks handed out
    *floats("sum_high", "sum_low"),  # derived: sum of `priority` as a pair of floats (Dekker 1971)
    *floats("square_high", "square_low"),  # and of its square
    *integers("updates_since_rebuild"),  # of these sums
    # Truth, as are the first three: counters, each in the journal while it changes.
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
    *integers("appending"),  # no stamp, but beside one: 1 while tasks of the list may be missing in the pool
    *integers("eviction_stamp"),  # the evictions of this epoch have changed
    *integers("rules_stamp"),  # the rules and the configuration have changed
    # The log: numbers of records, which only grow. What lies between `log_begin` and `log_end` is yet to be read.
    *integers("log_on", "log_begin"),  # on: what the one reader calls itself, else 0
    *integers("log_reader_pid", "log_reader_start_time"),  # whose death leaves the log to another reader
    *integers("log_end", "log_lost"),  # in the journal; entries that found no room, and all that followed them
    *integers("log_target"),  # what `log_end` is to be when the epoch has ended that is being ended
    # Derived: what a rebuild from the slots gives.
    *integers("active_count"),  # tasks in the pool
    *integers("explored_count"),  # of them with enough completions to tell
    *integers("immature_count"),  # of those, with too few to be evicted
    *integers("high_water"),  # slots from here on have never been used
    *integers("rank_root"),  # of the tree by priority, -1 for none
    *integers("free_count"),  # size of the heap of free slots below
    *integers("index_mask"),  # cells of the id table - 1
    *integers("inactive_labels"),  # labels in use without a task
    *floats("square_peak"),  # `square_high`'s greatest since the last rebuild, to which the sums' rounding is relative
    # What the next owner of the lock goes by if this one is found dead.
    *integers("repairs"),  # times that happened
    *integers("repairs_logged"),  # of which a process has warned
    *integers("held"),  # tells of a dead owner where there is no robust mutex
    *integers("listed"),  # tasks of the list, from the first on, that came into the pool or wait for their stage
    *integers("epoch_ending"),  # number of an epoch that was being ended, else 0
    *integers("fault_countdown"),  # tests only: fault points until the process kills itself
    ("journal_count", "<i8", (JOURNALS * CACHE_LINE // 8,)),  # words that are to be restored, one count a cache line
    ("journal_word", "<i8", (JOURNALS * JOURNAL_CAPACITY,)),  # which words of the segment
    ("journal_value", "<i8", (JOURNALS * JOURNAL_CAPACITY,)),  # what they were
    ("clock", "<i8", (2,)),  # where the system writes the time into
    *integers("replacing"),  # 1 while the whole content is being replaced, which is more than the journal holds
]
_HEADER_PLAIN = np.dtype(HEADER_FIELDS)
_PLAIN_OFFSETS = {name: int(offset) for name, (_, offset, *_) in (_HEADER_PLAIN.fields or {}).items()}
# With "completed" a cache line begins, as with the mutex behind all; in which the journal of its holder is named.
_FIRST_WRITTEN = _PLAIN_OFFSETS["completed"]
_GAP = -_FIRST_WRITTEN % CACHE_LINE
MUTEX_OFFSET = -(-(_HEADER_PLAIN.itemsize + _GAP) // CACHE_LINE) * CACHE_LINE
MUTEX_SIZE = 56
_HEADER_SPEC: Any = {
    "names": [*_PLAIN_OFFSETS, "mutex", "journal"],
    "formats": [*(_HEADER_PLAIN[name] for name in _PLAIN_OFFSETS), ("<i8", (MUTEX_SIZE // 8,)), "<i8"],
    "offsets": [
        *(offset + (_GAP if offset >= _FIRST_WRITTEN else 0) for offset in _PLAIN_OFFSETS.values()),
        *(MUTEX_OFFSET, MUTEX_OFFSET + MUTEX_SIZE),
    ],
    "itemsize": MUTEX_OFFSET + CACHE_LINE,
}
HEADER = np.dtype(_HEADER_SPEC)
