"""Families kept for a last run: other mechanisms than those of `families`.

The first nine were seen when the frontier of 0.2 was made, and *graded chains*, *noisy chains* and *fake progress* were
among those that its next form was chosen by; the five behind them were not looked at before RESULTS.md was written. By
*noisy chains*, *graded chains*, *forgetful chains*, *wide tree* and those from *partial credit chains* to *five visits*
the present form was chosen; by none from *steps* on.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from asv_benchmarks.teaching.courses import Course, course
from asv_benchmarks.teaching.families import Family, chain
from asv_benchmarks.teaching.ladders import Ladders, ladders
from asv_benchmarks.teaching.skills import Skills, skills
from asv_benchmarks.teaching.streams import Floats, Ints, State, compiled, hashed, uniform

# -- tasks that share several abilities ---------------------------------------------------------------------------


class Factors(NamedTuple):
    """Abilities that tasks load on, as in item response theory; practice moves what a task asks for."""

    random: State
    ability: Floats  # [factors]
    loads: Floats  # [tasks, factors], rows add up to 1
    difficulty: Floats  # [tasks]
    pace: float

    @property
    def labels(self) -> list[str]:
        """The label of each task: the factor it asks most of."""
        return [f"factor {factor}" for factor in self.loads.argmax(axis=1).tolist()]

    def play(self, tasks: Ints, now: float) -> tuple[Floats, Floats]:
        """Practise several tasks, one after the other: (scores, costs)."""
        return play_factors(self, tasks)

    def true_success(self, now: float) -> Floats:
        """Return the chance of success of each task."""
        return 1.0 / (1.0 + np.exp(-4.0 * (self.loads @ self.ability - self.difficulty)))


@compiled
def play_factors(student: Factors, tasks: Ints) -> tuple[Floats, Floats]:
    """Practise several tasks, one after the other: (scores, costs), float64 each."""
    scores, costs = np.zeros(len(tasks)), np.ones(len(tasks))
    for at in range(len(tasks)):
        loads = student.loads[tasks[at]]
        distance = student.difficulty[tasks[at]] - (loads * student.ability).sum()
        chance = 1.0 / (1.0 + math.exp(4.0 * distance))
        if uniform(student.random) < chance:
            scores[at] = 1.0
        for factor in range(len(loads)):
            student.ability[factor] += student.pace * loads[factor] * 4.0 * chance * (1.0 - chance)
    return scores, costs


def _factors(seed: int) -> Factors:
    rng = np.random.default_rng(seed)
    loads = rng.dirichlet(np.full(6, 0.3), 500)
    return Factors(np.array([seed], np.uint64), np.zeros(6), loads, rng.uniform(0.0, 5.0, 500), 0.006)


# -- a policy that learns by gradient -----------------------------------------------------------------------------


class Policy(NamedTuple):
    """A softmax policy with linear features, by REINFORCE; a task is a context of eight features, hashed from its id.

    The right one of four actions is what a hidden matrix prefers, and hard contexts lie near its borders.
    """

    random: State
    weights: Floats  # [4, 8]
    right: Floats  # [4, 8]
    rate: float
    probes: Floats  # [contexts, 8]: new contexts on which it is judged

    @property
    def labels(self) -> list[str]:
        """No labels: the tasks come from a generator."""
        return []

    def play(self, tasks: Ints, now: float) -> tuple[Floats, Floats]:
        """Practise several contexts, one after the other: (scores, costs)."""
        return play_policy(self, tasks)

    def true_success(self, now: float) -> Floats:
        """Return the chance of the right action in each new context."""
        logits = self.probes @ self.weights.T
        chances = np.exp(logits - logits.max(axis=1, keepdims=True))
        best = (self.probes @ self.right.T).argmax(axis=1)
        return chances[np.arange(len(best)), best] / chances.sum(axis=1)


@compiled
def play_policy(student: Policy, tasks: Ints) -> tuple[Floats, Floats]:
    """Practise several contexts, one after the other: (scores, costs), float64 each."""
    scores, costs = np.zeros(len(tasks)), np.ones(len(tasks))
    context = np.empty(8)
    for at in range(len(tasks)):
        for feature in range(8):
            context[feature] = 2.0 * hashed(tasks[at], feature) - 1.0
        logits, wanted = student.weights @ context, (student.right @ context).argmax()
        chances = np.exp(logits - logits.max())
        chances /= chances.sum()
        draw, action = uniform(student.random), 0
        while action < 3 and draw >= chances[action]:
            draw -= chances[action]
            action += 1
        if action == wanted:
            scores[at] = 1.0
            for other in range(4):
                step = student.rate * ((1.0 if other == action else 0.0) - chances[other])
                student.weights[other] += step * context
    return scores, costs


def _policy(seed: int) -> Policy:
    rng = np.random.default_rng(seed)
    probes = rng.uniform(-1.0, 1.0, (500, 8))
    return Policy(np.array([seed], np.uint64), np.zeros((4, 8)), rng.normal(size=(4, 8)), 0.05, probes)


# -- other parameters and mixtures of the skills ------------------------------------------------------------------


def _lattice(seed: int) -> Skills:
    place = np.arange(324)
    row, column = place // 18, place % 18
    needs = np.stack([np.where(row > 0, place - 18, -1), np.where(column > 0, place - 1, -1)], axis=1)
    return skills(324, seed, needs=needs, mastery=-3.0, pace=0.15)  # gradually, by the cube of its neighbours' ability


def _noisy_chains(seed: int) -> Skills:
    coins = np.arange(360) >= 240
    needs = np.vstack([chain(12, 20), np.full((120, 1), -1)])
    low, high = np.where(coins, 0.3, 0.02), np.where(coins, 0.3, 0.95)
    return skills(360, seed, needs=needs, low=low, high=high, pace=0.08, lucky=0.05, counts=~coins)


def _graded_chains(seed: int) -> Skills:
    return skills(240, seed, needs=chain(8, 30), pace=0.06, graded=0.2, scale=100.0)


def _fake_progress(seed: int) -> Skills:
    fake = np.random.default_rng(seed).permutation(300) < 100
    pace, forgetting = np.where(fake, 0.5, 0.05), np.where(fake, 0.02, 0.0)
    return skills(300, seed, low=0.02, pace=pace, forgetting=forgetting, counts=~fake)


def _hidden_chains(seed: int) -> Skills:
    return skills(120, seed, needs=chain(4, 30), leap=0.7, pace=0.06, high=0.95)


def _dear_tree(seed: int) -> Skills:
    place = np.arange(255)
    needs = np.where(place > 0, (place - 1) // 2, -1)[:, None]
    return skills(255, seed, needs=needs, pace=0.05, cost_failure=3.0)


def _crowded(seed: int) -> Skills:
    rng = np.random.default_rng(seed)
    real = rng.random(5_000) < 0.04
    pace = 10 ** rng.uniform(-1.7, -0.7, 5_000)
    return skills(5_000, seed, low=0.03 * real, high=0.9 * real, pace=pace, failure_teaches=0.3, counts=real)


def _forgetful_chains(seed: int) -> Skills:
    return skills(240, seed, needs=chain(6, 40), pace=0.1, forgetting=0.0002)


def _luck_of_all_sizes(seed: int) -> Skills:
    rng = np.random.default_rng(seed)
    real, luck = rng.random(400) < 0.4, rng.uniform(0.05, 0.95, 400)
    return skills(400, seed, low=np.where(real, 0.02, luck), high=np.where(real, 0.95, luck), pace=0.05, counts=real)


def _wide_tree(seed: int) -> Skills:
    rng = np.random.default_rng(seed)
    needs = np.array([rng.integers(0, task, 3) if task >= 30 else [-1] * 3 for task in range(240)])
    return skills(240, seed, needs=needs, pace=10 ** rng.uniform(-1.5, -0.7, 240), mastery=0.6)


def _rare_chains(seed: int) -> Skills:
    return skills(180, seed, needs=chain(3, 60), low=0.04, pace=0.2, failure_teaches=0.1)


def _hidden_groups(seed: int) -> Skills:
    group = np.random.default_rng(seed).integers(0, 20, 400)
    return skills(400, seed, group=group, shared=np.zeros(20), sharing=0.5, leap=0.5, pace=0.03, shared_pace=0.01)


# -- scores of other kinds, late learning, short budgets ----------------------------------------------------------


def _layers(seed: int, wide: int, deep: int) -> Ints:
    """Return what each task needs: two tasks of the layer below its own."""
    rng = np.random.default_rng(seed)
    below = [rng.choice(wide, 2, replace=False) + (task // wide - 1) * wide for task in range(wide, wide * deep)]
    return np.vstack([np.full((wide, 2), -1), below])


def _partial_credit(seed: int) -> Course:
    return course(200, seed, needs=chain(10, 20), low=0.15, graded=True, noise=0.07)


def _multiple_choice(seed: int) -> Skills:
    return skills(200, seed, needs=chain(10, 20), low=0.25, pace=0.08)


def _measured_chains(seed: int) -> Course:
    return course(200, seed, needs=chain(20, 10), noise=0.1, pace=0.12)


def _minibatches(seed: int) -> Course:
    return course(200, seed, needs=chain(20, 10), batch=512, pace=0.12)


def _five_visits(seed: int) -> Course:
    return course(500, seed, needs=chain(5, 100), low=0.02, pace=0.45)


def _steps(seed: int) -> Course:
    best = -np.random.default_rng(seed).uniform(20, 150, 200)
    return course(200, seed, needs=chain(10, 20), bottom=-200.0, top=best, graded=True, noise=3.0)


def _survival(seed: int) -> Course:
    return course(150, seed, needs=chain(5, 30), low=0.05, high=0.6, top=500.0, survival=True, pace=0.06)


def _guessed_tree(seed: int) -> Skills:
    return skills(240, seed, needs=_layers(seed, 24, 10), low=0.15, pace=0.08)


def _graded_tree(seed: int) -> Course:
    return course(240, seed, needs=_layers(seed, 24, 10), low=0.1, top=10.0, graded=True, noise=0.05)


def _endless_hard(seed: int) -> Ladders:
    return ladders(seed, subjects=8, top=8.0, skew=0.5, pace=0.01, novelty=100.0)


FAMILIES = (
    Family("shared factors", "tasks that ask for six abilities in different measure", _factors, 20_000),
    Family("lattice", "a task is learned as far as its two neighbours are", _lattice, 20_000),
    Family("noisy chains", "chains with lucky successes, beside a third of coin flips", _noisy_chains, 30_000),
    Family("graded chains", "chains that return noisy scores of 0 to 100", _graded_chains, 15_000),
    Family("fake progress", "a third of the tasks is learned and forgotten at once", _fake_progress, 15_000),
    Family("hidden chains", "chains whose progress shows only when it is done", _hidden_chains, 12_000),
    Family("dear tree", "a binary tree, failures cost three times a success; equal cost", _dear_tree, 60_000),
    Family("crowded", "4 % of 5,000 tasks can be learned, mostly by successes", _crowded, 80_000),
    Family("endless policy", "contexts without end for one linear policy", _policy, 10_000, 256),
    Family("forgetful chains", "chains of which what is not played is forgotten", _forgetful_chains, 15_000),
    Family("luck of all sizes", "three tasks in five succeed by luck of any chance", _luck_of_all_sizes, 16_000),
    Family("wide tree", "a task needs three others, and paces differ", _wide_tree, 15_000),
    Family("rare chains", "short chains that are learned by rare successes", _rare_chains, 15_000),
    Family(
        "hidden groups", "tasks share half of their ability, their own half shows by a jump", _hidden_groups, 15_000
    ),
    Family(
        "partial credit chains", "chains whose tasks give 0 to 0.3 before they can be learned", _partial_credit, 15_000
    ),
    Family("multiple choice chains", "chains, a quarter of the answers is guessed", _multiple_choice, 15_000),
    Family("measured chains", "chains whose 0 and 1 are told with an error of 0.1", _measured_chains, 18_000),
    Family("minibatches", "chains of a student who learns after every 512 episodes", _minibatches, 18_000),
    Family("five visits", "chains of five, five plays a task in all", _five_visits, 2_500),
    Family("steps", "chains that cost -1 a step, 200 at most, 20 to 150 at best", _steps, 15_000),
    Family("survival", "chains whose scores are survival times", _survival, 12_000),
    Family("guessed tree", "a task needs two others, 15 % of the answers are guessed", _guessed_tree, 20_000),
    Family("graded tree", "a task needs two others, scores are grades of 1 to 10", _graded_tree, 16_000),
    Family("endless hard", "a generator of few easy tasks and many hard ones", _endless_hard, 60_000, 256),
)
