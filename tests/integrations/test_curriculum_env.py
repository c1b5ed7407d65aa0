"""CurriculumEnv around one environment: what is applied, what is reported, what is in the info."""

from __future__ import annotations

import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers import RecordEpisodeStatistics, TimeLimit

import lpcurr
from lpcurr import ConfigError, Curriculum, CurriculumEnv, InvalidScoreError
from lpcurr.integrations.gymnasium import Episode

from .conftest import Make
from .sample_tasks import PHYSICS, Countdown, make_cart_pole, run_episode

START_KEYS = {"curriculum/task_id", "curriculum/label"}
END_KEYS = START_KEYS | {"curriculum/score", "curriculum/accepted"}


def completions(curriculum: Curriculum) -> int:
    return int(curriculum.stats()["num_completed"])


def test_it_is_the_package_s_public_name() -> None:
    assert lpcurr.CurriculumEnv.__module__ == "lpcurr.integrations.gymnasium"


def test_without_add_info_episodes_are_reported_all_the_same(make: Make) -> None:
    curriculum = make(PHYSICS)
    episodes: list[Episode] = []

    def score(episode: Episode) -> float:
        episodes.append(episode)
        return episode.length / 500

    env = CurriculumEnv(make_cart_pole(), curriculum, score=score, add_info=False)
    for count in range(1, 6):
        assert env.reset()[1] == {}
        length, info = run_episode(env)
        assert info == {}
        assert completions(curriculum) == len(episodes) == count
        after = curriculum.get_task_stats(episodes[-1].task.task_id) or {}
        assert after["last_score"] == length / 500


def test_two_curricula_of_one_environment(make: Make) -> None:
    """Such as of maps, inside, and of opponents, outside."""

    def set_force(env: Any, config: Any) -> None:
        env.unwrapped.force_mag = config["force"]

    inner = CurriculumEnv(make_cart_pole(), make(PHYSICS))
    with lpcurr.CurriculumConfig(tasks=[{"force": 5.0}, {"force": 20.0}], seed=0).make() as forces:
        env = CurriculumEnv(inner, forces, apply_task=set_force)
        for count in range(1, 9):
            env.reset()
            length, info = run_episode(env)
            assert env.task is not None
            assert inner.task is not None
            assert env.unwrapped.force_mag == env.task.get_env_cfg()["force"]  # type: ignore[attr-defined]
            assert info["curriculum/task_id"] == env.task.task_id
            for curriculum, task in ((forces, env.task), (inner.curriculum, inner.task)):
                stats = curriculum.get_task_stats(task.task_id)  # type: ignore[union-attr]
                assert stats is not None
                assert (stats["last_score"], completions(curriculum)) == (length, count)  # type: ignore[arg-type]


class ArrayRewards(gymnasium.Wrapper[Any, Any, Any, Any]):
    def step(self, action: Any) -> Any:
        observation, reward, *rest = self.env.step(action)
        return observation, np.array([reward]), *rest


def test_rewards_may_be_arrays_of_one_number(make: Make) -> None:
    env = CurriculumEnv(ArrayRewards(make_cart_pole()), make(PHYSICS))
    env.reset(seed=0)
    length, info = run_episode(env)
    assert info["curriculum/score"] == length


class TwoObjectives(gymnasium.Wrapper[Any, Any, Any, Any]):
    def step(self, action: Any) -> Any:
        observation, reward, *rest = self.env.step(action)
        return observation, np.array([reward, -1.0], np.float32), *rest


def test_rewards_of_several_objectives_are_summed_for_a_score_function(make: Make) -> None:
    def score(episode: Episode) -> Any:
        return np.array([episode.total_reward @ [0.002, 0.0005]])  # one number too

    env = CurriculumEnv(TwoObjectives(make_cart_pole()), make(PHYSICS), score=score)
    for _ in range(2):
        env.reset(seed=0)
        length, info = run_episode(env)
        assert info["curriculum/score"] == pytest.approx(length * 0.0015)


def test_rewards_of_several_objectives_want_a_score_function(make: Make) -> None:
    env = CurriculumEnv(TwoObjectives(make_cart_pole()), make(PHYSICS))
    env.reset(seed=0)
    with pytest.raises(InvalidScoreError, match=r"\[ 1., -1.\].* is not one number: give CurriculumEnv score="):
        env.step(0)


