"""The log of a pool as Python sees it, and private images of pools that entries are applied to."""

from __future__ import annotations

import logging
import os
import secrets
import weakref

import numpy as np

from lpcurr.errors import ConfigError
from lpcurr.kernels.calls import replay, upkeep
from lpcurr.memory import layout
from lpcurr.memory.layout import Status
from lpcurr.memory.processes import own_start_time, pid_namespace, process_is_alive
from lpcurr.memory.segment import State
from lpcurr.memory.shared_memory import Bytes
from lpcurr.pool.place import seed_stream
from lpcurr.pool.pool import Pool

_logger = logging.getLogger("lpcurr")

RECORD_BYTES = 8 * layout.RECORD_WORDS
_NO_IMAGE: Bytes = np.empty(0, dtype=np.uint8)
ALL = 2**62
_NOBODY = -1, -1

# By number: of this process, to tell those that read from those that were dropped before they had ended.
_readers: dict[int, weakref.ref[PoolLog]] = {}


class PoolLog:
    """One reader's hold on a pool's log, of room for ``capacity`` records: see :mod:`lpcurr.kernels.calls.log`."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.capacity = int(pool.state["header"]["log_capacity"][0])
        self._reader = 1 + secrets.randbits(62)
        for number in [number for number, reader in list(_readers.items()) if reader() is None]:
            _readers.pop(number, None)
        _readers[self._reader] = weakref.ref(self)
        self._scratch: Bytes = np.empty(self.capacity * RECORD_BYTES, dtype=np.uint8)

    def begin(self) -> int:
        """Begin the log anew, from a dead reader on too; the number of its next record."""
        if not self.capacity:
            raise ConfigError("this pool keeps no log: make it with CurriculumConfig(log_entries=100_000)")
        self.pool.check_open()
        header = self.pool.state["header"][0]
        is_read, dead = bool(header["log_on"]), _dead_reader(self.pool)
        number = self._switch(1, dead)
        if number == Status.LOG_TAKEN:
            raise ConfigError(
                f"this pool's log is being read already, by process {header['log_reader_pid']}: it is recorded, or "
                "shared with other nodes"
            )
        if is_read and dead[0] not in (_NOBODY[0], os.getpid()):
            _logger.warning("process %d, which read this pool's log, has died: its recording ends there", dead[0])
        return number

    def end(self) -> None:
        """Write no log any more, unless another reader has it by now."""
        self._switch(0, _NOBODY)

    def _switch(self, on: int, dead: tuple[int, int]) -> int:
        self.pool.check_open()
        content = self.pool._segment.bytes
        return self.pool._checked(replay.switch_log.entry(content, self.pool.process, self._reader, on, *dead))

    def read(self, first: int, *, consume: bool = False) -> tuple[Bytes, int, int]:
        """Copy the log from record number ``first`` on; with ``consume``, the room of what is read is free again.

        The records, uint8[40 · k]; the number after the last; how many entries were lost for want of room.
        """
        self.pool.check_open()
        content = self.pool._segment.bytes
        end, lost = replay.read_log.entry(content, self.pool.process, first, int(consume), self._scratch)
        self.pool._checked(end)
        return self._scratch[: (end - first) * RECORD_BYTES].copy(), int(end), int(lost)

    def install(self, image: Bytes, first: int) -> int:
        """Put an image in place of the pool's content, and what was logged from record ``first`` on, on top of it.

        Returned is how many entries were lost for want of room, and are undone with this.
        """
        self.pool.check_open()
        content = self.pool._segment.bytes
        stop, _, lost = replay.replay.entry(content, self.pool.process, image, first, self._scratch, 0, ALL)
        self.pool._checked(stop)
        return int(lost)


def is_read(pool: Pool) -> bool:
    """Whether a process that lives reads a pool's log: it is recorded, or shared with other nodes."""
    return bool(pool.state["header"]["log_on"][0]) and _dead_reader(pool) == _NOBODY


def _dead_reader(pool: Pool) -> tuple[int, int]:
    """Process id and start time of who read the log last, if process or reader is no more; else ``_NOBODY``."""
    header = pool.state["header"][0]
    reader = int(header["log_reader_pid"]), int(header["log_reader_start_time"])
    is_known = header["pid_namespace"] == pid_namespace()  # elsewhere, its id says nothing
    if is_known and reader == (os.getpid(), own_start_time()):
        own = _readers.get(int(header["log_on"]))
        return reader if own is None or own() is None else _NOBODY
    return _NOBODY if not is_known or process_is_alive(*reader) else reader


def image_of(pool: Pool) -> Bytes:
    """Copy a pool at one moment, configuration included; its log is off."""
    image: Bytes = np.zeros(int(pool.state["header"]["log_offset"][0]), dtype=np.uint8)
    pool._checked(upkeep.snapshot.entry(pool._segment.bytes, pool.process, image))
    header_of(image)["log_on"] = 0
    return image


def header_of(image: Bytes) -> State:
    """Return the header of an image, one element."""
    return image[: layout.HEADER.itemsize].view(layout.HEADER)


def config_text_of(image: Bytes) -> bytes:
    """Return the configuration of an image that holds."""
    start, size = layout.config_place(header_of(image)[0])
    return image[start : start + size].tobytes()


def replace_config_text(image: Bytes, text: bytes) -> None:
    """Write another configuration over that of an image, whose room it fits."""
    header = header_of(image)
    start, _ = layout.config_place(header[0])
    image[start : start + len(text)] = np.frombuffer(text, dtype=np.uint8)
    header[f"config_size{int(header['config_valid'][0]) & 1}"] = len(text)


def apply_entries(image: Bytes, records: Bytes, limit: int = ALL) -> int:
    """Apply entries, uint8[40 · k], to an image or a segment that is nobody else's; how many were applied."""
    _, applied, _ = replay.replay.entry(image, 0, _NO_IMAGE, 0, records, 0, limit)
    return int(applied)


def assign_node(image: Bytes, node: int, nodes: int) -> None:
    """Say which of how many nodes an image is of, on which depends what it may evict."""
    header = header_of(image)
    header["node"], header["nodes"] = node, nodes
    upkeep.rebuild_copy.entry(image)


def separate_streams(pool: Pool, node: int) -> None:
    """Give a pool that nobody else uses yet the random streams of a node, which are no other node's."""
    header, process = pool.state["header"], pool.state["process"][0]
    entropy = [int(header["seed"][0]), node, int(header["scheduled"][0])]
    header["seed"] = np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1)
    process["start_time"][process["start_time"] == layout.STREAM_WAITS] = 0
    stream = seed_stream(int(header["seed"][0]), int(process["ordinal"][pool.process]))
    for number, word in enumerate(stream):
        process[f"stream{number}"][pool.process] = word
