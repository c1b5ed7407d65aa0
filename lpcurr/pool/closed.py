"""What stands in for a pool that is closed, or that has no place for this process."""

from __future__ import annotations

from typing import NoReturn

from lpcurr.errors import LpcurrError, PoolClosedError


class ClosedWords:
    """The header of a closed pool, of which nothing can be read."""

    def __getitem__(self, index: int) -> NoReturn:
        raise_closed()


def raise_closed(*_: object) -> NoReturn:
    """Raise ``PoolClosedError``, in place of a call on a closed pool."""
    raise PoolClosedError("this curriculum is closed: attach again with lpcurr.attach(session_id), or make a new one")


def raise_again(error: LpcurrError, *_: object) -> NoReturn:
    """Raise an error of this kind, in place of a call in a process that found no place in the pool."""
    raise type(error)(*error.args)
