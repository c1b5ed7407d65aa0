"""Machine code kept on disk: what a process finds there it need not compile.

Numba keys its cache on the source file of the function alone, so an edited helper in another file would go unnoticed;
it writes without a lock, so workers that start together would each compile; and a file that was cut or altered is an
error at every start. :class:`KernelCache` mends all three. Where nothing can be kept, for want of a folder or because
this numba has no longer what is used of it here, that is said once, and kernels are compiled as they are needed.
"""

import hashlib
import logging
import os
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import config as numba_config

from lpcurr.kernels.machine.settings import FINGERPRINT

_logger = logging.getLogger("lpcurr")

Result = TypeVar("Result")

_settings: Any = numba_config
_DIGEST = hashlib.sha256().digest_size

# What a numba that has other inner names answers with.
_OTHER_NUMBA = (AttributeError, ImportError, TypeError)


@cache
def source_fingerprint() -> str:
    """Return a hash of all that machine code depends on beside numba and the processor (which numba checks)."""
    package = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256(f"boundscheck={_settings.BOUNDSCHECK} opt={_settings.OPT} {FINGERPRINT}".encode())
    folders = (package / "schedulers", package / "kernels")
    sources = (source for folder in folders for source in sorted(folder.rglob("*.py")))
    memory = [package / "memory" / f"{name}.py" for name in ("layout", "header", "rules")]
    for source in (*memory, *sources):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


class KernelCache:
    """The files of one kernel's machine code.

    Attributes:
        folder: where they are; None where nothing can be kept.
        problem: why nothing can be kept; empty where it can.
    """

    _said_why_not = False

    def __init__(self, function: Callable[..., Any], signature: Any, target_context: Any) -> None:
        self.folder: str | None = None
        self.problem = ""
        self._signature = signature
        self._target_context = target_context
        try:
            self._files = _files_of(function)
            self.folder = self._files.cache_path
        except RuntimeError as error:  # "no locator available"
            self.problem = f"there is no folder for them that can be written ({error})"
        except _OTHER_NUMBA as error:
            self._give_up(error)

    def has(self) -> bool:
        """Return whether the machine code is there, without loading it."""
        return bool(self._answer(lambda: self._files.has(self._signature, self._target_context.codegen())))

    def load(self) -> Any:
        """Return the compile result, without what numba needs to compile, which would double the start-up time.

        None where it is not there, or not whole.
        """

        def load() -> Any:
            from numba.core.runtime import rtsys

            rtsys.initialize(self._target_context)  # the symbols of numba's own runtime
            return self._files._load_overload(self._signature, self._target_context)

        return self._answer(load)

    def save(self, compiled: Any) -> None:
        """Keep a compile result."""

        def save() -> None:
            try:
                self._files.save_overload(self._signature, compiled)
            except OSError as error:
                self.problem = f"{self.folder} cannot be written ({error})"

        self._answer(save)

    def _answer(self, ask: Callable[[], Result]) -> Result | None:
        if self.folder is None:
            return None
        try:
            return ask()
        except _OTHER_NUMBA as error:
            self._give_up(error)
        except Exception:  # whatever is wrong with a cache file, compiling answers it
            return None
        return None

    def _give_up(self, error: Exception) -> None:
        self.folder = None
        self.problem = f"numba {numba.__version__} has other inner names than this lpcurr knows ({error!r})"

    def say_problem(self) -> None:
        """Say once in a process why nothing can be kept."""
        if self.problem and not KernelCache._said_why_not:
            KernelCache._said_why_not = True
            _logger.warning(
                "lpcurr cannot keep its compiled kernels, and will compile those that it uses at every start: %s. "
                "Set NUMBA_CACHE_DIR to a folder that can be written.",
                self.problem,
            )


def _files_of(function: Callable[..., Any]) -> Any:
    from numba.core.caching import FunctionCache, IndexDataCacheFile

    class Files(IndexDataCacheFile):
        """Numba's files, which are taken for absent where they are not whole."""

        def _load_index(self) -> Any:
            try:
                return super()._load_index()
            except _OTHER_NUMBA:
                raise
            except Exception:
                return {}

        def _save_data(self, name: str, data: Any) -> None:
            content = self._dump(data)
            with self._open_for_write(self._data_path(name)) as file:
                file.write(content + hashlib.sha256(content).digest())

        def _load_data(self, name: str) -> Any:
            content = Path(self._data_path(name)).read_bytes()
            if hashlib.sha256(content[:-_DIGEST]).digest() != content[-_DIGEST:]:
                raise OSError("cut or altered")
            return pickle.loads(content[:-_DIGEST])

    class Cache(FunctionCache):
        """Numba's cache of a function, stamped with all kernel sources."""

        def __init__(self) -> None:
            super().__init__(function)
            stamp = source_fingerprint()
            base = f"{self._impl.filename_base}-{stamp[:8]}"
            self._cache_file = Files(cache_path=self._cache_path, filename_base=base, source_stamp=stamp)

        def has(self, signature: Any, codegen: Any) -> bool:
            name = self._cache_file._load_index().get(self._index_key(signature, codegen))
            return name is not None and os.path.exists(self._cache_file._data_path(name))

    return Cache()
