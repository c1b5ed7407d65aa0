"""The memory behind a pool: one block of bytes, shared by name or local to the process.

A shared segment belongs to the process that created it: it is destroyed when that process unlinks it or exits, never by
the exit of one that attached. It is readable by its user only, its pages are reserved when it is made (a full
``/dev/shm`` is an error here, not a SIGBUS later), and its header is checked before anyone uses it.
"""

from __future__ import annotations

import builtins
import contextlib
import errno
import os
import re
import secrets
import sys
import threading
import weakref
from collections.abc import Iterator
from multiprocessing import resource_tracker, shared_memory
from typing import Any

import numpy as np

from lpcurr.errors import (
    ConfigError,
    LpcurrError,
    PoolClosedError,
    SegmentSpaceError,
    SessionIncompatibleError,
    SessionNotFoundError,
)
from lpcurr.memory import layout, lock_files
from lpcurr.memory.processes import NAME_PREFIX, process_start_time

_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{1,20}")  # macOS leaves 30 characters for the whole name

Bytes = np.ndarray[tuple[int], np.dtype[np.uint8]]
State = np.ndarray[tuple[int], np.dtype[np.void]]

_CONFIG_SLACK = 4096  # bytes that a configuration may grow by, beyond twice its length, in `Curriculum.use`

_tracker_lock = threading.Lock()


class _Memory(shared_memory.SharedMemory):
    """Shared memory whose closing waits for the views that are still held, rather than raise (also from __del__)."""

    def close(self) -> None:
        try:
            super().close()
        except BufferError:  # not contextlib's way: at the interpreter's end, modules are gone before this
            return

    def view(self, size: int) -> Bytes:
        """The first bytes as an array. It holds the mapping: ``np.ndarray(buffer=…)`` would be left dangling."""
        assert self.buf is not None
        return np.frombuffer(self.buf, dtype=np.uint8, count=size)


@contextlib.contextmanager
def _untracked() -> Iterator[None]:
    """Keep the resource tracker out of it: before 3.13 it destroys what a process merely attached to."""
    with _tracker_lock:
        register, unregister = resource_tracker.register, resource_tracker.unregister
        resource_tracker.register = lambda name, rtype: None
        resource_tracker.unregister = lambda name, rtype: None
        try:
            yield
        finally:
            resource_tracker.register, resource_tracker.unregister = register, unregister


def _open(name: str) -> _Memory:
    if sys.version_info >= (3, 13):
        return _Memory(name=name, track=False)
    with _untracked():
        return _Memory(name=name)


