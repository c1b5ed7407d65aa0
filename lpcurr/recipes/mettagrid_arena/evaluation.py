"""How well a policy does on held-out arenas, played in this process. Needs mettagrid, pufferlib and torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pufferlib.vector
import torch
from numpy.typing import NDArray
from torch import Tensor

from lpcurr.curriculum.curriculum import Curriculum

Floats = NDArray[np.floating[Any]]


class HeldOutArenas:
    """Arenas that no curriculum is told of, with the same maps at every evaluation.

    Args:
        curriculum: whose task generator makes them; its pool is left alone.
        make_env: ``make_env(evaluation)`` gives what PufferLib calls for an environment.
        num_tasks: how many arenas.
        episodes: how many episodes of each.
        seed: which arenas, their maps, and what the policy draws.
    """

    def __init__(
        self, curriculum: Curriculum, make_env: Callable[[Any], Any], num_tasks: int, episodes: int, seed: int
    ) -> None:
        self._ids = np.random.SeedSequence(seed).generate_state(num_tasks, np.uint64) >> np.uint64(11)
        self._curriculum, self._make_env, self._episodes, self._seed = curriculum, make_env, episodes, seed

    def scores(self, policy: Callable[[Tensor], tuple[Tensor, Any]]) -> Floats:
        """Return the mean score of each arena under actions that a policy draws: float64[num_tasks].

        Args:
            policy: from observations, uint8[n, tokens, 3], to logits, float[n, actions], and anything.
        """
        draws = torch.Generator().manual_seed(self._seed)  # not the learner's, which goes on as if nobody had looked
        with self._curriculum.evaluation(self._ids.tolist(), self._episodes) as evaluation:
            arenas = pufferlib.vector.make(
                self._make_env(evaluation),
                backend=pufferlib.vector.Serial,
                num_envs=min(len(self._ids), 16),
                seed=self._seed,
            )
            try:
                observations, _ = arenas.reset(seed=self._seed)
                while not evaluation.done:
                    with torch.no_grad():
                        chances = policy(torch.as_tensor(observations))[0].softmax(dim=-1)
                    actions = torch.multinomial(chances, 1, generator=draws)[:, 0]
                    observations, *_ = arenas.step(actions.numpy().astype(np.int32))
            finally:
                arenas.close()
            scores: Floats = np.array(list(evaluation.result().scores.values()))
        return scores
