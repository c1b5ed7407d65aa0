"""Which processes are there, and what shared memory is called: the little that one needs to look at a session.

Nothing here needs numba, so that a command that only looks opens at once.
"""

import os
from functools import cache

NAME_PREFIX = "lpcurr_"
"""What the name of a session's shared memory begins with; the session id follows."""

SEVERAL_NAMESPACES = -1
"""``pid_namespace`` of a pool whose processes do not see each other's ids; else it is that of all of them."""


def process_start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; 0 where that cannot be known, None if it is not there.

    One that was killed and that its parent has not waited for, as in a container without an init process, is not.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
        return None if fields[0] in (b"Z", b"X") else int(fields[19])
    except (FileNotFoundError, ProcessLookupError):
        if os.path.isdir("/proc/self"):
            return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return 0


def own_start_time() -> int:
    """Return when this process started, as :func:`process_start_time` has it."""
    return _start_time_of(os.getpid())


@cache
def _start_time_of(pid: int) -> int:
    return process_start_time(pid) or 0


def process_is_alive(pid: int, start_time: int) -> bool:
    """Whether the process that had this id and start time is still there; not another that got its id since."""
    now = process_start_time(pid)
    return now is not None and (start_time == 0 or now == start_time)


def pid_namespace() -> int:
    """Return what identifies the PID namespace in which this process's id means this process; 0 where there are none.

    The inode of the namespace, which is unique on a running system, and a part of that system's boot id.
    """
    return _pid_namespace_of(os.getpid())


@cache
def _pid_namespace_of(pid: int) -> int:  # by process, since a forked child may be in another one
    try:
        inode = os.stat("/proc/self/ns/pid").st_ino
        with open("/proc/sys/kernel/random/boot_id") as boot_id:
            boot = int(boot_id.read(8), 16)
    except (OSError, ValueError):
        return 0
    return (boot & 0x7FFFFFFF) << 32 | inode & 0xFFFFFFFF
