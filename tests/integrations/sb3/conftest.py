"""What needs SB3, torch and TensorBoard: marked ``heavy``, and not even collected where those are not installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

_INSTALLED = all(importlib.util.find_spec(name) for name in ("stable_baselines3", "torch", "tensorboard"))
collect_ignore_glob = [] if _INSTALLED else ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder; what these libraries and what they import warn of is theirs to mend."""
    here = f"{Path(__file__).parent}/"
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.heavy)
            item.add_marker(pytest.mark.filterwarnings("default"))
