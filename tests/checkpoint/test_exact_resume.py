"""Going on from a checkpoint is going on as if nothing had happened, bit for bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lpcurr
from lpcurr.checkpoint.content import COLUMN_DTYPES, Counters, Description, Label, Sums
from lpcurr.memory import layout
from tests.checkpoint.pools import KINDS, digest, make, play, state_of

_BEFORE = 7_321
_AFTER = 20_000  # the sums are rebuilt twice, and the pool that is not yet full fills up


@pytest.fixture(scope="module")
def digests(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], dict[str, str]]:
    """By kind of pool: the uninterrupted run, and the one resumed in a new process."""
    folder = tmp_path_factory.mktemp("checkpoints")
    uninterrupted = {}
    for kind in KINDS:
        with make(kind) as curriculum:
            play(curriculum, _BEFORE)
            curriculum.save(folder / f"{kind}.lpc")
            uninterrupted[kind] = digest(play(curriculum, _AFTER, _BEFORE), curriculum)
    program = [sys.executable, "-m", "tests.checkpoint.resume", str(folder), str(_AFTER), str(_BEFORE)]
    environment = os.environ | {"PYTHONHASHSEED": "11"}
    root = Path(__file__).resolve().parents[2]
    answer = subprocess.run(program, env=environment, cwd=root, check=True, capture_output=True, text=True)
    return uninterrupted, json.loads(answer.stdout)


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_process_goes_on_bit_for_bit(kind: str, digests: tuple[dict[str, str], dict[str, str]]) -> None:
    uninterrupted, resumed = digests
    assert resumed[kind] == uninterrupted[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_the_runs_that_are_compared_do_something(kind: str) -> None:
    """Lest two empty runs be found equal: evictions and labels happen where they should."""
    with make(kind) as curriculum:
        play(curriculum, _BEFORE)
        header = curriculum._pool.state["header"][0]
        assert header["completed"] == _BEFORE
        if kind not in ("not yet full", "discrete random"):
            assert header["evicted"] > 0
        if kind == "labels that come and go":
            assert header["label_stamp"] > 20
        if kind == "not yet full":
            assert header["active_count"] < header["capacity"]


@settings(max_examples=25, deadline=None)
@given(kind=st.sampled_from(sorted(KINDS)), before=st.integers(0, 700), after=st.integers(1, 300))
def test_a_state_taken_at_any_point_leads_on_as_the_pool_did(kind: str, before: int, after: int) -> None:
    with make(kind) as curriculum:
        play(curriculum, before)
        state = curriculum.get_state()
        ids = play(curriculum, after, before)
        reached = state_of(curriculum)
        curriculum.load_state(json.loads(json.dumps(state)))
        assert curriculum.get_state() == state
        assert play(curriculum, after, before) == ids
        assert state_of(curriculum) == reached
        assert curriculum.find_violations() == []


def test_trainers_find_the_state_under_their_names() -> None:
    with make("not yet full") as curriculum:
        state = json.loads(json.dumps(curriculum.state_dict()))
        ids = play(curriculum, 50, 0)
        curriculum.load_state_dict(state)
        assert play(curriculum, 50, 0) == ids


def test_the_first_tasks_of_an_empty_pool(tmp_path: Path) -> None:
    config = lpcurr.CurriculumConfig(num_active_tasks=5, seed=3, use_shared_memory=False)
    with config.make() as curriculum:
        curriculum.save(tmp_path / "empty.lpc")
        expected = curriculum.sample_ids(20).tolist()
    with lpcurr.Curriculum.load(tmp_path / "empty.lpc") as curriculum:
        assert curriculum.sample_ids(20).tolist() == expected


def test_saving_changes_nothing_and_equal_pools_give_equal_files(tmp_path: Path) -> None:
    with make("reference") as saved, make("reference") as other:
        assert play(saved, 500) == play(other, 500)
        for path in (tmp_path / "1.lpc", tmp_path / "2.lpc"):
            saved.save(path)
        assert (tmp_path / "1.lpc").read_bytes() == (tmp_path / "2.lpc").read_bytes()
        assert play(saved, 500, 500) == play(other, 500, 500)


def test_nothing_in_the_layout_is_forgotten() -> None:
    """Whoever adds a field decides here whether a checkpoint has it."""
    identity = {"magic", "layout_version", "segment_size", "config_offset", "config_room", "creator_pid"}
    identity |= {"creator_start_time", "created_at", "mutex", "clock", "new_label"}
    identity |= {"index_multiplier", "pid_namespace", "config_valid", "config_size0", "config_size1"}
    of_this_segment = {"eviction_stamp", "label_stamp", "rules_stamp", "repairs", "replacing"}
    of_this_segment |= {"journal", "journal_count", "journal_word", "journal_value", "epoch_ending"}
    of_this_segment |= {"held", "lock_file", "fault_countdown", "repairs_logged", "process_room"}
    of_this_segment |= {"log_offset", "log_capacity", "log_on", "log_begin", "log_end", "log_lost", "log_target"}
    of_this_segment |= {"log_reader_pid", "log_reader_start_time"}
    of_this_segment |= {"node", "nodes", "fill_limit", "appending", "listed"}
    rebuilt = {"active_count", "explored_count", "immature_count", "high_water", "free_count", "index_mask"}
    rebuilt |= {"label_count", "inactive_labels", "rank_root"}
    configuration = set(lpcurr.CurriculumConfig().header_settings())
    kept = {*Counters.model_fields, *Sums.model_fields, "seed", "capacity"}
    assert set(layout.HEADER.names or ()) == identity | of_this_segment | rebuilt | configuration | kept
    assert {"seed", "capacity"} <= set(Description.model_fields)
    assert set(COLUMN_DTYPES) == {name for name, _ in layout.TRUTH_COLUMNS} | {"slot"}
    assert set(layout.LABEL.names or ()) == (set(Label.model_fields) - {"row"}) | {"used", "name_size", "active"}
