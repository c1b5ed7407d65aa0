"""Work that neither a signal handler nor a fork may cut in two, done in a thread of its own.

Python runs signal handlers in the main thread, between any two of its instructions, and what they raise (Ctrl-C) leaves
half of whatever was going on: machine code that is freed twice, shared memory that nobody knows of. A fork copies the
locks that other threads hold at that moment, and in the child nobody gives them back. Another thread is out of the
reach of the first, and forks wait for the end of its work. So the caller may be interrupted at any moment: the work is
finished all the same, and what it made is then garbage like any other.

No lock here can be found held by a signal handler: the main thread only ever waits for the other one's end.
"""

import _thread
import atexit
import contextlib
import functools
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")

_LOOK_AFTER = 1.0  # seconds of waiting after which the caller asks whether it was forked meanwhile

# Taken by the threads at work and by forks alone. Re-entrant, because a signal handler may fork inside a fork's hooks.
_gate = threading.RLock()
_owner: int | None = None  # the thread that has the gate, but for forks
_unfinished: list[threading.Lock] = []


def run_undisturbed(work: Callable[[], Result]) -> Result:
    """Return ``work()``, which is done to its end even where the caller is interrupted meanwhile.

    ``work`` must not wait for what the caller holds: no logging, and no lock of its own.

    >>> run_undisturbed(lambda: 6 * 7)
    42
    """
    if _owner == threading.get_ident() or sys.is_finalizing():  # at the very end, other threads are never run again
        return work()
    results: list[Result] = []
    errors: list[BaseException] = []
    done = threading.Lock()
    done.acquire()
    pid = os.getpid()

    def run() -> None:
        with forks_put_off():
            try:
                results.append(work())
            except BaseException as error:
                errors.append(error)
        done.release()
        _forget(done)

    try:
        _unfinished.append(done)
        _thread.start_new_thread(run, ())
    except BaseException as error:
        _forget(done)
        if isinstance(error, RuntimeError):  # no thread can be had, as at the interpreter's end
            return work()
        raise
    while not done.acquire(timeout=_LOOK_AFTER):
        if os.getpid() != pid:  # forked by a signal handler before the thread had begun: it stayed with the parent
            return work()
    if errors:
        raise errors.pop()
    return results.pop()


def undisturbed(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Make a function that is always done to its end."""

    @functools.wraps(function)
    def whole(*args: Arguments.args, **options: Arguments.kwargs) -> Result:
        return run_undisturbed(functools.partial(function, *args, **options))

    return whole


@contextlib.contextmanager
def forks_put_off() -> Iterator[None]:
    """Make forks, and undisturbed work, of other threads wait for the end of a block."""
    global _owner
    with _gate:
        before, _owner = _owner, threading.get_ident()
        try:
            yield
        finally:
            _owner = before


def _forget(done: threading.Lock) -> None:
    with contextlib.suppress(ValueError):  # interrupted after it began: it has forgotten itself
        _unfinished.remove(done)


def _wait_for_the_end() -> None:
    """At exit: the compiler cannot be left in the middle, and what was made is yet to be given back."""
    while _unfinished:
        time.sleep(0.001)


def _after_fork_in_child() -> None:
    _unfinished.clear()  # the threads stayed with the parent
    _gate.release()


weakref.finalize(run_undisturbed, int).detach()  # so that finalizers are run at exit after what is registered now
atexit.register(_wait_for_the_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_gate.acquire, after_in_parent=_gate.release, after_in_child=_after_fork_in_child)
