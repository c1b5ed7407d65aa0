"""How far the distribution that tasks are drawn from is from the exact one, and what an episode costs, side by side.

``python -m asv_benchmarks.staleness --picture staleness.png`` measures lpcurr and the reference's quick wins and draws
them; the figures go to ``staleness.json`` beside it.

Staleness is the total variation distance between the distribution of a draw and the exact one, under the reference's
rules, at that very moment: the share of draws that would have to go elsewhere. It is averaged over a training of
simulated learners (``reference.Learners``) from the time on when most tasks are explored.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from asv_benchmarks.reference import VARIANTS, Learners, ReferencePool, microseconds
from asv_benchmarks.scaling import duration, microseconds_of_lpcurr
from lpcurr import Curriculum, CurriculumConfig, LearningProgressConfig

TASKS = 1000
WARM_UP, LENGTH = 20, 20  # episodes a task: not measured, measured
STRIDE = 7  # the exact distribution is computed for every seventh draw; it shares no factor with the periods


def staleness_of_variant(variant: str, tasks: int = TASKS) -> float:
    """Mean staleness of a variant's draws."""
    pool, learners = ReferencePool(tasks, every=VARIANTS[variant].get("every", 1)), Learners(tasks)
    distances = []
    for episode in range((WARM_UP + LENGTH) * tasks):
        if episode >= WARM_UP * tasks and episode % STRIDE == 0:
            distances.append(pool.staleness())
        task = pool.draw()
        pool.update(task, learners.score(task, int(pool.completions[task])))
    return float(np.mean(distances))


def staleness_of_lpcurr(tasks: int = TASKS) -> float:
    """The same of lpcurr, whose draws follow ``probabilities()``; what is exact, NumPy says."""
    algorithm = LearningProgressConfig.reference()
    config = CurriculumConfig(
        num_active_tasks=tasks, seed=0, defer_init=True, use_shared_memory=False, algorithm_config=algorithm
    )
    exact, learners, distances = ReferencePool(tasks), Learners(tasks), []
    with Curriculum(config) as curriculum:
        for task_id in range(tasks):
            curriculum.add_task(task_id)
        for episode in range((WARM_UP + LENGTH) * tasks):
            if episode >= WARM_UP * tasks and episode % STRIDE == 0:
                ids, probabilities = curriculum.probabilities()
                distances.append(0.5 * np.abs(probabilities - exact.probabilities()[ids]).sum())
            task = curriculum.get_task().task_id
            score = learners.score(task, int(exact.completions[task]))
            curriculum.update_task_performance(task, score)
            exact.update(task, score)
    return float(np.mean(distances))


class Staleness:
    """Total variation distance from the exact distribution, averaged over a training of 1,000 tasks."""

    params = (["lpcurr", *(name for name in VARIANTS if name != "as it is")],)
    param_names = ("variant",)
    unit = "share of draws"
    timeout = 600

    def track_staleness(self, variant: str) -> float:
        return staleness_of_lpcurr() if variant == "lpcurr" else staleness_of_variant(variant)


def measure(tasks: int = TASKS) -> dict[str, tuple[float, float]]:
    """By name: microseconds of an episode, and staleness."""
    figures = {"lpcurr": (microseconds_of_lpcurr("learning_progress", tasks), staleness_of_lpcurr(tasks))}
    for name in VARIANTS:
        figures[name] = microseconds(name, tasks), staleness_of_variant(name, tasks)
    for name, (cost, staleness) in figures.items():
        print(f"{name:12}{cost:12,.1f} µs an episode{staleness:10.4f} staleness")
    return figures


LABELS = {
    "lpcurr": "lpcurr",
    "as it is": "reference",
    "rescore": "rescored after\nevery episode",
    "cached list": "with a cached\ntask list",
    "every 10": "every 10\nepisodes",
    "every 100": "every 100",
    "every 1000": "every 1,000",
}


def draw(figures: dict[str, tuple[float, float]], path: Path, tasks: int = TASKS) -> None:
    """One point for each name: cost to the right, staleness upwards."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter, PercentFormatter

    from lpcurr.reports.panels import COLOURS, MARKERS

    figure, axes = plt.subplots(figsize=(9, 4.5), layout="constrained")
    for number, (name, (cost, staleness)) in enumerate(figures.items()):
        ours = name == "lpcurr"
        axes.plot(
            cost, staleness, MARKERS[number], color=COLOURS[0] if ours else COLOURS[1],
            markersize=13 if ours else 8, clip_on=False, zorder=3,
        )  # fmt: skip
        axes.annotate(
            f"{LABELS[name]}\n{duration(float(f'{cost:.2g}'))}", (cost, staleness), xytext=(0, 10),
            textcoords="offset points", ha="center", color=COLOURS[0] if ours else "black",
            fontsize=9, fontweight="bold" if ours else "normal",
        )  # fmt: skip
    axes.set(
        xscale="log",
        xlabel=f"cost of an episode, {tasks:,} tasks",
        ylabel="staleness: share of draws\nthat would have to go elsewhere",
    )
    axes.set_title(
        "Exact and cheap at once: an episode's cost against the staleness of its draw", loc="left", fontweight="bold"
    )
    axes.set_xlim(0.4, 2.5 * max(cost for cost, _ in figures.values()))
    axes.set_ylim(0, 1.25 * max(staleness for _, staleness in figures.values()))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.minorticks_off()
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path, default=Path("staleness.png"))
    parser.add_argument("--tasks", type=int, default=TASKS)
    arguments = parser.parse_args()
    arguments.picture.parent.mkdir(parents=True, exist_ok=True)
    figures = measure(arguments.tasks)
    rows = {name: {"microseconds": cost, "staleness": staleness} for name, (cost, staleness) in figures.items()}
    arguments.picture.with_suffix(".json").write_text(json.dumps({"tasks": arguments.tasks, **rows}, indent=1) + "\n")
    draw(figures, arguments.picture, arguments.tasks)
    print(f"written: {arguments.picture}, {arguments.picture.with_suffix('.json')}")


if __name__ == "__main__":
    main()
