"""More workers than before, fewer, and workers that are there while the pool's content is replaced."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

import lpcurr
from lpcurr.checkpoint import Checkpoint, restore
from lpcurr.kernels.calls import repair
from lpcurr.memory import layout
from tests.checkpoint.pools import make, play, state_of


@contextlib.contextmanager
def _crew(curriculum: lpcurr.Curriculum, workers: int) -> Iterator[list[lpcurr.Curriculum]]:
    """The curriculum and so many that attach to it; each counts as a process of its own."""
    assert curriculum.session_id is not None
    with contextlib.ExitStack() as stack:
        crew = [stack.enter_context(curriculum)]
        for _ in range(workers):
            crew.append(stack.enter_context(lpcurr.attach(curriculum.session_id)))
        yield crew


def _work(crew: list[lpcurr.Curriculum], start: int = 0) -> list[list[int]]:
    """Episodes in turns: the draws of each."""
    ids: list[list[int]] = [[] for _ in crew]
    for turn in range(start, start + 200):
        for number, each in enumerate(crew):
            ids[number] += play(each, 1, turn)
    return ids


def _streams(curriculum: lpcurr.Curriculum) -> dict[int, tuple[int, ...]]:
    return {stream["ordinal"]: tuple(stream["words"]) for stream in curriculum.get_state()["streams"]}


@pytest.fixture
def saved_by_four(tmp_path: Path) -> tuple[Path, list[list[int]]]:
    """A checkpoint, and what four processes played after it."""
    with _crew(make("learning progress"), 3) as crew:
        _work(crew)
        crew[1].save(tmp_path / "pool.lpc")  # any of them can
        return tmp_path / "pool.lpc", _work(crew, 200)


def test_as_many_workers_go_on_with_the_streams_of_those_before(saved_by_four: tuple[Path, list[list[int]]]) -> None:
    path, played = saved_by_four
    with _crew(lpcurr.Curriculum.load(path), 3) as crew:
        assert _work(crew, 200) == played


def test_one_more_worker_gets_a_fresh_stream(saved_by_four: tuple[Path, list[list[int]]]) -> None:
    path, _ = saved_by_four
    with _crew(lpcurr.Curriculum.load(path), 4) as crew:
        streams = _streams(crew[0])
        assert list(streams) == [0, 1, 2, 3, 4]
        assert len(set(streams.values())) == 5
        _work(crew)
        assert crew[0].find_violations() == []


def test_fewer_workers_leave_the_other_streams_for_later(
    saved_by_four: tuple[Path, list[list[int]]], tmp_path: Path
) -> None:
    path, _ = saved_by_four
    with _crew(lpcurr.Curriculum.load(path), 1) as crew:
        before = _streams(crew[0])
        _work(crew)
        after = _streams(crew[0])
        crew[0].save(tmp_path / "next.lpc")
        assert list(after) == [0, 1, 2, 3]
        assert [after[ordinal] == before[ordinal] for ordinal in after] == [False, False, True, True]
    with _crew(lpcurr.Curriculum.load(tmp_path / "next.lpc"), 3) as crew:
        assert _streams(crew[0]) == after
        records = crew[0]._pool.state["process"][0]
        assert sorted(records["ordinal"][records["pid"] != 0].tolist()) == [0, 1, 2, 3]


def test_a_worker_that_left_for_good_leaves_no_stream() -> None:
    with _crew(make("learning progress"), 2) as crew:
        crew[1].close()
        assert list(_streams(crew[0])) == [0, 2]


def test_a_state_of_one_process_in_a_pool_of_three() -> None:
    with make("learning progress") as alone:
        play(alone, 300)
        state = alone.get_state()
        play(alone, 300, 300)
        with _crew(make("learning progress", seed=1), 2) as crew:
            _work(crew)
            crew[2].load_state(state)
            assert list(_streams(crew[0])) == [0, 1, 2]
            assert len(set(_streams(crew[0]).values())) == 3
            play(crew[0], 300, 300)  # the first of them has the one stream
            reached, expected = state_of(crew[0]), state_of(alone)
            for each in (reached, expected):  # streams and configuration differ, as they should
                del each["streams"], each["config"], each["counters"]["next_stream"]
            assert reached == expected


def test_the_table_of_processes_full_of_waiting_streams(tmp_path: Path) -> None:
    with make("discrete random") as curriculum:
        state = curriculum.get_state()
        state["counters"]["next_stream"] = 20_000
        state["streams"] = [{"ordinal": 3 * i, "words": [i + 1] * 4} for i in range(layout.PROCESS_CAPACITY)]
        curriculum.load_state(state)
        assert curriculum.get_state() == state
        with lpcurr.attach(str(curriculum.session_id)) as other:
            assert other._pool.state["process"]["ordinal"][0, other._pool.process] == 3
        assert len(_streams(curriculum)) == layout.PROCESS_CAPACITY - 1


def _fixed_set(first: int, label: str) -> lpcurr.Curriculum:
    curriculum = lpcurr.CurriculumConfig(num_active_tasks=20, seed=first, defer_init=True).make()
    for task_id in range(first, first + 20):
        curriculum.add_task(task_id, label)
    return curriculum


def _watch(curriculum: lpcurr.Curriculum, wire: Connection) -> None:
    """Play until told to stop; answer with what was drawn, runs of equal (label, decade of ids, credited)."""
    runs: list[tuple[str, int, bool]] = []
    wire.send("ready")
    while not wire.poll():
        task = curriculum.get_task()
        seen = (task.label, task.task_id // 100, curriculum.update_task_performance(task.task_id, 0.5))
        if not runs or runs[-1] != seen:
            runs.append(seen)
    wire.send((runs, curriculum.update_task_performance(100, 1.0), curriculum.get_task_stats(100)))


def _wait_until_all_have_played(curriculum: lpcurr.Curriculum) -> None:
    """Until every other process has been credited twice more; on a loaded machine that takes a while."""

    def credited() -> dict[int, int]:
        return {each["pid"]: each["accepted"] for each in curriculum.process_counters() if each["pid"] != os.getpid()}

    before, end = credited(), time.monotonic() + 300
    while any(now < before[pid] + 2 for pid, now in credited().items()) and time.monotonic() < end:
        time.sleep(0.001)


def test_attached_processes_see_a_new_content_at_once() -> None:
    spawn = multiprocessing.get_context("spawn")
    with _fixed_set(200, "new") as source:
        state = source.get_state()
    with _fixed_set(100, "old") as curriculum:
        wires, workers = [], []
        for _ in range(2):
            near, far = spawn.Pipe()
            wires.append(near)
            workers.append(spawn.Process(target=_watch, args=(curriculum, far), daemon=True))
            workers[-1].start()
        for wire in wires:
            assert wire.recv() == "ready"
        _wait_until_all_have_played(curriculum)
        curriculum.load_state(state)
        assert {curriculum.get_task().label for _ in range(50)} == {"new"}
        _wait_until_all_have_played(curriculum)
        for wire in wires:
            wire.send("stop")
        for wire, worker in zip(wires, workers, strict=True):
            runs, credited, stats = wire.recv()
            worker.join()
            # At most one score came too late, for the task that was being played: it was refused.
            assert [run for run in runs if run[2]] == [("old", 1, True), ("new", 2, True)]
            assert [run for run in runs if not run[2]] in ([], [("old", 1, False)])
            assert credited is False
            assert stats is None
        assert curriculum.find_violations() == []
        counters = curriculum.get_state()["counters"]
        assert counters["refused"] >= 2
        assert counters["completed"] == sum(curriculum.get_state()["columns"]["completion_count"])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.skipif(not hasattr(repair, "replacement"), reason="the repair does not call replacement.abandon yet")
@pytest.mark.parametrize("attempt", [pytest.param(n, marks=() if n % 3 == 0 else pytest.mark.heavy) for n in range(12)])
def test_a_process_killed_while_it_replaces_the_content(attempt: int) -> None:
    """The pool is then the old one, the new one, or empty; never parts of two."""
    config = lpcurr.CurriculumConfig(num_active_tasks=100_000, seed=attempt)
    with config.make() as curriculum:
        ids = curriculum.sample_ids(100_000)
        child = os.fork()
        if child == 0:
            checkpoint = Checkpoint.capture(curriculum._pool)
            while True:
                restore(curriculum._pool, checkpoint, curriculum.config.header_settings())
        header, end = curriculum._pool.state["header"], time.monotonic() + 300
        while header["replacing"][0] == 0 and time.monotonic() < end:
            time.sleep(0)
        time.sleep(attempt * 2e-4)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        left = curriculum.probabilities()[0]
        assert left.size == 0 or left.tolist() == ids.tolist()
        assert curriculum.find_violations() == []
        play(curriculum, 1_000)
        assert curriculum.find_violations() == []
