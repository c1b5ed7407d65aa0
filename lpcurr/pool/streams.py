"""Random streams of the attached processes: where a new one begins, and who gets one that a checkpoint left."""

from __future__ import annotations

import numpy as np

from lpcurr.kernels.calls import upkeep
from lpcurr.memory.layout import Status
from lpcurr.memory.segment import State
from lpcurr.memory.shared_memory import Bytes

Stream = np.ndarray[tuple[int], np.dtype[np.uint64]]


_INDEX_KEY = (2**32 - 1, 1)  # of no process


def seed_stream(seed: int, *spawn_key: int) -> Stream:
    """The beginning of a random stream, uint64[4]; the spawn key of a process's is its ordinal."""
    return np.random.SeedSequence(seed, spawn_key=spawn_key).generate_state(4, np.uint64)  # type: ignore[return-value]


def index_multiplier(seed: int) -> int:
    """Return the odd number by which a pool of this seed scatters ids over its table, below 2**63."""
    return int(seed_stream(seed, *_INDEX_KEY)[0]) >> 1 | 1


def attach_process(numbers: list[int], content: Bytes, state: State, pid: int, start_time: int, room: int = 0) -> int:
    """Take a process record with a random stream: its number, or ``NO_PROCESS_RECORD`` of those that have memory.

    ``numbers``: where its number stands as soon as the record is taken, whatever a signal handler raises then.
    ``room``: how many have memory now, where the caller has given them some.

    Streams that a checkpoint left go first, by their ordinals; further processes get fresh ones.
    """
    process = int(Status.ORDINAL_TAKEN)
    while process == Status.ORDINAL_TAKEN:  # by another process that attached, or loaded a checkpoint, at this moment
        seed, ordinal = int(state["header"]["seed"][0]), int(state["header"]["next_stream"][0])
        stream = seed_stream(seed, ordinal)
        arguments = (content,), (pid,), (start_time,), (seed,), (ordinal,), (stream,), (room,)
        numbers += map(upkeep.attach_process.entry, *arguments)  # in one go, in C: handlers run before or after it
        process = int(numbers[-1])
    return process
