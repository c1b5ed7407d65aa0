"""The picture, at its edges, and the figures behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest

from lpcurr.recipes.report import draw_report, label_shares

Row = dict[str, Any]


def task(row: Row, task_id: int, probability: float) -> Row:
    return {
        "curriculum": row["curriculum"],
        "seed": row["seed"],
        "task_id": task_id,
        "label": "size=4",
        "probability": probability,
        "completions": 3,
        "success_rate": 0.5,
        "learning_progress": 0.1,
    }


def cases(row: Row) -> dict[str, tuple[list[Row], list[Row]]]:
    later = row | {"epoch": 2, "steps": 200, "epoch_completions/size=8": 3.0}
    other = {"curriculum": "discrete_random"}
    bare = {key: row[key] for key in row if not key.startswith(("eval/", "epoch_completions/"))}
    many = row | {f"epoch_completions/size={n}": 1.0 for n in range(40)}
    return {
        "nothing": ([], []),
        "one epoch": ([row], [task(row, 1, 1.0)]),
        "one epoch without tasks": ([row], []),
        "no episode ended": ([row | {"epoch_completions/size=4": 0.0, "epoch_completions/size=12": 0.0}], []),
        "neither evaluation nor labels": ([bare], []),
        "two curricula, two seeds, one cut short": (
            [row, later, row | other, later | other, row | {"seed": 1}, row | other | {"seed": 1}],
            [task(row, 1, 0.5), task(row, 2, 0.5), task(row | other, 1, 1.0)],
        ),
        "more labels than colours": ([many, many | {"epoch": 2, "steps": 200}], []),
    }


@pytest.mark.parametrize("case", list(cases({"curriculum": "", "seed": 0, "epoch": 1, "steps": 1})))
def test_it_is_drawn_whatever_there_is(case: str, row: Row, tmp_path: Path) -> None:
    rows, tasks = cases(row)[case]
    draw_report(rows, tasks, tmp_path / "report.png")
    picture = matplotlib.image.imread(tmp_path / "report.png")
    assert picture.shape[0] > 500
    assert picture.std() > 0.01  # something is on it


def test_labels_are_ordered_by_their_numbers(row: Row) -> None:
    _, names, shares = label_shares([row | {"epoch_completions/size=8": 7.0}])
    assert names == ["size=4", "size=8", "size=12"]
    np.testing.assert_allclose(shares[:, 0], [5 / 14, 7 / 14, 2 / 14])


def test_small_labels_are_others_and_shares_add_up(row: Row) -> None:
    many = row | {f"epoch_completions/size={n}": float(n) for n in range(40)}
    steps, names, shares = label_shares([many, row | {"epoch": 2, "steps": 200}])
    assert names[-1] == "others"
    assert len(names) == 8
    assert {"size=39", "size=33"} < set(names)
    np.testing.assert_array_equal(steps, [100, 200])
    np.testing.assert_allclose(shares.sum(axis=0), 1.0)


def test_seeds_are_added_up(row: Row) -> None:
    _, names, shares = label_shares([row, row | {"seed": 1, "epoch_completions/size=4": 0.0}])
    assert names == ["size=4", "size=12"]
    np.testing.assert_allclose(shares[:, 0], [5 / 9, 4 / 9])
