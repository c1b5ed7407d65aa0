"""What a node gives to an exchange, as bytes; from another node they may be anything."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from lpcurr.distributed.transport import Meeting
from lpcurr.errors import ExchangeError, shown
from lpcurr.memory.shared_memory import Bytes

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
