"""One picture of what an investigation has measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, MaxNLocator

from lpcurr.investigation.evidence import Evidence
from lpcurr.investigation.tables import epoch_parts
from lpcurr.reports.panels import COLOURS, LINES, MARKERS, Panel
from lpcurr.reports.pictures import draw_png

_MOST_STRUCTURES = 5
_LEFT_OUT = ("draw of young tasks",)  # is measured to tell what makes a draw slow


def draw_picture(evidence: Evidence, answer: str, path: Path) -> None:
    """Draw it.

    Args:
        evidence: what was measured.
        answer: the result in one line.
        path: of the PNG file.
    """
    panels = [
        _panel("cost of a call by tasks in the pool", lambda axes: _scaling(axes, evidence)),
        _panel("speed over epochs", lambda axes: _epochs(axes, evidence)),
        _panel("share of an epoch", lambda axes: _shares(axes, evidence)),
        _panel("processes on one pool", lambda axes: _processes(axes, evidence)),
        _panel("largest and growing structures, by episodes", lambda axes: _structures(axes, evidence)),
        _panel("cost of an episode in a pool of constant size", lambda axes: _drift(axes, evidence)),
    ]
    draw_png(f"{evidence.subject.name}: {answer}", panels, path)


def _panel(title: str, draw: Callable[[Axes], None]) -> Panel:
    return Panel(title=title, caption=title, alt=title, draw=draw, section="")


def _curve(axes: Axes, number: int, x: Sequence[float], y: Sequence[float], label: str) -> None:
    style = number % len(COLOURS)
    axes.plot(x, y, color=COLOURS[style], linestyle=LINES[style], marker=MARKERS[style], markersize=4, label=label)


def _scaling(axes: Axes, evidence: Evidence) -> None:
    sizes = evidence.scaling["update" if "update" in evidence.scaling else "draw"].sizes
    for number, (part, cost) in enumerate(evidence.scaling.items()):
        shown = f"{part} (n^{max(cost.exponent, 0.0):.1f})" if len(cost.sizes) > 1 else part
        if part not in _LEFT_OUT:
            _curve(axes, number, cost.sizes, cost.seconds, shown)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel("tasks in the pool")
    axes.yaxis.set_major_formatter(EngFormatter("s"))
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.margins(y=0.25)
    axes.legend(fontsize=7, frameon=False, ncols=2)


def _epochs(axes: Axes, evidence: Evidence) -> None:
    if evidence.training is not None:
        for number, (name, epochs) in enumerate(evidence.training.epochs.items()):
            rates = [epoch.rate for epoch in epochs]
            _curve(axes, number, range(1, len(rates) + 1), rates, name.replace("_", " "))
        resumed = evidence.training.resumed_after + 0.5
        axes.axvline(resumed, color="#888888", linewidth=1)
        axes.text(resumed, 0, " resumed", fontsize=7, color="#888888", va="bottom")
        axes.set_ylabel("environment steps/s")
    else:
        for number, (name, rates) in enumerate(
            (("the curriculum", evidence.epochs.rates), ("a trivial one", evidence.epochs.baseline_rates))
        ):
            _curve(axes, number, range(1, len(rates) + 1), rates, name)
        axes.set_yscale("log")
        axes.set_ylabel("episodes/s")
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(EngFormatter(sep=""))
    if evidence.training is not None:
        axes.set_ylim(bottom=0)
    axes.legend(fontsize=7, frameon=False)


def _shares(axes: Axes, evidence: Evidence) -> None:
    parts, whole = epoch_parts(evidence)
    shares = {part: 100 * seconds / whole for part, seconds in parts.items() if not part.startswith("(")}
    names = list(reversed(shares))
    bars = axes.barh([name.partition(",")[0] for name in names], [shares[name] for name in names], color=COLOURS[0])
    axes.bar_label(bars, labels=[f" {shares[name]:.2f} %" for name in names], fontsize=7)
    axes.set_xlim(0, max(max(shares.values()) * 1.15, 1.0))
    axes.set_xlabel("% of the processes' time")
    axes.grid(False, axis="y")


def _processes(axes: Axes, evidence: Evidence) -> None:
    contention = evidence.contention
    for number, (name, turns) in enumerate((("the curriculum", contention.turns), ("control", contention.control))):
        _curve(axes, number, turns.processes, turns.episodes_per_second, name)
    axes.set_yscale("log")
    axes.set_xlabel("processes that do nothing else")
    axes.set_ylabel("episodes/s together")
    axes.set_xticks(contention.turns.processes)
    axes.yaxis.set_minor_formatter(EngFormatter(sep=""))
    axes.tick_params(axis="y", which="minor", labelsize=6)
    axes.yaxis.set_major_formatter(EngFormatter(sep=""))
    axes.legend(fontsize=7, frameon=False)


def _structures(axes: Axes, evidence: Evidence) -> None:
    growth = evidence.growth
    # A label that begins with "_" would not be shown.
    ranked = sorted(growth.structures.items(), key=lambda item: (item[1][0] - item[1][-1], -item[1][-1]))
    for number, (name, sizes) in enumerate(ranked[:_MOST_STRUCTURES]):
        _curve(axes, number, growth.episodes, sizes, f" {name}" if len(name) < 40 else f"…{name[-38:]}")
    axes.axhline(growth.pool_size, color="#888888", linewidth=1)
    axes.text(growth.episodes[0], growth.pool_size, "the pool's size", fontsize=7, color="#888888", va="bottom")
    axes.set_yscale("symlog")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("episodes")
    axes.set_ylabel("elements")
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.legend(fontsize=7, frameon=False)


def _drift(axes: Axes, evidence: Evidence) -> None:
    growth = evidence.growth
    _curve(axes, 0, growth.episodes, growth.episode_seconds, f"{growth.pool_size} tasks")
    axes.set_ylim(0, 1.3 * max(growth.episode_seconds))
    axes.set_xlabel("episodes")
    axes.yaxis.set_major_formatter(EngFormatter("s"))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.legend(fontsize=7, frameon=False)
