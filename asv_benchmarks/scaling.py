"""What an episode costs by pool size: lpcurr, its discrete random, and the reference algorithm with its quick wins.

``python -m asv_benchmarks.scaling --picture scaling.png`` measures them, in about a minute, and draws them on one plot
with logarithmic axes; the figures go to ``scaling.json`` beside it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from asv_benchmarks.pools import destroy, mature_curriculum
from asv_benchmarks.reference import VARIANTS, microseconds
from asv_benchmarks.targets import EPISODES, episodes, seconds

SIZES = [64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_000_000]
LARGEST_QUADRATIC = 4_096  # half a second an episode
OURS = {"learning_progress": "lpcurr", "discrete_random": "lpcurr, discrete random"}
LABELS = OURS | {
    "as it is": "reference: rescores for each candidate",
    "rescore": "rescores after every episode",
    "cached list": "…with a cached task list",
    "every 10": "…only every 10 episodes (stale)",
    "every 100": "…only every 100 (stale)",
    "every 1000": "…only every 1,000 (stale)",
}

LABEL_HEIGHTS = {"learning_progress": 2, "discrete_random": -11}  # their ends lie close together

Costs = dict[str, dict[int, float]]


def microseconds_of_lpcurr(algorithm: str, tasks: int, rounds: int = 30) -> float:
    """Cost of an episode from Python, ``get_episode_stats`` included; the median of so many rounds."""
    curriculum = mature_curriculum(algorithm, tasks)
    run = episodes(curriculum)
    run()
    median = float(np.median([seconds(run) for _ in range(rounds)]))
    destroy(curriculum)
    return median / EPISODES * 1e6


def measure(sizes: list[int]) -> Costs:
    """Microseconds of an episode by name and pool size."""
    costs: Costs = {name: {} for name in (*OURS, *VARIANTS)}
    for tasks in sizes:
        for name in OURS:
            costs[name][tasks] = microseconds_of_lpcurr(name, tasks)
        for name in VARIANTS:
            if name != "as it is" or tasks <= LARGEST_QUADRATIC:
                costs[name][tasks] = microseconds(name, tasks, at_most=1.0)
        print(
            f"{tasks:>9,} tasks: "
            + ", ".join(f"{name} {of[tasks]:,.1f} µs" for name, of in costs.items() if tasks in of)
        )
    return costs


def draw(costs: Costs, path: Path) -> None:
    """One curve for each name, with its name at its end."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter

    from lpcurr.reports.panels import COLOURS, LINES, MARKERS

    figure, axes = plt.subplots(figsize=(9, 5.5), layout="constrained")
    names = [*VARIANTS, *OURS]
    for number, name in enumerate(names):
        ours = name == "learning_progress"
        sizes, values = list(costs[name]), list(costs[name].values())
        colour = COLOURS[0] if ours else "#999999" if name == "discrete_random" else COLOURS[1 + number]
        axes.plot(
            sizes, values, marker=MARKERS[number % 8], markersize=5, color=colour,
            linestyle="-" if ours else LINES[number % 8], linewidth=3 if ours else 1.3,
        )  # fmt: skip
        axes.annotate(
            LABELS[name], (sizes[-1], values[-1]), xytext=(7, LABEL_HEIGHTS.get(name, -3)), textcoords="offset points",
            color=colour, fontsize=9, fontweight="bold" if ours else "normal",
        )  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="tasks in the pool", ylabel="cost of an episode, from Python")
    axes.set_title("What an episode costs by the size of the pool", loc="left", fontweight="bold")
    largest = max(max(of) for of in costs.values())
    axes.set_xlim(min(min(of) for of in costs.values()) / 1.3, largest * 60)
    axes.set_xticks([size for size in (100, 1_000, 10_000, 100_000, 1_000_000) if size <= largest])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,.0f}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))
    axes.minorticks_off()
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def duration(microseconds: float) -> str:
    """In the unit that reads best.

    >>> duration(1.0), duration(100_000.0)
    ('1 µs', '100 ms')
    """
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if microseconds >= size:
            return f"{microseconds / size:g} {unit}"
    return f"{microseconds:g} µs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path, default=Path("scaling.png"))
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="tasks of the pools")
    arguments = parser.parse_args()
    arguments.picture.parent.mkdir(parents=True, exist_ok=True)
    costs = measure(arguments.sizes)
    arguments.picture.with_suffix(".json").write_text(json.dumps({"unit": "us", "costs": costs}, indent=1) + "\n")
    draw(costs, arguments.picture)
    print(f"written: {arguments.picture}, {arguments.picture.with_suffix('.json')}")


if __name__ == "__main__":
    main()
