"""Nodes in actors on a test cluster of Ray. They share /dev/shm here, and nothing in it: each has a session."""

from __future__ import annotations

import contextlib
import os
import signal
import textwrap
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lpcurr
from lpcurr.distributed import join
from lpcurr.errors import ExchangeError, UnknownTaskError
from lpcurr.guides import guide
from tests.stress.truth import digest
from tests.stress.workers import SWITCHED, Labelled

ray = pytest.importorskip("ray")

from ray.cluster_utils import Cluster  # noqa: E402

from lpcurr.distributed.ray_actor import RayActor  # noqa: E402

pytestmark = pytest.mark.heavy

_NODES = 3
_ROOT = str(Path(__file__).parents[2])


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[Any]:
    """Three nodes of Ray on this machine: what is started on one is a process of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", _ROOT)  # for the workers
        patch.setenv("RAY_worker_niceness", "0")  # by default they get nothing of a machine that is busy
        made = Cluster()
        for node in range(_NODES):
            made.add_node(
                num_cpus=2, resources={f"node{node}": 1}, object_store_memory=80 << 20, include_dashboard=False
            )
        ray.init(address=made.address, log_to_driver=False)
        yield made
        ray.shutdown()
        made.shutdown()


class Node:
    """What speaks for a node."""

    def __init__(self, name: str, node: int, nodes: int, **options: Any) -> None:
        lp = lpcurr.LearningProgressConfig(min_samples_for_lp=3, max_inactive_labels_retained=20, new_task_rate=0.3)
        config = lpcurr.CurriculumConfig(num_active_tasks=200, seed=5, algorithm_config=lp)
        self.name, self.rng, self.reported = name, np.random.default_rng([node, os.getpid()]), 0
        self.curriculum = join(config, RayActor(name, node, nodes, 120.0), Labelled(300), **options)

    def meet(self, node: int, nodes: int, timeout: float) -> None:
        self.curriculum.meet(RayActor(self.name, node, nodes, timeout))

    def play(self, episodes: int) -> int:
        for _ in range(episodes):
            task = self.curriculum.get_task()
            self.curriculum.update_task_performance(task.task_id, self.rng.random())
        ids = self.curriculum.sample_ids(20 * episodes)
        self.curriculum.update_many(ids, self.rng.random(ids.size))
        self.reported += episodes + ids.size
        with contextlib.suppress(UnknownTaskError):
            self.curriculum.evict(ids[0])
        self.curriculum.on_epoch_end()
        return self.reported

    def use(self, number: int) -> None:
        self.curriculum.use(SWITCHED[number])

    def sync(self) -> str:
        """The error that the exchange ended with, if it did."""
        try:
            exchange = self.curriculum.sync()
        except ExchangeError as error:
            return str(error)
        assert exchange is not None
        assert exchange.lost == 0
        return ""

    def say(self) -> tuple[str, int, int]:
        """Return the digest of the pool, how many scores it counted, and how many this node gave."""
        assert self.curriculum.find_violations() == []
        state = self.curriculum._pool.snapshot()
        header = state["header"][0]
        return digest(state), int(header["completed"] + header["refused"]), self.reported

    def exchanges(self) -> int:
        return int(self.curriculum.stats().get("exchange/count", 0))

    def leave(self) -> None:
        """Exchange for a last time, and stay attached."""
        self.other = lpcurr.attach(str(self.curriculum.session_id), Labelled(300))
        self.curriculum.close()
        self.curriculum = self.other  # type: ignore[assignment]

    def pid(self) -> int:
        return os.getpid()

    def close(self) -> None:
        self.curriculum.close()
        self.curriculum.unlink()


def _node(name: str, node: int, nodes: int = _NODES, place: int | None = None, **options: Any) -> Any:
    placed = ray.remote(Node).options(num_cpus=0, resources={f"node{node if place is None else place}": 0.01})
    return placed.remote(name, node, nodes, **options)


def _all(nodes: list[Any], method: str, *arguments: Any) -> list[Any]:
    return list(ray.get([getattr(node, method).remote(*arguments) for node in nodes], timeout=300))


def _meet(nodes: list[Any], timeout: float = 120.0) -> None:
    ray.get([node.meet.remote(number, len(nodes), timeout) for number, node in enumerate(nodes)], timeout=300)


def _exchange(nodes: list[Any], lost: int = 0) -> int:
    """Exchange, and return how many episodes all pools then have counted: the nodes' and those of the dead."""
    assert _all(nodes, "sync") == [""] * len(nodes)
    digests, counted, reported = zip(*_all(nodes, "say"), strict=True)
    assert len(set(digests)) == 1
    assert set(counted) == {sum(reported) + lost}
    return int(counted[0])


def _actor(name: str) -> Any:
    return ray.get_actor(name, namespace="lpcurr")


def _end(nodes: list[Any], name: str) -> None:
    """The last node to leave ends the actor."""
    _all(nodes, "close")
    for node in nodes:
        ray.kill(node)
    deadline = time.monotonic() + 60
    with contextlib.suppress(ValueError):
        while time.monotonic() < deadline:
            _actor(name)
            time.sleep(0.1)
        raise AssertionError("the actor outlives its nodes")


