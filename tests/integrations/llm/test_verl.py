"""verl's own data set, loader, batches and queue with a curriculum; what wants a GPU, the model's part, is stood in."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import verl
from datasets import Dataset
from omegaconf import DictConfig, OmegaConf
from torchdata.stateful_dataloader import StatefulDataLoader
from verl.trainer.ppo.utils import create_rl_dataset, create_rl_sampler
from verl.utils.dataset.rl_dataset import collate_fn

from lpcurr.errors import ConfigError
from lpcurr.recipes.sums_grpo.loop import make_tokenizer

ROWS, BATCH = 24, 3


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with verl's parquet files, of prompts with their answers."""
    folder = tmp_path_factory.mktemp("verl")
    for name in ("train", "val"):
        rows = [
            {
                "prompt": [{"role": "user", "content": f"{row} + 1 ="}],
                "data_source": "sums",
                "reward_model": {"ground_truth": str(row + 1)},
                "extra_info": {"index": row},
            }
            for row in range(ROWS)
        ]
        Dataset.from_list(rows).to_parquet(folder / f"{name}.parquet")
    return folder


def config_of(files: Path, **data: Any) -> DictConfig:
    """verl's own configuration with the lines of the adapter."""
    path = Path(verl.__file__).parent / "trainer" / "config" / "data" / "legacy_data.yaml"
    defaults = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    assert isinstance(defaults, dict)
    ours = {
        "train_files": [str(files / "train.parquet")],
        "val_files": [str(files / "val.parquet")],
        "train_batch_size": BATCH,
        "max_prompt_length": 64,
        "tool_config_path": None,
        "function_tool_path": None,
        "filter_overlong_prompts_workers": 1,
        "dataloader_num_workers": 0,
        "seed": 5,
        "custom_cls": {"path": "pkg://lpcurr.integrations.verl", "name": "CurriculumDataset"},
        "curriculum": {"type": "learnability", "attempts": 2},
    }
    return OmegaConf.create({**defaults, **ours, **data})


def make(data: DictConfig, *, train: bool = True) -> Any:
    tokenizer = make_tokenizer()
    tokenizer.chat_template = "{{ messages[0]['content'] }}"
    paths = data.train_files if train else data.val_files
    return create_rl_dataset(paths, data, tokenizer, None, is_train=train)


def loader_of(data: DictConfig, dataset: Any) -> StatefulDataLoader[Any]:
    """The loader that verl's trainers make."""
    sampler = create_rl_sampler(data, dataset)
    return StatefulDataLoader(
        dataset=dataset, batch_size=BATCH, num_workers=0, drop_last=True, collate_fn=collate_fn, sampler=sampler
    )


@pytest.fixture
def destroyed() -> Iterator[list[Any]]:
    """Data sets whose curricula are to be taken away."""
    datasets: list[Any] = []
    yield datasets
    for dataset in datasets:
        dataset.ledger.curriculum.close()
        dataset.ledger.curriculum.unlink()


def mean_scores(dataset: Any, ids: list[int]) -> list[float]:
    return [dataset.ledger.curriculum.get_task_stats(task_id)["mean_score"] for task_id in ids]


def test_the_legacy_trainer_reports_to_the_rows_it_trained_on_and_resumes(
    files: Path, destroyed: list[Any], tmp_path: Path
) -> None:
    from verl import DataProto

    data = config_of(files)
    dataset, resumed = make(data), make(data)
    destroyed += [dataset, resumed]
    loader = loader_of(data, dataset)
    batches = iter(loader)
    rows = next(batches)
    ids = rows["curriculum_task_id"].tolist()
    assert len(set(ids)) == BATCH
    assert [prompt[0]["content"] for prompt in rows["raw_prompt"]] == [f"{task_id} + 1 =" for task_id in ids]
    batch = DataProto.from_single_dict(rows).repeat(repeat_times=2, interleave=True)
    batch.batch["token_level_scores"] = torch.tensor([1.0, 1, 1, 0, 0, 0])[:, None].repeat(1, 4) / 4
    batch.reorder(torch.tensor([5, 0, 3, 2, 1, 4]))  # as verl balances batches
    dataset.on_batch_end(batch=batch)
    assert mean_scores(dataset, ids) == [1.0, 0.5, 0.0]
    under_way = next(batches)["curriculum_task_id"].tolist()
    torch.save(loader.state_dict(), tmp_path / "data.pt")
    again = loader_of(data, resumed)
    again.load_state_dict(torch.load(tmp_path / "data.pt", weights_only=False))
    assert next(iter(again))["curriculum_task_id"].tolist() == under_way
    assert mean_scores(resumed, ids) == [1.0, 0.5, 0.0]


def test_attempts_that_were_not_scored_are_no_failures(files: Path, destroyed: list[Any]) -> None:
    dataset = make(config_of(files))
    destroyed.append(dataset)
    dataset.report([(0, float("nan")), (0, 1.0), (1, float("nan"))])
    assert dataset.ledger.curriculum.columns()["completion_count"][:2].tolist() == [1, 0]
    assert mean_scores(dataset, [0]) == [1.0]


