"""Judge schedulers by simulated students: ``python -m asv_benchmarks.teaching``.

For each family of students and each scheduler: the true success after the budget (*final*), its mean over the budget
(*area*), both as ratios to uniform draws, and the true success on the worst tenth of the tasks (*tail*), as a
difference; mean ± 95 % interval over seeds, paired by seed. Where a generator makes the tasks, the bar is the better of
a pool that never changes and a new task every episode. All schedulers have their defaults::

    python -m asv_benchmarks.teaching                                         # every scheduler, five seeds
    python -m asv_benchmarks.teaching --scheduler frontier my.module:factory  # one, and one of your own
    python -m asv_benchmarks.teaching --families chains,tree --seeds 10 --first-seed 1000
    python -m asv_benchmarks.teaching --quick                                 # one seed, a tenth of the budget
    python -m asv_benchmarks.teaching --held-out                              # families kept for a last run

A factory of your own takes ``labels`` (list of str, one a task; empty where tasks come from a generator), ``pool``
(tasks in a pool that is renewed; 0 for a fixed set) and ``seed``, and returns an object with ``get_task`` and
``update_task_performance``; the ids of a fixed set are 0, 1, …. One with a true attribute ``fixed_sets_only`` is asked
for no other. ``rivals.py`` has those of other libraries.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from asv_benchmarks.teaching.families import FAMILIES, Family
from asv_benchmarks.teaching.judging import Outcome, teach
from asv_benchmarks.teaching.picture import draw
from asv_benchmarks.teaching.schedulers import BARS, SCHEDULERS
from lpcurr.reports.series import interval

Factory = Callable[..., Any]
Outcomes = dict[str, list[Outcome]]  # by scheduler, one a seed


def find(name: str) -> Factory:
    """Return a scheduler's factory: a name of :data:`SCHEDULERS`, or ``package.module:factory``."""
    if name in SCHEDULERS:
        return SCHEDULERS[name]
    module, _, attribute = name.partition(":")
    if not attribute:
        raise SystemExit(f"there is no scheduler {name!r}: one of {', '.join(SCHEDULERS)}, or package.module:factory")
    return getattr(import_module(module), attribute)  # type: ignore[no-any-return]


def judge(family: Family, factory: Factory, seed: int, share: float = 1.0) -> Outcome:
    """Teach the family's student of a seed by a factory's curriculum, for a share of the budget."""
    student = family.make(seed)
    curriculum = factory(labels=student.labels, pool=family.pool, seed=seed)
    return teach(student, curriculum, share * family.budget)


def bar(outcomes: Outcomes) -> str:
    """Return which curriculum is the bar: uniform draws, or a new task every episode where that is better."""
    return max((name for name in BARS if name in outcomes), key=lambda name: np.mean([o.final for o in outcomes[name]]))


def compare(outcomes: list[Outcome], bars: list[Outcome]) -> dict[str, tuple[float, float | None]]:
    """Return final and area as ratios and the tail as a difference, each with its interval over the seeds."""
    pairs = list(zip(outcomes, bars, strict=True))
    return {
        "final": interval([of.final / max(bar.final, 1e-9) for of, bar in pairs]),
        "area": interval([of.area / max(bar.area, 1e-9) for of, bar in pairs]),
        "tail": interval([of.tail - bar.tail for of, bar in pairs]),
    }


def show(family: Family, outcomes: Outcomes) -> None:
    """Print the rows of a family."""
    best = bar(outcomes)
    means = [
        float(np.mean([getattr(outcome, name) for outcome in outcomes[best]])) for name in ("final", "area", "tail")
    ]
    print(f"\n{family.name}: {family.stands_for}\n  {best:32}{means[0]:13.3f}{means[1]:15.3f}{means[2]:15.3f}")
    for name, of in outcomes.items():
        if name != best:
            row = compare(of, outcomes[best])
            print(
                f"  {name.rpartition(':')[2]:32}" + "".join(_cell(row[kind], kind == "tail") for kind in row),
                flush=True,
            )


def _cell(value: tuple[float, float | None], signed: bool) -> str:
    mean, half = value
    return (
        f"{mean:+8.2f}" * signed + f"{mean:8.2f}" * (not signed) + (f" ±{half:5.2f}" if half is not None else " " * 7)
    )


def select(families: Sequence[Family], names: str | None) -> list[Family]:
    """Return the families whose name contains one of the names, separated by commas."""
    wanted = [family for family in families if names is None or any(name in family.name for name in names.split(","))]
    if not wanted:
        raise SystemExit(f"no family is called {names!r}; they are {', '.join(family.name for family in families)}")
    return wanted


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scheduler", nargs="+", default=list(SCHEDULERS), help="names, or package.module:factory")
    parser.add_argument("--families", help="parts of their names, separated by commas (default: all)")
    parser.add_argument("--seeds", type=int, default=5, help="students of each family (default: 5)")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="one seed, a tenth of the budget: whether it runs")
    parser.add_argument("--held-out", action="store_true", help="the families of held_out.py instead")
    parser.add_argument("--json", type=Path, help="write all outcomes there")
    parser.add_argument("--picture", type=Path, help="draw the ratios there")
    given = parser.parse_args(arguments)
    families: Sequence[Family] = FAMILIES
    if given.held_out:
        families = import_module("asv_benchmarks.teaching.held_out").FAMILIES
    families = select(families, given.families)
    seeds = range(given.first_seed, given.first_seed + (1 if given.quick else given.seeds))
    share = 0.1 if given.quick else 1.0
    factories = {name: find(name) for name in given.scheduler}
    began = time.perf_counter()
    results: dict[str, Outcomes] = {}
    for family in families:
        arms = {name: of for name, of in BARS.items() if family.pool or name == "uniform"} | factories
        arms = {name: of for name, of in arms.items() if not (family.pool and getattr(of, "fixed_sets_only", False))}
        outcomes = {name: [judge(family, of, seed, share) for seed in seeds] for name, of in arms.items()}
        results[family.name] = outcomes
        show(family, outcomes)
    print(f"\n{len(seeds)} seeds from {given.first_seed} on, {time.perf_counter() - began:.0f} s")
    if given.json:
        plain = {
            family: {name: [{**asdict(o), "plays": None} for o in of] for name, of in outcomes.items()}
            for family, outcomes in results.items()
        }
        given.json.write_text(json.dumps({"seeds": list(seeds), "outcomes": plain}, indent=1) + "\n")
    if given.picture:
        table = {
            name: {family: compare(of[name], of[bar(of)])["final"] for family, of in results.items() if name in of}
            for name in given.scheduler
        }
        draw(table, given.picture)


if __name__ == "__main__":
    main()
