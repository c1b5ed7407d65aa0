"""Curricula over a list of tasks: in one process, in workers, for strangers, and after a resume."""

from __future__ import annotations

import dataclasses
import itertools
import json
import logging
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

import lpcurr
from lpcurr import ConfigError, Curriculum, CurriculumConfig, PoolFullError
from lpcurr.errors import InvalidLabelError
from lpcurr.generators import StoredTasks, TaskList
from lpcurr.memory import sessions, task_records
from lpcurr.pool.pool import Pool
from tests.memory.programs import run_program

KITCHEN = [{"task": name, "variation": variation} for name in ("boil", "freeze", "melt") for variation in range(30)]


@dataclasses.dataclass(frozen=True)
class Goal:
    """A task as Meta-World has it: an object."""

    name: str
    place: tuple[float, ...] = (0.5, 1.5)


PAYLOADS: list[Any] = [
    "a text",
    "\ud800",
    "",
    7,
    None,
    [1, 2.5],
    ("a", 1),
    {1: {"x"}},
    {"nan": float("inf")},
    Goal("push"),
]


@pytest.fixture(params=[True, False], ids=["shared", "local"])
def shared(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.mark.parametrize("how", ["tasks", "task_generator", "call"])
def test_all_tasks_are_in_the_pool_from_the_start_with_their_places_as_ids(how: str, shared: bool) -> None:
    settings: dict[str, Any] = {"seed": 0, "use_shared_memory": shared}
    if how == "call":
        curriculum = Curriculum(CurriculumConfig(**settings), task_generator=KITCHEN)
    else:
        curriculum = CurriculumConfig(**settings, **{how: KITCHEN}).make()
    with curriculum:
        assert sorted(curriculum.probabilities()[0].tolist()) == list(range(len(KITCHEN)))
        for _ in range(200):
            task = curriculum.get_task()
            assert task.get_env_cfg() == KITCHEN[task.task_id]
            assert task.label == KITCHEN[task.task_id]["task"]
            assert task.get_slice_values() == KITCHEN[task.task_id]
            assert curriculum.update_task_performance(task.task_id, 0.0)
        assert curriculum.stats()["num_active_tasks"] == len(KITCHEN)
        assert curriculum.stats()["num_evicted"] == 0
        assert curriculum.find_violations() == []


def test_what_a_task_may_be(shared: bool) -> None:
    with CurriculumConfig(tasks=PAYLOADS, use_shared_memory=shared).make() as curriculum:
        got = [curriculum.build(task_id) for task_id in range(len(PAYLOADS))]
    assert got == PAYLOADS
    assert list(map(type, got)) == list(map(type, PAYLOADS))


def test_a_task_that_is_handed_out_may_be_changed(shared: bool) -> None:
    tasks = [{"lanes": [1, 2]}]
    with CurriculumConfig(tasks=tasks, use_shared_memory=shared).make() as curriculum:
        curriculum.get_task().get_env_cfg()["lanes"].append(3)
        assert curriculum.get_task().get_env_cfg() == {"lanes": [1, 2]} == tasks[0]


def test_labels(shared: bool) -> None:
    config = CurriculumConfig(tasks=["a", "b", "c"], task_labels=["x", "", "x"], use_shared_memory=shared)
    with config.make() as curriculum:
        labels = {task.task_id: task.label for task in curriculum.sample_tasks(100)}
    assert labels == {0: "x", 1: "default", 2: "x"}


def test_a_dict_names_its_label_by_a_text_or_a_number(shared: bool) -> None:
    tasks: list[Any] = [{"label": 3}, {"label": np.int64(4)}, {"task": 0.5}, {"label": [5]}, {"label": None, "task": 6}]
    with CurriculumConfig(tasks=tasks, use_shared_memory=shared).make() as curriculum:
        assert curriculum.append_tasks([{"label": 3, "x": 1}]).tolist() == [5]
        assert curriculum.columns()["label"].tolist() == ["3", "4", "0.5", "default", "6", "3"]
        assert curriculum.get_task(label=4).get_env_cfg() == {"label": 4}


def test_the_configuration_goes_through_json_and_back() -> None:
    config = CurriculumConfig(tasks=["a", ("b", 1)], task_labels=["x", "y"], seed=1)
    read = CurriculumConfig.model_validate_json(config.model_dump_json())
    assert read == config
    with read.make() as curriculum:
        assert curriculum.build(1) == ("b", 1)


def play_in_worker(curriculum: Curriculum, queue: Any) -> None:
    tasks = [(task.task_id, task.get_env_cfg(), task.label) for task in curriculum.sample_tasks(50)]
    ids = curriculum.append_tasks([Goal("of a worker")]).tolist()
    queue.put((tasks, ids, len(pickle.dumps(curriculum))))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_have_the_tasks_without_a_copy_and_append_to_them(method: str) -> None:
    tasks = [Goal(f"goal {number}") for number in range(5000)]
    context: Any = multiprocessing.get_context(method)
    with CurriculumConfig(tasks=tasks, num_active_tasks=6000).make() as curriculum:
        queue = context.Queue()
        worker = context.Process(target=play_in_worker, args=(curriculum, queue))
        worker.start()
        played, ids, size = queue.get()
        worker.join()
        assert all(task == tasks[task_id] and label == "default" for task_id, task, label in played)
        assert size < 10_000
        assert ids == [5000]
        assert curriculum.build(5000) == Goal("of a worker")
        assert 5000 in curriculum.probabilities()[0]


def test_a_stranger_reads_plain_tasks_and_sees_what_is_appended_later() -> None:
    with CurriculumConfig(tasks=["a", {"b": (1, 2)}]).make() as curriculum:
        code = f"""
import lpcurr
curriculum = lpcurr.attach({curriculum.session_id!r})
print([curriculum.build(0), curriculum.build(1)], flush=True)
input()
print(sorted((task.task_id, task.get_env_cfg(), task.label) for task in curriculum.sample_tasks(60))[-1])
curriculum.append_tasks(["of a stranger"])
"""
        with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True) as stranger:
            assert stranger.stdin is not None
            assert stranger.stdout is not None
            assert stranger.stdout.readline() == "['a', {'b': (1, 2)}]\n"
            assert curriculum.append_tasks(["c"], ["new"]).tolist() == [2]
            assert stranger.communicate("\n")[0] == "(2, 'c', 'new')\n"
        assert curriculum.build(3) == "of a stranger"