def test_a_validation_set_is_read_in_order_and_what_cannot_work_is_refused(files: Path) -> None:
    validation = make(config_of(files), train=False)
    assert [validation[row]["extra_info"]["index"] for row in range(3)] == [0, 1, 2]
    validation.on_batch_end(None)
    assert validation.state_dict() == {}
    with pytest.raises(ConfigError, match="dataloader_num_workers"):
        make(config_of(files, dataloader_num_workers=2))
    with pytest.raises(ConfigError, match="val_files"):
        make(config_of(files, val_files=[str(files / "train.parquet")]))


def test_a_trainer_that_reports_nothing_is_told(
    files: Path, destroyed: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    data = config_of(files)
    dataset = make(data)
    destroyed.append(dataset)
    with caplog.at_level(logging.WARNING, "lpcurr"):
        for _ in range(4):
            list(loader_of(data, dataset))
    assert [record.message.count("trainer_mode=curriculum") for record in caplog.records] == [1]


@pytest.fixture
def queue() -> Iterator[Any]:
    """verl's TransferQueue, in a Ray of its own."""
    import ray
    import transfer_queue

    paths = os.pathsep.join(path for path in sys.path if path)
    ray.init(num_cpus=8, include_dashboard=False, runtime_env={"env_vars": {"PYTHONPATH": paths}})
    transfer_queue.init()  # three actors, a processor each
    yield transfer_queue
    transfer_queue.close()
    ray.shutdown()


def test_the_present_trainer_reports_each_attempt_after_a_step(files: Path, destroyed: list[Any], queue: Any) -> None:
    from verl.experimental.agent_loop.agent_loop import AgentLoopMetrics, AgentLoopOutput
    from verl.utils.tensordict_utils import list_of_dict_to_tensordict

    from lpcurr.integrations.verl_trainer import CurriculumTrainer

    class WithoutModel(CurriculumTrainer):
        """The trainer, but that attempts are made and trained on by no model: written as verl's agent loops do."""

        def _submit_batch_to_rollout(self, batch: Any) -> int:
            self.submitted = [{key: batch[key][i] for key in ("uid", "curriculum_task_id")} for i in range(len(batch))]
            return len(batch)

        def _step_once(self, metrics: Any, timing_raw: Any, sample_batch_size: int) -> Any:
            assert sample_batch_size == len(self.submitted)
            keys, fields, tags = [], [], []
            for prompt in self.submitted:
                for attempt in range(4):
                    for turn in range(2):
                        output = AgentLoopOutput(
                            prompt_ids=[1, 2], response_ids=[3] * (2 + attempt), response_mask=[1] * (2 + attempt),
                            reward_score=float(attempt < prompt["curriculum_task_id"] % 5), metrics=AgentLoopMetrics(),
                        )  # fmt: skip
                        keys.append(f"{prompt['uid']}_{attempt}_{turn}")
                        fields.append(output.as_dict() | prompt)
                        tags.append({"status": "success"})
            order = np.random.default_rng(0).permutation(len(keys)).tolist()
            keys, fields, tags = ([some[i] for i in order] for some in (keys, fields, tags))
            queue.kv_batch_put(keys=keys, fields=list_of_dict_to_tensordict(fields), tags=tags, partition_id="train")
            padding = queue.kv_batch_put(
                keys=["padding"], fields=list_of_dict_to_tensordict(fields[:1]), tags=[{"is_padding": True}],
                partition_id="train",
            )  # fmt: skip
            return type(padding)(partition_id="train", keys=[*keys, "padding"], tags=[*tags, {"is_padding": True}])

    data = config_of(files)
    trainer = WithoutModel.__new__(WithoutModel)  # its __init__ wants a configuration of models and GPUs
    trainer.config, trainer.trainer_mode, trainer.parameter_sync_step = OmegaConf.create({"data": data}), "sync", 1
    trainer.global_steps, trainer.train_dataset = 1, make(data)
    destroyed.append(trainer.train_dataset)
    trainer.train_dataloader, trainer.train_dataloader_it = loader_of(data, trainer.train_dataset), None
    seen: set[int] = set()
    for _ in range(6):
        trainer.step({}, {})
        ids = [prompt["curriculum_task_id"] for prompt in trainer.submitted]
        assert mean_scores(trainer.train_dataset, ids) == [task_id % 5 / 4 for task_id in ids]
        assert trainer.train_dataset.ledger.in_flight.size == 0
        seen |= set(ids)
    completions = trainer.train_dataset.ledger.curriculum.columns()["completion_count"]
    assert completions.sum() == 6 * BATCH * 4
    assert set(np.flatnonzero(completions).tolist()) == seen


def test_the_trainer_is_found_by_its_mode() -> None:
    from verl.trainer.ppo.v1 import get_trainer_cls

    from lpcurr.integrations.verl_trainer import CurriculumTrainer

    assert get_trainer_cls("curriculum") is CurriculumTrainer
