"""What needs SB3, torch, TensorBoard and W&B: marked ``heavy``, and collected only where those are installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

_INSTALLED = all(importlib.util.find_spec(name) for name in ("stable_baselines3", "torch", "tensorboard", "wandb"))
collect_ignore_glob = [] if _INSTALLED else ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder; what these libraries and what they import warn of is theirs to mend."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.heavy)
            item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Networks this small are slower with more, above all beside worker processes."""
    import torch

    torch.set_num_threads(1)