def test_pools_are_equal_after_each_exchange_and_count_every_episode_once() -> None:
    nodes = [_node("equal", node) for node in range(_NODES)]
    for number in range(10):
        _all(nodes, "play", 50 + 10 * number)
        if number % 3 == 0:
            ray.get(nodes[number % _NODES].use.remote(number % 2))
        counted = _exchange(nodes)
    assert counted == _NODES * 21 * sum(range(50, 150, 10))
    _end(nodes, "equal")


def test_a_killed_actor_is_restarted_and_met_anew() -> None:
    nodes = [_node("killed", node) for node in range(_NODES)]
    kills = int(os.environ.get("LPCURR_ACTOR_KILLS", "4"))  # 100 is the long form
    failures = 0
    for number in range(kills):
        during = number % 2 == 1
        _all(nodes, "play", 20)
        _exchange(nodes)
        _all(nodes, "play", 20)
        waiting = [node.sync.remote() for node in nodes[:2]] if during else []
        time.sleep(0.5 if waiting else 0)  # where that is too short, the actor is killed before the exchange
        ray.kill(_actor("killed"), no_restart=False)
        said = ray.get(waiting, timeout=300) + _all(nodes[len(waiting) :], "sync")
        assert all(not each or "entries are kept" in each for each in said)  # it may have answered just before
        failures += any(said)
        _all(nodes, "play", 5)
        _meet(nodes)
        _exchange(nodes)
    assert failures > kills / 2
    _end(nodes, "killed")


@pytest.mark.parametrize("during", [False, True])
def test_a_node_that_dies_takes_no_more_than_its_own_entries_with_it(during: bool) -> None:
    name = f"dying {during}"
    nodes = [_node(name, node) for node in range(_NODES)]
    _all(nodes, "play", 20)
    _exchange(nodes)
    _meet(nodes, 15.0)
    sent = ray.get(nodes[2].play.remote(20)) if during else ray.get(nodes[2].say.remote())[2]
    pid = ray.get(nodes[2].pid.remote())
    if during:  # it has sent its entries, and gets no answer
        nodes[2].sync.remote()
        time.sleep(2.0)
    else:
        ray.get(nodes[2].play.remote(20))
    os.kill(pid, signal.SIGKILL)
    _all(nodes[:2], "play", 20)
    said = _all(nodes[:2], "sync")
    if during:
        assert said == ["", ""]
        said = _all(nodes[:2], "sync")
    assert all("nothing from node 2 (" in each and f"process {pid})" in each for each in said[:1])
    _meet(nodes[:2])
    _exchange(nodes[:2], lost=sent)
    late = _node(name, 2, place=1)
    again = [node.meet.remote(number, 3, 120.0) for number, node in enumerate(nodes[:2])]
    ray.get(again, timeout=300)
    nodes[2] = late
    _all(nodes, "play", 20)
    _exchange(nodes, lost=sent)
    _end(nodes, name)


def test_what_was_played_after_an_exchange_that_failed_is_not_lost() -> None:
    nodes = [_node("late", node, 2) for node in range(2)]
    _all(nodes, "play", 20)
    _meet(nodes, 5.0)
    (said,) = _all(nodes[:1], "sync")
    assert "after 5 s there was nothing from node 1 (" in said
    _all(nodes, "play", 20)
    assert all("anew" in each for each in _all(nodes, "sync"))
    _all(nodes, "play", 20)
    _meet(nodes)
    _exchange(nodes)
    _end(nodes, "late")


def test_a_node_beyond_their_number_is_refused() -> None:
    with pytest.raises(ValueError, match="node=2 is none of nodes=2"):
        RayActor("refused", 2, 2)


def test_the_guides_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    code = textwrap.dedent(guide("ray").split("place:\n\n")[1].split("\nThe actor")[0])
    names: dict[str, Any] = {"__name__": "__main__"}  # whose functions Ray carries as they are
    exec(compile(code, "example.py", "exec"), names)
    assert "of 600 episodes" in capsys.readouterr().out


def test_exchanges_in_the_background_survive_a_killed_actor() -> None:
    nodes = [_node("background", node, 2, sync_every=0.1) for node in range(2)]
    _all(nodes, "play", 20)
    for _ in range(2):
        before = min(_all(nodes, "exchanges"))
        deadline = time.monotonic() + 120
        while min(_all(nodes, "exchanges")) < before + 3:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        ray.kill(_actor("background"), no_restart=False)
        _all(nodes, "play", 20)
    reported = sum(_all(nodes, "play", 1))
    _all(nodes, "leave")
    said = _all(nodes, "say")
    assert said[0][:2] == said[1][:2]
    assert said[0][1] == reported
    for node in nodes:
        ray.kill(node)


def test_rllibs_env_runners_play_one_curriculum_on_every_node(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("ray.rllib")
    monkeypatch.chdir(tmp_path)
    code = textwrap.dedent(guide("ray").split("new API stack:\n\n")[1].split("\n`on_train_result`")[0])
    names: dict[str, Any] = {"__name__": "__main__"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # RLlib's own
        exec(compile(code, "example.py", "exec"), names)
    assert capsys.readouterr().out.count("episodes") == 2
    result = names["result"]["curriculum"]
    assert result["exchange/nodes"] == _NODES
    assert result["exchange/count"] > 0
    with lpcurr.Curriculum.load("pool.lpc", use_shared_memory=False) as alone:
        assert alone.stats()["num_completed"] >= result["num_completed"] > 50
        assert alone.get_task().get_env_cfg().keys() == {"length", "gravity"}
