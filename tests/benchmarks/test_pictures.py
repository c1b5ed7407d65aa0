"""The two pictures of the README come out of one command each, with their figures beside them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from asv_benchmarks import scaling, staleness
from asv_benchmarks.reference import VARIANTS

PNG = b"\x89PNG"


def test_cost_by_pool_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = tmp_path / "new" / "scaling.png"
    monkeypatch.setattr(sys, "argv", ["scaling", "--picture", str(picture), "--sizes", "64", "128"])
    scaling.main()
    costs = json.loads(picture.with_suffix(".json").read_text())["costs"]
    assert set(costs) == {*scaling.OURS, *VARIANTS}
    assert all(set(by_size) == {"64", "128"} and min(by_size.values()) > 0 for by_size in costs.values())
    assert picture.read_bytes().startswith(PNG)


def test_cost_against_staleness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = tmp_path / "staleness.png"
    monkeypatch.setattr(sys, "argv", ["staleness", "--picture", str(picture), "--tasks", "40"])
    staleness.main()
    figures = json.loads(picture.with_suffix(".json").read_text())
    assert figures.pop("tasks") == 40
    assert set(figures) == {"lpcurr", *VARIANTS}
    assert figures["lpcurr"]["staleness"] < 1e-12
    assert picture.read_bytes().startswith(PNG)
