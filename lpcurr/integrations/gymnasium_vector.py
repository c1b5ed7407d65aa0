"""Gymnasium environments that are vectors by nature: tasks are taken, and scores reported, for many at once.

For an environment that steps all its copies in one go, as ``CartPoleVectorEnv`` or a simulator on an accelerator does.
Vectors of single environments, ``SyncVectorEnv`` and ``AsyncVectorEnv``, take ``lpcurr.CurriculumEnv`` inside instead.

>>> import gymnasium
>>> from lpcurr import CurriculumConfig
>>> from lpcurr.generators import bucketed
>>> tasks = bucketed({"gravity": 9.8}).add_bucket("gravity", [1.6, 9.8, 24.8], label=True)
>>> curriculum = CurriculumConfig(num_active_tasks=32, seed=0, task_generator=tasks).make()
>>> def set_gravity(envs, indices, configs):
...     envs.gravity = np.resize(envs.gravity, envs.num_envs)  # one for each: it broadcasts through CartPole's step
...     envs.gravity[indices] = [config["gravity"] for config in configs]
>>> poles = gymnasium.make_vec("CartPole-v1", num_envs=64, vectorization_mode="vector_entry_point")
>>> envs = VectorCurriculumEnv(poles, curriculum, apply_tasks=set_gravity,
...                            score=lambda episodes: episodes.lengths / 500)
>>> observations, infos = envs.reset(seed=0)
>>> infos["curriculum/label"][:3].tolist(), poles.gravity[:3].tolist()
(['gravity=9.8', 'gravity=24.8', 'gravity=9.8'], [9.8, 24.8, 9.8])
>>> for _ in range(100):
...     observations, rewards, terminated, truncated, infos = envs.step(envs.action_space.sample())
>>> curriculum.stats()["num_completed"] > 64
True
>>> envs.close(); curriculum.close(); curriculum.unlink()

Simulators that are vectors in all but name, such as a ``gymnasium.Env`` with ``num_envs``, are taken with
``autoreset_mode=``, which says when their next episodes begin (``lpcurr help integrations`` has an example). Tensors
stay where they are; rewards and ends are copied from their device at each step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from numpy.typing import ArrayLike, NDArray

from lpcurr.curriculum.task import CurriculumTask
from lpcurr.errors import ConfigError
from lpcurr.integrations.gymnasium import ACCEPTED, LABEL, SCORE, TASK_ID
from lpcurr.integrations.playable import Abandonment, AnyCurriculum, as_curriculum, break_off, reset_arguments
from lpcurr.integrations.spaces import check_space

_Envs = VectorEnv[Any, Any, Any]
if TYPE_CHECKING:
    _Wrapper = VectorWrapper[Any, Any, Any, Any, Any]
else:
    _Wrapper = VectorWrapper  # which Gymnasium 1.2 has as a plain class
_SPACES = ("single_observation_space", "single_action_space", "observation_space", "action_space")
Bools = NDArray[np.bool_]
Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Episodes:
    """The episodes that ended with one step, as a score function gets them.

    Attributes:
        indices: int64[k], the environments that they were played in.
        tasks: what was played, k of them.
        total_rewards: float64[k], the sums of their rewards, not discounted.
        lengths: int64[k], their numbers of steps.
        terminated: bool[k], whether the environment ended them.
        truncated: bool[k], whether a limit ended them.
        infos: those of the step, of the whole vector.

    >>> def reached_the_end_quickly(episodes):
    ...     return np.where(episodes.terminated, 1.0 - episodes.lengths / 500, 0.0)
    """

    indices: Int64s
    tasks: Sequence[CurriculumTask]
    total_rewards: NDArray[np.float64]
    lengths: Int64s
    terminated: Bools
    truncated: Bools
    infos: dict[str, Any]


class VectorCurriculumEnv(_Wrapper):
    """A vector of environments that plays what a curriculum gives it.

    ``reset`` takes a task for every environment. The step that ends an episode reports its score; all episodes that
    end with one step are reported in one call, and all tasks that are due are drawn in one. Closing leaves the
    curriculum, which is the trainer's, open.

    The infos are those of :class:`lpcurr.CurriculumEnv` in a vector, each key with its mask: ``curriculum/task_id``
    (int64) and ``curriculum/label`` (object) where an episode begins or ends, ``curriculum/score`` (float64) and
    ``curriculum/accepted`` (bool) where one ends.

    Autoreset: with ``NEXT_STEP``, tasks are applied before the step that begins the next episodes, which counts to no
    episode; with ``DISABLED``, at ``reset(options={"reset_mask": mask})``. With ``SAME_STEP``, as simulators on an
    accelerator do it, the next episode begins in the step that ends one: each environment has its next task applied
    while it plays, drawn an episode ahead, so ``apply_tasks`` must leave it where the simulator's reset reads it, and
    not touch the episode that is being played. There, what ended is told in ``infos["final_info"]``, and the task that
    has begun in ``infos`` itself.

    A task that ``apply_tasks`` cannot set is not passed over, since it does not say which one it was: what it raises
    passes through. Make families for native vectors of tasks that can be played.

    Args:
        env: the vector of environments: a ``gymnasium.vector.VectorEnv``, or what has ``num_envs`` and the single and
            batched spaces of one, itself or in its ``unwrapped``.
        curriculum: where the tasks come from: a curriculum, an evaluation, or the id of a session.
        apply_tasks: ``apply_tasks(env, indices, configs)`` makes the environments at ``indices``, int64[k], play
            ``configs``, a list of k configurations, from their next episodes on.
        reset_with: ``reset_with(configs)`` gives what of the tasks belongs in ``reset``, as a dict with ``seed``,
            ``options`` or both in the form that the environments take for the k that are reset. With autoreset mode
            ``DISABLED`` only: elsewhere nobody but the environments calls their resets.
        score: ``score(episodes)``, k finite numbers, by convention 0 … 1. By default the sums of rewards.
        autoreset_mode: when the environments begin their next episodes; by default what their metadata say.
        report: whether the ends of episodes report their scores; if not, the trainer does, by what the infos say.

    Raises:
        ConfigError: the environments do not say when they begin the next episode, or an argument is of the wrong kind.
    """

    def __init__(
        self,
        env: _Envs | gymnasium.Env[Any, Any],
        curriculum: AnyCurriculum | str,
        *,
        apply_tasks: Callable[[Any, Int64s, list[Any]], None],
        reset_with: Callable[[list[Any]], Mapping[str, Any]] | None = None,
        score: Callable[[Episodes], ArrayLike] | None = None,
        autoreset_mode: AutoresetMode | None = None,
        report: bool = True,
    ) -> None:
        # The wrappers of a single environment hide what a simulator inside has as a vector.
        vector: Any = env if hasattr(env, "num_envs") else getattr(env, "unwrapped", env)
        _check_arguments(vector, autoreset_mode, apply_tasks, reset_with, score)
        if isinstance(env, VectorEnv):
            super().__init__(env)
        else:
            self.env = env  # type: ignore[assignment]
            for name in _SPACES:
                setattr(self, name, getattr(vector, name))
        self._vector = vector
        self._mode = autoreset_mode or vector.metadata["autoreset_mode"]
        self.metadata = {**vector.metadata, "autoreset_mode": self._mode}
        self.curriculum = as_curriculum(curriculum)
        self._reset_with = reset_with
        self._apply_tasks = apply_tasks
        self._score = score or _total_rewards
        self._reports = report
        count = vector.num_envs
        self._spaces = {name: getattr(vector, name) for name in _SPACES[:2]}
        self._tasks = np.full(count, None, dtype=object)
        self._next_tasks = np.full(count, None, dtype=object)  # with SAME_STEP: applied, and not begun
        self._playing = np.zeros(count, np.bool_)  # in the middle of an episode
        self._due = np.zeros(count, np.bool_)  # the next step begins an episode
        self._total_rewards = np.zeros(count)
        self._lengths = np.zeros(count, np.int64)
        self._abandonment = Abandonment()

    @property
    def num_envs(self) -> int:  # type: ignore[override]
        """How many environments there are."""
        return int(self._vector.num_envs)

    @property
    def tasks(self) -> list[CurriculumTask]:
        """What each environment plays, or has just ended; None in those that were not reset yet."""
        return list(self._tasks)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Take tasks and begin episodes of them; what was being played is abandoned and not reported.

        Args:
            seed: passed on to the environments.
            options: passed on; ``reset_mask``, bool[num_envs], with autoreset mode ``DISABLED`` only, says which
                environments are reset.

        Raises:
            ConfigError: the mask is of another kind or shape, empty, or the environments reset by themselves; or
                ``apply_tasks`` changed their spaces.
        """
        begun = self._reset_mask(options)
        break_off(self.curriculum, *self._tasks[begun & self._playing], *self._next_tasks[begun])
        self._next_tasks[begun] = None
        if (self._playing & begun & (self._lengths > 0)).any():
            self._abandonment.abandoned()
        self._playing[begun] = self._due[begun] = False
        configs = self._assign(begun, self._tasks)
        arguments = {"seed": seed, "options": None if options is None else dict(options)}
        of_tasks = reset_arguments(self._reset_with, configs)
        if of_tasks.get("options") is not None:
            of_tasks["options"] = {**(arguments["options"] or {}), **of_tasks["options"]}
        observations, infos = self.env.reset(**(arguments | of_tasks))
        self._begin(begun)
        if self._mode is AutoresetMode.SAME_STEP:
            self._assign(begun, self._next_tasks)
        return observations, self._with_tasks(infos, begun)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step the environments; the scores of all episodes that end are reported, and the infos say so.

        Raises:
            InvalidScoreError: a score is not a finite number; none of this step was reported.
        """
        begun = self._due.copy()
        if begun.any():
            self._assign(begun, self._tasks)
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        np.add(self._total_rewards, _on_host(rewards, np.float64), out=self._total_rewards, where=self._playing)
        self._lengths += self._playing
        terminations, truncations = _on_host(terminated, np.bool_), _on_host(truncated, np.bool_)
        ended = (terminations | truncations) & self._playing
        self._playing &= ~ended
        self._begin(begun)
        self._due = ended if self._mode is AutoresetMode.NEXT_STEP else self._due
        if not ended.any():
            infos = self._with_tasks(infos, begun) if begun.any() else infos
            return observations, rewards, terminated, truncated, infos
        self._abandonment.ended()
        scores, accepted = self._report(np.flatnonzero(ended), terminations, truncations, infos)
        reported = {SCORE: scores, f"_{SCORE}": ended.copy(), ACCEPTED: accepted, f"_{ACCEPTED}": ended.copy()}
        if self._mode is AutoresetMode.SAME_STEP:
            final = self._with_tasks(infos.get("final_info", {}), ended) | reported
            self._tasks[ended] = self._next_tasks[ended]
            self._begin(ended)
            self._assign(ended, self._next_tasks)
            infos = self._with_tasks(infos, ended) | {"final_info": final, "_final_info": ended.copy()}
        else:
            infos = self._with_tasks(infos, begun | ended) | reported
        return observations, rewards, terminated, truncated, infos

    # -- inside -------------------------------------------------------------------------------------------------

    def _reset_mask(self, options: dict[str, Any] | None) -> Bools:
        if options is None or "reset_mask" not in options:
            return np.ones(self.num_envs, np.bool_)
        mask = options["reset_mask"]
        if self._mode is not AutoresetMode.DISABLED:
            raise ConfigError("reset_mask is for autoreset mode DISABLED: these environments reset by themselves")
        if not (isinstance(mask, np.ndarray) and mask.dtype == np.bool_ and mask.shape == (self.num_envs,)):
            raise ConfigError(f"reset_mask is {mask!r}: give an array bool[{self.num_envs}]")
        if not mask.any():
            raise ConfigError("reset_mask is False everywhere: there is nothing to reset")
        return mask.copy()

    def _assign(self, where: Bools, tasks: NDArray[np.object_]) -> list[Any]:
        """Draw tasks for some environments, apply them, and write them down in ``tasks``; their configurations."""
        indices = np.flatnonzero(where)
        drawn = self.curriculum.sample_tasks(len(indices))
        configs = [task.get_env_cfg() for task in drawn]
        self._apply_tasks(self.env, indices, configs)
        for name, first in self._spaces.items():
            check_space("the vector after apply_tasks", name, getattr(self._vector, name), first)
        tasks[indices] = drawn
        return configs

    def _begin(self, begun: Bools) -> None:
        self._total_rewards[begun] = 0.0
        self._lengths[begun] = 0
        self._playing |= begun

    def _with_tasks(self, infos: dict[str, Any], where: Bools) -> dict[str, Any]:
        task_ids, labels = np.zeros(self.num_envs, np.int64), np.full(self.num_envs, None, dtype=object)
        for i in np.flatnonzero(where):
            task_ids[i], labels[i] = self._tasks[i].task_id, self._tasks[i].label
        return {**infos, TASK_ID: task_ids, f"_{TASK_ID}": where.copy(), LABEL: labels, f"_{LABEL}": where.copy()}

    def _report(
        self, indices: Int64s, terminated: Bools, truncated: Bools, infos: dict[str, Any]
    ) -> tuple[NDArray[np.float64], Bools]:
        """Scores and acceptance, float64[num_envs] and bool[num_envs], of the episodes that ended at ``indices``."""
        tasks = self._tasks[indices].tolist()
        totals, lengths = self._total_rewards[indices], self._lengths[indices]
        episodes = Episodes(indices, tasks, totals, lengths, terminated[indices], truncated[indices], infos)
        ended_scores = _on_host(self._score(episodes), np.float64)
        ids = np.array([task.task_id for task in tasks], np.int64)
        scores, accepted = np.zeros(self.num_envs), np.zeros(self.num_envs, np.bool_)
        scores[indices] = ended_scores
        if self._reports:
            accepted[indices] = self.curriculum.update_each(ids, ended_scores, costs=lengths)
        return scores, accepted


def _total_rewards(episodes: Episodes) -> ArrayLike:
    return episodes.total_rewards


def _on_host(values: Any, dtype: Any) -> NDArray[Any]:
    """Return an array of what may be a tensor on a device."""
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values, dtype)


def _check_arguments(env: Any, mode: object, apply_tasks: object, reset_with: object, score: object) -> None:
    if not all(hasattr(env, name) for name in ("num_envs", "metadata", *_SPACES)):
        raise ConfigError(
            f"env is a {type(env).__name__}, not a vector of Gymnasium's: a single environment goes into "
            "lpcurr.CurriculumEnv, before a vector is made of it"
        )
    if not callable(apply_tasks):
        raise ConfigError(f"apply_tasks is {apply_tasks!r}: give a function of the vector, indices and configurations")
    for name, function in (("score", score), ("reset_with", reset_with)):
        if function is not None and not callable(function):
            raise ConfigError(f"{name} is {function!r}: give a function")
    mode = mode or env.metadata.get("autoreset_mode")
    if not isinstance(mode, AutoresetMode):
        raise ConfigError(
            f"{env} has the autoreset mode {mode}: give autoreset_mode=, or let it say in its "
            "metadata['autoreset_mode'], which one of gymnasium.vector.AutoresetMode it has, for a task must be known "
            "before its episode begins"
        )
    if reset_with is not None and mode is not AutoresetMode.DISABLED:
        raise ConfigError(
            f"reset_with is for autoreset mode DISABLED, and {env} has {mode.value}: it calls its resets itself, so "
            "leave seeds to apply_tasks"
        )
