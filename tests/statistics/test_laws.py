"""The law worked out in NumPy from a moment, against what the kernels keep, and moments against the pool itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lpcurr import CurriculumConfig
from lpcurr.memory import layout
from lpcurr.pool.moment import Moment
from lpcurr.schedulers.common import Way
from lpcurr.statistics.laws import mean_and_deviation, priorities
from tests.checkpoint.pools import KINDS, make, play


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("episodes", [0, 1, 4000])
def test_priorities_are_bit_for_bit_those_of_the_kernels(kind: str, episodes: int) -> None:
    with make(kind) as curriculum:
        play(curriculum, episodes)
        moment, state = curriculum.moment(), curriculum._pool.state
        kept = state["priority"][0][moment.slots]
        np.testing.assert_array_equal(priorities(moment), kept)
        if moment.header["draws_by"] != Way.Z_SCORE:
            return  # sums are not kept
        mean, deviation = mean_and_deviation(moment.header)
        assert mean == pytest.approx(kept.mean() if kept.size else 0.0, rel=1e-12)
        assert deviation == pytest.approx(kept.std() if kept.size else 0.0, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_moment_holds_every_task_as_it_is(kind: str) -> None:
    with make(kind) as curriculum:
        play(curriculum, 700)
        moment, state = curriculum.moment(), curriculum._pool.state
        header = state["header"][0]
        np.testing.assert_array_equal(moment.active, state["active"][0][: header["active_count"]])
        assert (np.diff(moment.columns["entry"]) > 0).all()
        for name, _ in layout.TRUTH_COLUMNS:
            np.testing.assert_array_equal(moment.columns[name], layout.cells(state, name)[0][moment.slots])
        np.testing.assert_array_equal(moment.slots[moment.by_index()], moment.active)
        unlocked = Moment.of_state(state)
        for name, column in moment.columns.items():
            np.testing.assert_array_equal(unlocked.columns[name], column)


def test_a_moment_stays_when_the_pool_goes_on() -> None:
    with make("labels that come and go") as curriculum:
        play(curriculum, 500)
        moment = curriculum.moment()
        before = {name: column.copy() for name, column in moment.columns.items()}
        completed, labels = int(moment.header["completed"]), moment.task_labels.tolist()
        play(curriculum, 2000, 500)
        for name, column in before.items():
            np.testing.assert_array_equal(moment.columns[name], column)
        assert (moment.header["completed"], moment.task_labels.tolist()) == (completed, labels)


@pytest.mark.parametrize("kind", KINDS)
def test_columns_are_what_each_task_says(kind: str) -> None:
    with make(kind) as curriculum:
        play(curriculum, 900)
        columns = curriculum.columns()
        ids, probabilities = curriculum.probabilities()
        assert columns["task_id"].tolist() == ids.tolist()
        assert columns["probability"].tolist() == probabilities.tolist()
        names = set(curriculum.get_task_stats(int(ids[0])) or {})
        assert set(columns) == names | {"entry", "probability"}
        for position, task_id in enumerate(ids.tolist()):
            stats: Any = curriculum.get_task_stats(task_id)
            assert {name: columns[name].tolist()[position] for name in names} == stats


def test_an_empty_pool_has_columns_and_a_moment_of_tables_alone_has_none() -> None:
    config = CurriculumConfig(num_active_tasks=9, use_shared_memory=False, defer_init=True)
    with config.make() as curriculum:
        assert {column.size for column in curriculum.columns().values()} == {0}
        curriculum.add_task(5, "label")
        tables = curriculum.moment(tables_only=True)
        assert (tables.columns, int(tables.header["active_count"])) == ({}, 1)
        assert tables.label_names == {0: "unknown", 1: "(other)", 2: "label"}
