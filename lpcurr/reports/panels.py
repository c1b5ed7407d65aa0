"""The pictures of a report: what each shows, and in words for those who cannot see it.

Colours are Okabe and Ito's, which colour-blind people can tell apart; curves differ in line style and marker as well,
so that they survive grey. Heat maps are ``cividis``, whose lightness rises evenly.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.ticker import EngFormatter, MaxNLocator

from lpcurr.reports import series
from lpcurr.reports.curves import BAND, CURVES, DOING, NODE_CURVES, SECTIONS, What
from lpcurr.reports.series import Curve, Floats, Table, of
from lpcurr.runs.metrics import number
from lpcurr.runs.reading import Arm

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (8, 3)), (0, (3, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
STEPS = "environment steps"
MOST_LABELS = 16  # rows of a heat map
MOST_LINES = len(MARKERS)
MOST_POINTS = 5000  # of a scatter plot


@dataclass(frozen=True)
class Panel:
    """A picture."""

    title: str  # with the arm's name where it shows only one
    caption: str  # what it means and how to read it
    alt: str  # what is to be seen, in words and figures
    draw: Callable[[Axes], None]  # onto axes, which it labels
    section: str  # what question it answers, one of SECTIONS
    headline: bool = False  # whether report.png has it
    left: float = 0.11  # share of the width that the labels of the vertical axis need


def panels(arms: Sequence[Arm]) -> tuple[list[Panel], list[str]]:
    """Return the pictures that there are figures for, and the titles of the others."""
    learning = [arm for arm in arms if not arm.is_random] or list(arms)
    made = [_marked(panel, [arm]) for arm, panel in _share_panels(arms, learning)]
    for of_one in (_progress_panels, _stages_panel):
        made += [_marked(panel, [arm]) for arm in learning for panel in of_one(arm)]
    made += [panel for arm in learning for panel in _tasks_panel(arm)]
    missing: list[str] = []
    for what in (*CURVES, *NODE_CURVES):
        found = [(place, arm.name, series.curve(arm, what.figure)) for place, arm in enumerate(arms)]
        curves = [(place, name, each) for place, name, each in found if each is not None]
        if curves:
            made.append(_marked(_curves_panel(what, curves), arms))
        elif what in CURVES:  # most runs have one node
            missing.append(what.title)
    for key, title in _FAMILIES.items():
        if not any(key in name for arm in arms for rows in arm.trainings.values() for name in rows[-1]):
            missing.append(title)
    return sorted(made, key=lambda panel: SECTIONS.index(panel.section)), missing


def _marked(panel: Panel, arms: Sequence[Arm]) -> Panel:
    """Return the panel with a line where a schedule changed an arm's algorithm."""
    changes = [(arm, *change) for arm in arms for change in series.switches(arm)]
    if not changes:
        return panel

    def draw(axis: Axes) -> None:
        panel.draw(axis)
        for _, steps, _kind in changes:
            axis.axvline(steps, color="#888888", linewidth=1.2, linestyle=(0, (6, 2)), zorder=3)

    said = "; ".join(f"{arm.name} to {kind.replace('_', ' ')} after {steps:,.0f} steps" for arm, steps, kind in changes)
    note = f" Dashed line: the schedule changed the algorithm ({said})."
    return replace(panel, draw=draw, caption=panel.caption + note, alt=panel.alt + note)


_FAMILIES = {
    "epoch_completions/": "Where the episodes went",
    "success_probability/": "What is drawn, by success rate",
    "label_progress/": "Learning progress by label",
    "gini/": "Inequality through the stages",
}


# -- curves ---------------------------------------------------------------------------------------------------------


def _curves_panel(what: What, curves: Sequence[tuple[int, str, Curve]], highest: float | None = None) -> Panel:
    """Return a picture of curves, each with its place among the styles and its name."""

    def draw(axis: Axes) -> None:
        for place, name, each in curves:
            draw_curve(axis, each, shorten(name), place)
        axis.set(ylabel=what.unit)
        _finish_curves(axis, highest)

    caption = what.caption + (f" {BAND}" if any(np.isfinite(each.low).any() for *_, each in curves) else "")
    caption += _thinning(max(each.thinned for *_, each in curves))
    alt = "; ".join(f"{name} {_course(each)}" for _, name, each in curves)
    alt = f"{what.title}, {what.unit}, over {STEPS}: {alt}."
    return Panel(what.title, caption, alt, draw, what.section, what.headline)


