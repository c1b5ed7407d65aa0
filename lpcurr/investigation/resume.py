"""Find out whether a resume from a checkpoint changes the work of an episode: then there is state that it leaves out."""

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
    """The work of an episode around a resume.

    Attributes:
        how: the methods that saved and loaded.
        lines: of Python that an episode runs in the pool that was saved, and in the one that was loaded.
        seconds: CPU seconds of the cheapest episode in either.
        save_seconds, load_seconds: CPU seconds of saving and loading.
    """

    how: str
    lines: tuple[float, float]
    seconds: tuple[float, float]
    save_seconds: float
    load_seconds: float


def measure_resume(make: Callable[[int], Any], size: int) -> Resume | None:
    """Play a pool until it is old, save it, load it into another, and play both; None where nothing can be saved."""
    old = Played(make(size), size)
    try:
        for how in (("get_state", "load_state"), ("save", "load")):
            if all(callable(getattr(old.target, name, None)) for name in how):
                break
        else:
            return None
        old.fill()
        old.age()
        loaded, saving, loading = _reload(old.target, lambda: make(size), how)
        new = Played(loaded, size)
        try:
            new.known = dict(old.known)
            seconds = [tuple(sum(each.episode(clock).values()) for each in (old, new)) for _ in range(_TURNS)]
            cheapest = min(turn[0] for turn in seconds), min(turn[1] for turn in seconds)
            return Resume(" and ".join(how), (lines_of(old), lines_of(new)), cheapest, saving, loading)
        finally:
            close(loaded)
    finally:
        close(old.target)


def _reload(target: Any, make: Callable[[], Any], how: tuple[str, str]) -> tuple[Any, float, float]:
    """Return another that has the state, and the seconds of saving and loading it."""
    if how[0] == "get_state":
        state, saving = clock(target.get_state)
        fresh = make()
        return fresh, saving, clock(fresh.load_state, state)[1]
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "curriculum")
        saving = clock(target.save, file)[1]
        if isinstance(target, Curriculum):
            loaded, loading = clock(lambda: target.load(file, task_generator=target.config.task_generator))
            return loaded, saving, loading
        fresh = make()
        loaded, loading = clock(fresh.load, file)
        # A class method gives the curriculum, a method fills its own.
        return (loaded if hasattr(loaded, "get_task") else fresh), saving, loading
