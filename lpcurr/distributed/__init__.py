"""Many machines: one curriculum over all nodes.

Each node has a pool in its shared memory, which its processes use as ever. What happens on it is its log; at a
:meth:`~lpcurr.distributed.replica.ReplicatedCurriculum.sync` the nodes exchange what is new, and each applies all
entries in one order to the pool of the last exchange. After that all pools have equal *truth*, to the bit: tasks with
all that is known of them, labels, and counters. In between, a node is ahead by its own entries. What each node has for
itself are its random streams, its session and what its processes count; and which tasks it may evict by their score:
those whose id falls to it.

A transport is what carries entries: see :mod:`lpcurr.distributed.transport`.
"""

from lpcurr.distributed.replica import ReplicatedCurriculum, join
from lpcurr.distributed.transport import Meeting, Transport

__all__ = ["Meeting", "ReplicatedCurriculum", "Transport", "join"]