class Bomb:
    """Says that it was unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('unpickled')",)


def test_nothing_pickled_is_loaded_by_a_stranger_nor_if_it_was_altered() -> None:
    with CurriculumConfig(tasks=[Goal("push"), "plain"]).make() as curriculum:
        assert curriculum.session_id is not None
        with lpcurr.attach(curriculum.session_id) as stranger:
            assert stranger.build(1) == "plain"
            with pytest.raises(lpcurr.TaskGenerationError, match=r"unpickling runs code.*task_generator=\[…\]"):
                stranger.build(0)
            with pytest.raises(ConfigError, match="append plain data"):
                stranger.append_tasks([Goal("pull")])
        with lpcurr.attach(curriculum.session_id, task_generator=[Goal("push"), "plain"]) as friend:
            assert friend.build(0) == Goal("push")
        path = task_records.path_of(curriculum.session_id)
        content = bytearray(path.read_bytes())
        pickled = pickle.dumps(Goal("push"), 4)
        place = content.index(pickled)
        content[place : place + len(pickled)] = pickle.dumps(Bomb(), 4).ljust(len(pickled), b".")[: len(pickled)]
        path.write_bytes(content)
        with pytest.raises(lpcurr.TaskGenerationError, match="unpickling runs code"):
            curriculum.build(0)


def test_a_class_named_in_stored_plain_data_is_refused() -> None:
    with CurriculumConfig(tasks=[{"__type__": "os:system", "data": "true"}][:0] or [{"a": 1}]).make() as curriculum:
        stored = curriculum._generator
        assert isinstance(stored, StoredTasks)
        with pytest.raises(ConfigError, match="'os:system' is not plain data"):
            stored._task(b"j", json.dumps({"__type__": "os:system", "data": "true"}).encode())


def test_appending(shared: bool) -> None:
    config = CurriculumConfig(tasks=["a", "b"], num_active_tasks=5, use_shared_memory=shared)
    with config.make() as curriculum:
        assert curriculum.append_tasks(["c", {"task": "named"}]).tolist() == [2, 3]
        assert [curriculum.build(task_id) for task_id in range(4)] == ["a", "b", "c", {"task": "named"}]
        stats = curriculum.get_task_stats(3)
        assert stats is not None
        assert stats["label"] == "named"
        before = curriculum.probabilities()[0].tolist()
        with pytest.raises(PoolFullError, match=r"room for 1 more tasks, not for 2: .*num_active_tasks"):
            curriculum.append_tasks(["d", "e"])
        with pytest.raises(ConfigError, match="1 labels for 2 tasks"):
            curriculum.append_tasks(["d", "e"], ["x"])
        assert curriculum.probabilities()[0].tolist() == before
        curriculum.evict(0)
        assert curriculum.append_tasks(["d", "e"]).tolist() == [4, 5]
        with pytest.raises(lpcurr.TaskGenerationError, match=r"no task 6 in the list, whose ids are 0 … 5"):
            curriculum.build(6)


class Interrupted(Exception):
    """What a signal handler raises."""


def _breaking(monkeypatch: pytest.MonkeyPatch, calls: list[int], how: Callable[[], None]) -> None:
    """Make it come to an end after some of the calls that put a task into the pool; -1: before the first."""
    add_task, count = Pool.add_task, itertools.count(1)

    def add(pool: Pool, *arguments: Any, **settings: Any) -> None:
        number = next(count)
        if -number in calls:
            how()
        add_task(pool, *arguments, **settings)
        if number in calls:
            how()

    monkeypatch.setattr(Pool, "add_task", add)


def _list_and_pool(curriculum: Curriculum) -> tuple[int, list[int]]:
    assert curriculum._generator is not None
    return len(curriculum._generator), sorted(curriculum.columns()["task_id"].tolist())  # type: ignore[arg-type]


@pytest.mark.parametrize("call", [-1, 1, -10, 10])
@pytest.mark.parametrize("next_one", ["get_task", "sample_ids", "append_tasks", "attach"])
def test_what_a_killed_process_was_appending_is_finished_by_the_next(
    call: int, next_one: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CurriculumConfig(tasks=["a", "b"], num_active_tasks=50).make() as curriculum:
        child = os.fork()
        if child == 0:
            _breaking(monkeypatch, [call], lambda: os.kill(os.getpid(), signal.SIGKILL))
            curriculum.append_tasks([f"task {i}" for i in range(20)])
            os._exit(1)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
        assert _list_and_pool(curriculum)[0] == 22
        if next_one == "append_tasks":
            assert curriculum.append_tasks(["c"]).tolist() == [22]
        elif next_one == "attach":
            with lpcurr.attach(str(curriculum.session_id)) as other:
                other.get_task()
        else:
            arguments = [1] * (next_one == "sample_ids")
            getattr(curriculum, next_one)(*arguments)
        count = 22 + (next_one == "append_tasks")
        assert _list_and_pool(curriculum) == (count, list(range(count)))
        curriculum.evict(21)
        curriculum.sample_ids(5)
        assert 21 not in _list_and_pool(curriculum)[1]


@pytest.mark.parametrize("calls", [[3], [-3], [3, 4], [20, 21]])
def test_appending_that_is_interrupted_is_finished(
    calls: list[int], shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt() -> None:
        raise Interrupted

    with CurriculumConfig(tasks=["a", "b"], num_active_tasks=50, use_shared_memory=shared).make() as curriculum:
        _breaking(monkeypatch, calls, interrupt)
        with pytest.raises(Interrupted):
            curriculum.append_tasks([f"task {i}" for i in range(20)])
        if len(calls) > 1:
            curriculum.get_task()
        assert _list_and_pool(curriculum) == (22, list(range(22)))
        assert not curriculum._pool.state["header"]["appending"][0]


def test_nobody_waits_for_who_is_appending_and_what_was_saved_meanwhile_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = ["a", "b", *(f"task {i}" for i in range(20))]
    with CurriculumConfig(tasks=tasks[:2], num_active_tasks=50).make() as curriculum:

        def look() -> None:
            curriculum.get_task()
            assert curriculum._pool.state["header"]["appending"][0] == 1
            curriculum.save(tmp_path / "meanwhile")

        _breaking(monkeypatch, [10], look)
        curriculum.append_tasks(tasks[2:])
        state = curriculum.get_state()
        curriculum.append_tasks(["later"])
        curriculum.load_state(state)
        assert _list_and_pool(curriculum) == (23, list(range(23)))
    with Curriculum.load(tmp_path / "meanwhile", task_generator=tasks) as resumed:
        assert _list_and_pool(resumed) == (22, list(range(22)))


@pytest.mark.parametrize("labels", [["fine", "z" * 500], ["fine", ("x",)], ["fine", "\ud800"]])
def test_what_cannot_be_appended_leaves_list_and_pool_alone(labels: list[Any], shared: bool) -> None:
    with CurriculumConfig(tasks=["a", "b"], num_active_tasks=10, use_shared_memory=shared).make() as curriculum:
        with pytest.raises(InvalidLabelError):
            curriculum.append_tasks(["x", "y"], labels)
        with pytest.raises(InvalidLabelError):
            curriculum.append_tasks(["x", {"label": "q" * 500}])
        a_text: Any
        for a_text in ("x", "xy", b"xy", {"x", "y"}):  # whose letters would be tasks, or whose order is by chance
            with pytest.raises(ConfigError, match=r"give a list, such as \[task\]"):
                curriculum.append_tasks(a_text)
            with pytest.raises(ConfigError, match=r"the labels are .*give the label of each task"):
                curriculum.append_tasks(["x", "y"], a_text)
        with pytest.raises(ConfigError, match=r"there is no task 2 in the list, whose ids are 0 … 1"):
            curriculum.add_task(2, "by hand")
        assert _list_and_pool(curriculum) == (2, [0, 1])


def test_who_attached_with_a_list_of_its_own_does_not_append() -> None:
    with CurriculumConfig(tasks=["a", "b"], session_id="own-list").make() as curriculum:
        with lpcurr.attach("own-list", task_generator=["a", "b"]) as other, pytest.raises(ConfigError, match="its own"):
            other.append_tasks(["x"])
        assert _list_and_pool(curriculum) == (2, [0, 1])


def test_refusals() -> None:
    with pytest.raises(ConfigError, match="empty"):
        CurriculumConfig(tasks=[])
    labels: Any
    for labels in ("level", len, {"a": "x"}, {"x"}):  # the names of a dict, or the letters of a text, were taken
        for give in (
            lambda: CurriculumConfig(tasks=["a"], task_labels=labels),  # noqa: B023
            lambda: TaskList(tasks=["a"], labels=labels),  # noqa: B023
            lambda: curriculum.append_tasks(["a"], labels),  # noqa: B023
        ):
            with CurriculumConfig(tasks=["a"], num_active_tasks=9).make() as curriculum:
                with pytest.raises(ValueError, match=r"labels are .*give the label of each task"):
                    give()
                assert curriculum.num_active_tasks == 1
    assert TaskList(tasks=["a", "b"], labels=[1, 0.5]).labels == ["1", "0.5"]
    with pytest.raises(ConfigError, match="2 labels for 1 tasks"):
        CurriculumConfig(tasks=["a"], task_labels=["x", "y"])
    with pytest.raises(ConfigError, match="tasks and a task_generator"):
        CurriculumConfig(tasks=["a"], task_generator=["b"])
    with pytest.raises(ConfigError, match="give a list"):
        CurriculumConfig(tasks="boil")
    with pytest.raises(ConfigError, match=r"num_active_tasks=2 is less than the 3 tasks"):
        CurriculumConfig(tasks=["a", "b", "c"], num_active_tasks=2).make()
    with pytest.raises(ConfigError, match=r"cannot be written or pickled.*use_shared_memory=False"):
        CurriculumConfig(tasks=[lambda: 1]).make()
    with pytest.raises(ConfigError, match=r"tasks=\[…\]"):
        lpcurr.merge([3])
    with CurriculumConfig(num_active_tasks=4).make() as curriculum, pytest.raises(ConfigError, match=r"tasks=\[…\]"):
        curriculum.append_tasks(["a"])


@pytest.mark.parametrize("tasks", [range(10**12), np.array(3), np.float16(2), 5], ids=repr)
def test_what_has_no_end_or_no_rows_is_refused_before_it_fills_the_memory(tasks: Any) -> None:
    with CurriculumConfig(tasks=["a"]).make() as curriculum:
        for call in (curriculum.append_tasks, curriculum.evaluation, lambda tasks: CurriculumConfig(tasks=tasks)):
            with pytest.raises(ConfigError, match="tasks is"):
                call(tasks)
        assert len(curriculum._generator or []) == 1
    for fields in ({"tasks": ["a"], "task_labels": itertools.repeat("a")}, {"stages": range(10**12)}):
        with pytest.raises(ConfigError, match="give a list"):
            CurriculumConfig(**fields)


def test_arrays_are_lists_and_more_tasks_than_the_default_make_room() -> None:
    with CurriculumConfig(tasks=np.array([f"task {i}" for i in range(1500)])).make() as curriculum:
        assert curriculum.config.num_active_tasks == 1500
        assert curriculum.build(1499) == "task 1499"


def test_the_file_goes_with_the_session() -> None:
    curriculum = CurriculumConfig(tasks=["a"], session_id="gone-with-it").make()
    assert task_records.path_of("gone-with-it").exists()
    curriculum.close()
    curriculum.unlink()
    assert not task_records.path_of("gone-with-it").exists()
    code = """
