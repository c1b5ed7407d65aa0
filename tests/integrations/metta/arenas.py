"""Real MettaGrid arenas for the tests, in which an episode's score is known beforehand."""

from __future__ import annotations

from typing import Any

import mettagrid.builder.envs
import numpy as np
from mettagrid.config.game_value import val
from mettagrid.config.mettagrid_config import MettaGridConfig
from mettagrid.config.reward_config import reward
from mettagrid.envs.mettagrid_puffer_env import MettaGridPufferEnv
from mettagrid.map_builder.random_map import RandomMapBuilder
from mettagrid.simulator import Simulator

from lpcurr import Curriculum, CurriculumConfig, DiscreteRandomConfig
from lpcurr.generators import bucketed
from lpcurr.integrations.puffer import CurriculumEnv

AGENTS = 2
LENGTHS = [3, 5, 8]


def arena(max_steps: int = 5) -> MettaGridConfig:
    """A small room in which every agent gets 1/8 for each step, so that the score is an eighth of the length."""
    room = RandomMapBuilder.Config(agents=AGENTS, width=7, height=7, border_width=1, seed=0)
    config = mettagrid.builder.envs.make_arena(num_agents=AGENTS, map_builder=room)
    config.game.agent.rewards = {"alive": reward(val(1.0), weight=1 / 8, per_tick=True)}
    config.game.max_steps = max_steps
    config.game.obs.num_tokens = 50
    return config


def unplayable() -> MettaGridConfig:
    """An arena that no simulation can be made of: the room has no space for its agents."""
    config = arena()
    config.game.map_builder.width = config.game.map_builder.height = 2
    return config


def shared_curriculum(**settings: Any) -> Curriculum:
    """A pool of arenas of different lengths, named by them; nothing is evicted."""
    tasks = bucketed(arena(), label="arena").add_bucket("game.max_steps", LENGTHS, label=True)
    fields: dict[str, Any] = {"num_active_tasks": 12, "seed": 1, "algorithm_config": DiscreteRandomConfig()} | settings
    return CurriculumConfig(**({"task_generator": tasks} | fields)).make()


def puffer_env(buf: Any = None, seed: int = 0) -> MettaGridPufferEnv:
    return MettaGridPufferEnv(Simulator(), arena(), buf=buf, seed=seed)


class MakeEnv:
    """What PufferLib's backends call for each environment."""

    def __init__(self, curriculum: Curriculum) -> None:
        self.curriculum = curriculum

    def __call__(self, buf: Any = None, seed: int = 0) -> CurriculumEnv:
        return CurriculumEnv(puffer_env(buf, seed), self.curriculum)


def noops(environments: int = 1) -> Any:
    return np.zeros(environments * AGENTS, np.int32)


def wrong_means(curriculum: Curriculum) -> list[str]:
    """The tasks whose mean score is not what their configuration gives: a score went to another task."""
    wrong = []
    for task_id in curriculum.probabilities()[0].tolist():
        stats = curriculum.get_task_stats(task_id)
        expected = curriculum.build(task_id).game.max_steps / 8
        if stats is not None and stats["completion_count"] and abs(stats["mean_score"] - expected) > 1e-6:
            wrong.append(f"task {task_id}: {stats['mean_score']} instead of {expected}")
    return wrong
