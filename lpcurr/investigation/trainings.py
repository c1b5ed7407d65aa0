"""What real trainings say about the curriculum's part in them."""

from __future__ import annotations

from statistics import median

from lpcurr.investigation.clocks import third_medians
from lpcurr.investigation.probes.training import RANDOM, Epoch, Training


def first_arm(training: Training) -> list[Epoch]:
    """The epochs of the recipe's own curriculum in which no process was starting; all, where that leaves none."""
    return steady(next(iter(training.epochs.values())))


def steady(epochs: list[Epoch]) -> list[Epoch]:
    """Those in which no process was starting; all, where that leaves none."""
    return [epoch for epoch in epochs if not epoch.starting] or epochs


def is_too_short(training: Training) -> bool:
    """Whether there are no epochs but those in which processes were starting."""
    return all(epoch.starting for epoch in first_arm(training))


def curriculum_cost(training: Training) -> tuple[float, float]:
    """Seconds in the curriculum for one episode: early, late."""
    return third_medians([e.playing / max(e.episodes, 1) for e in first_arm(training)])


def mean_share(training: Training) -> float:
    """The curriculum's share of the processes' time."""
    return median(epoch.share for epoch in first_arm(training))


def part_share(training: Training, part: str) -> float:
    """A part's share of the processes' time."""
    return median(e.parts[part] / (e.seconds * e.processes) for e in first_arm(training))


def generation_share(training: Training) -> float:
    """The task generator's share of the processes' time."""
    return part_share(training, "task generation")


def waiting_share(training: Training) -> float:
    """The share of the processes' time that goes into waiting for the pool's lock."""
    return median(e.lock_wait / (e.seconds * e.processes) for e in first_arm(training))


def environment_step(training: Training) -> tuple[float, float]:
    """CPU seconds of the environments for one step: with the recipe's own curriculum, and with random draws."""
    arms = (first_arm(training), steady(training.epochs[RANDOM]))
    own, random = (median(e.environment / max(e.steps, 1) for e in arm) for arm in arms)
    return own, random


def rate_against_random(training: Training) -> float | None:
    """Environment steps per second against discrete random's; None where the recipe draws at random itself."""
    random = training.epochs.get(RANDOM)
    if random is None or len(training.epochs) == 1:
        return None
    return median(e.rate for e in first_arm(training)) / median(e.rate for e in steady(random))
