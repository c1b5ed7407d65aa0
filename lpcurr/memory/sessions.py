"""Which sessions this machine has, live and dead.

A session is alive while its creator or anyone attached is. Process ids are compared with start times, so that an id
that was given away again deceives nobody, and whoever has the memory open holds a file lock on it, which tells of
processes in other containers too.
"""

import contextlib
import mmap
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lpcurr.memory import layout, lock_files, node_figures, task_records
from lpcurr.memory.damage import problem_of
from lpcurr.memory.files import names_beginning
from lpcurr.memory.process_table import process_hole
from lpcurr.memory.processes import NAME_PREFIX, pid_namespace, process_is_alive
from lpcurr.memory.shared_memory import Bytes, opened, unlink_memory
from lpcurr.memory.undisturbed import undisturbed

_SHARED_MEMORY = Path("/dev/shm")
_MAKING_SECONDS = 60.0  # a segment without its creator's id that is older than this will never be finished


class AttachedProcess(NamedTuple):
    """A process that joined a session, and has not left it."""

    pid: int
    alive: bool


@dataclass(frozen=True)
class Session:
    """What is known of a session from outside."""

    session_id: str  # what to attach by
    alive: bool  # whether its creator, anyone attached, or anyone else who has it open is alive
    size: int  # bytes of shared memory
    age: float | None  # seconds since it was made; None where that cannot be known
    creator_pid: int  # who made it; 0 where that cannot be known
    creator_alive: bool  # whether that process is still there
    processes: tuple[AttachedProcess, ...]  # those attached, of which dead ones were killed
    tasks: int  # how many are in the pool
    capacity: int  # how many could be
    algorithm: str  # what they are drawn by
    problem: str  # why nobody can attach; empty where anybody can


@undisturbed  # a descriptor that was left would keep a dead session from being removed
def list_sessions() -> list[Session]:
    """The sessions of this user on this machine, live and dead, by session id.

    >>> from lpcurr import CurriculumConfig
    >>> curriculum = CurriculumConfig(num_active_tasks=4).make()
    >>> [session.alive for session in list_sessions() if session.session_id == curriculum.session_id]
    [True]
    >>> curriculum.close(); curriculum.unlink()
    """
    found = []
    for name in _segment_names():
        with contextlib.suppress(FileNotFoundError, PermissionError), opened(name) as descriptor:
            found.append(_inspect(name, descriptor))
    return found


@undisturbed
def reap() -> list[Session]:
    """Remove the sessions that are dead; those that were removed."""
    removed = [session for name in _segment_names() if (session := _reap(name))]
    locks = [name for folder in lock_files.directories() for name in names_beginning(NAME_PREFIX, folder)]
    _remove_stale([name.removeprefix(NAME_PREFIX) for name in locks], lambda id_: lock_files.remove(NAME_PREFIX + id_))
    _remove_stale(task_records.sessions_with_records(), task_records.remove)
    _remove_stale(node_figures.sessions_with_figures(), node_figures.remove)
    return removed


@undisturbed
def reap_session(session_id: str) -> bool:
    """Remove a session if it is dead; whether it was. Who only looks at it just then is waited for, half a second."""
    name = NAME_PREFIX + session_id
    for _ in range(25):
        if _reap(name) is not None:
            return True
        if not _is_only_looked_at(name):
            return False
        time.sleep(0.02)
    return False


def _is_only_looked_at(name: str) -> bool:
    with contextlib.suppress(FileNotFoundError, PermissionError), opened(name) as descriptor:
        session = _inspect(name, descriptor)
        return session.creator_pid > 0 and not session.creator_alive and not any(p.alive for p in session.processes)
    return False


def _reap(name: str) -> Session | None:
    with contextlib.suppress(FileNotFoundError, PermissionError), opened(name) as descriptor:
        if is_held(descriptor) or os.fstat(descriptor).st_nlink == 0:  # or somebody else has just removed it
            return None
        session = _inspect(name, descriptor)  # and nobody can attach meanwhile: this process holds the lock
        if not session.alive:
            for remove in (task_records.remove, node_figures.remove):
                remove(session.session_id)
            lock_files.remove(name)
            unlink_memory(name)  # last: until then nobody can make another one of this name
            return session
    return None


def _segment_names() -> list[str]:
    """Names of this user's segments: from /dev/shm; macOS does not list shared memory, but has lock files."""
    places = [_SHARED_MEMORY] if _SHARED_MEMORY.is_dir() else lock_files.directories()
    return sorted({name for place in places for name in names_beginning(NAME_PREFIX, place)})


def is_held(descriptor: int) -> bool:
    """Whether someone has the segment open; if not, nobody can attach until the descriptor is closed."""
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _inspect(name: str, descriptor: int) -> Session:
    status = os.fstat(descriptor)
    content = _read(descriptor, 0, layout.HEADER.itemsize)
    header = content.view(layout.HEADER)[0]
    problem = problem_of(content, status.st_size)
    used = 0 if problem else max(process_hole(int(header["process_room"]))[0] - layout.PROCESS_OFFSET, 0)
    table = _read(descriptor, layout.PROCESS_OFFSET, used).view(layout.PROCESS)
    held = is_held(descriptor)

    def is_alive(pid: int, start_time: int) -> bool:  # ids of another container's processes say nothing here
        return process_is_alive(pid, start_time) if header["pid_namespace"] == pid_namespace() else held

    processes = tuple(
        AttachedProcess(int(pid), is_alive(int(pid), int(start_time)))
        for pid, start_time in zip(table["pid"], table["start_time"], strict=True)
        if pid > 0
    )
    creator = int(header["creator_pid"])
    creator_alive = creator > 0 and is_alive(creator, int(header["creator_start_time"]))
    being_made = creator == 0 and time.time() - status.st_mtime < _MAKING_SECONDS
    anyone_alive = creator_alive or being_made or any(process.alive for process in processes)
    return Session(
        session_id=name.removeprefix(NAME_PREFIX),
        alive=anyone_alive or held,
        size=status.st_size,
        age=None if problem else max(0.0, time.time() - float(header["created_at"])),
        creator_pid=creator,
        creator_alive=creator_alive,
        processes=processes,
        tasks=0 if problem else int(header["active_count"]),
        capacity=0 if problem else int(header["capacity"]),
        algorithm="" if problem else layout.scheduler_name(header),
        problem=problem,
    )


def _read(descriptor: int, start: int, size: int) -> Bytes:
    """Copy bytes of a segment; zeros for those behind its end."""
    content = np.zeros(size, dtype=np.uint8)
    with contextlib.suppress(ValueError), mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as mapping:
        there = np.frombuffer(mapping[start : start + size], dtype=np.uint8)
        content[: there.size] = there
    return content


def _remove_stale(session_ids: Iterable[str], remove: Callable[[str], None]) -> None:
    """Remove what stands beside segments that are gone; a segment is there before what stands beside it is."""
    for session_id in session_ids:
        try:
            with opened(NAME_PREFIX + session_id):
                continue
        except FileNotFoundError:
            remove(session_id)
        except PermissionError:  # something else has that name
            continue
