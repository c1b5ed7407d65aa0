"""Real trainings, a second each: worker processes that share a pool, metrics, comparison, Ctrl-C."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lpcurr import Curriculum
from lpcurr.recipes import training
from lpcurr.recipes.config import Metrics, OnEpoch, SaveLearner
from lpcurr.recipes.frozen_lake.config import FrozenLakeConfig, frozen_lake
from lpcurr.recipes.overrides import apply_overrides
from lpcurr.recipes.training import train_once
from lpcurr.runs.folder import RunFolder
from lpcurr.runs.metrics import METRICS, TASK_FIELDS

Row = dict[str, Any]
FILES = {"config.yaml", "metrics.jsonl", "tasks.jsonl", "result.json", "report.html", "checkpoints"}  # and report.png


def console(terminal: bool = False) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=200)


def run(config: FrozenLakeConfig, path: Path, where: Console | None = None) -> RunFolder:
    return training.run("frozen_lake", config.model_copy(update={"run_dir": path}), where or console())


@pytest.mark.usefixtures("page_alone")  # tests/cli has trainings with the picture
def test_workers_share_one_pool_and_every_epoch_is_recorded(tiny: FrozenLakeConfig, tmp_path: Path) -> None:
    out = console()
    folder = run(tiny, tmp_path / "run", out)
    assert {path.name for path in folder.path.iterdir()} == FILES
    rows = folder.read("metrics.jsonl")
    assert [row["steps"] for row in rows] == [256, 512]
    last = rows[-1]
    # all workers report to the pool of this process; refused is what came after its task's eviction
    assert last["curriculum/num_completed"] + last["curriculum/num_refused"] == last["episodes"] > 0
    assert last["curriculum/num_scheduled"] >= last["episodes"]
    assert sum(row["epoch_completions/size=4"] for row in rows) == last["curriculum/num_completed"]
    assert len(folder.read("tasks.jsonl")) == 8
    shown = out.file.getvalue()
    assert str(folder.path) in shown
    assert "steps/s" in shown
    assert "mastered" in shown
    assert not multiprocessing.active_children()


@pytest.mark.usefixtures("no_pictures")
def test_the_keys_of_the_files_are_documented(tiny: FrozenLakeConfig, tmp_path: Path) -> None:
    folder = run(tiny, tmp_path / "run")
    families = [key.partition("<")[0] for key in METRICS if "<" in key]
    for row in folder.read("metrics.jsonl"):
        assert all(not isinstance(value, dict | list) for value in row.values())
        undocumented = [key for key in row if key not in METRICS and not key.startswith(tuple(families))]
        assert undocumented == []
        assert [key for key in METRICS if "<" not in key and key not in row] == []
    assert all(row.keys() == TASK_FIELDS.keys() for row in folder.read("tasks.jsonl"))


@pytest.mark.usefixtures("no_pictures")
def test_in_process_training_is_repeatable(tiny: FrozenLakeConfig, tmp_path: Path) -> None:
    config = tiny.model_copy(update={"vectorization": "sync"})
    figures = [run(config, tmp_path / str(n)).read("metrics.jsonl") for n in range(2)]
    timeless = ("steps", "episodes", "score", "eval/score", "curriculum/num_evicted")
    assert [[row[key] for key in timeless] for row in figures[0]] == [
        [row[key] for key in timeless] for row in figures[1]
    ]


@pytest.mark.usefixtures("no_pictures")
def test_training_improves_the_policy(tmp_path: Path) -> None:
    config = apply_overrides(
        frozen_lake(),
        [
            *("vectorization=sync", "total_steps=40_000", "epoch_steps=20_000", "workers=1", "envs_per_worker=32"),
            *("curriculum.num_active_tasks=32", "curriculum.task_generator.buckets.size=[4]"),
            *("curriculum.task_generator.buckets.slip=[0.0]", "evaluation.num_tasks=30", "learner.minibatch=256"),
        ],
    )
    rows = run(config, tmp_path / "run").read("metrics.jsonl")
    assert rows[-1]["eval/score"] > 0.5  # the uniform policy has less than 0.1
    assert rows[-1]["eval/mastered"] > 5


@pytest.mark.usefixtures("no_pictures")
def test_a_time_limit_ends_it_after_the_epoch_is_recorded(tiny: FrozenLakeConfig, tmp_path: Path) -> None:
    config = tiny.model_copy(update={"vectorization": "sync", "total_steps": 10**9, "max_seconds": 0.2})
    rows = run(config, tmp_path / "run").read("metrics.jsonl")
    assert rows
    assert rows[-1]["steps"] < 10**6


@pytest.mark.usefixtures("no_pictures")
def test_comparison_trains_both_at_equal_steps(tiny: FrozenLakeConfig, tmp_path: Path) -> None:
    config = tiny.model_copy(update={"compare": True, "seeds": 2, "vectorization": "sync"})
    out = console()
    folder = run(config, tmp_path / "run", out)
    rows = folder.read("metrics.jsonl")
    trainings = {(row["curriculum"], row["seed"]) for row in rows}
    assert trainings == {(kind, seed) for kind in ("learning_progress", "discrete_random") for seed in (0, 1)}
    result = json.loads((folder.path / "result.json").read_text())
    assert {training["steps"] for training in result["trainings"]} == {512}
    assert result["difference"]["seeds"] == 2
    assert "difference" in out.file.getvalue()


@pytest.mark.parametrize("kind", ["learning_progress", "discrete_random"])
@pytest.mark.usefixtures("no_pictures")
def test_either_curriculum_can_be_where_a_comparison_starts(
    kind: str, tiny: FrozenLakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[tuple[str, int]] = []

    def note(self: FrozenLakeConfig, curriculum: Curriculum, *_: object) -> None:
        trained.append((curriculum.config.algorithm_config.type, curriculum.config.num_active_tasks))

    monkeypatch.setattr(FrozenLakeConfig, "train", note)
    config = apply_overrides(tiny, [f"curriculum.algorithm_config.type={kind}", "compare=true"])
    run(config, tmp_path / "run")
    learning = "frontier" if kind == "discrete_random" else kind  # the default scheduler, where the recipe has none
    assert trained == [(learning, 8), ("discrete_random", 8)]


class _Interrupting(FrozenLakeConfig):
    """Ctrl-C after the first epoch."""

    def train(self, curriculum: Curriculum, seed: int, on_epoch: OnEpoch, resume: Path | None = None) -> None:
        def interrupt(metrics: Metrics, save: SaveLearner) -> None:
            on_epoch(metrics, save)
            raise KeyboardInterrupt

        super().train(curriculum, seed, interrupt)


@pytest.mark.usefixtures("page_alone")
def test_ctrl_c_leaves_what_there_is_and_no_process(tiny: FrozenLakeConfig, tmp_path: Path) -> None:
    config = _Interrupting(**tiny.model_dump())
    with pytest.raises(KeyboardInterrupt):
        run(config, tmp_path / "run")
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 1
    assert not multiprocessing.active_children()


@pytest.mark.usefixtures("no_pictures")
def test_workers_leave_ctrl_c_to_the_trainer(tiny: FrozenLakeConfig, tmp_path: Path) -> None:
    signalled: list[int] = []

    class Signalling(FrozenLakeConfig):
        def train(self, curriculum: Curriculum, seed: int, on_epoch: OnEpoch, resume: Path | None = None) -> None:
            def signal_workers(metrics: Metrics, save: SaveLearner) -> None:
                on_epoch(metrics, save)
                for worker in multiprocessing.active_children():
                    assert worker.pid is not None
                    os.kill(worker.pid, signal.SIGINT)
                    signalled.append(worker.pid)

            super().train(curriculum, seed, signal_workers)

    folder = run(Signalling(**tiny.model_dump()), tmp_path / "run")
    assert len(set(signalled)) == 2
    assert len(folder.read("metrics.jsonl")) == 2  # the second epoch was played by the same workers


def test_a_live_display_shows_the_same(tiny: FrozenLakeConfig, tmp_path: Path) -> None:
    out = console(terminal=True)
    config = tiny.model_copy(update={"vectorization": "sync"})
    folder = RunFolder(tmp_path / "run", "frozen_lake")
    rows = train_once(config, "mine", 0, None, folder, out)
    assert len(rows) == 2
    assert "steps/s" in out.file.getvalue()
