"""Other libraries' own curricula can be judged by the panel."""

from __future__ import annotations

from importlib.util import find_spec
from typing import cast

import numpy as np
import pytest

from asv_benchmarks.teaching import __main__ as panel
from asv_benchmarks.teaching import rivals
from asv_benchmarks.teaching.families import FAMILIES
from asv_benchmarks.teaching.judging import ENVIRONMENTS, teach

pytestmark = [pytest.mark.heavy, pytest.mark.filterwarnings("ignore")]  # Syllabus warns of much
LIBRARIES = {
    rivals.OnlineLearningProgress: "syllabus",
    rivals.LearningProgress: "syllabus",
    rivals.Learnability: "syllabus",
    rivals.LevelReplay: "level_replay",
}


@pytest.fixture(params=LIBRARIES, ids=lambda rival: rival.__name__)
def rival(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type:
    monkeypatch.setenv("RAY_DISABLE_IMPORT_WARNING", "1")
    if find_spec(LIBRARIES[request.param]) is None:
        pytest.skip(f"{LIBRARIES[request.param]} is not installed")
    return cast(type, request.param)


def test_a_rival_teaches_a_fixed_set(rival: type) -> None:
    family = FAMILIES[0]
    tasks = len(family.make(1).labels)
    outcome = panel.judge(family, rival, seed=1, share=(6 * tasks) / family.budget)
    assert set(outcome.plays) <= set(range(tasks))
    assert len(outcome.plays) > 0.9 * tasks
    assert 0.0 < outcome.final <= 1.0


def test_a_rival_is_told_what_was_learned(rival: type) -> None:
    student = FAMILIES[0].make(1)
    curriculum = rival(labels=student.labels, pool=0, seed=1)
    teach(student, curriculum, budget=20 * len(student.labels))
    drawn = np.concatenate([curriculum.sample_ids(ENVIRONMENTS) for _ in range(2_000)])
    counts = np.bincount(drawn, minlength=len(student.labels))
    assert counts.var() > 3 * counts.mean()  # it is no uniform draw: its counts' variance would be their mean
