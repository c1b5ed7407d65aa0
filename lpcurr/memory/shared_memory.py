"""Named blocks of memory that stay mapped, and open, for as long as anybody holds a view of them.

``multiprocessing.shared_memory`` is left aside. Before Python 3.13 it tells the resource tracker of every attachment,
under a lock that a fork or a signal handler may find held, and the tracker then destroys what was only attached to. Its
``close()`` raises while a view is held, and leaves the descriptor open for good. Here the mapping has the descriptor,
views have the mapping, and both go with the last view. The resource tracker hears of new memory alone: it is what
removes the memory of a process that was killed.
"""

import contextlib
import errno
import mmap
import os
import stat
import sys
from collections import Counter
from collections.abc import Iterator
from multiprocessing import resource_tracker
from typing import Any

import numpy as np

from lpcurr.errors import LpcurrError, SegmentSpaceError

if sys.platform != "win32":
    import _posixshmem  # type: ignore[import-not-found]
    import fcntl

Bytes = np.ndarray[tuple[int], np.dtype[np.uint8]]

# What lies in /dev/shm may be anybody's link, pipe or folder; macOS knows no other flags than the usual ones.
_CAREFULLY = os.O_NOFOLLOW | os.O_NONBLOCK if sys.platform.startswith("linux") else 0
# What open() says of links, folders, sockets and devices; glibc makes EINVAL of a folder.
_NO_MEMORY = (errno.ELOOP, errno.EISDIR, errno.EINVAL, errno.ENXIO, errno.ENODEV)

_FULL = (
    "/dev/shm is full or small. Docker gives 64 MB unless run with --shm-size, and killed trainings leave theirs: "
    "`lpcurr sessions --reap` removes it. Otherwise lower num_active_tasks or set use_shared_memory=False"
)
_WAYS_ON = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: "`ulimit -f` limits the size of files, which shared memory is too",
    errno.ENOMEM: "`ulimit -v`, or the container, limits what this process may have",
    errno.EMFILE: "`ulimit -n` limits how many files a process may have open, and each pool takes one or two",
    errno.ENFILE: "the system has as many files open as it can",
}
_NOWHERE = dict.fromkeys(  # for what is to be made
    (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT),
    "/dev/shm is read-only, not there or not for this user. Have it mounted, or set use_shared_memory=False",
)

_made = Counter[str]()  # how often this process has made memory of a name, and not removed it; trackers do not count
_tracker_is_stuck = False  # in a forked child: its lock was held by a thread that stayed with the parent


class MemoryName:
    """A name of shared memory, and which memory it was when it was opened."""

    def __init__(self, name: str, descriptor: int) -> None:
        self.name, self._user = name, os.geteuid()
        self._identity = _identity(descriptor)

    def is_current(self) -> bool:
        """Return whether the name still leads there: a session may have ended, and another begun under its name."""
        with contextlib.suppress(OSError), opened(self.name) as descriptor:
            return _identity(descriptor) == self._identity
        return False

    def unlink(self, *, created: bool) -> None:
        """Remove the name; ``created``: by this process, so that the resource tracker is to forget it."""
        if os.geteuid() != self._user:
            return  # this process has changed its user; the resource tracker, which has not, removes it at the end
        if created and not _tracker_is_stuck:  # first: who takes the name next tells the tracker of it again
            _made[self.name] -= 1
            if not _made[self.name]:  # else the name is that of later memory, after somebody else had removed it
                del _made[self.name]
                resource_tracker.unregister(f"/{self.name}", "shared_memory")
        if self.is_current():
            unlink_memory(self.name)


def create_memory(name: str, size: int, hole: tuple[int, int]) -> tuple[MemoryName, Bytes]:
    """Make zeroed memory with all of its pages but those of a hole, from byte to byte; all of it, uint8[size]."""
    with space_needed(size, "memory"):
        descriptor = _open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR)
        try:
            _show_in_use(descriptor)
            _reserve(descriptor, 0, hole[0])
            _reserve(descriptor, hole[1], size)
            memory = MemoryName(name, descriptor), _mapped(descriptor)
            if not _tracker_is_stuck:
                resource_tracker.register(f"/{name}", "shared_memory")
                _made[name] += 1
        except BaseException:
            unlink_memory(name)
            raise
        finally:
            os.close(descriptor)
    return memory


