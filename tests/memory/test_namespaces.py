"""Containers that share memory and not process ids, and others in the way. Most of it needs root and ``unshare``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lpcurr
from lpcurr import CurriculumConfig
from lpcurr.memory import lock_files, sessions
from lpcurr.memory.processes import NAME_PREFIX, SEVERAL_NAMESPACES, pid_namespace
from tests.memory.programs import ROOT, run_program

# Without JIT, so that nothing is compiled for this alone; NumPy then warns where kernels count on integers wrapping.
FILE_LOCKS = {"LPCURR_LOCK": "fcntl", "NUMBA_DISABLE_JIT": "1", "PYTHONWARNINGS": "error,ignore::RuntimeWarning"}


def _may_unshare() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-pfm", "--mount-proc", "true"], capture_output=True).returncode == 0


elsewhere = pytest.mark.skipif(not _may_unshare(), reason="making a PID namespace is not permitted here")


def run_elsewhere(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a PID namespace of its own, as another container with the same /dev/shm."""
    return subprocess.run(
        ["unshare", "-pfm", "--mount-proc", sys.executable, "-c", "import lpcurr, sys\n" + code, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def curriculum() -> Iterator[lpcurr.Curriculum]:
    with CurriculumConfig(num_active_tasks=16, seed=0).make() as made:
        yield made


def session_of(curriculum: lpcurr.Curriculum) -> sessions.Session:
    return next(each for each in sessions.list_sessions() if each.session_id == curriculum.session_id)


# -- PID namespaces -------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PID namespaces are Linux's")
def test_the_header_says_whose_process_ids_it_has(curriculum: lpcurr.Curriculum) -> None:
    assert curriculum._pool.state["header"]["pid_namespace"][0] == pid_namespace() > 0


@elsewhere
def test_a_process_that_means_others_by_the_same_ids_is_refused_with_the_way_out(
    curriculum: lpcurr.Curriculum,
) -> None:
    done = run_elsewhere("lpcurr.attach(sys.argv[1])", str(curriculum.session_id))
    assert "SessionIncompatibleError" in done.stderr
    for word in ("container", "--pid", "LPCURR_LOCK=fcntl"):
        assert word in done.stderr
    assert len(curriculum.process_counters()) == 1


@elsewhere
def test_a_session_is_live_for_those_who_do_not_see_its_processes(curriculum: lpcurr.Curriculum) -> None:
    code = """
from lpcurr.memory import sessions
(session,) = (each for each in sessions.list_sessions() if each.session_id == sys.argv[1])
print(session.alive, [process.alive for process in session.processes], session in sessions.reap())
"""
    assert run_elsewhere(code, str(curriculum.session_id)).stdout.strip() == "True [True] False"
    assert session_of(curriculum).alive


FORKED_INTO_ANOTHER = """
import ctypes, os, lpcurr
curriculum = lpcurr.CurriculumConfig(num_active_tasks=4, seed=0).make()
assert ctypes.CDLL(None).unshare(0x20000000) == 0  # CLONE_NEWPID: for children
child = os.fork()
if child == 0:
    assert os.getpid() == 1
    refused = 0
    for use in (curriculum.get_task, curriculum.stats, lambda: curriculum.sample_ids(2)):
        try:
            use()
        except lpcurr.SessionIncompatibleError as error:
            refused += "container" in str(error)
    os._exit(refused)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(curriculum.process_counters()))
curriculum.close(); curriculum.unlink()
"""


@elsewhere
def test_a_child_that_is_forked_into_another_namespace_is_refused() -> None:
    assert run_program(FORKED_INTO_ANOTHER) == "3 1"


STORM = """
import logging, os, pathlib, signal, subprocess, sys, time
import lpcurr
logging.disable(logging.WARNING)  # of repairs, which there are

PLAY = '''
import sys, time, lpcurr
curriculum = lpcurr.attach(sys.argv[1])
print("in", flush=True)
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    ids = curriculum.sample_ids(20)
    curriculum.update_many(ids, (ids % 97) / 97.0)
print(len(curriculum.process_counters()))
curriculum.close()
'''
config = lpcurr.CurriculumConfig(
    num_active_tasks=60, seed=1, min_presentations_for_eviction=1,
    algorithm_config=lpcurr.LearningProgressConfig(new_task_rate=1.0, min_samples_for_lp=0))
curriculum = config.make()

def player(seconds):
    command = ["unshare", "-pfm", "--mount-proc", sys.executable, "-c", PLAY, curriculum.session_id, str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout.readline() == "in\\n"
    return process

survivors = [player(4) for _ in range(2)]
for _ in range(3):
    victim = player(100)
    time.sleep(0.2)
    child = int(pathlib.Path(f"/proc/{victim.pid}/task/{victim.pid}/children").read_text().split()[0])
    os.kill(child, signal.SIGKILL)
    victim.wait()
    victim.stdout.close()
    curriculum.sample_ids(50)
    assert curriculum.find_violations() == []
records = [int(process.communicate(timeout=300)[0]) for process in survivors]
assert [process.returncode for process in survivors] == [0, 0]
# Nobody frees the records of those that were killed by ids that mean other processes.
print(curriculum.find_violations(), sorted(each["pid"] for each in curriculum.process_counters())[:3])
curriculum.close(); curriculum.unlink()
"""


@elsewhere
@pytest.mark.heavy
def test_with_file_locks_processes_of_several_namespaces_share_a_pool_and_its_deaths() -> None:
    assert run_program(STORM, **FILE_LOCKS) == "[] [1, 1, 1]"


FULL_TABLE = """
import lpcurr
from lpcurr.memory.processes import SEVERAL_NAMESPACES, pid_namespace
with lpcurr.CurriculumConfig(num_active_tasks=4).make() as curriculum:
    state = curriculum._pool.state
    state["header"]["pid_namespace"] = SEVERAL_NAMESPACES
    state["process"]["pid"][0, 1:] = 2**22 + 5  # nobody here
    try:
        lpcurr.attach(curriculum.session_id)
    except lpcurr.AttachLimitError:
        print((state["process"]["pid"][0] != 0).all())
    state["header"]["pid_namespace"] = pid_namespace()
    lpcurr.attach(curriculum.session_id).close()
"""


def test_records_are_freed_only_where_their_ids_mean_the_same_processes() -> None:
    assert run_program(FULL_TABLE, **FILE_LOCKS) == "True"


# -- lock files -----------------------------------------------------------------------------------------------------


TAKEN = """
import os, pathlib, sys, lpcurr
from lpcurr.memory import lock_files
instead = pathlib.Path(sys.argv[1])
lock_files._INSTEAD = [instead]
for taken in sys.argv[2:]:
    lock_files.DIRECTORY = pathlib.Path(taken)
    curriculum = lpcurr.CurriculumConfig(num_active_tasks=4).make()
    curriculum.get_task()
    with lpcurr.attach(curriculum.session_id) as other:
        other.get_task()
    print(os.listdir(instead) == [curriculum._pool._segment.name], end=" ")
    curriculum.close(); curriculum.unlink()
    print(os.listdir(instead), os.path.exists("/dev/shm/" + curriculum._pool._segment.name))
    instead.rmdir()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's folder")
def test_who_takes_the_name_of_the_lock_files_folder_stops_nothing(tmp_path: Path) -> None:
    folder, link, file = (tmp_path / name for name in ("folder", "link", "file"))
    folder.mkdir()
    os.chown(folder, 12345, 12345)
    (tmp_path / "theirs").mkdir()
    link.symlink_to(tmp_path / "theirs")
    file.write_text("")
    printed = run_program(TAKEN, *map(str, (tmp_path / "instead", folder, link, file)), **FILE_LOCKS)
    assert printed.splitlines() == ["True [] False"] * 3


def test_unlink_removes_memory_whatever_is_in_the_way_of_lock_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    curriculum = CurriculumConfig(num_active_tasks=4).make()
    name = f"{NAME_PREFIX}{curriculum.session_id}"
    (tmp_path / "locks" / name).mkdir(parents=True)  # unlinking a folder is an error
    monkeypatch.setattr(lock_files, "DIRECTORY", tmp_path / "locks")
    curriculum.close()
    curriculum.unlink()
    assert not (Path("/dev/shm") / name).exists()


def test_several_namespaces_is_no_namespace() -> None:
    assert SEVERAL_NAMESPACES != pid_namespace() >= 0
