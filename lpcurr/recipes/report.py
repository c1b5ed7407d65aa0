"""The picture of a run.

Colours are Okabe and Ito's, which colour-blind people can tell apart; the curricula differ in line style as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter
from numpy.typing import NDArray

from lpcurr.recipes.run_folder import Row

_NAMES = {"learning_progress": "learning progress", "discrete_random": "random"}
_COLOURS = {"learning_progress": "#0072B2", "discrete_random": "#D55E00"}
_LINES = {"learning_progress": "-", "discrete_random": "--"}
_BANDS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
_MAX_LABELS = len(_BANDS)
_COMPLETIONS = "epoch_completions/"
_STEPS = "environment steps"

Floats = NDArray[np.float64]
Named = tuple[str, str]  # what a legend calls it, the key in a line of metrics


def draw_report(rows: Sequence[Row], tasks: Sequence[Row], path: Path) -> None:
    """Draw a run's metrics.

    Args:
        rows: lines of ``metrics.jsonl``, of one or several trainings; may be none.
        tasks: lines of ``tasks.jsonl``; may be none.
        path: where the picture goes.
    """
    kinds = list(dict.fromkeys(row["curriculum"] for row in rows)) or ["learning_progress"]
    seeds = len({row["seed"] for row in rows})
    # A figure of its own, without pyplot: no global state, no window, whatever backend is set.
    with matplotlib.rc_context({"font.size": 9, "axes.grid": True, "grid.alpha": 0.3}):
        figure = Figure(figsize=(6.2 * 2, 3.4 * (2 + len(kinds))), layout="constrained")
        FigureCanvasAgg(figure)
        figure.suptitle(_title(rows, kinds, seeds))
        axes = figure.subplots(2 + len(kinds), 2, squeeze=False)
        _draw_curves(axes[0][0], rows, "steps_per_second", "Speed", "environment steps / s")
        scores = ("held-out tasks", "eval/score"), ("training episodes", "score")
        _draw_shares(axes[0][1], rows, "Score", "mean score (0 … 1)", *scores)
        mastered = ("held-out tasks", "eval/mastered_share"), ("tasks in the pool", "pool/mastered_share")
        _draw_shares(axes[1][0], rows, "Mastered tasks", "share of tasks", *mastered)
        _draw_curves(axes[1][1], rows, "curriculum/num_evicted", "Tasks that left the pool", "tasks evicted")
        for place, kind in enumerate(kinds):
            _draw_labels(axes[2 + place][0], [row for row in rows if row["curriculum"] == kind], kind)
            _draw_distribution(axes[2 + place][1], [task for task in tasks if task["curriculum"] == kind], kind)
        figure.savefig(path, dpi=110)


def _title(rows: Sequence[Row], kinds: Sequence[str], seeds: int) -> str:
    if not rows:
        return "no epoch was finished"
    names = " and ".join(_NAMES.get(kind, kind) for kind in kinds)
    return f"{names}: {max(row['steps'] for row in rows):,} environment steps" + (
        f", {seeds} seeds (line: mean, band: least to greatest)" if seeds > 1 else ""
    )


def _per_kind(rows: Sequence[Row], key: str) -> dict[str, tuple[Floats, Floats]]:
    """By curriculum: environment steps[epochs] and the figure[seeds, epochs], up to the shortest training's end."""
    curves: dict[str, dict[int, list[Row]]] = {}
    for row in rows:
        if key in row:
            curves.setdefault(row["curriculum"], {}).setdefault(row["seed"], []).append(row)
    result = {}
    for kind, seeds in curves.items():
        length = min(len(epochs) for epochs in seeds.values())
        steps = np.array([row["steps"] for row in next(iter(seeds.values()))[:length]], float)
        result[kind] = steps, np.array([[row[key] for row in epochs[:length]] for epochs in seeds.values()], float)
    return result


def _draw_curves(axis: Axes, rows: Sequence[Row], key: str, title: str, unit: str) -> None:
    axis.set(title=title, xlabel=_STEPS, ylabel=unit)
    curves = _per_kind(rows, key)
    for kind, (steps, values) in curves.items():
        _draw_curve(axis, steps, values, _NAMES.get(kind, kind), _COLOURS.get(kind, "#999999"), _LINES.get(kind, "-"))
    axis.set_ylim(bottom=0)
    _finish(axis, bool(curves))


def _draw_curve(axis: Axes, steps: Floats, values: Floats, name: str, colour: str, line: str) -> None:
    marker = "o" if len(steps) < 3 else ""  # a line through one point is nothing
    axis.plot(steps, values.mean(axis=0), color=colour, linestyle=line, marker=marker, label=name)
    if len(values) > 1:
        axis.fill_between(steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)


