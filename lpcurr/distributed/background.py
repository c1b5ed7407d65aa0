"""Exchanging every so many seconds, in a thread beside the training."""

import logging
import threading
from collections.abc import Callable

from lpcurr.errors import ExchangeError, LpcurrError

_logger = logging.getLogger("lpcurr")


class Background:
    """A thread that exchanges again and again, until it is stopped, another node leaves, or it fails with ``error``.

    ``exchange`` does it once, told whether this node leaves with it; whether there is to be another one.
    """

    def __init__(self, exchange: Callable[[bool], bool], seconds: float) -> None:
        self._exchange, self._seconds = exchange, seconds
        self._leaves, self._stops = False, threading.Event()
        self.error: LpcurrError | None = None
        self._thread = threading.Thread(target=self._run, name="lpcurr exchange", daemon=True)
        self._thread.start()

    def stop(self, *, leaves: bool) -> None:
        """Wait for the exchange that is under way, and end; after one more where this node ``leaves`` the others."""
        if threading.current_thread() is not self._thread:
            self._leaves = leaves
            self._stops.set()
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stops.wait(self._seconds):
                if not self._exchange(False):
                    return
            if self._leaves:
                self._exchange(True)
        except Exception as error:
            self.error = error if isinstance(error, LpcurrError) else ExchangeError(f"{type(error).__name__}: {error}")
            if self.error is not error:
                self.error.__cause__ = error
            _logger.warning("exchanges in the background have ended, the pool is this node's alone: %s", self.error)
