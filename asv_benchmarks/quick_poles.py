"""The cart-pole recipe's training in half a minute: its PPO in NumPy, the rollouts compiled, one core.

The settings are the recipe's, and the algorithm is Stable-Baselines3's: two networks of two layers of tanh, orthogonal
at first, four environments, generalised advantages that value the last state of a pole that was held to the end,
advantages normalised by batch, the gradient's norm within 0.5, Adam. The learning rate falls every ten rollouts.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

import lpcurr
from lpcurr.recipes.cartpole_physics.config import CartPolePhysicsConfig
from lpcurr.recipes.cartpole_physics.physics import MAX_STEPS, HeldOutPoles, described

Floats = NDArray[Any]
Network = tuple[Floats, ...]  # weights and biases of three layers, in turn; biases float32[1, units]

ENVIRONMENTS = 4
_TILT = 12 * 2 * np.pi / 360  # where a pole counts as fallen
_compiled = numba.njit(cache=True, fastmath=True, error_model="numpy")


@_compiled
def _layer(inputs: Floats, weights: Floats, bias: Floats, outputs: Floats, bends: bool) -> None:
    for unit in range(len(outputs)):
        outputs[unit] = bias[0, unit]
    for at in range(len(inputs)):
        for unit in range(len(outputs)):
            outputs[unit] += inputs[at] * weights[at, unit]
    if bends:
        for unit in range(len(outputs)):
            outputs[unit] = np.tanh(outputs[unit])


@_compiled
def _answer(network: Network, seen: Floats, hidden: Floats, outputs: Floats) -> None:
    _layer(seen, network[0], network[1], hidden[0], True)
    _layer(hidden[0], network[2], network[3], hidden[1], True)
    _layer(hidden[1], network[4], network[5], outputs, False)


@_compiled
def _push(state: Floats, physics: Floats, right: bool) -> bool:
    """Move a cart by one step, as Gymnasium does; whether its pole has fallen, or it is off the track."""
    length, mass, gravity = physics[0], physics[1], physics[2]
    x, speed, angle, turning = state
    cosine, sine, total = np.cos(angle), np.sin(angle), mass + 1.0
    pushed = ((10.0 if right else -10.0) + mass * length * turning * turning * sine) / total
    bent = (gravity * sine - cosine * pushed) / (length * (4.0 / 3.0 - mass * cosine * cosine / total))
    state[0] = x + 0.02 * speed
    state[1] = speed + 0.02 * (pushed - mass * length * bent * cosine / total)
    state[2] = angle + 0.02 * turning
    state[3] = turning + 0.02 * bent
    return abs(state[0]) > 2.4 or abs(state[2]) > _TILT


@_compiled
def _play(at: int, poles: Any, policy: Network, value: Network, steps: Any, chances: Floats, gamma: float) -> int:
    """Play from step ``at`` of a rollout until an episode ends or the rollout is full; how far it came."""
    states, physics, seen, lengths, begins, ended = poles
    observed, actions, log_chances, values, rewards, first = steps
    hidden, logits, worth = np.empty((2, 64), np.float32), np.empty(2, np.float32), np.empty(1, np.float32)
    some = False
    while at < len(observed) and not some:
        for env in range(len(states)):
            _answer(policy, seen[env], hidden, logits)
            most = max(logits[0], logits[1])
            total = np.log(np.exp(logits[0] - most) + np.exp(logits[1] - most)) + most
            action = 1 if chances[at, env] < np.exp(logits[1] - total) else 0
            _answer(value, seen[env], hidden, worth)
            observed[at, env] = seen[env]
            actions[at, env], log_chances[at, env] = action, logits[action] - total
            values[at, env], rewards[at, env], first[at, env] = worth[0], 1.0, begins[env]
            fell = _push(states[env], physics[env], action == 1)
            lengths[env] += 1
            seen[env, :4] = states[env]
            held = lengths[env] >= MAX_STEPS
            if held and not fell:
                _answer(value, seen[env], hidden, worth)
                rewards[at, env] += gamma * worth[0]
            ended[env] = fell or held
            begins[env] = 1.0 if ended[env] else 0.0
            some = some or ended[env]
        at += 1
    return at


@_compiled
def _advantages(steps: Any, last: Floats, begins: Floats, gamma: float, decay: float) -> Floats:
    values, rewards, first = steps[3], steps[4], steps[5]
    found = np.empty_like(values)
    for env in range(values.shape[1]):
        sum_ahead, after, goes_on = 0.0, last[env], 1.0 - begins[env]
        for at in range(len(values) - 1, -1, -1):
            error = rewards[at, env] + gamma * after * goes_on - values[at, env]
            sum_ahead = error + gamma * decay * goes_on * sum_ahead
            found[at, env], after, goes_on = sum_ahead, values[at, env], 1.0 - first[at, env]
    return found


def _orthogonal(rng: np.random.Generator, inputs: int, units: int, gain: float) -> Floats:
    q, r = np.linalg.qr(rng.normal(size=(max(inputs, units), min(inputs, units))))
    q = q * np.sign(np.diag(r))
    return np.asarray(gain * (q if inputs >= units else q.T), np.float32)


def _network(rng: np.random.Generator, outputs: int, gain: float) -> list[Floats]:
    sizes = ((7, 64, np.sqrt(2)), (64, 64, np.sqrt(2)), (64, outputs, gain))
    return [each for a, b, g in sizes for each in (_orthogonal(rng, a, b, g), np.zeros((1, b), np.float32))]


def _forward(seen: Floats, network: list[Floats]) -> tuple[Floats, Floats, Floats]:
    first = np.tanh(seen @ network[0] + network[1])
    second = np.tanh(first @ network[2] + network[3])
    return first, second, second @ network[4] + network[5]


def _backward(seen: Floats, first: Floats, second: Floats, slope: Floats, network: list[Floats]) -> list[Floats]:
    """Return the gradients of a network's weights and biases, by those of its outputs."""
    above = (slope @ network[4].T) * (1 - second * second)
    below = (above @ network[2].T) * (1 - first * first)
    pairs = ((seen, below), (first, above), (second, slope))
    return [each for inputs, units in pairs for each in (inputs.T @ units, units.sum(0, keepdims=True))]


