"""``lpcurr investigate``: the real recipe in small, any object by name, exit codes, the folder, clear errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lpcurr.cli import main
from lpcurr.errors import ConfigError
from lpcurr.investigation import run as running
from lpcurr.investigation.subjects import find_subject
from lpcurr.investigation.timed import PARTS
from tests.investigate.quick import QUICK
from tests.recipes.conftest import TINY

MODULE = "tests.investigate.slow_curricula"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's own budget would take minutes."""
    monkeypatch.setattr(running, "Budget", lambda: QUICK)


@pytest.mark.usefixtures("quick")
def test_a_recipe_trains_resumes_and_leaves_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    code = main(["investigate", "frozen_lake", *TINY, "--out", str(out)])
    found = json.loads((out / "investigation.json").read_text())
    assert code == (1 if found["faults"] else 0)  # a training of so few steps has shares of its own
    assert (out / "investigation.png").stat().st_size > 10_000
    training = found["evidence"]["training"]
    half = training["resumed_after"]
    for epochs in training["epochs"].values():
        assert len(epochs) >= 2 * half
        assert all(epoch["processes"] == 2 and set(epoch["parts"]) == set(PARTS) for epoch in epochs)
        assert sum(epoch["parts"]["draw"] for epoch in epochs) > 0
    assert set(training["epochs"]) == {"learning_progress", "discrete_random"}
    assert {"1", "2"} <= set(training["step_rates"])
    shown = capsys.readouterr().out
    assert "training: " in shown
    assert "what was seen" in shown
    verdicts = {each["hypothesis"]: each["verdict"] for each in found["findings"]}
    assert {verdicts[name] for name in ("scan on every episode", "growing structure", "lock held long")} == {"healthy"}


@pytest.mark.usefixtures("quick")
def test_a_fault_is_exit_code_1_and_what_is_missing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["investigate", f"{MODULE}:GrowingDictionary", "num_tasks=40", "--out", str(tmp_path / "out")])
    shown = capsys.readouterr().out
    assert code == 1
    assert "found: growing structure" in shown
    assert "left out, because it does not have them: recommend_eviction()" in shown
    assert main(["investigate", f"{MODULE}:GrowingDictionary", "--out", str(tmp_path / "out")]) == 2  # it exists


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("no_such_thing", [], "there is no recipe"),
        (f"{MODULE}:Healthy", ["size=3"], "takes no size"),
        ("builtins:dict", [], r"no get_task\(\)"),
        ("frozen_lake", ["curriculum.num_active_task=3"], "did you mean"),
    ],
)
def test_what_cannot_be_investigated_is_an_error(name: str, overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        find_subject(name, overrides)
