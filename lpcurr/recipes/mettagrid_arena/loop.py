"""The training loop of the arena recipe. Needs mettagrid, pufferlib and torch."""

import functools
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pufferlib.vector
import torch
from mettagrid.config.mettagrid_config import MettaGridConfig
from mettagrid.envs.mettagrid_puffer_env import MettaGridPufferEnv
from mettagrid.simulator import Simulator
from torch import Tensor

from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.integrations.playable import AnyCurriculum
from lpcurr.integrations.puffer import CurriculumEnv
from lpcurr.recipes.config import Metrics, OnEpoch
from lpcurr.recipes.epochs import Floats, Trainee, held_out_figures, held_out_ids, task_generator_of, train_epochs
from lpcurr.recipes.mettagrid_arena.config import AGENTS, MettaGridArenaConfig
from lpcurr.recipes.mettagrid_arena.policy import ArenaPolicy
from lpcurr.recipes.mettagrid_arena.trainer import Trainer, Workers

_LEARNER = "learner.pt"
_SAMPLES = "env_curriculum_stats/per_label_samples"


class ArenaEnv(CurriculumEnv):
    """An arena on the pool's tasks; the infos of an episode's last step have its ``score``."""

    def step(self, *args: Any, **options: Any) -> tuple[Any, Any, Any, Any, Any]:
        """Step the environment."""
        result = super().step(*args, **options)
        if _SAMPLES in result[4]:
            result[4]["score"] = float(self.get_episode_rewards().mean())
        return result


class MakeArena:
    """What PufferLib calls for each environment, in the worker that it is for; ``config`` is that of any task."""

    def __init__(self, curriculum: AnyCurriculum, config: MettaGridConfig) -> None:
        self.curriculum, self.config = curriculum, config
        self._trainer = os.getpid()

    def __call__(self, buf: Any = None, seed: int = 0) -> Any:
        """An environment."""
        if os.getpid() != self._trainer:
            follow_the_parent(os.getpid())
        return ArenaEnv(MettaGridPufferEnv(Simulator(), self.config, buf=buf, seed=seed), self.curriculum)


@functools.cache
def follow_the_parent(pid: int) -> None:
    """In a worker, by its own id, once in each: leave Ctrl-C to the parent, and end when it is gone.

    PufferLib's own loop would not notice that.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # PufferLib ends workers so; what the parent does on it is not theirs

    def end_with_parent() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


def train(
    config: MettaGridArenaConfig, curriculum: Curriculum, seed: int, on_epoch: OnEpoch, resume: Path | None = None
) -> None:
    """Train one policy on the arenas that the curriculum gives, up to ``total_steps`` or for ``max_seconds``."""
    any_task = task_generator_of(curriculum).build(0).env_cfg
    make_env, judged = functools.partial(MakeArena, config=any_task), config.evaluation
    held_out = HeldOutArenas(curriculum, make_env, judged.num_tasks, judged.episodes, judged.seed)
    trainee = ArenaTrainee(config, make_env(curriculum), held_out, seed, resume)
    try:
        train_epochs(trainee, config, on_epoch)
    finally:
        trainee.close()


def puffer_config(config: MettaGridArenaConfig, seed: int) -> dict[str, Any]:
    """The recipe's settings under PufferLib's names; what is not in the recipe makes its trainer plain PPO."""
    learner = config.learner
    batch = config.workers * config.envs_per_worker * AGENTS * learner.rollout_steps
    return {
        "env": "mettagrid_arena",
        "seed": seed,
        "device": "cpu",
        "torch_deterministic": True,
        "cpu_offload": False,
        "compile": False,
        "precision": "float32",
        "use_rnn": False,
        "total_timesteps": max(config.total_steps, batch),
        "batch_size": batch,
        "bptt_horizon": learner.rollout_steps,
        "minibatch_size": batch // learner.minibatches,
        "max_minibatch_size": batch,
        "update_epochs": learner.passes,
        "optimizer": "adam",
        "learning_rate": learner.learning_rate,
        "anneal_lr": False,
        "adam_beta1": 0.9,
        "adam_beta2": 0.999,
        "adam_eps": 1e-8,
        "max_grad_norm": 0.5,
        "gamma": learner.discount,
        "gae_lambda": learner.trace_decay,
        "clip_coef": learner.clip,
        "vf_clip_coef": learner.clip,
        "vf_coef": 0.5,
        "ent_coef": learner.entropy_bonus,
        "prio_alpha": 0.0,  # segments are drawn uniformly
        "prio_beta0": 1.0,
        "vtrace_rho_clip": 1.0,
        "vtrace_c_clip": 1.0,
        "checkpoint_interval": 10**9,
    }


class HeldOutArenas:
    """Arenas that no curriculum is told of, with the same maps at every evaluation.

    They are played in this process. The curriculum's task generator makes them; its pool is left alone.
    ``make_env(evaluation)`` gives what PufferLib calls for an environment; ``seed`` says which arenas, their maps, and
    what the policy draws.
    """

    def __init__(
        self, curriculum: Curriculum, make_env: Callable[[Any], Any], num_tasks: int, episodes: int, seed: int
    ) -> None:
        self._ids = held_out_ids(num_tasks, seed)
        self._curriculum, self._make_env, self._episodes, self._seed = curriculum, make_env, episodes, seed

    def scores(self, policy: Callable[[Tensor], tuple[Tensor, Any]]) -> Floats:
        """Return the mean score of each arena, float64[arenas], under actions drawn from a policy's logits."""
        draws = torch.Generator().manual_seed(self._seed)  # not the learner's, which goes on as if nobody had looked
        with self._curriculum.evaluation(self._ids, self._episodes) as evaluation:
            arenas = pufferlib.vector.make(
                self._make_env(evaluation),
                backend=pufferlib.vector.Serial,
                num_envs=min(len(self._ids), 16),
                seed=self._seed,
            )
            try:
                observations, _ = arenas.reset(seed=self._seed)
                while not evaluation.done:
                    with torch.no_grad():
                        chances = policy(torch.as_tensor(observations))[0].softmax(dim=-1)
                    actions = torch.multinomial(chances, 1, generator=draws)[:, 0]
                    observations, *_ = arenas.step(actions.numpy().astype(np.int32))
            finally:
                arenas.close()
            scores: Floats = np.array(list(evaluation.result().scores.values()))
        return scores