class _Learner:
    """PPO's two networks, and Adam's two moments of each."""

    def __init__(self, settings: Any, rng: np.random.Generator) -> None:
        self._settings, self._rng, self._updates = settings, rng, 0
        self.policy, self.value = _network(rng, 2, 0.01), _network(rng, 1, 1.0)
        self._weights = self.policy + self.value
        self._means, self._squares = ([np.zeros_like(each) for each in self._weights] for _ in range(2))

    def learn(self, steps: Any, advantages: Floats, rate: float) -> None:
        """Make the epochs of one rollout."""
        seen, actions, log_chances = steps[0].reshape(-1, 7), steps[1].ravel(), steps[2].ravel()
        returns, advantages = (advantages + steps[3]).ravel(), advantages.ravel()
        for _ in range(self._settings.n_epochs):
            order = self._rng.permutation(len(seen))
            for begin in range(0, len(order), self._settings.batch_size):
                of = order[begin : begin + self._settings.batch_size]
                batch = seen[of], actions[of], log_chances[of], advantages[of], returns[of]
                self._step(self._gradients(*batch), rate)

    def _gradients(
        self, seen: Floats, actions: Floats, log_chances: Floats, advantages: Floats, returns: Floats
    ) -> list[Floats]:
        size, clip = len(seen), self._settings.clip_range
        wanted = (advantages - advantages.mean()) / (advantages.std(ddof=1) + 1e-8)
        first, second, logits = _forward(seen, self.policy)
        chances = np.exp(logits - logits.max(1, keepdims=True))
        chances = chances / chances.sum(1, keepdims=True)
        rows = np.arange(size)
        ratio = np.exp(np.log(chances[rows, actions]) - log_chances)
        beyond = ((ratio > 1 + clip) & (wanted > 0)) | ((ratio < 1 - clip) & (wanted < 0))
        slope = (-(wanted * ratio) * ~beyond / size).astype(np.float32)
        slopes = -chances * slope[:, None]
        slopes[rows, actions] += slope
        gradients = _backward(seen, first, second, slopes, self.policy)
        first, second, values = _forward(seen, self.value)
        slope = ((values[:, 0] - returns) / size).astype(np.float32)[:, None]
        return gradients + _backward(seen, first, second, slope, self.value)

    def _step(self, gradients: list[Floats], rate: float) -> None:
        norm = np.sqrt(sum(float(np.vdot(each, each)) for each in gradients))
        scale = np.float32(min(1.0, 0.5 / (norm + 1e-6)))
        self._updates += 1
        rate = rate / (1 - 0.9**self._updates)
        unbiased = np.float32(1 / np.sqrt(1 - 0.999**self._updates))
        for weights, slope, mean, square in zip(self._weights, gradients, self._means, self._squares, strict=True):
            slope *= scale
            mean *= np.float32(0.9)
            mean += np.float32(0.1) * slope
            square *= np.float32(0.999)
            square += np.float32(0.001) * slope * slope
            weights -= np.float32(rate) * mean / (np.sqrt(square) * unbiased + np.float32(1e-5))


