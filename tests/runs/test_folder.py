"""What a run leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lpcurr import ConfigError
from lpcurr.recipes.frozen_lake.config import FrozenLakeConfig, frozen_lake
from lpcurr.runs.folder import RunFolder


def test_a_run_is_never_overwritten(tmp_path: Path) -> None:
    RunFolder(tmp_path / "a" / "run", "frozen_lake")
    with pytest.raises(ConfigError, match="exists already"):
        RunFolder(tmp_path / "a" / "run", "frozen_lake")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"run_dir='.*file/run'"):
        RunFolder(tmp_path / "file" / "run", "frozen_lake")


def test_runs_of_the_same_second_get_folders_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.strftime", lambda layout: "20300101-000000")
    paths = [RunFolder(None, "package.module:mine").path for _ in range(3)]
    assert [path.name for path in paths] == [f"mine-20300101-000000{end}" for end in ("", "-2", "-3")]
    assert all(path.is_dir() for path in paths)


def test_the_configuration_can_be_read_back(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run", "frozen_lake")
    folder.write_config("frozen_lake", frozen_lake().model_dump(mode="json"))
    fields = yaml.safe_load((folder.path / "config.yaml").read_text())
    assert FrozenLakeConfig(**fields) == frozen_lake()


def test_lines_come_back_in_order(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run", "frozen_lake")
    assert folder.read("metrics.jsonl") == []
    for epoch in (1, 2):
        folder.append("metrics.jsonl", [{"epoch": epoch, "score": 0.5}])
    assert folder.read("metrics.jsonl") == [{"epoch": 1, "score": 0.5}, {"epoch": 2, "score": 0.5}]