def _reserve(memory: _Memory, size: int) -> None:
    """Take the pages now: a segment larger than /dev/shm would be created happily and kill on first touch."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(memory._fd, 0, size)  # type: ignore[attr-defined]
    except OSError as error:
        memory.close()
        memory.unlink()
        if error.errno not in (errno.ENOSPC, errno.ENOMEM, errno.EFBIG):
            raise
        raise SegmentSpaceError(
            error.errno,
            f"shared memory has no room for {size / 2**20:.1f} MiB (/dev/shm is full or small). Docker gives 64 MB "
            "unless run with --shm-size; otherwise lower num_active_tasks or set use_shared_memory=False",
        ) from error


class Segment:
    """A pool's memory.

    Attributes:
        bytes: the whole segment, uint8; what kernels get.
        state: the same memory as a structured array of one element, ``lpcurr.memory.layout.segment_dtype``.
        session_id: what other processes attach by; None for a local segment.
    """

    def __init__(self, memory: _Memory | None, content: Bytes, session_id: str | None) -> None:
        self._memory = memory
        self._bytes: Bytes | None = content
        self._state: State | None = None
        self.session_id = session_id
        self._creator_pid: int | None = None
        self._destroy: Any = None

    @classmethod
    def create(
        cls, capacity: int, config_text: bytes, *, shared: bool, session_id: str | None, file_lock: bool
    ) -> Segment:
        """Make a zeroed segment with ``config_text`` behind the layout; the header's identity is still empty.

        With ``file_lock``, Python locks around the kernels: see :mod:`lpcurr.memory.lock_files`.

        Raises:
            ConfigError: a session id that is malformed or in use.
            SegmentSpaceError: shared memory is full.
        """
        config_offset = layout.segment_dtype(capacity).itemsize
        config_room = -(-(2 * len(config_text) + _CONFIG_SLACK) // 8) * 8
        size = config_offset + 2 * config_room
        if not shared:
            room = np.zeros(size + layout.CACHE_LINE, dtype=np.uint8)
            start = -room.ctypes.data % layout.CACHE_LINE
            segment = cls(None, room[start : start + size], None)
        else:
            segment = cls._create_shared(size, session_id)
        content = segment.bytes
        content[config_offset : config_offset + len(config_text)] = np.frombuffer(config_text, dtype=np.uint8)
        header = content[: layout.HEADER.itemsize].view(layout.HEADER)
        header["creator_pid"] = os.getpid()
        header["creator_start_time"] = process_start_time(os.getpid()) or 0
        header["lock_file"] = lock_files.watch(content, segment.name, make=True) if file_lock else 0
        header["capacity"] = capacity
        header["segment_size"] = size
        header["config_offset"] = config_offset
        header["config_room"] = config_room
        header["config_size0"] = len(config_text)
        return segment

    @classmethod
    def _create_shared(cls, size: int, session_id: str | None) -> Segment:
        if sys.platform == "win32":
            raise LpcurrError("pools in shared memory need POSIX; set use_shared_memory=False on Windows")
        session = session_id or secrets.token_hex(6)
        if not _SESSION_ID.fullmatch(session):
            raise ConfigError(f"session_id {session!r} must be 1 to 20 letters, digits, '_' or '-'")
        try:
            memory = _Memory(name=NAME_PREFIX + session, create=True, size=size)
        except FileExistsError as error:
            raise ConfigError(
                f"session {session!r} exists already: attach to it with lpcurr.attach({session!r}), or choose another"
            ) from error
        _hold(memory)
        _reserve(memory, size)
        segment = cls(memory, memory.view(size), session)
        segment._creator_pid = os.getpid()
        segment._destroy = weakref.finalize(segment, _destroy, memory, os.getpid())
        return segment

    @classmethod
    def attach(cls, session_id: str, *, file_lock: bool) -> Segment:
        """Open the segment of a live session; ``file_lock`` as in :meth:`create`.

        Raises:
            SessionNotFoundError: there is none of that name.
            SessionIncompatibleError: it is not a pool, half-made, of another layout version, or another user's.
        """
        try:
            if not isinstance(session_id, str) or not _SESSION_ID.fullmatch(session_id):
                raise FileNotFoundError
            memory = _open(NAME_PREFIX + session_id)
        except (FileNotFoundError, PermissionError) as error:
            raise _not_found(session_id) from error
        except ValueError as error:  # mmap's, of an empty file
            raise SessionIncompatibleError(
                f"session {session_id!r} cannot be attached: it is empty, or its creator has not finished making it"
            ) from error
        try:
            if not _hold(memory):
                raise _not_found(session_id)
            size = _verify(memory, session_id)
        except BaseException:
            memory.close()
            raise
        segment = cls(memory, memory.view(size), session_id)
        try:
            lock_file = lock_files.watch(segment.bytes, segment.name, make=False) if file_lock else 0
        except FileNotFoundError:
            lock_file = -1
        if lock_file != segment.state["header"]["lock_file"][0]:
            segment.close()
            raise SessionIncompatibleError(
                f"session {session_id!r} cannot be attached: its processes lock it in another way than this one "
                f"(LPCURR_LOCK, NUMBA_DISABLE_JIT), or its lock file was removed from {lock_files.DIRECTORY}"
            )
        return segment

    @property
    def name(self) -> str | None:
        """Name of the shared memory; None for a local segment."""
        return None if self.session_id is None else NAME_PREFIX + self.session_id

    @property
    def bytes(self) -> Bytes:
        """The whole segment, uint8."""
        if self._bytes is None:
            raise PoolClosedError("the pool is closed")
        return self._bytes

    @property
    def state(self) -> State:
        """The segment as one structured element."""
        if self._state is None:
            content = self.bytes
            capacity = int(content[: layout.HEADER.itemsize].view(layout.HEADER)["capacity"][0])
            dtype = layout.segment_dtype(capacity)
            self._state = content[: dtype.itemsize].view(dtype)
        return self._state

    @property
    def config_text(self) -> builtins.bytes:
        """The configuration behind the layout that holds now."""
        header = self.state["header"]
        while True:
            stamp = int(header["rules_stamp"][0])
            start, size = layout.config_place(header[0])
            text = self.bytes[start : start + size].tobytes()
            if stamp == header["rules_stamp"][0]:  # else it was replaced meanwhile
                return text

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._bytes is None

    @property
    def is_creator(self) -> bool:
        """Whether this object made the segment, in this process."""
        return self._creator_pid == os.getpid()

    def close(self) -> None:
        """Give up this process's view; the segment lives on for others."""
        if self._bytes is not None:
            lock_files.forget(self._bytes)
        self._bytes = None
        self._state = None
        if self._memory is not None:
            self._memory.close()

    def unlink(self) -> None:
        """Destroy the shared segment: nobody can attach any more, and it goes with its last user."""
        if self._memory is None:
            return
        if self._destroy is not None and self._destroy.detach() is not None:
            _unlink(self._memory, tracked=True)
        else:
            _unlink(self._memory, tracked=False)