@pytest.mark.parametrize("report", [True, False])
def test_a_score_may_be_an_array_of_one_number_and_no_other_thing(make: Make, report: bool) -> None:
    scores: list[Any] = [np.array([0.25]), None]
    curriculum = make(PHYSICS)
    env = CurriculumEnv(make_cart_pole(), curriculum, score=lambda _: scores.pop(0), report=report)
    env.reset(seed=0)
    assert run_episode(env)[1]["curriculum/score"] == 0.25
    env.reset()
    with pytest.raises(InvalidScoreError, match="score None is a NoneType"):
        run_episode(env)
    assert completions(curriculum) == report


def test_cart_pole_plays_the_physics_of_its_task(make: Make) -> None:
    curriculum = make(PHYSICS)
    env = CurriculumEnv(make_cart_pole(), curriculum)
    seen = set()
    for _ in range(20):
        _, info = env.reset()
        assert set(info) == START_KEYS
        task_id, label = info["curriculum/task_id"], info["curriculum/label"]
        config = curriculum.build(task_id)
        pole: Any = env.unwrapped
        assert {"gravity": pole.gravity, "length": pole.length} == config
        seen.add((pole.gravity, pole.length))
        before = curriculum.get_task_stats(task_id) or {}
        length, info = run_episode(env)
        after = curriculum.get_task_stats(task_id) or {}
        assert info == {
            "curriculum/task_id": task_id,
            "curriculum/label": label,
            "curriculum/score": float(length),
            "curriculum/accepted": True,
        }
        assert [type(info[key]) for key in sorted(END_KEYS)] == [bool, str, float, int]
        assert label == after["label"]
        assert after["completion_count"] == before["completion_count"] + 1
        assert after["last_score"] == length
    assert len(seen) > 2
    assert completions(curriculum) == 20


def test_the_outermost_set_task_is_called(make: Make) -> None:
    class Scaled(gymnasium.Wrapper[Any, Any, Any, Any]):
        def set_task(self, config: dict[str, Any]) -> None:
            inner: Any = self.unwrapped
            inner.set_task(config | {"steps": 2 * config["steps"]})

    env = CurriculumEnv(TimeLimit(Scaled(Countdown()), 100), make())
    env.reset()
    assert run_episode(env)[0] == 4
    bare = CurriculumEnv(Countdown(), make())
    bare.reset()
    assert run_episode(bare)[0] == 2


def test_what_a_score_function_gets(make: Make) -> None:
    episodes: list[Episode] = []

    def score(episode: Episode) -> np.float32:
        episodes.append(episode)
        return np.float32(0.25)

    env = CurriculumEnv(Countdown(), make(lambda task_id: {"steps": 3, "reward": 0.5}), score=score)
    _, start = env.reset()
    _, info = run_episode(env)
    (episode,) = episodes
    assert episode.task.task_id == start["curriculum/task_id"]
    assert (episode.total_reward, episode.length, episode.terminated, episode.truncated) == (1.5, 3, True, False)
    assert episode.info == {"own": True}
    assert type(info["curriculum/score"]) is float
    assert info["curriculum/score"] == 0.25
    env.reset()
    run_episode(env)
    assert (episodes[1].total_reward, episodes[1].length) == (1.5, 3)


def test_the_environments_own_info_is_not_written_to(make: Make) -> None:
    shared = {"own": True}

    class Thrifty(Countdown):
        def reset(self, **arguments: Any) -> tuple[int, dict[str, Any]]:
            return super().reset(**arguments)[0], shared

        def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
            return *super().step(action)[:-1], shared

    env = CurriculumEnv(Thrifty(), make())
    env.reset()
    run_episode(env)
    assert shared == {"own": True}


def test_an_episode_is_reported_once(make: Make) -> None:
    curriculum = make()
    env = CurriculumEnv(Countdown(), curriculum)
    env.reset()
    run_episode(env)
    inner: Any = env.unwrapped
    for left in (5, 1):  # the second ends the environment's episode once more
        inner.left = left
        assert env.step(0)[4] == {"own": True}
    assert completions(curriculum) == 1


def test_steps_before_the_first_reset_are_the_environments_affair(make: Make) -> None:
    env = CurriculumEnv(make_cart_pole(), make(PHYSICS))
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(0)


def test_an_abandoned_episode_is_not_reported(make: Make) -> None:
    curriculum = make()
    env = CurriculumEnv(Countdown(), curriculum)
    for _ in range(3):
        env.reset()
        env.step(0)
    assert completions(curriculum) == 0
    assert curriculum.stats()["num_scheduled"] == 3
    env.step(0)
    assert completions(curriculum) == 1
    env.reset()
    _, info = run_episode(env)
    assert info["curriculum/score"] == 2  # the abandoned steps are not in it