def _draw_shares(axis: Axes, rows: Sequence[Row], title: str, unit: str, solid: Named, dotted: Named) -> None:
    """Two figures between 0 and 1: one on the held-out tasks, one on those that the curriculum chose."""
    axis.set(title=title, xlabel=_STEPS, ylabel=unit, ylim=(0, 1))
    held_out, chosen = (_per_kind(rows, key) for _, key in (solid, dotted))
    for kind, (steps, values) in held_out.items():
        name, colour = f"{_NAMES.get(kind, kind)}, {solid[0]}", _COLOURS.get(kind, "#999999")
        _draw_curve(axis, steps, values, name, colour, _LINES.get(kind, "-"))
    for kind, (steps, values) in chosen.items():
        name, colour = f"{_NAMES.get(kind, kind)}, {dotted[0]}", _COLOURS.get(kind, "#999999")
        axis.plot(steps, values.mean(axis=0), color=colour, linestyle=":", alpha=0.8, label=name)
    _finish(axis, bool(held_out or chosen))


def _draw_labels(axis: Axes, rows: Sequence[Row], kind: str) -> None:
    title = f"Where the episodes went: {_NAMES.get(kind, kind)}"
    axis.set(title=title, xlabel=_STEPS, ylabel="share of episodes", ylim=(0, 1))
    steps, names, shares = label_shares(rows)
    if names:
        if len(steps) == 1:  # a stack needs two points
            steps, shares = np.array([0.0, steps[0]]), np.repeat(shares, 2, axis=1)
        axis.stackplot(steps, shares, labels=names, colors=_BANDS[: len(names)])
    _finish(axis, bool(names), columns=2)


def label_shares(rows: Sequence[Row]) -> tuple[Floats, list[str], Floats]:
    """Steps[epochs], labels and their shares of each epoch's episodes[labels, epochs]; small labels are one, "others".

    With several seeds, of all of them together.
    """
    by_epoch: dict[int, dict[str, float]] = {}
    steps: dict[int, float] = {}
    totals: dict[str, float] = {}
    for row in rows:
        steps.setdefault(row["epoch"], row["steps"])
        counts = by_epoch.setdefault(row["epoch"], {})
        for key, count in row.items():
            if key.startswith(_COMPLETIONS):
                label = key.removeprefix(_COMPLETIONS)
                counts[label] = counts.get(label, 0.0) + count
                totals[label] = totals.get(label, 0.0) + count
    names = sorted(totals, key=lambda label: -totals[label])
    if len(names) > _MAX_LABELS:
        names = names[: _MAX_LABELS - 1]
    names.sort(key=_natural)
    epochs = sorted(by_epoch)
    all_counts = np.array([sum(by_epoch[epoch].values()) for epoch in epochs])
    shares = np.array([[by_epoch[epoch].get(name, 0.0) for epoch in epochs] for name in names]).reshape(
        len(names), len(epochs)
    )
    shares = shares / np.maximum(all_counts, 1.0)
    if len(names) < len(totals):
        names.append("others")
        shares = np.vstack([shares, (all_counts > 0) - shares.sum(axis=0)])
    return np.array([steps[epoch] for epoch in epochs], float), names, shares


def _natural(label: str) -> list[Any]:
    """Numbers in a label by their value: size=8 before size=12."""
    parts = "".join(c if c.isdigit() or c == "." else " " for c in label).split()
    return [[float(part) for part in parts if part.strip(".") and part.count(".") < 2], label]


def _draw_distribution(axis: Axes, tasks: Sequence[Row], kind: str) -> None:
    axis.set(title=f"Probability of each task at the end: {_NAMES.get(kind, kind)}", ylabel="probability of a draw")
    axis.set_xlabel("success rate of the task (EMA)")
    if tasks:
        rates = np.array([task["success_rate"] for task in tasks], float)
        chances = np.array([task["probability"] for task in tasks], float)
        progress = np.array([task["learning_progress"] for task in tasks], float)
        points = axis.scatter(rates, chances, c=progress, s=14, cmap="cividis", linewidths=0)
        axis.figure.colorbar(points, ax=axis, label="learning progress")
        uniform = 1.0 / max(len(tasks) / max(len({task["seed"] for task in tasks}), 1), 1.0)
        axis.axhline(uniform, color="#999999", linewidth=1, linestyle=":", label="uniform")
        axis.set_xlim(-0.02, 1.02)
        axis.set_ylim(bottom=0)
    _finish(axis, bool(tasks))


def _finish(axis: Axes, drawn: bool, columns: int = 1) -> None:
    if axis.get_xlabel() == _STEPS:
        axis.xaxis.set_major_formatter(EngFormatter())
    if drawn:
        axis.legend(fontsize=7, ncols=columns, loc="best")
    else:
        axis.text(0.5, 0.5, "no data", ha="center", va="center", transform=axis.transAxes, color="#666666")
