"""The memory behind a pool: who may read it, how large it is, what happens where there is no room."""

from __future__ import annotations

import gc
import os
import stat
import subprocess
import sys
from multiprocessing import resource_tracker
from pathlib import Path

import numpy as np
import pytest

import lpcurr
from lpcurr import CurriculumConfig
from lpcurr.memory import layout
from lpcurr.memory.process_table import process_hole
from lpcurr.memory.processes import NAME_PREFIX

ROOT = Path(__file__).parents[2]


def path_of(session_id: str | None) -> Path:
    assert session_id is not None
    return Path("/dev/shm") / f"{NAME_PREFIX}{session_id}"


# -- layout ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("capacity", [1, 2, 63, 64, 65, 1000, layout.MAX_CAPACITY])
def test_every_column_is_contiguous_stands_on_a_cache_line_and_overlaps_no_other(capacity: int) -> None:
    dtype = layout.segment_dtype(capacity)
    assert dtype.fields is not None
    assert dtype.fields["rank"][1] == dtype.fields["weight"][1]  # a pool draws by rank or by weight
    end = 0
    own = {name: place for name, place in dtype.fields.items() if name != "weight"}
    for name, (field, offset, *_) in sorted(own.items(), key=lambda item: item[1][1]):
        assert offset >= end, name
        end = offset + field.itemsize
        if name in layout.COLUMN_NAMES or name in ("header", "index"):
            assert offset % layout.CACHE_LINE == 0, name
    assert end <= dtype.itemsize


@pytest.mark.parametrize("capacity", [1, 15, 16, 17, 255, 256, 257, 4097, layout.MAX_CAPACITY])
def test_there_is_room_for_every_node_of_the_trees_and_for_twice_the_ids(capacity: int) -> None:
    nodes, count = 0, capacity
    while count > 1 or nodes == 0:
        count = -(-count // layout.FANOUT)
        nodes += count
    dtype = layout.segment_dtype(capacity)
    for name in ("least_key", "least_entry", "weight_sum"):
        assert dtype[name].shape[0] >= nodes
    assert dtype["index"].shape[0] >= 2 * capacity


@pytest.mark.parametrize("shared", [True, False])
def test_the_state_is_one_structured_element_with_named_columns(shared: bool) -> None:
    with CurriculumConfig(num_active_tasks=100, use_shared_memory=shared).make() as curriculum:
        task = curriculum.get_task()
        state = curriculum._pool.state
        assert state.shape == (1,)
        assert layout.cells(state, "p_fast")[0].shape == (100,)
        assert state["task_id"][0, 0] == task.task_id
        assert (state["task_id"][0, 1:] == layout.FREE).all()
        assert curriculum._pool._segment.bytes.ctypes.data % layout.CACHE_LINE == 0


# -- in /dev/shm ----------------------------------------------------------------------------------------------------


def test_a_segment_can_be_read_by_its_user_only() -> None:
    with CurriculumConfig(num_active_tasks=4).make() as curriculum:
        mode = path_of(curriculum.session_id).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


def test_a_segment_has_the_size_that_the_layout_says_and_its_pages_are_taken() -> None:
    with CurriculumConfig(num_active_tasks=5000).make() as curriculum:
        found = path_of(curriculum.session_id).stat()
        size = int(curriculum._pool.state["header"]["segment_size"][0])
        assert found.st_size == size >= layout.segment_dtype(5000).itemsize
        hole = process_hole(layout.PROCESS_STEP)
        assert size - (hole[1] - hole[0]) <= found.st_blocks * 512 < size


def test_the_name_is_the_session_id_behind_a_prefix_and_short_enough_for_macos() -> None:
    name = "x" * 20
    assert len(f"/{NAME_PREFIX}{name}") <= 30
    with CurriculumConfig(num_active_tasks=2, session_id=name).make() as curriculum:
        assert curriculum.session_id == name
        assert path_of(name).exists()
    with CurriculumConfig(num_active_tasks=2).make() as one, CurriculumConfig(num_active_tasks=2).make() as other:
        assert one.session_id != other.session_id


def test_a_local_pool_has_no_name_and_leaves_no_file() -> None:
    before = set(Path("/dev/shm").iterdir())
    with CurriculumConfig(num_active_tasks=4, use_shared_memory=False).make() as curriculum:
        assert curriculum.session_id is None
        own = {path for path in set(Path("/dev/shm").iterdir()) - before if _creator(path) == os.getpid()}
        assert own == set()


def _creator(path: Path) -> int:
    try:
        header = np.fromfile(path, dtype=layout.HEADER, count=1)
    except OSError:
        return 0
    return int(header["creator_pid"][0]) if header.size else 0


def test_the_header_says_who_made_the_segment_and_when() -> None:
    with CurriculumConfig(num_active_tasks=4, seed=9).make() as curriculum:
        header = curriculum._pool.state["header"][0]
        assert header["magic"].tobytes() == b"LPCURR1\0"
        assert header["layout_version"] == layout.LAYOUT_VERSION
        assert header["creator_pid"] == os.getpid()
        assert header["seed"] == 9


def test_what_is_still_held_of_a_closed_segment_does_not_crash() -> None:
    """A view of the memory outlives close(): it must not dangle."""
    curriculum = CurriculumConfig(num_active_tasks=4).make()
    task_id = curriculum.get_task().task_id
    ids = curriculum._pool.state["task_id"][0]
    curriculum.close()
    curriculum.unlink()
    assert ids[0] == task_id


# -- no room --------------------------------------------------------------------------------------------------------


def test_a_process_without_addresses_for_machine_code_is_told_so() -> None:
    program = "import resource, lpcurr; resource.setrlimit(resource.RLIMIT_AS, (400 << 20, -1)); "
    program += "lpcurr.CurriculumConfig(num_active_tasks=4, use_shared_memory=False).make()"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "SegmentSpaceError" in done.stderr
    assert "`ulimit -v` is under 512 MiB" in done.stderr


FULL = """
import sys, lpcurr
with lpcurr.CurriculumConfig(num_active_tasks=100).make() as small:
    small.get_task()
    try:
        lpcurr.CurriculumConfig(num_active_tasks=1_000_000).make()
    except lpcurr.SegmentSpaceError as error:
        assert isinstance(error, OSError)
        print(error.errno, error)
    small.get_task()
    assert small.find_violations() == []
import gc
import os
print(os.listdir("/dev/shm"))
with lpcurr.CurriculumConfig(num_active_tasks=1_000, use_shared_memory=False).make() as local:
    local.get_task()
"""


def _may_unshare() -> bool:
    try:
        return subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not _may_unshare(), reason="making a /dev/shm of one's own is not permitted here")
