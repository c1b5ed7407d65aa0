"""Figures of a training go to TensorBoard and Weights & Biases as well, by their own libraries, where ``log`` says so.

``log.tensorboard=true`` writes event files to ``tensorboard/<arm>-seed<seed>/`` in the run folder;
``log.wandb.project=NAME`` makes a W&B run of each training, grouped by the run folder's name. The figures are those of
``metrics.jsonl``, over environment steps. A training that goes on continues its TensorBoard curves (what was written
after the checkpoint is passed over by TensorBoard itself), and is another W&B run of the same group.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from lpcurr.errors import ConfigError
from lpcurr.schedulers.common import CheckedModel

Log = Callable[[Mapping[str, Any]], None]
"""Takes a line of metrics."""

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


@contextmanager
def open_loggers(
    chosen: LogConfig, config: Mapping[str, Any], folder: Path, arm: str, seed: int
) -> Iterator[list[Log]]:
    """Open the loggers that are asked for, for one training of a run folder; they are closed at its end."""
    with ExitStack() as stack:
        loggers: list[Log] = []
        if chosen.tensorboard:
            loggers.append(stack.enter_context(_tensorboard(folder / "tensorboard" / f"{arm}-seed{seed}")))
        if chosen.wandb.project is not None:
            loggers.append(stack.enter_context(_wandb(chosen.wandb, config, folder, arm, seed)))
        yield loggers


@contextmanager
def _tensorboard(folder: Path) -> Iterator[Log]:
    from tensorboard.summary import Writer

    writer = Writer(str(folder))

    def log(row: Mapping[str, Any]) -> None:
        for key, value in figures(row).items():
            writer.add_scalar(key, value, row["steps"])
        writer.flush()

    try:
        yield log
    finally:
        writer.close()


@contextmanager
def _wandb(chosen: WandbConfig, config: Mapping[str, Any], folder: Path, arm: str, seed: int) -> Iterator[Log]:
    import wandb

    try:
        run = wandb.init(
            project=chosen.project,
            entity=chosen.entity,
            mode=chosen.mode,
            dir=folder,
            group=folder.name,
            name=f"{folder.name}-{arm}-seed{seed}",
            job_type=arm,
            config=dict(config) | {"seed": seed},
            settings=wandb.Settings(silent=True, console="off"),  # the terminal is the progress display's
        )
    except wandb.errors.Error as error:
        raise ConfigError(f"log.wandb.project={chosen.project!r}: {error}") from error
    try:
        yield lambda row: run.log(figures(row), step=row["steps"])
    except BaseException:
        run.finish(exit_code=1)  # W&B marks it as failed
        raise
    run.finish(exit_code=0)


def figures(row: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a line of metrics that are figures.

    >>> figures({"curriculum": "learning_progress", "seed": 3, "steps": 100, "score": 0.5})
    {'steps': 100, 'score': 0.5}
    """
    return {key: value for key, value in row.items() if key not in _NO_FIGURES and isinstance(value, int | float)}
