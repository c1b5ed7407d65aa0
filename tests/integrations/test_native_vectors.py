"""VectorCurriculumEnv on Gymnasium's natively vectorised CartPole, whose physics is set for each copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.vector.utils import batch_space
from gymnasium.wrappers.vector import RecordEpisodeStatistics

import lpcurr
from lpcurr import ConfigError, Curriculum, InvalidScoreError, LearningProgressConfig
from lpcurr.integrations.gymnasium_vector import Episodes, VectorCurriculumEnv

from .sample_tasks import PHYSICS, Countdown, make_cart_pole

Make = Callable[..., Curriculum]
COPIES = 6


def set_physics(envs: Any, indices: Any, configs: list[dict[str, float]]) -> None:
    poles = envs.unwrapped
    for name in ("gravity", "length"):
        values = np.array(np.broadcast_to(getattr(poles, name), poles.num_envs))
        values[indices] = [config[name] for config in configs]
        setattr(poles, name, values)
    poles.polemass_length = poles.masspole * poles.length


def make_poles(count: int = COPIES) -> Any:
    return gymnasium.make_vec("CartPole-v1", num_envs=count, vectorization_mode="vector_entry_point")


def share_of_500(episodes: Episodes) -> Any:
    return episodes.lengths / 500


def test_every_ending_is_credited_to_the_task_that_was_played(make: Make) -> None:
    curriculum = make(PHYSICS)
    envs = VectorCurriculumEnv(make_poles(), curriculum, apply_tasks=set_physics, score=share_of_500)
    _, infos = envs.reset(seed=4)
    assert infos["_curriculum/task_id"].all()
    assert infos["curriculum/task_id"].dtype == np.int64
    playing, lengths = infos["curriculum/task_id"].copy(), np.zeros(COPIES, np.int64)
    ended = np.zeros(COPIES, np.bool_)
    reported: list[tuple[int, float]] = []
    envs.action_space.seed(4)
    for _ in range(300):
        begun = ended
        _, _, terminated, truncated, infos = envs.step(envs.action_space.sample())
        playing[begun], lengths[begun] = infos.get("curriculum/task_id", playing)[begun], -1
        lengths += 1
        ended = terminated | truncated
        assert infos.get("_curriculum/task_id", np.zeros(COPIES, np.bool_)).tolist() == (begun | ended).tolist()
        assert ("curriculum/score" in infos) == ended.any()
        if ended.any():
            assert infos["_curriculum/score"].tolist() == ended.tolist()
            assert infos["curriculum/task_id"][ended].tolist() == playing[ended].tolist()
            assert infos["curriculum/score"][ended] == pytest.approx(lengths[ended] / 500)
            assert infos["curriculum/accepted"].tolist() == ended.tolist()
            assert set(infos["curriculum/label"][ended]) == {"physics"}
            reported += zip(playing[ended].tolist(), (lengths[ended] / 500).tolist(), strict=True)
        for name in ("gravity", "length"):  # what is being played now is what the tasks say
            values = [curriculum.build(int(task_id))[name] for task_id in playing]
            assert getattr(envs.unwrapped, name).tolist() == values
    assert len(reported) > 20
    assert curriculum.stats()["num_completed"] == len(reported)
    for task_id in curriculum.probabilities()[0].tolist():
        stats = curriculum.get_task_stats(task_id)
        scores = [score for each, score in reported if each == task_id]
        assert stats is not None
        assert (stats["completion_count"], stats["total_score"]) == (len(scores), pytest.approx(sum(scores)))


def test_each_copy_moves_as_a_single_cart_pole_with_its_task_would(make: Make) -> None:
    curriculum = make(PHYSICS)
    envs = VectorCurriculumEnv(make_poles(), curriculum, apply_tasks=set_physics)
    observations, infos = envs.reset(seed=0)
    singles = [make_cart_pole() for _ in range(COPIES)]
    for i, single in enumerate(singles):
        single.reset()
        single.get_wrapper_attr("set_task")(curriculum.build(int(infos["curriculum/task_id"][i])))
        single.unwrapped.state = envs.unwrapped.state[:, i].copy()
    for step in range(5):
        actions = np.full(COPIES, step % 2)
        observations, *_ = envs.step(actions)
        for i, single in enumerate(singles):
            assert single.step(step % 2)[0] == pytest.approx(observations[i], rel=1e-5)


def test_the_default_score_is_the_sum_of_rewards_and_statistics_agree(make: Make) -> None:
    curriculum = make(PHYSICS)
    inner = VectorCurriculumEnv(make_poles(), curriculum, apply_tasks=set_physics)
    envs = RecordEpisodeStatistics(inner)
    envs.reset(seed=1)
    envs.action_space.seed(1)
    endings = 0
    for _ in range(120):
        *_, infos = envs.step(envs.action_space.sample())
        if "episode" in infos:
            done = infos["_episode"]
            endings += int(done.sum())
            assert infos["curriculum/score"][done].tolist() == infos["episode"]["r"][done].tolist()
    assert endings == curriculum.stats()["num_completed"] > 10


def test_time_limit_ends_an_episode(make: Make) -> None:
    seen: list[Episodes] = []

    def score(episodes: Episodes) -> Any:
        seen.append(episodes)
        return episodes.lengths

    curriculum = make(PHYSICS)
    envs = VectorCurriculumEnv(
        CartPoleVectorEnv(2, max_episode_steps=3), curriculum, apply_tasks=set_physics, score=score
    )
    envs.reset(seed=0)
    for _ in range(8):
        envs.step(np.array([0, 1]))
    assert [each.lengths.tolist() for each in seen] == [[3, 3], [3, 3]]
    assert seen[0].truncated.all()
    assert not seen[0].terminated.any()
    assert seen[0].indices.tolist() == [0, 1]
    assert [task.label for task in seen[0].tasks] == ["physics", "physics"]


def set_countdown(envs: Any, indices: Any, configs: list[dict[str, Any]]) -> None:
    for i, config in zip(indices, configs, strict=True):
        envs.envs[i].set_task(config)


def test_disabled_autoreset_takes_tasks_at_a_masked_reset(make: Make) -> None:
    curriculum = make(lambda task_id: {"steps": 2 + task_id % 3})
    inner = SyncVectorEnv([Countdown] * 4, autoreset_mode=AutoresetMode.DISABLED)
    envs = RecordEpisodeStatistics(VectorCurriculumEnv(inner, curriculum, apply_tasks=set_countdown))
    _, infos = envs.reset(seed=0)
    playing, endings = infos["curriculum/task_id"].copy(), 0
    for _ in range(40):
        _, _, terminated, _, infos = envs.step(np.zeros(4, np.int64))
        if not terminated.any():
            continue
        endings += int(terminated.sum())
        assert infos["curriculum/task_id"][terminated].tolist() == playing[terminated].tolist()
        assert infos["curriculum/score"][terminated].tolist() == (2.0 + playing[terminated] % 3).tolist()
        _, infos = envs.reset(options={"reset_mask": terminated.copy()})
        assert infos["_curriculum/task_id"].tolist() == terminated.tolist()
        playing[terminated] = infos["curriculum/task_id"][terminated]
    assert curriculum.stats()["num_completed"] == endings > 20


def test_a_reset_abandons_what_is_being_played(make: Make) -> None:
    curriculum = make(PHYSICS)
    envs = VectorCurriculumEnv(make_poles(), curriculum, apply_tasks=set_physics)
    envs.reset(seed=0)
    for _ in range(4):
        envs.step(np.zeros(COPIES, np.int64))
    envs.reset()
    assert curriculum.stats()["num_completed"] == 0
    assert curriculum.stats()["num_created"] == 8


def test_scores_of_tasks_that_have_left_are_refused(make: Make) -> None:
    curriculum = make(PHYSICS)
    envs = VectorCurriculumEnv(CartPoleVectorEnv(8, max_episode_steps=2), curriculum, apply_tasks=set_physics)
    _, infos = envs.reset(seed=0)
    gone = int(infos["curriculum/task_id"][0])
    curriculum.evict(gone)
    envs.step(np.zeros(8, np.int64))
    *_, infos = envs.step(np.zeros(8, np.int64))
    assert infos["curriculum/accepted"].tolist() == (infos["curriculum/task_id"] != gone).tolist()
    assert not infos["curriculum/accepted"].all()


def test_one_bad_score_and_nothing_is_reported(make: Make) -> None:
    def score(episodes: Episodes) -> Any:
        return [0.5] * (len(episodes.tasks) - 1) + [float("nan")]

    curriculum = make(PHYSICS)
    envs = VectorCurriculumEnv(
        CartPoleVectorEnv(4, max_episode_steps=1), curriculum, apply_tasks=set_physics, score=score
    )
    envs.reset(seed=0)
    with pytest.raises(InvalidScoreError, match="index 3"):
        envs.step(np.zeros(4, np.int64))
    assert curriculum.stats()["num_completed"] == 0


def test_what_is_refused(make: Make) -> None:
    curriculum = make(PHYSICS)
    for arguments, message in [
        ((make_cart_pole(), curriculum, set_physics), r"goes into lpcurr\.CurriculumEnv"),
        ((make_poles(), object(), set_physics), r"CurriculumConfig\(…\)\.make\(\)"),
        ((make_poles(), curriculum, None), "apply_tasks is None"),
    ]:
        env, pool, apply_tasks = arguments
        with pytest.raises(ConfigError, match=message):
            VectorCurriculumEnv(env, pool, apply_tasks=apply_tasks)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="score is 3"):
        VectorCurriculumEnv(make_poles(), curriculum, apply_tasks=set_physics, score=3)  # type: ignore[arg-type]
    envs = VectorCurriculumEnv(make_poles(), curriculum, apply_tasks=set_physics)
    with pytest.raises(ConfigError, match="these environments reset by themselves"):
        envs.reset(options={"reset_mask": np.ones(COPIES, np.bool_)})
    disabled = SyncVectorEnv([Countdown] * 2, autoreset_mode=AutoresetMode.DISABLED)
    masked = VectorCurriculumEnv(disabled, curriculum, apply_tasks=set_countdown)
    for mask, message in [([True, False], "give an array"), (np.zeros(2, np.bool_), "nothing to reset")]:
        with pytest.raises(ConfigError, match=message):
            masked.reset(options={"reset_mask": mask})
    assert curriculum.stats()["num_created"] == 0


def test_a_batch_of_tasks_has_the_labels_that_single_draws_have(make: Make) -> None:
    batch = make(PHYSICS, seed=5, num_active_tasks=4).sample_tasks(12)
    single = make(PHYSICS, seed=5, num_active_tasks=4)
    drawn = [single.get_task() for _ in range(12)]
    assert [(each.task_id, each.label) for each in batch] == [(each.task_id, each.label) for each in drawn]
    assert [each.get_env_cfg() for each in batch] == [each.get_env_cfg() for each in drawn]


def test_each_report_of_a_batch_says_whether_it_was_credited(make: Make) -> None:
    curriculum = make(PHYSICS, num_active_tasks=4)
    ids = curriculum.sample_ids(4).tolist()
    curriculum.evict(ids[1])
    reported = [ids[0], ids[1], ids[2], ids[0], ids[1], ids[3]]
    credited = curriculum.update_each(reported, [0.5] * 6)
    assert credited.dtype == np.bool_
    assert credited.tolist() == [True, False, True, True, False, True]
    assert curriculum.update_many(reported, [0.5] * 6) == 4
    assert curriculum.update_each([], []).tolist() == []
    assert (curriculum.stats()["num_completed"], curriculum.stats()["num_refused"]) == (8, 4)


def test_a_batch_passes_over_tasks_that_cannot_be_built(make: Make) -> None:
    def generate(task_id: int) -> dict[str, int]:
        if task_id % 2:
            raise ValueError("odd")
        return {"steps": 2}

    curriculum = make(generate, num_active_tasks=16)
    tasks = curriculum.sample_tasks(64)
    assert len(tasks) == 64
    assert all(task.task_id % 2 == 0 for task in tasks)
    assert curriculum.stats()["num_dropped"] > 0


def test_learning_progress_moves_with_what_is_reported(make: Make) -> None:
    """The whole way: episodes of a native vector change which tasks are drawn."""
    algorithm = LearningProgressConfig(min_samples_for_lp=2)
    curriculum = make(PHYSICS).config.model_copy(update={"algorithm_config": algorithm}).make(PHYSICS)
    with curriculum:
        envs = VectorCurriculumEnv(make_poles(32), curriculum, apply_tasks=set_physics, score=share_of_500)
        envs.reset(seed=0)
        envs.action_space.seed(0)
        for _ in range(200):
            envs.step(envs.action_space.sample())
        probabilities = curriculum.probabilities()[1]
        assert probabilities.max() > 1.2 * probabilities.min()


class Simulator(VectorEnv[Any, Any, Any]):
    """Steps all environments in one go and resets them within the step, as simulators on an accelerator do."""

    metadata: ClassVar[dict[str, Any]] = {"autoreset_mode": AutoresetMode.SAME_STEP}
    single_observation_space = Box(0, 99, (1,), np.float32)
    single_action_space = Discrete(2)

    def __init__(self, num_envs: int) -> None:
        self.num_envs = num_envs
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.next_level = np.zeros(num_envs)
        self.ended: list[tuple[int, float]] = []
        self.random = np.random.default_rng(0)

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        self.level, self.left = self.next_level.copy(), self.random.integers(1, 4, self.num_envs)
        return self.level[:, None].astype(np.float32), {}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        self.left -= 1
        ended = self.left == 0
        rewards = self.level / 10
        infos = (
            {"final_info": {"level": self.level.copy(), "_level": ended}, "_final_info": ended} if ended.any() else {}
        )
        self.ended = list(zip(np.flatnonzero(ended).tolist(), self.level[ended].tolist(), strict=True))
        self.level[ended], self.left[ended] = self.next_level[ended], self.random.integers(1, 4, ended.sum())
        return self.level[:, None].astype(np.float32), rewards, ended, np.zeros_like(ended), infos


def leave_levels(envs: Any, indices: Any, configs: list[dict[str, int]]) -> None:
    envs.next_level[indices] = [config["level"] for config in configs]


def test_simulators_that_reset_within_the_step(make: Make) -> None:
    levels = lpcurr.bucketed({"level": 1}).add_bucket("level", list(range(1, 30)), label=True)
    curriculum = make(levels, num_active_tasks=64)

    def level_of(task_id: Any) -> int:
        return int(curriculum.build(int(task_id))["level"])

    simulator = Simulator(32)
    envs = VectorCurriculumEnv(
        simulator, curriculum, apply_tasks=leave_levels, score=lambda e: e.total_rewards / e.lengths
    )
    _, infos = envs.reset(seed=0)
    begun = [level_of(task_id) for task_id in infos["curriculum/task_id"]]
    assert begun == simulator.level.tolist()
    episodes = 0
    for _ in range(60):
        observations, *_, infos = envs.step(np.zeros(32, int))
        if not simulator.ended:
            assert infos == {}
            continue
        final = infos["final_info"]
        assert np.flatnonzero(final["_curriculum/score"]).tolist() == [index for index, _ in simulator.ended]
        for index, level in simulator.ended:
            assert level_of(final["curriculum/task_id"][index]) == level
            assert final["curriculum/score"][index] == pytest.approx(level / 10)
            assert final["curriculum/accepted"][index]
            assert final["level"][index] == level  # the simulator's own is there still
            assert infos["_curriculum/task_id"][index]
            assert infos["_final_info"][index]
            assert level_of(infos["curriculum/task_id"][index]) == observations[index] == simulator.level[index]
        episodes += len(simulator.ended)
    assert curriculum.stats()["num_completed"] == episodes > 400
    with pytest.raises(ConfigError, match="reset_mask is for autoreset mode DISABLED"):
        envs.reset(options={"reset_mask": np.ones(32, bool)})


def test_reset_with_where_resets_are_the_callers(make: Make) -> None:
    class Seeded(Simulator):
        metadata: ClassVar[dict[str, Any]] = {"autoreset_mode": AutoresetMode.DISABLED}
        given: ClassVar[list[Any]] = []

        def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
            self.given.append((seed, options))
            return super().reset()

    curriculum = make(lambda task_id: {"level": task_id % 7})
    envs = VectorCurriculumEnv(
        Seeded(3),
        curriculum,
        apply_tasks=leave_levels,
        reset_with=lambda configs: {"seed": [c["level"] for c in configs], "options": {"n": len(configs)}},
    )
    envs.reset(seed=5, options={"mine": 1})
    assert Seeded.given == [(envs.unwrapped.next_level.tolist(), {"mine": 1, "n": 3})]
    mask = np.array([True, False, False])
    envs.reset(options={"reset_mask": mask})
    assert Seeded.given[1] == (envs.unwrapped.next_level[:1].tolist(), {"reset_mask": mask, "n": 1})
    with pytest.raises(ConfigError, match="reset_with is for autoreset mode DISABLED"):
        VectorCurriculumEnv(Simulator(2), curriculum, apply_tasks=leave_levels, reset_with=lambda configs: {})


def test_the_trainer_reports_where_the_wrapper_does_not(make: Make) -> None:
    curriculum = make(PHYSICS)
    envs = VectorCurriculumEnv(make_poles(), curriculum, apply_tasks=set_physics, score=share_of_500, report=False)
    envs.reset(seed=4)
    ended = np.zeros(COPIES, np.bool_)
    while not ended.any():
        *_, terminated, truncated, infos = envs.step(np.zeros(COPIES, np.int64))
        ended = terminated | truncated
    assert curriculum.stats()["num_completed"] == 0
    assert not infos["curriculum/accepted"].any()
    assert curriculum.update_many(infos["curriculum/task_id"][ended], infos["curriculum/score"][ended]) == ended.sum()
