"""The training loop of the cart-pole recipe: Stable-Baselines3's PPO, an epoch at a time."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import ConstantSchedule
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv

from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.integrations.gymnasium import SCORE, CurriculumEnv, Episode
from lpcurr.recipes.cartpole_physics.config import CartPolePhysicsConfig
from lpcurr.recipes.cartpole_physics.physics import MAX_STEPS, CartPolePhysics, HeldOutPoles
from lpcurr.recipes.config import Metrics, OnEpoch
from lpcurr.recipes.epochs import Trainee, held_out_figures, task_generator_of, train_epochs

_MODEL, _STREAMS, _COUNTERS = "model.zip", "random_streams.npz", "counters.json"


def train(
    config: CartPolePhysicsConfig, curriculum: Curriculum, seed: int, on_epoch: OnEpoch, resume: Path | None = None
) -> None:
    """Train one policy on the poles that the curriculum gives, up to ``total_steps`` or for ``max_seconds``."""
    generator = task_generator_of(curriculum)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # networks this small are slower with more, and the workers have use for the cores
    poles = make_poles(config, curriculum)
    finished, judged = False, config.evaluation
    try:
        held_out = HeldOutPoles(generator, judged.num_tasks, judged.episodes, judged.seed)
        train_epochs(PoleTrainee(config, poles, held_out, seed, curriculum.count_steps, resume), config, on_epoch)
        finished = True
    finally:
        torch.set_num_threads(threads)
        _close(poles, at_once=not finished)


def make_poles(config: CartPolePhysicsConfig, curriculum: Curriculum) -> VecEnv:
    """The environments, in worker processes or in this one; all share the curriculum's pool."""
    makers: list[Callable[[], gymnasium.Env[Any, Any]]] = [partial(make_pole, curriculum)] * config.workers
    if config.vectorization == "dummy":
        return DummyVecEnv(makers)
    return SubprocVecEnv(makers, start_method=config.start_method)


def make_pole(curriculum: Curriculum) -> CurriculumEnv:
    """One environment; its score is the share of the steps that the pole was held."""
    return CurriculumEnv(CartPolePhysics(), curriculum, score=_share_of_steps)


def _share_of_steps(episode: Episode) -> float:
    return episode.length / MAX_STEPS


def _close(poles: VecEnv, *, at_once: bool) -> None:
    """Close the environments. After an error, workers may be in the middle of an answer, or gone: do not ask them."""
    if at_once and isinstance(poles, SubprocVecEnv):
        for process in poles.processes:
            process.terminate()
            process.join()
        poles.closed = True
    poles.close()


class _Episodes(BaseCallback):  # type: ignore[misc, unused-ignore]
    """Counts episodes and sums their scores, tells the pool of steps, and ends the rollouts when time is up."""

    def __init__(self, trainee: PoleTrainee, count_steps: Callable[[int], None], deadline: float) -> None:
        super().__init__()
        self._trainee, self._count_steps, self._deadline = trainee, count_steps, deadline
        self._rollout_began = 0

    def _on_step(self) -> bool:
        scores = [info[SCORE] for info in self.locals["infos"] if SCORE in info]
        self._trainee.episodes += len(scores)
        self._trainee.score_sum += sum(scores)
        return time.perf_counter() < self._deadline

    def _on_rollout_start(self) -> None:
        self._rollout_began = self.num_timesteps

    def _on_rollout_end(self) -> None:
        self._count_steps(self.num_timesteps - self._rollout_began)


class PoleTrainee(Trainee):
    """Stable-Baselines3's PPO on its poles; ``count_steps`` is told of the steps of every rollout."""

    def __init__(
        self,
        config: CartPolePhysicsConfig,
        poles: VecEnv,
        held_out: HeldOutPoles,
        seed: int,
        count_steps: Callable[[int], None],
        resume: Path | None,
    ) -> None:
        self._config, self._held_out, self._count_steps = config, held_out, count_steps
        self._model = _make_model(config, poles, seed)
        if resume is not None:
            # Not PPO.load: it unpickles, which runs code. Weights and numbers are all that is needed.
            self._model.set_parameters(resume / _MODEL, device="cpu")
            with zipfile.ZipFile(resume / _MODEL) as saved:
                self.steps = self._model.num_timesteps = int(json.loads(saved.read("data"))["num_timesteps"])
            self.episodes = json.loads((resume / _COUNTERS).read_text("utf-8"))["episodes"]
            # Not the seeds of the beginning again: these episodes are to be others.
            poles.seed(int(np.random.SeedSequence([seed, self.steps]).generate_state(1)[0] >> 1))
            _restore_streams(resume / _STREAMS)

    def play(self, until: int, deadline: float) -> None:
        # SB3's own schedules see the steps of one call of learn() only. Falling to 0 over the training: without
        # that, the policy at the end is as much a matter of luck as of what it has learned.
        left = 1.0 - self.steps / self._config.total_steps
        self._model.lr_schedule = ConstantSchedule(left * self._config.learner.learning_rate)
        counting = _Episodes(self, self._count_steps, deadline)
        self._model.learn(until - self.steps, callback=counting, reset_num_timesteps=False)
        self.steps = self._model.num_timesteps

    def evaluate(self) -> Metrics:
        scores = self._held_out.scores(lambda observations: self._model.predict(observations, deterministic=True)[0])
        return held_out_figures(scores, self._config.evaluation.mastered_from)

    def save(self, folder: Path) -> None:
        self._model.save(folder / _MODEL)
        (folder / _COUNTERS).write_text(json.dumps({"episodes": self.episodes}), encoding="utf-8")
        _save_streams(folder / _STREAMS)


def _make_model(config: CartPolePhysicsConfig, poles: VecEnv, seed: int) -> PPO:
    learner = config.learner
    return PPO(
        "MlpPolicy",
        poles,
        learning_rate=learner.learning_rate,
        n_steps=learner.n_steps,
        batch_size=min(learner.batch_size, learner.n_steps * config.workers),
        n_epochs=learner.n_epochs,
        gamma=learner.gamma,
        gae_lambda=learner.gae_lambda,
        clip_range=learner.clip_range,
        ent_coef=learner.ent_coef,
        policy_kwargs={"net_arch": [learner.hidden, learner.hidden]},
        seed=seed,
        device="cpu",
    )


def _save_streams(path: Path) -> None:
    """The two random streams of the process that SB3 draws from: torch's, and NumPy's global one."""
    _, keys, position, has_gauss, gauss = np.random.get_state()  # noqa: NPY002 - SB3's choice
    np.savez(path, torch=torch.get_rng_state().numpy(), keys=keys, rest=[position, has_gauss, gauss])


def _restore_streams(path: Path) -> None:
    with np.load(path) as saved:
        torch.set_rng_state(torch.from_numpy(saved["torch"]))
        position, has_gauss, gauss = saved["rest"]
        np.random.set_state(("MT19937", saved["keys"], int(position), int(has_gauss), float(gauss)))  # noqa: NPY002
