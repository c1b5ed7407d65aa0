"""CurriculumEnv with impossible tasks, bad scores and wrong arguments."""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import sys
from collections.abc import Callable
from typing import Any

import gymnasium
import pytest
from gymnasium.wrappers import TimeLimit

from lpcurr import ConfigError, Curriculum, CurriculumEnv, InvalidScoreError, PoolEmptyError, TaskGenerationError

from .conftest import Make
from .sample_tasks import Countdown, Env


class Impossible(Exception):
    """What a simulator of one's own raises."""


class Picky(Countdown):
    """Cannot play odd tasks, and says so where it is told to."""

    where = "set_task"

    def refuse(self, where: str) -> None:
        if where == self.where and self.config["number"] % 2:
            raise Impossible(f"{self.config['number']} is odd")

    def set_task(self, config: dict[str, Any]) -> None:
        super().set_task(config)
        self.refuse("set_task")

    def reset(self, **arguments: Any) -> tuple[int, dict[str, Any]]:
        self.refuse("reset")
        return super().reset(**arguments)


def numbered(task_id: int) -> dict[str, Any]:
    return {"number": task_id, "steps": 1}


@pytest.fixture
def curriculum(make: Make) -> Curriculum:
    return make(numbered)


@pytest.fixture
def fixed_set(make: Make) -> Curriculum:
    return make(numbered, defer_init=True)


