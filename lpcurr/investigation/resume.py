"""Find out whether a resume from a checkpoint changes the work of an episode: is there state that it leaves out?"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.investigation.counting import clock
from lpcurr.investigation.growth import lines_of
from lpcurr.investigation.played import Played, close

_TURNS = 40


@dataclass
class Resume:
    """The work of an episode in the pool that was saved, and in the one that was loaded."""

    how: str  # the methods that saved and loaded
    lines: tuple[float, float]  # of Python
    seconds: tuple[float, float]  # of CPU, in the cheapest episode
    save_seconds: float
    load_seconds: float


def measure_resume(make: Callable[[int], Any], size: int) -> Resume | None:
    """Play a pool until it is old, save it, load it into another, and play both; None where nothing can be saved."""
    old = Played(make(size), size)
    try:
        ways = (("get_state", "load_state"), ("save", "load"))
        how = next((way for way in ways if all(hasattr(old.target, name) for name in way)), None)
        if how is None:
            return None
        old.fill()
        old.age()
        loaded, saving, loading = _reload(old.target, lambda: make(size), how)
        try:
            new = Played(loaded, size)
            new.known = dict(old.known)
            turns = [(sum(old.episode(clock).values()), sum(new.episode(clock).values())) for _ in range(_TURNS)]
            seconds = min(before for before, _ in turns), min(after for _, after in turns)
            return Resume(" and ".join(how), (lines_of(old), lines_of(new)), seconds, saving, loading)
        finally:
            close(loaded)
    finally:
        close(old.target)


def _reload(target: Any, make: Callable[[], Any], how: tuple[str, str]) -> tuple[Any, float, float]:
    """Return another that has the state, and the seconds of saving and of loading it."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "curriculum")
        state, saving = clock(target.get_state) if how[0] == "get_state" else (file, clock(target.save, file)[1])
        if isinstance(target, Curriculum):
            loaded, loading = clock(lambda: target.load(file, task_generator=target.config.task_generator))
            return loaded, saving, loading
        fresh = make()
        loaded, loading = clock(getattr(fresh, how[1]), state)
        # A class method gives the curriculum, a method fills its own.
        return (loaded if hasattr(loaded, "get_task") else fresh), saving, loading
