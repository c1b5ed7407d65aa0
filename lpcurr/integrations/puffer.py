"""PufferLib: every episode of a ``PufferEnv`` plays a task, in each of PufferLib's vector backends.

Made for MettaGrid's ``MettaGridPufferEnv``, and for any other ``PufferEnv`` that has its two methods:
``set_mg_config(config)``, which says what the next reset makes, and ``get_episode_rewards()``, the rewards of each
agent summed over the episode, still there after the step that ends it.

Worker processes share one pool because PufferLib hands the function that makes the environments to each of them, and
the curriculum with it: a forked worker has its own place in the pool at once, a spawned one attaches.

>>> import mettagrid.builder.envs
>>> import numpy as np
>>> import pufferlib.vector
>>> from lpcurr import CurriculumConfig
>>> from lpcurr.generators import bucketed
>>> from mettagrid.envs.mettagrid_puffer_env import MettaGridPufferEnv
>>> from mettagrid.simulator import Simulator
>>> arena = mettagrid.builder.envs.make_arena(num_agents=2)
>>> tasks = bucketed(arena, label="arena").add_bucket("game.max_steps", [10, 20])
>>> curriculum = CurriculumConfig(num_active_tasks=16, seed=0, task_generator=tasks).make()
>>> def make_env(buf=None, seed=0):
...     return CurriculumEnv(MettaGridPufferEnv(Simulator(), arena, buf=buf, seed=seed), curriculum)
>>> envs = pufferlib.vector.make(make_env, backend=pufferlib.vector.Serial, num_envs=2)
>>> observations, infos = envs.reset(seed=0)
>>> for _ in range(20):
...     observations, rewards, terminals, truncations, infos = envs.step(np.zeros(4, np.int32))
>>> all(terminals), infos[-1]["env_curriculum_stats/per_label_samples"], int(curriculum.stats()["num_completed"]) >= 2
(True, {'arena': 1}, True)
>>> envs.close(); curriculum.close(); curriculum.unlink()
"""

from typing import Any

from lpcurr.curriculum.task import CurriculumTask
from lpcurr.errors import ConfigError
from lpcurr.integrations import needs
from lpcurr.integrations.playable import (
    Abandonment,
    AnyCurriculum,
    PlayableTasks,
    ResetWith,
    as_curriculum,
    break_off,
    check_arguments,
    credit,
    reset_arguments,
)

with needs("pufferlib", 'lpcurr.integrations.puffer needs PufferLib: pip install "lpcurr[metta]"'):
    from pufferlib import PufferEnv

_OWN = {
    *("_abandonment", "_env", "_curriculum", "_current_task", "_waiting", "_ended", "_length", "_playable"),
    *("_reset_with", "infos"),
}
_Step = tuple[Any, Any, Any, Any, Any]


