"""Hostile numbers in the memory of a pool: other processes say what is wrong, or play on, and never crash or hang."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lpcurr
from lpcurr import Curriculum, CurriculumConfig, kernels
from lpcurr.cli import main
from lpcurr.kernels.machine.settings import ROBUST_MUTEX
from lpcurr.memory import layout
from lpcurr.memory.processes import NAME_PREFIX
from lpcurr.schedulers import ALL

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

INTEGERS = [-(2**63), -(2**31), -1, 0, 1, 7, 2**20, 2**31 - 1, 2**40, 2**63 - 1]
FLOATS = [float("nan"), float("inf"), float("-inf"), -1.0, 0.0, 2.0, 1e308, 5e-324]
CASES = 5
# What only a look at all that follows from all else could find: see `lpcurr help security`.
CONTRADICTIONS = {"active", "position", "priority", "rank_left", "rank_right", "rank_before", "rank_root"}
"""Fields within whose limits there is damage that may make a call wait without end."""


def play(curriculum: Curriculum, episodes: int) -> None:
    for episode in range(episodes):
        task = curriculum.get_task()
        curriculum.update_task_performance(task.task_id, episode % 7 / 6)


@pytest.fixture(scope="module", autouse=True)
def _load_kernels() -> None:
    kernels.compile_all()  # once, and not in each child


@pytest.fixture(params=[kind.model_fields["type"].default for kind in ALL])
def curriculum(request: pytest.FixtureRequest) -> Iterator[Curriculum]:
    tasks = lpcurr.bucketed({"size": 1}).add_bucket("size", [1, 2, 3], label=True)
    config = CurriculumConfig(num_active_tasks=40, seed=0, task_generator=tasks, algorithm_config=request.param)
    with config.make() as curriculum:
        play(curriculum, 300)
        yield curriculum


def damage(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """Put a number that it may not have into a field of the header, a column or a table; what was done, the bytes."""
    changed = np.frombuffer(content, dtype=np.uint8).copy()
    dtype = layout.segment_dtype(40)
    state = changed[: dtype.itemsize].view(dtype)
    fields = [(name, state["header"][name]) for name in layout.HEADER.names or () if name != "mutex"]
    fields += [(name, layout.cells(state, name)) for name in [*layout.COLUMN_NAMES, "index"]]
    fields += [(name, state["label_table"][name][:, :8]) for name in layout.LABEL.names or ()]
    fields += [(name, state["process"][name][:, :8]) for name in layout.PROCESS.names or ()]
    name, cells = rng.choice([field for field in fields if field[0] not in CONTRADICTIONS])
    value: Any = rng.choice(FLOATS if cells.dtype.kind == "f" else INTEGERS)
    if cells.dtype.kind != "f":
        value = np.array(value).astype(cells.dtype)
    step = rng.choice([1, 3]) if cells.ndim > 1 else 1
    cells.T[::step] = value
    return f"{name} {value} {step}", changed.tobytes()


def look_and_play(session_id: str, folder: Path) -> None:
    """Do what other processes do with a session; what it says of damage is one of our errors, or exit code 2."""
    warnings.simplefilter("ignore", RuntimeWarning)  # of overflows in figures
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - the process ends
    assert main(["inspect", session_id, "--json"]) in (0, 2)
    calls = [
        *(lambda c: play(c, 60), lambda c: c.sample_ids(5, distinct=True), lambda c: c.stats()),
        *(lambda c: c.probabilities(), lambda c: c.use("learnability"), lambda c: play(c, 60)),
        *(lambda c: c.find_violations(), lambda c: c.save(folder / "pool.lpc"), lambda c: c.close()),
    ]
    try:
        other = lpcurr.attach(session_id)
    except lpcurr.LpcurrError:
        return
    for call in calls:
        try:
            call(other)
        except lpcurr.LpcurrError:
            continue


def end_of(session_id: str, folder: Path) -> int:
    """Look at a session and play on it in a child; the status by which that ended, within seconds."""
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # a kernel that does not end takes no notice of Python's handlers
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        try:
            look_and_play(session_id, folder)
        except BaseException:
            import traceback

            (folder / "raised").write_text(traceback.format_exc())
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_hostile_numbers_are_refused_or_played_with(curriculum: Curriculum, tmp_path: Path) -> None:
    path = Path("/dev/shm", f"{NAME_PREFIX}{curriculum.session_id}")
    sound, rng = path.read_bytes(), random.Random(curriculum.config.algorithm_config.type)
    other = path.with_name(f"{NAME_PREFIX}damaged{os.getpid()}")
    for done, content in [("nothing", sound), *(damage(sound, rng) for _ in range(CASES))]:
        other.write_bytes(content)
        other.chmod(0o600)
        try:
            ended = end_of(other.name.removeprefix(NAME_PREFIX), tmp_path)
        finally:
            other.unlink(missing_ok=True)  # who takes it for dead may have removed it
        assert ended == 0, (done, ended, (tmp_path / "raised").read_text() if ended == 1 else "")


@pytest.mark.skipif(not ROBUST_MUTEX, reason="the mark of a dead holder")
@pytest.mark.parametrize("name", ["capacity", "segment_size", "index_mask", "config_offset", "log_offset"])
@pytest.mark.parametrize("value", INTEGERS)
def test_a_repair_goes_by_no_header_that_is_damaged(name: str, value: int) -> None:
    with CurriculumConfig(num_active_tasks=1000, seed=0).make() as curriculum:
        play(curriculum, 20)
        header = curriculum._pool.state["header"]
        before = header[name].copy()
        child = os.fork()
        if child == 0:
            mutex = curriculum._pool._segment.bytes.ctypes.data + layout.MUTEX_OFFSET
            ctypes.CDLL(None).pthread_mutex_lock(ctypes.c_void_p(mutex))
            header[name] = value
            os._exit(0)
        os.waitpid(child, 0)
        for _ in range(2):
            with pytest.raises(lpcurr.PoolLostError, match="damaged its header"):
                curriculum.get_task()
        header[name] = before


@pytest.mark.skipif(not ROBUST_MUTEX, reason="the mark of a dead holder")
def test_a_repair_limits_how_far_the_pool_is_filled() -> None:
    with CurriculumConfig(num_active_tasks=8, seed=0).make() as curriculum:
        play(curriculum, 20)
        child = os.fork()
        if child == 0:
            mutex = curriculum._pool._segment.bytes.ctypes.data + layout.MUTEX_OFFSET
            ctypes.CDLL(None).pthread_mutex_lock(ctypes.c_void_p(mutex))
            curriculum._pool.state["header"]["fill_limit"] = 2**40
            os._exit(0)
        os.waitpid(child, 0)
        curriculum.sample_ids(100)
        assert curriculum.num_active_tasks == 8
        assert curriculum.find_violations() == []


def test_who_looks_while_another_changes_the_rules_sees_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where ranks were, weights are the next moment."""
    ranked = lpcurr.PrioritizedReplayConfig(prioritization="rank")
    looked, read = [], layout.cells

    def cells(state: Any, name: str) -> Any:
        if not looked:
            curriculum.use("frontier")
        looked.append(name)
        return read(state, name)

    with CurriculumConfig(num_active_tasks=40, seed=0, algorithm_config=ranked).make() as curriculum:
        play(curriculum, 300)
        monkeypatch.setattr(layout, "cells", cells)
        curriculum.stats()
    assert "rank_left" in looked
