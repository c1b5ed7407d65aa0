"""What a run leaves behind."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from lpcurr import ConfigError
from lpcurr.errors import NotAFileError
from lpcurr.recipes.frozen_lake.config import FrozenLakeConfig, frozen_lake
from lpcurr.runs.folder import RunFolder

pytestmark = pytest.mark.no_kernels


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
    rows = [{"curriculum": "a", "seed": 0, "epoch": epoch, "steps": 9, "score": 0.5} for epoch in (1, 2)]
    for row in rows:
        folder.append("metrics.jsonl", [row])
    assert folder.read("metrics.jsonl") == rows


def test_lines_that_are_none_are_passed_over_and_what_cannot_be_read_is_left_as_it_is(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run", "frozen_lake")
    row = {"curriculum": "a", "seed": 0, "epoch": 1, "steps": 9}
    odd = b"[1]\nnull\n{}\n{x\n\xff\xfe\n" + b"[" * 200_000 + b"\n"
    metrics = folder.path / "metrics.jsonl"
    metrics.write_bytes(odd + json.dumps(row).encode() + b"\n" + json.dumps(row | {"seed": 10**400}).encode() + b"\n")
    assert folder.read("metrics.jsonl") == [row]
    with metrics.open("r+b") as sparse:
        sparse.truncate(2**40)
    with pytest.raises(NotAFileError, match="at most"):
        folder.cut("a", 0, 0)
    assert metrics.stat().st_size == 2**40
    for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
        metrics.unlink()
        make(metrics)
        with pytest.raises(NotAFileError, match="no regular file"):
            folder.cut("a", 0, 0)
