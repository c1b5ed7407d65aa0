"""verl: the training data set's rows come in the order that a curriculum chooses, and each batch is reported to it.

    data.custom_cls.path=pkg://lpcurr.integrations.verl
    data.custom_cls.name=CurriculumDataset
    data.dataloader_num_workers=0
    +data.curriculum.type=learnability
    +data.curriculum.attempts=8

``data.curriculum`` has the settings of the scheduler. Which row a loader asks for does not matter: it gets the one that
the curriculum chooses, so that verl's own sampler and its checkpoints stay as they are; torchdata's
``StatefulDataLoader`` saves the curriculum, and what is in flight, with the data set. The validation set, which verl
makes of the same class, is read in order. verl writes a checkpoint before it says that the batch has ended: a resumed
run trains on the last batch before the checkpoint once more. Written against verl 0.9 (``RLHFDataset``, and
``on_batch_end`` of ``verl/trainer/ppo/ray_trainer.py``), whose requirements are too many for these tests: they have a
stand-in.
"""

from __future__ import annotations

from typing import Any

from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.ledger import TaskLedger
from lpcurr.errors import ConfigError
from lpcurr.integrations import needs

with needs("verl", "lpcurr.integrations.verl needs verl: pip install verl"):
    from verl.utils.dataset.rl_dataset import RLHFDataset

_TASK_ID = "curriculum_task_id"


class CurriculumDataset(RLHFDataset):  # type: ignore[misc, unused-ignore]
    """An ``RLHFDataset`` whose rows a curriculum chooses: task i is row i.

    Attributes:
        ledger: what is in flight; None for a validation set.
    """

    def __init__(self, data_files: Any, tokenizer: Any, config: Any, *others: Any, **options: Any) -> None:
        super().__init__(data_files, tokenizer, config, *others, **options)
        self._batch: list[int] = []  # chosen, and not asked for yet
        self.ledger: TaskLedger | None = None
        if data_files != config.get("train_files"):
            return
        if config.get("dataloader_num_workers", 8) != 0:
            raise ConfigError("data.dataloader_num_workers must be 0: a worker would choose rows by a pool of its own")
        self._batch_size = config.get("gen_batch_size") or config["train_batch_size"]
        self._threshold = config.get("success_threshold", 0.5)
        rows = [str(row) for row in range(len(self))]
        scheduler = dict(config.get("curriculum") or {"type": "learnability"})
        fields = {"tasks": rows, "seed": config.get("seed"), "algorithm_config": scheduler}
        self.ledger = TaskLedger(CurriculumConfig.model_validate(fields).make())

    def __getitem__(self, item: int) -> Any:
        """Read the next row that the curriculum chooses; the batches that it is asked for hold distinct ones."""
        if self.ledger is None:
            return super().__getitem__(item)
        if not self._batch:
            self._batch = self.ledger.take(self._batch_size).tolist()
        task_id = self._batch.pop(0)
        return super().__getitem__(task_id) | {_TASK_ID: task_id}

    def on_batch_end(self, batch: Any) -> None:
        """Report a batch that was trained on, a ``DataProto``; prompts that verl filtered out are given back."""
        if self.ledger is None:
            return
        rewards: dict[int, list[float]] = {}
        scores = batch.batch["token_level_scores"].sum(dim=-1).tolist()
        for task_id, score in zip(batch.non_tensor_batch[_TASK_ID].tolist(), scores, strict=True):
            rewards.setdefault(int(task_id), []).append(score)
        self.ledger.report_rewards(rewards.items(), self._threshold)
        self.ledger.release(self.ledger.in_flight)
        self._batch = []

    def state_dict(self) -> dict[str, Any]:
        """Return the curriculum and what is in flight, as plain data."""
        return {} if self.ledger is None else self.ledger.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state: what was in flight is read first."""
        if self.ledger is not None:
            self.ledger.load_state_dict(state)
            self._batch = []
