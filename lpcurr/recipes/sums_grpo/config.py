"""What the recipe of sums lets one choose, and its prompts."""

from collections.abc import Collection, Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from lpcurr.recipes.config import ScheduledCurriculum, TrainingConfig
from lpcurr.schedulers.common import CheckedModel, Rate

NUMBERS = 5
"""Terms are 0 … 4, a word each."""

GRADES = range(3, 9)
"""How many terms a sum has."""


class GRPOLearnerConfig(CheckedModel):
    """A Llama with random weights, TRL's GRPO, and the supervised steps before it."""

    layers: int = Field(default=2, ge=1, le=48, description="of the model")
    hidden: int = Field(default=64, ge=8, le=4096, multiple_of=8, description="width of the model; its heads have 16")
    warm_steps: int = Field(default=300, ge=0, le=10**6, description="supervised steps on the two easiest grades")
    warm_learning_rate: Rate = Field(default=0.003, description="step size of AdamW in these")
    learning_rate: Rate = Field(default=0.0003, description="step size of AdamW in GRPO")
    prompts: int = Field(default=16, ge=1, le=4096, description="distinct prompts of one step")
    attempts: int = Field(default=8, ge=2, le=1024, description="answers to each prompt: a group")


class EvaluationConfig(CheckedModel):
    """The held-out sums on which the model is judged: the same for every curriculum and seed."""

    num_tasks: int = Field(default=192, ge=1, le=10_000, description="held-out sums, as many of each grade")
    seed: int = Field(default=20_000, ge=0, description="which sums are held out")
    mastered_from: Rate = Field(default=0.8, description="a sum counts as mastered from this chance of its answer on")


class SumsConfig(TrainingConfig):
    """A training on sums; steps and episodes are answers, score: the share of right ones."""

    extra: ClassVar[str] = "llm"
    trained_by: ClassVar[str] = "lpcurr.recipes.sums_grpo.loop:train"

    total_steps: int = Field(default=38_400, ge=1, description="answers of one training")
    epoch_steps: int = Field(default=3_840, ge=1, description="answers of an epoch: a line of metrics each")
    max_seconds: float = Field(default=600.0, gt=0, description="a training that takes longer ends early")
    learner: GRPOLearnerConfig = Field(default_factory=GRPOLearnerConfig, description="the model, and TRL's GRPO")
    evaluation: EvaluationConfig = Field(
        default_factory=EvaluationConfig, description="the held-out sums on which the model is judged"
    )


def sums_grpo() -> SumsConfig:
    """The recipe: 64 sums of each of three to eight terms from 0 to 4; an answer is one word."""
    prompts = list(_draw_sums(64, seed=0))
    labels = [grade_of(prompt) for prompt in prompts]
    return SumsConfig(curriculum=ScheduledCurriculum(tasks=prompts, task_labels=labels))


def held_out_sums(config: EvaluationConfig, trained: Collection[str]) -> list[str]:
    """Return sums that are not among those that are trained on: num_tasks of them, easy ones first.

    >>> held_out_sums(EvaluationConfig(num_tasks=12), ["2 + 2 + 2 ="])[0]
    '3 + 2 + 4 ='
    """
    each = -(-config.num_tasks // len(GRADES))
    return list(_draw_sums(each, config.seed, without=trained))[: config.num_tasks]


def grade_of(prompt: str) -> str:
    """Return the label of a prompt.

    >>> grade_of("1 + 2 + 9 =")
    '3 terms'
    """
    return f"{prompt.count('+') + 1} terms"


def answer_of(prompt: str) -> int:
    """Return what the terms add up to.

    >>> answer_of("1 + 2 + 9 =")
    12
    """
    return sum(int(word) for word in prompt.split() if word.isdigit())


def _draw_sums(each: int, seed: int, without: Collection[str] = ()) -> Iterator[str]:
    """Yield so many different sums of each grade; fewer where there are no more."""
    random = np.random.default_rng(seed)
    for terms in GRADES:
        seen = set(without)
        for _ in range(100 * each):
            prompt = " + ".join(map(str, random.integers(NUMBERS, size=terms).tolist())) + " ="
            if prompt not in seen:
                yield prompt
                seen.add(prompt)
            if len(seen) - len(without) == each:
                break
