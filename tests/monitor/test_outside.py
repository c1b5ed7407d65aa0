"""Looking at a pool from outside: the same figures as from inside, without a trace, whatever happens to either side."""

from __future__ import annotations

import ctypes
import dataclasses
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lpcurr
from lpcurr import Curriculum, CurriculumConfig
from lpcurr.memory import layout
from lpcurr.monitor.drawing import SORT_KEYS, View, draw
from lpcurr.monitor.reading import SessionReader, find_session
from lpcurr.monitor.table import TaskTable
from lpcurr.monitor.watching import Watch
from lpcurr.statistics.laws import score_tasks
from tests.checkpoint.pools import KINDS, make, play

ROOT = Path(__file__).parents[2]
SHARED = [kind for kind, fields in KINDS.items() if fields.get("use_shared_memory", True)]


@pytest.fixture
def curriculum() -> Iterator[Curriculum]:
    with make("labels that come and go") as curriculum:
        play(curriculum, 3000)
        yield curriculum


@pytest.fixture
def reader(curriculum: Curriculum) -> Iterator[SessionReader]:
    reader = SessionReader(str(curriculum.session_id))
    yield reader
    reader.close()


# -- figures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SHARED)
@pytest.mark.parametrize("episodes", [0, 1, 150, 4000])
def test_a_moment_read_from_outside_is_that_of_the_inside(kind: str, episodes: int) -> None:
    with make(kind) as curriculum:
        play(curriculum, episodes)
        reader = SessionReader(str(curriculum.session_id))
        outside, inside = reader.moment(), curriculum.moment()
        reader.close()
        assert outside.columns.keys() == inside.columns.keys()
        for name, column in inside.columns.items():
            np.testing.assert_array_equal(outside.columns[name], column)
        np.testing.assert_array_equal(outside.active, inside.active)
        np.testing.assert_array_equal(outside.task_labels, inside.task_labels)
        np.testing.assert_array_equal(outside.columns["task_id"], curriculum.columns()["task_id"])


@pytest.mark.parametrize("kind", SHARED)
def test_a_table_says_of_every_task_what_the_curriculum_says(kind: str) -> None:
    with make(kind) as curriculum:
        play(curriculum, 500)
        reader = SessionReader(str(curriculum.session_id))
        moment, at_rest = reader.moment_at_rest()
        rows = {row["id"]: row for row in TaskTable.of_moment(moment)[0].rows()}
        reader.close()
        assert at_rest
        assert rows.keys() == set(curriculum.probabilities()[0].tolist())
        for task_id, row in rows.items():
            stats = curriculum.get_task_stats(task_id)
            assert stats is not None
            assert (row["label"], row["completions"]) == (stats["label"], stats["completion_count"])
            for name, stored in (
                ("score", "reward_ema"),
                ("success", "success_rate_ema"),
                ("draws", "scheduled_count"),
            ):
                assert row[name] == stats[stored]
            for name in ("p_fast", "p_slow", "p_true", "random_baseline", "total_score", "last_score", "ema_squared"):
                assert row[name] == stats[name]


def test_a_frame_adds_up(curriculum: Curriculum, reader: SessionReader) -> None:
    watch = Watch(reader)
    play(curriculum, 400, 3000)
    watch.look()
    assert watch.figures()["episodes_per_second"] > 0
    figures = Watch(reader).figures(tasks=3)  # a new one: tasks are gone through less often than one can look
    assert json.loads(json.dumps(figures)) == figures
    stats = curriculum.stats()
    assert (figures["completed"], figures["tasks"]) == (stats["num_completed"], stats["num_active_tasks"])
    assert sum(each["share"] for each in figures["labels"]) == pytest.approx(1.0)
    assert sum(each["tasks"] for each in figures["labels"]) == figures["tasks"]
    by_label = {key.rpartition("/")[2]: n for key, n in stats.items() if key.startswith("per_label_completions/")}
    assert all(each["completions"] == by_label[each["label"]] for each in figures["labels"])
    hot, cold = figures["hottest"], figures["coldest"]
    assert [each["probability"] for each in hot] == sorted((each["probability"] for each in hot), reverse=True)
    assert hot[-1]["probability"] >= cold[-1]["probability"] >= cold[0]["probability"]
    assert figures["hottest"][0]["probability"] == pytest.approx(curriculum.probabilities()[1].max())
    (mine,) = figures["processes"]
    assert (mine["pid"], mine["alive"]) == (os.getpid(), True)
    assert mine["draws"] == stats["num_scheduled"]


