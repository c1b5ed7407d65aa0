"""Exchange by a named Ray actor, in the order of the nodes' numbers.

The actor holds what came until the last node has come, and nothing else: Ray restarts it where it dies, anywhere in the
cluster, and the nodes meet anew.
"""

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

NAMESPACE = "lpcurr"  # the same in all jobs of a cluster, whose own differ
_GRACE = 5.0  # seconds for an answer on its way, beyond the actor's own timeout


class _Meeting:
    """Nodes that have met, and the one gathering that they are at."""

    def __init__(self, nodes: int) -> None:
        self.key, self.nodes, self.opening = uuid.uuid4().hex, nodes, True
        self.names: dict[int, str] = {}
        self.left: set[int] = set()
        self.begin()

    def begin(self) -> None:
        self.parts: dict[int, bytes] = {}
        self.result: asyncio.Future[list[bytes] | str] = asyncio.get_running_loop().create_future()


class _Gatherer:
    """What the actor runs: it gives every node the parts of all, or the reason why not, the same to each."""

    def __init__(self) -> None:
        self._meeting: _Meeting | None = None

    async def gather(
        self, key: str, node: int, nodes: int, name: str, part: bytes, timeout: float
    ) -> tuple[str, list[bytes] | str]:
        """Wait for all nodes; without the key of a meeting for a new one, whose key is returned beside the parts."""
        meeting = self._meeting
        if not key:
            if meeting is None or not meeting.opening or meeting.nodes != nodes:
                if meeting is not None:
                    meeting.result.set_result(f"node {node} ({name}) meets {nodes} nodes anew")
                meeting = self._meeting = _Meeting(nodes)
            meeting.names[node] = name
        elif meeting is None or key != meeting.key:
            return key, "the actor was restarted, or others have missed this node or met anew"
        parts, result = meeting.parts, meeting.result
        parts[node] = part
        if len(parts) == nodes:
            result.set_result([parts[each] for each in range(nodes)])
            meeting.opening = False
            meeting.begin()
        await asyncio.wait([result], timeout=timeout)
        if not result.done():
            missing = [
                f"{each} ({meeting.names.get(each, 'never seen')})" for each in range(nodes) if each not in parts
            ]
            result.set_result(f"after {timeout:g} s there was nothing from node {', '.join(missing)}")
            self._meeting = None
        return meeting.key, result.result()

    async def leave(self, key: str, node: int) -> bool:
        """Return whether this node was the last of the meeting."""
        if self._meeting is None or self._meeting.key != key:
            return False
        self._meeting.left.add(node)
        return len(self._meeting.left) == self._meeting.nodes


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

    meets_anew = True

    def __init__(self, name: str, node: int, nodes: int, timeout: float = 300.0) -> None:
        if not 0 <= node < nodes:
            raise ValueError(f"node={node} is none of nodes={nodes}: give each a number from 0 to {nodes - 1}")
        self._name, self._node, self._nodes, self._timeout = name, node, nodes, timeout
        self._key = ""

    def meet(self, position: int, checkpoint: Callable[[], bytes]) -> Meeting:
        """See :class:`Transport`."""
        self._key = ""
        self._find_actor()
        return agree(self._gather, self._node, position, checkpoint)

    def exchange(self, position: int, entries: bytes) -> list[bytes]:
        """See :class:`Transport`; one call of the actor."""
        return self._gather(entries)

    def close(self) -> None:
        """See :class:`Transport`; the last node ends the actor."""
        if not (self._key and ray.is_initialized()):
            return
        try:
            if ray.get(self._actor.leave.remote(self._key, self._node), timeout=_GRACE):
                ray.kill(self._actor)
        except RayError:  # it is being restarted, with nobody in it
            pass

    def _find_actor(self) -> None:
        """Get the actor, or make it, and wait until it answers, which takes a while after it died."""
        deadline = time.monotonic() + self._timeout
        options = {"name": self._name, "namespace": NAMESPACE, "lifetime": "detached", "get_if_exists": True}
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
        answer = self._actor.gather.remote(self._key, self._node, self._nodes, name, part, self._timeout)
        try:
            self._key, parts = ray.get(answer, timeout=self._timeout + _GRACE)
        except RayError as error:
            raise ExchangeError(
                f"the actor {self._name!r} did not answer; this node's entries are kept: {error}"
            ) from error
        if isinstance(parts, str):
            raise ExchangeError(f"{parts}; this node's entries are kept: meet() anew")
        return list(parts)
