"""What needs large libraries: marked ``heavy``, and each file collected only where its own are installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

_SB3 = ("stable_baselines3", "torch", "tensorboard", "wandb")
_NEEDS = {
    "test_cartpole_physics.py": _SB3,
    "test_loggers.py": _SB3,
    "test_sums_grpo.py": ("torch", "trl", "datasets", "rich", "matplotlib", "omegaconf"),
    "test_gymnax_poles.py": ("gymnax", "six"),
}
collect_ignore = [name for name, needs in _NEEDS.items() if not all(importlib.util.find_spec(need) for need in needs)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder; what these libraries and what they import warn of is theirs to mend."""
    here = f"{Path(__file__).parent}/"
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.heavy)
            item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Networks this small are slower with more, above all beside worker processes."""
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(1)
