"""One thin module for each library that lpcurr plugs into; none is imported until it is asked for."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needs(library: str, message: str) -> Iterator[None]:
    """Say what is needed where an import inside fails for want of a library."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != library:
            raise
        raise ModuleNotFoundError(message, name=library) from error