class CurriculumEnv(PufferEnv):  # type: ignore[misc, unused-ignore]
    """A ``PufferEnv`` that plays what a curriculum gives it.

    ``reset`` takes a task and begins it. The step that ends the episode reports one score, the mean of
    ``get_episode_rewards()`` over the agents, merges ``curriculum.get_episode_stats(label)`` into the infos, and takes
    the next task; the step after begins it, which is when ``MettaGridPufferEnv`` would have begun the next episode by
    itself. A reset in mid-episode abandons the episode: nothing is reported.

    An episode is over once every agent has been terminal or truncated in it, at the same step or one after another.

    In the infos, for each ended episode: ``env_curriculum_stats/per_label_samples`` = ``{label: 1}`` and
    ``env_curriculum_stats/per_label_evictions``, the evictions of the *whole pool* so far in this epoch (so take the
    latest of these, and the sum of the former).

    Impossible tasks, for which ``set_mg_config`` or the environment's ``reset`` raises, are passed over as in
    :class:`lpcurr.CurriculumEnv`.

    Everything else, attributes and methods, is that of the environment inside, for reading and for setting.

    Args:
        env: the environment to play in.
        curriculum: where the tasks come from: a curriculum, an evaluation, or the id of a session.
        reset_with: ``reset_with(config)`` gives what of a task belongs in the environment's ``reset``, as a dict with
            ``seed``, and ``options`` where it takes any.
        max_task_attempts: tasks in a row that may turn out unplayable; by default the curriculum's.

    Raises:
        ConfigError: the environment lacks one of the two methods, or an argument is of the wrong kind.
    """

    def __init__(
        self,
        env: Any,
        curriculum: AnyCurriculum | str,
        *,
        reset_with: ResetWith | None = None,
        max_task_attempts: int | None = None,
    ) -> None:
        # Not super().__init__(), which would make buffers and spaces: those are the environment's.
        check_arguments(max_task_attempts, reset_with=reset_with)
        for name in ("set_mg_config", "get_episode_rewards"):
            if not callable(getattr(env, name, None)):
                raise ConfigError(
                    f"{type(env).__name__} has no method {name}(): give a MettaGridPufferEnv, or a PufferEnv that has "
                    "set_mg_config(config) and get_episode_rewards()"
                )
        self._env = env
        self._curriculum = as_curriculum(curriculum)
        self._reset_with = reset_with
        self._playable = PlayableTasks(max_task_attempts or self._curriculum.config.max_task_attempts)
        self._current_task: CurriculumTask | None = None
        self._waiting = False  # the current task is set, and the environment has not begun it
        self._ended: Any = False  # the agents whose episode is over, bool[agents] once one's is
        self._length = 0  # steps of the episode
        self._abandonment = Abandonment()

    def reset(self, *args: Any, **options: Any) -> tuple[Any, Any]:
        """Begin an episode: of the task that waits after the end of one, else of a new one.

        Raises:
            TaskGenerationError: ``max_task_attempts`` tasks in a row could not be played.
        """
        waiting = self._current_task if self._waiting else None
        if waiting is None:
            break_off(self._curriculum, self._current_task)
            if self._length:
                self._abandonment.abandoned()
        self._waiting = False
        _, result = self._playable.begin(self._curriculum, lambda task: self._begin(task, args, options), waiting)
        self._ended, self._length = False, 0
        return result

    def step(self, *args: Any, **options: Any) -> _Step:
        """Step the environment; the step that ends the episode reports its score.

        The first step after the end of an episode begins the next one, as does a step before any reset.

        Raises:
            TaskGenerationError: ``max_task_attempts`` tasks in a row could not be played.
            InvalidScoreError: the episode's score is not a finite number; nothing was reported.
        """
        if self._waiting or self._current_task is None:
            self.reset()
        result: _Step = self._env.step(*args, **options)
        self._length += 1
        _, _, terminals, truncations, infos = result
        if terminals.any() or truncations.any():
            self._ended = self._ended | terminals | truncations
            if self._ended.all():
                self._finish(infos)
        return result

    def close(self) -> None:
        """Close the environment; the curriculum, which is the trainer's, stays open."""
        self._env.close()

    # -- inside -------------------------------------------------------------------------------------------------

    def _begin(self, task: CurriculumTask, args: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, Any]:
        if task is not self._current_task:  # else it has waited
            self._set(task)
        if self._reset_with is not None:
            of_task = reset_arguments(self._reset_with, task.get_shared_env_cfg())
            args, options = () if "seed" in of_task else args, options | of_task
        try:
            result: tuple[Any, Any] = self._env.reset(*args, **options)
        except Exception:
            self._forget_broken_simulation()
            raise
        return result

    def _set(self, task: CurriculumTask) -> None:
        self._current_task = task
        # Not a copy, which took 4 % of a training on MettaGrid's arena; its environments only read it.
        self._env.set_mg_config(task.get_shared_env_cfg())

    def _take_task(self) -> None:
        """Take a task whose configuration the environment accepts; it waits for the next reset."""
        self._playable.find(self._curriculum, self._set)
        self._waiting = True

    def _finish(self, infos: Any) -> None:
        task = self._current_task
        assert task is not None
        self._abandonment.ended()
        self._credit(task, float(self._env.get_episode_rewards().mean()))
        merge_episode_stats(infos, self._curriculum.get_episode_stats(task.label))
        self._take_task()

    def _credit(self, task: CurriculumTask, score: float) -> None:
        credit(self._curriculum, task, score, self._length)

    def _forget_broken_simulation(self) -> None:
        # MettaGridPufferEnv closes its old simulation before it makes the new one. Where the making fails it still
        # holds the closed one, and would fail for ever on closing that again.
        if getattr(self._env, "_sim", None) is not None:
            self._env._sim = None

    # -- the rest is the environment's --------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        if name in _OWN:  # not made yet: while unpickling, say
            raise AttributeError(name)
        return getattr(self._env, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            object.__setattr__(self, name, value)
        else:
            setattr(self._env, name, value)

    # Properties of PufferEnv, which are found before __getattr__.
    agent_per_batch = property(lambda self: self._env.agent_per_batch)
    emulated = property(lambda self: self._env.emulated)
    done = property(lambda self: self._env.done)


def merge_episode_stats(infos: Any, stats: dict[str, dict[str, Any]]) -> None:
    """Add the statistics of an episode to the infos of a step, in place.

    Args:
        infos: a dict, or a list of dicts, of which the first takes them.
        stats: numbers by label, by name; they are added to those that are there.

    >>> infos = {"env_curriculum_stats/per_label_samples": {"arena": 1}}
    >>> merge_episode_stats(infos, {"env_curriculum_stats/per_label_samples": {"arena": 1, "maze": 1}})
    >>> infos
    {'env_curriculum_stats/per_label_samples': {'arena': 2, 'maze': 1}}
    """
    if isinstance(infos, list):
        if not infos:
            infos.append({})
        infos = infos[0]
    for name, by_label in stats.items():
        merged = infos.setdefault(name, {})
        for label, number in by_label.items():
            merged[label] = merged.get(label, 0) + number
