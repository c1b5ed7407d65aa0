"""Shared memory: when it is given back, what is not opened, and what is left after forks and signal handlers."""

from __future__ import annotations

import errno
import gc
import os
import pickle
import resource
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lpcurr
from lpcurr import Curriculum, CurriculumConfig
from lpcurr.cli import main
from lpcurr.errors import ConfigError, SegmentSpaceError
from lpcurr.memory import sessions, shared_memory
from lpcurr.memory.processes import NAME_PREFIX
from tests.memory.programs import CLOSED_BY_COUNTING, ROOT, run_program

SHARED_MEMORY = Path("/dev/shm")
pytestmark = pytest.mark.skipif(not SHARED_MEMORY.is_dir(), reason="shared memory is no folder here")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def mapped() -> int:
    """How many mappings of pools this process has."""
    return Path("/proc/self/maps").read_text().count(f"/{NAME_PREFIX}")


@pytest.fixture
def curriculum() -> Iterator[Curriculum]:
    with CurriculumConfig(num_active_tasks=16, seed=0).make() as made:
        yield made


# -- dropped without close() ----------------------------------------------------------------------------------------


def attach_again(curriculum: Curriculum) -> None:
    lpcurr.attach(str(curriculum.session_id))


def unpickle(curriculum: Curriculum) -> None:
    pickle.loads(pickle.dumps(curriculum))


def make_another(curriculum: Curriculum) -> None:
    CurriculumConfig(num_active_tasks=16).make()


def be_refused(curriculum: Curriculum) -> None:
    with pytest.raises(lpcurr.SessionIncompatibleError):
        lpcurr.attach(str(curriculum.session_id))


@pytest.mark.parametrize("use", [attach_again, unpickle, make_another])
def test_what_is_dropped_without_close_gives_back_memory_and_descriptors(
    use: Callable[[Curriculum], None], curriculum: Curriculum
) -> None:
    use(curriculum)
    gc.collect()
    before = descriptors(), mapped()
    for _ in range(50):
        use(curriculum)
    gc.collect()
    assert (descriptors(), mapped()) == before
    assert len(curriculum.process_counters()) == 1


def test_refused_attaches_leave_no_descriptor(curriculum: Curriculum) -> None:
    curriculum._pool.state["header"]["layout_version"] += 1
    before = descriptors()
    for _ in range(50):
        be_refused(curriculum)
    gc.collect()
    assert descriptors() == before


def test_a_view_that_outlives_a_with_block_keeps_the_memory_until_it_goes(curriculum: Curriculum) -> None:
    before = descriptors(), mapped()
    with CurriculumConfig(num_active_tasks=16).make() as other:
        task_id = other.get_task().task_id
        ids = other._pool.state["task_id"][0]
    del other
    gc.collect()
    assert (descriptors(), mapped()) == (before[0] + 1, before[1] + 1)
    assert ids[0] == task_id
    del ids
    assert (descriptors(), mapped()) == before


