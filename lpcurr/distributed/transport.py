"""What carries entries between nodes, three functions; and what they carry, bytes, which may be anything elsewhere."""

import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from lpcurr.errors import ExchangeError, shown
from lpcurr.memory.shared_memory import Bytes


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


_ABOUT = {"place": str, "lost": int, "waited": float, "leaves": bool, "position": int}


def sealed(records: Bytes, about: dict[str, Any]) -> bytes:
    """Return a node's part of an exchange: its records, what it says of itself as JSON, and that text's size, int64."""
    text = json.dumps(about).encode()
    return records.tobytes() + text + len(text).to_bytes(8, "little")


@contextlib.contextmanager
def damage_told() -> Iterator[None]:
    """Turn what is raised by a part that no node of this version gives into ``ExchangeError``."""
    try:
        yield
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ExchangeError(
            f"what a node gave is damaged, or of another version of lpcurr ({error}); this node's entries are kept: "
            "meet() anew"
        ) from None


def all_opened(parts: list[bytes], own: bytes, meeting: Meeting | None) -> list[tuple[Bytes, dict[str, Any]]]:
    """Return the records of each node, and what it says of itself."""
    assert meeting is not None
    with damage_told():
        if len(parts) != meeting.nodes or parts[meeting.node] != own:
            raise ValueError(f"{len(parts)} parts, of {meeting.nodes} nodes and this one's own")
        return list(map(_opened, parts))


def _opened(part: bytes) -> tuple[Bytes, dict[str, Any]]:
    end = len(part) - 8
    start = end - int.from_bytes(part[end:], "little")
    about = json.loads(part[start:end] if start >= 0 else b"")
    if not all(type(about[name]) is kind for name, kind in _ABOUT.items()):
        raise ValueError(f"of itself it says {shown(about)}")
    return np.frombuffer(part, dtype=np.uint8)[:start], about


def check_positions(nodes: list[dict[str, Any]]) -> None:
    """Raise ``ExchangeError`` unless all nodes have seen equally many exchanges."""
    if len({of_node["position"] for of_node in nodes}) > 1:
        each = ", ".join(f"{of_node['place']} at exchange {of_node['position']}" for of_node in nodes)
        raise ExchangeError(f"the nodes are not at the same exchange ({each}): meet() anew on all of them")
