"""What is left of pools whose processes were killed, and how it is listed and removed."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lpcurr
from lpcurr import ConfigError, CurriculumConfig
from lpcurr.cli import main
from lpcurr.memory import layout, sessions
from lpcurr.memory import lock_files as guard
from lpcurr.memory.processes import process_is_alive, process_start_time
from lpcurr.memory.segment import NAME_PREFIX
from lpcurr.memory.sessions import Session
from tests.memory.programs import run_program

ROOT = Path(__file__).parents[2]
OTHERS = ["fork", "forkserver"]

CREATOR = """
import multiprocessing, os, signal, sys, time
import lpcurr

def attend(session_id, ready):
    curriculum = lpcurr.attach(session_id)
    ready.set()
    time.sleep(100)

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1]) if sys.argv[1] != "alone" else None
    curriculum = lpcurr.CurriculumConfig(num_active_tasks=50, seed=1, session_id=sys.argv[2]).make()
    curriculum.sample_ids(7)
    pids = []
    for _ in range(2 if context else 0):
        ready = context.Event()
        worker = context.Process(target=attend, args=(curriculum.session_id, ready))
        worker.start()
        ready.wait()
        pids.append(worker.pid)
    print(*pids, flush=True)
    time.sleep(100)
"""


@pytest.fixture
def session_id() -> Iterator[str]:
    """A name for a session that does not outlive the test."""
    name = f"test-{os.getpid()}-{time.monotonic_ns() % 10**6}"
    yield name
    (Path("/dev/shm") / f"{NAME_PREFIX}{name}").unlink(missing_ok=True)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "creator.py"
    path.write_text(CREATOR)
    return path


def start(script: Path, method: str, session_id: str) -> tuple[subprocess.Popen[str], list[int]]:
    """A creator in a process group of its own; it, and the workers that it started and that have attached."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, str(script), method, session_id],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process.stdout as output:
        return process, [int(pid) for pid in output.readline().split()]


def listed(session_id: str) -> Session | None:
    return next((each for each in sessions.list_sessions() if each.session_id == session_id), None)


