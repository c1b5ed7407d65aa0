"""One curriculum for all env runners of a Ray cluster, on whichever node they are.

The driver starts an actor on each node, which has the pool in its shared memory and exchanges with the others; an env
runner attaches to that of its own node. RLlib's new API stack takes :meth:`ClusterCurriculum.on_train_result`.
"""

import os
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from lpcurr.curriculum.attach import attach
from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.distributed.ray_actor import NAMESPACE, RayActor
from lpcurr.distributed.replica import join
from lpcurr.errors import SessionNotFoundError
from lpcurr.generators import TaskSource


class _Node:
    """What runs on each node: it speaks for it."""

    def __init__(self, transport: RayActor, arguments: dict[str, Any]) -> None:
        self._curriculum = join(transport=transport, **arguments)

    def session_id(self) -> str | None:
        return self._curriculum.session_id

    def sync(self) -> None:
        self._curriculum.sync()

    def end_epoch(self) -> dict[str, float]:
        figures = self._curriculum.stats()
        self._curriculum.on_epoch_end()
        return figures

    def save(self, path: str) -> None:
        self._curriculum.save(path)

    def close(self) -> None:
        self._curriculum.close()
        self._curriculum.unlink()


class ClusterCurriculum:
    """The driver's hold on a curriculum that all nodes of the cluster share; can be pickled.

    Args:
        name: the curriculum's, no other's in this cluster.
        config: of the whole curriculum.
        task_generator: as for :class:`lpcurr.Curriculum`.
        sync_every: seconds between two exchanges in the background; None: one after each :meth:`on_train_result`.
        checkpoint: what :meth:`save` wrote, in a cluster of however many nodes; on the driver's machine.
        timeout: seconds that an exchange waits for the slowest node.

    Raises:
        ExchangeError: not all nodes came in time.
    """

    def __init__(
        self,
        name: str,
        config: CurriculumConfig,
        task_generator: TaskSource | None = None,
        *,
        sync_every: float | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        timeout: float = 300.0,
    ) -> None:
        own = ray.get_runtime_context().get_node_id()
        others = sorted(node["NodeID"] for node in ray.nodes() if node["Alive"] and node["NodeID"] != own)
        self._name, self._nodes, self._syncs = name, [own, *others], sync_every is None
        arguments: dict[str, Any] = {"config": config, "task_generator": task_generator, "sync_every": sync_every}
        arguments["checkpoint"] = None if checkpoint is None else str(Path(checkpoint).resolve())
        made = []
        for number, node in enumerate(self._nodes):
            place = NodeAffinitySchedulingStrategy(node, soft=False)
            options = {
                "name": _name_of(name, node),
                "namespace": NAMESPACE,
                "num_cpus": 0,
                "scheduling_strategy": place,
            }
            transport = RayActor(name, number, len(self._nodes), timeout)
            made.append(ray.remote(_Node).options(**options, lifetime="detached").remote(transport, arguments))
        self._each(made, "session_id")

    def attach(self, task_generator: TaskSource | None = None) -> Curriculum:
        """Attach to the pool of the node that this process is on, in an env runner or anywhere in the cluster.

        Raises:
            SessionNotFoundError: this node has joined the cluster after the curriculum was made.
        """
        node = ray.get_runtime_context().get_node_id()
        if node not in self._nodes:
            raise SessionNotFoundError(
                f"curriculum {self._name!r} is not on node {node}, which joined later: make it when all nodes are there"
            )
        (session_id,) = self._each([self._actor(node)], "session_id")
        return attach(session_id, task_generator)

    def on_train_result(self, *, result: dict[str, Any], **_: Any) -> None:
        """End an epoch, and put the curriculum's figures into ``result["curriculum"]``: for ``config.callbacks()``."""
        if self._syncs:
            self.sync()
        (result["curriculum"],) = self._each([self._actor(self._nodes[0])], "end_epoch")

    def sync(self) -> None:
        """Exchange entries between all nodes now."""
        self._each(self._actors(), "sync")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint of the whole on the driver's machine; one node or many can go on from it."""
        self._each([self._actor(self._nodes[0])], "save", str(Path(path).resolve()))

    def close(self) -> None:
        """End the curriculum on all nodes."""
        actors = self._actors()
        self._each(actors, "close")
        for actor in actors:
            ray.kill(actor)

    def _actor(self, node: str) -> Any:
        return ray.get_actor(_name_of(self._name, node), namespace=NAMESPACE)

    def _actors(self) -> list[Any]:
        return [self._actor(node) for node in self._nodes]

    @staticmethod
    def _each(actors: list[Any], method: str, *arguments: Any) -> list[Any]:
        return list(ray.get([getattr(actor, method).remote(*arguments) for actor in actors]))


def _name_of(curriculum: str, node: str) -> str:
    return f"{curriculum} on {node}"
