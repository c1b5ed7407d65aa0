"""Gymnasium: every reset takes a task, every end of an episode reports its score.

Worker processes share one pool because they hold one curriculum: a vector environment pickles the functions that make
its environments, and with them the curriculum, which attaches to its pool on the other side (a forked worker has its
own place in the pool at once).

>>> from lpcurr import CurriculumConfig
>>> def make_lake():
...     def build(env, config):
...         return gymnasium.make("FrozenLake-v1", desc=config["map"], render_mode=env.render_mode)
...     return CurriculumEnv(gymnasium.make("FrozenLake-v1"), curriculum, apply_task=build)
>>> def generate(task_id):
...     return {"map": ["SFFF", "FFFF", "FFFF", "FFFG"] if task_id % 2 else ["SFFF", "FHFF", "FFFH", "HFFG"]}
>>> curriculum = CurriculumConfig(num_active_tasks=16, task_generator=generate).make()
>>> lakes = gymnasium.vector.SyncVectorEnv([make_lake] * 2)
>>> observations, infos = lakes.reset(seed=0)
>>> len(infos["curriculum/task_id"])
2
>>> lakes.close(); curriculum.close(); curriculum.unlink()
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, SupportsFloat

import numpy as np

from lpcurr.curriculum.arguments import as_score
from lpcurr.curriculum.task import CurriculumTask
from lpcurr.errors import ConfigError, InvalidScoreError, shown
from lpcurr.integrations import needs
from lpcurr.integrations.playable import (
    AnyCurriculum,
    EpisodeStart,
    ResetWith,
    as_curriculum,
    check_arguments,
    credit,
)

with needs("gymnasium", 'lpcurr.CurriculumEnv needs gymnasium: pip install "lpcurr[train]"'):
    import gymnasium

    from lpcurr.integrations.spaces import check_space

_Env = gymnasium.Env[Any, Any]
_NUMBERS = float, int, np.generic
_Start = tuple[Any, dict[str, Any]]
_Step = tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]

TASK_ID = "curriculum/task_id"
LABEL = "curriculum/label"
SCORE = "curriculum/score"
ACCEPTED = "curriculum/accepted"


@dataclass(frozen=True, slots=True)
class Episode:
    """A finished episode, as a score function gets it.

    Attributes:
        task: what was played.
        total_reward: the sum of its rewards, not discounted; an array where they are, of several objectives or agents.
        length: its number of steps.
        terminated: whether the environment ended it.
        truncated: whether a limit, such as ``TimeLimit``, ended it.
        info: the info of its last step, with what the wrappers inside put there.

    >>> def reached_the_end_quickly(episode):
    ...     return 1.0 - episode.length / 500 if episode.terminated else 0.0
    """

    task: CurriculumTask
    total_reward: Any
    length: int
    terminated: bool
    truncated: bool
    info: dict[str, Any]


class CurriculumEnv(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment that plays what a curriculum gives it.

    ``reset`` takes a task and applies it; the step that terminates or truncates the episode reports its score, once. A
    reset in mid-episode abandons the episode: nothing is reported, another task is taken; an evaluation hands the
    abandoned one out again. ``close`` closes the environment and leaves the curriculum, which is the trainer's, open.

    What it adds to ``info``, flat and typed so that vector environments stack it, each key with its mask:

    - ``curriculum/task_id`` (int) and ``curriculum/label`` (str; in a vector an object array), at reset and at the
      episode's end: the task of this episode.
    - ``curriculum/score`` (float), at the episode's end: what was reported.
    - ``curriculum/accepted`` (bool), at the episode's end: False where the task had left the pool meanwhile, or where
      the trainer is to report (``report=False``).

    With autoreset mode ``SAME_STEP``, the end of the old episode is in ``infos["final_info"]`` and the new task in
    ``infos`` itself; with ``NEXT_STEP`` the new task comes with the step after. ``curriculum.get_episode_stats(label)``
    is left to the trainer: its evictions are the whole pool's, which a sum over environments would multiply, and its
    keys are labels, of which one that begins with ``_`` would overwrite another's mask.

    Order of wrappers: this one goes outside ``TimeLimit`` (``gymnasium.make`` puts that inside), for an end that it
    does not see is an abandoned episode. ``RecordEpisodeStatistics`` works on either side: inside, the score function
    finds its figures in ``episode.info``; it belongs outside where ``apply_task`` rebuilds the environment, and so does
    ``Autoreset`` always.

    Impossible tasks: where building the configuration, ``apply_task`` (or ``set_task``) or the environment's ``reset``
    raises any ``Exception`` but ``ConfigError``, the task is passed over and another taken. It is evicted as well if it
    was never completed and is known to be at fault: the error is a bad value's (``ValueError``, ``TypeError``,
    ``LookupError``, ``ArithmeticError``, ``AssertionError``), or the task fails again after others could be begun. A
    broken simulator costs no task, nor does an error of the machine's (``OSError``, such as a lost connection,
    ``EOFError``, ``MemoryError``), and a fixed set keeps its tasks; where every task fails, that is an error.

    Seeds: ``reset(seed=…)`` seeds the wrapped environment and, where ``apply_task`` rebuilds it, also those that later
    resets without a seed bring in. Which tasks are drawn depends on the curriculum's own seed, and among many
    processes on which is first.

    Copies (``copy.deepcopy``) report their episodes as any environment does: to look ahead, copy what is inside,
    ``env.env``.

    ``gymnasium.make(env.spec)`` is refused by Gymnasium: a live pool is nothing that a spec could describe.

    Wrappers outside that want the task, to add it to the observation, find it in ``task``, as in
    ``env.get_wrapper_attr("task").get_env_cfg()``.

    Args:
        env: the environment to play in.
        curriculum: where the tasks come from: a curriculum, an evaluation, or the id of a session.
        apply_task: ``apply_task(env, config)`` makes the environment play a configuration; where it returns another
            environment, that takes the place of the one before, which is closed unless somebody else still has it (one
            that is kept, to be handed back another time). Make it with the same wrappers (as ``gymnasium.make`` does)
            and ``render_mode``. All tasks must have the same spaces. By default ``set_task(config)`` of the outermost
            wrapper that has it, or of the environment itself.
        reset_with: ``reset_with(config)`` gives what of a task belongs in ``reset``, as a dict with ``seed``,
            ``options`` or both: the seed instead of the caller's, the options over the caller's. With it,
            ``apply_task`` may be left out.
        score: ``score(episode)``, a finite number, by convention 0 … 1. By default the sum of rewards.
        label: play tasks of this label alone, where others have other spaces, or are another environment's.
        max_task_attempts: tasks in a row that may turn out unplayable at one reset; by default the curriculum's.
        add_info: whether to add those keys. To stack them costs a ``SyncVectorEnv`` some 50 µs an episode, and an
            ``AsyncVectorEnv`` a larger message: leave them out where episodes are short and nobody reads them.
        report: whether the end of an episode reports its score. If not, the trainer does, by what the info says: as
            where it knows the episode's ``signal``, such as its value loss, only after an update.

    Raises:
        ConfigError: there is neither an ``apply_task`` nor a ``set_task``, or an argument is of the wrong kind.

    >>> from lpcurr import CurriculumConfig
    >>> from lpcurr.generators import bucketed
    >>> class CartPoleTasks(gymnasium.Wrapper):
    ...     def set_task(self, config):
    ...         self.unwrapped.gravity = config["gravity"]
    >>> tasks = bucketed({"gravity": 9.8}, label="planets").add_bucket("gravity", [1.6, 3.7, 9.8, 24.8])
    >>> config = CurriculumConfig(num_active_tasks=32, seed=0, use_shared_memory=False, task_generator=tasks)
    >>> with config.make() as curriculum:
    ...     env = CurriculumEnv(CartPoleTasks(gymnasium.make("CartPole-v1")), curriculum,
    ...                         score=lambda episode: episode.length / 500)
    ...     observation, info = env.reset(seed=0)
    ...     played, ended = info["curriculum/task_id"], False
    ...     while not ended:
    ...         observation, reward, terminated, truncated, info = env.step(0)
    ...         ended = terminated or truncated
    ...     env.close()
    >>> info["curriculum/task_id"] == played, info["curriculum/label"], info["curriculum/accepted"]
    (True, 'planets', True)
    >>> 0 < info["curriculum/score"] < 0.1
    True
    """

    def __init__(
        self,
        env: _Env,
        curriculum: AnyCurriculum | str,
        *,
        apply_task: Callable[[_Env, Any], _Env | None] | None = None,
        reset_with: ResetWith | None = None,
        score: Callable[[Episode], SupportsFloat] | None = None,
        label: str | int | None = None,
        max_task_attempts: int | None = None,
        add_info: bool = True,
        report: bool = True,
    ) -> None:
        if not isinstance(env, gymnasium.Env):
            raise ConfigError(
                f"env is a {type(env).__name__}, not a gymnasium.Env: wrap each environment before a vector is made of "
                "them; for native vectors and PettingZoo see lpcurr help integrations"
            )
        super().__init__(env)
        self.curriculum = as_curriculum(curriculum)
        check_arguments(max_task_attempts, apply_task=apply_task, reset_with=reset_with, score=score)
        set_task = env.get_wrapper_attr("set_task") if env.has_wrapper_attr("set_task") else None
        if apply_task is None and reset_with is None and not callable(set_task):
            raise ConfigError(
                f"{env} has no set_task(config), nor has any of its wrappers: give CurriculumEnv a function, "
                "apply_task(env, config)"
            )
        if not (report or add_info):
            raise ConfigError("report=False and add_info=False: nobody would ever hear of a score; leave one of them")
        self._report = report
        if apply_task is None and set_task is not None:
            apply_task = partial(_set_task, set_task)
        self._start = EpisodeStart(self.curriculum, apply_task, reset_with, max_task_attempts, label)
        self._score = score
        self._add_info = add_info
        # Kept over rebuilt environments: vector environments have read them, callers have seeded them.
        self.observation_space = env.observation_space
        self.action_space = env.action_space
        self._task: CurriculumTask | None = None
        self._playing = False  # in the middle of an episode
        self._total_reward: Any = 0.0
        self._length = 0

    @property
    def task(self) -> CurriculumTask | None:
        """The task of this episode, until the next reset; None before the first one."""
        return self._task

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> _Start:
        """Take a task and begin an episode of it; the info has the task's id and label.

        Raises:
            TaskGenerationError: ``max_task_attempts`` tasks in a row could not be played.
            ConfigError: the task has another observation or action space.
        """
        playing = self._task if self._playing else None
        self._task, self._playing = None, False
        task, (observation, info) = self._start.begin(self, playing, self._length, seed, options)
        # No local name for the environment: a traceback that somebody keeps would hold it, and it would not be closed.
        same = self.env.observation_space is self.observation_space and self.env.action_space is self.action_space
        if not same:
            self._check_spaces(task)
        self._task, self._playing, self._total_reward, self._length = task, True, 0.0, 0
        if self._add_info:
            info = {**info, TASK_ID: task.task_id, LABEL: task.label}
        return observation, info

    def step(self, action: Any) -> _Step:
        """Step the environment; the step that ends the episode reports its score, and says so in the info.

        Raises:
            InvalidScoreError: the score is not a finite number; nothing was reported.
        """
        # Every step comes by here, and an episode ends at one in hundreds: hence the bare tuple.
        result = self.env.step(action)
        reward = result[1]
        self._total_reward += float(reward) if isinstance(reward, _NUMBERS) else self._as_reward(reward)
        self._length += 1
        if (result[2] or result[3]) and self._playing and self._task is not None:
            return self._finish(self._task, result)
        return result

    def _as_reward(self, reward: Any) -> Any:
        """Return an array of one number, as simulators of many environments give, as that; others as arrays."""
        if np.prod(np.shape(reward)) == 1:
            return as_score(reward, "reward")
        if self._score is None:
            raise InvalidScoreError(
                f"reward {shown(reward)} is not one number: give CurriculumEnv score=, a function of the episode, "
                "whose total_reward is the sum of such arrays"
            )
        return np.asarray(reward, np.float64)

    def _accept(self, env: object, task: CurriculumTask) -> None:
        """Take note of an environment that is to take the place of the one before."""
        if not isinstance(env, gymnasium.Env):
            raise ConfigError(
                f"apply_task returned {env!r} for task {task.task_id}: return a gymnasium.Env, or None where the "
                "environment was changed in place"
            )
        self._cached_spec = None

    def _check_spaces(self, task: CurriculumTask) -> None:
        instead = f", or play those of each label in an environment of its own, CurriculumEnv(…, label={task.label!r})"
        for name, fixed in (("observation_space", self.observation_space), ("action_space", self.action_space)):
            check_space(f"task {task.task_id} ({task.label!r})", name, getattr(self.env, name), fixed, instead)

    def _finish(self, task: CurriculumTask, result: _Step) -> _Step:
        """Report the episode that a step has ended; what the step returns."""
        self._start.abandonment.ended()
        observation, reward, terminated, truncated, info = result
        score: Any = self._total_reward
        if self._score is not None:
            score = self._score(Episode(task, score, self._length, bool(terminated), bool(truncated), info))
        self._playing = False  # else, where that has raised, the next reset breaks the episode off
        accepted = self._report and credit(self.curriculum, task, score, self._length, total_reward=self._total_reward)
        if not self._add_info:
            return result
        info = {**info, TASK_ID: task.task_id, LABEL: task.label, SCORE: as_score(score), ACCEPTED: accepted}
        return observation, reward, terminated, truncated, info


def _set_task(set_task: Callable[[Any], object], env: _Env, config: Any) -> None:
    set_task(config)
