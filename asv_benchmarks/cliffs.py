"""Settings and scores at which a call costs many times the default's: ``python -m asv_benchmarks.cliffs``.

Goes through every number, switch and choice of every scheduler, each at its ends with the others as they are by
default; on pools of young and of mature tasks, whose scores follow several laws. Prints the worst ratios to the same
call under the default configuration on a pool of that size, and ends with exit code 1 where one is above the limit that
is not among ``KNOWN``. The pool is in this process, so that only the calls are measured.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple, get_args, get_origin

import annotated_types
import numpy as np
from pydantic.fields import FieldInfo

from lpcurr import ConfigError, Curriculum, CurriculumConfig, LearningProgressConfig, schedulers
from lpcurr.schedulers.common import SchedulerConfig

LIMIT = 20.0
SECONDS = 0.02  # a case: as many calls as fit

LAWS: dict[str, Callable[[np.random.Generator, int, int], Any]] = {
    "random": lambda rng, n, episode: rng.random(n),
    "all equal": lambda rng, n, episode: np.full(n, 0.5),
    "all -200": lambda rng, n, episode: np.full(n, -200.0),
    "-200 … -180": lambda rng, n, episode: -200.0 + 20.0 * rng.random(n),
    "all 0 but one": lambda rng, n, episode: np.where(np.arange(n) == 0, 1.0, 0.0),
    "one of 1e12": lambda rng, n, episode: np.where((np.arange(n) == 0) & (episode % 2 == 0), 1e12, rng.random(n)),
}
AGES = {"young": 3, "mature": 12}
_ALONE = {"rand_task_rate": 0.0}  # no uniform share, which would hide what the other draws cost
BASES: dict[str, list[dict[str, Any]]] = {
    "LearningProgressConfig": [_ALONE, _ALONE | {"performance_bonus_weight": 1.0}, _ALONE | {"new_task_rate": 1.0}]
}
"""From where one setting at a time is changed, beside the default."""

KNOWN: dict[str, Callable[[Any, str], bool]] = {
    "z_score_amplification": lambda value, law: value > 100.0,
    "new_task_rate": lambda value, law: value == 1.0,
    "exploration": lambda value, law: value == "absolute",
    "eviction_threshold_percentile": lambda value, law: value == 0.0,
    "eviction_among": lambda value, law: value == "all",
    "performance_bonus_weight": lambda value, law: "-200" in law,
}
"""Settings under which draws may be above the limit; ``lpcurr help performance`` says why."""


class Case(NamedTuple):
    """One measurement."""

    ratio: float
    microseconds: float
    call: str
    tasks: int
    law: str
    age: str
    scheduler: str
    changed: dict[str, Any]

    @property
    def is_known(self) -> bool:
        """Whether it is documented that this may be above the limit."""
        known = ((KNOWN[name], value) for name, value in self.changed.items() if name in KNOWN)
        return self.call == "draw" and any(may_be(value, self.law) for may_be, value in known)


def ends(field: FieldInfo) -> Iterator[Any]:
    """Give the values of a setting that are tried: its bounds, and large ones where there is none; every choice."""
    default = field.default
    if get_origin(field.annotation) is Literal:
        yield from (choice for choice in get_args(field.annotation) if choice != default)
    elif isinstance(default, bool):
        yield not default
    elif isinstance(default, (int, float)):
        low, high = -1e9, 1e9
        for each in field.metadata:
            for bound in each if isinstance(each, annotated_types.GroupedMetadata) else [each]:
                low = getattr(bound, "ge", getattr(bound, "gt", low))
                high = getattr(bound, "le", getattr(bound, "lt", high))
        kind = type(default)
        yield from {kind(low), kind(high), kind(1), kind(0)} - {default}


def configurations() -> Iterator[SchedulerConfig]:
    """Give every scheduler as it is by default, and with one setting changed; likewise from the other ``BASES``."""
    for kind in schedulers.ALL:
        for base in [{}, *BASES.get(kind.__name__, [])]:
            yield kind(**base)
            for name, field in kind.model_fields.items():
                for value in ends(field) if name not in ("type", "num_active_tasks", "use_shared_memory") else ():
                    with contextlib.suppress(ConfigError):  # what the rest of the settings forbids
                        yield kind(**base | {name: value})
    yield LearningProgressConfig.reference()


def filled(tasks: int, law: str, age: str) -> tuple[Curriculum, Any]:
    """Make a full pool with as many episodes a task as its age says; the curriculum, and the ids."""
    curriculum = CurriculumConfig(num_active_tasks=tasks, seed=0, use_shared_memory=False).make()
    ids, rng = curriculum.sample_ids(tasks), np.random.default_rng(0)
    for episode in range(AGES[age]):
        curriculum.update_many(ids, LAWS[law](rng, ids.size, episode))
    return curriculum, ids


def microseconds(call: Callable[[int], object]) -> float:
    """Measure an item of a call of so many, the more of them the quicker they are; the best of three, of slow ones."""
    measured = [_once(call)]
    while len(measured) < 3 and measured[-1] > 5.0:
        measured.append(_once(call))
    return min(measured)


def _once(call: Callable[[int], object]) -> float:
    size, spent, items = 1, 0.0, 0
    while spent < SECONDS:
        began = time.perf_counter()
        call(size)
        took = time.perf_counter() - began
        if size > 1 or took > SECONDS:  # the first call touches what later ones find in the caches
            spent, items = spent + took, items + size
        size = min(2 * size + 1, 1_000)
    return spent / items * 1e6


def calls(curriculum: Curriculum, ids: Any, law: str) -> dict[str, Callable[[int], object]]:
    """Give what is measured: draws, and updates by the pool's own law, of the first task more often than of others."""
    rng = np.random.default_rng(1)
    scores = np.array([LAWS[law](rng, 1_000, episode)[: 1 + episode % 3] for episode in range(600)], dtype=object)
    batch, given = np.concatenate([ids[: each.size] for each in scores]), np.concatenate(scores)
    # updates come first: draws may evict the very tasks, and refused scores cost little
    return {"update": lambda size: curriculum.update_many(batch[:size], given[:size]), "draw": curriculum.sample_ids}


