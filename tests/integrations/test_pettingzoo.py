"""ParallelCurriculumEnv in real PettingZoo environments: agents that end together, and agents that come and go."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from multiprocessing import get_context
from typing import Any

import pytest
from mpe2 import simple_spread_v3, simple_v3

from lpcurr import (
    ConfigError,
    Curriculum,
    CurriculumConfig,
    DiscreteRandomConfig,
    InvalidScoreError,
    TaskGenerationError,
)
from lpcurr.generators import bucketed
from lpcurr.integrations.pettingzoo import ParallelCurriculumEnv, ParallelEpisode

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # PettingZoo's own: its tests make environments the old way
    from pettingzoo.test import parallel_api_test, parallel_seed_test
    from pettingzoo.test.example_envs import generated_agents_parallel_v0

Make = Callable[..., Curriculum]

SPREAD = bucketed({"max_cycles": 25}, label="spread").add_bucket("max_cycles", [5, 10, 15])


def build_spread(env: Any, config: dict[str, Any]) -> Any:
    return simple_spread_v3.parallel_env(N=2, **config)


def make_spread(curriculum: Curriculum, **settings: Any) -> ParallelCurriculumEnv:
    env = simple_spread_v3.parallel_env(N=2)
    return ParallelCurriculumEnv(env, curriculum, **{"apply_task": build_spread} | settings)


class ComeAndGo(generated_agents_parallel_v0.parallel_env):  # type: ignore[misc]
    """PettingZoo's example, with its steps counted: it forgets to, and so never ends."""

    def set_task(self, config: dict[str, int]) -> None:
        self.max_cycles = config["max_cycles"]

    def step(self, actions: dict[Any, Any]) -> Any:
        self.num_steps += 1
        return super().step(actions)


def run_episode(env: ParallelCurriculumEnv) -> tuple[dict[Any, float], int, dict[Any, dict[str, Any]]]:
    """Random actions to the end: the sums of rewards by agent, the number of steps, the last infos."""
    totals: dict[Any, float] = {}
    for length in range(1, 1000):
        _, rewards, _, _, infos = env.step({agent: env.action_space(agent).sample() for agent in env.agents})
        for agent, reward in rewards.items():
            totals[agent] = totals.get(agent, 0.0) + reward
        if not env.agents:
            return totals, length, infos
        assert not any(key.startswith("curriculum/") for info in infos.values() for key in info)
    raise AssertionError("the episode does not end")


def test_api(make: Make) -> None:
    parallel_api_test(make_spread(make(SPREAD)), num_cycles=60)


def test_api_where_agents_come_and_go(make: Make) -> None:
    curriculum = make(SPREAD)
    env = ParallelCurriculumEnv(ComeAndGo(), curriculum)
    with pytest.warns(UserWarning, match=r"possible_agents|No agents|dead last turn|Live agent"):
        parallel_api_test(env, num_cycles=60)
    assert curriculum.stats()["num_completed"] == 2


def test_seeds_decide_what_is_seen(make: Make) -> None:
    """Both environments draw the same tasks, each from a curriculum of its own."""
    parallel_seed_test(lambda: make_spread(make(SPREAD)), num_cycles=60)


def test_every_episode_is_one_completion_of_the_task_it_played(make: Make) -> None:
    curriculum = make(SPREAD)
    env = make_spread(curriculum)
    scores: dict[int, list[float]] = {}
    for episode in range(30):
        _, infos = env.reset(seed=0 if episode == 0 else None)
        task_id = infos["agent_0"]["curriculum/task_id"]
        assert {info["curriculum/task_id"] for info in infos.values()} == {task_id}
        totals, length, infos = run_episode(env)
        assert length == curriculum.build(task_id)["max_cycles"]
        for info in infos.values():
            assert (info["curriculum/task_id"], info["curriculum/label"]) == (task_id, "spread")
            assert info["curriculum/score"] == pytest.approx(sum(totals.values()) / 2)
            assert info["curriculum/accepted"] is True
        scores.setdefault(task_id, []).append(infos["agent_0"]["curriculum/score"])
    assert curriculum.stats()["num_completed"] == 30
    for task_id, reported in scores.items():
        stats = curriculum.get_task_stats(task_id)
        assert stats is not None
        assert (stats["completion_count"], stats["total_score"]) == (len(reported), pytest.approx(sum(reported)))


def test_agents_that_come_and_go_are_one_episode(make: Make) -> None:
    seen: list[ParallelEpisode] = []

    def score(episode: ParallelEpisode) -> float:
        seen.append(episode)
        return episode.length / 100

    curriculum = make(bucketed({"max_cycles": 40}))
    env = ParallelCurriculumEnv(ComeAndGo(), curriculum, score=score)
    env.reset(seed=3)
    at_first = set(env.agents)
    totals, length, _ = run_episode(env)
    (episode,) = seen
    assert dict(episode.total_rewards) == totals
    assert set(totals) > at_first
    assert (episode.length, length) == (40, 40)
    assert curriculum.stats()["num_completed"] == 1
    env.reset()
    run_episode(env)
    assert set(seen[1].total_rewards) != set(totals)


def test_an_abandoned_episode_is_not_reported(make: Make) -> None:
    curriculum = make(SPREAD)
    env = make_spread(curriculum)
    env.reset(seed=0)
    env.step(dict.fromkeys(env.agents, 0))
    env.reset()
    assert curriculum.stats()["num_completed"] == 0
    run_episode(env)
    assert curriculum.stats()["num_completed"] == 1


