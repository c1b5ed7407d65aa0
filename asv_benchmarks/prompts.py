"""A step of a language model's trainer: a batch of distinct prompts, and the answers to them reported in groups.

Beside it what such trainers write by hand: NumPy's choice without replacement, by a weight for each of all prompts.
"""

from __future__ import annotations

import numpy as np

from lpcurr import CurriculumConfig, LearnabilityConfig, LearningProgressConfig
from lpcurr.schedulers.common import SchedulerConfig

BATCH, ATTEMPTS = 512, 8
SCHEDULERS: dict[str, SchedulerConfig] = {
    "default": LearningProgressConfig(),
    "learnability": LearnabilityConfig(attempts=ATTEMPTS),
}


class Step:
    """512 distinct prompts of as many as given, in groups of 8; a tenth of them is solved now and then."""

    params = (list(SCHEDULERS), [10_000, 100_000])
    param_names = ("scheduler", "prompts")

    def setup(self, scheduler: str, prompts: int) -> None:
        random = np.random.default_rng(0)
        config = CurriculumConfig(
            num_active_tasks=prompts, seed=0, defer_init=True, algorithm_config=SCHEDULERS[scheduler]
        )
        self.curriculum = config.make()
        for prompt in range(prompts):
            self.curriculum.add_task(prompt)
        self.chances = np.where(np.arange(prompts) % 10 == 0, random.random(prompts), 0.0)
        everything = np.arange(prompts)
        for _ in range(2):
            self.curriculum.update_groups(everything, random.binomial(ATTEMPTS, self.chances), ATTEMPTS)
        self.random = random
        self.weights = self.curriculum.probabilities()[1]
        self.successes = random.binomial(ATTEMPTS, self.chances)

    def teardown(self, scheduler: str, prompts: int) -> None:
        self.curriculum.close()
        self.curriculum.unlink()

    def time_draw(self, scheduler: str, prompts: int) -> None:
        self.curriculum.sample_ids(BATCH, distinct=True)

    def time_draw_and_report(self, scheduler: str, prompts: int) -> None:
        ids = self.curriculum.sample_ids(BATCH, distinct=True)
        self.curriculum.update_groups(ids, self.successes[ids], ATTEMPTS)

    def time_numpy_choice(self, scheduler: str, prompts: int) -> None:
        self.random.choice(prompts, BATCH, replace=False, p=self.weights)
