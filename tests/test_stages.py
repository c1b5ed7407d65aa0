"""Stages: what is locked is not drawn, opens when its turn has come, and stays open."""

from __future__ import annotations

import logging
import multiprocessing
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lpcurr
from lpcurr import ConfigError, Curriculum, CurriculumConfig, PoolFullError

LABELS = ["a", "b", "c"] * 4
OF_LABEL = {label: [i for i, other in enumerate(LABELS) if other == label] for label in "abc"}
STAGES = [{"unlock": "c", "after": "b", "mastered": 0.5}, {"unlock": "b", "after": "a"}]


def make(**fields: Any) -> Curriculum:
    config = {"tasks": [f"task {i}" for i in range(12)], "task_labels": LABELS, "stages": STAGES, "seed": 0}
    return CurriculumConfig(**config | fields).make()


def play(curriculum: Curriculum, label: str, score: float, episodes_each: int = 5) -> None:
    for _ in range(episodes_each):
        curriculum.update_many(OF_LABEL[label], np.full(4, score))
    curriculum.on_epoch_end()


def labels_of(curriculum: Curriculum) -> str:
    return "".join(sorted(set(curriculum.columns()["label"])))


@pytest.mark.parametrize("shared", [True, False])
def test_labels_open_one_after_the_other_and_stay_open(shared: bool) -> None:
    with make(use_shared_memory=shared) as curriculum:
        assert set(curriculum.sample_ids(200)) == set(OF_LABEL["a"])
        play(curriculum, "a", 1.0, episodes_each=4)
        assert labels_of(curriculum) == "a", "16 episodes are not 20"
        play(curriculum, "a", 0.0, episodes_each=3)
        assert labels_of(curriculum) == "a"
        play(curriculum, "a", 1.0, episodes_each=99)
        assert labels_of(curriculum) == "ab", "one stage at a time"
        assert set(curriculum.sample_ids(300)) == {*OF_LABEL["a"], *OF_LABEL["b"]}
        play(curriculum, "a", 0.0, episodes_each=99)
        play(curriculum, "b", 1.0)
        assert labels_of(curriculum) == "abc"
        assert sorted(curriculum.columns()["task_id"]) == list(range(12))
        assert curriculum.find_violations() == []


def test_an_easier_label_that_is_forgotten_is_drawn_more_often_again() -> None:
    with make(seed=0) as curriculum:
        for label in "ab":
            play(curriculum, label, 1.0, episodes_each=20)
            curriculum.on_epoch_end()
        shares = []
        for score in (1.0, 0.0):
            play(curriculum, "a", score, episodes_each=40)
            ids, probabilities = curriculum.probabilities()
            shares.append(probabilities[np.isin(ids, OF_LABEL["a"])].sum())
        assert labels_of(curriculum) == "abc"
        assert shares[1] > 1.5 * shares[0]


def test_levels_by_number_are_named_by_it() -> None:
    fields: dict[str, Any] = {"tasks": ["a", "b"], "task_labels": np.array([1.0, 2.0]), "num_active_tasks": 3}
    with CurriculumConfig(stages=[{"unlock": 2.0, "after": 1.0, "mastered": 0.0}], **fields).make() as curriculum:
        curriculum.append_tasks(["c"], [1.0])
        assert curriculum.columns()["label"].tolist() == ["1.0", "1.0"]
        curriculum.update_groups([0], [20], 20)
        curriculum.on_epoch_end()
        assert curriculum.columns()["label"].tolist() == ["1.0", "1.0", "2.0"]


def test_mastered_is_the_mean_over_all_tasks_of_a_label() -> None:
    with make() as curriculum:
        for task_id in OF_LABEL["a"][:3]:
            curriculum.update_groups([task_id], [50], 50)
        curriculum.on_epoch_end()
        assert labels_of(curriculum) == "a", "three of four tasks are 0.75"


