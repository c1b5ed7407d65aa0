"""Recording all that changes a pool, and building the pool again from that, at any point.

A recording is a file of blocks behind eight bytes: a checkpoint of the pool as the recording begins, then the entries
of its log. Where a burst of episodes leaves entries without room in the log, a new checkpoint stands in for them. A
block is two int64, its kind and its size, an int64 with the record's number that it begins with, and its content;
what a killed process has left of a last block is passed over.
"""

from __future__ import annotations

import logging
import os
import struct
import threading
from collections.abc import Iterator
from typing import TypeVar

import numpy as np

from lpcurr.checkpoint import Checkpoint, restore
from lpcurr.checkpoint.file import checkpoint_bytes, checkpoint_of
from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.member import PoolMember
from lpcurr.curriculum.resuming import stored_config
from lpcurr.errors import ConfigError, PoolClosedError, RecordingError
from lpcurr.pool.log import RECORD_BYTES, PoolLog, apply_entries
from lpcurr.pool.pool import Pool

_logger = logging.getLogger("lpcurr")

Member = TypeVar("Member", bound=PoolMember)

_MAGIC = b"LPCLOG1\n"
_BLOCK = struct.Struct("<qqq")
_CHECKPOINT, _ENTRIES = 1, 2
_INTERVAL = 0.02  # seconds between two looks at the log


class Recording:
    """A recording under way: a thread of the process that began it writes what any process changes."""

    def __init__(self, pool: Pool, path: str | os.PathLike[str]) -> None:
        self._log = PoolLog(pool)
        if not self._log.capacity:
            raise ConfigError("this pool keeps no log: make it with CurriculumConfig(log_entries=100_000)")
        if self._log.is_on:
            raise ConfigError("this pool's log is being read already: it is recorded, or shared with other nodes")
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._next = 0  # number of the first entry that is not written
        self._file = open(path, "wb")  # noqa: SIM115 - closed by close()
        self._file.write(_MAGIC)
        self._next = 0  # the first record that is not written yet
        self._begin()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lpcurr recording", daemon=True)
        self._thread.start()

    def flush(self) -> None:
        """Write what was logged up to now."""
        with self._lock:
            records, end, lost = self._log.read(self._next, consume=True)
            if records.size:
                self._write(_ENTRIES, self._next, records.data)
            self._next = end
            if lost:
                _logger.warning(
                    "%d entries of the pool's log found no room before they were recorded: a checkpoint stands in for "
                    "them; make the pool with more than log_entries=%d",
                    lost,
                    self._log.capacity,
                )
                self._begin()
            self._file.flush()

    def close(self) -> None:
        """Write the rest and end the log; in a forked child, nothing."""
        if os.getpid() != self._pid or self._file.closed:
            return
        self._closing.set()
        self._thread.join()
        try:
            self.flush()
            self._log.end()
        except PoolClosedError:
            pass
        finally:
            self._file.close()

    def _begin(self) -> None:
        self._next = self._log.begin()
        pool = self._log.pool
        moment = pool.moment()
        content = checkpoint_bytes(Checkpoint.of_moment(moment, pool.config_text))
        self._write(_CHECKPOINT, int(moment.header["log_end"]), content)

    def _write(self, kind: int, number: int, content: memoryview) -> None:
        self._file.write(_BLOCK.pack(kind, content.nbytes, number))
        self._file.write(content)

    def _run(self) -> None:
        while not self._closing.wait(_INTERVAL):
            try:
                self.flush()
            except PoolClosedError:
                return


def replay(kind: type[Member], path: str | os.PathLike[str], at: int | None = None) -> tuple[Member, int]:
    """Build a recorded pool again; see :meth:`lpcurr.Curriculum.replay`.

    Args:
        kind: the class to make.
        path: what :meth:`lpcurr.Curriculum.record` wrote.
        at: after so many entries; by default after all of them. A checkpoint that stands in for lost ones counts as
            none.

    Returns:
        The curriculum, in this process's memory and without a task generator, and how many entries it was made from.

    Raises:
        RecordingError: the file is no recording.
        CheckpointError: a checkpoint in it was altered.
    """
    curriculum, applied, covered = None, 0, 0
    for block, number, content in _blocks(path):
        if block == _CHECKPOINT:
            covered = number
            source = f"a checkpoint in recording {os.fspath(path)!r}"
            curriculum = _of_checkpoint(kind, checkpoint_of(content, source))
        elif curriculum is None:
            break
        else:
            records = np.frombuffer(content, dtype=np.uint8)[max(covered - number, 0) * RECORD_BYTES :]
            limit = 2**62 if at is None else at - applied
            image = curriculum._pool._segment.bytes
            applied += apply_entries(image, records, limit=limit)[1] if records.size else 0
        if applied == at:
            break
    if curriculum is None:
        raise RecordingError(f"{os.fspath(path)!r} is no recording of lpcurr, or holds nothing yet")
    return curriculum, applied


def _of_checkpoint(kind: type[Member], checkpoint: Checkpoint) -> Member:
    config = stored_config(checkpoint, with_generator=False)
    fields = {"use_shared_memory": False, "log_entries": 0, "session_id": None, "seed": checkpoint.description.seed}
    curriculum = kind(CurriculumConfig(**config.model_dump() | fields | {"stages": []}))
    restore(curriculum._pool, checkpoint, config.header_settings())
    return curriculum


def _blocks(path: str | os.PathLike[str]) -> Iterator[tuple[int, int, bytes]]:
    with open(path, "rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            return
        while len(head := file.read(_BLOCK.size)) == _BLOCK.size:
            kind, size, number = _BLOCK.unpack(head)
            content = file.read(size)
            if len(content) < size:
                return
            yield kind, number, content