def test_steps_are_shown_where_the_trainer_tells_of_them(curriculum: Curriculum, reader: SessionReader) -> None:
    watch = Watch(reader)
    assert "steps/s" not in "\n".join(line.plain for line in draw(watch, View(), 120, 40))
    curriculum.count_steps(5000)
    watch.look()
    assert watch.figures()["processes"][0]["steps"] == 5000
    assert "steps/s" in "\n".join(line.plain for line in draw(watch, View(), 120, 40))
    with pytest.raises(lpcurr.LpcurrError):
        curriculum.count_steps(-1)


# -- without a trace ------------------------------------------------------------------------------------------------


def test_looking_takes_no_lock_no_place_and_cannot_write(curriculum: Curriculum, reader: SessionReader) -> None:
    before = curriculum._pool.state.tobytes()
    libc = ctypes.CDLL(None)
    mutex = ctypes.c_void_p(curriculum._pool._segment.bytes.ctypes.data + layout.MUTEX_OFFSET)
    if not libc.pthread_mutex_lock(mutex):  # nobody gets into the pool now
        try:
            watch = Watch(reader)
            watch.look()
            assert watch.figures()["completed"] == 3000 - watch.figures()["refused"]
            TaskTable.of_moment(reader.moment())
        finally:
            libc.pthread_mutex_unlock(mutex)
    after = curriculum._pool.state.tobytes()
    changed = np.flatnonzero(np.frombuffer(before, np.uint8) != np.frombuffer(after, np.uint8))
    in_mutex = (changed >= layout.MUTEX_OFFSET) & (changed < layout.MUTEX_OFFSET + layout.MUTEX_SIZE)
    assert in_mutex.all()
    with pytest.raises(ValueError, match="read-only"):
        reader._state["header"]["completed"] = 0


def test_a_busy_pool_can_be_read_at_any_moment() -> None:
    def hammer(curriculum: Curriculum) -> None:
        while True:
            play(curriculum, 1000)

    with make("labels that come and go") as curriculum:
        play(curriculum, 1000)  # the pool is full before anybody looks
        context = multiprocessing.get_context("fork")
        workers = [context.Process(target=hammer, args=(curriculum,)) for _ in range(2)]
        for worker in workers:
            worker.daemon = True
            worker.start()
        reader = SessionReader(str(curriculum.session_id))
        watch = Watch(reader)
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline:
            watch.look()
            figures = watch.figures()
            assert 25 <= figures["tasks"] <= 30
            assert sum(each["share"] for each in figures["labels"]) == pytest.approx(1.0)
            assert all(np.isfinite(row["probability"]) for row in TaskTable.of_moment(reader.moment())[0].rows())
            for line in draw(watch, View(), 100, 30):
                assert line.cell_len <= 100
        for worker in workers:
            worker.kill()
            worker.join()
        reader.close()
        assert curriculum.find_violations() == []


def test_a_label_that_came_while_the_pool_was_copied_is_unknown() -> None:
    with CurriculumConfig(num_active_tasks=9, defer_init=True, algorithm_config="label_progress").make() as curriculum:
        curriculum.add_task(1, "old")
        tables = curriculum.moment()
        curriculum.add_task(2, "new")
        moment = dataclasses.replace(curriculum.moment(), header=tables.header, labels=tables.labels)
        assert moment.task_labels.tolist() == ["old", "unknown"]
        assert score_tasks(moment).probabilities.tolist() == [0.5, 0.5]


# -- finding and ending ---------------------------------------------------------------------------------------------


