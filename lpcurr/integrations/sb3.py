"""Stable-Baselines3: environments take their tasks from a shared pool, a callback logs what the curriculum does.

The environments are ``lpcurr.CurriculumEnv`` s, in a ``DummyVecEnv`` or, one process each, in a ``SubprocVecEnv``: SB3
pickles the functions that make them, and with them the curriculum, which attaches to its pool on the other side. Start
methods ``forkserver`` (SB3's own choice) and ``spawn`` are meant; torch's threads do not survive ``fork``.

>>> import gymnasium
>>> from stable_baselines3 import PPO
>>> from stable_baselines3.common.vec_env import DummyVecEnv
>>> from lpcurr import CurriculumConfig, CurriculumEnv
>>> from lpcurr.generators import bucketed
>>> tasks = bucketed({"gravity": 9.8}).add_bucket("gravity", [1.6, 9.8, 24.8], label=True)
>>> curriculum = CurriculumConfig(num_active_tasks=16, seed=0, task_generator=tasks).make()
>>> def set_gravity(env, config):
...     env.unwrapped.gravity = config["gravity"]
>>> def make_pole():
...     return CurriculumEnv(gymnasium.make("CartPole-v1"), curriculum, apply_task=set_gravity,
...                          score=lambda episode: episode.length / 500)
>>> poles = DummyVecEnv([make_pole] * 2)  # or SubprocVecEnv([make_pole] * 2, start_method="forkserver")
>>> model = PPO("MlpPolicy", poles, n_steps=128, n_epochs=1, device="cpu", seed=0)
>>> model = model.learn(512, callback=CurriculumCallback(curriculum))
>>> curriculum.stats()["num_completed"] > 10
True
>>> poles.close(); curriculum.close(); curriculum.unlink()
"""

import os
from pathlib import Path

from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.errors import ConfigError
from lpcurr.integrations import needs
from lpcurr.integrations.gymnasium import SCORE
from lpcurr.integrations.playable import as_learning_curriculum, check_count

with needs("stable_baselines3", 'lpcurr.integrations.sb3 needs Stable-Baselines3: pip install "lpcurr[sb3]"'):
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

_OFF_POLICY_EPOCH = 1000
# SB3's table on the terminal cuts names at 36 characters, and fails where two become the same: the rest, labels above
# all, goes to the other formats only.
_IN_THE_TABLE = ("num_active_tasks", "num_completed", "num_evicted")
_TABLES = ("stdout", "log")


class CurriculumCallback(BaseCallback):  # type: ignore[misc, unused-ignore]
    """Logs a curriculum's statistics, ends its epochs, and saves it beside the model.

    At the end of each rollout, or of the first one after ``epoch_steps`` more environment steps, it records in SB3's
    logger ``curriculum/<key>`` for everything in ``curriculum.stats()`` and ``curriculum/mean_score``, the mean score
    of the episodes that ended since (none where none did), and calls ``curriculum.on_epoch_end()``. On the terminal
    only the main ones are shown; TensorBoard, CSV and JSON get all. ``lpcurr top`` is told of the environment steps.

    With ``save_freq`` and ``save_path``, as given to SB3's ``CheckpointCallback``, the pool is written beside the
    model at the same moments: ``<name_prefix>_curriculum_<steps>_steps.lpc``, for ``Curriculum.load``.

    Args:
        curriculum: the one that the environments play, or the id of its session; it stays open.
        epoch_steps: environment steps of an epoch, at least. By default a rollout, and for off-policy algorithms, whose
            rollouts are a few steps long, 1,000 steps.
        save_freq: calls of ``env.step()``, which steps all environments, between two saves.
        save_path: the folder to save in.
        name_prefix: the model's.
        verbose: as in all callbacks of SB3; from 2 up it says what was saved.

    Raises:
        ConfigError: an argument is of the wrong kind, or only one of ``save_freq`` and ``save_path`` is given.

    >>> from lpcurr import CurriculumConfig
    >>> curriculum = CurriculumConfig(num_active_tasks=16, use_shared_memory=False).make()
    >>> callback = CurriculumCallback(curriculum, save_freq=10_000, save_path="checkpoints")
    >>> curriculum.close()
    """

    def __init__(
        self,
        curriculum: Curriculum | str,
        *,
        epoch_steps: int | None = None,
        save_freq: int | None = None,
        save_path: str | os.PathLike[str] | None = None,
        name_prefix: str = "rl_model",
        verbose: int = 0,
    ) -> None:
        super().__init__(verbose)
        self.curriculum = as_learning_curriculum(curriculum)
        for name, value in (("epoch_steps", epoch_steps), ("save_freq", save_freq)):
            if value is not None:
                check_count(name, value)
        if (save_freq is None) != (save_path is None):
            raise ConfigError("save_freq says when and save_path where to save: give both or neither")
        self._epoch_steps = epoch_steps
        self._save_freq = save_freq
        self._save_path = None if save_path is None else Path(save_path)
        self._name_prefix = name_prefix
        self._epoch_began = self._rollout_began = 0
        self._score_sum, self._episodes = 0.0, 0

    def _init_callback(self) -> None:
        self._epoch_began = self.model.num_timesteps
        if self._epoch_steps is None:
            self._epoch_steps = _OFF_POLICY_EPOCH if isinstance(self.model, OffPolicyAlgorithm) else 1
        if self._save_path is not None:
            self._save_path.mkdir(parents=True, exist_ok=True)

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            if SCORE in info:
                self._score_sum += info[SCORE]
                self._episodes += 1
        if self._save_freq is not None and self.n_calls % self._save_freq == 0:
            assert self._save_path is not None
            path = self._save_path / f"{self._name_prefix}_curriculum_{self.num_timesteps}_steps.lpc"
            self.curriculum.save(path)
            if self.verbose >= 2:
                print(f"Saving curriculum checkpoint to {path}")
        return True

    def _on_rollout_start(self) -> None:
        self._rollout_began = self.num_timesteps

    def _on_rollout_end(self) -> None:
        self.curriculum.count_steps(self.num_timesteps - self._rollout_began)
        assert self._epoch_steps is not None
        if self.num_timesteps - self._epoch_began < self._epoch_steps:
            return
        self._epoch_began = self.num_timesteps
        for key, value in self.curriculum.stats().items():
            self.logger.record(f"curriculum/{key}", value, exclude=None if key in _IN_THE_TABLE else _TABLES)
        if self._episodes:
            self.logger.record("curriculum/mean_score", self._score_sum / self._episodes)
        self._score_sum, self._episodes = 0.0, 0
        self.curriculum.on_epoch_end()
