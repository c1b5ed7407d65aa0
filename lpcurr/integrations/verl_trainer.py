"""verl's synchronous trainer, which reports each step to a curriculum: see :mod:`lpcurr.integrations.verl`."""

from __future__ import annotations

from typing import Any

from lpcurr.errors import ConfigError
from lpcurr.integrations import needs

with needs("transfer_queue", "lpcurr.integrations.verl_trainer needs verl's queue: pip install 'verl[verl-core]'"):
    import transfer_queue
    from verl.trainer.ppo.v1 import register_trainer
    from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

from lpcurr.integrations.verl import TASK_ID, CurriculumDataset


@register_trainer("curriculum")
class CurriculumTrainer(PPOTrainerSync):  # type: ignore[misc, unused-ignore]
    """verl's ``sync`` trainer mode, with a report of every attempt to its prompt after each step."""

    def __init__(self, config: Any) -> None:
        config.trainer.v1.trainer_mode = "sync"  # by which verl's own parts go
        super().__init__(config)

    def _init_dataloader(self) -> None:
        super()._init_dataloader()
        if not isinstance(self.train_dataset, CurriculumDataset):
            raise ConfigError(
                f"trainer.v1.trainer_mode=curriculum has a data set of {type(self.train_dataset).__name__}: set "
                "data.custom_cls.path=pkg://lpcurr.integrations.verl and data.custom_cls.name=CurriculumDataset"
            )

    def step(self, metrics: dict[str, Any], timing_raw: dict[str, float]) -> Any:
        batch = super().step(metrics, timing_raw)
        # A key is prompt_attempt_turn, and all turns of an attempt have its reward.
        turns = [key for key, tag in zip(batch.keys, batch.tags, strict=True) if not tag.get("is_padding", False)]
        attempts = list({key.rpartition("_")[0]: key for key in turns}.values())
        fields = [TASK_ID, "rm_scores"]
        rows = transfer_queue.kv_batch_get(keys=attempts, partition_id=batch.partition_id, select_fields=fields)
        rewards = [row.sum().item() for row in rows["rm_scores"].unbind()]
        self.train_dataset.report(zip(list(rows[TASK_ID]), rewards, strict=True))
        return batch
