"""A recipe as they are written for metta.cogworks.curriculum; only the two import lines are changed."""

from typing import Optional

import mettagrid.builder.envs as eb
from mettagrid import MettaGridConfig

import lpcurr.integrations.metta as cc
from lpcurr.integrations.metta.curriculum import (
    CurriculumAlgorithmConfig,
    CurriculumConfig,
    DiscreteRandomCurriculumConfig,
)
from lpcurr.integrations.metta.learning_progress_algorithm import LearningProgressConfig


def mettagrid(num_agents: int = 2) -> MettaGridConfig:
    return eb.make_arena(num_agents=num_agents)


def make_curriculum(
    arena_env: Optional[MettaGridConfig] = None,  # noqa: UP045 - as recipes have it
    use_lp: bool = True,
    algorithm_config: Optional[CurriculumAlgorithmConfig] = None,  # noqa: UP045
) -> CurriculumConfig:
    arena_env = arena_env or mettagrid()

    arena_tasks = cc.bucketed(arena_env)
    for item in ["ore_red", "battery_red", "laser", "armor"]:
        arena_tasks.add_bucket(f"game.agent.rewards.{item}.weight", [0, 0.1, 0.5, 0.9, 1.0])
        arena_tasks.add_bucket(f"game.agent.rewards.{item}.max", [1, 2])

    # enable or disable attacks. we use cost instead of 'enabled'
    # to maintain action space consistency.
    arena_tasks.add_bucket("game.actions.attack.consumed_resources.laser", [1, 100])
    arena_tasks.add_bucket("game.agent.inventory.initial.ore_red", [0, 1, 3])
    arena_tasks.add_bucket("game.agent.inventory.initial.battery_red", [0, cc.Span(1, 3)])
    arena_tasks.add_bucket("game.max_steps", [4, 6])

    short = cc.bucketed(arena_env)
    short.add_bucket("game.max_steps", [3, 5])
    merged = cc.merge([arena_tasks, short])

    if algorithm_config is None:
        algorithm_config = (
            LearningProgressConfig(
                use_bidirectional=True,
                ema_timescale=0.001,
                exploration_bonus=0.1,
                max_memory_tasks=2000,
                max_slice_axes=4,
            )
            if use_lp
            else DiscreteRandomCurriculumConfig()
        )

    return merged.to_curriculum(num_active_tasks=24, algorithm_config=algorithm_config)


def smoke() -> CurriculumConfig:
    return cc.env_curriculum(mettagrid())
