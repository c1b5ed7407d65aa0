"""Stable-Baselines3's PPO and DQN on tasks of a shared pool, its vector environments, its logger, its checkpoints."""

from __future__ import annotations

import doctest
import importlib
import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.callbacks import BaseCallback, CallbackList, CheckpointCallback, EvalCallback
from stable_baselines3.common.logger import configure
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lpcurr import ConfigError, Curriculum, CurriculumConfig, DiscreteRandomConfig
from lpcurr.integrations.sb3 import CurriculumCallback

from ..sample_tasks import PHYSICS, make_physics_pole

CAPACITY = 8


@pytest.fixture
def curriculum() -> Iterator[Curriculum]:
    """A shared pool whose tasks stay once it is full."""
    config = CurriculumConfig(num_active_tasks=CAPACITY, seed=0, algorithm_config=DiscreteRandomConfig())
    with config.make(PHYSICS) as curriculum:
        yield curriculum


class Endings(BaseCallback):
    """What the trainer sees of each episode's end: the task's id, its score, the environment."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, float, int]] = []

    def _on_step(self) -> bool:
        for i, (done, info) in enumerate(zip(self.locals["dones"], self.locals["infos"], strict=True)):
            assert ("curriculum/score" in info) == done
            if done:
                assert info["curriculum/accepted"]
                self.seen.append((info["curriculum/task_id"], info["curriculum/score"], i))
        return True


def make_ppo(envs: VecEnv, **settings: Any) -> PPO:
    return PPO("MlpPolicy", envs, n_steps=64, batch_size=64, n_epochs=1, device="cpu", seed=0, **settings)


def check_the_books(curriculum: Curriculum, endings: Endings) -> None:
    """The pool holds exactly what the trainer has seen, task by task."""
    assert len(endings.seen) > 10
    assert curriculum.stats()["num_completed"] == len(endings.seen)
    for task_id in curriculum.probabilities()[0].tolist():
        scores = [score for each, score, _ in endings.seen if each == task_id]
        stats = curriculum.get_task_stats(task_id)
        assert stats is not None
        assert (stats["completion_count"], stats["total_score"]) == (len(scores), pytest.approx(sum(scores)))


def test_in_one_process(curriculum: Curriculum) -> None:
    envs = DummyVecEnv([partial(make_physics_pole, curriculum)] * 2)
    endings = Endings()
    make_ppo(envs).learn(600, callback=CallbackList([endings, CurriculumCallback(curriculum)]))
    envs.close()
    check_the_books(curriculum, endings)
    assert sum(each["steps"] for each in curriculum.process_counters()) == 640


@pytest.mark.parametrize("start_method", ["spawn", "forkserver"])
def test_processes_share_one_pool(curriculum: Curriculum, start_method: str) -> None:
    envs = SubprocVecEnv([partial(make_physics_pole, curriculum)] * 2, start_method=start_method)
    try:
        endings = Endings()
        make_ppo(envs).learn(600, callback=CallbackList([endings, CurriculumCallback(curriculum)]))
        assert len({os.getpid(), *envs.get_attr("worker_pid")}) == 3
    finally:
        envs.close()
    check_the_books(curriculum, endings)
    assert curriculum.stats()["num_created"] == CAPACITY
    played = [{task_id for task_id, _, env in endings.seen if env == i} for i in range(2)]
    assert played[0] & played[1], "each worker played tasks of its own only"


def test_statistics_go_to_every_format_of_the_logger(curriculum: Curriculum, tmp_path: Path) -> None:
    envs = DummyVecEnv([partial(make_physics_pole, curriculum)] * 2)
    model = make_ppo(envs)
    model.set_logger(configure(str(tmp_path), ["log", "json", "csv", "tensorboard"]))
    endings = Endings()
    model.learn(512, callback=CallbackList([endings, CurriculumCallback(curriculum)]))
    model.logger.close()
    rows = [json.loads(line) for line in (tmp_path / "progress.json").read_text().splitlines()]
    assert len(rows) == 4
    final = {f"curriculum/{key}": value for key, value in curriculum.stats().items()}
    counted = [key for key in final if "epoch" not in key]
    assert {key: rows[-1][key] for key in counted} == pytest.approx({key: final[key] for key in counted})
    assert any("per_label_completions/physics" in key for key in rows[-1])
    means = [row["curriculum/mean_score"] for row in rows if "curriculum/mean_score" in row]
    scores = [score for _, score, _ in endings.seen]
    assert min(scores) <= min(means) <= max(means) <= max(scores)
    table = (tmp_path / "log.txt").read_text()
    assert "num_completed" in table
    assert "per_label" not in table
    events = EventAccumulator(str(tmp_path)).Reload()
    (*_, last) = events.Scalars("curriculum/num_completed")
    assert (last.step, last.value) == (512, final["curriculum/num_completed"])


def test_the_pool_is_saved_beside_the_model(curriculum: Curriculum, tmp_path: Path) -> None:
    envs = DummyVecEnv([partial(make_physics_pole, curriculum)] * 2)
    saving = [
        CheckpointCallback(save_freq=100, save_path=str(tmp_path)),
        CurriculumCallback(curriculum, save_freq=100, save_path=tmp_path),
    ]
    make_ppo(envs).learn(512, callback=CallbackList(saving))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "rl_model_200_steps.zip",
        "rl_model_400_steps.zip",
        "rl_model_curriculum_200_steps.lpc",
        "rl_model_curriculum_400_steps.lpc",
    ]
    model = PPO.load(tmp_path / "rl_model_400_steps.zip", env=envs, device="cpu")
    with Curriculum.load(tmp_path / "rl_model_curriculum_400_steps.lpc", PHYSICS) as restored:
        assert 0 < restored.stats()["num_completed"] <= curriculum.stats()["num_completed"]
        assert restored.probabilities()[0].tolist() == curriculum.probabilities()[0].tolist()
        resumed = DummyVecEnv([partial(make_physics_pole, restored)] * 2)
        model.set_env(resumed)
        before = restored.stats()["num_completed"]
        model.learn(256, reset_num_timesteps=False, callback=CurriculumCallback(restored))
        assert restored.stats()["num_completed"] > before


def test_off_policy_rollouts_are_gathered_into_epochs(curriculum: Curriculum, tmp_path: Path) -> None:
    envs = DummyVecEnv([partial(make_physics_pole, curriculum)])
    model = DQN("MlpPolicy", envs, learning_starts=50, train_freq=4, device="cpu", seed=0)
    model.set_logger(configure(str(tmp_path), ["json"]))
    ends: list[float] = []

    class Ends(CurriculumCallback):
        def _on_rollout_end(self) -> None:
            before = self._epoch_began
            super()._on_rollout_end()
            if self._epoch_began != before:
                ends.append(self.num_timesteps)

    model.learn(450, callback=Ends(curriculum, epoch_steps=100))
    model.logger.close()
    assert ends == [100, 200, 300, 400]


def test_what_is_refused(curriculum: Curriculum) -> None:
    for settings, message in [
        ({"epoch_steps": 0}, "epoch_steps is 0"),
        ({"save_freq": True, "save_path": "x"}, "save_freq is True"),
        ({"save_freq": 100}, "give both or neither"),
        ({"save_path": "x"}, "give both or neither"),
    ]:
        with pytest.raises(ConfigError, match=message):
            CurriculumCallback(curriculum, **settings)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="curriculum is a dict"):
        CurriculumCallback({})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["lpcurr.integrations.sb3", "lpcurr.recipes.examples.cleanrl_ppo"])
def test_the_examples_in_the_docs_run(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert results.failed == 0
    assert results.attempted > 0


def test_each_evaluation_of_a_training_is_a_whole_pass(curriculum: Curriculum) -> None:
    class NextPass(BaseCallback):
        def __init__(self) -> None:
            super().__init__()
            self.passes: list[tuple[bool, int]] = []

        def _on_step(self) -> bool:
            self.passes.append((evaluation.done, len(evaluation.result().scores)))
            evaluation.restart()
            return True

    next_pass = NextPass()
    with curriculum.evaluation(range(5), episodes_each=2) as evaluation:
        envs = DummyVecEnv([partial(make_physics_pole, evaluation)])
        after = EvalCallback(envs, n_eval_episodes=10, eval_freq=64, callback_after_eval=next_pass, verbose=0)
        model = make_ppo(DummyVecEnv([partial(make_physics_pole, curriculum)]))
        model.learn(256, callback=after)
        envs.close()
    model.get_env().close()
    assert next_pass.passes == [(True, 5)] * 4
