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
import torch
from torch.utils.data import Dataset
from torchdata.stateful_dataloader import StatefulDataLoader

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


class RLHFDataset(Dataset):
    """verl's, with rows that are given."""

    def __init__(
        self, data_files: Any, tokenizer: Any, config: Any, processor: Any = None, max_samples: int = -1
    ) -> None:
        self.rows = [f"prompt {row}" for row in range(config["rows"])]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, item: int) -> dict[str, Any]:
        return {"raw_prompt": self.rows[item], "dummy_tensor": torch.tensor([0], dtype=torch.uint8)}


STAND_INS = {"slime.rollout.data_source": RolloutDataSourceWithBuffer, "verl.utils.dataset.rl_dataset": RLHFDataset}


@pytest.fixture
def adapter(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module of an adapter, whose base class is a stand-in."""
    place = {"slime": "slime.rollout.data_source", "verl": "verl.utils.dataset.rl_dataset"}[request.param]
    parts = place.split(".")
    for depth in range(1, len(parts) + 1):
        module = ModuleType(".".join(parts[:depth]))
        setattr(module, STAND_INS[place].__name__, STAND_INS[place])
        monkeypatch.setitem(sys.modules, module.__name__, module)
    name = f"lpcurr.integrations.{request.param}"
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


@pytest.mark.parametrize("adapter", ["slime"], indirect=True)
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


@pytest.mark.parametrize("adapter", ["slime"], indirect=True)
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


def verl_dataset(adapter: Any, files: str = "train.parquet", workers: int = 0) -> Any:
    config = {"train_files": "train.parquet", "dataloader_num_workers": workers, "train_batch_size": 3, "seed": 5}
    config |= {"rows": 12, "curriculum": {"type": "learnability", "attempts": 2}}
    return adapter.CurriculumDataset(files, None, config, processor=None, max_samples=-1)


def as_batch(rows: dict[str, Any], scores: list[float]) -> SimpleNamespace:
    ids = np.repeat(np.asarray(rows["curriculum_task_id"], object), 2)[::-1]  # verl balances batches: in any order
    tensor = torch.tensor(scores[::-1])[:, None].repeat(1, 4) / 4
    return SimpleNamespace(batch={"token_level_scores": tensor}, non_tensor_batch={"curriculum_task_id": ids})


@pytest.mark.parametrize("adapter", ["verl"], indirect=True)
def test_verl_trains_on_chosen_rows_and_resumes_with_torchdata(adapter: Any) -> None:
    dataset, resumed = verl_dataset(adapter), verl_dataset(adapter)
    loader = StatefulDataLoader(dataset, batch_size=3, num_workers=0, drop_last=True)
    batches = iter(loader)
    rows = next(batches)
    ids = rows["curriculum_task_id"].tolist()
    assert len(set(ids)) == 3
    assert rows["raw_prompt"] == [f"prompt {task_id}" for task_id in ids]
    dataset.on_batch_end(as_batch(rows, [1, 1, 1, 0, 0, 0]))
    means = [dataset.ledger.curriculum.get_task_stats(task_id)["mean_score"] for task_id in ids]
    assert means == [1.0, 0.5, 0.0]
    under_way = next(batches)["curriculum_task_id"].tolist()
    state = loader.state_dict()
    again = StatefulDataLoader(resumed, batch_size=3, num_workers=0, drop_last=True)
    again.load_state_dict(state)
    assert next(iter(again))["curriculum_task_id"].tolist() == under_way
    destroy(dataset.ledger)
    destroy(resumed.ledger)


@pytest.mark.parametrize("adapter", ["verl"], indirect=True)
def test_verl_reads_a_validation_set_in_order_and_wants_no_workers(adapter: Any) -> None:
    validation = verl_dataset(adapter, "val.parquet")
    assert [validation[row]["raw_prompt"] for row in range(3)] == ["prompt 0", "prompt 1", "prompt 2"]
    validation.on_batch_end(None)
    assert validation.state_dict() == {}
    with pytest.raises(ConfigError, match="dataloader_num_workers"):
        verl_dataset(adapter, workers=2)
