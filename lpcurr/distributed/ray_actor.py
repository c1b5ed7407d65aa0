"""Exchange by a named Ray actor, in the order of the nodes' numbers.

The actor holds what came until the last node has come, and nothing else: Ray restarts it where it dies, anywhere in the
cluster, and the nodes meet anew.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
import uuid
from collections.abc import Callable

import ray
from ray.exceptions import RayError

from lpcurr.distributed.transport import Meeting, Transport, agree
from lpcurr.errors import ExchangeError

_NAMESPACE = "lpcurr"  # the same in all jobs of a cluster, whose own differ
_GRACE = 5.0  # seconds for an answer on its way, beyond the actor's own timeout


class _Round:
    """One gathering of something from every node."""

    def __init__(self, nodes: int) -> None:
        self.parts: dict[int, bytes] = {}
        self.nodes = nodes
        self.result: asyncio.Future[list[bytes] | str] = asyncio.get_running_loop().create_future()


class _Gatherer:
    """What the actor runs: it gives every node the parts of all, or the reason why not, the same to each."""

    def __init__(self) -> None:
        self._end("")

    def _end(self, reason: str, meeting: str = "") -> None:
        """End the meeting, if there is one: nobody waits on, and who comes later meets anew."""
        if getattr(self, "_round", None) and not self._round.result.done():
            self._round.result.set_result(reason)
        self._meeting, self._opening = meeting, True
        self._names: dict[int, str] = {}
        self._left: set[int] = set()

    async def gather(
        self, meeting: str, node: int, nodes: int, name: str, part: bytes, timeout: float
    ) -> tuple[str, list[bytes] | str]:
        """Wait for all nodes; without a meeting, for a new one, whose name is returned beside the parts."""
        if not meeting:
            if not (self._meeting and self._opening and self._round.nodes == nodes):
                self._end(f"node {node} ({name}) meets {nodes} nodes anew", uuid.uuid4().hex)
                self._round = _Round(nodes)
            self._names[node] = name
        elif meeting != self._meeting:
            return meeting, "the actor was restarted, or others have missed this node or met anew"
        here, meeting = self._round, self._meeting
        here.parts[node] = part
        if len(here.parts) == nodes:
            here.result.set_result([here.parts[each] for each in range(nodes)])
            self._round, self._opening = _Round(nodes), False
        await asyncio.wait([here.result], timeout=timeout)
        if not here.result.done():
            missing = [
                f"{each} ({self._names.get(each, 'never seen')})" for each in range(nodes) if each not in here.parts
            ]
            self._end(f"after {timeout:g} s there was nothing from node {', '.join(missing)}")
        return meeting, here.result.result()

    async def leave(self, meeting: str, node: int) -> bool:
        """Return whether this node was the last of the current meeting."""
        self._left.add(node)
        return meeting == self._meeting and len(self._left) == self._round.nodes


class RayActor(Transport):
    """One of several nodes of a Ray cluster, in whichever process makes this object: a task, an actor, a driver.

    Args:
        name: the actor's, the same on all nodes, and no other curriculum's in this cluster.
        node: which node this one is, from 0 up; entries are applied in this order.
        nodes: how many there are.
        timeout: seconds that an exchange waits for the slowest node.

    Raises:
        ValueError: the node is none of so many.
    """

    def __init__(self, name: str, node: int, nodes: int, timeout: float = 300.0) -> None:
        if not 0 <= node < nodes:
            raise ValueError(f"node={node} is none of nodes={nodes}: give each a number from 0 to {nodes - 1}")
        self._name, self._node, self._nodes, self._timeout = name, node, nodes, timeout
        self._meeting = ""

    def meet(self, position: int, checkpoint: Callable[[], bytes]) -> Meeting:
        """See :class:`Transport`."""
        self._meeting = ""
        self._find_actor()
        return agree(self._gather, self._node, position, checkpoint)

    def exchange(self, position: int, entries: bytes) -> list[bytes]:
        """See :class:`Transport`; one call of the actor."""
        return self._gather(entries)

    def close(self) -> None:
        """See :class:`Transport`; the last node ends the actor."""
        if not (self._meeting and ray.is_initialized()):
            return
        try:
            if ray.get(self._actor.leave.remote(self._meeting, self._node), timeout=_GRACE):
                ray.kill(self._actor)
        except RayError:  # it is being restarted, with nobody in it
            pass

    def _find_actor(self) -> None:
        """Get the actor, or make it, and wait until it answers, which takes a while after it died."""
        deadline = time.monotonic() + self._timeout
        options = {"name": self._name, "namespace": _NAMESPACE, "lifetime": "detached", "get_if_exists": True}
        gatherer = ray.remote(_Gatherer).options(**options, max_restarts=-1, num_cpus=0)
        while True:
            try:
                self._actor = gatherer.remote()
                ray.get(self._actor.__ray_ready__.remote(), timeout=max(deadline - time.monotonic(), 0))
                return
            except RayError as error:
                if time.monotonic() > deadline:
                    raise ExchangeError(f"the actor {self._name!r} did not start: {error}") from error
                time.sleep(0.1)

    def _gather(self, part: bytes) -> list[bytes]:
        """Give every node's part to all, in their order."""
        name = f"{socket.gethostname()}, process {os.getpid()}"
        answer = self._actor.gather.remote(self._meeting, self._node, self._nodes, name, part, self._timeout)
        try:
            self._meeting, parts = ray.get(answer, timeout=self._timeout + _GRACE)
        except RayError as error:
            raise ExchangeError(
                f"the actor {self._name!r} did not answer; this node's entries are kept: {error}"
            ) from error
        if isinstance(parts, str):
            raise ExchangeError(f"{parts}; this node's entries are kept: meet() anew")
        return list(parts)
