"""How kernels are compiled, and when: on first use, once on a machine, by one process at a time.

``@helper`` marks a function that other kernels call; it is compiled with its callers. ``@kernel(signature)`` marks one
that Python calls: it has one explicit signature, is loaded from the cache or compiled by :func:`compile_all`, and is
then called through its compiled entry point. That skips the dispatcher, which would look at the type of each argument
again at every call: 86 ns instead of 182 ns measured for three arguments. The price is that nobody checks types any
more, so :mod:`lpcurr.pool.pool` is the only caller.

Machine code is kept on disk (:mod:`lpcurr.kernels.machine.cache`), and is loaded and compiled out of the reach of
signal handlers and forks: an interrupt in the middle of either frees memory twice.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, TypeVar, cast

import llvmlite.binding
import numba
from numba import types
from numba.core import config as numba_config

from lpcurr.kernels.machine._helper_compiler import helper_options, take_no_literals
from lpcurr.kernels.machine.cache import KernelCache
from lpcurr.kernels.machine.segment_type import parse_signature
from lpcurr.kernels.machine.settings import ROBUST_MUTEX
from lpcurr.memory.lock_files import guarded
from lpcurr.memory.undisturbed import run_undisturbed

_logger = logging.getLogger("lpcurr")

Function = TypeVar("Function", bound=Callable[..., Any])

# fastmath would break isnan; parallel would break fork.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}

_settings: Any = numba_config
_njit: Any = numba.njit  # its stubs leave out the two wrapper options
JIT = not _settings.DISABLE_JIT


def helper(function: Function) -> Function:
    """Compile a function into the kernels that call it."""
    return _helper(function)


def inlined(function: Function) -> Function:
    """Compile a function into its callers without a call, as LLVM does not do by itself: for the steps of an episode.

    A call saves and restores a dozen registers; the eleven on an update's way were a fifth of its time.
    """
    return _helper(function, forceinline=True)


def _helper(function: Function, **options: Any) -> Function:
    options |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, **helper_options(), **_OPTIONS}
    compiled = _njit(**options)(function)
    take_no_literals(compiled)
    return cast("Function", compiled)


class Kernel:
    """A function that Python calls: one signature, compiled on first use, called through its entry point.

    Attributes:
        function: what it was made from.
    """

    registry: list[Kernel] = []  # noqa: RUF012 - shared on purpose: every kernel of the package

    def __init__(self, function: Callable[..., Any], signature: str, symbol: str | None) -> None:
        self.function = function
        self.signature = parse_signature(signature)
        self.symbol = symbol
        self._entry: Callable[..., Any] | None = None if JIT else _safe(function)
        self._dispatcher: Any = _njit(no_cfunc_wrapper=symbol is None, **_OPTIONS)(function)
        self._result: Any = None
        Kernel.registry.append(self)

    @property
    def entry(self) -> Callable[..., Any]:
        """The compiled function; takes exactly the types of the signature and does not check them.

        Loaded when it is first asked for: most processes need few kernels, and each takes 10 ms.
        """
        if self._entry is None:
            compile_all()  # also what this kernel may call by name
            with contextlib.closing(_Compilation()) as compilation:
                self._load(run_undisturbed(self._cache), compilation)
        assert self._entry is not None
        return self._entry

    def prepare(self, compilation: _Compilation) -> None:
        """See to it that the cache has the machine code; load it at once where other kernels call it by name."""
        cache = run_undisturbed(self._cache)
        if self.symbol is not None or (cache.folder is not None and not run_undisturbed(cache.has)):
            self._load(cache, compilation)

    def _cache(self) -> KernelCache:
        return KernelCache(self.function, self.signature, self._dispatcher.targetctx)

    def _load(self, cache: KernelCache, compilation: _Compilation) -> None:
        there = run_undisturbed(lambda: self._load_kept(cache))
        if not there:
            compilation.begin(cache.folder)
            there = run_undisturbed(lambda: self._load_kept(cache))  # another process may just have compiled it
        if not there:
            if cache.folder is not None:
                compilation.announce()
            run_undisturbed(lambda: cache.save(self._compile()))
        cache.say_problem()

    def _load_kept(self, cache: KernelCache) -> bool:
        """Load the machine code that is kept; whether there is any, or some has been loaded already."""
        if self._entry is None:
            compiled = cache.load()
            if compiled is not None:
                self._use(compiled)
        return self._entry is not None

    def _compile(self) -> Any:
        if not self._dispatcher.signatures:
            with _no_garbage_collection():
                self._dispatcher.compile(self.signature)
        compiled = self._dispatcher.overloads[self._dispatcher.signatures[0]]
        self._use(compiled)
        return compiled

    def _use(self, compiled: Any) -> None:
        """Call this machine code from now on."""
        self._result = compiled  # which owns it
        if self.symbol is not None:
            c_name = compiled.fndesc.llvm_cfunc_wrapper_name
            llvmlite.binding.add_symbol(self.symbol, compiled.library.get_pointer_to_function(c_name))
        self._entry = _safe(compiled.entry_point)


def _safe(entry: Callable[..., Any]) -> Callable[..., Any]:
    """What Python calls: the kernel itself where it takes the lock, else the kernel with a lock around it."""
    return entry if ROBUST_MUTEX else guarded(entry)


def kernel(signature: str) -> Callable[[Callable[..., Any]], Kernel]:
    """Mark a function that Python calls, with its one numba signature, in which ``segment`` stands for the segment."""

    def mark(function: Callable[..., Any]) -> Kernel:
        return Kernel(function, signature, None)

    return mark


def by_name(signature: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark a function that several kernels call, to be compiled once and not into each of them.

    What eight kernels call (an eviction, a new task, a repair) was optimised eight times, which was a quarter of all
    compilation. A call by name takes some 2 ns: what a batch does in 20 stays in its loop.
    """

    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        symbol = f"lpcurr_{function.__name__.lstrip('_')}"
        signed = Kernel(function, signature, symbol).signature
        external: Any = types.ExternalFunction(symbol, signed) if JIT else function
        return cast("Callable[..., Any]", external)

    return mark