def test_a_success_rate_of_zero_unlocks_after_so_many_episodes() -> None:
    stage = {"unlock": "hard", "after": "easy", "mastered": 0.0, "episodes": 3}
    with CurriculumConfig(tasks=["a", "b"], task_labels=["easy", "hard"], stages=[stage]).make() as curriculum:
        for there in (1, 1, 2):
            curriculum.update_task_performance(0, 0.0)
            curriculum.on_epoch_end()
            assert curriculum.num_active_tasks == there


def test_by_score_mastered_is_a_score_of_whatever_scale(caplog: pytest.LogCaptureFixture) -> None:
    by_score = {"unlock": "b", "after": "a", "by": "score", "mastered": -200}
    with caplog.at_level(logging.WARNING, "lpcurr"), make(stages=[by_score]) as curriculum:
        for task_id, score in zip(OF_LABEL["a"], (-90.0, -110.0, -190.0), strict=False):
            curriculum.update_many([task_id] * 50, [score] * 50)
        curriculum.on_epoch_end()
        assert labels_of(curriculum) == "ac", "one of its tasks was never played"
        play(curriculum, "a", -1000.0, episodes_each=99)
        assert labels_of(curriculum) == "ac"
        play(curriculum, "a", -150.0, episodes_each=200)
        assert labels_of(curriculum) == "abc"
        assert not caplog.records


