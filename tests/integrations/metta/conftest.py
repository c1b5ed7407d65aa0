"""What needs MettaGrid, PufferLib and torch: marked ``heavy``, and not even collected where those are not installed."""

from __future__ import annotations

import importlib.util
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

_INSTALLED = all(importlib.util.find_spec(name) for name in ("mettagrid", "pufferlib", "torch"))
collect_ignore_glob = [] if _INSTALLED else ["test_*.py", "arenas.py", "reference_style_recipe.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder; what these libraries and what they import warn of is theirs to mend."""
    here = f"{Path(__file__).parent}/"
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.heavy)
            item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture(autouse=True)
def _no_test_hangs() -> Iterator[None]:
    """PufferLib waits for ever for a worker process that has raised."""

    def give_up(number: int, frame: object) -> None:
        raise TimeoutError("90 seconds have passed: a worker process has probably raised")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(90)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