def test_a_full_dev_shm_is_an_error_that_names_the_remedies_and_leaves_nothing_behind() -> None:
    script = 'mount -t tmpfs -o size=4m tmpfs /dev/shm && exec "$0" -c "$1"'
    command = ["unshare", "-m", "sh", "-c", script, sys.executable, FULL]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    message, left = done.stdout.splitlines()
    for word in ("28", "MiB", "/dev/shm", "--shm-size", "num_active_tasks", "use_shared_memory=False"):
        assert word in message
    assert left == "[]"


# -- attaching ------------------------------------------------------------------------------------------------------


def test_attached_curricula_see_one_pool_and_have_the_same_configuration() -> None:
    config = CurriculumConfig(num_active_tasks=7, seed=3, max_task_attempts=5, defer_init=True)
    with config.make() as curriculum, lpcurr.attach(str(curriculum.session_id)) as other:
        assert other.config == curriculum.config
        assert other.session_id == curriculum.session_id
        curriculum.add_task(4, "four")
        task = other.get_task()
        assert (task.task_id, task.label) == (4, "four")
        assert curriculum.stats()["num_scheduled"] == 1


def test_an_attached_curriculum_can_destroy_the_segment_by_name() -> None:
    curriculum = CurriculumConfig(num_active_tasks=7).make()
    with lpcurr.attach(str(curriculum.session_id)) as other:
        other.unlink()
        assert not path_of(curriculum.session_id).exists()
        curriculum.get_task()  # who is attached goes on
        assert other.stats()["num_active_tasks"] == 1
    curriculum.close()
    curriculum.unlink()


def test_a_name_that_is_used_again_is_not_the_old_session_s_to_destroy() -> None:
    """As where a cell of a notebook is run again: the memory and the list of tasks are the new session's."""
    config = lpcurr.CurriculumConfig(tasks=["a", "b"], session_id=f"again-{os.getpid()}")
    first = config.make()
    first.close()
    first.unlink()
    with config.make() as second:
        first.unlink()
        del first
        gc.collect()
        assert second.append_tasks(["c"]) == [2]
        with lpcurr.attach(second.session_id or "") as other:
            assert other.build(2) == "c"


def test_the_tracker_is_told_once_of_names_that_others_removed_and_that_were_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would print a traceback, and have forgotten the memory that is there."""
    known, config = set[str](), lpcurr.CurriculumConfig(num_active_tasks=2, session_id=f"twice-{os.getpid()}")
    monkeypatch.setattr(resource_tracker, "register", lambda name, _: known.add(name))
    monkeypatch.setattr(resource_tracker, "unregister", lambda name, _: known.remove(name))
    with config.make() as first:
        with lpcurr.attach(first.session_id or "") as other:
            other.unlink()
        with config.make():
            first.close()
            first.unlink()
            assert len(known) == 1
    assert known == set()
