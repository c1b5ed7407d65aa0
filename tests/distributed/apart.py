"""Processes that share no memory and no network but a wire: for Linux, as root."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Callable, Iterator

_MOUNTS, _NETWORK = 0x00020000, 0x40000000
_PRIVATE = 1 << 18 | 1 << 14  # with all that is mounted below


class Wires:
    """A network namespace for each node, all on one bridge; or none, where that is not permitted.

    Attributes:
        addresses: of each node; empty where all share this machine's network.
    """

    def __init__(self, nodes: int) -> None:
        self.addresses = [f"10.213.77.{node + 1}" for node in range(nodes)]
        self._name = f"lpc{os.getpid() % 100_000}"

    def lay(self) -> bool:
        """Lay them; whether that is permitted."""
        try:
            _ip(f"link add {self._name} type bridge")
            _ip(f"link set {self._name} up")
            for node, address in enumerate(self.addresses):
                space, end = self._space(node), f"{self._name}v{node}"
                _ip(f"netns add {space}")
                _ip(f"link add {end} type veth peer name eth0 netns {space}")
                _ip(f"link set {end} master {self._name} up")
                _ip(f"-n {space} address add {address}/24 dev eth0")
                _ip(f"-n {space} link set eth0 up")
                _ip(f"-n {space} link set lo up")
        except (OSError, subprocess.CalledProcessError):
            self.cut()
            self.addresses = []
        return bool(self.addresses)

    def cut(self) -> None:
        """Take them away."""
        for command in (*(f"netns delete {self._space(node)}" for node in range(len(self.addresses))), self._bridge()):
            with contextlib.suppress(OSError, subprocess.CalledProcessError):
                _ip(command)

    def enter(self, node: int) -> None:
        """Put this process, which has one thread, at the end of a node's wire."""
        if self.addresses:
            with open(f"/run/netns/{self._space(node)}") as space:
                _check(_libc().setns(space.fileno(), _NETWORK))
            os.environ["GLOO_SOCKET_IFNAME"] = "eth0"
        else:
            os.environ["GLOO_SOCKET_IFNAME"] = "lo"

    def _space(self, node: int) -> str:
        return f"{self._name}n{node}"

    def _bridge(self) -> str:
        return f"link delete {self._name}"


@contextlib.contextmanager
def wires(nodes: int) -> Iterator[Wires]:
    """Lay wires between nodes for as long as the context lasts."""
    made = Wires(nodes)
    made.lay()
    try:
        yield made
    finally:
        made.cut()


def leave_shared_memory() -> None:
    """Give this process, which has one thread, a ``/dev/shm`` of its own."""
    libc = _libc()
    _check(libc.unshare(_MOUNTS))
    _check(libc.mount(b"none", b"/", None, _PRIVATE, None))
    _check(libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", 0, None))


def fork(run: Callable[[], None]) -> int:
    """Run something in a child, which ends with it: its process id. What the parent has imported is there at once."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            run()
            code = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)
    return child


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(status: int) -> None:
    if status != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _ip(arguments: str) -> None:
    subprocess.run(["ip", *arguments.split()], check=True, capture_output=True)
