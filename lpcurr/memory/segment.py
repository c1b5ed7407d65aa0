"""The memory behind a pool: one block of bytes, shared by name or local to the process.

A shared segment belongs to the process that created it: it is destroyed when that process unlinks it or exits, never by
the exit of one that attached. It is readable by its user only, its pages are reserved when it is made (a full
``/dev/shm`` is an error here, not a SIGBUS later), and its header is checked before anyone uses it.
"""

from __future__ import annotations

import builtins
import errno
import os
import re
import secrets
import sys
import weakref
from functools import partial
from typing import Any

import numpy as np

from lpcurr.errors import (
    ConfigError,
    LpcurrError,
    PoolClosedError,
    SessionIncompatibleError,
    SessionNotFoundError,
    shown,
)
from lpcurr.memory import layout, lock_files
from lpcurr.memory.damage import problem_of, problem_of_cells
from lpcurr.memory.process_table import process_hole
from lpcurr.memory.processes import NAME_PREFIX, SEVERAL_NAMESPACES, own_start_time, pid_namespace
from lpcurr.memory.shared_memory import Bytes, MemoryName, attach_memory, create_memory, reserve_memory
from lpcurr.memory.undisturbed import run_undisturbed

_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{1,20}")  # macOS leaves 30 characters for the whole name

State = np.ndarray[tuple[int], np.dtype[np.void]]

_CONFIG_SLACK = 4096  # bytes that a configuration may grow by, beyond twice its length, in `Curriculum.use`


