"""Tasks that are a list: one file beside a session's segment, which every process reads and any of them may extend.

A task is a record of bytes; its place in the list is its number. Reading one is two ``pread`` s of a file that lies in
shared memory: nothing is copied into each process, and a file that grows needs no new mapping. ::

    magic     8 bytes
    count     int64             how many records there are; written last, so that a killed writer has written nothing
    ends      int64[MAX_TASKS]  where each record ends, from the first one's beginning
    records                     one after another

Places that were never written take no memory. Who writes holds the file's lock; the system gives it back when he dies.
"""

from __future__ import annotations

import contextlib
import os
import select
import stat
import weakref
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lpcurr.errors import ConfigError, PoolFullError, SessionNotFoundError
from lpcurr.memory.companions import Companions
from lpcurr.memory.shared_memory import space_needed
from lpcurr.memory.undisturbed import run_undisturbed

_FILES = Companions("lpcurr-tasks_")
path_of, sessions_with_records, remove = _FILES.path_of, _FILES.sessions, _FILES.remove
_MAGIC = b"lpctasks"
MAX_TASKS = 2**22
_COUNT = len(_MAGIC)
_ENDS = _COUNT + 8
_RECORDS = _ENDS + 8 * MAX_TASKS
_AT_ONCE = 2**16

# A type that closes a descriptor with its object, whatever it is of: a finalizer in Python would be cut short, once and
# for all, by what a signal handler raises in it.
_Owner: Any = getattr(select, "epoll", None) or getattr(select, "kqueue", None)


class TaskRecords:
    """The records of one session. Made without touching the file, which is opened when it is first read."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self._descriptor = -1
        self._owner: Any = None  # of the descriptor
        self._known = 0  # so many there are at least

    def __reduce__(self) -> tuple[type[TaskRecords], tuple[str]]:
        return TaskRecords, (self.session_id,)

    @classmethod
    def create(cls, session_id: str) -> TaskRecords:
        """Make the file of a session, without a record in it; it goes when this object or its process does."""
        records = cls(session_id)
        path = path_of(session_id)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()  # of an earlier session of this name, which was killed
        with space_needed(len(_MAGIC) + 8, "tasks"):
            run_undisturbed(partial(records._make, path))
        _write(records._descriptor, _MAGIC + bytes(8), 0)
        return records

    def _make(self, path: Path) -> None:
        self._hold(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        weakref.finalize(self, _remove_in, os.getpid(), path, os.fstat(self._descriptor))

    def _open(self) -> int:
        if self._descriptor < 0:
            run_undisturbed(lambda: self._hold(_open(self.session_id)))
        return self._descriptor

    def _hold(self, descriptor: int) -> None:
        """Keep a descriptor until this object goes; undisturbed, or nobody would close it."""
        if self._descriptor >= 0:  # another thread was first
            os.close(descriptor)
            return
        self._owner, self._descriptor = _Owner.fromfd(descriptor), descriptor

    def _let_go(self) -> None:
        if self._owner is not None:
            self._owner.close()

    def __len__(self) -> int:
        return int.from_bytes(os.pread(self._open(), 8, _COUNT), "little")

    def read(self, number: int) -> bytes:
        """Return a record; raises ``IndexError`` where there is none of that number."""
        descriptor = self._open()
        if not 0 <= number < self._known:
            self._known = len(self)
            if not 0 <= number < self._known:
                raise IndexError(number)
        first = max(number - 1, 0)
        ends = np.frombuffer(os.pread(descriptor, 8 * (number - first + 1), _ENDS + 8 * first), "<i8")
        start = int(ends[0]) if number else 0
        return os.pread(descriptor, int(ends[-1]) - start, _RECORDS + start)

    def append(self, records: Sequence[bytes]) -> int:
        """Write further records, all or none, while :meth:`locked`; the number of the first."""
        descriptor, count = self._open(), len(self)
        if count + len(records) > MAX_TASKS:
            raise PoolFullError(f"{count + len(records)} tasks in one list: the limit is {MAX_TASKS}")
        end = int.from_bytes(os.pread(descriptor, 8, _ENDS + 8 * (count - 1)), "little") if count else 0
        for first in range(0, len(records), _AT_ONCE):
            batch = records[first : first + _AT_ONCE]
            ends = end + np.cumsum([len(record) for record in batch], dtype="<i8")
            _write(descriptor, b"".join(batch), _RECORDS + end)
            _write(descriptor, ends.tobytes(), _ENDS + 8 * (count + first))
            end = int(ends[-1])
        _write(descriptor, (count + len(records)).to_bytes(8, "little"), _COUNT)
        return count

    @contextlib.contextmanager
    def locked(self, *, wait: bool = True) -> Iterator[bool]:
        """Keep other processes and threads from appending: whether they are, where it does not ``wait`` for them."""
        import fcntl

        own = TaskRecords(self.session_id)  # a lock belongs to an opening of the file, not to a process
        try:
            try:
                fcntl.flock(own._open(), fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
                is_mine = True
            except BlockingIOError:
                is_mine = False
            yield is_mine
        finally:
            run_undisturbed(own._let_go)  # or what a signal handler raises in it leaves the lock held for good


def _remove_in(process: int, path: Path, made: os.stat_result) -> None:
    """Remove the file in the process that made it, unless another session has the name by now."""
    with contextlib.suppress(OSError):
        if os.getpid() == process and os.path.samestat(path.lstat(), made):
            path.unlink()


def _open(session_id: str) -> int:
    try:
        descriptor = os.open(path_of(session_id), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise SessionNotFoundError(
            f"the tasks of session {session_id!r} cannot be read, it may have ended ({error.strerror}): give their "
            "list, as in attach(session_id, task_generator=[…])"
        ) from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or os.pread(descriptor, 8, 0) != _MAGIC:
        os.close(descriptor)
        raise ConfigError(f"{path_of(session_id)} is no list of tasks of this user's")
    return descriptor


def _write(descriptor: int, content: bytes, offset: int) -> None:
    view = memoryview(content)
    with space_needed(len(content), "tasks"):
        while view:
            written = os.pwrite(descriptor, view, offset)
            view, offset = view[written:], offset + written
