"""What lpcurr 0.1 wrote (format 1) is read, and goes on as it did there; columns that it did not have get defaults.

``version_1/`` holds files of five kinds of pools, the state of one of them, and the tasks that 0.1 then played.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import lpcurr
from lpcurr.checkpoint import read_checkpoint
from lpcurr.checkpoint.content import COLUMN_DTYPES, REQUIRED_COLUMNS
from lpcurr.memory import layout
from tests.checkpoint.pools import play, state_of

OLD = Path(__file__).parent / "version_1"
PLAYED = json.loads((OLD / "played.json").read_text())


@pytest.mark.parametrize("kind", PLAYED)
def test_a_file_of_the_first_format_goes_on_as_it_did(kind: str) -> None:
    with lpcurr.Curriculum.load(OLD / f"{kind}.lpc") as curriculum:
        assert curriculum.find_violations() == []
        assert play(curriculum, 200, 300) == PLAYED[kind]
        assert curriculum.find_violations() == []


def test_a_state_of_the_first_format_goes_on_as_it_did() -> None:
    state = json.loads((OLD / "reference.json").read_text())
    with lpcurr.Curriculum.load(OLD / "reference.lpc") as curriculum:
        expected = state_of(curriculum)
        play(curriculum, 50)
        curriculum.load_state(state)
        assert state_of(curriculum) == expected
        assert play(curriculum, 200, 300) == PLAYED["reference"]


def test_an_old_file_saved_anew_is_of_the_new_format(tmp_path: Path) -> None:
    with lpcurr.Curriculum.load(OLD / "learning_progress.lpc") as curriculum:
        curriculum.save(tmp_path / "new.lpc")
        expected = curriculum.get_state()
    assert (tmp_path / "new.lpc").read_bytes().startswith(b"PK")
    with lpcurr.Curriculum.load(tmp_path / "new.lpc") as curriculum:
        assert curriculum.get_state() == expected


def test_columns_that_are_not_there_have_their_defaults() -> None:
    checkpoint = read_checkpoint(OLD / "learning_progress.lpc")
    assert checkpoint.columns.keys() == COLUMN_DTYPES.keys()
    for name in COLUMN_DTYPES.keys() - set(REQUIRED_COLUMNS):
        expected = layout.COLUMN_DEFAULTS.get(name, 0.0)
        np.testing.assert_array_equal(checkpoint.columns[name], np.full(12, expected))
