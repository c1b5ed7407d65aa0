"""A node of its own: ``python -m tests.distributed.node FOLDER RANK MODE``, in a mount namespace with its own /dev/shm.

It plays, exchanges, and writes a line of JSON after each exchange into ``FOLDER/RANK``: what its pool says.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch.distributed as dist

import lpcurr
from lpcurr.distributed import ReplicatedCurriculum, join
from lpcurr.distributed.torch_distributed import TorchDistributed
from lpcurr.errors import ExchangeError, UnknownTaskError
from tests.stress.truth import digest
from tests.stress.workers import SWITCHED, Labelled

TIMEOUT = 120.0
SOON = 30.0  # where a node is known to be dead


class Dying(TorchDistributed):
    """A transport that dies when it has told the others how much it has, and not what."""

    dies = False

    def exchange(self, position: int, entries: bytes) -> list[bytes]:
        if self.dies:
            self._wait_for_all()
            sizes = [dist.distributed_c10d.torch.zeros(1, dtype=dist.distributed_c10d.torch.int64)]
            sizes *= len(self._speakers)
            dist.all_gather([each.clone() for each in sizes], sizes[0] + len(entries), group=self._group)
            os.kill(os.getpid(), signal.SIGKILL)
        return super().exchange(position, entries)


def config() -> lpcurr.CurriculumConfig:
    lp = lpcurr.LearningProgressConfig(min_samples_for_lp=3, max_inactive_labels_retained=20, new_task_rate=0.3)
    return lpcurr.CurriculumConfig(num_active_tasks=200, seed=5, algorithm_config=lp)


class Node:
    """One process that speaks for its node."""

    def __init__(self, folder: Path, rank: int) -> None:
        self.folder, self.rank = folder, rank
        self.rng = np.random.default_rng(rank + 100 * os.getpid())
        self.reported = 0

    def group(self, name: str, nodes: int) -> None:
        if dist.is_initialized():
            dist.destroy_process_group()
        dist.init_process_group("gloo", init_method=f"file://{self.folder}/{name}", rank=self.rank, world_size=nodes)

    def play(self, curriculum: ReplicatedCurriculum, episodes: int) -> None:
        for _ in range(episodes):
            task = curriculum.get_task()
            curriculum.update_task_performance(task.task_id, self.rng.random())
        ids = curriculum.sample_ids(20 * episodes)
        curriculum.update_many(ids, self.rng.random(ids.size))
        self.reported += episodes + ids.size
        with contextlib.suppress(UnknownTaskError):
            curriculum.evict(ids[0])
        curriculum.on_epoch_end()

    def say(self, curriculum: ReplicatedCurriculum, **more: Any) -> None:
        state = curriculum._pool.snapshot()
        header = state["header"][0]
        line = {
            "digest": digest(state),
            "counted": int(header["completed"] + header["refused"]),
            "evicted": int(header["evicted"]),
            "reported": self.reported,
            "violations": curriculum.find_violations(),
            "scheduler": curriculum.config.algorithm_config.type,
            **more,
        }
        with open(self.folder / str(self.rank), "a") as file:
            file.write(json.dumps(line) + "\n")


def playing(node: Node, nodes: int) -> None:
    """Rounds of play by this process and one that attaches, and a checkpoint at the end."""
    node.group("first", nodes)
    saved = node.folder / "before.lpc"
    curriculum = join(config(), TorchDistributed(TIMEOUT), Labelled(300), checkpoint=saved)
    other = lpcurr.attach(str(curriculum.session_id), Labelled(300))
    for number in range(12):
        node.play(curriculum, int(node.rng.integers(10, 200)))
        ids = other.sample_ids(100)
        other.update_many(ids, node.rng.random(100))
        node.reported += 100
        if number % 4 == node.rank:
            curriculum.use(SWITCHED[number // 4 % 2])
        exchange = curriculum.sync()
        assert exchange is not None
        assert exchange.lost == 0
        node.say(curriculum)
    if node.rank == nodes - 1:
        curriculum.save(node.folder / "after.lpc")
    other.close()
    curriculum.close()
    curriculum.unlink()


def surviving(node: Node, dies_in_exchange: bool) -> None:
    """Node 2 dies; the others go on without it; then a new node 2 joins them."""
    if node.rank == 2 and (node.folder / "first").exists() and (node.folder / "2").exists():
        node.group("third", 3)
        curriculum = join(config(), TorchDistributed(TIMEOUT), Labelled(300))
        node.play(curriculum, 50)
        curriculum.sync()
        node.say(curriculum)
        return
    node.group("first", 3)
    transport = Dying(SOON)
    curriculum = join(config(), transport, Labelled(300))
    for _ in range(2):
        node.play(curriculum, 50)
        curriculum.sync()
    node.say(curriculum)
    node.play(curriculum, 50)
    if node.rank == 2:
        if not dies_in_exchange:
            os.kill(os.getpid(), signal.SIGKILL)
        transport.dies = True
    try:
        curriculum.sync()
    except ExchangeError as error:
        node.play(curriculum, 10)  # it can be used on
        node.group("second", 2)
        curriculum.meet(TorchDistributed(TIMEOUT))
        curriculum.sync()
        node.say(curriculum, error=str(error))
    node.group("third", 3)
    curriculum.meet(TorchDistributed(TIMEOUT))
    node.play(curriculum, 50)
    curriculum.sync()
    node.say(curriculum)


def local_ranks(node: Node) -> None:
    """Two ranks on each of two machines: one speaks, the other attaches."""
    node.group("first", 4)
    curriculum = join(config(), TorchDistributed(TIMEOUT), Labelled(300))
    for _ in range(3):
        node.play(curriculum, 30)
        dist.barrier()
        exchange = curriculum.sync()
        assert (exchange is None) == (node.rank % 2 == 1)
        dist.barrier()
        node.say(curriculum)
        dist.barrier()


def slow(node: Node) -> None:
    """Node 1 does not come to the exchange."""
    node.group("first", 2)
    curriculum = join(config(), TorchDistributed(10.0), Labelled(300))
    if node.rank == 1:
        while not (node.folder / "0").exists():
            time.sleep(0.1)
        return
    try:
        curriculum.sync()
    except ExchangeError as error:
        node.say(curriculum, error=str(error))


if __name__ == "__main__":
    this = Node(Path(sys.argv[1]), int(sys.argv[2]))
    mode = sys.argv[3]
    if mode.startswith("playing"):
        playing(this, int(mode.removeprefix("playing")))
    elif mode == "local":
        local_ranks(this)
    elif mode == "slow":
        slow(this)
    else:
        surviving(this, dies_in_exchange=mode == "during")
