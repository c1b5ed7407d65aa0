"""The lakes: Gymnasium's own, by task id; what the agent sees; how a policy is judged."""

from __future__ import annotations

from collections.abc import Iterator

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.toy_text.frozen_lake import generate_random_map

from lpcurr import Curriculum, CurriculumConfig
from lpcurr.generators import single_task
from lpcurr.recipes.frozen_lake.config import frozen_lake
from lpcurr.recipes.frozen_lake.environment import LakeFleet, TileView
from lpcurr.recipes.frozen_lake.lakes import TILES, HeldOutLakes, Lake, LakeCache
from lpcurr.recipes.frozen_lake.learner import ACTIONS, outputs, softmax
from lpcurr.recipes.frozen_lake.tasks import FrozenLakeTasks, LakeConfig

BITS = 12


@pytest.fixture
def curriculum() -> Iterator[Curriculum]:
    config = frozen_lake().curriculum.model_copy(update={"seed": 1, "use_shared_memory": False})
    with CurriculumConfig(**(config.model_dump() | {"use_shared_memory": False})).make() as made:
        yield made


def test_the_task_id_is_the_seed_of_gymnasiums_map() -> None:
    config = frozen_lake().curriculum.task_generator.build(4711).env_cfg
    lake = Lake(config, BITS)
    assert config.map_seed == 4711
    letters = [b"".join(row).decode() for row in np.asarray(lake.env.desc)]
    assert letters == generate_random_map(config.size, 1 - config.holes, seed=4711)


def test_buckets_spread_over_the_family() -> None:
    generator = frozen_lake().curriculum.task_generator
    configs = [generator.build(task_id).env_cfg for task_id in range(300)]
    assert {config.size for config in configs} == {4, 8, 12, 16, 20}
    assert {config.slip for config in configs} == {0.1, 0.3, 0.5, 0.67}
    assert {generator.label_of(task_id) for task_id in range(300)} == {f"size={n}" for n in (4, 8, 12, 16, 20)}


@pytest.mark.parametrize("slip", [0.0, 0.3])
def test_slip_is_the_chance_to_go_sideways(slip: float) -> None:
    lake = Lake(LakeConfig(size=6, slip=slip, map_seed=1), BITS)
    chances = sorted(chance for chance, *_ in lake.env.P[0][0])
    np.testing.assert_allclose(chances, [1.0] if slip == 0.0 else [slip / 2, slip / 2, 1 - slip])


def test_tiles_tell_states_and_lakes_apart() -> None:
    lake = Lake(LakeConfig(size=8, holes=0.3, map_seed=3), BITS)
    assert lake.tiles.shape == (64, TILES)
    assert lake.tiles.dtype == np.int32
    assert 0 <= lake.tiles.min() <= lake.tiles.max() < 2**BITS
    assert len(np.unique(lake.tiles, axis=0)) > 50
    slippery = Lake(LakeConfig(size=8, holes=0.3, slip=0.3, map_seed=3), BITS)
    differ = (lake.tiles != slippery.tiles).any(axis=0)
    assert differ.any()
    assert not differ.all()  # or nothing learned on firm ice would hold on slippery ice


def test_the_same_surroundings_have_the_same_tiles_on_another_map() -> None:
    small, large = (Lake(LakeConfig(size=n, holes=0.0), BITS) for n in (4, 8))
    assert (small.tiles[0] != large.tiles[0]).any()  # far from the goal in one of them
    np.testing.assert_array_equal(small.tiles[-6], large.tiles[-10])  # one up and one left of the goal's neighbour


def test_a_table_of_transitions_is_gymnasiums_in_tuples() -> None:
    config = LakeConfig(size=5, holes=0.2, slip=0.3, map_seed=9)
    lake = Lake(config, BITS)
    original = gymnasium.make(
        "FrozenLake-v1", desc=generate_random_map(5, 0.8, seed=9), is_slippery=True, success_rate=0.7
    ).unwrapped.P
    assert len(lake.env.P) == len(original) == 25
    for state, actions in original.items():
        assert [list(outcomes) for outcomes in lake.env.P[state]] == [actions[action] for action in range(4)]


def test_a_cache_keeps_the_lakes_played_last() -> None:
    class Task:
        def __init__(self, task_id: int) -> None:
            self.task_id = task_id

        def get_shared_env_cfg(self) -> LakeConfig:
            built.append(self.task_id)
            return LakeConfig(map_seed=self.task_id)

    built: list[int] = []
    cache = LakeCache(BITS, size=2)
    for task_id in (1, 2, 1, 3, 1, 2):
        assert cache.find(Task(task_id)).config.map_seed == task_id
    assert built == [1, 2, 3, 2]


def test_play_changes_the_lake_and_the_limit() -> None:
    first, second = LakeConfig(size=4, holes=0.0), LakeConfig(size=6, holes=0.0)
    env = TileView(Lake(first, BITS), BITS)
    env.reset(seed=0)
    env.play(Lake(second, BITS))
    observation, _ = env.reset()
    np.testing.assert_array_equal(observation, Lake(second, BITS).tiles[0])
    steps, truncated = 0, False
    while not truncated:
        _, _, terminated, truncated, _ = env.step(0)  # to the wall, for ever
        steps += 1
        assert not terminated
    assert steps == Lake(second, BITS).max_steps


