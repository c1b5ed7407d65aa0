"""Looking at a pool from outside: the figures are right, the live view works, and nobody notices being watched."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lpcurr import Curriculum, CurriculumConfig, DiscreteRandomConfig, LearningProgressConfig, LpcurrError
from lpcurr.cli import main
from lpcurr.monitor.reading import SessionReader, find_session
from lpcurr.monitor.table import TaskTable
from lpcurr.monitor.watching import Watch

ALGORITHMS: dict[str, Any] = {
    "default": LearningProgressConfig(),
    "reference": LearningProgressConfig.reference(num_active_tasks=64),
    "weighted": LearningProgressConfig(
        performance_bonus_weight=0.3, progress_smoothing=0.01, early_progress_amplification=0.1
    ),
    "temperature": LearningProgressConfig(lp_score_temperature=0.2),
    "basic": LearningProgressConfig(use_bidirectional=False),
    "random": DiscreteRandomConfig(),
}


def played(algorithm: Any, tasks: int = 64) -> Curriculum:
    config = CurriculumConfig(num_active_tasks=tasks, seed=0, defer_init=True, algorithm_config=algorithm)
    curriculum = config.make()
    rng = np.random.default_rng(0)
    for task_id in range(tasks):
        curriculum.add_task(task_id, "easy" if task_id % 4 else "hard")
        for _ in range(task_id % 17):
            curriculum.update_task_performance(task_id, float(rng.random()))
    curriculum.sample_ids(100)
    return curriculum


@pytest.fixture
def curriculum() -> Iterator[Curriculum]:
    with played(LearningProgressConfig()) as made:
        yield made


@pytest.mark.parametrize("name", ALGORITHMS)
def test_probabilities_are_those_of_the_kernel(name: str) -> None:
    with played(ALGORITHMS[name]) as curriculum:
        assert curriculum.session_id is not None
        table, at_rest = TaskTable.of_session(SessionReader(curriculum.session_id))
        assert at_rest
        table = table.sorted_by("entry", ascending=True)
        ids, probabilities = curriculum.probabilities()
        assert table.columns["id"].tolist() == ids.tolist()
        np.testing.assert_allclose(table.columns["probability"], probabilities, rtol=1e-12)


def test_a_reader_takes_no_place_in_the_pool_and_cannot_write(curriculum: Curriculum) -> None:
    assert curriculum.session_id is not None
    watch = Watch(SessionReader(curriculum.session_id))
    watch.look()
    assert [each["pid"] for each in curriculum.process_counters()] == [os.getpid()]
    with pytest.raises(ValueError, match="read-only"):
        watch.reader._state["header"]["completed"] = 0
    figures = watch.figures(tasks=2)
    json.dumps(figures)
    stats = curriculum.stats()
    assert figures["completed"] == stats["num_completed"]
    assert figures["lp"]["mean"] == pytest.approx(stats["algorithm/lp/mean_learning_progress"], rel=1e-12)
    assert {each["label"]: each["tasks"] for each in figures["labels"]} == {"easy": 48, "hard": 16}
    assert sum(each["share"] for each in figures["labels"]) == pytest.approx(1.0)


def test_steps_are_shown_where_the_trainer_tells_of_them(curriculum: Curriculum) -> None:
    watch = Watch(SessionReader(str(curriculum.session_id)))
    assert watch.figures()["steps"] is None
    curriculum.count_steps(500)
    watch.look()
    assert watch.figures()["steps"] == 500
    assert watch.figures()["steps_per_second"] > 0


def test_a_killed_worker_is_dead_and_the_end_is_said(curriculum: Curriculum) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"x")
        time.sleep(100)
    os.read(reading, 1)
    watch = Watch(SessionReader(str(curriculum.session_id)))
    assert {each["pid"]: each["alive"] for each in watch.counts.processes}[child]
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    watch.look()
    assert not {each["pid"]: each["alive"] for each in watch.counts.processes}[child]
    assert watch.ending == ""
    curriculum.close()
    curriculum.unlink()
    watch.look()
    assert watch.ending == "closed by its creator"
    os.close(reading)
    os.close(writing)


def test_keys_sort_filter_pause_and_quit(curriculum: Curriculum) -> None:
    from lpcurr.monitor.app import TopApp
    from lpcurr.monitor.drawing import View

    view = View(interval=0.1)
    app = TopApp(Watch(SessionReader(str(curriculum.session_id))), view)

    async def use() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("p")
            assert (view.sort, view.ascending) == ("lp", False)
            await pilot.press("p")
            assert view.ascending
            await pilot.press("slash", "h", "a", "r", "enter", "space")
            assert (view.label, view.paused) == ("har", True)
            await pilot.resize_terminal(120, 40)
            await pilot.press("question_mark", "x", "escape", "down")
            assert (view.label, view.scroll) == ("", 1)
            await pilot.press("q")

    asyncio.run(use())
    assert app.return_code == 0


def test_a_viewer_in_a_real_terminal_is_killed_and_nothing_is_harmed(curriculum: Curriculum) -> None:
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "lpcurr", "top", str(curriculum.session_id)]
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    viewer = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment)
    os.close(terminal)
    shown = b""
    try:
        while b"exploration" not in shown:
            shown += os.read(controller, 65536)
    finally:
        viewer.kill()
        viewer.wait()
        os.close(controller)
    curriculum.sample_ids(10)
    assert curriculum.find_violations() == []
    assert curriculum.stats()["num_repairs"] == 0


def test_once_and_json(curriculum: Curriculum, capsys: pytest.CaptureFixture[str]) -> None:
    session = str(curriculum.session_id)
    assert main(["top", session, "--once"]) == 0
    assert "episodes/s" in capsys.readouterr().out
    assert main(["top", session[:8], "--once", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["session"] == session
    assert main(["top", "no_such_session"]) == 2
    assert "no live session" in capsys.readouterr().err


def test_several_sessions_have_to_be_told_apart(curriculum: Curriculum) -> None:
    with CurriculumConfig(num_active_tasks=2).make(), pytest.raises(LpcurrError, match="sessions are running"):
        find_session(None)


def test_inspect(curriculum: Curriculum, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.ckpt"
    curriculum.save(path)
    assert main(["inspect", str(path), "--json", "--label", "hard", "--sort=-completions", "--limit", "3"]) == 0
    saved = json.loads(capsys.readouterr().out)
    completions = [task["completions"] for task in saved["tasks"]]
    assert len(completions) == 3
    assert completions == sorted(completions, reverse=True)
    assert {task["label"] for task in saved["tasks"]} == {"hard"}
    assert saved["counters"]["completed"] == curriculum.stats()["num_completed"]
    assert main(["inspect", str(curriculum.session_id), "--csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 65
    assert main(["inspect", str(path), "--task", "5"]) == 0
    assert "completions" in capsys.readouterr().out
    content = bytearray(path.read_bytes())
    content[3000] ^= 1
    path.write_bytes(bytes(content))
    assert main(["inspect", str(path)]) == 2
    assert str(path) in capsys.readouterr().err


def test_every_guide_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    from lpcurr.guides import TOPICS

    for topic in TOPICS:
        assert main(["help", topic]) == 0
        assert len(capsys.readouterr().out) > 300
    assert main(["help", "concept"]) == 2
    assert "did you mean 'concepts'" in capsys.readouterr().err
