"""Many processes on one pool: only as many records take memory as there are processes, a step ahead."""

from __future__ import annotations

import errno
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lpcurr
from lpcurr import AttachLimitError, Curriculum, CurriculumConfig, SegmentSpaceError
from lpcurr.memory import layout, sessions
from lpcurr.memory.processes import NAME_PREFIX, own_start_time


@pytest.fixture
def shared() -> Iterator[Curriculum]:
    with CurriculumConfig(num_active_tasks=8, seed=0).make() as curriculum:
        yield curriculum


def fill(curriculum: Curriculum, room: int) -> Any:
    """Let this process have the first records several times over; those that were free."""
    curriculum._pool.state["header"]["process_room"] = room
    records = curriculum._pool.state["process"][0, :room]
    free = np.flatnonzero(records["pid"] == 0)
    records["pid"][free], records["start_time"][free] = os.getpid(), own_start_time()
    records["ordinal"][free] = records["stream0"][free] = np.arange(1, 1 + free.size)
    curriculum._pool.state["header"]["next_stream"] = 1 + free.size
    return free


def taken(curriculum: Curriculum) -> int:
    return (Path("/dev/shm") / f"{NAME_PREFIX}{curriculum.session_id}").stat().st_blocks * 512


def test_the_table_grows_by_steps(shared: Curriculum, tmp_path: Path) -> None:
    before = taken(shared)
    free = fill(shared, layout.PROCESS_STEP)
    with lpcurr.attach(str(shared.session_id)) as other:
        assert other._pool.process == layout.PROCESS_STEP
        other.get_task()
        other.save(tmp_path / "pool.lpc")
        assert len(shared.process_counters()) == layout.PROCESS_STEP + 1
        (session,) = [each for each in sessions.list_sessions() if each.session_id == shared.session_id]
        assert len(session.processes) == layout.PROCESS_STEP + 1
        shared._pool.state["process"]["pid"][0, free] = 0
        assert shared.find_violations() == []
        assert [each["draws"] for each in shared.process_counters()] == [0, 1]
    step = layout.PROCESS_STEP * layout.PROCESS.itemsize
    assert before < taken(shared) <= before + step + 8192
    with Curriculum.load(tmp_path / "pool.lpc") as loaded:  # all streams wait there
        assert len(loaded.get_state()["streams"]) == layout.PROCESS_STEP + 1
        assert loaded._pool.state["header"]["process_room"][0] == 2 * layout.PROCESS_STEP


def test_memory_is_full_when_another_record_is_needed(shared: Curriculum, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    fill(shared, layout.PROCESS_STEP)
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", refuse)
        with pytest.raises(SegmentSpaceError, match=r"no room for 0\.1 MiB"):
            lpcurr.attach(str(shared.session_id))
    lpcurr.attach(str(shared.session_id)).close()


def test_no_more_than_4096_processes_are_attached(shared: Curriculum) -> None:
    free = fill(shared, layout.PROCESS_CAPACITY)
    with pytest.raises(AttachLimitError, match="4096 processes") as caught:
        lpcurr.attach(str(shared.session_id))
    assert isinstance(caught.value, RuntimeError)
    shared._pool.state["process"]["pid"][0, free[-1]] = 0
    with lpcurr.attach(str(shared.session_id)) as other:
        assert other._pool.process == layout.PROCESS_CAPACITY - 1
        other.get_task()
    assert shared.find_violations() == []


def test_copies_of_a_curriculum_in_one_process_are_one_process(shared: Curriculum) -> None:
    copies = [pickle.loads(pickle.dumps(shared)) for _ in range(300)]
    assert len({each.get_task().task_id for each in copies}) > 1
    (mine,) = shared.process_counters()
    assert mine["draws"] == 300
    for each in copies:
        each.close()