def test_environments_of_one_lake_do_not_move_each_other() -> None:
    lake = Lake(LakeConfig(size=4, holes=0.0), BITS)
    envs = [TileView(lake, BITS) for _ in range(2)]
    starts = [env.reset(seed=seed)[0] for seed, env in enumerate(envs)]
    envs[0].step(2)
    np.testing.assert_array_equal(envs[1].step(3)[0], starts[1])  # up, at the wall


def test_a_fleet_is_a_gymnasium_environment(curriculum: Curriculum) -> None:
    fleet = LakeFleet(3, curriculum, LakeConfig(), BITS)
    assert isinstance(fleet, gymnasium.Env)
    observation, _ = fleet.reset(seed=0)
    assert fleet.observation_space.contains(observation)
    fleet.action_space.seed(0)
    ended = rewarded = 0
    for _ in range(400):
        observation, reward, terminated, truncated, _ = fleet.step(fleet.action_space.sample())
        assert fleet.observation_space.contains(observation)
        assert not terminated
        assert not truncated
        assert reward == pytest.approx(observation["reward"].sum())
        ended += observation["ended"].sum()
        rewarded += reward
    fleet.close()
    assert ended > 0
    assert curriculum.stats()["num_completed"] + curriculum.stats()["num_refused"] == ended
    assert curriculum.stats()["algorithm/tracker/mean_score"] * ended == pytest.approx(rewarded)


# -- evaluation -----------------------------------------------------------------------------------------------------


def held_out(slip: float, count: int = 4) -> HeldOutLakes:
    tasks = FrozenLakeTasks(
        base=single_task(LakeConfig(size=4, slip=slip)), buckets={"size": [4, 5], "holes": [0.1, 0.3]}
    )
    return HeldOutLakes(tasks, count, seed=1, table_bits=BITS)


def played(lakes: HeldOutLakes, weights: np.ndarray, slip: float, episodes: int) -> np.ndarray:
    """The share of successes in real episodes, for each lake."""
    rng = np.random.default_rng(0)
    shares = []
    for config in lakes.configs:
        lake = Lake(config, BITS)
        env = TileView(lake, BITS)
        policy = softmax(outputs(weights, lake.tiles)[:, :ACTIONS])
        won = 0.0
        for episode in range(episodes):
            env.reset(seed=episode)
            over = False
            while not over:
                chances = policy[env.unwrapped.s]
                _, reward, terminated, truncated, _ = env.step(int(rng.choice(ACTIONS, p=chances / chances.sum())))
                won += float(reward)
                over = terminated or truncated
        shares.append(won / episodes)
    return np.array(shares)


@pytest.mark.parametrize("slip", [0.0, 0.3])
def test_exact_success_is_what_episodes_come_to(slip: float) -> None:
    lakes = held_out(slip)
    weights = np.random.default_rng(3).normal(scale=0.3, size=(2**BITS, ACTIONS + 1))
    weights[:, 1:3] += 0.15  # down and right, so that successes are neither rare nor certain
    exact = lakes.success(weights)
    assert 0.05 < exact.max() < 0.98
    episodes = 300
    tolerance = 4 * np.sqrt(exact * (1 - exact) / episodes) + 0.01
    assert (np.abs(played(lakes, weights, slip, episodes) - exact) < tolerance).all()


@pytest.mark.parametrize("slip", [0.0, 0.3])
def test_exact_success_is_that_of_the_transition_table(slip: float) -> None:
    lakes = held_out(slip, count=6)
    weights = np.random.default_rng(4).normal(scale=0.3, size=(2**BITS, ACTIONS + 1))
    expected = []
    for config in lakes.configs:
        lake = Lake(config, BITS)
        policy = softmax(outputs(weights, lake.tiles)[:, :ACTIONS])
        here, won = {0: 1.0}, 0.0
        for _ in range(lake.max_steps):
            there: dict[int, float] = {}
            for state, chance in here.items():
                for action in range(ACTIONS):
                    for p, target, reward, over in lake.env.P[state][action]:
                        share = chance * policy[state, action] * p
                        won += share * reward
                        if not over:
                            there[target] = there.get(target, 0.0) + share
            here = there
        expected.append(won)
    assert max(expected) > 0.01
    np.testing.assert_allclose(lakes.success(weights), expected, rtol=1e-4)


def test_a_policy_that_never_moves_never_succeeds() -> None:
    weights = np.zeros((2**BITS, ACTIONS + 1))
    weights[:, 0] = 50.0  # left, at the wall
    assert held_out(0.0).success(weights).max() < 1e-6


def test_held_out_lakes_are_the_same_for_everyone() -> None:
    weights = np.random.default_rng(0).normal(size=(2**BITS, ACTIONS + 1))
    np.testing.assert_array_equal(held_out(0.1).success(weights), held_out(0.1).success(weights))
    assert len(held_out(0.1, count=6).success(weights)) == 6
