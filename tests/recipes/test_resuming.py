"""Trainings that are cut and go on: real processes that are really killed, and checkpoints that are damaged."""

from __future__ import annotations

import io
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from lpcurr import CheckpointError, ConfigError, CurriculumConfig
from lpcurr.cli import main
from lpcurr.recipes import training
from lpcurr.recipes.checkpoints import TrainingCheckpoint, newest_checkpoint, read_checkpoint, write_checkpoint
from lpcurr.recipes.config import SaveLearner
from lpcurr.recipes.frozen_lake.config import FrozenLakeConfig, LearnerConfig, frozen_lake
from lpcurr.recipes.frozen_lake.learner import Batch, Learner
from lpcurr.recipes.overrides import apply_overrides
from lpcurr.recipes.resuming import load_run
from lpcurr.runs.folder import RunFolder
from lpcurr.runs.reading import read_run
from tests.recipes.conftest import TINY

TRAINING = "learning_progress-seed0"

pytestmark = pytest.mark.usefixtures("no_pictures")


def train(config: FrozenLakeConfig, **changes: Any) -> RunFolder:
    return training.run("frozen_lake", config.model_copy(update=changes), Console(file=io.StringIO()))


def resume(path: Path, *overrides: str) -> RunFolder:
    name, config = load_run(path, None, overrides)
    return training.run(name, config, Console(file=io.StringIO()))


def epochs(folder: RunFolder) -> list[tuple[str, int, int]]:
    return [(row["curriculum"], row["seed"], row["epoch"]) for row in folder.read("metrics.jsonl")]


# -- going on -------------------------------------------------------------------------------------------------------


def test_a_killed_training_goes_on_from_its_last_checkpoint(tmp_path: Path, tiny_overrides: list[str]) -> None:
    run = tmp_path / "run"
    overrides = [*tiny_overrides, "total_steps=1000000000", "max_seconds=1000", f"run_dir={run}"]
    command = [sys.executable, "-m", "lpcurr", "train", *overrides]
    training = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 300
        while newest_checkpoint(run / "checkpoints" / TRAINING) is None:
            assert training.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        os.killpg(training.pid, signal.SIGKILL)
        training.wait()
    checkpoint = newest_checkpoint(run / "checkpoints" / TRAINING)
    assert checkpoint is not None
    steps = checkpoint.steps + 512
    folder = resume(run, f"total_steps={steps}", "workers=1", "curriculum.num_active_tasks=12")
    assert [epoch for *_, epoch in epochs(folder)] == list(range(1, checkpoint.epoch + 3))
    rows = folder.read("metrics.jsonl")
    assert rows[-1]["steps"] == steps
    for before, after in itertools.pairwise(rows):  # nothing was forgotten, nothing counted twice
        assert after["episodes"] == before["episodes"] + after["epoch_episodes"]
        assert after["curriculum/num_completed"] >= before["curriculum/num_completed"]
        assert after["seconds"] >= before["seconds"]
    assert rows[-1]["curriculum/num_active_tasks"] == 12
    assert sum(row["epoch_completions/size=4"] for row in rows) == rows[-1]["curriculum/num_completed"]
    main(["sessions", "--reap"])  # what the killed group has left


def test_only_what_is_not_finished_goes_on_and_a_comparison_is_completed(
    tiny: FrozenLakeConfig, tmp_path: Path
) -> None:
    config = tiny.model_copy(update={"vectorization": "sync", "compare": True, "seeds": 2})
    run = train(config, run_dir=tmp_path / "run").path
    folder = RunFolder(run, "frozen_lake", reopen=True)
    whole = folder.read("metrics.jsonl")
    folder.cut("discrete_random", 0, 1)
    folder.cut("learning_progress", 1, 0)
    folder.cut("discrete_random", 1, 0)
    for cut in ("discrete_random-seed0/epoch-000002", "learning_progress-seed1", "discrete_random-seed1"):
        shutil.rmtree(run / "checkpoints" / cut)
    resume(run)
    assert sorted(epochs(folder)) == sorted((row["curriculum"], row["seed"], row["epoch"]) for row in whole)
    rows = folder.read("metrics.jsonl")
    assert rows[:2] == whole[:2]  # the finished one was left alone
    # what was begun anew is, in one process, the same to the last digit
    timeless = ("steps", "episodes", "score", "eval/score", "curriculum/num_evicted")
    same = [[row[key] for key in timeless] for row in whole if row["seed"] == 1]
    assert [[row[key] for key in timeless] for row in rows if row["seed"] == 1] == same
    assert len(folder.read("tasks.jsonl")) == 4 * 8
    again = (run / "metrics.jsonl").read_bytes()
    resume(run)  # all is done
    assert (run / "metrics.jsonl").read_bytes() == again