class _Compilation:
    """One run over all kernels: notices the first one that is missing from the cache."""

    def __init__(self) -> None:
        self.started: float | None = None
        self._lock_file: Any = None

    def begin(self, folder: str | None) -> None:
        """Wait until no other process compiles; called at every kernel that the cache does not have."""
        if self._lock_file is None and folder is not None:
            with contextlib.suppress(ImportError, OSError):  # no fcntl on Windows: compile without waiting
                import fcntl

                os.makedirs(folder, exist_ok=True)
                self._lock_file = open(os.path.join(folder, "lpcurr-kernels.lock"), "a")  # noqa: SIM115
                fcntl.flock(self._lock_file, fcntl.LOCK_EX)

    def announce(self) -> None:
        """Say once that this takes a while."""
        if self.started is None:
            self.started = time.perf_counter()
            _logger.warning(
                "lpcurr is compiling its kernels for this machine: half a minute, once (`lpcurr warmup` does it ahead)."
            )

    def close(self) -> None:
        """Let others compile, and say how long it took."""
        if self._lock_file is not None:
            self._lock_file.close()
        if self.started is not None:
            _logger.warning("lpcurr kernels compiled in %.1f s.", time.perf_counter() - self.started)


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Look for no cycles for a while: numba makes millions of objects that stay; an eighth of its time went there."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@cache
def compile_all() -> None:
    """Compile what the cache does not have; does nothing the second time in a process, nor where JIT is disabled."""
    if not JIT:
        return
    with contextlib.closing(_Compilation()) as compilation:
        for each in sorted(Kernel.registry, key=lambda each: each.symbol is None):  # what others call by name first
            each.prepare(compilation)