@pytest.mark.parametrize("where", ["set_task", "reset"])
def test_an_impossible_task_is_evicted_and_another_taken(
    curriculum: Curriculum, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    inner = Picky()
    inner.where = where
    env = CurriculumEnv(inner, curriculum)
    for _ in range(200):
        _, info = env.reset()
        assert info["curriculum/task_id"] % 2 == 0
        assert env.step(0)[4]["curriculum/accepted"]
    ids, _ = curriculum.probabilities()
    assert len(ids) == 8
    assert not (ids % 2).any()
    figures = curriculum.stats()
    assert figures["num_created"] - 8 == figures["num_evicted"] > 0
    assert figures["num_completed"] == 200
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "cannot be played" in caplog.text
    assert "is odd" in caplog.text


def test_a_broken_environment_costs_no_task(curriculum: Curriculum) -> None:
    class Crashing(Countdown):
        failures = 0

        def reset(self, **arguments: Any) -> tuple[int, dict[str, Any]]:
            if self.failures:
                self.failures -= 1
                raise Impossible("the simulator has crashed")
            return super().reset(**arguments)

    inner = Crashing()
    env = CurriculumEnv(inner, curriculum)
    for storm in (30, 30, 1000):  # of failures: two that end, and one too many
        ids = set(curriculum.probabilities()[0].tolist())
        inner.failures = storm
        if storm == 1000:
            with pytest.raises(
                TaskGenerationError, match=r"100 tasks in a row .*Impossible: the simulator has crashed"
            ):
                env.reset()
        else:
            env.reset()
        assert ids <= set(curriculum.probabilities()[0].tolist())
        for task_id in curriculum.probabilities()[0].tolist():  # or they would be suspected in the next storm
            curriculum.update_task_performance(task_id, 0.5)
    assert curriculum.stats()["num_dropped"] == 0


def fill(curriculum: Curriculum) -> None:
    """Fill the pool with odd and even tasks here, as the seed has it: a forked child has its own stream."""
    for _ in range(8):
        curriculum.get_task()
    assert set((curriculum.probabilities()[0] % 2).tolist()) == {0, 1}


def in_another_process(play: Callable[[], None]) -> None:
    child = multiprocessing.get_context("fork").Process(target=play)
    child.start()
    child.join(300)
    assert child.exitcode == 0


@pytest.mark.parametrize("error", [Impossible, ValueError])
def test_one_workers_trouble_costs_no_task(curriculum: Curriculum, error: type[Exception]) -> None:
    class Flaky(Countdown):
        resets = 0

        def reset(self, **arguments: Any) -> tuple[int, dict[str, Any]]:
            self.resets += 1
            if self.resets % 3:
                raise error("this worker's simulator has lost its files")
            return super().reset(**arguments)

    def play() -> None:
        env = CurriculumEnv(Flaky(), curriculum)
        for _ in range(100):
            env.reset()  # which abandons an episode, so that no score speaks for a task

    CurriculumEnv(Countdown(), curriculum).reset()
    in_another_process(play)
    assert curriculum.stats()["num_dropped"] == 0


def test_what_fails_in_two_processes_is_evicted(curriculum: Curriculum) -> None:
    def play() -> None:
        env = CurriculumEnv(Picky(), curriculum)
        for _ in range(200):
            env.reset()

    fill(curriculum)
    in_another_process(play)
    assert (curriculum.probabilities()[0] % 2).any()
    play()
    assert curriculum.stats()["num_dropped"] > 0
    assert not (curriculum.probabilities()[0] % 2).any()


@pytest.mark.parametrize("attempts", [None, 4])
def test_the_search_for_a_playable_task_has_a_limit(make: Make, attempts: int | None) -> None:
    tried: list[int] = []

    def refuse(env: Env, config: dict[str, Any]) -> None:
        tried.append(config["number"])
        raise ValueError("nothing can be played")

    curriculum = make(numbered, max_task_attempts=6)
    env = CurriculumEnv(Countdown(), curriculum, apply_task=refuse, max_task_attempts=attempts)
    limit = attempts or 6
    with pytest.raises(TaskGenerationError, match=rf"^{limit} tasks in a row .*\d+ .*ValueError: noth") as raised:
        env.reset()
    assert isinstance(raised.value.__cause__, ValueError)
    assert len(tried) == limit
    assert str(tried[-1]) in str(raised.value)
    assert curriculum.stats()["num_dropped"] == 0  # none could be begun: it need not be the tasks' fault


def test_what_was_learned_is_not_lost_to_a_broken_environment(curriculum: Curriculum) -> None:
    inner = Countdown()
    env = CurriculumEnv(inner, curriculum, max_task_attempts=50)
    for _ in range(200):
        env.reset()
        env.step(0)
    ids, _ = curriculum.probabilities()
    inner.states = 0  # its reset raises from now on
    with pytest.raises(TaskGenerationError, match=r"50 tasks in a row .* ValueError"):
        env.reset()
    assert curriculum.probabilities()[0].tolist() == ids.tolist()


def test_a_bad_seed_is_not_the_tasks_fault(curriculum: Curriculum) -> None:
    env = CurriculumEnv(Countdown(), curriculum)
    with pytest.raises(gymnasium.error.Error, match="Seed must be greater"):
        env.reset(seed=-1)
    assert curriculum.stats()["num_created"] == 0


def test_a_fixed_set_keeps_its_tasks(fixed_set: Curriculum) -> None:
    env = CurriculumEnv(Picky(), fixed_set)
    with pytest.raises(PoolEmptyError):
        env.reset()
    for task_id in (1, 3, 5):
        fixed_set.add_task(task_id)
    with pytest.raises(TaskGenerationError, match=r"100 tasks in a row.*Impossible: \d is odd") as raised:
        env.reset()
    assert isinstance(raised.value.__cause__, Impossible)
    assert fixed_set.stats()["num_active_tasks"] == 3
    fixed_set.add_task(4)
    assert env.reset()[1]["curriculum/task_id"] == 4
    assert fixed_set.stats()["num_active_tasks"] == 4


@pytest.mark.parametrize("where", ["set_task", "reset", "generator"])
@pytest.mark.parametrize("error", [ConnectionError, TimeoutError, EOFError, MemoryError])
def test_trouble_of_the_machine_costs_no_task(make: Make, where: str, error: type[Exception]) -> None:
    failures = [30]

    def fail(here: str) -> None:
        if here == where and failures[0]:
            failures[0] -= 1
            raise error("the simulator does not answer")

    class Simulator(Countdown):
        def set_task(self, config: dict[str, Any]) -> None:
            fail("set_task")

        def reset(self, **arguments: Any) -> tuple[int, dict[str, Any]]:
            fail("reset")
            return super().reset(**arguments)

    def generate(task_id: int) -> dict[str, Any]:
        fail("generator")
        return numbered(task_id)

    curriculum = make(generate)
    env = CurriculumEnv(Simulator(), curriculum)
    for _ in range(40):
        env.reset()
        env.step(0)
    assert failures == [0]
    assert curriculum.stats()["num_active_tasks"] == 8
    assert curriculum.stats()["num_dropped"] == curriculum.stats()["num_evicted"] == 0


def test_another_worker_may_evict_it_first(curriculum: Curriculum) -> None:
    refused: list[int] = []

    def evicted_meanwhile(env: Env, config: dict[str, Any]) -> None:
        if len(refused) < 3:
            refused.append(config["number"])
            curriculum.evict(config["number"])
            raise Impossible

    _, info = CurriculumEnv(Countdown(), curriculum, apply_task=evicted_meanwhile).reset()
    assert info["curriculum/task_id"] not in refused
    assert curriculum.stats()["num_evicted"] == 3


def test_another_worker_may_be_first_at_the_last_moment(
    curriculum: Curriculum, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = curriculum.get_task_stats

    def read_and_lose(task_id: int) -> dict[str, Any] | None:
        stats = read(task_id)
        curriculum.evict(task_id)
        return stats

    monkeypatch.setattr(curriculum, "get_task_stats", read_and_lose)
    env = CurriculumEnv(Picky(), curriculum)
    for _ in range(20):
        assert env.reset()[1]["curriculum/task_id"] % 2 == 0


def test_an_episode_is_abandoned_even_where_no_other_can_begin(curriculum: Curriculum) -> None:
    inner = Countdown()
    env = CurriculumEnv(inner, curriculum, max_task_attempts=3)
    env.reset()
    inner.states = 0  # its reset raises from now on
    with pytest.raises(TaskGenerationError):
        env.reset()
    assert env.step(0)[2:] == (True, False, {"own": True})
    assert curriculum.stats()["num_completed"] == 0


def test_interrupts_are_passed_on(curriculum: Curriculum) -> None:
    def interrupt(env: Env, config: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        CurriculumEnv(Countdown(), curriculum, apply_task=interrupt).reset()
    assert curriculum.stats()["num_evicted"] == 0


def test_an_impossible_task_may_have_replaced_the_environment(curriculum: Curriculum) -> None:
    built: list[int] = []
    closed: list[int] = []

    class Counted(Picky):
        where = "reset"

        def __init__(self) -> None:
            super().__init__()
            self.number = len(built)
            built.append(self.number)

        def close(self) -> None:
            closed.append(self.number)

    def build(env: Env, config: dict[str, Any]) -> Env:
        made = Counted()
        made.config = config
        return made

    env = CurriculumEnv(Countdown(), curriculum, apply_task=build)
    for _ in range(20):
        env.reset()
    assert len(built) > 20
    assert closed == built[:-1]


@pytest.mark.parametrize("how", ["rebuilt", "in place"])
def test_all_tasks_share_their_spaces(fixed_set: Curriculum, how: str) -> None:
    def apply(env: Env, config: dict[str, Any]) -> Env | None:
        if how == "rebuilt":
            return Countdown(states=config["number"])
        env.unwrapped.observation_space = gymnasium.spaces.Discrete(config["number"])
        return None

    env = CurriculumEnv(TimeLimit(Countdown(states=10), 5), fixed_set, apply_task=apply)
    fixed_set.add_task(10)
    env.reset()
    fixed_set.evict(10)
    fixed_set.add_task(12)
    with pytest.raises(ConfigError, match=r"task 12 .*observation_space Discrete\(12\), .*began with Discrete\(10\)"):
        env.reset()
    assert env.observation_space == gymnasium.spaces.Discrete(10)
    assert fixed_set.get_task_stats(12) is not None
    env.close()


def test_action_spaces_too(curriculum: Curriculum) -> None:
    def apply(env: Env, config: dict[str, Any]) -> None:
        env.action_space = gymnasium.spaces.Discrete(3)

    with pytest.raises(ConfigError, match=r"action_space Discrete\(3\)"):
        CurriculumEnv(Countdown(), curriculum, apply_task=apply).reset()


def test_apply_task_returns_an_environment_or_none(curriculum: Curriculum) -> None:
    env = CurriculumEnv(Countdown(), curriculum, apply_task=lambda env, config: config["number"])
    with pytest.raises(ConfigError, match=r"apply_task returned (\d+) for task \1: return a gymnasium.Env, or None"):
        env.reset()
    assert curriculum.stats()["num_evicted"] == 0


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf"), None, "0.5", [0.5]])
def test_a_score_that_is_no_finite_number(curriculum: Curriculum, score: Any) -> None:
    scores = [score]
    env = CurriculumEnv(Countdown(), curriculum, score=lambda episode: scores.pop() if scores else 0.5)
    _, info = env.reset()
    with pytest.raises(InvalidScoreError, match=f"task {info['curriculum/task_id']} .*total reward 1.0, 1 steps"):
        env.step(0)
    assert curriculum.stats()["num_completed"] == 0
    assert env.step(0)[4] == {"own": True}  # that episode is over, and not reported later either
    env.reset()
    assert env.step(0)[4]["curriculum/score"] == 0.5
    assert curriculum.stats()["algorithm/tracker/mean_score"] == 0.5


def test_a_reward_that_is_not_finite_is_not_reported(make: Make) -> None:
    env = CurriculumEnv(Countdown(), make(lambda task_id: {"steps": 3, "reward": float("nan")}))
    env.reset()
    env.step(0)
    env.step(0)
    with pytest.raises(InvalidScoreError, match="total reward nan, 3 steps"):
        env.step(0)


def test_an_error_in_the_score_function_is_passed_on(curriculum: Curriculum) -> None:
    env = CurriculumEnv(Countdown(), curriculum, score=lambda episode: episode.info["absent"])
    env.reset()
    with pytest.raises(KeyError, match="absent"):
        env.step(0)
    assert curriculum.stats()["num_completed"] == 0


def test_wrong_arguments(curriculum: Curriculum) -> None:
    with pytest.raises(ConfigError, match=r"<CartPoleEnv<CartPole-v1>>.* has no set_task\(config\).*apply_task"):
        CurriculumEnv(gymnasium.make("CartPole-v1"), curriculum)
    with pytest.raises(ConfigError, match="curriculum is a CurriculumConfig, not a Curriculum"):
        CurriculumEnv(Countdown(), curriculum.config)
    with pytest.raises(ConfigError, match="apply_task is 'set_task': give a function"):
        CurriculumEnv(Countdown(), curriculum, apply_task="set_task")
    with pytest.raises(ConfigError, match=r"score is 0\.5: give a function"):
        CurriculumEnv(Countdown(), curriculum, score=0.5)
    for attempts in (0, -1, 2.5):
        with pytest.raises(ConfigError, match=f"max_task_attempts is {attempts}"):
            CurriculumEnv(Countdown(), curriculum, max_task_attempts=attempts)
    for other in ("CartPole-v1", gymnasium.make_vec("CartPole-v1", 2)):
        with pytest.raises(ConfigError, match=r"not a gymnasium\.Env: .*before a vector.*lpcurr help integrations"):
            CurriculumEnv(other, curriculum)


def test_a_curriculum_without_a_generator_is_told_apart_from_an_impossible_task(make: Make) -> None:
    with pytest.raises(ConfigError, match="no task generator"):
        CurriculumEnv(Countdown(), make(None)).reset()


def test_without_gymnasium(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    monkeypatch.delitem(sys.modules, "lpcurr.integrations.gymnasium")
    with pytest.raises(ImportError, match=r'pip install "lpcurr\[train\]"'):
        importlib.import_module("lpcurr.integrations.gymnasium")