def test_an_earlier_checkpoint_can_be_named(tiny: FrozenLakeConfig, tmp_path: Path) -> None:
    config = tiny.model_copy(update={"vectorization": "sync", "total_steps": 768})
    run = train(config, run_dir=tmp_path / "run").path
    folder = resume(run / "checkpoints" / TRAINING / "epoch-000001", "total_steps=1024")
    assert [epoch for *_, epoch in epochs(folder)] == [1, 2, 3, 4]
    assert [row["steps"] for row in folder.read("metrics.jsonl")] == [256, 512, 768, 1024]


def test_a_learner_goes_on_to_the_last_bit(tmp_path: Path) -> None:
    def learn(learner: Learner) -> None:
        rng = np.random.default_rng(learner._updates)
        tiles = rng.integers(0, 256, (64, 9), dtype=np.int32)
        actions, log_probs, values = learner.act(tiles)
        learner.learn(Batch(tiles, actions, log_probs, rng.normal(size=64), values + 1))

    config = LearnerConfig(table_bits=8, minibatch=16)
    first, second = Learner(config, 1), Learner(config, 2)
    learn(first)
    first.save(tmp_path / "learner.npz", steps=7)
    assert second.load(tmp_path / "learner.npz") == {"steps": 7}
    for _ in range(3):
        learn(first)
        learn(second)
    assert np.array_equal(first.weights, second.weights)
    with pytest.raises(ConfigError, match="256 rows, the learner's 512"):
        Learner(LearnerConfig(table_bits=9), 1).load(tmp_path / "learner.npz")


# -- what does not fit ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = apply_overrides(frozen_lake(), TINY)
    config = config.model_copy(update={"vectorization": "sync", "total_steps": 256})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lpcurr.recipes.training.write_report", lambda *_: None)
        return train(config, run_dir=tmp_path_factory.mktemp("trained") / "run").path


