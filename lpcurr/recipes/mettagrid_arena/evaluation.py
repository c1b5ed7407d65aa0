"""How well a policy does on held-out arenas, played in this process. Needs mettagrid, pufferlib and torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pufferlib.vector
import torch
from torch import Tensor

from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.recipes.epochs import Floats, held_out_ids


class HeldOutArenas:
    """Arenas that no curriculum is told of, with the same maps at every evaluation.

    The curriculum's task generator makes them; its pool is left alone. ``make_env(evaluation)`` gives what PufferLib
    calls for an environment; ``seed`` says which arenas, their maps, and what the policy draws.
    """

    def __init__(
        self, curriculum: Curriculum, make_env: Callable[[Any], Any], num_tasks: int, episodes: int, seed: int
    ) -> None:
        self._ids = held_out_ids(num_tasks, seed)
        self._curriculum, self._make_env, self._episodes, self._seed = curriculum, make_env, episodes, seed

    def scores(self, policy: Callable[[Tensor], tuple[Tensor, Any]]) -> Floats:
        """Return the mean score of each arena, float64[arenas], under actions drawn from a policy's logits."""
        draws = torch.Generator().manual_seed(self._seed)  # not the learner's, which goes on as if nobody had looked
        with self._curriculum.evaluation(self._ids, self._episodes) as evaluation:
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
