"""Figures of a training go to TensorBoard and Weights & Biases as well, by their own libraries, where ``log`` says so.

``log.tensorboard=true`` writes event files to ``tensorboard/<curriculum>-seed<seed>/`` in the run folder;
``log.wandb.project=NAME`` makes a W&B run of each training, grouped by the run folder's name. The figures are those of
``metrics.jsonl``, over environment steps. A training that goes on continues its TensorBoard curves (what was written
after the checkpoint is passed over by TensorBoard itself), and is another W&B run of the same group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import Field

from lpcurr.errors import ConfigError
from lpcurr.schedulers.common import CheckedModel

if TYPE_CHECKING:
    from lpcurr.recipes.config import TrainingConfig

_NO_FIGURES = ("curriculum", "seed")


class WandbConfig(CheckedModel):
    """Weights & Biases; needs ``lpcurr[wandb]``."""

    project: str | None = Field(default=None, min_length=1, description="the project to log to; null: no W&B")
    entity: str | None = Field(default=None, description="the user or team that it belongs to; null: W&B's default")
    mode: Literal["online", "offline"] | None = Field(
        default=None,
        description="offline: no network, `wandb sync` sends it; null: as $WANDB_MODE says, or online",
    )


class LogConfig(CheckedModel):
    """Where the figures go beside ``metrics.jsonl``."""

    tensorboard: bool = Field(default=False, description="event files in the run folder; needs lpcurr[tensorboard]")
    wandb: WandbConfig = Field(default_factory=WandbConfig, description="Weights & Biases")

    def extras(self) -> list[str]:
        """The extras that it needs.

        >>> LogConfig(tensorboard=True).extras()
        ['tensorboard']
        """
        chosen = {"tensorboard": self.tensorboard, "wandb": self.wandb.project is not None}
        return [extra for extra, wanted in chosen.items() if wanted]


class MetricsLogger(Protocol):
    """Takes the figures of each epoch."""

    def log(self, row: Mapping[str, Any]) -> None:
        """Log a line of metrics."""


class TensorBoardLogger:
    """Event files.

    Args:
        folder: where; made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        from tensorboard.summary import Writer

        self._writer = Writer(str(folder))

    def log(self, row: Mapping[str, Any]) -> None:
        """Write a line of metrics, at once."""
        for key, value in figures(row).items():
            self._writer.add_scalar(key, value, row["steps"])
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


class WandbLogger:
    """A run of Weights & Biases.

    Args:
        config: the training's.
        folder: the run folder.
        curriculum: ``learning_progress`` or ``discrete_random``.
        seed: of the training.

    Raises:
        ConfigError: W&B refuses: not logged in, no such project, and so on.
    """

    def __init__(self, config: TrainingConfig, folder: Path, curriculum: str, seed: int) -> None:
        import wandb

        try:
            self._run = wandb.init(
                project=config.log.wandb.project,
                entity=config.log.wandb.entity,
                mode=config.log.wandb.mode,
                dir=folder,
                group=folder.name,
                name=f"{folder.name}-{curriculum}-seed{seed}",
                job_type=curriculum,
                config=config.model_dump(mode="json") | {"seed": seed},
                settings=wandb.Settings(silent=True, console="off"),  # the terminal is the progress display's
            )
        except wandb.errors.Error as error:
            raise ConfigError(f"log.wandb.project={config.log.wandb.project!r}: {error}") from error

    def log(self, row: Mapping[str, Any]) -> None:
        """Log a line of metrics."""
        self._run.log(figures(row), step=row["steps"])

    def close(self, *, failed: bool) -> None:
        """End the run; W&B marks it as failed if it was."""
        self._run.finish(exit_code=int(failed))


def figures(row: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a line of metrics that are figures.

    >>> figures({"curriculum": "learning_progress", "seed": 3, "steps": 100, "score": 0.5})
    {'steps': 100, 'score': 0.5}
    """
    return {key: value for key, value in row.items() if key not in _NO_FIGURES and isinstance(value, int | float)}


@contextmanager
def open_loggers(config: TrainingConfig, folder: Path, curriculum: str, seed: int) -> Iterator[list[MetricsLogger]]:
    """The loggers that a configuration asks for, for one training; closed at its end.

    Args:
        config: the training's.
        folder: the run folder.
        curriculum: ``learning_progress`` or ``discrete_random``.
        seed: of the training.

    Raises:
        ConfigError: W&B refuses the run.
        ImportError: a library that is asked for is not installed; ``lpcurr train`` looks before it begins.
    """
    loggers: list[MetricsLogger] = []
    with ExitStack() as stack:
        if config.log.tensorboard:
            board = TensorBoardLogger(folder / "tensorboard" / f"{curriculum}-seed{seed}")
            stack.callback(board.close)
            loggers.append(board)
        if config.log.wandb.project is not None:
            wandb = WandbLogger(config, folder, curriculum, seed)
            stack.push(lambda kind, error, trace: wandb.close(failed=kind is not None))
            loggers.append(wandb)
        yield loggers
