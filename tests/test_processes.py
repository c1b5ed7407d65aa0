"""One pool in many real processes. ``LPCURR_STRESS_SECONDS=60`` makes the crowded tests a minute long each."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import pickle
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

import lpcurr
from lpcurr import Curriculum, CurriculumConfig, LearningProgressConfig
from lpcurr.kernels.machine.settings import ROBUST_MUTEX
from lpcurr.memory import layout
from lpcurr.memory.processes import NAME_PREFIX, own_start_time
from lpcurr.memory.segment import Segment
from lpcurr.pool import place as places
from lpcurr.pool.place import Place
from lpcurr.pool.pool import Pool
from tests.memory.programs import run_program

SECONDS = float(os.environ.get("LPCURR_STRESS_SECONDS", "1"))
METHODS = ["spawn", "fork", pytest.param("forkserver", marks=pytest.mark.heavy)]

# From 3.12 on, Python warns of every fork beside other threads; NumPy's are enough for that.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


# -- processes ------------------------------------------------------------------------------------------------------


class Worker:
    """A process that runs ``target(*arguments)`` and reports what that returns."""

    def __init__(self, method: str, target: Callable[..., Any], *arguments: Any) -> None:
        context: Any = multiprocessing.get_context(method)
        self._receiver, sender = context.Pipe(duplex=False)
        self.process = context.Process(target=_report, args=(sender, target, *arguments))
        self.process.start()
        sender.close()

    def result(self, timeout: float = 120.0) -> Any:
        """What it returned; EOFError if it died before."""
        assert self._receiver.poll(SECONDS + timeout), "no answer"
        try:
            answer = self._receiver.recv()
        finally:
            self.join()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def join(self) -> int:
        self.process.join(300)
        self._receiver.close()
        code: int | None = self.process.exitcode
        assert code is not None, "it does not end"
        return code


def _report(sender: Connection, target: Callable[..., Any], *arguments: Any) -> None:
    try:
        answer = target(*arguments)
    except Exception as error:
        answer = error
    sender.send(answer)
    sender.close()


def run_python(code: str, *arguments: str, status: int = 0) -> str:
    """Run a script in an unrelated process, which must say nothing on stderr; what it printed."""
    return run_program("import sys, lpcurr\n" + code, *arguments, status=status, cwd="/")


def segment_path(session_id: str | None) -> Path:
    assert session_id is not None
    return Path("/dev/shm") / f"{NAME_PREFIX}{session_id}"


def build_config(task_id: int) -> dict[str, int]:
    """A task generator that any process can unpickle."""
    return {"id": task_id}


def in_pool(curriculum: Curriculum) -> list[int]:
    ids: list[int] = curriculum.probabilities()[0].tolist()
    return ids


@pytest.fixture
def shared() -> Iterator[Curriculum]:
    with CurriculumConfig(num_active_tasks=64, seed=3).make() as curriculum:
        yield curriculum


# -- a crowd --------------------------------------------------------------------------------------------------------

CROWDED = CurriculumConfig(
    num_active_tasks=40,
    seed=5,
    min_presentations_for_eviction=2,
    algorithm_config=LearningProgressConfig(min_samples_for_lp=3, new_task_rate=0.5),
)


def churn(given: Curriculum | bytes, number: int, barrier: Any, seconds: float) -> tuple[int, int]:
    """Draw, update, create and evict at random, now and then too late; (sent, accepted)."""
    curriculum: Curriculum = pickle.loads(given) if isinstance(given, bytes) else given
    rng = random.Random(number)
    sent = accepted = 0
    late: list[int] = []
    if barrier is not None:
        barrier.wait(300)
    stop = time.monotonic() + seconds
    while time.monotonic() < stop or not sent:
        for _ in range(200):
            task_id = curriculum.get_task().task_id
            late.append(task_id)
            accepted += curriculum.update_task_performance(task_id, rng.random())
            accepted += curriculum.update_task_performance(rng.choice(late), rng.random())
            sent += 2
        ids = curriculum.sample_ids(50)
        accepted += curriculum.update_many(ids, np.array([rng.random() for _ in ids]))
        sent += 50
        with contextlib.suppress(lpcurr.UnknownTaskError):
            curriculum.evict(late[-1])
        # There is room now, unless another process was quicker.
        with contextlib.suppress(lpcurr.PoolFullError, lpcurr.DuplicateTaskError):
            curriculum.add_task(rng.randrange(200), f"label {rng.randrange(5)}")
        del late[:-100]
    curriculum.close()
    return sent, accepted


def check_accounts(curriculum: Curriculum, results: list[tuple[int, int]]) -> None:
    """Every completion that was sent is in the pool, went with an evicted task, or was refused."""
    sent, accepted = (sum(result[i] for result in results) for i in (0, 1))
    header = curriculum._pool.snapshot()["header"][0]
    states = [curriculum.get_task_stats(task_id) for task_id in in_pool(curriculum)]
    held = sum(state["completion_count"] for state in states if state is not None)
    assert held + header["evicted_completions"] + header["refused"] == sent
    assert header["completed"] == accepted
    assert header["repairs"] == 0
    check_soundness(curriculum)


def check_soundness(curriculum: Curriculum) -> None:
    assert curriculum.find_violations() == []
    ids = in_pool(curriculum)
    assert len(set(ids)) == len(ids) == curriculum.stats()["num_active_tasks"]


@pytest.mark.parametrize(
    "method", ["fork", *(pytest.param(m, marks=pytest.mark.heavy) for m in ("spawn", "forkserver"))]
)
def test_eight_processes_lose_no_completion(method: str) -> None:
    with CROWDED.make() as curriculum:
        barrier = multiprocessing.get_context(method).Barrier(9)
        # A forked child has the curriculum without pickling; every other one gets it pickled all the same.
        pickled = pickle.dumps(curriculum)
        given = [pickled if method == "fork" and number % 2 else curriculum for number in range(8)]
        workers = [Worker(method, churn, given[number], number, barrier, SECONDS) for number in range(8)]
        barrier.wait(300)
        stop = time.monotonic() + SECONDS
        while time.monotonic() < stop:  # it is sound at every moment, not only in the end
            assert curriculum.find_violations() == []
            time.sleep(0.05)
        results = [worker.result() for worker in workers]
        check_accounts(curriculum, results)
        figures = curriculum.stats()
        assert min(result[0] for result in results) >= 450
        assert figures["num_evicted"] > 100
        assert figures["num_refused"] > 100


def first_draws(curriculum: Curriculum) -> list[int]:
    with curriculum:
        ids: list[int] = curriculum.sample_ids(64).tolist()
        return ids


@pytest.mark.parametrize("method", METHODS)
def test_every_process_draws_from_a_stream_of_its_own(method: str) -> None:
    with CurriculumConfig(num_active_tasks=1000, seed=1, defer_init=True).make() as curriculum:
        for task_id in range(1000):
            curriculum.add_task(task_id)
        workers = [Worker(method, first_draws, curriculum) for _ in range(2)]
        draws = [curriculum.sample_ids(64).tolist(), *(worker.result() for worker in workers)]
        for i, one in enumerate(draws):
            for other in draws[:i]:
                assert sum(a == b for a, b in zip(one, other, strict=True)) < 8  # of 64 among 1000 tasks


# -- what one process does, all see ---------------------------------------------------------------------------------


def play_and_label(curriculum: Curriculum) -> int:
    curriculum.add_task(77, "übung")
    curriculum.update_task_performance(5, 0.25)
    curriculum.evict(6)
    return curriculum.get_task().task_id


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_what_one_process_does_all_the_others_see(method: str, shared: Curriculum) -> None:
    shared.add_task(5, "five")
    shared.add_task(6)
    created = Worker(method, play_and_label, shared).result()
    state = shared.get_task_stats(77)
    assert state is not None
    assert state["label"] == "übung"
    assert in_pool(shared) == [5, 77, created]
    five = shared.get_task_stats(5)
    assert five is not None
    assert (five["last_score"], five["label"]) == (0.25, "five")
    assert shared.update_task_performance(6, 1.0) is False
    # … and a third process too, which neither of the two has told anything but the session id
    code = """
