"""Recording all that changes a pool, and building the pool again from that, at any point.

A recording is a file of blocks behind eight bytes: a checkpoint of the pool as the recording begins, then the entries
of its log. Where a burst of episodes leaves entries without room in the log, a new checkpoint stands in for them. A
block is four int64, its kind, its size, the number of the record that it begins with and a CRC-32 of all of it, and its
content; what a killed process has left of a last block is passed over.
"""

import contextlib
import json
import logging
import os
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from typing import BinaryIO, TypeVar

import numpy as np

from lpcurr.checkpoint import Checkpoint, restore
from lpcurr.checkpoint.file import checkpoint_bytes, checkpoint_of
from lpcurr.curriculum.arguments import as_count
from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.member import PoolMember
from lpcurr.curriculum.resuming import stored_config
from lpcurr.errors import ConfigError, NotAFileError, PoolClosedError, RecordingError
from lpcurr.kernels.calls import log
from lpcurr.memory import layout
from lpcurr.memory.files import check_target, is_written, open_regular
from lpcurr.memory.label_names import encode_label
from lpcurr.memory.shared_memory import Bytes
from lpcurr.pool.log import ALL, RECORD_BYTES, PoolLog, apply_entries, header_of
from lpcurr.pool.moment import Int64s
from lpcurr.pool.pool import Pool, rule_words

_logger = logging.getLogger("lpcurr")

Member = TypeVar("Member", bound=PoolMember)

_MAGIC = b"LPCLOG2\n"
_BLOCK = struct.Struct("<qqq")
_CHECKSUM = struct.Struct("<q")
_CHECKPOINT, _ENTRIES = 1, 2
_CHUNK = 2**20  # bytes
_LARGEST = 2**32  # bytes of a block: a full log has 2**26 records of 40, and a checkpoint less
_INTERVAL = 0.02  # seconds between two looks at the log


class Recording(contextlib.AbstractContextManager["Recording"]):
    """A recording under way: a thread of the process that began it writes what any process changes."""

    _file: BinaryIO

    def __init__(self, pool: Pool, path: str | os.PathLike[str]) -> None:
        check_target(path)
        self._path = path
        self._log = PoolLog(Pool(pool._segment.share(), pool._place))  # which is open until all is written
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._error: OSError | None = None  # why it has stopped
        self._next = 0  # the first record that is not written yet
        self._over = self._told = False
        self._thread = threading.Thread(target=self._run, name="lpcurr recording", daemon=True)

    def begin(self) -> None:
        """Begin to record; apart from making the object, so that no signal handler can raise once it has begun."""
        try:
            self._log.begin()  # before the file is touched, which may be the one of whoever reads the log
            self._file = open(self._path, "ab")  # noqa: SIM115 - `close` closes it
            if is_written(self._file):
                raise ConfigError(f"{os.fspath(self._path)!r} is being written by another recording: name another file")
            self._file.truncate(0)
            self._file.write(_MAGIC)
            self._begin()
            self._file.flush()
            self._thread.start()
        except BaseException as error:
            if type(error) is OSError:  # of a full disk, which knows of no file
                error.filename = os.fspath(self._path)
            self._over = True  # no call, in which a signal handler might raise: the thread ends in any case
            if self._thread.is_alive():
                self._thread.join()
            self._end()
            raise

    def flush(self) -> None:
        """Write what was logged up to now; nothing once the recording has ended."""
        with self._lock, contextlib.suppress(PoolClosedError):
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
        """Write the rest and end the log; in a forked child, nothing. An interrupt does not keep it from being done.

        Raises:
            RecordingError: it could not be written whole; what was written can be replayed.
        """
        if os.getpid() != self._pid:
            return
        self._over = True
        self._thread.join()
        if self._error is not None and not self._told:
            self._told = True
            raise RecordingError(
                f"{self._file.name!r} ends before the recording does ({self._error.strerror}): what is there can be "
                "replayed"
            ) from self._error

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _begin(self) -> None:
        self._next = self._log.begin()
        pool = self._log.pool
        moment = pool.moment()
        content = checkpoint_bytes(Checkpoint.of_moment(moment, pool.config_text))
        self._write(_CHECKPOINT, int(moment.header["log_end"]), content)

    def _write(self, kind: int, number: int, content: memoryview) -> None:
        head = _BLOCK.pack(kind, content.nbytes, number)
        self._file.write(head + _CHECKSUM.pack(zlib.crc32(content, zlib.crc32(head))))
        self._file.write(content)

    def _run(self) -> None:
        """Write what is logged until :meth:`close` is called, or the disk is full; then end the log."""
        try:
            while not self._over:
                self.flush()
                time.sleep(_INTERVAL)
            self.flush()
        except OSError as error:
            self._error = error
            _logger.error("the recording to %r has stopped: %s", self._file.name, error.strerror)
        self._end()

    def _end(self) -> None:
        with self._lock, contextlib.suppress(PoolClosedError):  # it is done
            self._log.end()
            with contextlib.suppress(AttributeError, OSError):  # it was not opened, or the disk is full
                self._file.close()
            self._log.pool.close()


