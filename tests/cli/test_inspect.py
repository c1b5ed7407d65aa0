"""``lpcurr inspect`` and ``lpcurr help``: tables, CSV, JSON, and clear refusals."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lpcurr
from lpcurr import Curriculum, CurriculumConfig
from lpcurr.cli import main
from lpcurr.guides import TOPICS
from tests.checkpoint.pools import make, play


@pytest.fixture
def curriculum() -> Iterator[Curriculum]:
    with make("labels that come and go") as curriculum:
        play(curriculum, 2000)
        yield curriculum


@pytest.fixture
def path(curriculum: Curriculum, tmp_path: Path) -> Path:
    curriculum.save(tmp_path / "curriculum.lpc")
    return tmp_path / "curriculum.lpc"


@pytest.fixture(params=["checkpoint", "folder", "session"])
def source(request: pytest.FixtureRequest, curriculum: Curriculum, path: Path) -> str:
    return {"checkpoint": str(path), "folder": str(path.parent), "session": str(curriculum.session_id)}[request.param]


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["inspect", *arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_every_task_is_there_with_what_is_known_of_it(
    source: str, curriculum: Curriculum, capsys: pytest.CaptureFixture[str]
) -> None:
    found = as_json(capsys, source)
    ids, probabilities = curriculum.probabilities()
    rows = {row["id"]: row for row in found["tasks"]}
    assert {i: row["probability"] for i, row in rows.items()} == pytest.approx(
        dict(zip(ids.tolist(), probabilities.tolist(), strict=True)), rel=1e-9
    )
    for task_id, row in rows.items():
        stats = curriculum.get_task_stats(task_id)
        assert stats is not None
        assert (row["label"], row["completions"], row["score"]) == (
            stats["label"],
            stats["completion_count"],
            stats["reward_ema"],
        )
    assert found["counters"]["completed"] == curriculum.stats()["num_completed"]
    assert found["seed"] == 7


def test_csv_has_all_columns(source: str, curriculum: Curriculum, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", source, "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {int(row["id"]) for row in rows} == set(curriculum.probabilities()[0].tolist())
    assert float(rows[0]["probability"]) == pytest.approx(curriculum.probabilities()[1].max(), rel=1e-12)


def test_labels_are_no_commands_of_a_terminal_and_no_formulas(capsys: pytest.CaptureFixture[str]) -> None:
    labels = ["\x1b[31mred", "c1 \x9b31m", "a\rb", "=1+1", "größe=4"]
    with CurriculumConfig(num_active_tasks=5, defer_init=True).make() as curriculum:
        for task_id, label in enumerate(labels):
            curriculum.add_task(task_id, label)
        session = str(curriculum.session_id)
        for command in (["inspect", session], ["inspect", session, "--csv"], ["top", session, "--once"]):
            assert main(command) == 0
            shown = capsys.readouterr().out
            assert not {"\x1b", "\x9b", "\r"} & set(shown)
            assert r"\x1b" in shown
            assert ("'=1+1" in shown) == ("--csv" in command)
        assert {row["label"] for row in as_json(capsys, session)["tasks"]} == set(labels)
        assert main(["inspect", session, "--label", "none of them"]) == 2
        assert "\x1b" not in capsys.readouterr().err


def test_names_of_files_are_no_commands_of_a_terminal(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = path.rename(path.with_name("red\x1b[31m"))
    assert main(["inspect", str(path)]) == 0
    assert main(["inspect", str(path), "--task", str(2**52)]) == 2
    assert main(["inspect", f"{path}.none"]) == 2
    shown = "".join(capsys.readouterr())
    assert r"red\x1b[31m" in shown
    assert "\x1b" not in shown


def test_sorted_filtered_limited(path: Path, curriculum: Curriculum, capsys: pytest.CaptureFixture[str]) -> None:
    rows = as_json(capsys, str(path), "--sort", "completions", "--ascending")["tasks"]
    assert [row["completions"] for row in rows] == sorted(row["completions"] for row in rows)
    label = rows[0]["label"]
    chosen = as_json(capsys, str(path), "--label", label, "--limit", "2")["tasks"]
    assert 1 <= len(chosen) <= 2
    assert {row["label"] for row in chosen} == {label}
    assert main(["inspect", str(path), "--limit", "3"]) == 0
    shown = capsys.readouterr().out
    assert "complete and unaltered" in shown
    assert f"… {len(rows) - 3} more" in shown


def test_one_task(source: str, curriculum: Curriculum, capsys: pytest.CaptureFixture[str]) -> None:
    task_id = int(curriculum.probabilities()[0][3])
    assert main(["inspect", source, "--task", str(task_id)]) == 0
    shown = capsys.readouterr().out
    assert str(task_id) in shown
    assert "fast moving average" in shown
    assert [row["id"] for row in as_json(capsys, source, "--task", str(task_id))["tasks"]] == [task_id]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--task", "5"], "task 5 is not in"),
        (["--label", "nonsense"], "there is no label 'nonsense'; there are: "),
    ],
)
def test_what_is_not_there_is_named(
    arguments: list[str], message: str, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", source, *arguments]) == 2
    assert message in capsys.readouterr().err


def test_what_is_damaged_or_no_checkpoint_is_refused_by_name(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    assert main(["inspect", str(path)]) == 2
    assert str(path) in capsys.readouterr().err
    assert main(["inspect", str(tmp_path / "nothing.lpc")]) == 2
    assert "nothing.lpc" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["inspect", str(tmp_path / "empty")]) == 2
    assert "there is no checkpoint in" in capsys.readouterr().err
    assert main(["inspect", "no-such-session"]) == 2
    assert "no-such-session" in capsys.readouterr().err


@pytest.mark.parametrize("topic", TOPICS)
def test_every_guide_is_printed(topic: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", topic]) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[1].startswith("=====")
    assert all(len(line) <= 120 for line in shown.splitlines())


def test_help_lists_the_guides_and_names_a_wrong_topic(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help"]) == 0
    shown = capsys.readouterr().out
    assert all(topic in shown for topic in TOPICS)
    assert main(["help", "nonsense"]) == 2
    assert "no guide 'nonsense'; there are: quickstart" in capsys.readouterr().err


def test_help_says_which_guides_speak_of_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "Self-Play"]) == 2
    assert "no guide 'Self-Play'; these speak of it: tasks" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["buckets", "list", "callable"])
def test_the_values_of_a_task(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    buckets = lpcurr.bucketed({"size": 4, "slip": 0.0}).add_bucket("slip", lpcurr.Span(0.1, 0.9))
    source = {"buckets": buckets, "list": [{"slip": 0.625}], "callable": lambda task_id: {"slip": 0.5}}[kind]
    with lpcurr.Curriculum(lpcurr.CurriculumConfig(num_active_tasks=4, seed=0), task_generator=source) as curriculum:
        task = curriculum.get_task()
        values = task.get_slice_values()
        assert main(["inspect", curriculum.session_id or "", "--task", str(task.task_id)]) == 0
        shown = capsys.readouterr().out
        (row,) = as_json(capsys, curriculum.session_id or "", "--task", str(task.task_id))["tasks"]
        everything = {each["id"]: each["values"] for each in as_json(capsys, curriculum.session_id or "")["tasks"]}
        assert main(["inspect", curriculum.session_id or "", "--csv"]) == 0
        (written,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["values"] == values
    assert everything == {task.task_id: values}
    assert {name: float(cell) for name, cell in written.items() if name.startswith("values.")} == {
        f"values.{path}": value for path, value in values.items()
    }
    assert all(f"{value:.6g}" in shown for value in values.values())


def test_a_folder_is_searched_as_deep_as_a_run_is(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for depth, code in ((3, 0), (4, 2)):
        folder = tmp_path / str(depth)
        found = folder.joinpath(*"abcd"[:depth]) / "curriculum.lpc"
        found.parent.mkdir(parents=True)
        found.write_bytes(path.read_bytes())
        assert main(["inspect", str(folder)]) == code
    assert "three folders down" in capsys.readouterr().err
