"""Episodes per second over epochs, with the curriculum and with a trivial baseline, and where the time goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lpcurr.investigation.baseline import Trivial
from lpcurr.investigation.clocks import Stopwatch
from lpcurr.investigation.played import Played
from lpcurr.investigation.resizing import close
from lpcurr.investigation.thresholds import Budget

Tell = Callable[[str], None]

_BASELINE_TASKS = 256
_PATIENCE = 3  # times its planned length, after which an epoch ends
_FEWEST = 10  # episodes of an epoch


@dataclass
class Epochs:
    """Epochs of the curriculum alone, without an environment.

    Attributes:
        episodes: of each epoch of the curriculum.
        rates: episodes per second, by epoch.
        baseline_rates: of a curriculum that draws uniformly, in turns with it.
        parts: seconds of an epoch by part, mean over the epochs.
    """

    episodes: int
    rates: list[float] = field(default_factory=list)
    baseline_rates: list[float] = field(default_factory=list)
    parts: dict[str, float] = field(default_factory=dict)


def measure_epochs(make: Callable[[], Any], size: int | None, budget: Budget, tell: Tell) -> Epochs:
    """Play epochs of a fresh curriculum, as it is made by default (with so many tasks), in turns with the baseline."""
    played, baseline = Played(make(), capacity=size), Played(Trivial(_BASELINE_TASKS))
    try:
        with Stopwatch() as pilot:
            for _ in range(_FEWEST):
                played.episode()
        most = int(budget.epoch_seconds / (pilot.seconds / _FEWEST))
        epochs = Epochs(min(max(most, _FEWEST), budget.epoch_episodes))
        played.seconds.clear()
        for number in range(budget.epochs):
            tell(f"epoch {number + 1} of {budget.epochs}: {epochs.episodes:,} episodes, against a trivial baseline")
            epochs.rates.append(_epoch(played, epochs.episodes, _PATIENCE * budget.epoch_seconds))
            epochs.baseline_rates.append(_epoch(baseline, budget.epoch_episodes, _PATIENCE * budget.epoch_seconds))
        epochs.parts = {part: seconds / len(epochs.rates) for part, seconds in played.seconds.items()}
        return epochs
    finally:
        close(played.target)


def _epoch(played: Played, episodes: int, patience: float) -> float:
    until = time.perf_counter() + patience
    with Stopwatch() as watch:
        done = 0
        while done < episodes and time.perf_counter() < until:
            played.episode()
            done += 1
        played.end_epoch()
    return done / watch.seconds
