"""PPO under torchrun, with a curriculum that two nodes share, and its checkpoint on one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lpcurr
from tests.distributed.test_torch_distributed import _APART, ROOT, _can_unshare

pytest.importorskip("torch")

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(not _can_unshare(), reason="a /dev/shm for each node takes unshare(1) and root"),
]
_WORDS = ["--num-envs", "8", "--num-steps", "64", "--update-epochs", "2", "--checkpoint", "pool.lpc"]


def run(folder: Path, nodes: int, ranks: int, *words: str) -> dict[str, Any]:
    """Train on nodes with ranks each; what rank 0 says."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torchrun = [sys.executable, "-m", "torch.distributed.run", f"--nnodes={nodes}", f"--nproc-per-node={ranks}"]
    torchrun += ["--master-addr=127.0.0.1", f"--master-port={port}"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(
            [*_APART, *torchrun, f"--node-rank={node}", "-m", "lpcurr.recipes.examples.torchrun_ppo", *words],
            env=environment,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for node in range(nodes)
    ]
    said = [node.communicate(timeout=600) for node in started]
    assert [node.returncode for node in started] == [0] * nodes, said
    found: dict[str, Any] = json.loads(said[0][0])
    return found


@pytest.mark.parametrize("scheduler", ["frontier", "learning_progress"])
def test_two_nodes_of_two_ranks_train_and_one_goes_on_from_their_checkpoint(tmp_path: Path, scheduler: str) -> None:
    words = [*_WORDS, "--scheduler", scheduler]
    first = run(tmp_path, 2, 2, "--total-steps", "8192", *words)
    assert first["steps"] == 8192
    assert 0.0 < first["score"] < 1.0
    with lpcurr.Curriculum.load(tmp_path / "pool.lpc", use_shared_memory=False) as whole:
        assert whole.stats()["num_completed"] == first["episodes"] > 100
        assert whole.config.algorithm_config.type == scheduler
    alone = run(tmp_path, 1, 1, "--total-steps", "2048", *words)
    assert alone["episodes"] > first["episodes"]
