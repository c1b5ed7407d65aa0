"""The training loop of the recipe of sums: TRL's GRPOTrainer, an epoch at a time."""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    PrinterCallback,
    TrainerCallback,
    set_seed,
)
from trl import GRPOConfig

from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.errors import ConfigError
from lpcurr.generators import TaskList
from lpcurr.integrations.trl import CurriculumGRPOTrainer
from lpcurr.recipes.config import Metrics, OnEpoch
from lpcurr.recipes.epochs import Trainee, held_out_figures, train_epochs
from lpcurr.recipes.sums_grpo.config import (
    GRADES,
    NUMBERS,
    GRPOLearnerConfig,
    SumsConfig,
    answer_of,
    grade_of,
    held_out_sums,
)

_LEARNER = "learner.pt"
_SPECIAL = ["<pad>", "<eos>", "<unk>", "+", "="]


def train(config: SumsConfig, curriculum: Curriculum, seed: int, on_epoch: OnEpoch, resume: Path | None = None) -> None:
    """Train one model on the prompts that the curriculum gives, up to ``total_steps`` or for ``max_seconds``."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # models this small are slower with more
    try:
        with tempfile.TemporaryDirectory() as unused:  # TRL wants a folder, though it is told to save nothing
            train_epochs(SumsTrainee(config, curriculum, seed, resume, Path(unused)), config, on_epoch)
    finally:
        torch.set_num_threads(threads)


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Make a tokenizer for which every number is a word."""
    words = [*_SPECIAL, *map(str, range((NUMBERS - 1) * max(GRADES) + 1))]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>", padding_side="left"
    )


def make_model(config: GRPOLearnerConfig, words: int) -> LlamaForCausalLM:
    """Make a model with random weights; its positions are relative, so that padding on the left moves nothing."""
    shape = {"hidden_size": config.hidden, "intermediate_size": 4 * config.hidden, "num_hidden_layers": config.layers}
    heads = max(config.hidden // 16, 1)
    special = {"bos_token_id": 1, "eos_token_id": 1, "pad_token_id": 0}
    return LlamaForCausalLM(LlamaConfig(vocab_size=words, num_attention_heads=heads, **shape, **special))


class _Deadline(TrainerCallback):  # type: ignore[misc, unused-ignore]
    """Ends a training when time is up."""

    at = float("inf")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_training_stop = control.should_training_stop or time.perf_counter() > self.at


class SumsTrainee(Trainee):
    """TRL's GRPOTrainer with a small model, to which a step and an episode are an answer; ``folder`` is for TRL."""

    def __init__(
        self, config: SumsConfig, curriculum: Curriculum, seed: int, resume: Path | None, folder: Path
    ) -> None:
        tasks, learner = config.curriculum.task_generator, config.learner
        if not isinstance(tasks, TaskList):
            raise ConfigError("curriculum.task_generator is no list: the recipe needs the prompts of sums_grpo()")
        self._mastered_from, self._count_steps = config.evaluation.mastered_from, curriculum.count_steps
        self._held_out = held_out_sums(config.evaluation, tasks.tasks)
        self._tokenizer = make_tokenizer()
        set_seed(seed)
        self._model = make_model(learner, len(self._tokenizer))
        if resume is None:
            self._warm_up([prompt for prompt in tasks.tasks if prompt.count("+") < GRADES[2] - 1], learner)
        self._deadline = _Deadline()
        self._trainer = CurriculumGRPOTrainer(
            model=self._model,
            reward_funcs=self._is_right,
            args=GRPOConfig(
                output_dir=str(folder),
                per_device_train_batch_size=learner.prompts * learner.attempts,
                num_generations=learner.attempts,
                max_completion_length=1,
                learning_rate=learner.learning_rate,
                lr_scheduler_type="constant",
                seed=seed,
                use_cpu=True,
                bf16=False,
                gradient_checkpointing=False,
                report_to="none",
                save_strategy="no",
                logging_strategy="no",
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_list([{"prompt": prompt, "total": answer_of(prompt)} for prompt in tasks.tasks]),
            processing_class=self._tokenizer,
            callbacks=[self._deadline],
            curriculum=curriculum,
        )
        self._trainer.remove_callback(PrinterCallback)  # the terminal is the progress display's
        self._trainer.create_optimizer()
        if resume is not None:
            saved = torch.load(resume / _LEARNER, weights_only=True)
            self._model.load_state_dict(saved["model"])
            self._trainer.optimizer.load_state_dict(saved["optimizer"])
            torch.set_rng_state(saved["random"])
            self.steps = self.episodes = saved["steps"]

    def play(self, until: int, deadline: float) -> None:
        before, batch = self.steps, self._trainer.args.generation_batch_size
        self._deadline.at = deadline
        self._trainer.args.max_steps = -(-(until - before) // batch)
        self._trainer.train()
        sampler = self._trainer.sampler
        assert sampler.ledger is not None
        sampler.release(sampler.ledger.in_flight)  # the loader has fetched one batch more than was trained on
        self._count_steps(self.steps - before)

    def evaluate(self) -> Metrics:
        """Work out the chances that the model answers right, without drawing any answer."""
        with torch.no_grad():
            chances = self._logits(self._held_out).softmax(dim=-1)
        right = chances.gather(1, self._answers(self._held_out)[:, None])[:, 0].double().numpy()
        grades = np.array([grade_of(prompt) for prompt in self._held_out])
        by_grade = {f"label_held_out/{grade}": float(right[grades == grade].mean()) for grade in np.unique(grades)}
        return held_out_figures(right, self._mastered_from) | by_grade

    def save(self, folder: Path) -> None:
        saved = {"model": self._model.state_dict(), "optimizer": self._trainer.optimizer.state_dict()}
        torch.save(saved | {"random": torch.get_rng_state(), "steps": self.steps}, folder / _LEARNER)

    def _is_right(self, completions: list[str], total: list[int], **_: Any) -> list[float]:
        rewards = [float(text.strip() == str(n)) for text, n in zip(completions, total, strict=True)]
        self.steps = self.episodes = self.steps + len(rewards)
        self.score_sum += sum(rewards)
        return rewards

    def _warm_up(self, prompts: list[str], learner: GRPOLearnerConfig) -> None:
        """Teach the easiest sums by their answers: a model that is never right gets no gradient from GRPO."""
        optimizer = torch.optim.AdamW(self._model.parameters(), lr=learner.warm_learning_rate)
        for _ in range(learner.warm_steps):
            batch = [prompts[place] for place in torch.randint(len(prompts), (64,)).tolist()]
            loss = torch.nn.functional.cross_entropy(self._logits(batch), self._answers(batch))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def _logits(self, prompts: list[str]) -> torch.Tensor:
        """What the model says to prompts, of the word that follows: float32[prompts, words]."""
        tokens = self._tokenizer(prompts, return_tensors="pt", padding=True)
        mask = tokens["attention_mask"]
        logits: torch.Tensor = self._model(input_ids=tokens["input_ids"], attention_mask=mask).logits[:, -1]
        return logits

    def _answers(self, prompts: list[str]) -> torch.Tensor:
        return torch.tensor([answer_of(prompt) + len(_SPECIAL) for prompt in prompts])
