"""The figures of a run in TensorBoard's and W&B's own files, read back with their own messages."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb.proto import wandb_internal_pb2

from lpcurr import ConfigError
from lpcurr.recipes.frozen_lake.config import frozen_lake
from lpcurr.recipes.loggers import figures
from lpcurr.recipes.overrides import apply_overrides
from lpcurr.recipes.resuming import load_run
from lpcurr.recipes.training import run

TINY = ["total_steps=512", "epoch_steps=256", "vectorization=sync", "envs_per_worker=4", "learner.rollout_steps=16"]
TINY += ["learner.table_bits=10", "evaluation.num_tasks=3", "curriculum.num_active_tasks=8"]
TINY += ["curriculum.task_generator.buckets.size=[4]", "curriculum.algorithm_config.type=learning_progress"]


def train(tmp_path: Path, *overrides: str) -> Path:
    config = apply_overrides(frozen_lake(), [*TINY, f"run_dir={tmp_path / 'run'}", *overrides])
    return run("frozen_lake", config, Console(quiet=True)).path


def lines(folder: Path, curriculum: str) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [row for row in rows if row["curriculum"] == curriculum]


def curves(folder: Path, training: str) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows of a training: by figure, its value by step."""
    events = EventAccumulator(str(folder / "tensorboard" / training), size_guidance={"tensors": 0}).Reload()
    return {
        tag: [(event.step, event.tensor_proto.float_val[0]) for event in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
    }


def check_the_curves(folder: Path, curriculum: str) -> None:
    rows = lines(folder, curriculum)
    shown = curves(folder, f"{curriculum}-seed0")
    assert set(shown) == {key for row in rows for key in figures(row)}
    for tag, points in shown.items():
        expected = [(row["steps"], row[tag]) for row in rows if tag in row]
        assert points == [(step, pytest.approx(value, rel=1e-6, abs=1e-30)) for step, value in expected]


def test_tensorboard_shows_what_the_metrics_say(tmp_path: Path) -> None:
    folder = train(tmp_path, "compare=true", "log.tensorboard=true")
    for curriculum in ("learning_progress", "discrete_random"):
        assert len(lines(folder, curriculum)) == 2
        check_the_curves(folder, curriculum)


def test_a_run_that_goes_on_continues_its_curves(tmp_path: Path) -> None:
    folder = train(tmp_path, "log.tensorboard=true")
    name, config = load_run(folder, None, ["total_steps=1024"])
    run(name, config, Console(quiet=True))
    assert [row["steps"] for row in lines(folder, "learning_progress")] == [256, 512, 768, 1024]
    check_the_curves(folder, "learning_progress")


def wandb_records(file: Path) -> Iterator[Any]:
    """What is in a W&B file: records in fragments of (checksum, length, kind), none across blocks of 32 KiB."""
    content, at, whole = file.read_bytes(), 7, b""  # after W&B's mark
    while at + 7 <= len(content):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack_from("<IHB", content, at)
        whole += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # all of a record, or the last of it
            record = wandb_internal_pb2.Record()
            record.ParseFromString(whole)
            yield record
            whole = b""


def history(file: Path) -> list[dict[str, float]]:
    """The figures in a W&B file."""
    items = [record.history.item for record in wandb_records(file) if record.WhichOneof("record_type") == "history"]
    return [{item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in each} for each in items]


def test_wandb_offline_has_the_figures_and_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as server:  # where W&B would go if it went

        def listen() -> None:
            while True:
                try:
                    connection, address = server.accept()
                except OSError:
                    return
                calls.append(address)
                connection.close()

        threading.Thread(target=listen, daemon=True).start()
        place = f"http://127.0.0.1:{server.getsockname()[1]}"
        for name in ("WANDB_BASE_URL", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, place)
        monkeypatch.delenv("WANDB_MODE", raising=False)
        folder = train(tmp_path, "log.wandb.project=lakes", "log.wandb.mode=offline")
        assert calls == []
        server.shutdown(socket.SHUT_RDWR)
    (file,) = (folder / "wandb").glob("offline-run-*/run-*.wandb")
    rows = lines(folder, "learning_progress")
    logged = history(file)
    assert [each["_step"] for each in logged] == [row["steps"] for row in rows] == [256, 512]
    for each, row in zip(logged, rows, strict=True):
        assert {key: each[key] for key in figures(row)} == pytest.approx(figures(row))


def test_what_wandb_refuses_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"log\.wandb\.project='a/b': .*[Ii]nvalid"):
        train(tmp_path, "log.wandb.project=a/b", "log.wandb.mode=offline")
