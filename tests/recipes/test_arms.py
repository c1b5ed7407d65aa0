"""Named arms: any number of algorithms in one run, told apart by name, against one baseline; and going on with them."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lpcurr import ConfigError, CurriculumConfig, DiscreteRandomConfig, LearningProgressConfig
from lpcurr.recipes import TrainingConfig, training
from lpcurr.recipes.config import with_algorithm
from lpcurr.recipes.frozen_lake.config import FrozenLakeConfig
from lpcurr.recipes.overrides import apply_overrides
from lpcurr.recipes.resuming import load_run
from lpcurr.runs.folder import RunFolder

ARMS = "arms={fast: {type: learning_progress, ema_timescale: 0.5}, slow: {type: learning_progress}}"
LP, RANDOM = "learning_progress", "discrete_random"


def train(config: TrainingConfig, **changes: Any) -> RunFolder:
    return training.run("frozen_lake", config.model_copy(update=changes), Console(file=io.StringIO(), width=200))


@pytest.fixture
def three(tiny: FrozenLakeConfig) -> FrozenLakeConfig:
    """Two learning progress arms with other settings, and a random one added by a second override."""
    return apply_overrides(tiny, ["vectorization=sync", ARMS, "arms.uniform={type: discrete_random}", "seeds=2"])


@pytest.mark.usefixtures("page_alone")
def test_arms_of_one_kind_keep_apart_and_meet_the_baseline(three: FrozenLakeConfig, tmp_path: Path) -> None:
    folder = train(three, baseline="slow", run_dir=tmp_path / "run")
    trainings = {(arm, seed) for arm in ("fast", "slow", "uniform") for seed in (0, 1)}
    assert {(row["curriculum"], row["seed"]) for row in folder.read("metrics.jsonl")} == trainings
    assert {path.name for path in (folder.path / "checkpoints").iterdir()} == {f"{a}-seed{s}" for a, s in trainings}
    assert {row["algorithm"] for row in folder.read("metrics.jsonl") if row["curriculum"] == "uniform"} == {RANDOM}
    result = json.loads((folder.path / "result.json").read_text())
    assert result["curricula"].keys() == {"fast", "slow", "uniform"}
    assert {arm: each["baseline"] for arm, each in result["differences"].items()} == {"fast": "slow", "uniform": "slow"}
    for arm, each in result["differences"].items():
        at_end = {(t["curriculum"], t["seed"]): t["eval/score"] for t in result["trainings"]}
        expected = sum(at_end[arm, seed] - at_end["slow", seed] for seed in (0, 1)) / 2
        assert each["eval/score"]["mean"] == pytest.approx(expected)
        assert each["seeds"] == 2
    page = (folder.path / "report.html").read_text()
    for words in ("of 2 better than slow", "fast − slow", "uniform − slow", "on the worst tenth of the tasks"):
        assert words in page


@pytest.mark.usefixtures("no_pictures")
def test_a_run_of_named_arms_goes_on(three: FrozenLakeConfig, tmp_path: Path) -> None:
    run = train(three, run_dir=tmp_path / "run", seeds=1).path
    folder = RunFolder(run, "frozen_lake", reopen=True)
    whole = folder.read("metrics.jsonl")
    folder.cut("slow", 0, 1)
    shutil.rmtree(run / "checkpoints" / "slow-seed0" / "epoch-000002")
    _, config = load_run(run, None, ["arms.late={type: discrete_random}"])  # an arm may be added
    train(config)
    rows = folder.read("metrics.jsonl")
    key = ("curriculum", "seed", "epoch", "steps")
    left = [[row[k] for k in key] for row in whole] + [["late", 0, 1, 256], ["late", 0, 2, 512]]
    assert sorted([row[k] for k in key] for row in rows) == sorted(left)
    with pytest.raises(ConfigError, match=r"arms\.slow\.type cannot change"):
        load_run(run, None, ["arms.slow.type=discrete_random"])


def test_one_arm_two_arms_and_named_ones_are_one_thing(tiny: FrozenLakeConfig) -> None:
    def arms(*overrides: str) -> dict[str, str]:
        config = apply_overrides(tiny, overrides)
        return {name: each.algorithm_config.type for name, each in config.arm_curricula().items()}

    assert arms() == {LP: LP}
    assert arms("use_lp=false") == {RANDOM: RANDOM}
    assert arms("compare=true") == {LP: LP, RANDOM: RANDOM}
    assert arms("compare=true", "use_lp=false") == {"frontier": "frontier", RANDOM: RANDOM}  # the default scheduler
    assert arms(ARMS) == {"fast": LP, "slow": LP}
    config = apply_overrides(tiny, [ARMS])
    assert [each.num_active_tasks for each in config.arm_curricula().values()] == [8, 8]
    assert config.arm_curricula()["fast"].algorithm_config.ema_timescale == 0.5
    assert type(config)(**config.model_dump()) == config


def test_the_baseline_is_the_one_named_or_random_or_the_first(tiny: FrozenLakeConfig) -> None:
    def baseline(*overrides: str) -> str | None:
        return apply_overrides(tiny, overrides).baseline_name()

    assert baseline() is None
    assert baseline("compare=true") == RANDOM
    assert baseline(ARMS) == "fast"
    assert baseline(ARMS, "arms.last={type: discrete_random}") == "last"
    assert baseline(ARMS, "baseline=slow") == "slow"


def test_an_arm_may_have_a_pool_of_its_own_size() -> None:
    curriculum = CurriculumConfig(num_active_tasks=64)
    assert with_algorithm(curriculum, LearningProgressConfig()).num_active_tasks == 64
    assert with_algorithm(curriculum, DiscreteRandomConfig(num_active_tasks=16)).num_active_tasks == 16
    config = TrainingConfig(curriculum=curriculum, arms={"small": {"type": RANDOM, "num_active_tasks": 16}})
    again = TrainingConfig(**config.model_dump())
    assert again.arm_curricula()["small"].num_active_tasks == 16


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([ARMS, "baseline=fats"], "baseline='fats': the arms are fast, slow"),
        ([ARMS, "compare=true"], "leave compare, use_lp and curriculum.schedule out"),
        (["arms.fast={type: learning_progres}"], r"arms\.fast\.type='learning_progres': .*did you mean"),
        (["arms.fast={type: discrete_random, ema_timescale: 1}"], r"arms\.fast\.ema_timescale=1: there is no such"),
        (["arms.fast={ema_timescale: 1}"], r"arms\.fast"),
        (["arms={a/b: {type: discrete_random}}"], "a/b"),
        (["arms={../up: {type: discrete_random}}"], "up"),
    ],
)
def test_what_is_no_arm_is_named(overrides: list[str], message: str, tiny: FrozenLakeConfig) -> None:
    with pytest.raises(ConfigError, match=message):
        apply_overrides(tiny, overrides)
