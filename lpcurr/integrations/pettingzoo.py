"""PettingZoo: every reset of a parallel environment takes a task, every end of an episode reports one score.

>>> from mpe2 import simple_spread_v3
>>> from lpcurr import CurriculumConfig
>>> from lpcurr.generators import bucketed
>>> tasks = bucketed({"N": 3, "max_cycles": 25}, label="spread").add_bucket("max_cycles", [10, 25, 50])
>>> curriculum = CurriculumConfig(num_active_tasks=16, seed=0, task_generator=tasks).make()
>>> def build(env, config):
...     return simple_spread_v3.parallel_env(**config)
>>> env = ParallelCurriculumEnv(simple_spread_v3.parallel_env(N=3), curriculum, apply_task=build)
>>> observations, infos = env.reset(seed=0)
>>> steps = 0
>>> while env.agents:
...     actions = {agent: env.action_space(agent).sample() for agent in env.agents}
...     observations, rewards, terminations, truncations, infos = env.step(actions)
...     steps += 1
>>> info = infos["agent_0"]
>>> steps == curriculum.build(info["curriculum/task_id"])["max_cycles"], info["curriculum/label"]
(True, 'spread')
>>> curriculum.get_task_stats(info["curriculum/task_id"])["completion_count"] > 0, info["curriculum/accepted"]
(True, True)
>>> env.close(); curriculum.close(); curriculum.unlink()
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, SupportsFloat

from lpcurr.curriculum.arguments import as_score
from lpcurr.curriculum.task import CurriculumTask
from lpcurr.errors import ConfigError
from lpcurr.integrations import needs
from lpcurr.integrations.gymnasium import ACCEPTED, LABEL, SCORE, TASK_ID
from lpcurr.integrations.playable import (
    AnyCurriculum,
    EpisodeStart,
    ResetWith,
    as_curriculum,
    check_arguments,
    credit,
)
from lpcurr.integrations.spaces import check_space

with needs("pettingzoo", 'lpcurr.integrations.pettingzoo needs PettingZoo: pip install "lpcurr[pettingzoo]"'):
    from pettingzoo import ParallelEnv
    from pettingzoo.utils import BaseParallelWrapper

_Infos = dict[Any, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ParallelEpisode:
    """A finished episode, as a score function gets it.

    Attributes:
        task: what was played.
        total_rewards: by agent, the sum of its rewards, not discounted; of all agents that took part.
        length: its number of steps.
        infos: those of its last step, by agent.

    >>> def worst_agent(episode):
    ...     return min(episode.total_rewards.values())
    """

    task: CurriculumTask
    total_rewards: Mapping[Any, float]
    length: int
    infos: _Infos


class ParallelCurriculumEnv(BaseParallelWrapper):  # type: ignore[misc, unused-ignore]
    """A parallel environment that plays what a curriculum gives it.

    ``reset`` takes a task and applies it. The episode is over when no agent is left (``agents`` is empty), whether
    all end with one step or one after another; the step that ends it reports one score. A reset in mid-episode
    abandons the episode: nothing is reported. ``close`` leaves the curriculum, which is the trainer's, open.

    In the infos, for every agent that is in them, at reset and at the episode's end: ``curriculum/task_id`` and
    ``curriculum/label``; at the end also ``curriculum/score`` and ``curriculum/accepted``, as for
    :class:`lpcurr.CurriculumEnv`. An agent that is done before the others has none of these in its last info.

    Impossible tasks are passed over as in :class:`lpcurr.CurriculumEnv`, and seeds are handed on as there. Where tasks
    have fewer agents than others, let them share ``possible_agents``, as PettingZoo provides for.

    Args:
        env: the environment to play in; ``pettingzoo.utils.aec_to_parallel`` makes one of a turn-based one.
        curriculum: where the tasks come from: a curriculum, an evaluation, or the id of a session.
        apply_task: as for :class:`lpcurr.CurriculumEnv`; possible agents and their spaces must be those of the first.
            By default ``set_task(config)`` of the environment.
        reset_with: as for :class:`lpcurr.CurriculumEnv`: what of a task belongs in ``reset``.
        score: ``score(episode)``, a finite number, by convention 0 … 1. By default the mean over the agents of the
            sums of their rewards.
        max_task_attempts: tasks in a row that may turn out unplayable at one reset; by default the curriculum's.
        report: as for :class:`lpcurr.CurriculumEnv`: whether the episode's end reports, or the trainer does.

    Raises:
        ConfigError: there is neither an ``apply_task`` nor a ``set_task``, or an argument is of the wrong kind.
    """

    env: Any

    def __init__(
        self,
        env: Any,
        curriculum: AnyCurriculum | str,
        *,
        apply_task: Callable[[Any, Any], Any] | None = None,
        reset_with: ResetWith | None = None,
        score: Callable[[ParallelEpisode], SupportsFloat] | None = None,
        max_task_attempts: int | None = None,
        report: bool = True,
    ) -> None:
        if not isinstance(env, ParallelEnv):
            raise ConfigError(
                f"env is a {type(env).__name__}, not a pettingzoo.ParallelEnv: pettingzoo.utils.aec_to_parallel(env) "
                "makes one of a turn-based environment"
            )
        check_arguments(max_task_attempts, apply_task=apply_task, reset_with=reset_with, score=score)
        if apply_task is None and callable(getattr(env, "set_task", None)):
            apply_task = _set_task
        if apply_task is None and reset_with is None:
            raise ConfigError(
                f"{env} has no set_task(config): give ParallelCurriculumEnv a function, apply_task(env, config)"
            )
        super().__init__(env)
        self.curriculum = as_curriculum(curriculum)
        self._start = EpisodeStart(self.curriculum, apply_task, reset_with, max_task_attempts)
        self._score, self._report = score or _mean_total_reward, report
        self._task: CurriculumTask | None = None  # None between episodes
        self._total_rewards: dict[Any, float] = {}
        self._length = 0

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[Any, Any], _Infos]:
        """Take a task and begin an episode of it; the infos of all agents have the task's id and label.

        Raises:
            TaskGenerationError: ``max_task_attempts`` tasks in a row could not be played.
            ConfigError: the task has other agents or spaces.
        """
        playing, self._task = self._task, None
        task, (observations, infos) = self._start.begin(self, playing, self._length, seed, options)
        self._task, self._total_rewards, self._length = task, {}, 0
        return observations, _told(infos, {TASK_ID: task.task_id, LABEL: task.label})

    def step(
        self, actions: dict[Any, Any]
    ) -> tuple[dict[Any, Any], dict[Any, float], dict[Any, bool], dict[Any, bool], _Infos]:
        """Step the environment; the step after which no agent is left reports the score, and says so in the infos.

        Raises:
            InvalidScoreError: the score is not a finite number; nothing was reported.
        """
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        if self._task is not None:
            for agent, reward in rewards.items():
                self._total_rewards[agent] = self._total_rewards.get(agent, 0.0) + float(reward)
            self._length += 1
            if not self.env.agents:
                infos = self._finish(self._task, infos)
        return observations, rewards, terminations, truncations, infos

    # -- inside -------------------------------------------------------------------------------------------------

    def _accept(self, env: object, task: CurriculumTask) -> None:
        """Check an environment that is to take the place of the one before."""
        if not isinstance(env, ParallelEnv):
            raise ConfigError(
                f"apply_task returned {env!r} for task {task.task_id}: return a pettingzoo.ParallelEnv, or None where "
                "the environment was changed in place"
            )
        agents = getattr(self.env, "possible_agents", ())
        if list(getattr(env, "possible_agents", ())) != list(agents):
            raise ConfigError(
                f"task {task.task_id} ({task.label!r}) has other possible_agents than the environment began with, "
                f"{', '.join(map(str, agents))}: all tasks must share them"
            )
        for agent in agents:
            for name in ("observation_space", "action_space"):
                space, fixed = (getattr(each, name)(agent) for each in (env, self.env))
                check_space(f"task {task.task_id} ({task.label!r})", f"{name}({agent!r})", space, fixed)

    def _finish(self, task: CurriculumTask, infos: _Infos) -> _Infos:
        self._task = None
        self._start.abandonment.ended()
        totals = self._total_rewards
        score: Any = self._score(ParallelEpisode(task, totals, self._length, infos))
        accepted = self._report and credit(self.curriculum, task, score, self._length, total_rewards=totals)
        return _told(infos, {TASK_ID: task.task_id, LABEL: task.label, SCORE: as_score(score), ACCEPTED: accepted})


def _told(infos: _Infos, ours: dict[str, Any]) -> _Infos:
    return {agent: {**info, **ours} for agent, info in infos.items()}


def _set_task(env: Any, config: Any) -> None:
    env.set_task(config)


def _mean_total_reward(episode: ParallelEpisode) -> float:
    return sum(episode.total_rewards.values()) / max(len(episode.total_rewards), 1)
