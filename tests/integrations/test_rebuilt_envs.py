"""CurriculumEnv whose tasks build the environment anew, and what seeds mean then."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers import OrderEnforcing, TimeLimit

from lpcurr import CurriculumEnv

from .conftest import Make
from .sample_tasks import (
    PHYSICS,
    Countdown,
    Env,
    LakeTasks,
    build_lake,
    lake_map,
    make_cart_pole,
    make_lake,
    run_episode,
)


def test_frozen_lake_is_rebuilt_for_each_map(make: Make) -> None:
    curriculum = make(LakeTasks())
    env = make_lake(curriculum)
    for _ in range(10):
        _, info = env.reset()
        lake: Any = env.unwrapped
        assert ["".join(row) for row in lake.desc.astype(str)] == lake_map(curriculum.build(info["curriculum/task_id"]))
        length, info = run_episode(env)
        assert info["curriculum/score"] == length / 20
        assert "prob" in info  # FrozenLake's own
    assert env.render_mode == "ansi"
    assert isinstance(env.render(), str)


def seeded_run(env: Env, seed: int) -> list[list[float]]:
    """All observations of a few episodes, of which only the first is given a seed."""
    seen = [env.reset(seed=seed)[0]]
    env.action_space.seed(seed)
    for _ in range(60):
        observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
        seen.append(observation)
        if terminated or truncated:
            seen.append(env.reset()[0])
    return [np.ravel(observation).tolist() for observation in seen]


@pytest.mark.parametrize("family", ["rebuilt lake", "cart pole in place"])
def test_seeds_determine_everything(make: Make, family: str) -> None:
    def run(seed: int) -> list[list[float]]:
        if family == "rebuilt lake":
            return seeded_run(make_lake(make(LakeTasks())), seed)
        return seeded_run(CurriculumEnv(make_cart_pole(), make(PHYSICS)), seed)

    assert run(5) == run(5) != run(6)


def test_a_rebuilt_environment_does_not_repeat_one_seed(make: Make) -> None:
    env = CurriculumEnv(Countdown(), make(), apply_task=lambda env, config: Countdown())
    firsts = [env.reset(seed=1)[0]] + [env.reset()[0] for _ in range(9)]
    assert firsts[0] == Countdown().reset(seed=1)[0]
    assert len(set(firsts)) > 7


def test_an_unseeded_rebuilt_environment_stays_unseeded(make: Make) -> None:
    def run() -> list[int]:
        env = CurriculumEnv(Countdown(10**9), make(), apply_task=lambda env, config: Countdown(10**9))
        return [env.reset()[0] for _ in range(3)]

    assert len({*run(), *run()}) == 6


class Counted(Countdown):
    """Counts those that were made and closed; nobody but its user holds one."""

    made: ClassVar[list[int]] = []
    closings: ClassVar[list[int]] = []

    def __init__(self) -> None:
        super().__init__()
        self.number = len(self.made)
        self.made.append(self.number)

    def close(self) -> None:
        self.closings.append(self.number)
        super().close()


@pytest.mark.parametrize("wrapped", [False, True])
def test_rebuilding_closes_what_it_replaces(make: Make, monkeypatch: pytest.MonkeyPatch, wrapped: bool) -> None:
    monkeypatch.setattr(Counted, "made", [])
    monkeypatch.setattr(Counted, "closings", [])

    def rebuild(env: Env | None, config: dict[str, Any]) -> Env:
        return TimeLimit(OrderEnforcing(Counted()), 5) if wrapped else Counted()

    env = CurriculumEnv(rebuild(None, {}), make(), apply_task=rebuild)
    for number in range(4):
        env.reset()
        env.step(0)
        assert Counted.closings == list(range(number + 1))
    env.close()
    assert Counted.closings == Counted.made == list(range(5))


def test_an_environment_that_is_kept_for_another_time_is_not_closed(make: Make) -> None:
    kept = {number: Countdown() for number in range(3)}

    def family(env: Env | None, config: dict[str, Any]) -> Env:
        return kept[config["number"]]

    curriculum = make(lambda task_id: {"number": task_id % 3})
    env = CurriculumEnv(kept[0], curriculum, apply_task=family)
    for _ in range(30):
        _, info = env.reset()
        assert env.unwrapped is kept[info["curriculum/task_id"] % 3]
        env.step(0)
    assert not any(each.closed for each in kept.values())


def test_what_the_new_environment_wraps_is_not_closed(make: Make) -> None:
    inner = Countdown()
    limits = iter((1, 2))
    env = CurriculumEnv(inner, make(), apply_task=lambda env, config: TimeLimit(env.unwrapped, next(limits)))
    for limit in (1, 2):
        env.reset()
        assert run_episode(env)[0] == limit
        assert not inner.closed


def test_spaces_are_one_object_over_rebuilds(make: Make) -> None:
    env = make_lake(make(LakeTasks()))
    spaces = env.observation_space, env.action_space
    env.reset()
    assert env.observation_space is spaces[0]
    assert env.action_space is spaces[1]


def test_the_spec_is_that_of_the_present_environment(make: Make) -> None:
    env = CurriculumEnv(gymnasium.make("FrozenLake-v1"), make(LakeTasks()), apply_task=build_lake)
    assert env.spec is not None
    assert env.spec.kwargs.get("desc") is None
    _, info = env.reset()
    assert env.spec.kwargs["desc"] == lake_map(env.curriculum.build(info["curriculum/task_id"]))
