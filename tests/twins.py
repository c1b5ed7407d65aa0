"""A curriculum beside its naive twin, and the tests that compare what they say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy import stats

from lpcurr import Curriculum, CurriculumConfig, LearningProgressConfig
from lpcurr.schedulers.common import SchedulerConfig
from tests.naive import NaivePool, Rules

LEAST_P_VALUE = 1e-4
LEAST_EXPECTED = 10.0


def make_config(capacity: int, algorithm: dict[str, Any] | SchedulerConfig, **fields: Any) -> CurriculumConfig:
    """A local pool of given size; ``algorithm`` as fields of LearningProgressConfig."""
    if isinstance(algorithm, dict):
        algorithm = LearningProgressConfig(**algorithm)
    values: dict[str, Any] = {"use_shared_memory": False, "seed": 0, "defer_init": True} | fields
    return CurriculumConfig(num_active_tasks=capacity, algorithm_config=algorithm, **values)


class Twins:
    """A curriculum and a naive pool to which everything is done alike."""

    def __init__(self, config: CurriculumConfig) -> None:
        self.config = config
        self.curriculum: Curriculum = config.make()
        self.naive = NaivePool(Rules.of(config))

    def __enter__(self) -> Twins:
        return self

    def __exit__(self, *_: object) -> None:
        self.curriculum.close()
        self.curriculum.unlink()

    def add(self, *task_ids: int, label: str | None = None) -> None:
        for task_id in task_ids:
            self.curriculum.add_task(task_id, label)
            self.naive.add_task(task_id, label)

    def create(self) -> int:
        """Let ``get_task`` fill a place that is free."""
        task_id = self.curriculum.get_task().task_id
        assert self.naive.take_draw(task_id) == "created"
        return task_id

    def draw(self) -> int:
        """A draw of any kind; fails where the naive pool would not have allowed it."""
        before = set(self.naive.tasks)
        task_id = self.curriculum.get_task().task_id
        gone = before - set(self.curriculum._pool.moment(("entry", "task_id")).columns["task_id"].tolist())
        assert len(gone) <= 1
        self.naive.take_draw(task_id, *gone)
        return task_id

    def update(self, task_id: int, *scores: float) -> None:
        for score in scores:
            assert self.curriculum.update_task_performance(task_id, score) == self.naive.update(task_id, score)

    def use(self, scheduler: SchedulerConfig) -> None:
        self.curriculum.use(scheduler)
        self.naive.rules = Rules.of(self.config.with_scheduler(scheduler))

    def evict(self, task_id: int) -> None:
        self.curriculum.evict(task_id)
        self.naive.evict(task_id)

    def check(self) -> None:
        """Every score and probability is the twin's, to 1e-12."""
        scores, expected = self.naive.scores(), self.naive.probabilities()
        ids, probabilities = self.curriculum.probabilities()
        assert ids.tolist() == list(expected)
        np.testing.assert_allclose(probabilities, list(expected.values()), rtol=1e-12)
        actual = self.curriculum.score_tasks(ids)
        np.testing.assert_allclose([actual[i] for i in scores], list(scores.values()), rtol=1e-12)

    def check_draws(self, drawn: Sequence[int]) -> None:
        """The draws are those of the twin's distribution."""
        assert_drawn_from(drawn, self.naive.probabilities())


def assert_drawn_from(drawn: Iterable[int], probabilities: dict[int, float]) -> None:
    """Chi-square of draws against exact probabilities; tasks that are expected too seldom are counted as one."""
    ids, counts = np.unique(np.fromiter(drawn, dtype=np.int64), return_counts=True)
    counted = dict(zip(ids.tolist(), counts.tolist(), strict=True))
    total = int(counts.sum())
    assert set(counted) <= set(probabilities), "a task was drawn that is not in the pool"
    seldom_expected, seldom_counted = 0.0, 0
    expected, actual = [], []
    for task_id, probability in sorted(probabilities.items(), key=lambda item: item[1]):
        assert probability > 0.0 or task_id not in counted, "a task of probability 0 was drawn"
        if seldom_expected < LEAST_EXPECTED:
            seldom_expected += probability * total
            seldom_counted += counted.get(task_id, 0)
        else:
            expected.append(probability * total)
            actual.append(counted.get(task_id, 0))
    if seldom_expected < LEAST_EXPECTED and expected:  # so rare that it cannot be a cell of its own
        expected[0] += seldom_expected
        actual[0] += seldom_counted
    else:
        expected.append(seldom_expected)
        actual.append(seldom_counted)
    if len(expected) > 1:
        scale = total / sum(expected)
        assert abs(scale - 1.0) < 1e-9, "the probabilities do not add up to 1"
        assert stats.chisquare(actual, np.array(expected) * scale).pvalue > LEAST_P_VALUE