def _not_found(session_id: object) -> SessionNotFoundError:
    return SessionNotFoundError(
        f"no live session {session_id!r}: it may have ended, or be on another machine or of another user"
    )


def _hold(memory: _Memory) -> bool:
    """Show that the segment is in use, for as long as this process or a fork of it has it open; False if it is gone.

    Process ids tell that too, but not those of another container that shares the memory.
    """
    with contextlib.suppress(ImportError, OSError):  # Windows; macOS, which locks files alone
        import fcntl

        descriptor: int = memory._fd  # type: ignore[attr-defined]
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        return os.fstat(descriptor).st_nlink > 0
    return True


def _unlink(memory: _Memory, *, tracked: bool) -> None:
    lock_files.remove(memory.name)
    try:
        if tracked or sys.version_info >= (3, 13):
            memory.unlink()
        else:
            with _untracked():
                memory.unlink()
    except FileNotFoundError:
        if tracked:  # someone else unlinked it; the tracker still has it on its list
            resource_tracker.unregister(memory._name, "shared_memory")  # type: ignore[attr-defined]


def _destroy(memory: _Memory, creator_pid: int) -> None:
    """What the creator's exit, or its garbage collector, does; a forked child that inherited the object does not."""
    if os.getpid() == creator_pid:
        _unlink(memory, tracked=True)


def _verify(memory: _Memory, session_id: str) -> int:
    """Check an opened segment's header against this version and itself; its size without the page padding."""

    def refuse(reason: str) -> SessionIncompatibleError:
        return SessionIncompatibleError(f"session {session_id!r} cannot be attached: {reason}")

    owner = os.fstat(memory._fd).st_uid  # type: ignore[attr-defined]
    if owner != os.geteuid():
        raise refuse(f"it belongs to user {owner}, this is user {os.geteuid()}")
    if memory.size < layout.HEADER.itemsize:
        raise refuse(f"its {memory.size} bytes are too few for a header")
    header = memory.view(layout.HEADER.itemsize).copy().view(layout.HEADER)[0]
    if header["magic"] != layout.MAGIC:
        raise refuse("it is not an lpcurr pool, or its creator has not finished making it")
    if header["layout_version"] != layout.LAYOUT_VERSION:
        raise refuse(
            f"its layout version is {header['layout_version']}, this lpcurr has {layout.LAYOUT_VERSION}: "
            "use the same lpcurr in all processes"
        )
    capacity, size = int(header["capacity"]), int(header["segment_size"])
    if not 1 <= capacity <= layout.MAX_CAPACITY or not layout.segment_dtype(capacity).itemsize <= size <= memory.size:
        raise refuse(f"its header is damaged (capacity {capacity}, size {size} of {memory.size} bytes)")
    offset, room = int(header["config_offset"]), int(header["config_room"])
    texts = int(header["config_size0"]), int(header["config_size1"])
    if not (layout.HEADER.itemsize <= offset <= offset + 2 * room <= size and 0 <= min(texts) <= max(texts) <= room):
        raise refuse(f"its header is damaged (configuration of {texts} bytes at {offset} in rooms of {room})")
    return size
