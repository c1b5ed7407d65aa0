"""Kernels as plain Python too: ``test_modes`` runs this folder once more without JIT."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from lpcurr import kernels


@pytest.fixture(autouse=True)
def words_wrap_around() -> Iterator[None]:
    """Without JIT the random streams and hashes are NumPy scalars, which would warn where uint64 overflows."""
    with np.errstate(over="warn" if kernels.JIT else "ignore"):
        yield