def draw_curve(axis: Axes, each: Curve, name: str, place: int) -> None:
    """Draw a curve with its band, in the style of its place."""
    style = place % len(COLOURS)
    many = len(each.steps) > 2
    axis.plot(
        *(each.steps, each.mean),
        color=COLOURS[style],
        linestyle=LINES[style],
        marker=MARKERS[style],
        markersize=3.5,
        markevery=max(len(each.steps) // 8, 1) if many else 1,
        label=name if not name.startswith("_") else f" {name}",  # matplotlib leaves those out of a legend
    )
    if np.isfinite(each.low).any():
        if many:
            axis.fill_between(each.steps, each.low, each.high, color=COLOURS[style], alpha=0.18, linewidth=0)
        else:
            spread = np.vstack([each.mean - each.low, each.high - each.mean])
            axis.errorbar(each.steps, each.mean, spread, color=COLOURS[style], fmt="none", capsize=3)


def _course(each: Curve) -> str:
    known = each.mean[np.isfinite(each.mean)]
    if not len(known):
        return "without a value"
    return f"{known[0]:.3g}" if len(known) == 1 else f"from {known[0]:.3g} to {known[-1]:.3g}"


def _thinning(width: int) -> str:
    return f" Each point stands for {width} consecutive epochs: their mean." if width > 1 else ""


def _finish_curves(axis: Axes, highest: float | None = None) -> None:
    low, high = axis.dataLim.intervaly
    if highest is not None:
        axis.set_ylim(0.0, highest)
    elif np.isfinite([low, high]).all():
        # a band may reach below what a figure can be; that part is cut off
        lines = np.concatenate([np.asarray(line.get_ydata(), float) for line in axis.get_lines()])
        axis.set_ylim(0.0 if np.nanmin(lines) >= 0.0 else low * 1.05, high * 1.08 if high > 0 else 1.0)
        if high >= 1000:
            axis.yaxis.set_major_formatter(EngFormatter(sep=" "))
    _finish_steps(axis)
    _legend(axis)


def _legend(axis: Axes) -> None:
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=8, loc="best", framealpha=0.0)


def _finish_steps(axis: Axes) -> None:
    """Write environment steps as 200 k, 1 M."""
    axis.set_xlabel(STEPS)
    axis.xaxis.set_major_formatter(EngFormatter(sep=" "))
    axis.xaxis.set_major_locator(MaxNLocator(6))


# -- where the draws went -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Shares:
    """A heat map of what is drawn, or was played, by group and epoch."""

    prefix: str  # of the figures in the metrics
    title: str
    caption: str
    unit: str
    power: float = 1.0  # of the values in the colour scale
    headline: bool = False


_SCALE = "One colour scale for all"
_SHARES = (
    _Shares(
        prefix="epoch_completions/",
        title="Where the episodes went",
        caption=f"Share of each epoch's episodes by label, all seeds together; a column adds up to 1. {_SCALE}.",
        unit="share of episodes",
        headline=True,
    ),
    _Shares(
        prefix="success_probability/",
        title="What is drawn, by success rate",
        caption="Probability that the next draw is a task with this success rate (moving average): low rows are tasks "
        "that fail, high ones are solved. With random draws it shows what the pool is made of. "
        f"{_SCALE}, by the square root.",
        unit="probability",
        power=0.5,
        headline=True,
    ),
    _Shares(
        prefix="label_probability/",
        title="Probability by label",
        caption="Probability at the end of each epoch that the next draw has this label, mean of the seeds.",
        unit="probability",
    ),
)


def _tenth(name: str) -> str:
    """0.3 stands for 0.3 – 0.4 among success rates; labels stay as they are."""
    return f"{name} – {float(name) + 0.1:.1f}" if len(name) == 3 and name.startswith("0.") else name


def _share_panels(arms: Sequence[Arm], learning: Sequence[Arm]) -> Iterator[tuple[Arm, Panel]]:
    for shares in _SHARES:
        of_interest = learning if shares.prefix == "label_probability/" else arms
        tables = [(arm, table) for arm in of_interest if (table := series.share_table(arm, shares.prefix, MOST_LABELS))]
        top = max((float(np.nanmax(table.values, initial=1e-9)) for _, table in tables), default=1.0)
        for arm, table in tables:
            yield arm, _heat_panel(table, f"{shares.title}: {arm.name}", shares, PowerNorm(shares.power, 0.0, top))


def _heat_panel(table: Table, title: str, shares: _Shares, scale: PowerNorm) -> Panel:
    names = [_tenth(name) for name in table.names]

    def draw(axis: Axes) -> None:
        first = table.steps[0] - (table.steps[1] - table.steps[0]) if len(table.steps) > 1 else 0.0
        edges = np.concatenate([[max(first, 0.0)], table.steps])
        rows = np.arange(len(table.names) + 1) - 0.5
        mesh = axis.pcolormesh(edges, rows, table.values, cmap="cividis", norm=scale, rasterized=True)
        axis.figure.colorbar(mesh, ax=axis, label=shares.unit, pad=0.02)
        axis.set_yticks(range(len(names)), [shorten(name) for name in names])
        axis.grid(False)
        _finish_steps(axis)

    ends = ", ".join(
        f"{name} {first:.0%} to {last:.0%}"
        for name, first, last in zip(names, table.values[:, 0], table.values[:, -1], strict=True)
        if math.isfinite(first) and math.isfinite(last)
    )
    caption = shares.caption
    if table.others and table.names[-1].endswith(" others"):
        caption += f" The {table.others} labels with the fewest are one row."
    text = f"{title}, {shares.unit}, from first to last: {ends}."
    left = 0.05 + 0.0125 * max(len(shorten(name)) for name in names)
    return Panel(title, caption + _thinning(table.thinned), text, draw, DOING, shares.headline, left)


