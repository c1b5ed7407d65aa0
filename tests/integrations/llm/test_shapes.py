"""Adapters for trainers that are too large to install here: on stand-ins for their base classes.

These have the signatures that the real ones had in 2026 (see each adapter's module).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lpcurr.errors import ConfigError, UnknownTaskError
from lpcurr.integrations.prime_rl import CurriculumTaskSampler


@dataclass
class Sample:
    """slime's, as far as it matters."""

    prompt: str
    index: int | None = None
    group_index: int | None = None
    reward: float | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def get_reward_value(self, args: Any) -> float:
        assert self.reward is not None
        return self.reward


@dataclass
class Rows:
    """slime's data set, as far as it matters."""

    origin_samples: list[Sample]

    def __len__(self) -> int:
        return len(self.origin_samples)


class RolloutDataSourceWithBuffer:
    """slime's, with a data set that is given; a state is kept where slime writes a file."""

    written: Any = None

    def __init__(self, args: Any) -> None:
        self.args, self.metadata, self.buffer = args, {}, []
        self.sample_group_index = self.sample_index = 0
        self.dataset = args.dataset

    def _get_samples_from_buffer(self, num_samples: int) -> list[list[Sample]]:
        taken, self.buffer[:] = self.buffer[:num_samples], self.buffer[num_samples:]
        return taken

    def add_samples(self, samples: list[list[Sample]]) -> None:
        self.buffer += samples

    def save(self, rollout_id: int) -> None:
        type(self).written = {"metadata": dict(self.metadata), "sample_index": self.sample_index}

    def load(self, rollout_id: int | None = None) -> None:
        self.metadata, self.sample_index = dict(self.written["metadata"]), self.written["sample_index"]


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """slime's adapter, whose base class is a stand-in."""
    parts = ["slime", "rollout", "data_source"]
    for depth in range(1, len(parts) + 1):
        module = ModuleType(".".join(parts[:depth]))
        module.RolloutDataSourceWithBuffer = RolloutDataSourceWithBuffer  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
    name = "lpcurr.integrations.slime"
    monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module(name)
    del sys.modules[name]


def destroy(ledger: Any) -> None:
    ledger.curriculum.close()
    ledger.curriculum.unlink()


def slime_source(adapter: Any, partial_rollout: bool = False) -> Any:
    dataset = Rows([Sample(f"prompt {row}") for row in range(12)])
    args = SimpleNamespace(
        dataset=dataset, n_samples_per_prompt=4, rollout_seed=3, partial_rollout=partial_rollout, reward_key=None
    )
    return adapter.CurriculumDataSource(args)


def test_slime_reports_each_group_to_its_prompt_and_gives_back_what_was_cut_off(adapter: Any) -> None:
    source = slime_source(adapter)
    groups = source.get_samples(5)
    ids = [group[0].metadata["curriculum/task_id"] for group in groups]
    assert len(set(ids)) == 5
    assert [sample.prompt for group in groups for sample in group] == [f"prompt {i}" for i in np.repeat(ids, 4)]
    assert [sample.index for group in groups for sample in group] == list(range(20))
    for number, sample in enumerate(groups[0]):
        sample.reward = float(number < 3)
    for sample in groups[1][:2]:
        sample.reward = 0.0  # the other two have none
    adapter.report(source.args, groups[:3], source.get_samples)  # the third has no reward; two more were never finished
    stats = {task_id: source.ledger.curriculum.get_task_stats(task_id) for task_id in ids}
    assert [stats[task_id]["completion_count"] for task_id in ids] == [4, 2, 0, 0, 0]
    assert stats[ids[0]]["mean_score"] == 0.75
    assert source.ledger.in_flight.size == 0
    destroy(source.ledger)


def test_slime_goes_on_with_what_was_in_flight(adapter: Any) -> None:
    source, resumed = slime_source(adapter, partial_rollout=True), slime_source(adapter)
    groups = source.get_samples(4)
    for sample in groups[0]:
        sample.reward = 1.0
    adapter.report(source.args, groups[:1], source)
    source.add_samples(groups[1:2])
    assert source.get_samples(1) == groups[1:2]
    source.save(0)
    resumed.load(0)
    expected = [group[0].prompt for group in groups[1:]]
    assert [group[0].prompt for group in resumed.get_samples(3)] == expected
    destroy(source.ledger)
    destroy(resumed.ledger)


def trace(reward: float, **changes: Any) -> SimpleNamespace:
    fields = {"reward": reward, "has_error": False, "num_turns": 1, "agent": SimpleNamespace(trainable=True)}
    return SimpleNamespace(**fields | changes)


def test_prime_rl_observes_groups_and_goes_on_where_it_was() -> None:
    tasks = [SimpleNamespace(key=f"sum-{n}") for n in range(6)]
    sampler, resumed = CurriculumTaskSampler(tasks, seed=1), CurriculumTaskSampler(tasks, seed=2)
    first, second = next(sampler), next(sampler)
    episodes = [SimpleNamespace(task=first, ok=True, traces=[trace(1.0), trace(0.0), trace(1.0, has_error=True)])]
    sampler.observe([*episodes, SimpleNamespace(task=first, ok=False, traces=[trace(1.0)])])
    stats = sampler.ledger.curriculum.get_task_stats(tasks.index(first))
    assert (stats["completion_count"], stats["mean_score"]) == (2, 0.5)
    resumed.load_state_dict(sampler.state_dict())
    assert next(resumed) is second
    assert [next(resumed) for _ in range(9)] == [next(sampler) for _ in range(9)]
    sampler.observe([SimpleNamespace(task=second, ok=True, traces=[])])
    with pytest.raises(UnknownTaskError):
        resumed.observe([SimpleNamespace(task=SimpleNamespace(key="sum-9"), ok=True, traces=[trace(1.0)])])
    sampler.close()
    resumed.close()


def test_prime_rl_refuses_what_it_cannot_tell_apart() -> None:
    for tasks in (iter([]), [SimpleNamespace(key=1), SimpleNamespace(key=1)]):
        with pytest.raises(ConfigError):
            CurriculumTaskSampler(tasks)  # type: ignore[arg-type]
