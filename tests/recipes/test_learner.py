"""The learner: its gradient against finite differences, its advantages against the definition, and that it learns."""

from __future__ import annotations

import numpy as np
import pytest

from lpcurr.recipes.frozen_lake.config import LearnerConfig
from lpcurr.recipes.frozen_lake.learner import (
    ACTIONS,
    VALUE,
    Batch,
    Learner,
    advantages_of,
    gradient,
    outputs,
    softmax,
)

pytestmark = pytest.mark.no_kernels

ROWS, TILES, COUNT = 12, 3, 40


def make_batch(rng: np.random.Generator) -> Batch:
    return Batch(
        rng.integers(0, ROWS, (COUNT, TILES)).astype(np.int32),
        rng.integers(0, ACTIONS, COUNT),
        np.log(rng.uniform(0.1, 0.6, COUNT)),
        rng.normal(size=COUNT),
        rng.normal(size=COUNT),
    )


def objective(weights: np.ndarray, batch: Batch, settings: LearnerConfig) -> float:
    """Return what an update increases: clipped surrogate + entropy − half the squared error of the values."""
    out = outputs(weights, batch.tiles)
    probs = softmax(out[:, :ACTIONS])
    ratio = probs[np.arange(len(probs)), batch.actions] / np.exp(batch.log_probs)
    clipped = np.clip(ratio, 1 - settings.clip, 1 + settings.clip)
    surrogate = np.minimum(ratio * batch.advantages, clipped * batch.advantages)
    entropy = -(probs * np.log(probs)).sum(axis=1)
    squared = 0.5 * (batch.returns - out[:, VALUE]) ** 2
    return float((surrogate + settings.entropy_bonus * entropy - squared).mean())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("entropy_bonus", [0.0, 0.5])
def test_gradient_is_that_of_the_objective(seed: int, entropy_bonus: float) -> None:
    rng = np.random.default_rng(seed)
    weights, batch = rng.normal(size=(ROWS, ACTIONS + 1)), make_batch(rng)
    settings = LearnerConfig(entropy_bonus=entropy_bonus, clip=0.3)
    expected, step = np.empty_like(weights), 1e-6
    for place in np.ndindex(weights.shape):
        shift = np.zeros_like(weights)
        shift[place] = step
        expected[place] = (
            objective(weights + shift, batch, settings) - objective(weights - shift, batch, settings)
        ) / (2 * step)
    # the batch has clipped transitions and others, or the test would miss half of the gradient
    probs = softmax(outputs(weights, batch.tiles)[:, :ACTIONS])[np.arange(COUNT), batch.actions]
    ratio = probs / np.exp(batch.log_probs)
    held = np.where(batch.advantages > 0, ratio > 1.3, ratio < 0.7)
    assert 0 < held.sum() < COUNT
    np.testing.assert_allclose(gradient(weights, batch, settings), expected, atol=1e-7)


def test_advantages_are_the_sums_of_discounted_errors() -> None:
    rng = np.random.default_rng(0)
    steps, envs, discount, decay = 7, 3, 0.9, 0.8
    rewards, values = rng.normal(size=(steps, envs)), rng.normal(size=(steps + 1, envs))
    ended = rng.random((steps, envs)) < 0.3
    expected = np.zeros((steps, envs))
    for env in range(envs):
        for start in range(steps):
            weight = 1.0
            for step in range(start, steps):
                following = 0.0 if ended[step, env] else discount * values[step + 1, env]
                expected[start, env] += weight * (rewards[step, env] + following - values[step, env])
                if ended[step, env]:
                    break
                weight *= discount * decay
    assert ended.any()
    np.testing.assert_allclose(advantages_of(rewards, ended, values, discount, decay), expected, rtol=1e-12)


def test_actions_come_with_their_probabilities() -> None:
    learner = Learner(LearnerConfig(table_bits=8), seed=0)
    learner.weights[3, :ACTIONS] = np.log([0.1, 0.2, 0.3, 0.4])
    tiles = np.full((20_000, 1), 3, np.int32)
    actions, log_probs, _ = learner.act(tiles)
    shares = np.bincount(actions, minlength=ACTIONS) / len(actions)
    np.testing.assert_allclose(shares, [0.1, 0.2, 0.3, 0.4], atol=0.015)
    np.testing.assert_allclose(np.exp(log_probs), np.array([0.1, 0.2, 0.3, 0.4])[actions], rtol=1e-5)


def test_it_learns_which_action_pays() -> None:
    learner = Learner(LearnerConfig(table_bits=8, minibatch=64, entropy_bonus=0.0), seed=1)
    tiles = np.repeat(np.arange(4, dtype=np.int32)[:, None], 64, axis=0)
    for _ in range(100):
        actions, log_probs, values = learner.act(tiles)
        rewards = (actions == tiles[:, 0]).astype(np.float32)
        learner.learn(Batch(tiles, actions, log_probs, rewards - values, rewards))
    chances = softmax(outputs(learner.weights, np.arange(4, dtype=np.int32)[:, None])[:, :ACTIONS])
    assert chances.diagonal().min() > 0.8
    np.testing.assert_allclose(learner.values(tiles), 1.0, atol=0.4)


def test_same_seed_same_weights() -> None:
    batch = make_batch(np.random.default_rng(5))
    learners = [Learner(LearnerConfig(table_bits=8, minibatch=8), seed=seed) for seed in (2, 2, 3)]
    for learner in learners:
        learner.learn(batch)
    assert (learners[0].weights == learners[1].weights).all()
    assert (learners[0].weights != learners[2].weights).any()