curriculum = lpcurr.attach(sys.argv[1])
print(curriculum.get_task_stats(77)["label"], curriculum.stats()["algorithm/pool_composition/five"])
"""
    assert run_python(code, str(shared.session_id)) == "übung 1.0"


def build_in(curriculum: Curriculum, task_id: int) -> tuple[Any, str]:
    return curriculum.build(task_id), curriculum.session_id or ""


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_a_pickled_curriculum_takes_its_generator_along(method: str) -> None:
    with CurriculumConfig(num_active_tasks=4).make(task_generator=build_config) as curriculum:
        assert Worker(method, build_in, curriculum, 9).result() == ({"id": 9}, curriculum.session_id)


# -- coming and going -----------------------------------------------------------------------------------------------


def test_an_unrelated_process_joins_by_session_id_and_its_exit_changes_nothing(shared: Curriculum) -> None:
    task = shared.get_task()
    code = """
curriculum = lpcurr.attach(sys.argv[1])
assert curriculum.update_task_performance(int(sys.argv[2]), 0.5)
print(curriculum.get_task().task_id)
"""
    joined = [int(run_python(code, str(shared.session_id), str(task.task_id))) for _ in range(2)]
    assert segment_path(shared.session_id).exists()
    assert in_pool(shared) == [task.task_id, *joined]
    assert shared.stats()["num_completed"] == 2
    check_soundness(shared)


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("", 0),
        ("curriculum.close()", 0),
        ("curriculum.unlink(); curriculum.close(); curriculum.unlink()", 0),
        ("sys.exit(3)", 3),
        ("copy = pickle.loads(pickle.dumps(curriculum)); del curriculum; copy.get_task()", 0),
    ],
)
def test_the_creators_normal_exit_leaves_nothing_behind(ending: str, status: int) -> None:
    code = f"""