def measure(tasks: int, ages: list[str], laws: list[str]) -> Iterator[Case]:
    """Measure every case of pools of one size; a pool is made anew once draws have replaced a part of it."""
    curriculum, ids = filled(tasks, "random", "mature")
    usual = {name: microseconds(call) for name, call in calls(curriculum, ids, "random").items()}
    for age in ages:
        for law in laws:
            curriculum, _ = filled(tasks, law, age)
            for settings in configurations():
                moment = curriculum.moment()
                if moment.header["evicted"] > 0.02 * tasks:
                    curriculum, _ = filled(tasks, law, age)
                    moment = curriculum.moment()
                curriculum.use(settings)
                ids = moment.columns["task_id"]
                changed = settings.model_dump(exclude_defaults=True)
                for name, call in calls(curriculum, ids, law).items():
                    cost = microseconds(call)
                    yield Case(cost / usual[name], cost, name, tasks, law, age, type(settings).__name__, changed)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--ages", nargs="+", choices=AGES, default=list(AGES))
    parser.add_argument("--laws", nargs="+", choices=LAWS, default=list(LAWS))
    parser.add_argument("--worst", type=int, default=20, help="how many are printed of each size")
    arguments = parser.parse_args()
    logging.getLogger("lpcurr").setLevel(logging.ERROR)  # it warns of every pool's scores, rightly
    too_slow = []
    for tasks in arguments.tasks:
        cases = sorted(measure(tasks, arguments.ages, arguments.laws), reverse=True, key=lambda case: case.ratio)
        print(f"{tasks:,} tasks: the worst of {len(cases):,} cases")
        for case in cases[: arguments.worst]:
            settings = ", ".join(f"{name}={value}" for name, value in case.changed.items())
            print(
                f"{case.ratio:10.1f} x {case.microseconds:12.2f} µs  {case.call:6} {case.law:13} {case.age:6} "
                f"{case.scheduler}({settings}){'  (known)' if case.is_known else ''}",
                flush=True,
            )
        too_slow += [case for case in cases if case.ratio > LIMIT and not case.is_known]
    return 1 if too_slow else 0


if __name__ == "__main__":
    sys.exit(main())