def test_the_only_session_is_found_and_several_are_listed(curriculum: Curriculum) -> None:
    mine = str(curriculum.session_id)
    assert find_session(mine[:8]) == mine
    with CurriculumConfig(num_active_tasks=4, session_id=f"{mine[:8]}-other").make():
        with pytest.raises(lpcurr.LpcurrError, match="2 sessions are running") as caught:
            find_session(mine[:8])
        assert mine in str(caught.value)
    for name in ("nothing-here", "\udcff"):
        with pytest.raises(lpcurr.SessionNotFoundError):
            SessionReader(name)


def test_an_ended_session_says_how(curriculum: Curriculum, reader: SessionReader) -> None:
    watch = Watch(reader)
    assert watch.ending == ""
    curriculum.close()
    curriculum.unlink()
    watch.look()
    assert watch.ending == "closed by its creator"
    assert "ended: closed by its creator" in draw(watch, View(), 100, 30)[0].plain


def test_a_killed_worker_is_dead_at_the_next_look(curriculum: Curriculum, reader: SessionReader) -> None:
    def attend(other: Curriculum, ready: Any) -> None:
        other.get_task()
        ready.set()
        time.sleep(100)

    context = multiprocessing.get_context("fork")
    ready = context.Event()
    worker = context.Process(target=attend, args=(curriculum, ready))
    worker.daemon = True
    worker.start()
    assert ready.wait(300)
    watch = Watch(reader)
    assert {each["pid"]: each["alive"] for each in watch.counts.processes}[worker.pid]
    worker.kill()
    deadline = time.monotonic() + 300
    while True:  # not joined: a zombie is dead as well
        watch.look()
        if not {each["pid"]: each["alive"] for each in watch.counts.processes}[worker.pid]:
            break
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert "✗ dead" in "\n".join(line.plain for line in draw(watch, View(), 100, 40))
    worker.join()


# -- drawing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [20, 79, 80, 120, 300])
@pytest.mark.parametrize("height", [5, 24, 40, 100])
def test_a_frame_fits_any_terminal(width: int, height: int, curriculum: Curriculum, reader: SessionReader) -> None:
    watch = Watch(reader)
    for sort in SORT_KEYS:
        lines = draw(watch, View(sort=sort, label="size=1", scroll=3), width, height)
        assert len(lines) <= height
        assert all(line.cell_len <= width for line in lines)


@pytest.mark.parametrize("kind", SHARED)
def test_every_kind_of_pool_is_drawn_also_when_it_is_empty(kind: str) -> None:
    with make(kind) as curriculum:
        reader = SessionReader(str(curriculum.session_id))
        for _ in range(2):
            text = "\n".join(line.plain for line in draw(Watch(reader), View(), 120, 40))
            assert str(curriculum.session_id) in text
            assert "nan" not in text
            play(curriculum, 300)
        reader.close()


# -- the command ----------------------------------------------------------------------------------------------------


def test_once_and_json(curriculum: Curriculum) -> None:
    command = [sys.executable, "-m", "lpcurr", "top", str(curriculum.session_id), "--once"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=300).stdout
    assert str(curriculum.session_id) in shown
    assert "HOTTEST" in shown or "TASK" in shown
    assert "\x1b" not in shown
    printed = subprocess.run([*command, "--json"], env=environment, capture_output=True, text=True, timeout=300)
    figures = json.loads(printed.stdout)
    assert figures["completed"] == curriculum.stats()["num_completed"]


def test_json_ends_with_the_session_and_a_kill_harms_nothing(curriculum: Curriculum) -> None:
    command = [sys.executable, "-m", "lpcurr", "top", str(curriculum.session_id), "--json", "--interval", "0.05"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    watchers = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, bufsize=1) for _ in range(2)
    ]
    for watcher in watchers:
        assert watcher.stdout is not None
        json.loads(watcher.stdout.readline())
    watchers[0].send_signal(signal.SIGKILL)
    play(curriculum, 100)
    assert curriculum.find_violations() == []
    curriculum.close()
    curriculum.unlink()
    output, _ = watchers[1].communicate(timeout=300)
    assert json.loads(output.splitlines()[-1])["ended"] == "closed by its creator"
    assert watchers[1].returncode == 0
    watchers[0].communicate()
