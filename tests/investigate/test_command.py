"""``lpcurr investigate``: the real recipe in small, any object by name, exit codes, the folder, clear errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lpcurr.cli import main
from lpcurr.errors import ConfigError
from lpcurr.investigation import limits
from lpcurr.investigation.faults import HYPOTHESES
from lpcurr.investigation.subjects import find_subject
from tests.investigate.quick import QUICK
from tests.recipes.conftest import TINY

MODULE = "tests.investigate.slow_curricula"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's own budget would take minutes."""
    monkeypatch.setattr(limits, "Budget", lambda: QUICK)


@pytest.mark.usefixtures("quick")
def test_a_recipe_is_healthy_and_leaves_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    code = main(["investigate", "frozen_lake", *TINY, "--out", str(out)])
    found = json.loads((out / "investigation.json").read_text())
    verdicts = {each["hypothesis"]: each["verdict"] for each in found["findings"]}
    timed = {"slower than random", "workers wait for the pool", "slow task generation"}
    # The shares of so short a training say nothing.
    assert {name for name, verdict in verdicts.items() if verdict != "healthy"} <= timed
    assert code == (1 if found["faults"] else 0)
    assert verdicts.keys() == HYPOTHESES.keys()
    assert [len(found["evidence"]["training"][arm]) for arm in ("own", "random")] == [1, 1]
    assert set(found["evidence"]["parts"]["draw"]["lines"]) == {"16", "32", "64"}
    shown = capsys.readouterr().out
    assert "training: random draws" in shown
    assert "what was seen" in shown


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
