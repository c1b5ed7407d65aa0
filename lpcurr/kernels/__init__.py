"""The njit kernels: everything that touches a pool's segment, and nothing that knows of a curriculum.

=====================  ===================================================================================
``views``              typed views into the segment
``mutex, repair``      the lock; rebuilding derived state; what a new owner does after a dead one
``journal``            the undo journal
``replacement``        replacing everything at once, which is more than the journal holds
``random``             a random stream for each process
``slots, trees``       id → slot, free slots, active index; the eviction tournament and the sum tree
``moments``            running mean and deviation
``learning_progress``  what a score changes; progress, z-score, sigmoid
``labels``             interned label strings
``draw, eviction``     which task is played next, which one goes
``tasks``              creating, updating and removing a task
``episode, …``         what Python calls: ``episode``, ``upkeep``, ``restore``
=====================  ===================================================================================

Importing this package compiles nothing; :func:`compile_all` does, or loads what was compiled before.
"""

from __future__ import annotations

from lpcurr.kernels.calls import checkpoints as restore
from lpcurr.kernels.calls import distinct, episode, upkeep
from lpcurr.kernels.machine.compiling import JIT, Kernel, compile_all

__all__ = ["JIT", "Kernel", "compile_all", "distinct", "episode", "restore", "upkeep", "warmup"]


def warmup() -> None:
    """Compile every kernel for this machine, or load them where that was done before.

    >>> warmup()
    """
    compile_all()
