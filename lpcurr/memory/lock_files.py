"""Locking around the kernels, where there is no robust mutex for locking inside them: macOS, and without JIT.

A shared pool has a lock file, which its processes take with ``fcntl.lockf`` for the length of one kernel call: the
system gives it back when its holder dies. Two things about such locks are settled here. They exclude processes, not
threads, so a threading lock stands before each. And closing *any* descriptor of the file drops them, so a process has
one descriptor for it, however many pools of the session it opened.

Not the shared memory itself is locked, because macOS knows locks on files alone. The files are where nothing is cleaned
up by age within days; the pool's header remembers which file it was, by inode, so that two processes can never go by
different ones.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

with contextlib.suppress(ImportError):  # Windows has local pools only
    import fcntl

_Segment = np.ndarray[Any, np.dtype[np.uint8]]

_RETRY_SECONDS = 0.001


class _Guard:
    """What is held while a kernel runs on a segment: a threading lock, and the lock file where it is shared."""

    def __init__(self, path: Path | None, *, make: bool) -> None:
        self.path = path
        self.users = 0
        self.threads = threading.RLock()  # a garbage collector's detach may come in between
        self.depth = 0
        self.file: int | None = None
        if path is not None:
            flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
            self.file = os.open(path, flags | os.O_CREAT if make else flags, 0o600)

    def take(self) -> None:
        while self.file is not None:
            try:
                fcntl.lockf(self.file, fcntl.LOCK_EX)
                return
            except OSError as error:
                # The system sees processes, not threads: two pools used crosswise look like a deadlock to it.
                if error.errno != errno.EDEADLK:
                    raise
                time.sleep(_RETRY_SECONDS)

    def give_back(self) -> None:
        if self.file is not None:
            fcntl.lockf(self.file, fcntl.LOCK_UN)


_guards: dict[int, _Guard] = {}  # by address of the segment
_by_path: dict[Path, _Guard] = {}
_registry = threading.Lock()


def _address(segment: _Segment) -> int:
    return int(segment.__array_interface__["data"][0])


def guarded(entry: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel with its segment's lock around it; private copies of a segment have none."""

    def call(segment: Any, *arguments: Any) -> Any:
        guard = _guards.get(_address(segment)) if isinstance(segment, np.ndarray) else None
        if guard is None:
            return entry(segment, *arguments)
        with guard.threads:
            guard.depth += 1
            try:
                if guard.depth == 1:
                    guard.take()
                return entry(segment, *arguments)
            finally:
                guard.depth -= 1
                if guard.depth == 0:
                    guard.give_back()

    return call


DIRECTORY = Path("/var/tmp") / f"lpcurr-{os.getuid() if hasattr(os, 'getuid') else 0}"
"""Where this user's lock files are."""


def lock_path(name: str) -> Path:
    """The lock file of the shared segment ``name``; its directory is made if need be, and must be this user's."""
    DIRECTORY.mkdir(mode=0o700, exist_ok=True)
    if DIRECTORY.is_symlink() or DIRECTORY.lstat().st_uid != os.getuid():
        raise PermissionError(errno.EPERM, "the directory of lpcurr's lock files is someone else's", str(DIRECTORY))
    return DIRECTORY / name


def watch(segment: _Segment, name: str | None, *, make: bool) -> int:
    """Guard a segment from now on: a shared one by its name, a local one against threads alone.

    Args:
        segment: as kernels get it.
        name: of the shared memory.
        make: whether the segment is new, so that its lock file is to be made.

    Returns:
        What identifies the lock to other processes: the lock file's inode; 0 for a local segment.

    Raises:
        FileNotFoundError: there is no lock file, so the segment's processes take a robust mutex.
    """
    with _registry:
        path = None if name is None else lock_path(name)
        guard = _by_path.get(path) if path is not None else None
        if guard is None or (path is not None and not _is_current(guard)):
            guard = _Guard(path, make=make)
            if path is not None:
                _by_path[path] = guard
        guard.users += 1
        _guards[_address(segment)] = guard
        return 0 if guard.file is None else os.fstat(guard.file).st_ino


def _is_current(guard: _Guard) -> bool:
    """Whether the path still leads to the open file: a session may have ended, and another begun under its name."""
    assert guard.file is not None
    assert guard.path is not None
    try:
        return os.fstat(guard.file).st_ino == guard.path.lstat().st_ino
    except FileNotFoundError:
        return False


def forget(segment: _Segment) -> None:
    """The segment is about to be closed."""
    with _registry:
        guard = _guards.pop(_address(segment), None)
        if guard is None:
            return
        guard.users -= 1
        if guard.users == 0 and guard.file is not None:
            with guard.threads:
                os.close(guard.file)
                guard.file = None
            if guard.path is not None and _by_path.get(guard.path) is guard:
                del _by_path[guard.path]


def remove(name: str) -> None:
    """The segment ``name`` is destroyed: nobody will open its lock file any more."""
    (DIRECTORY / name).unlink(missing_ok=True)


def _after_fork_in_child() -> None:
    """Another thread of the parent may have held a threading lock; lock files are not held by a child."""
    global _registry
    _registry = threading.Lock()
    for guard in {*_guards.values(), *_by_path.values()}:
        guard.threads = threading.RLock()
        guard.depth = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
