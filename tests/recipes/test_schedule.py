"""A schedule of algorithms: in force when it is due, in the checkpoint, in the report, and after a run went on."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from lpcurr import ConfigError, Curriculum
from lpcurr.recipes import training
from lpcurr.recipes.checkpoints import newest_checkpoint
from lpcurr.recipes.frozen_lake.config import FrozenLakeConfig
from lpcurr.recipes.overrides import apply_overrides
from lpcurr.recipes.resuming import load_run
from lpcurr.runs.folder import RunFolder

LP, RANDOM = "learning_progress", "discrete_random"
SWITCH = "curriculum.schedule=[{at: 0.3, use: {type: discrete_random}}]"


def train(config: FrozenLakeConfig) -> RunFolder:
    return training.run("frozen_lake", config, Console(file=io.StringIO()))


def scheduled(tiny: FrozenLakeConfig, tmp_path: Path, *overrides: str) -> FrozenLakeConfig:
    words = ["vectorization=sync", "total_steps=1024", SWITCH, f"run_dir={tmp_path / 'run'}", *overrides]
    return apply_overrides(tiny, words)


def rules(folder: RunFolder) -> list[tuple[int, str, int]]:
    return [(row["steps"], row["algorithm"], row["switches"]) for row in folder.read("metrics.jsonl")]


def rule_of(checkpoint: Path) -> str:
    with Curriculum.load(checkpoint / "curriculum.lpc", use_shared_memory=False) as curriculum:
        return str(curriculum.config.algorithm_config.type)


@pytest.mark.usefixtures("page_alone")
def test_the_algorithm_changes_at_the_end_of_the_epoch_that_reaches_it(tiny: FrozenLakeConfig, tmp_path: Path) -> None:
    folder = train(scheduled(tiny, tmp_path, "keep_checkpoints=10"))
    assert rules(folder) == [(256, LP, 0), (512, LP, 0), (768, RANDOM, 1), (1024, RANDOM, 1)]
    of_it = folder.path / "checkpoints" / f"{LP}-seed0"
    assert [rule_of(each) for each in sorted(of_it.iterdir())] == [LP, RANDOM, RANDOM, RANDOM]
    ends = {round(row["probability"], 12) for row in folder.read("tasks.jsonl")}
    assert len(ends) == 1  # all tasks alike: drawn at random
    page = (folder.path / "report.html").read_text()
    assert "its schedule changed the algorithm to discrete random after 512 steps" in page
    assert "Dashed line: the schedule changed the algorithm" in page


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize(("cut", "expected"), [(1, LP), (2, RANDOM), (3, RANDOM)])
def test_a_run_that_goes_on_is_in_the_right_rule(
    cut: int, expected: str, tiny: FrozenLakeConfig, tmp_path: Path
) -> None:
    run = train(scheduled(tiny, tmp_path, "keep_checkpoints=10")).path
    checkpoint = run / "checkpoints" / f"{LP}-seed0" / f"epoch-{cut:06}"
    _, config = load_run(checkpoint, None, ["total_steps=2048"])  # 0.3 of it would be due at the end of epoch 3
    folder = train(config)
    assert rules(folder)[cut][1] == expected
    assert rules(folder)[-1] == (2048, RANDOM, 1)
    newest = newest_checkpoint(run / "checkpoints" / f"{LP}-seed0")
    assert newest is not None
    assert (newest.switches, rule_of(newest.path)) == (1, RANDOM)


@pytest.mark.usefixtures("no_pictures")
def test_what_was_in_force_cannot_be_taken_back(tiny: FrozenLakeConfig, tmp_path: Path) -> None:
    run = train(scheduled(tiny, tmp_path)).path
    _, config = load_run(run, None, ["total_steps=2048", "curriculum.schedule=[]"])
    with pytest.raises(ConfigError, match="has 0 entries, and 1 were in force already"):
        train(config)


@pytest.mark.usefixtures("no_pictures")
def test_several_changes_and_other_settings_of_the_same(tiny: FrozenLakeConfig, tmp_path: Path) -> None:
    more = "curriculum.schedule=[{at: 0.2, use: {type: discrete_random}}, {at: 0.5, use: {type: learning_progress}}]"
    assert rules(train(scheduled(tiny, tmp_path, more))) == [
        *((256, LP, 0), (512, RANDOM, 1), (768, LP, 2), (1024, LP, 2))
    ]


def test_with_a_comparison_the_baseline_stays_random(tiny: FrozenLakeConfig, tmp_path: Path) -> None:
    config = scheduled(tiny, tmp_path, "compare=true")
    assert [len(each.schedule) for each in config.arm_curricula().values()] == [1, 0]


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("[{at: 0.5, use: {type: discrete_random}}, {at: 0.2, use: {type: discrete_random}}]", "ascending order"),
        ("[{at: 1.0, use: {type: discrete_random}}]", "less than 1"),
        ("[{at: 0.5}]", "use"),
        ("[{at: 0.5, use: {type: nothing}}]", "discrete_random"),
    ],
)
def test_what_is_no_schedule_is_named(schedule: str, message: str, tiny: FrozenLakeConfig) -> None:
    with pytest.raises(ConfigError, match=message):
        apply_overrides(tiny, [f"curriculum.schedule={schedule}"])