def test_a_dead_session_that_was_once_attached_to_can_be_reaped() -> None:
    name = f"once-{os.getpid()}"
    code = f"c = lpcurr.CurriculumConfig(num_active_tasks=5, session_id={name!r}).make(); print(flush=True); input()"
    creator = subprocess.Popen(
        [sys.executable, "-c", f"import lpcurr; {code}"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # the resource tracker dies with it
    )
    assert creator.stdout is not None
    creator.stdout.readline()
    lpcurr.attach(name)
    gc.collect()
    os.killpg(creator.pid, 9)
    creator.communicate()
    (session,) = (each for each in sessions.list_sessions() if each.session_id == name)
    assert not session.alive
    assert name in [each.session_id for each in sessions.reap()]


# -- one place for all copies of a process --------------------------------------------------------------------------


def test_unpickled_copies_are_one_process_and_can_be_closed_one_by_one(curriculum: Curriculum) -> None:
    copies = [pickle.loads(pickle.dumps(curriculum)) for _ in range(300)]
    assert len(curriculum.process_counters()) == 1
    with copies.pop() as copy:
        copy.get_task()
    assert copy.closed
    for each in (curriculum, *copies):
        each.get_task()
    for each in copies:
        each.close()
    assert len(curriculum.process_counters()) == 1
    assert curriculum.process_counters()[0]["draws"] == 301


def test_a_copy_goes_on_when_the_original_is_closed() -> None:
    with CurriculumConfig(num_active_tasks=4).make() as curriculum:
        copy = pickle.loads(pickle.dumps(curriculum))
    copy.get_task()
    child = os.fork()
    if child == 0:
        copy.get_task()
        os._exit(len(copy.process_counters()))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    copy.close()


def test_a_copy_of_a_session_that_began_anew_is_of_the_new_one() -> None:
    name = f"anew-{os.getpid()}"
    with CurriculumConfig(num_active_tasks=4, session_id=name).make() as first:
        pickled = pickle.dumps(first)
        first.unlink()
        with pytest.raises(lpcurr.SessionNotFoundError):
            pickle.loads(pickled)
        with CurriculumConfig(num_active_tasks=4, session_id=name, defer_init=True).make() as second:
            second.add_task(5)
            with pickle.loads(pickled) as copy:
                assert copy.get_task().task_id == 5
            first.unlink()  # not the second's name, which is the same
            assert (SHARED_MEMORY / f"{NAME_PREFIX}{name}").exists()


# -- other things under a session's name ----------------------------------------------------------------------------


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


OTHER_THINGS: dict[str, Callable[[Path], object]] = {
    "link": lambda path: path.symlink_to("/etc/passwd"),
    "dangling link": lambda path: path.symlink_to("/nowhere"),
    "pipe": lambda path: os.mkfifo(path),
    "folder": lambda path: path.mkdir(),
    "socket": make_socket,
}


@pytest.fixture(params=OTHER_THINGS)
def other_thing(request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"other-{os.getpid()}"
    path = SHARED_MEMORY / f"{NAME_PREFIX}{name}"
    OTHER_THINGS[request.param](path)
    yield name
    path.rmdir() if stat.S_ISDIR(path.lstat().st_mode) else path.unlink()


def test_a_cell_that_makes_its_session_again_is_told_what_to_do() -> None:
    config = CurriculumConfig(num_active_tasks=2, session_id=f"cell{os.getpid()}")
    with (
        config.make(),
        pytest.raises(lpcurr.ConfigError, match=r"exists already.*unlink\(\) the one that this process"),
    ):
        config.make()
    config.make().unlink()


def test_what_is_no_memory_is_neither_listed_nor_reaped_nor_attached(other_thing: str) -> None:
    assert other_thing not in [session.session_id for session in sessions.list_sessions()]
    assert other_thing not in [session.session_id for session in sessions.reap()]
    with pytest.raises(lpcurr.SessionIncompatibleError, match="not shared memory"):
        lpcurr.attach(other_thing)
    with pytest.raises(lpcurr.ConfigError, match="exists already"):
        CurriculumConfig(num_active_tasks=2, session_id=other_thing).make()
    assert os.path.lexists(SHARED_MEMORY / f"{NAME_PREFIX}{other_thing}")


@pytest.mark.parametrize("command", [["sessions"], ["inspect"], ["top", "--once", "--json"]])
def test_commands_say_a_sentence_about_it(
    command: list[str], other_thing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(command if command == ["sessions"] else [*command, other_thing])
    output = capsys.readouterr()
    assert "Traceback" not in output.err
    assert (status == 0) == (command == ["sessions"])
    assert command == ["sessions"] or "not shared memory" in output.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's memory")
def test_another_users_memory_is_refused_with_the_reason() -> None:
    name = f"theirs-{os.getpid()}"
    path = SHARED_MEMORY / f"{NAME_PREFIX}{name}"
    path.write_bytes(bytes(4096))
    os.chown(path, 12345, 12345)
    try:
        assert name not in [session.session_id for session in sessions.list_sessions()]
        with pytest.raises(lpcurr.SessionIncompatibleError, match="belongs to user 12345"):
            lpcurr.attach(name)
        assert name not in [session.session_id for session in sessions.reap()]
    finally:
        path.unlink()


# -- forks and signal handlers --------------------------------------------------------------------------------------


def test_attaching_does_not_go_near_the_resource_tracker(
    curriculum: Curriculum, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError

    for name in ("register", "unregister", "ensure_running"):
        monkeypatch.setattr(resource_tracker, name, refuse)
    lpcurr.attach(str(curriculum.session_id)).close()


FORKS = """
import os, sys, threading, time, warnings
warnings.simplefilter("ignore")
import lpcurr
curriculum = lpcurr.CurriculumConfig(num_active_tasks=10, seed=0).make()
stop = False
def make_and_attach():
    while not stop:
        lpcurr.attach(curriculum.session_id).close()
        with lpcurr.CurriculumConfig(num_active_tasks=10).make():
            pass
threads = [threading.Thread(target=make_and_attach) for _ in range(2)]
for thread in threads:
    thread.start()
for _ in range(15):
    child = os.fork()
    if child == 0:
        lpcurr.attach(curriculum.session_id).get_task()
        with lpcurr.CurriculumConfig(num_active_tasks=10).make() as own:
            own.get_task()
        os._exit(0)
    deadline = time.monotonic() + 300
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, 9)
        time.sleep(0.001)
    assert ended[1] == 0, ended
stop = True
for thread in threads:
    thread.join()
print(curriculum.find_violations())
curriculum.close(); curriculum.unlink()
"""


def test_children_forked_beside_makes_and_attaches_make_and_attach() -> None:
    assert run_program(FORKS) == "[]"


HANDLER = """
import os, signal, time
import lpcurr
curriculum = lpcurr.CurriculumConfig(num_active_tasks=5, seed=0).make()
lpcurr.attach(curriculum.session_id).close()  # Python's own imports bear no handler that imports the same
handled = 0
def handle(*_):
    global handled
    signal.setitimer(signal.ITIMER_REAL, 0)
    lpcurr.attach(curriculum.session_id).close()
    with lpcurr.CurriculumConfig(num_active_tasks=5).make():
        handled += 1
    signal.setitimer(signal.ITIMER_REAL, 0.001)
signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.001)
while handled < 100:
    lpcurr.attach(curriculum.session_id).close()
    with lpcurr.CurriculumConfig(num_active_tasks=5).make():
        pass
signal.signal(signal.SIGALRM, signal.SIG_IGN)  # stopped alone, the timer would be set anew by a handler that waits
curriculum.close(); curriculum.unlink()
print("done")
"""


def test_a_signal_handler_makes_and_attaches_inside_makes_and_attaches() -> None:
    assert run_program(HANDLER) == "done"


INTERRUPTED = """
import gc, os, random, signal, time
import lpcurr
class Interrupt(BaseException):
    pass
def interrupt(*_):
    raise Interrupt
lpcurr.CurriculumConfig(num_active_tasks=50).make().close()
signal.signal(signal.SIGALRM, interrupt)
random.seed(0)
mine = f"mine-{os.getpid()}-"
descriptors = len(os.listdir("/proc/self/fd"))
interrupted = 0
for number in range(200):
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, random.random() * 0.02 + 1e-5)
            for attempt in range(100):
                config = lpcurr.CurriculumConfig(num_active_tasks=50, session_id=f"{mine}{attempt % 9}")
                with config.make() as curriculum:
                    lpcurr.attach(curriculum.session_id).close()
        except Exception as error:  # a name that is being given back
            assert "exists already" in repr(error), error
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except Interrupt:  # also at an error's handling, or just before the timer ends
        interrupted += 1
    curriculum = config = None
for _ in range(300):  # a thread that was left alone with its work, and then with its result, takes a moment to end
    gc.collect()
    lpcurr.CurriculumConfig(num_active_tasks=50).make().close()  # gives back what a finalizer left that was cut short
    left = [name for name in os.listdir("/dev/shm") if mine in name]
    if not left and len(os.listdir("/proc/self/fd")) == descriptors:
        break
    time.sleep(0.1)
assert interrupted > 50, interrupted
print(left, len(os.listdir("/proc/self/fd")) - descriptors)
"""


def test_interrupted_makes_and_attaches_leave_neither_segments_nor_descriptors() -> None:
    assert run_program(INTERRUPTED, **CLOSED_BY_COUNTING) == "[] 0"


LISTED = """
import gc, os, random, signal
import lpcurr
class Interrupt(BaseException):
    pass
def interrupt(*_):
    raise Interrupt
curriculum = lpcurr.CurriculumConfig(num_active_tasks=4).make()
random.seed(0)
signal.signal(signal.SIGALRM, interrupt)
lpcurr.sessions.list_sessions()
descriptors = len(os.listdir("/proc/self/fd"))
for number in range(600):
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, random.random() * 0.003 + 1e-5)
            for attempt in range(10_000):
                lpcurr.sessions.list_sessions()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except Interrupt:
        pass
lpcurr.sessions.list_sessions()
gc.collect()
print(len(os.listdir("/proc/self/fd")) - descriptors)
"""


def test_interrupted_looks_at_the_sessions_leave_no_descriptors() -> None:
    assert run_program(LISTED, **CLOSED_BY_COUNTING) == "0"


UNPICKLED = """
import gc, os, pickle, random, signal, sys, time
import lpcurr
class Interrupt(BaseException):
    pass
def interrupt(*_):
    raise Interrupt
sys.unraisablehook = lambda _: None  # what is raised where an object is collected
curriculum = lpcurr.CurriculumConfig(tasks=list(range(50))).make()
pickled = pickle.dumps(curriculum)
pickle.loads(pickled).close()
random.seed(0)
signal.signal(signal.SIGALRM, interrupt)
descriptors = len(os.listdir("/proc/self/fd"))
for number in range(600):
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, random.random() * 0.004 + 1e-5)
            for attempt in range(100):
                worker = pickle.loads(pickled)
                worker.get_task().get_env_cfg()
                worker.close()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except Interrupt:
        pass
    worker = None
for _ in range(100):
    gc.collect()
    if len(os.listdir("/proc/self/fd")) == descriptors:
        break
    time.sleep(0.1)
print(len(os.listdir("/proc/self/fd")) - descriptors)
"""


def test_interrupted_unpicklings_of_a_task_list_leave_no_descriptors() -> None:
    assert run_program(UNPICKLED, **CLOSED_BY_COUNTING) == "0"


# -- a local pool that is forked inside a call ----------------------------------------------------------------------

LOCAL = """
import os, threading, logging, warnings
warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
import lpcurr, numpy as np
config = lpcurr.CurriculumConfig(
    num_active_tasks=2000, seed=0, use_shared_memory=False, min_presentations_for_eviction=1,
    algorithm_config=lpcurr.LearningProgressConfig(new_task_rate=1.0, min_samples_for_lp=1))
curriculum = config.make()
curriculum.sample_ids(4000)
curriculum.find_violations()
stop = False
def play():
    while not stop:
        ids = curriculum.sample_ids(2000)
        curriculum.update_many(ids, np.full(2000, 0.5))
threads = [threading.Thread(target=play) for _ in range(2)]
for thread in threads:
    thread.start()
sound = 0
for _ in range(25):
    child = os.fork()
    if child == 0:
        before = curriculum.find_violations()
        ids = curriculum.sample_ids(2000)
        curriculum.update_many(ids, np.full(2000, 0.25))
        os._exit(len(before) + len(curriculum.find_violations()))
    sound += os.waitpid(child, 0)[1] == 0
stop = True
for thread in threads:
    thread.join()
print(sound, curriculum.find_violations())
"""


def test_a_local_pool_that_is_forked_while_threads_are_inside_a_call_is_sound_in_the_child() -> None:
    assert run_program(LOCAL) == "25 []"


def test_a_forked_copy_of_a_local_pool_counts_for_the_child() -> None:
    with CurriculumConfig(num_active_tasks=4, use_shared_memory=False).make() as curriculum:
        curriculum.get_task()
        child = os.fork()
        if child == 0:
            (counters,) = curriculum.process_counters()
            os._exit(0 if (counters["pid"], counters["alive"]) == (os.getpid(), True) else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert np.array_equal([each["pid"] for each in curriculum.process_counters()], [os.getpid()])


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "is full or small"), (errno.EROFS, "is read-only"), (errno.ENOENT, "not there")],
)
@pytest.mark.parametrize("failing", [(shared_memory, "_open"), (shared_memory, "_mapped"), (os, "open")])
def test_what_has_no_room_says_so_wherever_that_shows(
    failing: tuple[Any, str], number: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(*failing, fail)  # no inode, no address space; no inode for the file of the tasks
    with pytest.raises(SegmentSpaceError, match=f"no room for .*{words}"):
        CurriculumConfig(tasks=["a"]).make()


def test_a_process_with_all_the_files_it_may_have_is_told_so(curriculum: Curriculum) -> None:
    lpcurr.attach(str(curriculum.session_id)).close()  # imports its module
    lowest_free = os.dup(0)
    os.close(lowest_free)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for call in (lambda: lpcurr.attach(str(curriculum.session_id)), CurriculumConfig(num_active_tasks=4).make):
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
        try:
            with pytest.raises(SegmentSpaceError, match="ulimit -n"):
                call()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_way_to_lock_that_there_is_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LPCURR_LOCK", "FCNTL")
    with pytest.raises(ConfigError, match="LPCURR_LOCK is 'FCNTL'"):
        CurriculumConfig(num_active_tasks=4).make()


def test_a_pool_can_be_left_at_the_interpreters_very_end() -> None:
    program = """
import lpcurr
class Trainer:
    def __del__(self):
        self.curriculum.close()
        self.curriculum.unlink()
        print("closed", flush=True)
trainer = Trainer()
trainer.curriculum, trainer.itself = lpcurr.CurriculumConfig(num_active_tasks=4).make(), trainer
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "closed\n", done.stderr
