"""Curricula of other libraries, judged by their own code on families with a fixed set of tasks.

``pip install syllabus-rl`` (0.7), and for :class:`LevelReplay` a clone of github.com/facebookresearch/level-replay on
the path::

    python -m asv_benchmarks.teaching --scheduler frontier \\
        asv_benchmarks.teaching.rivals:{OnlineLearningProgress,LearningProgress,Learnability,LevelReplay}

All have their own defaults. What those leave open is said at each.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Batch = np.ndarray[Any, Any]
EVALUATION = 4  # episodes of each task


class _Rival:
    """What all have in common: one set of tasks, and Syllabus's way of drawing from a distribution over them."""

    fixed_sets_only = True

    def __init__(self, *, labels: list[str], pool: int, seed: int) -> None:
        self.tasks = len(labels)
        before = np.geterr()
        self.curriculum = self.make()
        np.seterr(**before)  # Syllabus makes every underflow an error, for the whole process
        np.random.seed(seed)  # noqa: NPY002 - which level-replay draws by
        self._rng = np.random.default_rng(seed)

    def make(self) -> Any:
        raise NotImplementedError

    def sample_ids(self, count: int) -> Batch:
        """Draw from Syllabus's distribution; its own ``sample`` compares that with a list, which NumPy refuses now."""
        return self._rng.choice(self.tasks, size=count, p=self.curriculum._sample_distribution())


class OnlineLearningProgress(_Rival):
    """Syllabus's learning progress over its own episodes; it looks anew whenever each task was played four times."""

    def make(self) -> Any:
        from syllabus.curricula import OnlineLearningProgress as Curriculum
        from syllabus.task_space import DiscreteTaskSpace

        return Curriculum(DiscreteTaskSpace(self.tasks), update_interval=4 * self.tasks)

    def update_many(self, ids: Batch, scores: Batch, signals: Batch, costs: Batch) -> None:
        for task, score, cost in zip(ids.tolist(), scores.tolist(), costs.tolist(), strict=True):
            self.curriculum.update_task_progress(task, score)
            self.curriculum.update_on_episode(score, cost, task, score)


class LearningProgress(_Rival):
    """Syllabus's learning progress by evaluations: each task four times, then thrice as many episodes by its draws.

    An evaluation is paid from the budget, and the student learns from it.
    """

    def __init__(self, *, labels: list[str], pool: int, seed: int) -> None:
        super().__init__(labels=labels, pool=pool, seed=seed)
        self._rates = np.zeros(self.tasks)
        self._evaluate()

    def _evaluate(self) -> None:
        self._unseen = list(range(self.tasks)) * EVALUATION
        self._successes, self._drawn = np.zeros(self.tasks), 0

    def make(self) -> Any:
        from syllabus.curricula import LearningProgress as Curriculum
        from syllabus.task_space import DiscreteTaskSpace

        return Curriculum(self, DiscreteTaskSpace(self.tasks))

    def evaluate_agent(self, episodes: int, verbose: bool = False) -> tuple[Any, ...]:
        """Return what the last evaluation has seen, in the place of Syllabus's own evaluator."""
        import torch

        rates = torch.from_numpy(self._rates.copy())
        return None, rates, rates, None

    def sample_ids(self, count: int) -> Batch:
        if not self._unseen:
            self._drawn += count
            return super().sample_ids(count)
        now, self._unseen = self._unseen[:count], self._unseen[count:]
        return np.array(now, dtype=np.int64)

    def update_many(self, ids: Batch, scores: Batch, signals: Batch, costs: Batch) -> None:
        if self._drawn == 0:
            np.add.at(self._successes, ids, scores)
            if not self._unseen:
                self._rates = self._successes / EVALUATION
                self.curriculum.eval_and_update()
        elif self._drawn >= 3 * EVALUATION * self.tasks:
            self._evaluate()


class Learnability(LearningProgress):
    """Syllabus's learnability, p(1 − p) of the last evaluation, drawn in proportion: its thousand best are all here."""

    def make(self) -> Any:
        from syllabus.curricula import Learnability as Curriculum
        from syllabus.task_space import DiscreteTaskSpace

        return Curriculum(self, DiscreteTaskSpace(self.tasks), sampling="dist")

    def evaluate_agent(self, episodes: int, verbose: bool = False) -> tuple[Any, ...]:
        """Return the same as NumPy's arrays, with which alone this one can go on."""
        return None, self._rates.copy(), self._rates, None


class LevelReplay(_Rival):
    """level-replay's sampler, with the settings of its paper on Procgen, by the student's surprise for a value loss."""

    def make(self) -> Any:
        if not hasattr(np, "float"):
            setattr(np, "float", float)  # noqa: B010 - which it asks for, and NumPy had until 1.24
        from level_replay.level_sampler import LevelSampler

        return LevelSampler(
            list(range(self.tasks)),
            None,
            None,
            strategy="value_l1",
            replay_schedule="proportionate",
            score_transform="rank",
            temperature=0.1,
            rho=1.0,
            staleness_coef=0.1,
        )

    def sample_ids(self, count: int) -> Batch:
        return np.array([self.curriculum.sample() for _ in range(count)], dtype=np.int64)

    def update_many(self, ids: Batch, scores: Batch, signals: Batch, costs: Batch) -> None:
        for task, signal in zip(ids.tolist(), signals.tolist(), strict=True):
            self.curriculum.update_seed_score(0, task, signal, 1)
