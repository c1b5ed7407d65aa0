"""The arenas: rooms in which ore becomes batteries and batteries become hearts, from cramped to wide and bare.

Needs mettagrid.
"""

from typing import Any

import mettagrid.builder.envs  # first: mettagrid's other modules cannot be imported before it
from mettagrid.config.handler_config import Handler, actorHas
from mettagrid.config.mettagrid_config import GridObjectConfig, MettaGridConfig
from mettagrid.config.mutation.resource_mutation import updateActor
from mettagrid.config.reward_config import inventoryReward
from mettagrid.map_builder.random_map import RandomMapBuilderConfig

from lpcurr.generators import BucketedTaskGenerator, Span, TaskGeneratorSet, bucketed, merge

VIEW = 7
"""Tiles a side of what an agent sees."""

TOKENS = 96
"""Observation tokens of an agent; the most that came up in the smallest room is about 50."""


def arena(num_agents: int, size: int) -> MettaGridConfig:
    """MettaGrid's arena in a square room with mines, generators and altars.

    An agent moves into them to use them: a mine gives an ore, a generator makes a battery of an ore, an altar a heart
    of a battery. Hearts are what counts, five of them give the full reward of 1; a task can reward ore and batteries
    too. So an agent's reward in an episode, and with it the score, is between 0 and about 1.
    The room has ``size`` tiles a side, walls included.
    """
    objects = {"mine_red": 2, "generator_red": 2, "altar": 2}
    room = RandomMapBuilderConfig(agents=num_agents, width=size, height=size, border_width=1, objects=objects, seed=0)
    config = mettagrid.builder.envs.make_arena(num_agents=num_agents, map_builder=room)
    game = config.game
    game.objects["mine_red"] = _machine("mine_red", {}, "ore_red")
    game.objects["generator_red"] = _machine("generator_red", {"ore_red": 1}, "battery_red")
    game.objects["altar"] = _machine("altar", {"battery_red": 1}, "heart")
    game.agent.rewards = {
        "heart": inventoryReward("heart", weight=0.2, max=1.0),
        "ore_red": inventoryReward("ore_red", weight=0.0, max=0.1),
        "battery_red": inventoryReward("battery_red", weight=0.0, max=0.1),
    }
    game.agent.inventory.initial = {"ore_red": 0, "battery_red": 0}
    game.obs.width = game.obs.height = VIEW
    game.obs.num_tokens = TOKENS
    return config


def arena_tasks(num_agents: int, sizes: tuple[int, ...] = (7, 9, 13, 17)) -> TaskGeneratorSet:
    """The task family: for each room size, which is the label, what one finds, begins with, and how long there is.

    The number of agents is fixed across the tasks, as the actions are.
    """
    return merge([_rooms(num_agents, size) for size in sizes])


def _rooms(num_agents: int, size: int) -> BucketedTaskGenerator:
    rooms = bucketed(arena(num_agents, size), label=f"room={size}")
    for item in ("ore_red", "battery_red"):
        # The weight of a reward that has a maximum: MettaGrid keeps it as min(sum(weight · number), maximum).
        rooms.add_bucket(f"game.agent.rewards.{item}.reward.values.0.weights.0", [0.0, 0.02, 0.05])
    rooms.add_bucket("game.agent.inventory.initial.ore_red", [0, 1, 3])
    rooms.add_bucket("game.agent.inventory.initial.battery_red", [0, Span(1, 3)])
    for machine in ("mine_red", "generator_red", "altar"):
        rooms.add_bucket(f"game.map_builder.objects.{machine}", [1, 2, 4])
    rooms.add_bucket("game.max_steps", [50, 100])
    # MettaGrid adds the number of rooms that an environment has built: each episode has another map, by no chance.
    rooms.add_bucket("game.map_builder.seed", [Span(0, 2**31 - 1)])
    return rooms


def _machine(name: str, takes: dict[str, int], gives: str) -> GridObjectConfig:
    deltas: dict[str, Any] = {item: -number for item, number in takes.items()} | {gives: 1}
    filters = [actorHas(takes)] if takes else []
    return GridObjectConfig(name=name, on_use_handler=Handler(filters=filters, mutations=[updateActor(deltas)]))
