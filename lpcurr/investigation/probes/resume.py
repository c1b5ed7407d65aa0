"""Whether a resume from a checkpoint changes the speed: then there is state that a checkpoint leaves out."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.investigation.clocks import Stopwatch
from lpcurr.investigation.played import Played
from lpcurr.investigation.resizing import close
from lpcurr.investigation.thresholds import Budget

Tell = Callable[[str], None]

_BLOCKS = 9
_FEWEST = 20  # episodes of a block
_PILOT = 20


@dataclass
class Resume:
    """Seconds of an episode around a resume.

    Attributes:
        how: the methods that saved and loaded.
        episodes: played before.
        before: in the pool that was saved.
        after: in the pool that was loaded, in turns with ``before``.
        save_seconds, load_seconds: what saving and loading took.
    """

    how: str
    episodes: int
    before: float
    after: float
    save_seconds: float
    load_seconds: float


def measure_resume(make: Callable[[], Any], budget: Budget, tell: Tell) -> Resume | None:
    """Play, save, load into another pool, and play both in turns; None where nothing can be saved."""
    old = Played(make())
    try:
        if not _can(old.target, "save", "load") and not _can(old.target, "get_state", "load_state"):
            return None
        tell("playing before the checkpoint")
        with Stopwatch() as pilot:
            for _ in range(_PILOT):
                old.episode()
        cost = pilot.seconds / _PILOT
        most = min(max(int(budget.growth_seconds / 2 / cost), _BLOCKS * _FEWEST), 100_000)
        until = time.perf_counter() + budget.growth_seconds
        episodes = 0
        while episodes < most and time.perf_counter() < until:
            old.episode()
            episodes += 1
        tell("saving and loading")
        how, target, saved, loaded = _reload(old.target, make)
        new = Played(target)
        try:
            block = max(int(budget.block_seconds / cost), _FEWEST)
            times = [(_block(old, block), _block(new, block)) for _ in range(_BLOCKS)]
        finally:
            close(new.target)
        return Resume(how, episodes, median(t[0] for t in times), median(t[1] for t in times[1:]), saved, loaded)
    finally:
        close(old.target)


def _can(target: Any, *names: str) -> bool:
    return all(callable(getattr(target, name, None)) for name in names)


def _reload(target: Any, make: Callable[[], Any]) -> tuple[str, Any, float, float]:
    """Through a file with ``save`` and ``load``, for our own; through ``get_state`` and ``load_state`` otherwise."""
    if isinstance(target, Curriculum):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "pool.lpc"
            with Stopwatch() as saving:
                target.save(path)
            with Stopwatch() as loading:
                loaded = type(target).load(path, task_generator=target.config.task_generator)
        return "save and load", loaded, saving.seconds, loading.seconds
    fresh = make()
    if _can(target, "get_state", "load_state"):
        with Stopwatch() as saving:
            state = target.get_state()
        with Stopwatch() as loading:
            fresh.load_state(state)
        return "get_state and load_state", fresh, saving.seconds, loading.seconds
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "curriculum")
        with Stopwatch() as saving:
            target.save(file)
        with Stopwatch() as loading:
            found = fresh.load(file)  # a class method gives the curriculum, a method fills its own
    return "save and load", fresh if found is None else found, saving.seconds, loading.seconds


def _block(played: Played, episodes: int) -> float:
    with Stopwatch() as watch:
        for _ in range(episodes):
            played.episode()
    return watch.seconds / episodes
