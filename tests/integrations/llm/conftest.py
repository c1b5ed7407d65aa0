"""What needs torch, torchdata, TRL and verl: marked ``heavy``, and not even collected where those are not installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

_NEEDS = {
    "test_torch.py": ("torch", "torchdata"),
    "test_shapes.py": ("torch", "torchdata"),
    "test_trl.py": ("torch", "trl", "datasets"),
    "test_verl.py": ("torch", "trl", "verl"),
}
collect_ignore = [name for name, needs in _NEEDS.items() if not all(importlib.util.find_spec(need) for need in needs)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder; what these libraries and what they import warn of is theirs to mend."""
    here = f"{Path(__file__).parent}/"
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.heavy)
            item.add_marker(pytest.mark.filterwarnings("default"))
