"""The njit kernels: everything that touches a pool's segment, and nothing that knows of a curriculum.

=============  =====================================================================================================
``machine/``   what a kernel is made of: its compilation and cache, typed views into the segment, clock, random streams
``safety/``    the lock, the undo journal, replacing everything at once, fault points
``formulas``   the schedulers' formulas, compiled: one chain over all of them for each question
``indices/``   what follows from the truth columns: id → slot, active index, sums, trees, staleness, labels;
               ``following`` is the one place that keeps all of it up to date
``choosing/``  which task is played next, which one makes room
``calls/``     what Python calls, each one lock turn: ``episode``, ``upkeep``, ``checkpoints``, ``replay``; and what
               these are made of: ``tasks``, ``scores``, ``log``, ``repair``
=============  =====================================================================================================

Importing this package compiles nothing; :func:`compile_all` does, or loads what was compiled before.
``lpcurr help contributing`` says what is never done in here.
"""

import contextlib
import errno

from lpcurr.errors import ConfigError, SegmentSpaceError

with contextlib.suppress(ImportError):  # Windows has none
    import resource

    if 0 <= resource.getrlimit(resource.RLIMIT_AS)[0] < 2**29:  # glibc ends a process that loads numba's code in less
        raise SegmentSpaceError(errno.ENOMEM, "`ulimit -v` is under 512 MiB: numba and the kernels need more")
try:
    import numba  # noqa: F401 - reads its settings
except ValueError as error:
    raise ConfigError(f"numba cannot be imported with its settings in the environment, NUMBA_…: {error}") from None
from lpcurr.kernels.calls import batches, episode, replay, upkeep
from lpcurr.kernels.calls import checkpoints as restore
from lpcurr.kernels.machine.compiling import JIT, Kernel, compile_all

__all__ = ["JIT", "Kernel", "batches", "compile_all", "episode", "replay", "restore", "upkeep"]
