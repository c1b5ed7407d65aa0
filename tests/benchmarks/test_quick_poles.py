"""The quick cart-poles: they move as Gymnasium's do, and the gradients are those of PPO's loss."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

from asv_benchmarks import quick_poles
from lpcurr.recipes.cartpole_physics.config import PPOConfig
from lpcurr.recipes.cartpole_physics.physics import set_physics


@pytest.mark.parametrize("physics", [(0.5, 0.1, 9.8), (0.05, 2.0, 40.0)])
def test_poles_move_and_fall_as_gymnasiums_do(physics: tuple[float, float, float]) -> None:
    pole: Any = gymnasium.make("CartPole-v1", disable_env_checker=True).unwrapped
    set_physics(pole, *physics)
    pole.reset(seed=0)
    state, fell = np.array(pole.state), False
    while not fell:
        action = int(state[2] < 0.05)
        _, _, terminated, _, _ = pole.step(action)
        fell = quick_poles._push(state, np.array(physics), action == 1)
        np.testing.assert_allclose(state, pole.state, rtol=1e-9)
        assert fell == terminated


def test_gradients_are_those_of_the_loss() -> None:
    """By differences, in double precision, of the clipped surrogate and half of the value's squared error."""
    rng, settings = np.random.default_rng(0), PPOConfig()
    learner = quick_poles._Learner(settings, rng)
    learner.policy, learner.value = (
        [each.astype(float) + rng.normal(0.0, 0.1, each.shape) for each in network]
        for network in (learner.policy, learner.value)
    )
    seen, actions, advantages, returns = rng.normal(size=(32, 7)), rng.integers(2, size=32), *rng.normal(size=(2, 32))
    before = np.log(0.5) + rng.normal(0.0, 0.3, 32)

    def loss() -> float:
        logits, values = (quick_poles._forward(seen, each)[2] for each in (learner.policy, learner.value))
        chosen = logits[np.arange(32), actions] - np.log(np.exp(logits).sum(1))
        ratio, wanted = np.exp(chosen - before), (advantages - advantages.mean()) / (advantages.std(ddof=1) + 1e-8)
        clipped = np.clip(ratio, 1 - settings.clip_range, 1 + settings.clip_range)
        surrogate = np.minimum(ratio * wanted, clipped * wanted).mean()
        return float(-surrogate + 0.5 * ((values[:, 0] - returns) ** 2).mean())

    gradients = learner._gradients(seen, actions, before, advantages, returns)
    for weights, gradient in zip(learner.policy + learner.value, gradients, strict=True):
        at = tuple(rng.integers(weights.shape))
        kept, losses = weights[at], []
        for moved in (kept + 1e-5, kept - 1e-5):
            weights[at] = moved
            losses.append(loss())
        weights[at] = kept
        assert gradient[at] == pytest.approx((losses[0] - losses[1]) / 2e-5, rel=1e-3, abs=1e-6)
