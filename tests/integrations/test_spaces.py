"""What a message says of two spaces that differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, Space, Text, Tuple
from gymnasium.vector import SyncVectorEnv

from lpcurr import ConfigError, Curriculum, CurriculumConfig, CurriculumEnv
from lpcurr.integrations.gymnasium_vector import VectorCurriculumEnv
from lpcurr.integrations.spaces import difference

from .sample_tasks import Countdown


def test_the_key_that_differs_is_named_and_not_the_rest() -> None:
    def grid(words: str) -> Space[object]:
        characters = "abcdefghijklmnopqrstuvwxyz" * 20 + words
        return Dict(image=Box(0, 255, (7, 7, 3), np.uint8), inner=Tuple((Discrete(2), Text(9, charset=characters))))

    where, ours, first = difference(grid("A"), grid("B"))
    assert where == "['inner'][1]"
    assert ours != first
    assert len(ours) + len(first) < 450


def test_keys_that_are_there_in_one_only() -> None:
    assert difference(Dict(a=Discrete(2)), Dict(a=Discrete(2), b=Discrete(2))) == (
        "",
        "with the keys a",
        "the keys a, b",
    )


def test_spaces_of_other_kinds() -> None:
    assert difference(Discrete(2), Discrete(3)) == ("", "Discrete(2)", "Discrete(3)")
    assert difference(Tuple((Discrete(2),)), Discrete(3)) == ("", "Tuple(Discrete(2))", "Discrete(3)")


@pytest.mark.parametrize("how", ["single", "in a vector", "native"])
def test_a_task_with_another_space_is_told_by_its_key(make: Callable[..., Curriculum], how: str) -> None:
    def view(size: int) -> Dict:
        return Dict(map=Dict(near=Discrete(3), far=Discrete(size)), clock=Discrete(2))

    def apply(env: Any, config: dict[str, Any]) -> None:
        env.unwrapped.observation_space = view(config["number"])

    def apply_natively(envs: Any, indices: Any, configs: list[Any]) -> None:
        envs.unwrapped.single_observation_space = view(configs[0]["number"])

    def made() -> CurriculumEnv:
        env: Any = Countdown()
        env.observation_space = view(10)
        return CurriculumEnv(env, fixed_set, apply_task=apply)

    fixed_set = make(lambda task_id: {"number": task_id}, defer_init=True)
    fixed_set.add_task(12)
    envs: Any
    if how == "native":
        poles = gymnasium.make_vec("CartPole-v1", num_envs=2, vectorization_mode="vector_entry_point")
        poles.unwrapped.single_observation_space = view(10)
        envs = VectorCurriculumEnv(
            poles, fixed_set, apply_tasks=lambda envs, *task: apply_natively(envs.unwrapped, *task)
        )
    else:
        envs = made() if how == "single" else SyncVectorEnv([made])
    with pytest.raises(ConfigError, match=r"observation_space\['map'\]\['far'\] Discrete\(12\), .* Discrete\(10\)"):
        envs.reset()
    envs.close()


def test_spaces_that_cannot_be_compared_differ(make: Callable[..., Curriculum]) -> None:
    class Mission(Discrete):
        """Fails where it is compared, as MiniGrid's MissionSpace does with one of another kind of mission."""

        def __eq__(self, other: object) -> bool:
            raise TypeError("object of type 'NoneType' has no len()")

    def apply(env: Any, config: dict[str, Any]) -> None:
        env.unwrapped.observation_space = Dict(image=Discrete(3), mission=Mission(5))

    env: Any = Countdown()
    env.observation_space = Dict(image=Discrete(3), mission=Mission(4))
    with pytest.raises(ConfigError, match=r"observation_space\['mission'\] Discrete\(5\), .* with Discrete\(4\)"):
        CurriculumEnv(env, make(), apply_task=apply).reset()


def test_environments_with_other_spaces_play_tasks_of_their_label_from_one_curriculum() -> None:
    tasks = [{"gravity": 9.8}, {"gravity": 1.6}, {"force": 0.001}, {"force": 0.002}]
    played: dict[str, set[int]] = {"CartPole-v1": set(), "MountainCar-v0": set()}
    settings = CurriculumConfig(tasks=tasks, task_labels=[name for name in played for _ in range(2)], seed=0)
    with settings.make() as curriculum:
        remade = CurriculumEnv(
            gymnasium.make("CartPole-v1"), curriculum, apply_task=lambda env, config: gymnasium.make("MountainCar-v0")
        )
        with pytest.raises(ConfigError, match=r"of its own, CurriculumEnv\(…, label='(CartPole|MountainCar)-v[01]'\)"):
            remade.reset()
        for name, ids in played.items():
            pole_or_car: gymnasium.Env[Any, Any] = gymnasium.make(name)
            env = CurriculumEnv(
                pole_or_car, curriculum, label=name, apply_task=lambda env, config: vars(env.unwrapped).update(config)
            )
            for _ in range(20):
                _, info = env.reset()
                assert info["curriculum/label"] == name
                ids.add(info["curriculum/task_id"])
        assert list(played.values()) == [{0, 1}, {2, 3}]
        with curriculum.evaluation([0]) as evaluation, pytest.raises(ConfigError, match="of the tasks of that label"):
            CurriculumEnv(env, evaluation, label="MountainCar-v0", apply_task=lambda env, config: None)