@pytest.mark.parametrize(("threshold", "told"), [(0.5, 1), (30.0, 0)])
def test_scores_of_another_scale_are_told_where_a_stage_goes_by_success(
    threshold: float, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    frontier = {"type": "frontier", "task_default_success_threshold": threshold}
    with caplog.at_level(logging.WARNING, "lpcurr"), make(algorithm_config=frontier) as curriculum:
        play(curriculum, "a", 1.0, episodes_each=4)
        assert not caplog.records
        for _ in range(3):
            play(curriculum, "a", 20.0)
        assert labels_of(curriculum) == ("ab" if told else "a")
    assert ["scores of 'a' go from 1 to 20" in record.getMessage() for record in caplog.records] == [True] * told


@pytest.mark.parametrize("in_batches", [False, True])
def test_stages_open_though_no_epoch_ever_ends(in_batches: bool) -> None:
    with make(num_active_tasks=1500) as curriculum:
        assert curriculum.stats()["num_locked_tasks"] == 8
        for _ in range(1500 // 4):
            if in_batches:
                curriculum.update_many(OF_LABEL["a"], np.ones(4))
            else:
                for task_id in OF_LABEL["a"]:
                    assert labels_of(curriculum) == "a"
                    curriculum.update_task_performance(task_id, 1.0)
        assert labels_of(curriculum) == "ab"
        assert curriculum.stats()["num_locked_tasks"] == 4
    with CurriculumConfig(num_active_tasks=4).make() as curriculum:
        assert "num_locked_tasks" not in curriculum.stats()


def test_survives_another_scheduler_attaching_and_a_checkpoint(tmp_path: Path) -> None:
    with make() as curriculum:
        assert curriculum.session_id is not None
        play(curriculum, "a", 1.0)
        curriculum.use(lpcurr.DiscreteRandomConfig())
        curriculum.save(tmp_path / "pool.lpc")
        with lpcurr.attach(curriculum.session_id) as other:
            assert [stage.unlock for stage in other.config.stages] == ["c", "b"]
            play(other, "b", 1.0)
        assert labels_of(curriculum) == "abc"
    grown = lpcurr.generators.TaskList(tasks=[f"task {i}" for i in range(14)], labels=[*LABELS, "b", "c"])
    with Curriculum.load(tmp_path / "pool.lpc", grown, num_active_tasks=14) as again:
        assert sorted(again.columns()["task_id"]) == sorted([*OF_LABEL["a"], *OF_LABEL["b"], 12])
        play(again, "b", 1.0)
        assert sorted(again.columns()["task_id"]) == sorted([*OF_LABEL["a"], *OF_LABEL["b"], 12, *OF_LABEL["c"], 13])


def test_what_is_appended_waits_too_and_its_room_is_kept() -> None:
    with make(num_active_tasks=14) as curriculum:
        assert curriculum.append_tasks(["more b", "more a"], ["b", "a"]).tolist() == [12, 13]
        with pytest.raises(PoolFullError, match="there is room for 0 more"):
            curriculum.append_tasks(["too many"], ["a"])
        assert sorted(curriculum.columns()["task_id"]) == [*OF_LABEL["a"], 13]
        play(curriculum, "a", 1.0)
        assert sorted(curriculum.columns()["task_id"]) == sorted([*OF_LABEL["a"], 13, *OF_LABEL["b"], 12])


def _die_over_it(curriculum: Curriculum) -> None:
    add = curriculum._pool.add_task

    def add_one_and_die(*arguments: Any, **options: Any) -> None:
        add(*arguments, **options)
        os._exit(9)

    curriculum._pool.add_task = add_one_and_die  # type: ignore[method-assign]
    curriculum.on_epoch_end()


def test_a_task_that_is_evicted_by_hand_does_not_lock_its_label() -> None:
    with make() as curriculum:
        curriculum.update_groups(OF_LABEL["a"], [10] * 4, 10)
        curriculum.on_epoch_end()
        curriculum.evict(OF_LABEL["b"][0])
        curriculum.update_groups(OF_LABEL["a"], [0] * 4, 100)  # forgotten meanwhile
        (appended,) = curriculum.append_tasks(["one more"], labels=["b"])
        curriculum.on_epoch_end()
        assert sorted(curriculum.columns()["task_id"]) == sorted([*OF_LABEL["a"], *OF_LABEL["b"][1:], appended])


def test_a_label_that_is_taken_out_by_hand_stays_out_until_it_is_put_back() -> None:
    with make() as curriculum:
        for rounds in range(2):
            curriculum.update_groups(OF_LABEL["a"], [10] * 4, 10)
            curriculum.on_epoch_end()
            assert curriculum.num_active_tasks == (4 if rounds else 4 + len(OF_LABEL["b"]))
            for task_id in OF_LABEL["b"] if not rounds else []:
                curriculum.evict(task_id)
        for task_id in OF_LABEL["b"]:
            curriculum.add_task(task_id)
        columns = curriculum.columns()
        assert sorted(columns["task_id"][columns["label"] == "b"]) == sorted(OF_LABEL["b"])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_killed_in_the_middle_leaves_the_label_locked() -> None:
    with make() as curriculum:
        curriculum.update_groups(OF_LABEL["a"], [10] * 4, 10)
        process = multiprocessing.get_context("fork").Process(target=_die_over_it, args=(curriculum,))
        process.start()
        process.join(300)
        assert process.exitcode == 9
        assert curriculum.columns()["task_id"].tolist() == [*OF_LABEL["a"], OF_LABEL["b"][-1]]
        curriculum.on_epoch_end()
        assert sorted(curriculum.columns()["task_id"]) == sorted([*OF_LABEL["a"], *OF_LABEL["b"]])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"stages": [{"unlock": "b", "after": "a"}, {"unlock": "b", "after": "c"}]}, "two stages unlock 'b'"),
        ({"stages": [{"unlock": "b", "after": "b"}]}, "'b' waits for 'b': none of them would ever"),
        ({"stages": [{"unlock": "b", "after": "c"}, {"unlock": "c", "after": "b"}]}, "'b' waits for 'c' waits for 'b'"),
        ({"stages": [{"unlock": "b", "after": "x"}]}, "names the label 'x', and no task .* they have a, b, c"),
        (
            {"stages": [{"unlock": "b", "after": "a", "mastered": 1.5}]},
            "mastered=1.5 is no success rate, ",
        ),
        ({"stages": [{"unlock": "b", "after": "y" * 121}]}, "longer than 120 bytes"),
        ({"tasks": None, "task_labels": None}, r"give tasks=\[…\], or leave stages out"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(session_id="stages-test", **fields)
    with pytest.raises(lpcurr.SessionNotFoundError):
        lpcurr.attach("stages-test")
