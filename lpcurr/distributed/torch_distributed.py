"""Exchange by ``torch.distributed``, in the order of ranks.

It stands beside whatever process group a trainer has, with groups of its own on gloo, over all ranks of the default
one. Ranks that share a machine's ``/dev/shm`` are one node: the least of them speaks, the others attach to its session.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import torch.distributed as dist

from lpcurr.distributed.transport import Meeting, Transport, agree
from lpcurr.errors import ExchangeError
from lpcurr.memory.processes import pid_namespace


class TorchDistributed(Transport):
    """The ranks of the default process group, which must be initialised; every one of them makes this object.

    Args:
        timeout: seconds that an exchange waits for the slowest node.
    """

    def __init__(self, timeout: float = 300.0) -> None:
        self._timeout = timedelta(seconds=timeout)
        self._all = dist.new_group(backend="gloo", timeout=self._timeout)
        self._machines: list[Any] = _gather(_machine(), self._all)
        speakers = [rank for rank, machine in enumerate(self._machines) if self._machines.index(machine) == rank]
        self._group = dist.new_group(speakers, backend="gloo", timeout=self._timeout)
        self._speakers = speakers
        self.speaks = dist.get_rank() in speakers

    def share_session(self, session_id: str | None) -> str | None:
        sessions = _gather(session_id, self._all)
        shared: str | None = sessions[self._machines.index(_machine())]
        return shared

    def meet(self, position: int, checkpoint: Callable[[], bytes]) -> Meeting:
        self._wait_for_all()
        return agree(self._gather, self._speakers.index(dist.get_rank()), position, checkpoint)

    def exchange(self, position: int, entries: bytes) -> list[bytes]:
        self._wait_for_all()
        return self._gather(entries)

    def close(self) -> None:
        """See :class:`Transport`; the trainer's own group is left alone."""

    def _wait_for_all(self) -> None:
        """Wait until all nodes are here: node 0's error names those that are not, the others' whom they waited for."""
        with _errors():
            dist.monitored_barrier(self._group, self._timeout, wait_all_ranks=True)

    def _gather(self, content: bytes) -> list[bytes]:
        """Give every node's bytes to all, in the order of their ranks."""
        return _gather(content, self._group)


def _gather(thing: object, group: Any) -> list[Any]:
    things: list[Any] = [None] * dist.get_world_size(group)
    with _errors():
        dist.all_gather_object(things, thing, group=group)
    return things


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """Turn torch's errors, timeouts and broken connections, into ``ExchangeError``."""
    try:
        yield
    except RuntimeError as error:
        raise ExchangeError(f"not all nodes answered; this node's entries are kept: {error}") from error


def _machine() -> tuple[str, int, int]:
    """What is equal in processes that can share a pool: the machine's boot, its shared memory, their process ids."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            boot = file.read()
    except OSError:
        boot = os.uname().nodename
    shared = os.stat("/dev/shm").st_dev if os.path.exists("/dev/shm") else 0
    return boot, shared, pid_namespace()
