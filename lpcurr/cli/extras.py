"""A missing extra is one clear line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lpcurr.errors import LpcurrError

_PACKAGES = {"train": {"gymnasium", "rich", "matplotlib", "omegaconf", "yaml"}, "top": {"rich", "textual"}}


class MissingExtraError(LpcurrError, ImportError):
    """A command needs packages that are not installed."""


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Say which extra to install where an import inside fails for want of it.

    Raises:
        MissingExtraError: a package of the extra is not installed.
    """
    try:
        yield
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _PACKAGES[extra]:
            raise
        raise MissingExtraError(f'this needs {package}: pip install "lpcurr[{extra}]"') from None
