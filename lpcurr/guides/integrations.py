"""Integrations
============

Each is a thin module whose docstring explains it with an example (`python -m pydoc lpcurr.integrations.NAME`), and
needs its own library.

    lpcurr.CurriculumEnv                     Gymnasium: one environment, alone or in SyncVectorEnv and AsyncVectorEnv
    lpcurr.integrations.gymnasium_vector     its natively vectorised environments, tasks taken many at a time; those
                                             that reset within the step (SAME_STEP), as Isaac Lab and Brax do
    lpcurr.integrations.sb3                  Stable-Baselines3: a callback that logs and saves the curriculum
    lpcurr.integrations.pettingzoo           PettingZoo's parallel environments
    lpcurr.integrations.puffer               PufferLib environments, MettaGrid among them
    lpcurr.integrations.torch                PyTorch, Lightning: batches of distinct prompts for a DataLoader, resumable
    lpcurr.integrations.trl                  TRL: GRPOTrainer takes its prompts from a curriculum
    lpcurr.integrations.slime                slime: a data source, and a hook that reports every group
    lpcurr.integrations.verl                 verl: a data set whose rows the curriculum chooses, told by the trainer
    lpcurr.integrations.prime_rl             prime-rl: a task sampler
    lpcurr.integrations.metta                drop-in for metta.cogworks.curriculum

Each takes a curriculum, an evaluation (`lpcurr help evaluation`) or the id of a session.

These work with no integration of their own: threads, which may share one curriculum; RLlib, whose environments get the
curriculum in `env_config`; the local ranks of torchrun, where rank 0 makes the curriculum and the others
`lpcurr.attach(session_id)`; Gymnasium environments in PufferLib, as
`GymnasiumPufferEnv(env=lpcurr.CurriculumEnv(…))`; `gymnasium.make_vec(…, wrappers=[partial(lpcurr.CurriculumEnv, …)])`;
SuperSuit outside of `ParallelCurriculumEnv`; TorchRL, `GymWrapper(lpcurr.CurriculumEnv(…))` in its collectors and
`ParallelEnv`, without an info reader, which takes no plain numbers; Tianshou's collectors and vectors.

Two curricula of one environment, such as of maps and of opponents: a `CurriculumEnv` in another one. Each hears of
every episode; `info` is the outer one's.

Families of tasks with other spaces go into one curriculum where each environment plays those of one label:
`lpcurr.CurriculumEnv(env, curriculum, label="maze", apply_task=…)`.

Isaac Lab's environments are a `gymnasium.Env` with `num_envs`, tensors on a device, and resets within the step. The
wrapper for native vectors takes them and all that look like them; it was tried with this look-alike, not with Isaac
Lab itself. A task is left where the next reset reads it, since it is drawn an episode ahead:

>>> import gymnasium, lpcurr, numpy as np
>>> from gymnasium.spaces import Box
>>> from gymnasium.vector import AutoresetMode
>>> from lpcurr.integrations.gymnasium_vector import VectorCurriculumEnv
>>> class LookAlike(gymnasium.Env):
...     num_envs, single_observation_space, single_action_space = 4, Box(-1, 1, (3,)), Box(-1, 1, (2,))
...     observation_space, action_space = Box(-1, 1, (4, 3)), Box(-1, 1, (4, 2))
...     terrain_levels = np.zeros(4)
...
...     def reset(self, seed=None, options=None):
...         self.steps = np.zeros(4)
...         return self.observation_space.sample(), {}
...
...     def step(self, actions):
...         self.steps += 1
...         ended = self.steps > 3
...         self.steps[ended] = 0
...         return self.observation_space.sample(), np.ones(4), ended, np.zeros(4, bool), {}
>>> def set_levels(env, indices, configs):
...     env.unwrapped.terrain_levels[indices] = [config["level"] for config in configs]
>>> levels = lpcurr.bucketed({"level": 0}).add_bucket("level", list(range(10)), label=True)
>>> with lpcurr.CurriculumConfig(num_active_tasks=10, seed=0, task_generator=levels).make() as curriculum:
...     env = VectorCurriculumEnv(LookAlike(), curriculum, apply_tasks=set_levels,
...                               score=lambda episodes: episodes.lengths / 4, autoreset_mode=AutoresetMode.SAME_STEP)
...     observations, infos = env.reset()
...     for _ in range(8):
...         observations, rewards, terminated, truncated, infos = env.step(env.action_space.sample())
...     curriculum.stats()["num_completed"], infos["final_info"]["curriculum/score"].tolist()
(8.0, [1.0, 1.0, 1.0, 1.0])

Environments in JAX (gymnax, Brax): a rollout is compiled, so ids and scores cross once in each, and what is drawn is
played an episode ahead. `lpcurr/recipes/examples/gymnax_poles.py` (extra `jax`) does it with thousands of CartPoles:

    following = curriculum.sample_ids(num_envs).astype(np.int32)     # begun where the next episodes end
    carried, playing = rollout(carried, following, key)              # says which task each ended episode was of
    ended, task, score = (np.asarray(told[name]) for name in ("ended", "task", "score"))
    curriculum.update_many(task[ended], score[ended])                # of the rollout before, while this one plays
    told = playing

There tasks are a list, whose ids are its places. A generator's ids have 53 bits and do not fit into JAX's int32: leave
them on the host, `ids = curriculum.sample_ids(n)`, and let the rollout tell the places 0 … n − 1 in that array.

Anything else: `get_task()` at the start of an episode and `update_task_performance(task.task_id, score)` at its end is
all there is; `lpcurr/recipes/examples/cleanrl_ppo.py` does it in one file. `sample_ids(k)` and
`update_many(ids, scores)` do k of them at once, for 0.1 µs each.

>>> with lpcurr.CurriculumConfig(num_active_tasks=64, seed=0).make() as curriculum:
...     ids = curriculum.sample_ids(256)
...     curriculum.update_many(ids, np.ones(256))
256
"""
