"""The comparison of real agents: what the learner says of an episode, and what is printed. Nothing is trained here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asv_benchmarks.agents import ValueLoss, compare


class Reported:
    """Keeps what is reported with signals."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def update_many(self, *columns: Any) -> None:
        self.calls.append(tuple(column.tolist() for column in columns))


def test_an_episode_is_reported_with_its_mean_absolute_advantage() -> None:
    curriculum: Any = Reported()
    losses = ValueLoss(curriculum, environments=2)
    curriculum.update_task_performance(7, 1.0)  # as environment 1 does at step 1
    losses.report(np.array([[1.0, -2.0], [1.0, 4.0], [1.0, 9.0]]), np.array([[0, 0], [0, 1], [0, 0]], bool))
    losses.report(np.array([[1.0, 1.0]]), np.zeros((1, 2), bool))  # nobody's end: nothing to say
    curriculum.update_task_performance(3, 0.0)
    curriculum.update_task_performance(7, 0.5)
    losses.report(np.array([[-6.0, -2.0]]), np.array([[1, 1]], bool))
    assert curriculum.calls == [([7], [1.0], [3.0]), ([3, 7], [0.0, 0.5], [2.0, 4.0])]  # across rollouts


def test_the_table_pairs_by_seed(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        {"arm": arm, "seed": seed, "eval/score": score, "eval/worst_tenth": 0.0, "tasks": 5, "seconds": 60.0}
        for arm, scores in (("uniform", (0.1, 0.5)), ("frontier", (0.2, 0.6)))
        for seed, score in enumerate(scores)
    ]
    compare(lines)
    frontier = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("frontier"))
    assert frontier.split()[1:8:3] == ["0.400", "0.000", "0.100"]
    assert "0.100 ± 0.000" in frontier  # the seeds differ by far more than the arms, and the pairs not at all
