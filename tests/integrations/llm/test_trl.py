"""TRL's real GRPOTrainer on sums: a GPT-2 of one layer with random weights, and a word a number."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast, set_seed
from trl import GRPOConfig

from lpcurr import CheckpointNotFoundError, ConfigError, Curriculum, CurriculumConfig, LearnabilityConfig
from lpcurr.integrations.trl import CurriculumGRPOTrainer

SUMS = [(a, b) for a in range(4) for b in range(4)]


def make_tokenizer() -> PreTrainedTokenizerFast:
    words = ["<pad>", "<eos>", "<unk>", "+", "=", *map(str, range(8))]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>", padding_side="left"
    )


def make_trainer(
    folder: Path, curriculum: Curriculum | None, seen: list[Any], *, real: bool = True, **options: Any
) -> CurriculumGRPOTrainer:
    def is_right(completions: list[str], total: list[int], curriculum_task_id: list[int], **_: Any) -> list[float]:
        rewards = [float(text.split()[:1] == [str(n)]) for text, n in zip(completions, total, strict=True)]
        seen.append((curriculum_task_id, rewards))
        return rewards

    def by_step(completions: list[str], curriculum_task_id: list[int], trainer_state: Any, **_: Any) -> list[float]:
        step, places = trainer_state.global_step, range(len(completions))
        rewards = [float((task_id * (i + step)) % 5 < 2) for i, task_id in zip(places, curriculum_task_id, strict=True)]
        seen.append((curriculum_task_id, rewards))
        return rewards

    ours = {name: options.pop(name) for name in ("prompts_by_label",) if name in options}
    set_seed(0)
    shape = {"n_layer": 1, "n_head": 2, "n_embd": 16, "n_positions": 16, "vocab_size": 13}
    special = {"bos_token_id": 1, "eos_token_id": 1, "pad_token_id": 0}
    settings = {
        "per_device_train_batch_size": 8,
        "gradient_accumulation_steps": 2,
        "num_generations": 4,
        "max_completion_length": 2,
        "max_steps": 6,
        "save_steps": 2,
        "learning_rate": 1e-3,
        "report_to": "none",
        "use_cpu": True,
        "logging_steps": 1,
        "seed": 0,
    } | options
    return CurriculumGRPOTrainer(
        model=GPT2LMHeadModel(GPT2Config(**shape, **special)),
        reward_funcs=is_right if real else by_step,
        args=GRPOConfig(output_dir=str(folder), **settings),
        train_dataset=Dataset.from_list([{"prompt": f"{a} + {b} =", "total": a + b} for a, b in SUMS]),
        processing_class=make_tokenizer(),
        curriculum=curriculum,
        **ours,
    )


def make_curriculum() -> Curriculum:
    algorithm = LearnabilityConfig(attempts=4)
    return CurriculumConfig(tasks=[f"{a} + {b} =" for a, b in SUMS], seed=2, algorithm_config=algorithm).make()


def test_every_group_is_credited_to_its_prompt(tmp_path: Path) -> None:
    seen: list[Any] = []
    with make_curriculum() as curriculum:
        trainer = make_trainer(tmp_path, curriculum, seen)
        before = trainer.model.transformer.wte.weight.detach().clone()
        trainer.train()
        assert len(seen) == 6  # one generation a step
        successes, attempts = [0.0] * len(SUMS), [0] * len(SUMS)
        for ids, rewards in seen:
            assert ids == [task_id for task_id in ids[::4] for _ in range(4)]
            assert len(set(ids)) == 4  # distinct ones
            for task_id, reward in zip(ids, rewards, strict=True):
                successes[task_id] += reward
                attempts[task_id] += 1
        for task_id in range(len(SUMS)):
            stats = curriculum.get_task_stats(task_id)
            assert stats is not None
            assert (stats["total_score"], stats["completion_count"]) == (successes[task_id], attempts[task_id])
        assert not torch.equal(before, trainer.model.transformer.wte.weight)
        logged = [entry for entry in trainer.state.log_history if "reward" in entry]
        assert [entry["curriculum/num_completed"] for entry in logged] == [16.0 * step for step in range(1, 7)]
        assert logged[-1]["curriculum/mean_success_rate"] == curriculum.stats()["mean_success_rate"]


def test_a_batch_has_so_many_prompts_of_each_label(tmp_path: Path) -> None:
    seen: list[Any] = []
    labels = ["small" if a + b < 3 else "large" for a, b in SUMS]
    with CurriculumConfig(tasks=list(range(len(SUMS))), task_labels=labels, seed=2).make() as curriculum:
        make_trainer(tmp_path, curriculum, seen, prompts_by_label={"small": 3, "large": 1}, max_steps=3).train()
        assert [[labels[i] for i in ids[::4]].count("small") for ids, _ in seen] == [3, 3, 3]
        with pytest.raises(ConfigError, match="are not the 4 prompts of a generation batch"):
            make_trainer(tmp_path, curriculum, seen, prompts_by_label={"small": 3, "large": 2})


def test_generations_are_reused_as_the_trainer_does(tmp_path: Path) -> None:
    seen: list[Any] = []
    with make_curriculum() as curriculum:
        make_trainer(tmp_path, curriculum, seen, steps_per_generation=4, num_iterations=2, max_steps=8).train()
        assert [len(ids) for ids, _ in seen] == [32, 32]  # a generation batch serves four optimiser steps
        assert curriculum.stats()["num_completed"] == 64


@pytest.mark.parametrize("cut", [2, 4])
def test_a_resumed_training_goes_on_with_the_same_prompts(tmp_path: Path, cut: int) -> None:
    # Rewards by the step: a resumed transformers.Trainer does not sample the same completions.
    seen: list[Any] = []
    with make_curriculum() as curriculum:
        make_trainer(tmp_path, curriculum, seen, real=False).train()
    again: list[Any] = []
    with make_curriculum() as curriculum:
        trainer = make_trainer(tmp_path, curriculum, again, real=False)
        trainer.train(resume_from_checkpoint=str(tmp_path / f"checkpoint-{cut}"))
    assert again == seen[cut:]
    (tmp_path / f"checkpoint-{cut}" / "curriculum.json").unlink()
    with make_curriculum() as curriculum:
        trainer = make_trainer(tmp_path, curriculum, again, real=False)
        with pytest.raises(CheckpointNotFoundError, match="no curriculum in it"):
            trainer.train(resume_from_checkpoint=str(tmp_path / f"checkpoint-{cut}"))


def run_ranks(folder: Path, mode: str) -> int:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command += ["-m", "tests.integrations.llm.rank", str(folder), mode]
    root = Path(__file__).parents[3]
    environment = os.environ | {"PYTHONPATH": str(root), "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, cwd=root, timeout=600, check=False).returncode


def test_two_ranks_of_which_one_is_killed_credit_every_group_to_its_prompt(tmp_path: Path) -> None:
    assert run_ranks(tmp_path, "dies") != 0
    assert run_ranks(tmp_path, "resumes") == 0
    said = {
        name: [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        for name in ("before0", "before1", "after0", "after1")
    }
    checkpoint, steps = 4, 8
    kept = [
        first + second for first, second in zip(*(said[f"before{rank}"][:checkpoint] for rank in (0, 1)), strict=True)
    ]
    again = [first + second for first, second in zip(said["after0"], said["after1"], strict=True)]
    assert len(kept + again) == steps
    # What was in flight when the rank was killed is the first that is trained after the resume.
    assert said["after0"][0][0] == said["before0"][checkpoint][0]
    successes, attempts = [0.0] * len(SUMS), [0] * len(SUMS)
    for first_ids, first_rewards, second_ids, second_rewards in kept + again:
        ids = first_ids + second_ids
        assert ids == [task_id for task_id in ids[::4] for _ in range(4)]
        assert len(set(ids)) == 3
        for task_id, reward in zip(ids, first_rewards + second_rewards, strict=True):
            successes[task_id] += reward
            attempts[task_id] += 1
    credited = json.loads((tmp_path / "credited.json").read_text())
    assert credited == [list(pair) for pair in zip(successes, attempts, strict=True)]