def wait_until_dead(*pids: int) -> None:
    deadline = time.monotonic() + 300
    while any(process_start_time(pid) is not None for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def listed_as_dead(session_id: str) -> Session:
    """The session, once it is; a dead process whose other threads are still ending holds the memory a moment longer."""
    deadline = time.monotonic() + 300
    while True:
        session = listed(session_id)
        assert session is not None
        if not session.alive:
            return session
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_until_gone(session_id: str, seconds: float) -> bool:
    """Whether a resource tracker removes the segment, which takes it a moment."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if listed(session_id) is None:
            return True
        time.sleep(0.02)
    return False


# -- listing --------------------------------------------------------------------------------------------------------


def test_a_live_session_says_what_it_is(session_id: str) -> None:
    with CurriculumConfig(num_active_tasks=50, seed=1, session_id=session_id).make() as curriculum:
        curriculum.sample_ids(7)
        session = listed(session_id)
        assert session is not None
        assert (session.alive, session.creator_alive, session.creator_pid) == (True, True, os.getpid())
        assert (session.tasks, session.capacity, session.algorithm) == (7, 50, "frontier")
        assert session.processes == (sessions.AttachedProcess(os.getpid(), True),)
        assert session.size >= layout.segment_dtype(50).itemsize
        assert session.age is not None
        assert 0 <= session.age < 60
        assert session.problem == ""
        sessions.reap()
        assert listed(session_id) is not None
    assert listed(session_id) is None


def test_a_session_lives_while_someone_is_attached(session_id: str) -> None:
    with CurriculumConfig(num_active_tasks=5, session_id=session_id).make() as curriculum:
        state = curriculum._pool.state
        state["header"]["creator_start_time"] -= 1  # another process had this id before
        session = listed(session_id)
        assert session is not None
        assert not session.creator_alive
        assert session.alive
        assert session not in sessions.reap()
        state["process"]["start_time"][0, 0] -= 1
        session = listed(session_id)
        assert session is not None
        assert session.alive, "it is open in this process, whatever the ids say"
        assert not any(process.alive for process in session.processes)
        assert session not in sessions.reap()


def test_one_of_another_version_is_listed_with_its_problem(session_id: str) -> None:
    with CurriculumConfig(num_active_tasks=5, session_id=session_id).make() as curriculum:
        curriculum._pool.state["header"]["layout_version"] = 99
        session = listed(session_id)
        assert session is not None
        assert "99" in session.problem
        assert session.alive


def test_what_was_never_finished_is_dead_after_a_minute(session_id: str) -> None:
    path = Path("/dev/shm") / f"{NAME_PREFIX}{session_id}"
    path.write_bytes(b"\0" * 100)
    session = listed(session_id)
    assert session is not None
    assert session.alive
    old = time.time() - 100
    os.utime(path, (old, old))
    assert session_id in [each.session_id for each in sessions.reap()]
    assert not path.exists()


def test_a_zombie_is_not_alive() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    start_time = None
    try:
        deadline = time.monotonic() + 300
        while (start_time := process_start_time(child)) is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert start_time is None
    finally:
        os.waitpid(child, 0)


def test_an_id_that_was_given_away_again_deceives_nobody() -> None:
    own = process_start_time(os.getpid())
    assert own is not None
    assert process_is_alive(os.getpid(), own)
    assert not process_is_alive(os.getpid(), own - 1)


# -- deaths ---------------------------------------------------------------------------------------------------------


def test_the_tracker_removes_what_a_killed_creator_leaves(script: Path, session_id: str) -> None:
    process, _ = start(script, "alone", session_id)
    assert listed(session_id) is not None
    process.kill()
    process.wait()
    assert wait_until_gone(session_id, 300)


@pytest.mark.parametrize("method", ["alone", "spawn", *(pytest.param(m, marks=pytest.mark.heavy) for m in OTHERS)])
def test_what_a_killed_process_group_leaves_is_listed_and_reaped(script: Path, session_id: str, method: str) -> None:
    process, workers = start(script, method, session_id)
    session = listed(session_id)
    assert session is not None
    assert session.alive
    assert set(workers) <= {each.pid for each in session.processes}
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    wait_until_dead(*workers)
    session = listed_as_dead(session_id)
    assert not any(each.alive for each in session.processes)
    assert session_id in [each.session_id for each in sessions.reap()]
    assert listed(session_id) is None
    with pytest.raises(lpcurr.SessionNotFoundError):
        lpcurr.attach(session_id)


@pytest.mark.parametrize("looked_at", [False, True])
def test_a_requeued_job_begins_its_killed_session_anew(
    looked_at: bool, script: Path, session_id: str, caplog: Any
) -> None:
    process, _ = start(script, "alone", session_id)
    config = CurriculumConfig(tasks=["a"], session_id=session_id)
    with pytest.raises(ConfigError, match=rf"lpcurr\.attach\('{session_id}'\), choose another"):
        config.make()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    listed_as_dead(session_id)
    if looked_at:  # another listing of the sessions holds it for a moment
        descriptor = os.open(f"/dev/shm/{NAME_PREFIX}{session_id}", os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        threading.Timer(0.1, os.close, [descriptor]).start()
    with config.make() as curriculum:
        assert curriculum.get_task().get_env_cfg() == "a"
    assert f"session '{session_id}' was dead" in caplog.text


@pytest.mark.parametrize("method", [*OTHERS, pytest.param("spawn", marks=pytest.mark.heavy)])
def test_workers_go_on_after_their_parent_was_killed(script: Path, session_id: str, method: str) -> None:
    process, workers = start(script, method, session_id)
    process.kill()
    process.wait()
    session = listed(session_id)
    if session is not None:  # the tracker may have removed its name already; its workers have it open still
        assert session.alive
        assert session_id not in [each.session_id for each in sessions.reap()]
    for worker in workers:
        assert process_start_time(worker) is not None
        os.kill(worker, signal.SIGKILL)
    wait_until_dead(*workers)
    if not wait_until_gone(session_id, 5):  # no tracker is left
        assert session_id in [each.session_id for each in sessions.reap()]


def test_an_unrelated_process_that_attached_takes_nothing_with_it(session_id: str) -> None:
    with CurriculumConfig(num_active_tasks=5, session_id=session_id).make() as curriculum:
        code = f"import lpcurr; lpcurr.attach({session_id!r}).get_task()"
        assert run_program(code) == ""
        assert listed(session_id) is not None
        assert curriculum.stats()["num_active_tasks"] == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="nobody else can become another user")
def test_memory_of_a_process_that_becomes_another_user_goes_with_it(session_id: str) -> None:
    code = f"""
import os
from lpcurr import CurriculumConfig
curriculum = CurriculumConfig(num_active_tasks=5, session_id={session_id!r}).make()
os.seteuid(65534)
"""
    subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL, check=False, timeout=300)
    assert wait_until_gone(session_id, 60)


# -- the command ----------------------------------------------------------------------------------------------------


def test_the_command_lists_and_reaps(script: Path, session_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    process, _ = start(script, "alone", session_id)
    assert main(["sessions"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith(session_id))
    assert line.split()[1:3] == ["live", str(process.pid)]
    assert "7 of 50" in line
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert main(["sessions"]) == 0
    output = capsys.readouterr().out
    (line,) = (line for line in output.splitlines() if line.startswith(session_id))
    assert line.split()[1] == "dead"
    assert "--reap" in output
    assert main(["sessions", "--reap"]) == 0
    assert f"removed {session_id}" in capsys.readouterr().out
    assert main(["sessions"]) == 0
    assert session_id not in capsys.readouterr().out


# -- the lock -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="robust mutexes are Linux's")
def test_a_lock_that_was_given_back_unrepaired_is_an_error_in_every_call(session_id: str) -> None:
    libc = ctypes.CDLL(None)
    with CurriculumConfig(num_active_tasks=5, session_id=session_id).make() as curriculum:
        task = curriculum.get_task()
        mutex = ctypes.c_void_p(curriculum._pool._segment.bytes.ctypes.data + layout.MUTEX_OFFSET)
        child = os.fork()
        if child == 0:
            libc.pthread_mutex_lock(mutex)
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(child, 0)
        assert libc.pthread_mutex_lock(mutex) == 130
        libc.pthread_mutex_unlock(mutex)
        calls = (
            curriculum.get_task,
            lambda: curriculum.update_task_performance(task.task_id, 0.5),
            lambda: curriculum.sample_ids(2),
            lambda: curriculum.update_many(np.array([1]), np.array([0.5])),
            lambda: curriculum.add_task(1),
            lambda: curriculum.evict(1),
            lambda: curriculum.get_task_stats(1),
            curriculum.on_epoch_end,
            curriculum.stats,
            curriculum.probabilities,
            curriculum.get_state,
            lambda: lpcurr.attach(session_id),
        )
        for call in calls:
            with pytest.raises(lpcurr.PoolLostError, match="beyond repair"):
                call()


LOCKF = """
import os, sys, threading
import lpcurr
from lpcurr.kernels.machine.settings import ROBUST_MUTEX
assert not ROBUST_MUTEX
curriculum = lpcurr.CurriculumConfig(num_active_tasks=4, seed=1, session_id=sys.argv[1]).make()
other = lpcurr.attach(sys.argv[1])

def play(count):
    for _ in range(count):
        curriculum.update_task_performance(other.get_task().task_id, 0.5)

children = []
for _ in range(3):
    children.append(os.fork())
    if children[-1] == 0:
        play(20)
        os._exit(0)
threads = [threading.Thread(target=play, args=(20,)) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
stats = curriculum.stats()
print(stats["num_scheduled"], stats["num_completed"] + stats["num_refused"], curriculum.find_violations())
other.close()
curriculum.close()
curriculum.unlink()
"""


def test_lockf_excludes_processes_and_threads_where_there_is_no_robust_mutex(session_id: str) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "LPCURR_LOCK": "fcntl", "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-c", LOCKF, session_id]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.stdout.split("\n")[0] == "100.0 100.0 []", done.stderr
    assert not (guard.DIRECTORY / f"{NAME_PREFIX}{session_id}").exists()


def test_processes_that_lock_in_different_ways_do_not_attach(session_id: str) -> None:
    with CurriculumConfig(num_active_tasks=4, session_id=session_id).make():
        code = f"import lpcurr; lpcurr.attach({session_id!r})"
        environment = os.environ | {"PYTHONPATH": str(ROOT), "NUMBA_DISABLE_JIT": "1"}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert "SessionIncompatibleError" in done.stderr
        assert "LPCURR_LOCK" in done.stderr
        assert not (guard.DIRECTORY / f"{NAME_PREFIX}{session_id}").exists()


# -- room -----------------------------------------------------------------------------------------------------------


def test_a_small_shared_memory_is_an_error_that_names_dockers_switch() -> None:
    """In a mount namespace of its own, with a /dev/shm of one megabyte."""
    code = "import lpcurr; lpcurr.CurriculumConfig(num_active_tasks=50_000).make()"
    inside = f"mount -t tmpfs -o size=1m tmpfs /dev/shm || exit 77; exec {sys.executable} -c '{code}'"
    command = ["unshare", "--mount", "sh", "-c", inside]
    try:
        done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no unshare")
    if done.returncode == 77 or "Operation not permitted" in done.stderr:
        pytest.skip("this user may not mount")
    assert "SegmentSpaceError" in done.stderr
    assert "--shm-size" in done.stderr
