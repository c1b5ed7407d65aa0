"""Time short trainings of a recipe, the only wall-clock times of an investigation: how much does a fault matter?"""

from collections.abc import Callable
from dataclasses import dataclass

from lpcurr.investigation.limits import Budget
from lpcurr.recipes.config import Metrics, SaveLearner, TrainingConfig, randomised


@dataclass
class Epoch:
    """An epoch of a real training."""

    rate: float  # environment steps per second, while acting and learning, as the recipe reports it
    episodes: float  # of each process, per second
    waiting: float  # share of the processes' time that went into waiting for the pool's lock


@dataclass
class Training:
    """Epochs with the recipe's curriculum and with random draws, but for those in which processes start."""

    own: list[Epoch]  # with the recipe's curriculum
    random: list[Epoch]  # with random draws


def time_training(config: TrainingConfig, budget: Budget, tell: Callable[[str], None]) -> Training:
    """Train with the recipe's curriculum, and with random draws."""
    tell("training: the recipe's curriculum")
    own = _train(config, budget)
    tell("training: random draws")
    random = config.model_copy(update={"curriculum": randomised(config.curriculum), "use_lp": None})
    return Training(own, _train(random, budget))


def _train(config: TrainingConfig, budget: Budget) -> list[Epoch]:
    steps = min(config.epoch_steps, budget.training_steps)
    total = {"total_steps": steps * budget.training_epochs, "max_seconds": budget.training_seconds}
    curriculum = config.curriculum.model_copy(update={"seed": config.seed, "session_id": None}).make()
    epochs: list[Epoch] = []
    before: dict[int, tuple[int, float]] = {}

    def on_epoch(metrics: Metrics, save_learner: SaveLearner) -> None:
        curriculum.on_epoch_end()
        now = {each["pid"]: (each["draws"], each["lock_wait_seconds"]) for each in curriculum.process_counters()}
        played = [pid for pid in now if now[pid][0] > before.get(pid, (0, 0.0))[0]]
        waited = sum(now[pid][1] - before.get(pid, (0, 0.0))[1] for pid in played)
        before.update(now)
        seconds = max(float(metrics["epoch_seconds"]), 1e-9)
        whole = seconds * max(len(played), 1)
        rate, episodes = float(metrics["epoch_steps"]) / seconds, float(metrics["epoch_episodes"]) / whole
        epochs.append(Epoch(rate, episodes, waited / whole))

    try:
        config.model_copy(update={"epoch_steps": steps} | total).train(curriculum, config.seed, on_epoch, None)
    finally:
        curriculum.close()
        curriculum.unlink()
    return epochs[1:]
