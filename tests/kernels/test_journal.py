"""The undo journal puts back what it was told of, in reverse order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lpcurr.kernels.calls import upkeep
from lpcurr.memory import layout
from lpcurr.pool.pool import Pool
from tests.kernels.calls import (
    JOURNAL,
    commit,
    content,
    make_pool,
    remember_columns,
    remember_label,
    remember_word,
    remember_words,
    roll_back,
)

COMPLETED = layout.header_word("completed")


@pytest.fixture
def pool() -> Pool:
    made = make_pool(70)
    for task_id in range(3):
        made.add_task(task_id, f"label {task_id}", pending=False, success_threshold=None)
        made.update(task_id, 0.5, 0.5, 1.0)
    return made


def words(pool: Pool) -> Any:
    """Everything but the journal."""
    cells = content(pool)[: pool.state.dtype.itemsize // 8 * 8].view(np.int64).copy()
    cells[JOURNAL] = 0
    return cells


def test_a_committed_change_stays(pool: Pool) -> None:
    remember_word(content(pool), COMPLETED)
    pool.state["header"]["completed"] = 77
    commit(content(pool))
    assert roll_back(content(pool)) == 0
    assert pool.state["header"]["completed"][0] == 77


def test_words_columns_and_labels_are_restored(pool: Pool) -> None:
    segment, before = content(pool), words(pool)
    remember_word(segment, COMPLETED)
    remember_words(segment, layout.header_word("created"), layout.header_word("created") + 3)
    remember_columns(segment, 3, 9, 1)
    remember_label(segment, 2)
    pool.state["header"]["completed"] = -5
    for name in ("created", "evicted", "entry_count"):
        pool.state["header"][name] += 1
    for name, _ in layout.TRUTH_COLUMNS[3:9]:
        layout.cells(pool.state, name)[0, 1] = 9
    for name in ("completed", "evicted", "epoch_evicted", "epoch_sampled"):
        pool.state["label_table"][name][0, 2] += 4
    assert (words(pool) != before).sum() == 1 + 3 + 6 + 4
    assert roll_back(segment) == 1 + 3 + 6 + layout.label_word("name")
    np.testing.assert_array_equal(words(pool), before)
    assert not pool.state["header"]["journal_count"].any()


def test_a_word_that_was_changed_twice_goes_back_to_its_first_value(pool: Pool) -> None:
    before = words(pool)
    for value in (10, 20, 30):
        remember_word(content(pool), COMPLETED)
        pool.state["header"]["completed"] = value
    assert roll_back(content(pool)) == 3
    np.testing.assert_array_equal(words(pool), before)


def test_the_longest_call_fits_into_the_journal() -> None:
    """A whole row, the counters of creation and eviction, and two labels."""
    row = len(layout.TRUTH_COLUMNS)
    counters = layout.header_word("evicted_completions") + 1 - layout.header_word("created")
    label = layout.label_word("epoch_sampled") + 1 - layout.label_word("completed")
    # get_task on a full pool: a removal, a creation and the draw's own words in one call
    assert 2 * (row + counters) + 2 * label + 2 <= layout.JOURNAL_CAPACITY


@pytest.mark.parametrize(
    "word", [2**40, -(2**62), -(5 << 9), -(5 << 9 | 200)], ids=["beyond", "before", "none", "many"]
)
def test_entries_that_lead_out_of_the_segment_are_not_undone(pool: Pool, word: int) -> None:
    remember_word(content(pool), COMPLETED)
    remember_word(content(pool), COMPLETED)
    pool.state["header"]["journal_word"][0, 1] = word  # the first journal's
    pool.state["header"]["journal"] = 2**40 * layout.JOURNALS
    roll_back(content(pool))
    assert not pool.state["header"]["journal_count"].any()
    assert pool.state["header"]["completed"][0] == 3


def test_a_repair_leaves_no_label_that_leads_out_of_the_table(pool: Pool) -> None:
    pool.state["header"]["label_count"] = 2**40
    pool.state["label"][0, :2] = 60_000, -5
    upkeep.recover.entry(content(pool))
    assert (pool.state["label"][0, :2] == layout.UNKNOWN_LABEL).all()
    assert pool.state["header"]["label_count"][0] == layout.LABEL_CAPACITY
    assert pool.state["label_table"]["active"][0, layout.UNKNOWN_LABEL] == 2
    assert pool.update(0, 0.5, 0.5, 1.0) == layout.Status.ACCEPTED
