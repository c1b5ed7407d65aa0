"""slime: prompts come from a curriculum, and each group of samples is reported to it, filtered ones too.

``--data-source-path lpcurr.integrations.slime.CurriculumDataSource``
``--rollout-all-samples-process-path lpcurr.integrations.slime.report``

To choose the scheduler, subclass it in a module of your own and give the path of that:

    class Prompts(lpcurr.integrations.slime.CurriculumDataSource):
        scheduler = lpcurr.LearnabilityConfig(attempts=16, prior_successes=0.001, prior_failures=0.001)

What is in flight is saved and loaded with slime's own state of the data source. Written against ``DataSource`` of
``slime/rollout/data_source.py`` and the call of the hook in ``slime/rollout/sglang_rollout.py``, as they were in August
2026, and tried on that data source; slime is no package that a test could install, so the tests have stand-ins.
"""

import copy
from collections.abc import Iterator
from typing import Any, ClassVar

from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.ledger import TaskLedger
from lpcurr.errors import ConfigError
from lpcurr.integrations import needs
from lpcurr.schedulers.common import SchedulerConfig
from lpcurr.schedulers.learnability import LearnabilityConfig

with needs("slime", "lpcurr.integrations.slime needs slime: github.com/THUDM/slime"):
    from slime.rollout.data_source import RolloutDataSourceWithBuffer

_TASK_ID = "curriculum/task_id"


class CurriculumDataSource(RolloutDataSourceWithBuffer):  # type: ignore[misc, unused-ignore]
    """A slime data source whose prompts a curriculum chooses: task i is row i of the prompt file.

    Attributes:
        scheduler: settings of the scheduler; by default learnability, for groups of ``n_samples_per_prompt``.
        success_threshold: samples whose reward is this or more count as a success.
        ledger: what is in flight.
    """

    scheduler: ClassVar[SchedulerConfig | None] = None
    success_threshold: ClassVar[float] = 0.5

    def __init__(self, args: Any) -> None:
        super().__init__(args)
        if self.dataset is None:
            raise ConfigError("there is no data set for a curriculum: give --prompt-data and --rollout-global-dataset")
        scheduler = self.scheduler or LearnabilityConfig(attempts=args.n_samples_per_prompt)
        prompts = [str(sample.prompt) for sample in self.dataset.origin_samples]
        config = CurriculumConfig(tasks=prompts, seed=args.rollout_seed, algorithm_config=scheduler)
        self.ledger = TaskLedger(config.make())

    def get_samples(self, num_samples: int) -> list[list[Any]]:
        """Give groups of samples: those that were begun and given back first, then the curriculum's choice."""
        groups: list[list[Any]] = self._get_samples_from_buffer(num_samples)
        for task_id in self.ledger.take(num_samples - len(groups)).tolist():
            group = []
            for _ in range(self.args.n_samples_per_prompt):
                sample = copy.deepcopy(self.dataset.origin_samples[task_id])  # not shuffled by --rollout-shuffle
                sample.group_index, sample.index = self.sample_group_index, self.sample_index
                sample.metadata = {**(sample.metadata or {}), _TASK_ID: task_id}
                self.sample_index += 1
                group.append(sample)
            self.sample_group_index += 1
            groups.append(group)
        return groups

    def save(self, rollout_id: Any) -> None:
        """Save slime's state, with the curriculum and what is in flight in its metadata."""
        self.metadata["curriculum"] = self.ledger.state_dict()
        super().save(rollout_id)

    def load(self, rollout_id: Any = None) -> None:
        """Load slime's state; what was in flight is given again."""
        super().load(rollout_id)
        if "curriculum" in self.metadata:
            self.ledger.load_state_dict(self.metadata.pop("curriculum"))


def report(args: Any, all_samples: list[Any], data_source: Any) -> None:
    """Report the groups of a rollout (``--rollout-all-samples-process-path``); those that were cut off are given back.

    With ``--partial-rollout`` slime keeps these in its buffer, and they stay in flight.
    """
    source: CurriculumDataSource = getattr(data_source, "__self__", data_source)  # slime hands over its get_samples
    groups = []
    for group in all_samples:
        samples = list(_flat(group))
        groups.append((samples[0].metadata[_TASK_ID], [_reward(sample, args) for sample in samples]))
    source.ledger.report_rewards(groups, source.success_threshold)
    if not args.partial_rollout:
        source.ledger.release(source.ledger.in_flight)


def _flat(group: Any) -> Iterator[Any]:
    for sample in group:
        if isinstance(sample, list):  # a rollout that branched
            yield from _flat(sample)
        else:
            yield sample


def _reward(sample: Any, args: Any) -> float | None:
    return None if sample.reward is None else float(sample.get_reward_value(args))
