"""What carries entries between nodes: three functions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple


class Meeting(NamedTuple):
    """What the nodes have agreed on."""

    node: int  # which node this one is, from 0 up
    nodes: int  # how many there are
    position: int  # exchanges that the pool has seen from which all go on
    checkpoint: bytes | None  # that pool, as a checkpoint file's content, for a node that has another one


def agree(gather: Callable[[bytes], list[bytes]], node: int, position: int, checkpoint: Callable[[], bytes]) -> Meeting:
    """Meet by a function that gives every node's bytes to all, in the order of nodes."""
    positions = [
        int.from_bytes(each, "little", signed=True) for each in gather(position.to_bytes(8, "little", signed=True))
    ]
    newest = max(positions)
    source = positions.index(newest)
    needs_it = [each < newest or newest < 0 for each in positions]
    given = gather(checkpoint() if node == source and any(needs_it) else b"")[source]
    return Meeting(node, len(positions), max(newest, 0), given if needs_it[node] and node != source else None)


class Transport(ABC):
    """Carries entries between nodes, by one process of each.

    Where several processes of a machine make a transport, one of them ``speaks`` for the node, and the others attach to
    its session.

    Attributes:
        speaks: whether this process does.
        meets_anew: whether :meth:`meet` can follow an exchange that failed, without a new transport.
    """

    speaks: bool = True
    meets_anew: bool = False

    def share_session(self, session_id: str | None) -> str | None:
        """Tell the node's other processes the session's id; they give None, and get it."""
        return session_id

    @abstractmethod
    def meet(self, position: int, checkpoint: Callable[[], bytes]) -> Meeting:
        """Join the other nodes, for the first time or anew.

        Args:
            position: exchanges that this node's pool has seen; -1 for one that was never shared.
            checkpoint: gives that pool, for nodes that lack it. All go on from a pool of the greatest position.

        Raises:
            ExchangeError: not all came in time.
        """

    @abstractmethod
    def exchange(self, position: int, entries: bytes) -> list[bytes]:
        """Hand over this node's new entries.

        Args:
            position: exchanges that its pool has seen.
            entries: records of the log.

        Returns:
            The entries of all nodes, this one's among them, in the one order in which every node applies them.

        Raises:
            ExchangeError: not all nodes answered in time; it names those that did not.
        """

    @abstractmethod
    def close(self) -> None:
        """Leave the other nodes."""