def train(config: CartPolePhysicsConfig, curriculum: lpcurr.Curriculum, seed: int, held_out: HeldOutPoles) -> Floats:
    """Train a policy on the poles that the curriculum gives; how long it holds the held-out ones, float64[poles]."""
    settings, rng = config.learner, np.random.default_rng(1000 + seed)
    learner = _Learner(settings, rng)
    states, physics = np.zeros((ENVIRONMENTS, 4)), np.zeros((ENVIRONMENTS, 3))
    seen, lengths = np.zeros((ENVIRONMENTS, 7), np.float32), np.zeros(ENVIRONMENTS, np.int64)
    begins, ended = np.ones(ENVIRONMENTS, np.float32), np.ones(ENVIRONMENTS, np.bool_)
    played = [0] * ENVIRONMENTS

    def begin() -> None:
        for env in np.flatnonzero(ended):
            task = curriculum.get_task()
            pole = task.get_env_cfg()
            played[env] = task.task_id
            physics[env] = pole.length, pole.masspole, pole.gravity
            states[env], lengths[env] = rng.uniform(-0.05, 0.05, 4), 0
            seen[env] = np.append(states[env], described([pole])[0])

    begin()
    shape = (settings.n_steps, ENVIRONMENTS)
    reals = [np.zeros(shape, np.float32) for _ in range(4)]
    steps = (np.zeros((*shape, 7), np.float32), np.zeros(shape, np.int64), *reals)
    poles = (states, physics, seen, lengths, begins, ended)
    for rollout in range(config.total_steps // (settings.n_steps * ENVIRONMENTS)):
        chances, at = rng.random(shape), 0
        while at < settings.n_steps:
            at = _play(at, poles, tuple(learner.policy), tuple(learner.value), steps, chances, settings.gamma)
            for env in np.flatnonzero(ended):
                curriculum.update_task_performance(played[env], lengths[env] / MAX_STEPS)
            begin()
        last = _forward(seen, learner.value)[2][:, 0]
        gone = rollout // 10 * 10 * settings.n_steps * ENVIRONMENTS / config.total_steps
        advantages = _advantages(steps, last, begins, settings.gamma, settings.gae_lambda)
        learner.learn(steps, advantages, settings.learning_rate * (1 - gone))
    return held_out.scores(lambda poles: _forward(np.asarray(poles, np.float32), learner.policy)[2].argmax(1))
