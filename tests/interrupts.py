"""Ctrl-C at each moment of some work, one after the other."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType


def interrupted(work: Callable[[], object], call: int) -> bool:
    """Do work, with ``KeyboardInterrupt`` where its so-manyth call begins, or that of C ends; whether there was one.

    There Python runs signal handlers, and at the end of each turn of a loop. In a finalizer it is swallowed.
    """
    left = call

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal left
        left -= event in ("call", "c_return")
        if left == 0:
            sys.setprofile(None)
            raise KeyboardInterrupt

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(before)
    return left <= 0
