"""The recipe of sums with TRL's real GRPOTrainer, small enough for seconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from lpcurr.recipes.overrides import apply_overrides
from lpcurr.recipes.registry import load_config
from lpcurr.recipes.resuming import load_run
from lpcurr.recipes.sums_grpo.config import GRADES, EvaluationConfig, SumsConfig, answer_of, held_out_sums, sums_grpo
from lpcurr.recipes.training import run
from lpcurr.runs.metrics import METRICS

TINY = ["total_steps=64", "epoch_steps=32", "learner.prompts=4", "learner.attempts=4", "learner.hidden=16"]
TINY += ["learner.layers=1", "learner.warm_steps=20", "evaluation.num_tasks=12"]
QUIET = Console(quiet=True)


def tiny(*overrides: str) -> SumsConfig:
    return apply_overrides(sums_grpo(), [*TINY, *overrides])


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_held_out_sums_are_of_every_grade_and_not_trained_on() -> None:
    trained = load_config("sums_grpo").curriculum.task_generator.tasks
    held_out = held_out_sums(EvaluationConfig(), trained)
    assert len(held_out) == len(set(held_out)) == 192
    assert not set(held_out) & set(trained)
    assert {prompt.count("+") + 1 for prompt in held_out} == set(GRADES)
    assert [answer_of(prompt) for prompt in ("4 + 0 + 4 =", "1 + 1 + 1 + 2 =")] == [8, 5]


def test_both_arms_train_and_the_pool_hears_of_every_answer(tmp_path: Path) -> None:
    folder = run("sums_grpo", tiny("compare=true", f"run_dir={tmp_path / 'run'}"), QUIET).path
    found = rows(folder)
    assert [(row["curriculum"], row["steps"]) for row in found] == [
        (kind, steps) for kind in ("frontier", "discrete_random") for steps in (32, 64)
    ]
    documented = {key.partition("<")[0] for key in METRICS}
    for row in found:
        assert all(key in documented or any(key.startswith(family) for family in documented) for key in row)
        assert row["curriculum/num_completed"] == row["episodes"] == row["steps"]
        assert {f"label_held_out/{terms} terms" for terms in GRADES} <= row.keys()
        assert 0.0 < row["eval/score"] < 1.0
    assert "Held-out score by label" in (folder / "report.html").read_text()


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path: Path) -> None:
    whole = rows(run("sums_grpo", tiny("total_steps=96", f"run_dir={tmp_path / 'whole'}"), QUIET).path)
    cut = run("sums_grpo", tiny(f"run_dir={tmp_path / 'cut'}"), QUIET).path
    name, config = load_run(cut, None, ["total_steps=96"])
    again = rows(run(name, config, QUIET).path)
    assert [(row["steps"], row["score"], row["eval/score"]) for row in again] == [
        (row["steps"], row["score"], row["eval/score"]) for row in whole
    ]
