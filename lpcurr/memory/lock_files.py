"""Locking around the kernels, where there is no robust mutex for locking inside them: macOS, and without JIT.

A shared pool has a lock file, which its processes take with ``fcntl.lockf`` for the length of one kernel call: the
system gives it back when its holder dies. Two things about such locks are settled here. They exclude processes, not
threads, so a threading lock stands before each. And closing *any* descriptor of the file drops them, so a process has
one descriptor for it, however many pools of the session it opened.

Not the shared memory itself is locked, because macOS knows locks on files alone. The files are where nothing is cleaned
up by age within days; the pool's header remembers which file it was, by inode, so that two processes can never go by
different ones.
"""

import contextlib
import errno
import os
import stat
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lpcurr.errors import LpcurrError

with contextlib.suppress(ImportError):  # Windows has local pools only
    import fcntl

_Segment = np.ndarray[Any, np.dtype[np.uint8]]

_RETRY_SECONDS = 0.001


class _Guard:
    """What is held while a kernel runs on a segment: a threading lock, and the lock file where it is shared."""

    def __init__(self, path: Path | None, *, make: bool) -> None:
        self.path = path
        self.threads: Any = threading.RLock()  # a garbage collector's detach may come in between
        self.held = False  # the lock file's, or about to be
        self.file: int | None = None
        if path is not None:
            flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            self.file = os.open(path, flags | os.O_CREAT if make else flags, 0o600)
            weakref.finalize(self, os.close, self.file).atexit = False

    def take(self) -> None:
        self.held = True
        while self.file is not None:
            try:
                fcntl.lockf(self.file, fcntl.LOCK_EX)
                break
            except OSError as error:
                # The system sees processes, not threads: two pools used crosswise look like a deadlock to it.
                if error.errno != errno.EDEADLK:
                    raise
                time.sleep(_RETRY_SECONDS)

    def give_back(self) -> None:
        if self.file is not None:
            fcntl.lockf(self.file, fcntl.LOCK_UN)
        self.held = False


# By address of the segment. A guard, and with it its file, lives as long as a segment that it guards; as all that makes
# segments runs one at a time (`run_undisturbed`), it needs no lock.
_guards: dict[int, _Guard] = {}
_by_path: weakref.WeakValueDictionary[Path, _Guard] = weakref.WeakValueDictionary()


def _address(segment: _Segment) -> int:
    return int(segment.__array_interface__["data"][0])


def guarded(entry: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel with its segment's lock around it; private copies of a segment have none."""

    def call(segment: Any, *arguments: Any) -> Any:
        guard = _guards.get(_address(segment)) if isinstance(segment, np.ndarray) else None
        if guard is None:
            return entry(segment, *arguments)
        if guard.threads._is_owned():  # by this thread, which came here in the middle of a call
            return entry(segment, *arguments)
        with guard.threads:
            try:
                try:
                    guard.take()
                    return entry(segment, *arguments)
                finally:
                    guard.give_back()
            finally:  # a signal handler may have raised before that
                if guard.held:
                    guard.give_back()

    return call


_USER = os.getuid() if hasattr(os, "getuid") else 0
DIRECTORY = Path("/var/tmp") / f"lpcurr-{_USER}"
"""Where this user's lock files are; where someone else has taken that name, in one of ``_INSTEAD``."""
_HOME = Path(os.path.expanduser("~"))  # "~" where there is none
_INSTEAD = [Path("/tmp") / f"lpcurr-{_USER}", *([_HOME / ".cache" / "lpcurr"] if _HOME.is_absolute() else [])]


def directories() -> list[Path]:
    """Return the folders of lock files that are there and this user's."""
    return [path for path in (DIRECTORY, *_INSTEAD) if _is_own_folder(path)]


def _is_own_folder(path: Path) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == _USER


def lock_path(name: str, *, make: bool) -> Path:
    """Return where a shared segment's lock file is, ``FileNotFoundError`` if nowhere; or where it is to be made."""
    if make:
        for path in (DIRECTORY, *_INSTEAD):
            with contextlib.suppress(OSError):
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _is_own_folder(path) and os.access(path, os.W_OK):
                return path / name
        raise LpcurrError(
            f"there is no folder for this pool's lock file: {DIRECTORY} is someone else's or cannot be written, as are "
            f"{', '.join(map(str, _INSTEAD))}. Have one of them removed, or set use_shared_memory=False"
        )
    for folder in directories():
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(errno.ENOENT, "no lock file", name)


def watch(segment: _Segment, name: str | None, *, make: bool) -> int:
    """Guard a segment from now on: a shared one by its name, a local one against threads alone.

    Returned is the inode of its lock file; 0 for a local one. ``FileNotFoundError``: its processes take a robust mutex.
    """
    path = None if name is None else lock_path(name, make=make)
    guard = _by_path.get(path) if path is not None else None
    if guard is None or (path is not None and not _is_current(guard)):
        guard = _Guard(path, make=make)
        if path is not None:
            _by_path[path] = guard
    _guards[_address(segment)] = guard
    weakref.finalize(segment, _guards.pop, _address(segment), None).atexit = False
    return 0 if guard.file is None else os.fstat(guard.file).st_ino


def _is_current(guard: _Guard) -> bool:
    """Whether the path still leads to the open file: a session may have ended, and another begun under its name."""
    assert guard.file is not None
    assert guard.path is not None
    with contextlib.suppress(FileNotFoundError):
        return os.fstat(guard.file).st_ino == guard.path.lstat().st_ino
    return False


def remove(name: str) -> None:
    """The segment ``name`` is destroyed: nobody will open its lock file any more."""
    for folder in directories():
        with contextlib.suppress(OSError):
            (folder / name).unlink(missing_ok=True)


def _after_fork_in_child() -> None:
    """Another thread of the parent may have held a threading lock; lock files are not held by a child."""
    for guard in list(_guards.values()):
        guard.threads = threading.RLock()
        guard.held = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