class ArenaTrainee(Trainee):
    """PufferLib's PPO, as ``trainer``, in its arenas."""

    def __init__(
        self,
        config: MettaGridArenaConfig,
        make_env: MakeArena,
        held_out: HeldOutArenas,
        seed: int,
        resume: Path | None,
    ) -> None:
        self._held_out, self._mastered_from = held_out, config.evaluation.mastered_from
        self._threads = torch.get_num_threads()
        # PufferLib's workers spin while they wait, so threads beyond the cores that they leave cost ten times the time.
        torch.set_num_threads(config.learner.torch_threads)
        stored: dict[str, Any] = {} if resume is None else torch.load(resume / _LEARNER, weights_only=True)
        torch.manual_seed(seed)
        policy = ArenaPolicy(make_env.config, config.learner.hidden_size)
        if stored:
            policy.load_state_dict(stored["policy"])
            torch.set_rng_state(stored["random"])
            self.steps, self.episodes = stored["steps"], stored["episodes"]
        begin = seed + self.steps  # which maps come up, from here on
        how: dict[str, Any] = {"backend": Workers, "num_workers": config.workers, "overwork": True}
        if config.vectorization == "serial":
            how = {"backend": pufferlib.vector.Serial}
        num_envs = config.workers * config.envs_per_worker
        arenas = pufferlib.vector.make(make_env, num_envs=num_envs, seed=begin, **how)
        self.trainer = Trainer(puffer_config(config, begin), arenas, policy)
        self.trainer.global_step = self.steps
        if stored:
            self.trainer.optimizer.load_state_dict(stored["optimizer"])

    def play(self, until: int, deadline: float) -> None:
        in_time = True
        while self.steps < until and in_time:
            self.trainer.evaluate()
            self.trainer.train()
            self.steps = int(self.trainer.global_step)
            in_time = time.perf_counter() < deadline
        self.episodes += len(self.trainer.scores)
        self.score_sum += sum(self.trainer.scores)
        self.trainer.scores.clear()

    def evaluate(self) -> Metrics:
        scores = self._held_out.scores(self.trainer.uncompiled_policy.forward_eval)
        return held_out_figures(scores, self._mastered_from)

    def save(self, folder: Path) -> None:
        state = {
            "policy": self.trainer.uncompiled_policy.state_dict(),
            "optimizer": self.trainer.optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "steps": self.steps,
            "episodes": self.episodes,
        }
        torch.save(state, folder / _LEARNER)

    def close(self) -> None:
        """End the workers."""
        self.trainer.close()
        torch.set_num_threads(self._threads)