import pickle
curriculum = lpcurr.CurriculumConfig(num_active_tasks=4).make()
curriculum.get_task()
print(curriculum.session_id, flush=True)
{ending}
"""
    session_id = run_python(code, status=status)
    assert not segment_path(session_id).exists()


def test_an_error_in_the_creator_leaves_nothing_behind() -> None:
    code = """
sys.excepthook = lambda *_: None
curriculum = lpcurr.CurriculumConfig(num_active_tasks=4).make()
print(curriculum.session_id, flush=True)
raise RuntimeError
"""
    assert not segment_path(run_python(code, status=1)).exists()


def test_workers_outlive_their_creators_segment(shared: Curriculum) -> None:
    """Those that are attached go on when the name is gone."""
    other = lpcurr.attach(str(shared.session_id))
    task = shared.get_task()
    shared.close()
    shared.unlink()
    assert not segment_path(other.session_id).exists()
    assert other.update_task_performance(task.task_id, 0.5)
    with pytest.raises(lpcurr.SessionNotFoundError):
        lpcurr.attach(str(other.session_id))
    other.close()


def draw_and_exit(curriculum: Curriculum, how: str) -> None:
    curriculum.get_task()
    if how == "sys.exit":
        sys.exit(3)
    elif how == "os._exit":
        os._exit(3)
    elif how == "with":
        with curriculum:
            pass
        sys.exit(3)


@pytest.mark.parametrize(
    ("method", "how"), [("spawn", "sys.exit"), ("fork", "sys.exit"), ("fork", "os._exit"), ("fork", "with")]
)
def test_a_child_that_exits_takes_nothing_with_it(method: str, how: str, shared: Curriculum) -> None:
    worker = Worker(method, draw_and_exit, shared, how)
    assert worker.join() == 3
    assert segment_path(shared.session_id).exists()
    assert len(in_pool(shared)) == 1
    shared.get_task()
    check_soundness(shared)


def test_a_with_block_closes_and_in_the_creator_unlinks() -> None:
    with CurriculumConfig(num_active_tasks=4).make() as curriculum:
        path = segment_path(curriculum.session_id)
        with lpcurr.attach(str(curriculum.session_id)) as other:
            other.get_task()
        assert other.closed
        assert path.exists()
        assert curriculum.stats()["num_active_tasks"] == 1
    assert curriculum.closed
    assert not path.exists()


def test_the_record_of_a_process_that_has_died_is_given_to_the_next_one(shared: Curriculum) -> None:
    worker = Worker("fork", draw_and_exit, shared, "os._exit")
    assert worker.join() == 3
    records = shared._pool.state["process"][0]
    assert (records["pid"] == worker.process.pid).sum() == 1
    free = np.flatnonzero(records["pid"][: layout.PROCESS_STEP] == 0)
    records["pid"][free], records["start_time"][free] = os.getpid(), own_start_time()
    with lpcurr.attach(str(shared.session_id)) as other:
        assert other._pool.process == 1
        assert (records["pid"][: layout.PROCESS_STEP] == os.getpid()).all()
    records["pid"][free] = 0
    check_soundness(shared)


def churn_on(curriculum: Curriculum) -> tuple[int, int]:
    return churn(curriculum, os.getpid(), None, 1.5)


def test_a_place_that_another_thread_has_just_given_back_is_not_taken_along(shared: Curriculum) -> None:
    segment = Segment.attach(str(shared.session_id), file_lock=not ROBUST_MUTEX)
    place = Place(segment)
    assert place.hold(segment)
    place.leave(segment)
    assert not place.hold(segment)
    pool = Pool(segment, place)
    assert pool.state["process"]["pid"][0, pool.process] == os.getpid()
    pool.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_attach_that_a_signal_handler_cuts_short_keeps_nothing(shared: Curriculum) -> None:
    class Interrupt(Exception):
        pass

    lines_left, held = 0, len(places._records)

    def count(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines_left
        if not frame.f_code.co_filename.endswith(("place.py", "shared_memory.py", "weakref.py")):
            return count
        lines_left -= event == "line"
        if lines_left < 0:
            raise Interrupt
        return count

    for lines in range(10_000):
        lines_left, before = lines, sys.gettrace()
        sys.settrace(count)
        try:
            lpcurr.attach(str(shared.session_id)).close()
        except Interrupt:
            continue
        finally:
            sys.settrace(before)
        break
    assert lines > 30
    lpcurr.attach(str(shared.session_id)).close()
    assert len(shared.process_counters()) == 1
    assert len(places._records) <= held


def test_a_killed_worker_leaves_the_others_working() -> None:
    with CROWDED.make() as curriculum:
        survivors = [Worker("fork", churn_on, curriculum) for _ in range(2)]
        for _ in range(4):
            victim = Worker("fork", churn_on, curriculum)
            records = curriculum._pool.state["process"][0]
            while not ((records["pid"] == victim.process.pid) & (records["accepted"] > 0)).any():
                time.sleep(0.001)
            victim.process.kill()
            assert victim.join() == -signal.SIGKILL
            curriculum.get_task()
        results = [survivor.result() for survivor in survivors]
        assert min(result[0] for result in results) >= 450
        assert curriculum.stats()["num_completed"] >= sum(result[1] for result in results)
        check_soundness(curriculum)


# -- local pools ----------------------------------------------------------------------------------------------------


class _Collect(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def _get(curriculum: Curriculum) -> list[int]:
    return [curriculum.get_task().task_id for _ in range(5)]


def _sample(curriculum: Curriculum) -> list[int]:
    ids: list[int] = curriculum.sample_ids(5).tolist()
    return ids


def _update(curriculum: Curriculum) -> list[int]:
    curriculum.update_task_performance(in_pool(curriculum)[0], 0.5)
    return []


LOCAL_USES = {"get_task": _get, "sample_ids": _sample, "update_task_performance": _update}


def use_in_fork(curriculum: Curriculum, use: str) -> tuple[list[int], list[str]]:
    handler = _Collect()
    logging.getLogger("lpcurr").addHandler(handler)
    logging.getLogger("lpcurr").propagate = False
    ids = LOCAL_USES[use](curriculum)
    LOCAL_USES[use](curriculum)
    return ids, handler.messages


@pytest.mark.parametrize("use", LOCAL_USES)
def test_a_local_pool_in_a_forked_child_says_once_that_it_is_a_copy_and_draws_otherwise(use: str) -> None:
    with CurriculumConfig(num_active_tasks=64, seed=3, use_shared_memory=False).make() as curriculum:
        curriculum.get_task()
        answers = [Worker("fork", use_in_fork, curriculum, use).result() for _ in range(2)]
        own = _get(curriculum)
        assert len(in_pool(curriculum)) == 6
        for ids, messages in answers:
            assert not set(ids) & set(own)
            assert len(messages) == 1
            assert "use_shared_memory=True" in messages[0]
        assert not set(answers[0][0]) & set(answers[1][0])


def test_attaching_waits_for_a_session_that_is_not_there_yet() -> None:
    name = f"awaited-{os.getpid()}"
    with pytest.raises(lpcurr.SessionNotFoundError):
        lpcurr.attach(name, timeout=0.1)
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(lpcurr.attach, name, timeout=300)
        time.sleep(0.2)
        with CurriculumConfig(tasks=["boil"], session_id=name).make(), waiting.result() as other:
            assert other.get_task().get_env_cfg() == "boil"


def test_a_local_pool_cannot_be_pickled() -> None:
    with (
        CurriculumConfig(num_active_tasks=4, use_shared_memory=False).make() as curriculum,
        pytest.raises(lpcurr.LpcurrError, match="use_shared_memory=True"),
    ):
        pickle.dumps(curriculum)


# -- kernels from the cache -----------------------------------------------------------------------------------------


def test_fresh_processes_load_compiled_kernels_and_work() -> None:
    """Nothing on stderr: they do not compile again."""
    code = """
config = lpcurr.CurriculumConfig(num_active_tasks=40, seed=8)
with config.make() as curriculum:
    for _ in range(500):
        task = curriculum.get_task()
        curriculum.update_task_performance(task.task_id, 0.25)
        curriculum.get_episode_stats(task.label)
    assert curriculum.update_many(curriculum.sample_ids(100), [0.5] * 100) == 100
    curriculum.evict(curriculum.probabilities()[0][0])
    curriculum.on_epoch_end()
    assert curriculum.find_violations() == []
    print(curriculum.stats()["num_completed"])
"""
    assert [run_python(code) for _ in range(2)] == ["600.0", "600.0"]
