"""A library that a configuration asks for and that is not installed is one clear line, before anything is made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("words", "package", "extra"),
    [
        (["cartpole_physics"], "stable_baselines3", "sb3"),
        (["sums_grpo"], "datasets", "llm"),
        (["log.tensorboard=true"], "tensorboard", "tensorboard"),
        (["log.wandb.project=lakes"], "wandb", "wandb"),
    ],
)
def test_a_missing_library(tmp_path: Path, words: list[str], package: str, extra: str) -> None:
    code = f"""
import sys
sys.modules[{package!r}] = None
from lpcurr.cli import main
sys.exit(main(["train", *{words!r}, "run_dir=run"]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.stderr == f'lpcurr train: this needs {package}: pip install "lpcurr[{extra}]"\n'
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []
