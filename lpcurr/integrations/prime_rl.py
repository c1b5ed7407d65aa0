"""prime-rl: a task sampler whose choices a curriculum makes, with the methods of its ``TaskSampler``.

>>> from types import SimpleNamespace as Record
>>> from lpcurr import LearnabilityConfig
>>> tasks = [Record(key=f"sum-{n}") for n in range(8)]
>>> sampler = CurriculumTaskSampler(tasks, LearnabilityConfig(attempts=4), seed=0)
>>> task = next(sampler)
>>> trace = Record(reward=1.0, has_error=False, num_turns=1, agent=Record(trainable=True))
>>> sampler.observe([Record(task=task, ok=True, traces=[trace])] * 4)
>>> sampler.metrics()["num_completed"]
4.0
>>> sampler.close()

prime-rl chooses its samplers by a configuration that knows only its own; put this one in that place, as
``curriculum.sampler = CurriculumTaskSampler(tasks)``. Written against ``TaskSampler`` of
``prime_rl/orchestrator/curriculum/samplers/base.py`` as it was in 2026, which needs verifiers and CUDA: it is not
subclassed, and the tests go by its signatures.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.ledger import TaskLedger
from lpcurr.errors import ConfigError, UnknownTaskError
from lpcurr.schedulers.common import SchedulerConfig
from lpcurr.schedulers.learnability import LearnabilityConfig


class CurriculumTaskSampler(Iterator[Any]):
    """Chooses the next task by a curriculum, one at a time, and learns from every finished group.

    Args:
        tasks: a finite sequence of tasks, each with a ``key`` of its own.
        scheduler: settings of the scheduler; by default learnability.
        success_threshold: traces whose reward is this or more count as a success.
        seed: of the draws.

    Raises:
        ConfigError: the tasks have no end, or two have the same key.

    Attributes:
        ledger: what is in flight.
    """

    def __init__(
        self,
        tasks: Sequence[Any],
        scheduler: SchedulerConfig | None = None,
        *,
        success_threshold: float = 0.5,
        seed: int | None = None,
    ) -> None:
        if not isinstance(tasks, Sequence):
            raise ConfigError(f"tasks is a {type(tasks).__name__}: a curriculum needs a finite sequence of them")
        self._tasks = tuple(tasks)
        self._ids = {task.key: task_id for task_id, task in enumerate(self._tasks)}
        if len(self._ids) < len(self._tasks):
            raise ConfigError(f"{len(self._tasks)} tasks have {len(self._ids)} different keys: each needs its own")
        keys = [str(key) for key in self._ids]
        config = CurriculumConfig(tasks=keys, seed=seed, algorithm_config=scheduler or LearnabilityConfig())
        self.ledger = TaskLedger(config.make())
        self._threshold = success_threshold

    def __next__(self) -> Any:
        """Choose the next task: after a resume those that were in flight first, and else one that is not in flight."""
        return self._tasks[self.ledger.take(1, again=False)[0]]

    def observe(self, group: list[Any]) -> None:
        """Learn from a finished group; one without a trace that can be trained on is given back."""
        rewards = [
            trace.reward
            for episode in group
            for trace in episode.traces
            if episode.ok and not trace.has_error and trace.agent.trainable and trace.num_turns > 0
        ]
        key = group[0].task.key
        if key not in self._ids:
            raise UnknownTaskError(
                f"a group is of task {key!r}, which is none of those that this sampler was made with"
            )
        self.ledger.report_rewards([(self._ids[key], rewards)], self._threshold)

    def state_dict(self) -> dict[str, Any]:
        """Return the curriculum and what is in flight, as plain data."""
        return self.ledger.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state."""
        self.ledger.load_state_dict(state_dict)

    def metrics(self) -> dict[str, float]:
        """Return the curriculum's figures."""
        return self.ledger.curriculum.stats()

    def close(self) -> None:
        """Close the curriculum and destroy its pool."""
        self.ledger.curriculum.close()
        self.ledger.curriculum.unlink()
