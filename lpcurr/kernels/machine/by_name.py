"""Kernels that other kernels call by name: compiled once, and not into each of their callers.

What eight kernels call (an eviction, a new task, a repair) was optimised eight times, which was a quarter
of all compilation. A call by name takes some 2 ns: what a batch does in 20 stays in its loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from lpcurr.kernels.machine.compiling import JIT, Kernel, helper
from lpcurr.kernels.machine.views import address


def by_name(kernel: Kernel, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a helper that calls a kernel, whose first argument is the segment's address, by its symbol.

    Args:
        kernel: what has the symbol.
        function: the same for a segment, which stands in where JIT is disabled.
    """
    if not JIT:
        return function
    external = types.ExternalFunction(str(kernel.symbol), kernel.signature)

    @helper
    def call(segment, *rest):
        return external(address(segment, 0), *rest)

    return call
