"""The panel of simulated students: what is counted, and that students learn what they play. Not who wins."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from asv_benchmarks.teaching import __main__ as panel
from asv_benchmarks.teaching.families import FAMILIES, Family, chain
from asv_benchmarks.teaching.judging import CHECKPOINTS, teach
from asv_benchmarks.teaching.schedulers import BARS
from asv_benchmarks.teaching.skills import skills


class OneTask:
    """Plays one task for ever, and keeps what is reported."""

    def __init__(self, task_id: int) -> None:
        self.task_id = task_id
        self.scores: list[float] = []

    def get_task(self) -> SimpleNamespace:
        return SimpleNamespace(task_id=self.task_id)

    def update_task_performance(self, task_id: int, score: float) -> bool:
        assert task_id == self.task_id
        self.scores.append(score)
        return True


def test_only_what_is_played_is_learned_and_all_of_it_is_counted() -> None:
    curriculum = OneTask(3)
    outcome = teach(skills(10, seed=1, pace=0.5), curriculum, budget=40)
    assert outcome.episodes == outcome.cost == len(curriculum.scores) == 40
    assert outcome.plays == {3: 40}
    assert outcome.final == pytest.approx(0.1, abs=1e-6)  # one task of ten is mastered
    assert outcome.tail == 0.0
    assert 0.0 < outcome.area < outcome.final


def test_the_budget_is_cost() -> None:
    outcome = teach(skills(4, seed=1, high=0.0, cost_failure=5.0), OneTask(0), budget=100)
    assert (outcome.episodes, outcome.cost) == (20, 100.0)


def test_a_task_waits_for_what_it_needs() -> None:
    student = skills(3, seed=1, needs=chain(3, 1), pace=0.5)
    student.play(np.full(20, 1), 0.0)
    assert student.true_success(20.0)[1] == 0.0
    student.play(np.array([0] * 20 + [1] * 20), 20.0)
    assert student.true_success(60.0)[:2] == pytest.approx([1.0, 1.0], abs=1e-5)


def test_what_is_forgotten_upset_or_hidden_does_not_show() -> None:
    student = skills(3, seed=1, pace=1.0, forgetting=[0.0, 0.1, 0.0], upset=[np.inf, np.inf, 5.0], leap=[0.0, 0.0, 0.5])
    student.play(np.array([0, 1, 2]), 0.0)
    assert student.true_success(4.0) == pytest.approx([1.0, np.exp(-0.3), 1.0])
    assert student.true_success(5.0)[2] == 0.0
    slow = skills(1, seed=1, pace=0.3, leap=0.5)
    slow.play(np.array([0]), 0.0)
    assert slow.true_success(1.0) == [0.0]
    slow.play(np.array([0]), 1.0)
    assert slow.true_success(2.0) == [1.0]


@pytest.mark.parametrize("family", [FAMILIES[0], next(family for family in FAMILIES if family.pool)])
def test_the_library_teaches_a_family(family: Family) -> None:
    outcome = panel.judge(family, BARS["uniform"], seed=1, share=0.02)
    budget = 0.02 * family.budget
    assert budget <= outcome.episodes == outcome.cost == sum(outcome.plays.values()) < budget + 8
    assert len(outcome.plays) <= (family.pool or len(family.make(1).labels))
    assert 0.0 <= outcome.tail <= outcome.final <= 1.0


def test_the_command_judges_any_factory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture, figures = tmp_path / "panel.png", tmp_path / "panel.json"
    new_tasks = "asv_benchmarks.teaching.schedulers:NewTasks"
    panel.main(
        [
            "--quick",
            "--families",
            "endless",
            "--scheduler",
            new_tasks,
            "--picture",
            str(picture),
            "--json",
            str(figures),
        ]
    )
    assert "new task every episode" in capsys.readouterr().out
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert figures.stat().st_size > 0


@pytest.mark.parametrize("bad", [["--scheduler", "nothing"], ["--families", "nothing"]])
def test_a_name_that_is_not_there_is_said(bad: list[str]) -> None:
    with pytest.raises(SystemExit, match="nothing"):
        panel.main(["--quick", *bad])


def test_checkpoints_cover_the_budget() -> None:
    outcome = teach(skills(1, seed=1, low=1.0), OneTask(0), budget=CHECKPOINTS // 2)
    assert outcome.area == outcome.final == 1.0
