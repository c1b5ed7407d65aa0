"""A library that a configuration asks for and that is not installed is one clear line, before anything is made."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lpcurr.cli import main

pytestmark = pytest.mark.no_kernels


@pytest.mark.parametrize(
    ("words", "package", "extra"),
    [
        (["cartpole_physics"], "stable_baselines3", "sb3"),
        (["sums_grpo"], "datasets", "llm"),
        (["log.tensorboard=true"], "tensorboard", "tensorboard"),
        (["log.wandb.project=lakes"], "wandb", "wandb"),
    ],
)
def test_a_missing_library(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    package: str,
    extra: str,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.chdir(tmp_path)
    assert main(["train", *words, "run_dir=run"]) == 2
    assert capsys.readouterr().err == f'lpcurr train: this needs {package}: pip install "lpcurr[{extra}]"\n'
    assert list(tmp_path.iterdir()) == []