@pytest.fixture
def finished(trained: Path, tmp_path: Path) -> Path:
    """Return a finished run that a test may damage: a copy, since each training takes a second or two."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("made", ["[" * 10**5, '{"files": 1}', '{"epoch": "x"}', '{"steps": null}', "FIFO", "zero"])
def test_a_description_that_is_none_is_refused(made: str, finished: Path) -> None:
    checkpoint = finished / "checkpoints" / TRAINING / "epoch-000001"
    path = checkpoint / "training.json"
    described = json.loads(path.read_text())
    path.unlink()
    if made == "FIFO":
        os.mkfifo(path)
    elif made == "zero":
        path.symlink_to("/dev/zero")
    else:
        path.write_text(made if made[0] == "[" else json.dumps(described | json.loads(made)))
    with pytest.raises(CheckpointError, match=r"is damaged|no regular file"):
        read_checkpoint(checkpoint)


@pytest.mark.parametrize("file", ["curriculum.lpc", "learner/learner.npz", "training.json"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "removed"])
def test_a_damaged_checkpoint_is_refused_by_name_and_nothing_is_touched(
    file: str, damage: str, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = finished / "checkpoints" / TRAINING / "epoch-000001" / file
    good = path.read_bytes()
    if damage == "removed":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(good[: len(good) // 2])
    else:
        path.write_bytes(good[:40] + bytes([good[40] ^ 1]) + good[41:])
    before = content(finished)
    assert main(["train", f"resume={finished}", "total_steps=512"]) == 2
    message = capsys.readouterr().err
    assert "epoch-000001" in message
    assert content(finished) == before


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["seed=1"], "seed cannot change"),
        (["use_lp=false"], "curriculum.algorithm_config.type cannot change"),
        (["learner.discount=0.5"], "learner cannot change"),
        (["curriculum.task_generator.buckets.size=[8]"], "curriculum.task_generator cannot change"),
        (["run_dir=elsewhere"], "leave run_dir out"),
        (["nonsense=1"], "nonsense"),
    ],
)
def test_what_has_to_stay_is_named(
    overrides: list[str], message: str, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(finished)
    assert main(["train", f"resume={finished}", "total_steps=512", *overrides]) == 2
    assert message in capsys.readouterr().err
    assert content(finished) == before


def test_what_is_no_run_is_named(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", f"resume={tmp_path / 'nowhere'}"]) == 2
    assert "neither a run folder" in capsys.readouterr().err
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert main(["train", f"resume={tmp_path / 'loop'}"]) == 2
    assert "neither a run folder" in capsys.readouterr().err
    assert main(["train", "cartpole_physics", f"resume={finished}"]) == 2
    assert "a run of 'frozen_lake'" in capsys.readouterr().err
    (finished / "config.yaml").write_text("# lpcurr train frozen_lake\nseed: [")
    assert main(["train", f"resume={finished}"]) == 2
    assert "config.yaml" in capsys.readouterr().err


def test_a_folder_does_not_get_its_code_called(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (finished / "a_trap.py").write_text("raise SystemExit('called')\n")
    monkeypatch.chdir(finished)
    monkeypatch.setattr("sys.path", list(sys.path))
    text = (finished / "config.yaml").read_text().partition("\n")[2]
    for name in ("a_trap:recipe", "os:abort", "sys:exit"):
        (finished / "config.yaml").write_text(f"# lpcurr train {name}\n{text}")
        assert main(["train", f"resume={finished}", "total_steps=512"]) == 2
        assert f"if you trust it, say so by `lpcurr train {name} resume=" in capsys.readouterr().err
    (finished / "a_trap.py").write_text("from lpcurr.recipes.frozen_lake.config import frozen_lake as recipe\n")
    (finished / "config.yaml").write_text(f"# lpcurr train a_trap:recipe\n{text}")
    assert main(["train", "a_trap:recipe", f"resume={finished}", "total_steps=512"]) == 0  # the caller says so


def test_a_few_lines_that_stand_for_billions_are_refused(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    (finished / "config.yaml").write_text(f"# lpcurr train frozen_lake\n{bomb}")
    assert main(["train", f"resume={finished}"]) == 2
    assert "has YAML aliases" in capsys.readouterr().err
    assert "config.yaml has YAML aliases" in read_run(finished).problems[0]


# -- writing --------------------------------------------------------------------------------------------------------


def save_nothing(folder: Path) -> None:
    (folder / "weights").write_bytes(b"w" * 1000)


def write(folder: Path, curriculum: Any, epoch: int, save: SaveLearner = save_nothing, keep: int = 2) -> Path:
    training = TrainingCheckpoint(folder, "learning_progress", 0, epoch, 100 * epoch)
    return write_checkpoint(folder, curriculum, save, training, keep)


def test_the_newest_are_kept_and_none_without_checkpoints(tiny: FrozenLakeConfig, tmp_path: Path) -> None:
    config = tiny.model_copy(update={"vectorization": "sync", "total_steps": 1280})
    run = train(config, run_dir=tmp_path / "a", keep_checkpoints=2, checkpoint_every=2).path
    assert sorted(path.name for path in (run / "checkpoints" / TRAINING).iterdir()) == ["epoch-000002", "epoch-000004"]
    assert not (train(config, run_dir=tmp_path / "b", checkpoint_every=0).path / "checkpoints").exists()


def test_a_learner_that_cannot_be_saved_leaves_the_checkpoints_before(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_bytes(b"1")
        raise OSError(28, "No space left on device")

    with CurriculumConfig(num_active_tasks=4, seed=0).make() as curriculum:
        write(tmp_path, curriculum, 1)
        with pytest.raises(OSError, match="No space"):
            write(tmp_path, curriculum, 2, fail)
        newest = newest_checkpoint(tmp_path)
        assert newest is not None
        assert newest.epoch == 1
        write(tmp_path, curriculum, 3)
        assert [path.name for path in sorted(tmp_path.iterdir())] == ["epoch-000001", "epoch-000003"]


def test_hidden_folders_of_others_stay(tmp_path: Path) -> None:
    """In the folder of a stranger's run, that of the checkpoints may be a link to somebody's home."""
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".epoch-000001").mkdir()
    with CurriculumConfig(num_active_tasks=4, seed=0).make() as curriculum:
        write(tmp_path, curriculum, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".ssh", "epoch-000002"]


def test_killed_at_any_moment_the_newest_checkpoint_is_complete(tmp_path: Path) -> None:
    rng = random.Random(0)
    with CurriculumConfig(num_active_tasks=50, seed=0, use_shared_memory=False).make() as curriculum:
        curriculum.sample_ids(60)
        write(tmp_path, curriculum, 1)
        last = 1
        for _ in range(12):
            child = os.fork()
            if child == 0:
                for epoch in range(last + 1, last + 1000):
                    write(tmp_path, curriculum, epoch)
                os._exit(0)
            while max(path.name for path in tmp_path.glob("epoch-??????")) == f"epoch-{last:06d}":  # not at work yet
                assert os.waitpid(child, os.WNOHANG) == (0, 0)
                time.sleep(0.001)
            time.sleep(rng.uniform(0.0, 0.03))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            newest = newest_checkpoint(tmp_path)
            assert newest is not None
            assert newest.epoch > last
            assert read_checkpoint(newest.path) == newest
            last = newest.epoch


def test_another_format_and_no_checkpoint_are_refused(tmp_path: Path) -> None:
    with CurriculumConfig(num_active_tasks=4, seed=0, use_shared_memory=False).make() as curriculum:
        path = write(tmp_path, curriculum, 1)
    text = (path / "training.json").read_text()
    (path / "training.json").write_text(text.replace('"format": 1', '"format": 2'))
    with pytest.raises(CheckpointError, match="has format 2, this lpcurr reads 1"):
        read_checkpoint(path)
    with pytest.raises(CheckpointError, match="no checkpoint of a training"):
        read_checkpoint(tmp_path)
