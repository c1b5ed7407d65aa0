"""Every module of the benchmarks can be imported: they use the package's inner parts, which change."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import asv_benchmarks

pytestmark = pytest.mark.no_kernels

MODULES = [each.name for each in pkgutil.walk_packages(asv_benchmarks.__path__, "asv_benchmarks.")]


@pytest.mark.parametrize("name", MODULES)
def test_every_benchmark_module_is_imported(name: str) -> None:
    importlib.import_module(name)
