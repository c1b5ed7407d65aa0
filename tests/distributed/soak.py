"""Long plays on several nodes that share neither memory nor network; Linux, root, and torch.

``python -m tests.distributed.soak play --episodes 10000000`` plays on four nodes and exchanges at random times: after
each exchange all pools must be equal to the bit, count every episode once, and hold no task twice; and each node's
draws must follow the exact distribution of its pool.

``python -m tests.distributed.soak kill --kills 100`` kills one of three nodes again and again, while it joins, plays,
exchanges and takes a pool over; a new one joins in its place. Nothing but the dead node's own unsent entries may be
missing, the others' pools must stay equal, and neither they nor the dead node's other processes may hang.

It exits with 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import mmap
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch.distributed as dist
from scipy import stats

import lpcurr
from lpcurr.distributed import ReplicatedCurriculum, join
from lpcurr.distributed.torch_distributed import TorchDistributed
from lpcurr.errors import DuplicateTaskError, ExchangeError, PoolFullError, UnknownTaskError
from lpcurr.memory import layout
from lpcurr.pool.log import PoolLog
from tests.distributed.apart import Wires, fork, leave_shared_memory, wires
from tests.distributed.node import config
from tests.stress.truth import digest, load_kernels
from tests.stress.workers import SWITCHED, Labelled

_BINS = 40
_MEAN = 2500  # episodes of a node between two exchanges
_PATIENCE = 600.0  # seconds without a word from any node: they hang
_GENERATION, _LAST = -2, -1  # of the shared words: which groups there are; from which on nobody is killed
_BEFORE, _JOINING, _PLAYING, _EXCHANGING, _TAKING_OVER = range(5)
_DELAYS = {_PLAYING: 0.3, _TAKING_OVER: 0.0}  # seconds at most that a kill comes after a phase's beginning
_PHASES = ("before it met anyone", "joining", "playing", "exchanging", "taking over")


class Player:
    """What a node does between two exchanges, with an account of it.

    Attributes:
        reported: scores given to the pool.
        places: of single draws in the distribution of that very moment, which are uniform if the draws follow it.
    """

    def __init__(self, curriculum: ReplicatedCurriculum, node: int) -> None:
        self.curriculum, self.node = curriculum, node
        self.rng = np.random.default_rng([node, os.getpid()])
        self.reported = 0
        self.places: list[float] = []

    def play(self, episodes: int) -> None:
        while episodes > 0:
            size = int(min(episodes, self.rng.integers(1, 1000)))
            ids = self.curriculum.sample_ids(size)
            ids[::17] = 1  # not in the pool
            self.curriculum.update_many(ids, self.rng.random(size))
            self.reported += size
            episodes -= size
        for _ in range(20):
            self._draw_one()
        with contextlib.suppress(UnknownTaskError):
            self.curriculum.evict(self.curriculum.get_task().task_id)
        with contextlib.suppress(DuplicateTaskError, PoolFullError):
            self.curriculum.add_task(int(self.rng.integers(2**50)), f"by hand {self.rng.integers(300)}")

    def _draw_one(self) -> None:
        ids, probabilities = self.curriculum.probabilities()
        order = np.argsort(probabilities, kind="stable")
        task_id = self.curriculum.get_task().task_id
        found = np.flatnonzero(ids[order] == task_id)
        if found.size and ids.size == self.curriculum.config.num_active_tasks:  # else it is a new one
            ordered = probabilities[order]
            below, own = ordered[: found[0]].sum(), ordered[found[0]]
            self.places.append(float(below + own * self.rng.random()))
        self.curriculum.update_task_performance(task_id, self.rng.random())
        self.reported += 1

    def say(self, *, exchanged: bool = False, **more: Any) -> str:
        """A line of JSON: what the pool says now; or what it was at the exchange, where others play on it meanwhile."""
        state = self.curriculum._pool.snapshot()
        if exchanged:
            state = self.curriculum._base[: state.dtype.itemsize].view(state.dtype)
        header, ids = state["header"][0], state["task_id"][0]
        ids = ids[ids != layout.FREE]
        faults = self.curriculum.find_violations()
        if np.unique(ids).size != ids.size:
            faults.append("a task is in two slots")
        line = {"digest": digest(state), "counted": int(header["completed"] + header["refused"]), "faults": faults}
        line |= {"reported": self.reported, "evicted": int(header["evicted"]), **more}
        return json.dumps(line) + "\n"


def _group(folder: Path, name: str, node: int, nodes: int, timeout: float = 600.0) -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
    dist.distributed_c10d._world.group_count = 0  # which a group that came to nothing has raised, on this node alone
    limit = timedelta(seconds=timeout)
    dist.init_process_group("gloo", init_method=f"file://{folder}/{name}", rank=node, world_size=nodes, timeout=limit)


# -- playing --------------------------------------------------------------------------------------------------------


def _play(folder: Path, wire: Wires, node: int, nodes: int, rounds: int) -> None:
    leave_shared_memory()
    wire.enter(node)
    _group(folder, "store", node, nodes)
    with join(config(), TorchDistributed(600.0), Labelled(300)) as curriculum:
        player, seconds = Player(curriculum, node), 0.0
        with open(folder / f"{node}", "w") as said:
            for number in range(rounds):
                player.play(int(player.rng.integers(2 * _MEAN)))
                if number % 97 == 0 and number // 97 % nodes == node:
                    curriculum.use(SWITCHED[number // 97 % 2])
                if number % 50 == 0 and node == 0:
                    curriculum.on_epoch_end()
                exchange = curriculum.sync()
                assert exchange is not None
                seconds += exchange.seconds - exchange.waited
                said.write(player.say(lost=exchange.lost))
                said.flush()
        counts, _ = np.histogram(player.places, bins=_BINS, range=(0.0, 1.0))
        end = {"chi_square_p": float(stats.chisquare(counts).pvalue), "places": len(player.places)}
        (folder / f"{node}.end").write_text(json.dumps(end | {"applying_seconds": seconds}))
        dist.barrier()


def soak(episodes: int, nodes: int = 4) -> dict[str, Any]:
    """Play so many episodes in all; figures, with ``faults``: a sentence for each thing that is wrong."""
    rounds, faults, began = max(episodes // (nodes * _MEAN), 2), [], time.monotonic()
    with tempfile.TemporaryDirectory() as name, wires(nodes) as wire:
        folder = Path(name)
        children = [
            fork(lambda node=node: _play(folder, wire, node, nodes, rounds))  # type: ignore[misc]
            for node in range(nodes)
        ]
        if any(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children):
            faults.append("a node ended with an error")
            return {"faults": faults}
        said = [[json.loads(line) for line in (folder / f"{node}").read_text().splitlines()] for node in range(nodes)]
        ends = [json.loads((folder / f"{node}.end").read_text()) for node in range(nodes)]
    for number, lines in enumerate(zip(*said, strict=True)):
        if len({line["digest"] for line in lines}) > 1:
            faults.append(f"pools differ after exchange {number}")
        if {line["counted"] for line in lines} != {sum(line["reported"] for line in lines)}:
            faults.append(f"episodes are lost or counted twice at exchange {number}")
        faults += [f"after exchange {number}: {fault}" for line in lines for fault in line["faults"]]
        faults += [f"entries were lost at exchange {number}" for line in lines if line["lost"]]
    faults += [
        f"node {node}'s draws: p = {end['chi_square_p']}" for node, end in enumerate(ends) if end["chi_square_p"] < 1e-4
    ]
    last = said[0][-1]
    return {
        "nodes": nodes,
        "networks": len(wire.addresses) or 1,
        "exchanges": len(said[0]),
        "episodes": last["counted"],
        "evicted": last["evicted"],
        "chi_square_p": [end["chi_square_p"] for end in ends],
        "draws_judged": sum(end["places"] for end in ends),
        "applying_seconds_an_exchange": max(end["applying_seconds"] for end in ends) / len(said[0]),
        "seconds": time.monotonic() - began,
        "faults": faults,
    }


# -- kills ----------------------------------------------------------------------------------------------------------


class Killing:
    """Nodes that are killed, and what they say.

    Attributes:
        faults: what is wrong, a sentence each.
        moments: how many kills hit which phase.
    """

    def __init__(self, folder: Path, wire: Wires, nodes: int, timeout: float) -> None:
        self.folder, self.wire, self.nodes, self.timeout = folder, wire, nodes, timeout
        self.faults: list[str] = []
        self.moments: Counter[str] = Counter()
        self._shared = np.frombuffer(mmap.mmap(-1, mmap.PAGESIZE), dtype=np.int64)  # with all children
        self._phases, self._wanted = self._shared[:nodes], self._shared[nodes : 2 * nodes]  # by node
        self._positions = self._shared[2 * nodes : 3 * nodes]  # exchanges that each node's pool has seen
        self._shared[_GENERATION], self._shared[_LAST] = -1, 2**60
        self._children: dict[int, int] = {}
        self._lives = 0

    # what runs in a node

    def _node(self, node: int, life: int, generation: int) -> None:
        leave_shared_memory()
        self.wire.enter(node)
        fork(lambda: self._companion(life))
        install = PoolLog.install

        def install_and_say(log: PoolLog, *arguments: Any) -> int:
            before = self._phases[node]
            self._phases[node] = _TAKING_OVER
            lost = install(log, *arguments)
            self._phases[node] = before
            return lost

        PoolLog.install = install_and_say  # type: ignore[method-assign]
        player: Player | None = None
        with open(self.folder / f"said {node} {life}", "w") as said:
            while True:
                generation = self._await_generation(node, generation)
                try:
                    self._phases[node] = _JOINING
                    _group(self.folder, f"store {generation}", node, self.nodes, self.timeout)
                    transport = TorchDistributed(self.timeout)
                    if player is None:
                        large = config().model_copy(
                            update={"num_active_tasks": 3000}
                        )  # so that to take it over takes a while
                        player = Player(join(large, transport, Labelled(300)), node)
                        (self.folder / f"session {life}").write_text(str(player.curriculum.session_id))
                    else:
                        player.curriculum.meet(transport)
                    self._positions[node] = player.curriculum._position
                    rounds = 0
                    while generation < self._shared[_LAST] or rounds < 5:
                        self._exchange(player, node, generation, said)
                        rounds += 1
                    dist.barrier()
                    break
                except (ExchangeError, RuntimeError):  # or by torch, where the group came to nothing
                    generation += 1
            assert player is not None
            player.curriculum.close()
            player.curriculum.unlink()

    def _exchange(self, player: Player, node: int, generation: int, said: Any) -> None:
        self._phases[node] = _PLAYING
        player.play(int(player.rng.integers(1000)))
        position = player.curriculum._position
        said.write(json.dumps({"sending": position, "reported": player.reported}) + "\n")
        said.flush()
        self._phases[node] = _EXCHANGING
        player.curriculum.sync()
        self._positions[node] = player.curriculum._position
        said.write(player.say(exchanged=True, position=position, generation=generation))
        said.flush()

    def _companion(self, life: int) -> None:
        """Another process of the node, which must get answers after the one that speaks for it was killed."""
        session, parent = self.folder / f"session {life}", os.getppid()
        while not session.exists() or not session.read_text():
            if os.getppid() != parent:
                return
            time.sleep(0.02)
        with contextlib.suppress(lpcurr.SessionNotFoundError):
            curriculum = lpcurr.attach(session.read_text(), Labelled(300))
            while os.getppid() == parent and not curriculum._pool.closed:
                curriculum.get_task()
                time.sleep(0.001)
            signal.alarm(60)
            for _ in range(100):
                curriculum.get_task()
            faults = curriculum.find_violations()
            (self.folder / f"answered {life}").write_text(json.dumps(faults))

    def _await_generation(self, node: int, generation: int) -> int:
        """Wait until there is a group of at least this number, and return which."""
        self._wanted[node] = generation
        while self._shared[_GENERATION] < generation:
            time.sleep(0.01)
        return int(self._shared[_GENERATION])

    # what runs in the parent

    def run(self, kills: int) -> dict[str, Any]:
        began = time.monotonic()
        for node in range(self.nodes):
            self._start(node, 0)
        for number in range(kills):
            wished = 1 + number % (len(_PHASES) - 1)
            victim = self._await_victim(wished)
            self.moments[_PHASES[self._phases[victim]]] += 1
            os.kill(self._children[victim], signal.SIGKILL)
            os.waitpid(self._children.pop(victim), 0)
            next_one = int(self._shared[_GENERATION]) + 1
            if number == kills - 1:
                self._shared[_LAST] = next_one
            self._start(victim, next_one)
        deadline = time.monotonic() + _PATIENCE
        for child in self._children.values():
            while os.waitpid(child, os.WNOHANG) == (0, 0):
                if time.monotonic() > deadline:
                    self.faults.append("the nodes hang")
                    for each in self._children.values():
                        os.kill(each, signal.SIGKILL)
                    deadline = float("inf")
                self._regroup()
                time.sleep(0.05)
        time.sleep(1.0)  # for companions that are answering
        self._judge()
        figures = {"kills": kills, "networks": len(self.wire.addresses) or 1, "moments": dict(self.moments)}
        return figures | self.account | {"seconds": time.monotonic() - began, "faults": self.faults}

    def _start(self, node: int, generation: int) -> None:
        self._phases[node], self._positions[node] = _BEFORE, -1
        self._wanted[node] = generation
        life = self._lives
        self._lives += 1
        self._children[node] = fork(lambda: self._node(node, life, generation))

    def _regroup(self) -> None:
        """Form a new group once all nodes want one: an exchange of the old one has failed with each, or it is new."""
        if self._wanted.min() > self._shared[_GENERATION]:
            self._shared[_GENERATION] += 1

    def _await_victim(self, wished: int) -> int:
        """Choose a node, and wait until it is in a phase; not the only one that has the newest pool."""
        while not self.faults:
            victim = random.randrange(self.nodes)
            self._await_phase(victim, wished)
            time.sleep(random.random() * _DELAYS.get(wished, 0.003))
            if np.delete(self._positions, victim).max() >= self._positions[victim]:
                return victim
        return 0

    def _await_phase(self, victim: int, wished: int) -> None:
        deadline = time.monotonic() + _PATIENCE
        while self._phases[victim] != wished:
            self._regroup()
            if time.monotonic() > deadline:
                self.faults.append(f"node {victim} came to {_PHASES[wished]!r} no more: the nodes hang")
                return
            time.sleep(0.0 if wished == _TAKING_OVER else 0.0002)

    def _judge(self) -> None:
        """Compare what all lives said, exchange by exchange."""
        lives: dict[int, list[dict[str, Any]]] = {}
        for path in self.folder.glob("said *"):
            lines = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
            lives[int(path.name.split()[2])] = [json.loads(line) for line in lines]
        exchanges: dict[int, dict[int, dict[str, Any]]] = {}
        for life, lines in lives.items():
            for line in lines:
                if "position" in line:
                    exchanges.setdefault(line["position"], {})[life] = line
                    self.faults += [f"after exchange {line['position']}: {fault}" for fault in line["faults"]]
        settled: dict[int, int] = {}  # what the dead are known to have given
        ended = {life: max((p for p, of in exchanges.items() if life in of), default=-1) for life in lives}
        sent = {life: max((line.get("sending", -1) for line in lines), default=-1) for life, lines in lives.items()}
        for position, tried in sorted(exchanges.items()):
            newest = max(line["generation"] for line in tried.values())
            of = {life: line for life, line in tried.items() if line["generation"] == newest}
            for life in tried.keys() - of.keys():  # it came through there alone, and was made anew without that node
                lives[life].remove(tried[life])
                if ended[life] > position:
                    self.faults.append(f"life {life} went on from exchange {position}, which was made anew")
                ended[life] = position - 1
            if len({line["digest"] for line in of.values()}) > 1:
                self.faults.append(f"pools differ after exchange {position}")
            counted = {line["counted"] for line in of.values()}
            alive = sum(line["reported"] for line in of.values())
            absent = [life for life in lives if life not in of and life not in settled]
            offers = [self._offers(lives[life], position) for life in absent]
            sums = {alive + sum(settled.values()): ()}
            for offer in offers:
                sums = {total + each: (*chosen, each) for total, chosen in sums.items() for each in offer}
            (total,) = counted if len(counted) == 1 else (-1,)
            if total not in sums:
                self.faults.append(
                    f"exchange {position} counts {counted}, and the nodes gave one of {sorted(sums)[:9]}"
                )
            else:
                gave = zip(absent, sums[total], strict=True)
                settled |= {life: each for life, each in gave if max(ended[life] + 1, sent[life]) <= position}
        last = exchanges[max(exchanges)]
        if len(last) != self.nodes:
            self.faults.append(f"{len(last)} of {self.nodes} nodes came to the end")
        answered = [json.loads(path.read_text()) for path in self.folder.glob("answered *")]
        self.faults += [f"a dead node's pool: {fault}" for faults in answered for fault in faults]
        hung = [
            path
            for path in self.folder.glob("session *")
            if not Path(str(path).replace("session", "answered")).exists()
        ]
        self.account = {"exchanges": len(exchanges), "episodes": next(iter(last.values()))["counted"]}
        self.account |= {"companions_answered": len(answered), "companions_silent": len(hung)}

    @staticmethod
    def _offers(lines: list[dict[str, Any]], position: int) -> set[int]:
        """What a node may have given by an exchange of which it said nothing: see what it did before, and tried."""
        done = max((line["reported"] for line in lines if line.get("position", position) < position), default=0)
        tried = {line["reported"] for line in lines if "sending" in line and line["sending"] <= position}
        return {done} | {each for each in tried if each > done}


def kill_nodes(kills: int, nodes: int = 3, timeout: float = 20.0) -> dict[str, Any]:
    """Kill nodes so often; figures, with ``faults``: a sentence for each thing that is wrong."""
    folder = Path(tempfile.mkdtemp())
    try:
        with wires(nodes) as wire:
            return Killing(folder, wire, nodes, timeout).run(kills)
    finally:
        shutil.rmtree(folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("play", "kill"))
    parser.add_argument("--episodes", type=int, default=10_000_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--timeout", type=float, default=20.0, help="seconds that an exchange waits for a dead node")
    given = parser.parse_args()
    load_kernels()
    run: Callable[[], dict[str, Any]] = lambda: soak(given.episodes)  # noqa: E731
    if given.what == "kill":
        run = lambda: kill_nodes(given.kills, timeout=given.timeout)  # noqa: E731
    figures = run()
    print(json.dumps(figures | {"faults": figures["faults"][:20]}, indent=1))
    return 1 if figures["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