def replay(kind: type[Member], path: str | os.PathLike[str], at: int | None = None) -> tuple[Member, int]:
    """Build a recorded pool again, see :meth:`lpcurr.Curriculum.replay`; and from how many entries.

    A checkpoint that stands in for lost ones counts as none.
    """
    last = 2**62 if at is None else min(as_count(at, "at"), 2**62)
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
            image = curriculum._pool._segment.bytes
            try:
                applied += apply_checked(image, records, last - applied)
            except (ValueError, TypeError, RecursionError) as error:
                raise RecordingError(f"{os.fspath(path)!r} was altered behind entry {applied}: {error}") from None
        if applied == last:
            break
    if curriculum is None:
        raise RecordingError(f"{os.fspath(path)!r} is no recording of lpcurr, or holds nothing yet")
    try:
        Checkpoint.capture(curriculum._pool)
    except ValueError as error:
        raise RecordingError(f"{os.fspath(path)!r} was altered: no pool comes to that: {error}") from None
    return curriculum, applied


def _of_checkpoint(kind: type[Member], checkpoint: Checkpoint) -> Member:
    config = stored_config(checkpoint, with_generator=False)
    fields = {"use_shared_memory": False, "log_entries": 0, "session_id": None, "seed": checkpoint.description.seed}
    curriculum = kind(CurriculumConfig(**config.model_dump() | fields | {"stages": []}))
    restore(curriculum._pool, checkpoint, config.header_settings())
    return curriculum


def _blocks(path: str | os.PathLike[str]) -> Iterator[tuple[int, int, bytes]]:
    try:
        opened = open_regular(path)
    except NotAFileError as error:
        raise RecordingError(f"{os.fspath(path)!r} is no recording of lpcurr: {error}") from None
    with opened as file:
        end = os.fstat(file.fileno()).st_size
        if file.read(len(_MAGIC)) != _MAGIC:
            return
        while len(head := file.read(_BLOCK.size)) == _BLOCK.size:
            kind, size, number = _BLOCK.unpack(head)
            checksum, start = file.read(_CHECKSUM.size), file.tell()
            if not 0 <= size <= min(end - start, _LARGEST):
                return
            found = zlib.crc32(head)
            for left in range(size, 0, -_CHUNK):  # before it is read whole, since a forged one may be of any size
                found = zlib.crc32(file.read(min(left, _CHUNK)), found)
            if checksum != _CHECKSUM.pack(found):
                raise RecordingError(
                    f"{os.fspath(path)!r} was altered in the {size:,} bytes before byte {file.tell():,}: what is "
                    "before them can be replayed with at=…"
                )
            file.seek(start)
            yield kind, number, file.read(size)


def apply_checked(image: Bytes, records: Bytes, limit: int = ALL) -> int:
    """Apply entries to an image as :func:`apply_entries` does, if each could be of a pool of this version.

    Raises:
        ValueError, TypeError, RecursionError: one of them could not; nothing was applied.
    """
    _check(records, int(header_of(image)["config_room"][0]))
    return apply_entries(image, records, limit=limit) if records.size else 0


def _check(records: Bytes, room: int) -> None:
    if records.nbytes % RECORD_BYTES:
        raise ValueError(f"{records.nbytes} bytes are no whole records")
    cells = records.copy().view(np.int64).reshape(-1, layout.RECORD_WORDS)
    heads, kinds, sizes = cells[:, 0], cells[:, 0] & log.KIND_MASK, cells[:, 0] >> log.KIND_BITS
    is_entry, end = np.ones(len(cells), dtype=bool), 0
    for first in np.flatnonzero(np.isin(kinds, (log.CREATED, log.LABELLED, log.USED)) & (sizes != 0)).tolist():
        if first < end:  # it is in the name, or the configuration, of the one before
            continue
        end = first + 1 + _check_text(cells[first:], int(kinds[first]), int(sizes[first]), room)
        is_entry[first + 1 : end] = False
    entries, kinds, numbers = cells[is_entry], kinds[is_entry], cells.view(np.float64)[is_entry]
    known = (kinds >= log.DRAWN) & (kinds <= log.USED) & (heads[is_entry] >= 0)
    known &= (entries[:, 1] >= 0) & (entries[:, 1] <= layout.MAX_TASK_ID)
    known &= np.isfinite(numbers[:, 2:4]).all(axis=1)
    known &= (kinds != log.COMPLETED) | (np.isfinite(numbers[:, 4]) & (numbers[:, 4] > 0.0))
    known &= (kinds != log.USED) | (heads[is_entry] >> log.KIND_BITS > 0)
    if not known.all():
        raise ValueError(f"entry {int(np.argmin(known))} is none of a pool: {entries[np.argmin(known)].tolist()}")


def _check_text(cells: Int64s, kind: int, size: int, room: int) -> int:
    """Check a label or a configuration behind an entry's first record; how many records it takes."""
    is_label, rules = kind != log.USED, 0 if kind != log.USED else log.RULE_COUNT
    size -= is_label
    if not 0 <= size <= (layout.LABEL_BYTES if is_label else room):
        raise ValueError(f"a text of {size} bytes is too long")
    count = -(-(rules + (size + 7) // 8) // layout.RECORD_WORDS)
    words = cells[1 : 1 + count].ravel()
    text = words[rules:].tobytes()[:size]
    if len(words) < count * layout.RECORD_WORDS:
        raise ValueError("the last entry is cut off")
    if is_label and encode_label(text.decode())[2] != cells[0, 4]:
        raise ValueError(f"the label {text.decode()!r} has another hash")
    if not is_label:
        config = CurriculumConfig(**json.loads(text) | {"task_generator": None})
        if not np.array_equal(rule_words(config.rules(config.algorithm_config)), words[:rules]):
            raise ValueError("rules are not those of their configuration")
    return count