def attach_memory(name: str) -> tuple[MemoryName, Bytes]:
    """Open memory that is there; all of it, uint8; raises as :func:`opened`."""
    with space_needed(0, "memory"), opened(name, os.O_RDWR) as descriptor:
        _show_in_use(descriptor)
        if os.fstat(descriptor).st_nlink == 0:
            raise FileNotFoundError(errno.ENOENT, "removed at this moment", name)
        return MemoryName(name, descriptor), _mapped(descriptor)


def reserve_memory(name: str, start: int, end: int) -> None:
    """Take the pages of a hole in memory that is there; raises ``SegmentSpaceError`` where there is no room."""
    with opened(name, os.O_RDWR) as descriptor, space_needed(end - start, "memory"):
        _reserve(descriptor, start, end)


@contextlib.contextmanager
def opened(name: str, flags: int = os.O_RDONLY) -> Iterator[int]:
    """Open this user's shared memory of that name; a descriptor.

    Raises:
        FileNotFoundError: there is none of that name.
        PermissionError: there is something of that name that is not this user's memory; its ``strerror`` says what.
    """
    try:
        descriptor = _open(name, flags)
    except OSError as error:
        if error.errno not in _NO_MEMORY:
            raise
        raise PermissionError(errno.EPERM, "it is a link, a folder or a socket, not shared memory", name) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PermissionError(errno.EPERM, "it is a pipe, a folder or a device, not shared memory", name)
        if status.st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, f"it belongs to user {status.st_uid}, this is user {os.geteuid()}", name)
        yield descriptor
    finally:
        os.close(descriptor)


def unlink_memory(name: str) -> None:
    """Remove a name, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        _posixshmem.shm_unlink(f"/{name}")


def _open(name: str, flags: int) -> int:
    if sys.platform == "win32":
        raise LpcurrError("pools in shared memory need POSIX; set use_shared_memory=False on Windows")
    descriptor: int = _posixshmem.shm_open(f"/{name}", flags | _CAREFULLY, mode=0o600)
    return descriptor


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _mapped(descriptor: int) -> Bytes:
    size = os.fstat(descriptor).st_size
    # The mapping has a descriptor of its own. An empty file cannot be mapped, and there is nothing to see in it.
    return np.frombuffer(mmap.mmap(descriptor, size) if size else b"", dtype=np.uint8)


def _show_in_use(descriptor: int) -> None:
    """Show that the memory is in use, for as long as this process or a fork of it has it open.

    Process ids tell that too, but not those of another container that shares the memory.
    """
    with contextlib.suppress(OSError):  # macOS locks files alone
        fcntl.flock(descriptor, fcntl.LOCK_SH)


def _reserve(descriptor: int, start: int, end: int) -> None:
    """Take the pages now: memory larger than /dev/shm would be made happily, and kill whoever touches it first."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, start, end - start)
    elif os.fstat(descriptor).st_size < end:
        os.ftruncate(descriptor, end)


@contextlib.contextmanager
def space_needed(size: int, what: str) -> Iterator[None]:
    """Say of what a block cannot have for want of room how that can be helped: ``SegmentSpaceError``."""
    try:
        yield
    except OSError as error:
        way_on = (_WAYS_ON | _NOWHERE if size else _WAYS_ON).get(error.errno or 0)
        if not way_on:
            raise
        wanted = f"{size / 2**20:.1f} MiB of {what}" if size else f"another pool's {what}"
        raise SegmentSpaceError(error.errno, f"shared memory has no room for {wanted}: {way_on}") from error


def _after_fork_in_child() -> None:
    global _tracker_is_stuck
    tracker: Any = getattr(resource_tracker, "_resource_tracker", None)
    lock: Any = getattr(tracker, "_lock", None)
    if lock is not None and not _tracker_is_stuck:
        if lock.acquire(blocking=False):
            lock.release()
        else:
            _tracker_is_stuck = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
