"""One linear softmax policy and value function for all lakes: actor-critic with clipped updates, in NumPy."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lpcurr.errors import ConfigError
from lpcurr.recipes.epochs import Floats
from lpcurr.recipes.frozen_lake.config import LearnerConfig

ACTIONS = 4
VALUE = ACTIONS  # the column of the value function, after those of the actions


@dataclass(frozen=True, slots=True)
class Batch:
    """Transitions, n of them."""

    tiles: NDArray[np.int32]  # [n, tiles], active rows
    actions: NDArray[np.int64]
    log_probs: Floats  # of the actions when they were taken
    advantages: Floats
    returns: Floats  # targets of the value function


def outputs(weights: Floats, tiles: NDArray[np.int32]) -> Floats:
    """float[n, ACTIONS + 1]: the logits of the actions, then the value, for int32[n, tiles] active rows."""
    return np.asarray(weights[tiles].sum(axis=-2))


def softmax(logits: Floats) -> Floats:
    """Probabilities along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def gradient(weights: Floats, batch: Batch, settings: LearnerConfig) -> Floats:
    """Return the gradient, like ``weights``, of what an update increases, mean over n.

    That is clipped surrogate + entropy_bonus · entropy − half the squared error of the values.
    """
    out = outputs(weights, batch.tiles)
    probs = softmax(out[:, :ACTIONS])
    log_probs = np.log(probs + 1e-12)
    chosen = np.arange(len(probs)), batch.actions
    ratio = np.exp(log_probs[chosen] - batch.log_probs)
    held = np.where(batch.advantages > 0, ratio > 1 + settings.clip, ratio < 1 - settings.clip)
    pull = np.where(held, 0.0, batch.advantages * ratio)
    entropy = -(probs * log_probs).sum(axis=1, keepdims=True)
    slopes = np.empty_like(out)
    slopes[:, :ACTIONS] = -probs * (pull[:, None] + settings.entropy_bonus * (log_probs + entropy))
    slopes[chosen] += pull
    slopes[:, VALUE] = batch.returns - out[:, VALUE]
    slopes /= len(out)
    rows, tiles = batch.tiles.ravel(), batch.tiles.shape[1]
    # One bincount a column: np.add.at takes five times as long, a sparse matrix needs scipy.
    columns = [np.bincount(rows, np.repeat(slopes[:, k], tiles), len(weights)) for k in range(ACTIONS + 1)]
    return np.stack(columns, axis=1).astype(weights.dtype)


def advantages_of(
    rewards: Floats, ended: NDArray[np.bool_], values: Floats, discount: float, trace_decay: float
) -> Floats:
    """Generalised advantage estimates, float[steps, envs], as are rewards; values are float[steps + 1, envs].

    ``ended`` says where the episode ended with the step; a time limit counts as failure.
    """
    advantages = np.empty_like(values[:-1])
    carried = np.zeros_like(values[0])
    for step in range(len(rewards) - 1, -1, -1):
        going_on = discount * ~ended[step]
        error = rewards[step] + going_on * values[step + 1] - values[step]
        carried = error + trace_decay * going_on * carried
        advantages[step] = carried
    return advantages


class Learner:
    """The weights and how they change; ``seed`` is that of the actions and of the order of the minibatches.

    Attributes:
        weights: float32[2**table_bits, ACTIONS + 1]; they begin at 0, which is the uniform policy.
    """

    def __init__(self, config: LearnerConfig, seed: int) -> None:
        self._config = config
        self._rng = np.random.default_rng(seed)
        self.weights = np.zeros((2**config.table_bits, ACTIONS + 1), np.float32)
        self._mean = np.zeros_like(self.weights)
        self._square = np.zeros_like(self.weights)
        self._updates = 0

    def save(self, path: Path, **counters: int) -> None:
        """Write everything that goes on from here, and the counters, as an ``.npz`` file."""
        random = json.dumps(self._rng.bit_generator.state)
        arrays = {"weights": self.weights, "mean": self._mean, "square": self._square}
        with path.open("wb") as file:
            np.savez(file, **arrays, updates=np.int64(self._updates), random=np.array(random), **counters)  # type: ignore[arg-type]

    def load(self, path: Path) -> dict[str, int]:
        """Go on from what :meth:`save` wrote; the counters."""
        with np.load(path, allow_pickle=False) as stored:
            fields = {name: stored[name] for name in stored.files}
        weights = fields.pop("weights")
        if weights.shape != self.weights.shape:
            raise ConfigError(
                f"the checkpoint's table has {len(weights)} rows, the learner's {len(self.weights)}: "
                "leave learner.table_bits as it was"
            )
        self.weights, self._mean, self._square = weights, fields.pop("mean"), fields.pop("square")
        self._updates = int(fields.pop("updates"))
        self._rng.bit_generator.state = json.loads(str(fields.pop("random")))
        return {name: int(value) for name, value in fields.items()}

    def act(self, tiles: NDArray[np.int32]) -> tuple[NDArray[np.int64], Floats, Floats]:
        """Draw actions: int64[n], their log probabilities and the values of the states, float32[n]."""
        out = outputs(self.weights, tiles)
        probs = softmax(out[:, :ACTIONS])
        draws = self._rng.random((len(probs), 1), np.float32)
        actions = (probs.cumsum(axis=1)[:, :-1] <= draws).sum(axis=1)
        return actions, np.log(probs[np.arange(len(probs)), actions] + 1e-12), out[:, VALUE]

    def values(self, tiles: NDArray[np.int32]) -> Floats:
        """The values of states, float32[n]."""
        return outputs(self.weights, tiles)[:, VALUE]

    def learn(self, batch: Batch) -> None:
        """One pass over a batch in random minibatches."""
        scale = batch.advantages.std() + 1e-4
        order = self._rng.permutation(len(batch.actions))
        for start in range(0, len(order), self._config.minibatch):
            part = order[start : start + self._config.minibatch]
            small = Batch(
                batch.tiles[part],
                batch.actions[part],
                batch.log_probs[part],
                batch.advantages[part] / scale,
                batch.returns[part],
            )
            self._ascend(gradient(self.weights, small, self._config))

    def _ascend(self, slopes: Floats) -> None:
        """A step of Adam, with its usual constants."""
        self._updates += 1
        self._mean += 0.1 * (slopes - self._mean)
        self._square += 0.001 * (slopes * slopes - self._square)
        size = self._config.learning_rate * np.sqrt(1 - 0.999**self._updates) / (1 - 0.9**self._updates)
        self.weights += np.float32(size) * self._mean / (np.sqrt(self._square) + np.float32(1e-8))
