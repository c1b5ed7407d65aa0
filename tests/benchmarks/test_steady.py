"""The steady trainer's three arms do the same training, which is what makes their times comparable."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from asv_benchmarks import steady


@pytest.mark.heavy
def test_three_arms_learn_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = tmp_path / "steady.png"
    monkeypatch.setattr(sys, "argv", ["steady", "--epochs", "2", "--episodes", "300", "--picture", str(picture)])
    steady.main()  # exits with an error where the weights differ
    figures = json.loads(picture.with_suffix(".json").read_text())
    assert len(figures["epochs"]) == 2
    assert all(epoch["episodes"] >= 300 for epoch in figures["epochs"])
    assert set(figures["epochs"][0]["steps_a_second"]) == set(steady.ARMS)
    assert set(figures["ratios"]) >= {"learning progress / none", "discrete random / none"}
    assert picture.read_bytes().startswith(b"\x89PNG")