def test_a_task_that_left_the_pool_is_refused(make: Make) -> None:
    curriculum = make()
    env = CurriculumEnv(Countdown(), curriculum)
    _, info = env.reset()
    curriculum.evict(info["curriculum/task_id"])
    _, info = run_episode(env)
    assert info["curriculum/accepted"] is False
    assert info["curriculum/score"] == 2
    assert (completions(curriculum), curriculum.stats()["num_refused"]) == (0, 1)


def test_time_limit_goes_inside(make: Make) -> None:
    episodes: list[Episode] = []

    def score(episode: Episode) -> float:
        episodes.append(episode)
        return 0.0

    curriculum = make(lambda task_id: {"steps": 99})
    env = CurriculumEnv(TimeLimit(Countdown(), 5), curriculum, score=score)
    env.reset()
    assert run_episode(env)[0] == 5
    assert [(each.terminated, each.truncated) for each in episodes] == [(False, True)]

    outside = TimeLimit(CurriculumEnv(Countdown(), curriculum, score=score), 5)
    outside.reset()
    _, info = run_episode(outside)
    assert "curriculum/score" not in info
    assert len(episodes) == 1


def test_episode_statistics_on_either_side(make: Make) -> None:
    def return_from_info(episode: Episode) -> float:
        return float(episode.info["episode"]["r"])

    inside = CurriculumEnv(RecordEpisodeStatistics(Countdown()), make(), score=return_from_info)
    outside = RecordEpisodeStatistics(CurriculumEnv(Countdown(), make()))
    for env in (inside, outside):
        for _ in range(2):
            env.reset()
            _, info = run_episode(env)
            assert (info["episode"]["r"], info["episode"]["l"], info["curriculum/score"]) == (2, 2, 2)
    assert list(outside.return_queue) == [2, 2]


def test_closing_leaves_the_curriculum_open(make: Make) -> None:
    curriculum = make()
    inner = Countdown()
    with CurriculumEnv(inner, curriculum) as env:
        env.reset()
    assert inner.closed
    assert not curriculum.closed
    assert completions(curriculum) == 0
    curriculum.get_task()


def test_attributes_pass_through(make: Make) -> None:
    env = CurriculumEnv(TimeLimit(Countdown(), 7), make())
    assert env.get_wrapper_attr("config") == {"steps": 2}
    assert env.unwrapped.metadata is env.metadata
    env.set_wrapper_attr("config", {"steps": 3})
    assert env.unwrapped.config == {"steps": 3}
    assert env.get_wrapper_attr("curriculum").config.num_active_tasks == 8


def test_options_pass_through(make: Make) -> None:
    inner = Countdown()
    env = CurriculumEnv(inner, make())
    options = {"low": 0.1}
    env.reset(seed=1, options=options)
    env.reset()
    assert inner.options == [options, None]


def test_the_spec_describes_the_environment_but_not_the_pool(make: Make) -> None:
    env = CurriculumEnv(make_cart_pole(), make(PHYSICS))
    spec = pickle.loads(pickle.dumps(RecordEpisodeStatistics(env).spec))
    assert spec.id == "CartPole-v1"
    assert [wrapper.name for wrapper in spec.additional_wrappers][-2:] == ["CurriculumEnv", "RecordEpisodeStatistics"]
    alone = CurriculumEnv(gymnasium.make("CartPole-v1"), env.curriculum, apply_task=lambda env, config: None)
    with pytest.raises(ValueError, match="CurriculumEnv wrapper does not inherit"):
        gymnasium.make(alone.spec)


def test_the_trainer_reports_what_it_knows_later(make: Make) -> None:
    curriculum = make(PHYSICS)
    curriculum.use(lpcurr.PrioritizedReplayConfig(num_active_tasks=curriculum.config.num_active_tasks))
    env = CurriculumEnv(make_cart_pole(), curriculum, score=lambda episode: episode.length / 500, report=False)
    env.reset(seed=0)
    ended = False
    while not ended:
        *_, terminated, truncated, info = env.step(0)
        ended = terminated or truncated
    assert completions(curriculum) == 0
    assert not info["curriculum/accepted"]
    ids, scores = [info["curriculum/task_id"]], [info["curriculum/score"]]
    assert curriculum.update_many(ids, scores, signals=[7.0]) == 1
    stats = curriculum.get_task_stats(ids[0])
    assert stats is not None
    assert (stats["signal"], stats["last_score"]) == (7.0, scores[0])
    with pytest.raises(ConfigError, match="report=False and add_info=False"):
        CurriculumEnv(make_cart_pole(), curriculum, report=False, add_info=False)