def test_a_replaced_environment_is_closed_and_the_new_one_seeded(make: Make) -> None:
    class Watched(type(simple_spread_v3.parallel_env())):  # type: ignore[misc]
        closed = 0
        seeds: list[Any] = []  # noqa: RUF012

        def close(self) -> None:
            Watched.closed += 1

        def reset(self, seed: Any = None, options: Any = None) -> Any:
            Watched.seeds.append(seed)
            return super().reset(seed=seed, options=options)

    def build(env: Any, config: Any) -> Any:
        return Watched(simple_spread_v3.env(N=2, **config))

    env = make_spread(make(SPREAD), apply_task=build)
    env.reset(seed=7)
    env.reset()
    env.reset()
    assert Watched.closed == 2
    assert Watched.seeds[0] == 7
    assert len(set(Watched.seeds)) == 3
    assert None not in Watched.seeds


def test_impossible_tasks_are_passed_over(make: Make) -> None:
    def build(env: Any, config: dict[str, Any]) -> Any:
        if config["max_cycles"] == 10:
            raise ValueError("ten is refused")
        return build_spread(env, config)

    curriculum = make(SPREAD, num_active_tasks=32)
    env = make_spread(curriculum, apply_task=build)
    for _ in range(40):
        _, infos = env.reset()
        assert curriculum.build(infos["agent_0"]["curriculum/task_id"])["max_cycles"] != 10
    assert curriculum.stats()["num_dropped"] > 0
    never = make_spread(curriculum, apply_task=lambda env, config: 1 / 0, max_task_attempts=3)
    with pytest.raises(TaskGenerationError, match=r"3 tasks in a row could not be played .* ZeroDivisionError"):
        never.reset()


def test_tasks_share_agents_and_spaces(make: Make) -> None:
    def more_agents(env: Any, config: Any) -> Any:
        return simple_spread_v3.parallel_env(N=3)

    def other_spaces(env: Any, config: Any) -> Any:
        return simple_spread_v3.parallel_env(N=2, continuous_actions=True)

    curriculum = make(SPREAD)
    for apply_task, message in [
        (more_agents, "has other possible_agents"),
        (other_spaces, r"has action_space\('agent_0'\)"),
        (lambda env, config: 3, "apply_task returned 3"),
    ]:
        with pytest.raises(ConfigError, match=message):
            make_spread(curriculum, apply_task=apply_task).reset()


def test_what_is_refused(make: Make) -> None:
    curriculum = make(SPREAD)
    with pytest.raises(ConfigError, match=r"give ParallelCurriculumEnv a function, apply_task\(env, config\)"):
        ParallelCurriculumEnv(simple_v3.parallel_env(), curriculum)
    with pytest.raises(ConfigError, match=r"pettingzoo\.utils\.aec_to_parallel"):
        ParallelCurriculumEnv(simple_v3.env(), curriculum, apply_task=build_spread)  # type: ignore[arg-type]
    for settings, message in [
        ({"apply_task": 3}, "apply_task is 3"),
        ({"score": 0.5}, "score is 0.5"),
        ({"max_task_attempts": 0}, "max_task_attempts is 0"),
    ]:
        with pytest.raises(ConfigError, match=message):
            make_spread(curriculum, **settings)
    with pytest.raises(ConfigError, match="curriculum is a NoneType"):
        make_spread(None)  # type: ignore[arg-type]
    env = make_spread(curriculum, score=lambda episode: float("nan"))
    env.reset(seed=0)
    with pytest.raises(InvalidScoreError, match=r"cannot be reported: .*nan"):
        run_episode(env)
    assert curriculum.stats()["num_completed"] == 0


def test_the_trainer_reports_what_it_knows_later(make: Make) -> None:
    curriculum = make(SPREAD)
    env = make_spread(curriculum, report=False)
    env.reset(seed=0)
    totals, _, infos = run_episode(env)
    info = infos["agent_0"]
    assert (curriculum.stats()["num_completed"], info["curriculum/accepted"]) == (0, False)
    each = list(totals.values())  # one score an agent
    assert curriculum.update_many([info["curriculum/task_id"]] * 2, each) == 2
    stats = curriculum.get_task_stats(info["curriculum/task_id"])
    assert stats is not None
    assert (stats["completion_count"], stats["last_score"]) == (2, each[1])


def test_an_evaluation_loses_no_episode_that_a_reset_cuts_off() -> None:
    config = CurriculumConfig(num_active_tasks=8, seed=0, task_generator=SPREAD)
    with config.make() as curriculum, curriculum.evaluation(range(4)) as evaluation:
        env = make_spread(evaluation)  # type: ignore[arg-type]
        env.reset(seed=0)
        for _ in range(4):
            env.reset()
            run_episode(env)
        assert evaluation.done
        assert len(evaluation.result().scores) == 4


def _play(curriculum: Curriculum, episodes: int) -> None:
    env = make_spread(curriculum)
    for _ in range(episodes):
        env.reset()
        run_episode(env)
    curriculum.close()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_share_one_pool(method: str) -> None:
    config = CurriculumConfig(num_active_tasks=8, seed=0, algorithm_config=DiscreteRandomConfig())
    with config.make(SPREAD) as curriculum:
        context: Any = get_context(method)
        workers = [context.Process(target=_play, args=(curriculum, 20)) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert [worker.exitcode for worker in workers] == [0, 0]
        assert curriculum.stats()["num_completed"] == 40
        assert curriculum.stats()["num_created"] == 8
