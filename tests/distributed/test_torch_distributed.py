"""Nodes that share no memory: processes in mount namespaces of their own, each with its own /dev/shm."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import lpcurr
from lpcurr.guides import guide
from tests.stress.workers import Labelled

pytest.importorskip("torch")

ROOT = Path(__file__).parents[2]
_APART = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs tmpfs /dev/shm && exec "$@"', "sh"]


def _can_unshare() -> bool:
    try:
        return subprocess.run([*_APART, "true"], capture_output=True, timeout=60, check=False).returncode == 0
    except FileNotFoundError:
        return False


pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(not _can_unshare(), reason="a /dev/shm for each node takes unshare(1) and root"),
]


def _start(folder: Path, rank: int, mode: str, apart: bool = True) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.distributed.node", str(folder), str(rank), mode]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.Popen(
        [*_APART, *command] if apart else command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True
    )


def _finish(node: subprocess.Popen[str], code: int = 0) -> None:
    _, errors = node.communicate(timeout=300)
    assert node.returncode == code, errors


def _said(folder: Path, rank: int) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / str(rank)).read_text().splitlines()]


def _play(folder: Path, nodes: int) -> list[list[dict[str, Any]]]:
    started = [_start(folder, rank, f"playing{nodes}") for rank in range(nodes)]
    for node in started:
        _finish(node)
    said = [_said(folder, rank) for rank in range(nodes)]
    for lines in zip(*said, strict=True):
        assert len({line["digest"] for line in lines}) == 1
        assert all(line["violations"] == [] for line in lines)
        assert len({line["scheduler"] for line in lines}) == 1
    return said


def test_pools_are_equal_after_each_exchange_and_count_every_episode_once(tmp_path: Path) -> None:
    said = _play(tmp_path, 4)
    assert len(said[0]) == 12
    last = [lines[-1] for lines in said]
    assert last[0]["counted"] == sum(line["reported"] for line in last)
    assert last[0]["evicted"] > 500
    with lpcurr.Curriculum.load(tmp_path / "after.lpc", Labelled(300), use_shared_memory=False) as whole:
        assert whole.stats()["num_completed"] + whole.stats()["num_refused"] == last[0]["counted"]
    resumed = tmp_path / "resumed"
    resumed.mkdir()
    (tmp_path / "after.lpc").rename(resumed / "before.lpc")
    again = _play(resumed, 2)
    assert again[0][-1]["counted"] == last[0]["counted"] + sum(lines[-1]["reported"] for lines in again)


@pytest.mark.parametrize("mode", ["between", "during"])
def test_a_node_that_dies_takes_no_more_than_its_own_entries_with_it(tmp_path: Path, mode: str) -> None:
    started = [_start(tmp_path, rank, mode) for rank in range(3)]
    started[2].wait(timeout=300)
    _finish(started[2], code=-signal.SIGKILL)
    started[2] = _start(tmp_path, 2, mode)
    for node in started:
        _finish(node)
    (before0, survived0, joined0), (before1, survived1, joined1) = (_said(tmp_path, rank) for rank in (0, 1))
    before2, joined2 = _said(tmp_path, 2)
    assert before0["digest"] == before1["digest"] == before2["digest"]
    assert survived0["digest"] == survived1["digest"]
    assert "not all nodes answered" in survived0["error"]
    assert survived0["counted"] == before2["reported"] + survived0["reported"] + survived1["reported"]
    assert joined0["digest"] == joined1["digest"] == joined2["digest"]
    total = before2["reported"] + sum(line["reported"] for line in (joined0, joined1, joined2))
    assert joined0["counted"] == total


def test_of_several_ranks_on_a_machine_one_speaks(tmp_path: Path) -> None:
    outer = []
    for machine in range(2):
        command = "; ".join(
            f'"$0" -m tests.distributed.node {tmp_path} {2 * machine + local} local & p{local}=$!' for local in range(2)
        ).replace("; ", "\n")
        script = f"{command}\nwait $p0 && wait $p1"
        environment = os.environ | {"PYTHONPATH": str(ROOT), "GLOO_SOCKET_IFNAME": "lo"}
        run = [*_APART, "sh", "-c", script, sys.executable]
        outer.append(subprocess.Popen(run, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True))
    for node in outer:
        _finish(node)
    said = [_said(tmp_path, rank) for rank in range(4)]
    for lines in zip(*said, strict=True):
        assert len({line["digest"] for line in lines}) == 1
        assert lines[0]["counted"] == sum(line["reported"] for line in lines)


def test_the_error_names_the_slow_node(tmp_path: Path) -> None:
    started = [_start(tmp_path, rank, "slow") for rank in range(2)]
    for node in started:
        _finish(node)
    (line,) = _said(tmp_path, 0)
    assert "1" in line["error"].split("kept:")[1]


def test_the_guides_example_runs_under_torchrun(tmp_path: Path) -> None:
    code = guide("torchrun").split("joins:\n\n")[1].split("    torchrun")[0]
    (tmp_path / "train.py").write_text(textwrap.dedent(code))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=2"]
    torchrun += ["--master-addr=127.0.0.1", f"--master-port={port}"]
    started = [
        subprocess.Popen(
            [*_APART, *torchrun, f"--node-rank={node}", "train.py"],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for node in range(2)
    ]
    said = [node.communicate(timeout=300) for node in started]
    assert [node.returncode for node in started] == [0, 0], said
    assert "of 800 episodes" in said[0][0]
    assert (tmp_path / "pool.lpc").exists()