import lpcurr, os
curriculum = lpcurr.CurriculumConfig(tasks=["a"], session_id="killed-1").make()
os.kill(os.getpid(), 9)
"""
    run_program(code, status=-signal.SIGKILL)
    sessions.reap()
    assert not task_records.path_of("killed-1").exists()


def test_a_file_that_is_no_list_is_refused(tmp_path: Path) -> None:
    path = task_records.path_of("strange-one")
    path.write_bytes(b"something else")
    try:
        with pytest.raises(ConfigError, match="no list of tasks"):
            StoredTasks(session="strange-one").build(0)
    finally:
        path.unlink()
    with pytest.raises(lpcurr.SessionNotFoundError, match=r"task_generator=\[…\]"):
        StoredTasks(session="strange-one").build(0)


def test_resuming_with_the_list(tmp_path: Path, shared: bool) -> None:
    tasks = [*PAYLOADS, {"task": "x"}]
    path = tmp_path / "pool.lpc"
    config = CurriculumConfig(tasks=tasks, num_active_tasks=20, seed=0, use_shared_memory=shared)
    with config.make() as curriculum:
        ids = curriculum.sample_ids(100)
        curriculum.update_many(ids, np.ones(100))
        curriculum.evict(4)
        curriculum.save(path)
        state = curriculum.get_state()
        expected = curriculum.sample_ids(50).tolist()
        curriculum.load_state(state)
        assert curriculum.sample_ids(50).tolist() == expected
    with Curriculum.load(path, task_generator=tasks) as resumed:
        assert resumed.sample_ids(50).tolist() == expected
        assert resumed.build(9) == tasks[9]
        assert 4 not in resumed.probabilities()[0]
    with Curriculum.load(path, task_generator=[*tasks, "appended since"]) as resumed:
        assert len(tasks) in resumed.probabilities()[0]
        assert 4 not in resumed.probabilities()[0]
    grown = CurriculumConfig(tasks=[*tasks, "appended since"], num_active_tasks=20, use_shared_memory=shared)
    with grown.make() as resumed:
        for once_more in (state, path):
            resumed.load_state(once_more)
            assert sorted(resumed.columns()["task_id"]) == [i for i in range(len(tasks) + 1) if i != 4]
    with pytest.raises(ConfigError, match=rf"list of {len(tasks)} tasks, which is not stored in it: give the list"):
        Curriculum.load(path)
    others: list[Any] = [
        [*tasks[:-1], {"task": "y"}],
        tasks[:-1],
        lpcurr.single_task({"a": 1}),
        lambda task_id: task_id,
    ]
    for other in others:
        with pytest.raises(ConfigError, match="replace_generator=True"):
            Curriculum.load(path, task_generator=other)
    with Curriculum.load(path, task_generator=others[0], replace_generator=True) as resumed:
        assert resumed.build(len(tasks) - 1) == {"task": "y"}
    shorter: list[Any] = tasks[:3]
    with Curriculum.load(path, task_generator=shorter, replace_generator=True) as resumed:
        assert sorted(resumed.columns()["task_id"]) == [0, 1, 2]
        assert {task.get_env_cfg() == tasks[task.task_id] for task in resumed.sample_tasks(50)} == {True}
        resumed.append_tasks(["another one"])
        assert resumed.build(3) == "another one"
        assert resumed.find_violations() == []


@pytest.mark.parametrize("shared", [False, True])
def test_a_list_of_which_most_has_left_the_pool_resumes_in_a_pool_of_that_size(tmp_path: Path, shared: bool) -> None:
    config = CurriculumConfig(tasks=[[0], [1]], task_labels=[7, 8], num_active_tasks=3, use_shared_memory=shared)
    with config.make() as curriculum:
        for child in range(2, 12):  # levels that are bred: a new one comes, an old one goes
            curriculum.append_tasks([[child]], [f"of {child - 1}"])
            curriculum.evict(child - 2)
        assert (curriculum.num_active_tasks, curriculum.stats()["num_active_tasks"]) == (2, 2)
        listed = TaskList.model_validate_json(curriculum.task_list().model_dump_json())
        curriculum.append_tasks([[99]], ["late"])
        curriculum.save(tmp_path / "pool.lpc")
        expected = curriculum.columns()
        assert curriculum.task_list().tasks[-1] == [99]
    assert listed.tasks == [[number] for number in range(12)]
    assert listed.labels == ["7", "8", *(f"of {number}" for number in range(1, 11))]
    assert listed.append([[99], [100]], ["late", "grown"]) == 12
    for number, slots in ((13, 3), (14, 4)):  # as it was; and with one more, for which there is room then
        tasks = TaskList(tasks=listed.tasks[:number], labels=(listed.labels or [])[:number])
        with Curriculum.load(tmp_path / "pool.lpc", tasks) as resumed:
            assert resumed.config.num_active_tasks == slots
            assert resumed.columns()["task_id"].tolist() == [10, 11, 12, 13][:slots]
            assert resumed.columns()["label"][:3].tolist() == expected["label"].tolist()
            assert resumed.find_violations() == []
    with pytest.raises(ConfigError, match=r"other labels.*config=CurriculumConfig\(tasks=\[…\], task_labels"):
        Curriculum.load(tmp_path / "pool.lpc", listed.tasks)
    with CurriculumConfig(num_active_tasks=2).make() as other, pytest.raises(ConfigError, match="over no list"):
        other.task_list()


def test_what_was_appended_to_a_full_pool_and_finds_no_room_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with CurriculumConfig(tasks=["a", "b"], num_active_tasks=2).make() as curriculum:
        state = curriculum.get_state()
        curriculum.evict(0)
        curriculum.append_tasks(["c"])
        curriculum.load_state(state)
        assert sorted(curriculum.columns()["task_id"]) == [0, 1]
    assert "1 of the tasks by which the list has grown find no room" in caplog.text


class Table:
    """What goes through its columns, as a DataFrame does."""

    columns = ("prompt", "answer")

    def __len__(self) -> int:
        return 2

    def __getitem__(self, name: str) -> str:
        return name

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)


def test_a_table_is_refused_wherever_tasks_are_taken() -> None:
    with CurriculumConfig(tasks=["a"], num_active_tasks=9).make() as curriculum:
        for take in (
            lambda: CurriculumConfig(tasks=Table()),
            lambda: CurriculumConfig(task_generator=Table()),
            lambda: curriculum.evaluation(Table()),  # type: ignore[arg-type]
            lambda: curriculum.append_tasks(Table()),  # type: ignore[arg-type]
        ):
            with pytest.raises(ConfigError, match=r"by columns.*to_dict\('records'\)"):
                take()
        with pytest.raises(ConfigError, match=r"list\(named\.values\(\)\)"):
            curriculum.append_tasks({"a": 1})  # type: ignore[arg-type]


def test_a_dictionary_of_data_sets_is_no_list_of_tasks() -> None:
    class Splits(dict[str, Any]):  # as Hugging Face's DatasetDict, which a data set without a split is
        num_rows = {"train": 1, "test": 1}  # noqa: RUF012

    with pytest.raises(ConfigError, match="a Splits of train, test: give one of them"):
        CurriculumConfig(tasks=Splits(train=["a"], test=["b"]))


def test_tasks_by_name_have_their_names_as_labels() -> None:
    config = CurriculumConfig(tasks={"boil": {"heat": 3}, 7: "melt"})
    assert config == CurriculumConfig(tasks=[{"heat": 3}, "melt"], task_labels=["boil", "7"])
    with pytest.raises(ConfigError, match="names are the labels"):
        CurriculumConfig(tasks={"boil": 1}, task_labels=["hot"])


def test_new_tasks_of_a_configuration_are_not_lost() -> None:
    config = CurriculumConfig(tasks=["a"], seed=3)
    assert config.model_copy(update={"tasks": ["b"]}) == CurriculumConfig(tasks=["b"], seed=3)
    for name in ("tasks", "task_labels"):
        with pytest.raises(ConfigError, match="set task_generator to a list"):
            setattr(config, name, ["b"])


def test_configurations_of_omegaconf_are_plain_data() -> None:
    written = {"size": 4, "tasks": [{"task": "boil", "n": "${size}"}, {"task": "melt", "n": 2}]}
    kitchen = OmegaConf.create(written)
    plain = [{"task": "boil", "n": 4}, {"task": "melt", "n": 2}]
    expected = CurriculumConfig(tasks=plain)
    del written["size"]
    for config in (
        CurriculumConfig(tasks=kitchen.tasks),
        CurriculumConfig(tasks=list(kitchen.tasks)),
        CurriculumConfig(task_generator=kitchen.tasks),
        CurriculumConfig.model_validate(OmegaConf.create({"tasks": plain})),
        CurriculumConfig(**OmegaConf.create({"tasks": plain})),
    ):
        assert config == expected
        assert type(config.task_generator.build(0).env_cfg) is dict  # type: ignore[union-attr]
    bucketed = {"type": "bucketed", "base": {"m": {"size": 4}}, "buckets": {"m.size": [4, 8]}}
    config = CurriculumConfig.model_validate(OmegaConf.create({"task_generator": bucketed}))
    assert config == CurriculumConfig(task_generator=bucketed)
    with CurriculumConfig(tasks=["a"], num_active_tasks=9).make() as curriculum:
        curriculum.append_tasks(kitchen.tasks)
        curriculum.use(OmegaConf.create({"type": "learnability", "attempts": 8}))
        assert curriculum.config.algorithm_config.attempts == 8  # type: ignore[attr-defined]
        with lpcurr.attach(curriculum.session_id or "") as stranger:
            assert stranger.build(1) == plain[0]


def test_a_batch_of_which_no_id_is_known_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with CurriculumConfig(tasks=["a", "b", "c"]).make() as curriculum, caplog.at_level(logging.WARNING, "lpcurr"):
        assert curriculum.update_many([0, 77], [0.5, 0.5]) == 1
        assert curriculum.update_many([77], [0.5]) == 0
        assert not caplog.records
        assert curriculum.update_many([77, 78], [0.5, 0.5]) == 0
        assert curriculum.update_many([77, 78], [0.5, 0.5]) == 0
    assert ["none of the 2 ids" in record.getMessage() for record in caplog.records] == [True]


def test_a_list_is_one_of_the_generators_that_can_be_written_down() -> None:
    tasks = TaskList(tasks=[Goal("push")], overrides={"name": "pull"})
    assert tasks.build(0).env_cfg == Goal("pull")
    assert tasks.tasks == [Goal("push")]


def test_a_configuration_that_is_logged_holds_no_whole_list() -> None:
    config = CurriculumConfig(tasks=[f"prompt {i}" for i in range(10_000)])
    for text in (repr(config), str(config), repr(config.task_generator)):
        assert "<TaskList of 10,000: ['prompt 0', " in text
        assert len(text) < 2000
