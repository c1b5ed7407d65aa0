"""What stands in for a pool that is closed, or that has no place for this process."""

from __future__ import annotations

from typing import NoReturn

from lpcurr.errors import AttachLimitError, PoolClosedError
from lpcurr.memory import layout


class ClosedWords:
    """The header of a closed pool, of which nothing can be read."""

    def __getitem__(self, index: int) -> NoReturn:
        raise_closed()


def raise_closed(*_: object) -> NoReturn:
    """Raise ``PoolClosedError``, in place of a call on a closed pool."""
    raise PoolClosedError("this curriculum is closed: attach again with lpcurr.attach(session_id), or make a new one")


def raise_no_record(*_: object) -> NoReturn:
    """Raise ``AttachLimitError``, in place of a call in a process that found no place in the pool."""
    raise AttachLimitError(
        f"{layout.PROCESS_CAPACITY} processes were attached to this pool when this one was forked, which is the limit"
    )
