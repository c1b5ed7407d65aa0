"""The panel's picture: each scheduler's final success by family, as a ratio to the bar."""

from __future__ import annotations

from pathlib import Path

Ratios = dict[str, dict[str, tuple[float, float | None]]]
"""By scheduler and family: mean and half width of the 95 % interval."""


def draw(ratios: Ratios, path: Path) -> None:
    """Draw a row a family and a mark a scheduler, on a logarithmic axis with 1 as its middle line."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    from lpcurr.reports.panels import COLOURS, MARKERS

    families = list(next(iter(ratios.values())))
    figure, axes = plt.subplots(figsize=(9, 1.2 + 0.3 * len(families)), layout="constrained")
    axes.axvline(1.0, color="#999999", linewidth=1)
    for number, (scheduler, by_family) in enumerate(ratios.items()):
        colour, lift = COLOURS[number % len(COLOURS)], 0.12 * (number - (len(ratios) - 1) / 2)
        for row, family in enumerate(families):
            mean, half = by_family[family]
            axes.errorbar(
                mean, row + lift, xerr=half or 0.0, color=colour, marker=MARKERS[number % len(MARKERS)], markersize=5,
                linestyle="none", elinewidth=1, label=scheduler if row == 0 else None,
            )  # fmt: skip
    axes.set_yticks(range(len(families)), families)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator([0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{ratio:g}"))
    axes.set_xlabel("true success after the budget, in times of uniform draws (endless: of the better bar)")
    axes.set_title("What simulated students learn", loc="left", fontweight="bold")
    axes.grid(axis="x", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="best", frameon=False)
    figure.savefig(path, dpi=120)
    plt.close(figure)
