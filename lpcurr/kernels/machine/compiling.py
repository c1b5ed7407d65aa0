"""How kernels are compiled, and when: on first use, once on a machine, by one process at a time.

``@helper`` marks a function that other kernels call; it is compiled into its callers. ``@kernel(signature)`` marks one
that Python calls: it has one explicit signature, is loaded from the cache or compiled by :func:`compile_all`, and is
then called through its compiled entry point. That skips the dispatcher, which would look at the type of each argument
again at every call: 86 ns instead of 182 ns measured for three arguments. The price is that nobody checks types any
more, so :mod:`lpcurr.pool.pool` is the only caller.

Numba keys its cache on the source file of the function alone, so an edited helper in another file would go unnoticed;
and it writes the cache without a lock, so workers that start together would each compile. ``_KernelCache`` mends both.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import llvmlite.binding
import numba
from numba.core import config as numba_config
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.runtime import rtsys

from lpcurr.kernels.machine._helper_compiler import helper_options
from lpcurr.kernels.machine.segment_type import parse_signature
from lpcurr.kernels.machine.settings import FINGERPRINT, ROBUST_MUTEX
from lpcurr.memory.lock_files import guarded

_logger = logging.getLogger("lpcurr")

Function = TypeVar("Function", bound=Callable[..., Any])

# fastmath would break isnan; parallel would break fork.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}

_settings: Any = numba_config
_njit: Any = numba.njit  # its stubs leave out the two wrapper options
JIT = not _settings.DISABLE_JIT


def helper(function: Function) -> Function:
    """Compile a function into the kernels that call it."""
    compiled: Function = _njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **helper_options(), **_OPTIONS)(function)
    return compiled


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
            with _compilation() as compilation:
                self._load(compilation)
        assert self._entry is not None
        return self._entry

    def prepare(self, compilation: _Compilation) -> None:
        """See to it that the cache has the machine code; load it at once where other kernels call it by name."""
        cached = _KernelCache(self.function, compilation).has(self.signature, self._dispatcher.targetctx)
        if self.symbol is not None or not cached:
            self._load(compilation)

    def _load(self, compilation: _Compilation) -> None:
        dispatcher = self._dispatcher
        cache = _KernelCache(self.function, compilation)
        self._result = cache.load_machine_code(self.signature, dispatcher.targetctx)
        if self._result is None:
            dispatcher._cache = cache
            dispatcher.compile(self.signature)
            self._result = dispatcher.overloads[dispatcher.signatures[0]]
        self._entry = _safe(self._result.entry_point)
        if self.symbol is not None:
            c_name = self._result.fndesc.llvm_cfunc_wrapper_name
            llvmlite.binding.add_symbol(self.symbol, self._result.library.get_pointer_to_function(c_name))


def _safe(entry: Callable[..., Any]) -> Callable[..., Any]:
    """What Python calls: the kernel itself where it takes the lock, else the kernel with a lock around it."""
    return entry if ROBUST_MUTEX else guarded(entry)


def kernel(signature: str, symbol: str | None = None) -> Callable[[Callable[..., Any]], Kernel]:
    """Mark a function that Python calls, with its one numba signature, in which ``segment`` stands for the segment.

    With a ``symbol``, other kernels can call it by that name as an external function.
    """

    def mark(function: Callable[..., Any]) -> Kernel:
        return Kernel(function, signature, symbol)

    return mark


@cache
def source_fingerprint() -> str:
    """Hash of everything that the machine code depends on beside numba and the processor (which numba checks)."""
    package = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256(f"boundscheck={_settings.BOUNDSCHECK} opt={_settings.OPT} {FINGERPRINT}".encode())
    folders = (package / "schedulers", package / "kernels")
    sources = (source for folder in folders for source in sorted(folder.rglob("*.py")))
    for source in (package / "memory" / "layout.py", *sources):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


class _Compilation:
    """One run over all kernels: notices the first one that is missing from the cache."""

    def __init__(self) -> None:
        self.started: float | None = None
        self._lock_file: Any = None

    def begin(self, cache_path: str) -> None:
        """Wait until no other process compiles; called at every kernel that the cache does not have."""
        if self._lock_file is None:
            with contextlib.suppress(ImportError, OSError):  # no fcntl on Windows: compile without waiting
                import fcntl

                os.makedirs(cache_path, exist_ok=True)
                self._lock_file = open(os.path.join(cache_path, "lpcurr-kernels.lock"), "a")  # noqa: SIM115
                fcntl.flock(self._lock_file, fcntl.LOCK_EX)

    def announce(self) -> None:
        """Say once that this takes a while."""
        if self.started is None:
            self.started = time.perf_counter()
            _logger.warning(
                "lpcurr is compiling its kernels for this machine: about 15 s, once (`lpcurr warmup` does it ahead)."
            )

    def finish(self) -> None:
        if self._lock_file is not None:
            self._lock_file.close()
        if self.started is not None:
            _logger.warning("lpcurr kernels compiled in %.1f s.", time.perf_counter() - self.started)


class _KernelCache(FunctionCache):
    """Numba's function cache, stamped with all kernel sources and written by one process at a time."""

    def __init__(self, function: Callable[..., Any], compilation: _Compilation) -> None:
        super().__init__(function)
        self._compilation = compilation
        stamp = source_fingerprint()
        self._cache_file = IndexDataCacheFile(
            cache_path=self._cache_path,
            filename_base=f"{self._impl.filename_base}-{stamp[:8]}",
            source_stamp=stamp,
        )

    def has(self, signature: Any, target_context: Any) -> bool:
        """Whether the machine code is there, without loading it."""
        try:
            name = self._cache_file._load_index().get(self._index_key(signature, target_context.codegen()))
            return name is not None and os.path.exists(self._cache_file._data_path(name))
        except Exception:  # whatever is wrong with a cache file, compiling answers it
            return False

    def load_machine_code(self, signature: Any, target_context: Any) -> Any:
        """The compile result, without what numba needs to compile: that would double a process's start-up time."""
        try:
            rtsys.initialize(target_context)  # the symbols of numba's own runtime
            return self._load_overload(signature, target_context)
        except Exception:  # whatever is wrong with a cache file, compiling answers it
            return None

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        found = super().load_overload(sig, target_context)
        if found is None:
            self._compilation.begin(self._cache_path)
            found = super().load_overload(sig, target_context)  # another process may just have compiled it
        if found is None:
            self._compilation.announce()
        return found


@contextlib.contextmanager
def _compilation() -> Iterator[_Compilation]:
    compilation = _Compilation()
    try:
        yield compilation
    finally:
        compilation.finish()


@cache
def compile_all() -> None:
    """Compile what the cache does not have; does nothing the second time in a process, nor where JIT is disabled."""
    if not JIT:
        return
    with _compilation() as compilation:
        for each in sorted(Kernel.registry, key=lambda each: each.symbol is None):  # what others call by name first
            each.prepare(compilation)
