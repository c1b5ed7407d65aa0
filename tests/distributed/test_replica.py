"""Nodes by a transport between threads: the protocol is three functions, and a transport one short class."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import lpcurr
from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.distributed import Meeting, ReplicatedCurriculum, Transport, join, replica
from lpcurr.errors import ConfigError, ExchangeError
from lpcurr.kernels.calls import log
from lpcurr.memory import layout, node_figures
from lpcurr.memory.sessions import reap
from lpcurr.memory.shared_memory import Bytes
from lpcurr.monitor.drawing import View, draw
from lpcurr.monitor.reading import SessionReader
from lpcurr.monitor.watching import Watch
from lpcurr.pool.log import PoolLog
from lpcurr.schedulers.common import SchedulerConfig
from tests.stress.workers import Labelled
from tests.test_recording import same_truth

_LP = lpcurr.LearningProgressConfig(min_samples_for_lp=3, max_inactive_labels_retained=20, new_task_rate=0.5)


class Threads(Transport):
    """One node among threads of a process."""

    def __init__(self, node: int, table: dict[int, Any], barrier: threading.Barrier) -> None:
        self._node, self._table, self._barrier = node, table, barrier
        self.fails_afterwards = False

    def _gather(self, thing: Any) -> list[Any]:
        self._table[self._node] = thing
        try:
            self._barrier.wait(60)
            things = [self._table[node] for node in range(self._barrier.parties)]
            self._barrier.wait(60)
        except threading.BrokenBarrierError as error:
            raise ExchangeError("a node did not come") from error
        return things

    def meet(self, position: int, checkpoint: Callable[[], bytes]) -> Meeting:
        positions, given = zip(*self._gather((position, checkpoint())), strict=True)
        newest = max(positions)
        source = positions.index(newest)
        needs_it = self._node != source and (position < newest or newest < 0)
        return Meeting(self._node, len(positions), max(newest, 0), given[source] if needs_it else None)

    def exchange(self, position: int, entries: bytes) -> list[bytes]:
        chunks = self._gather(entries)
        if self.fails_afterwards:
            raise ExchangeError("the connection broke when all had come through")
        return chunks

    def close(self) -> None:
        pass


def _transports(nodes: int) -> list[Threads]:
    table: dict[int, Any] = {}
    barrier = threading.Barrier(nodes)
    return [Threads(node, table, barrier) for node in range(nodes)]


class Nodes:
    """Some nodes, each in the thread that does its part."""

    def __init__(self, count: int, sync_every: float | None = None, **fields: Any) -> None:
        defaults: dict[str, Any] = {"num_active_tasks": 60, "seed": 1, "algorithm_config": _LP}
        self.config = lpcurr.CurriculumConfig(**{**defaults, "use_shared_memory": False, **fields})
        self.transports = _transports(count)
        self.curricula: list[ReplicatedCurriculum] = self.all(
            lambda node: join(self.config, self.transports[node], Labelled(100), sync_every=sync_every), count
        )

    def all(self, part: Callable[[int], Any], count: int | None = None) -> list[Any]:
        count = len(self.curricula) if count is None else count
        with ThreadPoolExecutor(count) as threads:
            return list(threads.map(part, range(count)))

    def sync(self) -> None:
        self.all(lambda node: self.curricula[node].sync())

    def check(self) -> None:
        for curriculum in self.curricula:
            assert curriculum.find_violations() == []
            assert same_truth(curriculum, self.curricula[0])


def _play(curriculum: Curriculum, episodes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ids = curriculum.sample_ids(episodes)
    curriculum.update_many(ids, rng.random(episodes))
    for _ in range(episodes // 10):
        curriculum.update_task_performance(curriculum.get_task().task_id, rng.random())


@pytest.mark.parametrize("scheduler", [_LP, lpcurr.FrontierConfig(new_task_rate=0.5), lpcurr.DiscreteRandomConfig()])
def test_pools_are_equal_after_each_exchange(scheduler: SchedulerConfig) -> None:
    nodes = Nodes(3, algorithm_config=scheduler)
    for number in range(6):
        for node, curriculum in enumerate(nodes.curricula):
            _play(curriculum, 200, 10 * number + node)
        nodes.curricula[number % 3].on_epoch_end()
        nodes.sync()
        nodes.check()
    figures = nodes.curricula[0].stats()
    assert figures["num_completed"] + figures["num_refused"] == 6 * 3 * 220
    assert figures["num_created"] >= 60


def test_nodes_draw_from_different_streams_and_evict_different_tasks() -> None:
    nodes = Nodes(3)
    for number in range(20):
        for node, curriculum in enumerate(nodes.curricula):
            _play(curriculum, 100, 10 * number + node)
        evicted = [int(curriculum._pool.state["header"]["evicted"][0]) for curriculum in nodes.curricula]
        nodes.sync()
    nodes.check()
    assert min(evicted) > 0
    refused = nodes.curricula[0].stats()["num_refused"]
    assert refused < 0.2 * nodes.curricula[0].stats()["num_completed"]
    draws = [curriculum.sample_ids(50).tolist() for curriculum in nodes.curricula]
    assert draws[0] != draws[1] != draws[2]


def test_a_scheduler_that_one_node_uses_is_everybodys_after_the_exchange() -> None:
    nodes = Nodes(2)
    nodes.curricula[1].use(lpcurr.FrontierConfig(frontier_share=0.25))
    _play(nodes.curricula[0], 100, 1)
    assert nodes.curricula[0].config.algorithm_config.type == "learning_progress"
    nodes.sync()
    nodes.check()
    assert nodes.curricula[0].config.algorithm_config == nodes.curricula[1].config.algorithm_config


def test_what_finds_no_room_in_the_log_is_undone_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    nodes = Nodes(2, log_entries=256)
    _play(nodes.curricula[0], 1000, 1)
    _play(nodes.curricula[1], 20, 2)
    nodes.sync()
    nodes.check()
    assert nodes.curricula[0].last_exchange is not None
    assert nodes.curricula[0].last_exchange.lost > 1000
    assert "are undone: exchange more often" in caplog.text
    _play(nodes.curricula[0], 50, 3)
    completed = nodes.curricula[0].stats()["num_completed"]
    nodes.sync()
    nodes.check()
    assert nodes.curricula[1].stats()["num_completed"] == completed


def test_an_exchange_that_failed_here_and_came_through_elsewhere_counts_once() -> None:
    nodes = Nodes(3)
    for node, curriculum in enumerate(nodes.curricula):
        _play(curriculum, 100, node)
    nodes.transports[2].fails_afterwards = True

    def sync(node: int) -> None:
        if node == 2:
            with pytest.raises(ExchangeError):
                nodes.curricula[node].sync()
        else:
            nodes.curricula[node].sync()

    nodes.all(sync)
    _play(nodes.curricula[2], 10, 9)
    with pytest.raises(ExchangeError, match="the last exchange failed"):
        nodes.curricula[2].sync()
    transports = _transports(3)
    nodes.all(lambda node: nodes.curricula[node].meet(transports[node]))
    nodes.sync()
    nodes.check()
    figures = nodes.curricula[0].stats()
    assert figures["num_completed"] + figures["num_refused"] == 3 * 110 + 11


def _forged(rng: np.random.Generator, part: bytes) -> bytes:
    """Another node's part with one word, or byte, that is none of its."""
    start = len(part) - 8 - int.from_bytes(part[-8:], "little")
    words = np.frombuffer(part[:start], np.int64).copy()
    sizes = [0, 2, 200, 3000, 1 << 20, 1 << 40, -1]
    at = layout.RECORD_WORDS * rng.integers(words.size // layout.RECORD_WORDS) + rng.integers(2) * rng.integers(5)
    words[at] = rng.choice([-1, 2**62, 0x7FF8 << 48, int(rng.integers(11)) | int(rng.choice(sizes)) << log.KIND_BITS])
    whole = words.tobytes() + part[start:]
    return whole[: rng.integers(len(whole))] if rng.random() < 0.1 else whole


class BesideAForger(Transport):
    """Node 0 of two, of which the other gives what node 0 gave, altered; honest from the second meeting on."""

    meetings, rng = 0, np.random.default_rng(0)

    def meet(self, position: int, checkpoint: Callable[[], bytes]) -> Meeting:
        self.meetings += 1
        return Meeting(0, 2, max(position, 0), None)

    def exchange(self, position: int, entries: bytes) -> list[bytes]:
        return [entries, entries if self.meetings > 1 else _forged(self.rng, entries)]

    def close(self) -> None:
        pass


def test_entries_that_no_pool_wrote_are_refused_and_the_way_on_is_open() -> None:
    refused, config = 0, lpcurr.CurriculumConfig(num_active_tasks=40, seed=1, use_shared_memory=False)
    for seed in range(150):
        with join(config, BesideAForger(), Labelled(5)) as curriculum:
            _play(curriculum, 60, seed)
            curriculum.use("learning_progress")
            curriculum.evict(int(curriculum.sample_ids(1)[0]))
            curriculum.add_task(7, "by hand")
            try:
                curriculum.sync()
            except ExchangeError as error:
                assert "damaged, or of another version of lpcurr" in str(error)  # noqa: PT017
                refused += 1
                assert curriculum._transport is not None
                curriculum.meet(curriculum._transport)
                curriculum.sync()
            assert curriculum.find_violations() == []
    assert refused > 100


@pytest.mark.parametrize("parts", [[], [b""], [b"", b""], [b"", b"", b""], [None, 1], None], ids=repr)
def test_what_is_no_part_of_an_exchange_is_refused(parts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    config = lpcurr.CurriculumConfig(num_active_tasks=4, use_shared_memory=False)
    with join(config, transport := BesideAForger()) as curriculum:
        curriculum.sample_ids(5)
        monkeypatch.setattr(transport, "exchange", lambda position, own: parts and [own, *parts[1:]])
        with pytest.raises(ExchangeError, match="damaged, or of another version of lpcurr"):
            curriculum.sync()


class Interrupted(Exception):
    """What a signal handler raises."""


@pytest.mark.parametrize("interrupted", [[1], [0, 1]])
@pytest.mark.parametrize("place", ["apply_checked", "install", "afterwards"])
def test_an_exchange_that_is_interrupted_counts_once(
    interrupted: list[int], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes, real, armed = Nodes(2), replica.apply_checked, set(interrupted)
    names = {id(curriculum._log): node for node, curriculum in enumerate(nodes.curricula)}

    def interrupt(node: int) -> None:
        if node in armed:
            armed.remove(node)
            raise Interrupted

    def apply(image: Bytes, records: Bytes) -> tuple[int, int]:
        done = real(image, records)
        if place == "apply_checked":
            interrupt(next(i for i in range(2) if threading.current_thread().name.endswith(f"_{i}")))
        return done

    def install(log: PoolLog, image: Bytes, first: int) -> int:
        if place == "install":
            interrupt(names[id(log)])
        lost = installed(log, image, first)
        if place == "afterwards":
            interrupt(names[id(log)])
        return lost

    installed = PoolLog.install
    monkeypatch.setattr(replica, "apply_checked", apply)
    monkeypatch.setattr(PoolLog, "install", install)
    for node, curriculum in enumerate(nodes.curricula):
        _play(curriculum, 100, node)

    def sync(node: int) -> None:
        with contextlib.suppress(Interrupted):
            nodes.curricula[node].sync()
        assert node not in armed

    nodes.all(sync)
    for node, curriculum in enumerate(nodes.curricula):
        _play(curriculum, 10, 10 + node)
        if node in interrupted:
            with pytest.raises(ExchangeError, match="the last exchange failed"):
                curriculum.sync()
    transports = _transports(2)
    nodes.all(lambda node: nodes.curricula[node].meet(transports[node]))
    nodes.sync()
    nodes.check()
    figures = nodes.curricula[0].stats()
    assert figures["num_completed"] + figures["num_refused"] == 2 * (110 + 11)


def test_nodes_at_different_exchanges_do_not_exchange() -> None:
    nodes = Nodes(2)
    nodes.curricula[1]._position += 1
    errors = nodes.all(lambda node: _error_of(nodes.curricula[node].sync))
    assert all("at exchange 0" in error and "at exchange 1" in error for error in errors)


def _error_of(part: Callable[[], Any]) -> str:
    try:
        part()
    except (ConfigError, ExchangeError) as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        ({"tasks": ["a", "b"]}, {"tasks": ["a", "c"]}, "than the first 2"),
        ({"tasks": ["a", "b", "c"]}, {"tasks": ["a", "b"]}, "of 3 tasks, and the list has 2"),
        ({"tasks": ["a", "b"]}, {"tasks": ["a", "b", "c"]}, "of 2 tasks, and the list has 3"),
        ({"task_generator": Labelled(100)}, {"tasks": ["a", "b"]}, "of no list of tasks"),
        (
            {"task_generator": {"type": "single", "env": 1}},
            {"task_generator": {"type": "single", "env": 2}},
            "env was 1",
        ),
    ],
)
def test_nodes_with_other_tasks_are_refused(one: dict[str, Any], other: dict[str, Any], says: str) -> None:
    transports = _transports(2)
    configs = [lpcurr.CurriculumConfig(num_active_tasks=8, use_shared_memory=False, **each) for each in (one, other)]

    def make(node: int) -> str:
        return _error_of(lambda: join(configs[node], transports[node]).close())

    with ThreadPoolExecutor(2) as threads:
        errors = list(threads.map(make, range(2)))
    assert errors[0] == ""
    assert says in errors[1]
    assert "give all nodes the same tasks" in errors[1]


def test_nodes_exchange_in_the_background_until_one_leaves() -> None:
    nodes = Nodes(2, sync_every=0.01, use_shared_memory=True)
    first, second = nodes.curricula
    others = [lpcurr.attach(str(each.session_id), Labelled(100)) for each in nodes.curricula]
    with first, second:
        _play(second, 100, 0)
        deadline = time.monotonic() + 60
        while first.stats()["num_completed"] + first.stats()["num_refused"] < 110:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        _play(first, 100, 1)
        first.close()
        while not second._left:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        with pytest.raises(ExchangeError, match=f"process {os.getpid()} has left"):
            second.sync()
        second.close()  # which waits for nobody
        assert same_truth(*others)
        figures = others[0].stats()
        assert figures["num_completed"] + figures["num_refused"] == 220
        for other in others:
            other.close()


def test_errors_of_the_background_come_with_the_next_call() -> None:
    nodes = Nodes(2, sync_every=0.01)
    nodes.transports[1].fails_afterwards = True
    deadline, background = time.monotonic() + 60, nodes.curricula[1]._background
    assert background is not None
    while background.error is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with pytest.raises(ExchangeError, match="the connection broke"):
        nodes.curricula[1].stats()
    nodes.transports[0]._barrier.abort()  # the other node's thread waits there
    assert nodes.curricula[1].get_task().task_id >= 0
    with pytest.raises(ValueError, match="sync_every=0 is no number"):
        join(nodes.config, nodes.transports[0], sync_every=0)
    stage = {"unlock": "hard", "after": "easy"}
    staged = lpcurr.CurriculumConfig(tasks=["a", "b"], task_labels=["easy", "hard"], stages=[stage])
    with pytest.raises(ConfigError, match="stages are for the pool of one machine"):
        join(staged, nodes.transports[0])


def test_any_error_of_the_background_comes_with_the_next_call() -> None:
    def exchange(position: int, entries: bytes) -> list[bytes]:
        raise RuntimeError("a transport's own error")

    transport = _transports(1)[0]
    transport.exchange = exchange  # type: ignore[method-assign]
    config = lpcurr.CurriculumConfig(num_active_tasks=8, use_shared_memory=False)
    with join(config, transport, sync_every=0.01) as curriculum:
        assert curriculum._background is not None
        curriculum._background._thread.join(60)
        for call in (curriculum.stats, curriculum.sync):
            with pytest.raises(ExchangeError, match="RuntimeError: a transport's own error"):
                call()


def test_a_forked_child_does_not_speak_for_its_node() -> None:
    nodes = Nodes(1, use_shared_memory=True)
    with nodes.curricula[0] as curriculum:
        child = os.fork()
        if child == 0:
            said = curriculum.sync()
            curriculum.close()
            os._exit(0 if said is None else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert curriculum.sync() is not None


def test_nodes_of_another_size_and_pools_without_a_log_are_refused() -> None:
    transports = _transports(2)
    configs = [lpcurr.CurriculumConfig(num_active_tasks=size, use_shared_memory=False) for size in (8, 9)]

    def make(node: int) -> str:
        try:
            join(configs[node], transports[node]).close()
        except ConfigError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as threads:
        assert [("8 slots" in said) for said in threads.map(make, range(2))] == [False, True]
    with pytest.raises(ConfigError, match="no log"):
        ReplicatedCurriculum(configs[0]).meet(transports[0])


def test_stats_and_top_show_the_nodes() -> None:
    nodes = Nodes(3, use_shared_memory=True)
    assert "exchange/nodes" not in nodes.curricula[0].stats()
    for node, curriculum in enumerate(nodes.curricula):
        curriculum.update_many(curriculum.sample_ids(100 * node), np.full(100 * node, 0.5))
    nodes.sync()
    first = nodes.curricula[0]
    first.sample_ids(7)
    figures, exchange = first.stats(), first.last_exchange
    assert exchange is not None
    assert [part.entries >= 200 * node for node, part in enumerate(exchange.nodes)] == [True] * 3
    assert figures["exchange/nodes"] == 3
    assert figures["exchange/count"] == 1
    assert figures["exchange/entries_behind"] == sum(part.entries for part in exchange.nodes[1:])
    assert figures["exchange/entries_ahead"] >= 7
    assert figures["exchange/bytes"] == exchange.received >= 40 * exchange.entries
    assert 0 < figures["exchange/waited_seconds"] < figures["exchange/seconds"]

    reader = SessionReader(str(first.session_id))
    watch = Watch(reader)
    said = watch.figures()["exchange"]
    assert (said["node"], said["entries"], len(said["nodes"])) == (0, exchange.entries, 3)
    assert said["nodes"][2] == exchange.nodes[2]._asdict()
    picture = "\n".join(line.plain for line in draw(watch, View(), 120, 60))
    assert "1 exchanges, the last" in picture
    assert picture.count(f"process {os.getpid()}") == 3
    for curriculum in nodes.curricula:
        curriculum.close()
        curriculum.unlink()
    assert node_figures.read(reader.session_id) == {}
    reader.close()


def test_figures_of_a_session_that_was_killed_are_reaped() -> None:
    node_figures.write("gone", {"node": 0})
    assert "gone" in node_figures.sessions_with_figures()
    reap()
    assert node_figures.read("gone") == {}


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000, b"3"])
def test_figures_that_cannot_be_read_are_none(content: bytes) -> None:
    path = node_figures.path_of("odd")
    path.write_bytes(content)
    try:
        assert node_figures.read("odd") == {}
    finally:
        path.unlink()
