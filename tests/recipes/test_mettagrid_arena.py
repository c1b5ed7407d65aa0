"""The arena recipe: real trainings by PufferLib, in real worker processes on one pool."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from lpcurr import Curriculum, LpcurrError
from lpcurr.cli import main
from lpcurr.recipes import training
from lpcurr.recipes.checkpoints import newest_checkpoint
from lpcurr.recipes.config import SaveLearner
from lpcurr.recipes.mettagrid_arena.config import MettaGridArenaConfig, mettagrid_arena
from lpcurr.recipes.overrides import apply_overrides
from lpcurr.recipes.resuming import load_run

# What these libraries and what they import warn of is theirs to mend.
pytestmark = [pytest.mark.heavy, pytest.mark.filterwarnings("default")]

TINY = [
    *("total_steps=4096", "epoch_steps=2048", "envs_per_worker=2", "learner.rollout_steps=16"),
    *("learner.hidden_size=16", "curriculum.num_active_tasks=8", "evaluation.num_tasks=4"),
]
"""Two epochs of 128 steps in each of four arenas: two or more episodes in each."""


@pytest.fixture(scope="module")
def tiny() -> MettaGridArenaConfig:
    return apply_overrides(mettagrid_arena(), TINY)


@pytest.fixture
def curriculum(tiny: MettaGridArenaConfig) -> Iterator[Curriculum]:
    with tiny.curriculum.make() as made:
        yield made
        made.unlink()


@pytest.mark.parametrize("use_lp", [True, False])
def test_worker_processes_train_on_one_pool(use_lp: bool) -> None:
    config = apply_overrides(mettagrid_arena(), [*TINY, f"use_lp={str(use_lp).lower()}"])
    epochs: list[dict[str, Any]] = []
    busy: set[int] = set()
    with config.curriculum.make() as curriculum:

        def on_epoch(metrics: dict[str, Any], save: SaveLearner) -> None:
            epochs.append(metrics)
            busy.update(each["pid"] for each in curriculum.process_counters() if each["draws"])

        config.train(curriculum, 0, on_epoch)
        stats = curriculum.stats()
        assert curriculum.find_violations() == []
        curriculum.unlink()
    assert len(busy) == 2
    assert os.getpid() not in busy
    assert [(each["steps"], each["epoch_steps"]) for each in epochs] == [(2048, 2048), (4096, 2048)]
    ended = stats["num_completed"] + stats["num_refused"]
    # Workers may be a step ahead of what the trainer has taken.
    assert 8 <= epochs[-1]["episodes"] == sum(each["epoch_episodes"] for each in epochs) <= ended
    assert all(0.0 <= each["score"] <= 1.5 for each in epochs)
    assert [each["eval/tasks"] for each in epochs] == [4, 4]
    assert all(0.0 <= each["eval/worst_tenth"] <= each["eval/score"] <= 1.5 for each in epochs)


def test_without_workers_a_training_goes_the_same_way_to_its_end() -> None:
    config = apply_overrides(mettagrid_arena(), [*TINY, "vectorization=serial", "curriculum.seed=0"])
    on_interrupt = signal.getsignal(signal.SIGINT)

    def metrics() -> list[dict[str, Any]]:
        epochs: list[dict[str, Any]] = []
        with config.curriculum.make() as curriculum:
            config.train(curriculum, 0, lambda metrics, save: epochs.append(metrics))
            assert {each["pid"] for each in curriculum.process_counters() if each["draws"]} == {os.getpid()}
            curriculum.unlink()
        return [{name: value for name, value in each.items() if "second" not in name} for each in epochs]

    assert metrics() == metrics()
    assert signal.getsignal(signal.SIGINT) == on_interrupt


def test_a_run_goes_on(tiny: MettaGridArenaConfig, tmp_path: Path) -> None:
    run = tmp_path / "run"
    training.run("mettagrid_arena", tiny.model_copy(update={"run_dir": run}), Console(file=io.StringIO()))
    name, config = load_run(run, None, ["total_steps=6144"])
    folder = training.run(name, config, Console(file=io.StringIO()))
    rows = folder.read("metrics.jsonl")
    assert [(row["epoch"], row["steps"]) for row in rows] == [(1, 2048), (2, 4096), (3, 6144)]
    assert rows[2]["episodes"] == rows[1]["episodes"] + rows[2]["epoch_episodes"]
    assert rows[2]["curriculum/num_completed"] > rows[1]["curriculum/num_completed"]
    assert {label.partition("/")[2] for label in rows[2] if label.startswith("epoch_completions/")} <= {
        f"room={size}" for size in (7, 9, 13, 17)
    }


def test_what_is_saved_is_what_goes_on(tiny: MettaGridArenaConfig, curriculum: Curriculum, tmp_path: Path) -> None:
    import torch

    from lpcurr.recipes.epochs import train_epochs
    from lpcurr.recipes.mettagrid_arena.loop import ArenaTrainee, HeldOutArenas, MakeArena

    def state(loop: ArenaTrainee) -> list[Any]:
        trainer = loop.trainer
        moments = [value for each in trainer.optimizer.state_dict()["state"].values() for value in each.values()]
        return [*trainer.uncompiled_policy.state_dict().values(), *moments, torch.get_rng_state()]

    any_task = curriculum.config.task_generator.build(0).env_cfg
    make_env = MakeArena(curriculum, any_task)
    held_out = HeldOutArenas(curriculum, partial(MakeArena, config=any_task), 3, 2, 0)
    first = ArenaTrainee(tiny, make_env, held_out, 0, None)
    try:
        new = [each.clone() for each in state(first)]
        train_epochs(first, tiny, lambda metrics, save: None)
        first.save(tmp_path)
        saved = [each.clone() for each in state(first)]
        reported = curriculum.stats()["num_completed"]
        before = held_out.scores(first.trainer.uncompiled_policy)
        assert first.evaluate()["eval/score"] == before.mean()  # the same rooms and draws each time
        assert all(torch.equal(a, b) for a, b in zip(state(first), saved, strict=True))  # and no trace of it
        assert curriculum.stats()["num_completed"] == reported
    finally:
        first.close()
    assert not torch.equal(new[0], saved[0])  # it has learned
    second = ArenaTrainee(tiny, make_env, held_out, 0, tmp_path)
    try:
        assert all(torch.equal(a, b) for a, b in zip(state(second), saved, strict=True))
        assert second.trainer.global_step == tiny.total_steps
    finally:
        second.close()


def test_a_dead_worker_ends_the_training(tiny: MettaGridArenaConfig, curriculum: Curriculum) -> None:
    import psutil

    def kill_one(metrics: dict[str, Any], save: SaveLearner) -> None:
        children = psutil.Process().children()
        busy = {each["pid"] for each in curriculum.process_counters() if each["draws"]}
        next(child for child in children if child.pid in busy).kill()

    with pytest.raises(LpcurrError, match=r"worker process \d .* exit code -9"):
        tiny.train(curriculum, 0, kill_one)
    assert curriculum.find_violations() == []


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    import psutil

    run = tmp_path / "run"
    overrides = [*TINY, "total_steps=1000000000", "max_seconds=1000", f"run_dir={run}"]
    command = [sys.executable, "-m", "lpcurr", "train", "mettagrid_arena", *overrides]
    training = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    workers: list[psutil.Process] = []
    try:
        deadline = time.monotonic() + 300
        while newest_checkpoint(run / "checkpoints" / "frontier-seed0") is None:
            assert training.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        children = psutil.Process(training.pid).children()
        workers = [each for each in children if "resource_tracker" not in " ".join(each.cmdline())]
        assert len(workers) == 2
    finally:
        training.kill()
        training.wait()
        _, alive = psutil.wait_procs(workers, timeout=300)
        for each in alive:
            each.send_signal(signal.SIGKILL)
        main(["sessions", "--reap"])
    assert alive == []


def test_advantages_are_those_of_pufferlibs_extension() -> None:
    import torch

    from lpcurr.recipes.mettagrid_arena.trainer import puff_advantage

    rng = np.random.default_rng(0)
    values, rewards, ratio = (rng.normal(size=(5, 7)).astype(np.float32) for _ in range(3))
    ratio = np.exp(ratio)
    terminals = (rng.random((5, 7)) < 0.3).astype(np.float32)
    expected = np.zeros((5, 7))
    for row in range(5):
        carried = 0.0
        for step in range(5, -1, -1):
            going_on = 1.0 - terminals[row, step + 1]
            error = rewards[row, step + 1] + 0.9 * values[row, step + 1] * going_on - values[row, step]
            carried = min(ratio[row, step], 1.2) * error + 0.9 * 0.8 * min(ratio[row, step], 1.1) * carried * going_on
            expected[row, step] = carried
    tensors = [torch.tensor(each) for each in (values, rewards, terminals, ratio)]
    found = puff_advantage(*tensors, torch.zeros(5, 7), 0.9, 0.8, 1.2, 1.1)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-6)


def test_the_trainers_import_leaves_the_process_as_it_was() -> None:
    code = (
        "import signal, sys, warnings\n"
        "before = signal.getsignal(signal.SIGINT), sys.excepthook\n"
        "import pufferlib, torch, numpy\n"
        "filters = list(warnings.filters)\n"
        "import lpcurr.recipes.mettagrid_arena.trainer\n"
        "assert (signal.getsignal(signal.SIGINT), sys.excepthook) == before\n"
        "assert warnings.filters == filters\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