def shorten(text: str, most: int = 28) -> str:
    """Shorten a label so that it leaves room for the picture."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


# -- progress of labels, and inequality -----------------------------------------------------------------------------

_AVERAGES = "Moving averages, over the active tasks of each label"
_PROGRESS = (
    ("label_progress/", "Learning progress by label", "mean |fast − slow average| of the score", _AVERAGES),
    ("label_reward/", "Score by label", "mean score of the active tasks", _AVERAGES),
    ("label_held_out/", "Held-out score by label", "mean score (0 … 1)", "Tasks that are never trained on"),
)
_STAGES = (
    ("raw_lp_scores", "raw learning progress"),
    ("zscored_lp_scores", "LP score (z-score, sigmoid)"),
    ("sampling_probs", "probability of a draw"),
    ("pool_occupancy", "episodes"),
)
_INEQUALITY = (
    "0: all tasks alike, 1: one task has everything. From raw progress by way of scores and probabilities to episodes "
    "since each task entered; where a stage falls, selectivity is lost there."
)


def _progress_panels(arm: Arm) -> Iterator[Panel]:
    order = series.totals(arm, "epoch_completions/")
    for prefix, title, unit, what in _PROGRESS:
        table = series.mean_table(arm, prefix, MOST_LINES, order)
        if table is not None:
            caption = f"{what}; mean of the seeds."
            if table.others:
                caption += f" The {len(table.names)} labels with most episodes; {table.others} others are not drawn."
            nothing = np.full(len(table.steps), math.nan)
            curves = [
                (place, name, Curve(table.steps, values, nothing, nothing, table.thinned))
                for place, (name, values) in enumerate(zip(table.names, table.values, strict=True))
            ]
            yield _curves_panel(What(DOING, f"{title}: {arm.name}", unit, of(prefix), caption), curves)


def _stages_panel(arm: Arm) -> Iterator[Panel]:
    found = [(place, name, series.curve(arm, of(f"gini/{key}"))) for place, (key, name) in enumerate(_STAGES)]
    curves = [(place, name, each) for place, name, each in found if each is not None]
    if curves:
        title = f"Inequality through the stages: {arm.name}"
        what = What(DOING, title, "Gini coefficient over the tasks", of("gini/"), _INEQUALITY, headline=True)
        yield _curves_panel(what, curves, highest=1.0)


# -- the tasks at the end -------------------------------------------------------------------------------------------


def _tasks_panel(arm: Arm) -> Iterator[Panel]:
    columns = ("success_rate", "probability", "learning_progress")
    values = np.array([[number(task.get(key)) for key in columns] for task in arm.tasks], float).reshape(-1, 3)
    values = values[np.isfinite(values).all(axis=1)]
    if not len(values):
        return
    shown: Floats = values if len(values) <= MOST_POINTS else values[:: -(-len(values) // MOST_POINTS)]
    uniform = len(arm.trainings) / len(values)

    def draw(axis: Axes) -> None:
        points = axis.scatter(
            shown[:, 0], shown[:, 1], c=shown[:, 2], s=13, cmap="cividis", linewidths=0, rasterized=len(shown) > 500
        )
        axis.figure.colorbar(points, ax=axis, label="learning progress", pad=0.02)
        axis.axhline(uniform, color="#888888", linewidth=1, linestyle=":", label="uniform")
        axis.set(xlabel="success rate of the task (moving average)", ylabel="probability of a draw", xlim=(-0.02, 1.02))
        axis.set_ylim(0, max(float(shown[:, 1].max()), uniform) * 1.2)
        _legend(axis)

    title = f"The tasks at the end: {arm.name}"
    caption = "A point is an active task; brighter ones progress more. Dotted: what uniform drawing would give each."
    if len(shown) < len(values):
        caption += f" {len(shown):,} of {len(values):,} tasks are drawn, evenly spaced in the file."
    most = values[:, 1].max()
    alt = f"{title}: {len(values):,} tasks, probability of a draw up to {most:.2g}, uniform would be {uniform:.2g}."
    yield Panel(title, caption, alt, draw, DOING, left=0.14)