class Segment:
    """A pool's memory.

    The memory is given back when the last view of it has gone: this object's, by :meth:`close` or with the object, and
    any array that was made from it. ``session_id`` is what other processes attach by; None for a local segment.
    """

    def __init__(self, memory: MemoryName | None, content: Bytes, session_id: str | None) -> None:
        self._memory = memory
        self._bytes: Bytes | None = content
        self._state: State | None = None
        self._closed_for: LpcurrError = PoolClosedError("the pool is closed")
        self.session_id = session_id
        self._creator_pid: int | None = None
        self._destroy: Any = None

    @classmethod
    def create(
        cls,
        capacity: int,
        config_text: bytes,
        *,
        shared: bool,
        session_id: str | None,
        file_lock: bool,
        log_capacity: int = 0,
    ) -> Segment:
        """Make a zeroed segment with ``config_text`` behind the layout; the header's identity is still empty.

        It has room for ``log_capacity`` records of the log, a power of two or 0. With ``file_lock``, Python locks
        around the kernels: see :mod:`lpcurr.memory.lock_files`.
        """

        def make() -> Segment:
            config_offset = layout.segment_dtype(capacity).itemsize
            config_room = -(-(2 * len(config_text) + _CONFIG_SLACK) // 8) * 8
            log_offset = config_offset + 2 * config_room
            size = log_offset + 8 * layout.RECORD_WORDS * log_capacity
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
            header["creator_start_time"] = own_start_time()
            header["pid_namespace"] = pid_namespace()
            header["lock_file"] = lock_files.watch(content, segment.name, make=True) if file_lock else 0
            header["capacity"] = capacity
            header["segment_size"] = size
            header["process_room"] = layout.PROCESS_STEP
            header["config_offset"] = config_offset
            header["config_room"] = config_room
            header["log_offset"] = log_offset
            header["log_capacity"] = log_capacity
            header["config_size0"] = len(config_text)
            return segment

        return run_undisturbed(make)

    @classmethod
    def _create_shared(cls, size: int, session_id: str | None) -> Segment:
        if sys.platform == "win32":
            raise LpcurrError(
                "Windows has no shared memory for pools: set use_shared_memory=False and keep all environments in one "
                "process (SyncVectorEnv, DummyVecEnv), or use WSL"
            )
        session = session_id or secrets.token_hex(6)
        if not _SESSION_ID.fullmatch(session):
            raise ConfigError(f"session_id {shown(session)} must be 1 to 20 letters, digits, '_' or '-'")
        try:
            memory, content = create_memory(NAME_PREFIX + session, size, process_hole(layout.PROCESS_STEP))
        except FileExistsError as error:
            raise ConfigError(
                f"session {session!r} exists already: attach to it with lpcurr.attach({session!r}), choose another, or "
                "unlink() the one that this process made before, as in a notebook's cell that is run again"
            ) from error
        segment = cls(memory, content, session)
        segment._creator_pid = os.getpid()
        segment._destroy = weakref.finalize(segment, _destroy, memory, os.getpid())
        return segment

    @classmethod
    def attach(cls, session_id: str, *, file_lock: bool) -> Segment:
        """Open the segment of a live session, if it is sound and this version's; ``file_lock`` as in :meth:`create`."""
        if not isinstance(session_id, str) or not _SESSION_ID.fullmatch(session_id):
            raise not_found(session_id)
        return run_undisturbed(partial(cls._attach, session_id, file_lock=file_lock))

    @classmethod
    def _attach(cls, session_id: str, *, file_lock: bool) -> Segment:
        def refuse(reason: str) -> SessionIncompatibleError:
            return SessionIncompatibleError(f"session {session_id!r} cannot be attached: {reason}")

        try:
            memory, content = attach_memory(NAME_PREFIX + session_id)
        except FileNotFoundError as error:
            raise not_found(session_id) from error
        except PermissionError as error:
            if error.errno == errno.EACCES:
                raise not_found(session_id) from error
            raise refuse(str(error.strerror)) from error
        problem = problem_of(content, content.size) or problem_of_namespace(content, file_lock=file_lock)
        if problem:
            raise refuse(problem)
        header = content[: layout.HEADER.itemsize].view(layout.HEADER)
        segment = cls(memory, content[: int(header["segment_size"][0])], session_id)
        if problem := problem_of_cells(segment.state):
            raise refuse(problem)
        try:
            lock_file = lock_files.watch(segment.bytes, segment.name, make=False) if file_lock else 0
        except FileNotFoundError:
            lock_file = -1
        if lock_file != header["lock_file"][0]:
            raise refuse(
                "its processes lock it in another way than this one (LPCURR_LOCK, NUMBA_DISABLE_JIT), or its lock file "
                f"was removed from {lock_files.DIRECTORY}, or is not shared with this container"
            )
        return segment

    def reserve_processes(self, count: int) -> int:
        """Give memory to at least ``count`` process records, as far as there can be so many: how many have it then."""
        room = int(self.state["header"]["process_room"][0])
        if count <= room:
            return room
        room = min(-(-count // layout.PROCESS_STEP) * layout.PROCESS_STEP, layout.PROCESS_CAPACITY)
        if self.is_current:  # else nobody attaches any more but forks, and it has no name by which it could be opened
            assert self._memory is not None
            run_undisturbed(partial(reserve_memory, self._memory.name, layout.PROCESS_OFFSET, process_hole(room)[0]))
        return room

    def share(self) -> Segment:
        """Return another hold on the same mapping, which may be closed by itself and is not the creator's."""
        return Segment(self._memory, self.bytes, self.session_id)

    @property
    def name(self) -> str | None:
        """Name of the shared memory; None for a local segment."""
        return None if self.session_id is None else NAME_PREFIX + self.session_id

    @property
    def bytes(self) -> Bytes:
        """The whole segment, uint8; what kernels get."""
        if self._bytes is None:
            raise type(self._closed_for)(*self._closed_for.args)
        return self._bytes

    @property
    def state(self) -> State:
        """The segment as an array of one element, of ``lpcurr.memory.layout.segment_dtype``."""
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

    @property
    def is_current(self) -> bool:
        """Whether who attaches by the session id now gets this very memory."""
        return self._memory is not None and run_undisturbed(self._memory.is_current)

    def close(self, reason: LpcurrError | None = None) -> None:
        """Give up this process's view; the segment lives on for others. ``reason`` is raised where it is used."""
        if reason is not None:
            self._closed_for = reason
        self._bytes = None
        self._state = None

    def unlink(self) -> bool:
        """Destroy the shared segment: nobody can attach any more, and it goes with its last user.

        False where nothing is left to destroy: it is done, and the name may be another session's by now.
        """
        return self._memory is not None and run_undisturbed(self._unlink)

    def _unlink(self) -> bool:
        assert self._memory is not None
        return _unlink(self._memory, created=self._destroy is not None and self._destroy.detach() is not None)


def not_found(session_id: object) -> SessionNotFoundError:
    """Return the error for a session that is not there."""
    return SessionNotFoundError(
        f"no live session {shown(session_id)}: it may have ended, or be on another machine or of another user"
    )


def _destroy(memory: MemoryName, creator_pid: int) -> None:
    """What the creator's exit, or its garbage collector, does; a forked child that inherited the object does not."""
    if os.getpid() == creator_pid:
        _unlink(memory, created=True)


def _unlink(memory: MemoryName, *, created: bool) -> bool:
    current = memory.is_current()
    if current:
        lock_files.remove(memory.name)
    memory.unlink(created=created)
    return current


def problem_of_namespace(content: Bytes, *, file_lock: bool) -> str:
    """Return why a process of this PID namespace may not use the memory; empty where it may.

    A robust mutex knows its holder by a thread id, and the kernel tells of the death of whoever has that id: of two
    namespaces' threads with one id, the death of the first would open the lock that the second holds. File locks go by
    no id, but whose records are free must then be decided without ids too.
    """
    header = content[: layout.HEADER.itemsize].view(layout.HEADER)
    if header["pid_namespace"][0] == pid_namespace():
        return ""
    if file_lock:
        header["pid_namespace"] = SEVERAL_NAMESPACES
        return ""
    return (
        "it was made in another container, where process ids mean other processes, and its lock goes by such ids. Give "
        "the containers one PID namespace (docker run --pid=container:NAME, shareProcessNamespace in Kubernetes), or "
        f"start all of them with LPCURR_LOCK=fcntl and one {lock_files.DIRECTORY}"
    )
