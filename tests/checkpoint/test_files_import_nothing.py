"""Files name classes; reading them imports no module that the reader has not imported itself."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lpcurr
from lpcurr import Curriculum, CurriculumConfig, LpcurrError
from lpcurr.cli import main

MODULE = """
import dataclasses
from pathlib import Path

Path(__file__).with_suffix(".ran").touch()


@dataclasses.dataclass
class Maze:
    size: int = 4
"""


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where it shows that the module has run again; it was imported once, and is not imported any more."""
    (tmp_path / "a_trap_module.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "a_trap_module.ran"
    sys.modules.pop("a_trap_module", None)


def config_of_mazes(trap: Path) -> CurriculumConfig:
    maze: Any = importlib.import_module("a_trap_module").Maze()
    return CurriculumConfig(num_active_tasks=4, seed=0, task_generator=lpcurr.single_task(maze))


def forget(trap: Path) -> None:
    del sys.modules["a_trap_module"]
    trap.unlink()


def test_a_checkpoint(trap: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pool.lpc"
    with config_of_mazes(trap).make() as curriculum:
        curriculum.get_task()
        curriculum.save(path)
    forget(trap)
    with pytest.raises(LpcurrError, match="`import a_trap_module` first"):
        Curriculum.load(path)
    assert main(["inspect", str(path)]) == 0
    with Curriculum.load(path, task_generator=lambda task_id: {"size": task_id}, replace_generator=True) as curriculum:
        assert curriculum.stats()["num_active_tasks"] == 1
    assert not trap.exists()
    importlib.import_module("a_trap_module")
    with Curriculum.load(path) as curriculum:
        assert curriculum.get_task().get_env_cfg().size == 4


def test_a_session(trap: Path) -> None:
    with config_of_mazes(trap).make() as curriculum:
        forget(trap)
        with pytest.raises(LpcurrError, match="`import a_trap_module` first"):
            lpcurr.attach(str(curriculum.session_id))
        lpcurr.attach(str(curriculum.session_id), lambda task_id: {"size": task_id}).close()
        assert main(["inspect", str(curriculum.session_id)]) == 0
        assert not trap.exists()
        importlib.import_module("a_trap_module")
        lpcurr.attach(str(curriculum.session_id)).close()


def test_a_run_folder(trap: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generator = "{type: single, env: {__type__: 'a_trap_module:Maze', data: {}}}"
    for name in ("frozen_lake", "lpcurr.recipes.frozen_lake.config:frozen_lake"):
        (tmp_path / "config.yaml").write_text(f"# lpcurr train {name}\ncurriculum: {{task_generator: {generator}}}\n")
        assert main(["train", f"resume={tmp_path}"]) == 2
        assert "a_trap_module" in capsys.readouterr().err
    assert not trap.exists()
