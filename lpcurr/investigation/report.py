"""Show an investigation: two tables and the answer, one picture, and plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lpcurr.investigation.faults import Evidence, Finding, Hypothesis, Verdict, duration
from lpcurr.reports.panels import COLOURS, LINES, MARKERS, Panel
from lpcurr.reports.pictures import draw_png

Findings = Mapping[Hypothesis, Finding]

_COLOURS = {Verdict.FAULT: "bold red", Verdict.HEALTHY: "green", Verdict.EXPLAINED: "yellow", Verdict.UNTESTED: "dim"}
_WIDE = 110  # columns from which the test has a column of its own
_MOST_STRUCTURES = 5


def faults(findings: Findings) -> list[str]:
    """Return the names of the faults that were found."""
    return [hypothesis.name for hypothesis, finding in findings.items() if finding.verdict is Verdict.FAULT]


def answer(findings: Findings) -> str:
    """Return the result in one line."""
    return f"found: {', '.join(faults(findings))}" if faults(findings) else "healthy: no fault was found"


def as_json(evidence: Evidence, findings: Findings) -> dict[str, Any]:
    """Return counts, times and findings as plain data."""
    others = {name: getattr(evidence, name) for name in ("growth", "resume", "training")}
    return {
        "subject": {name: getattr(evidence.subject, name) for name in ("name", "size", "sizing", "missing")},
        "answer": answer(findings),
        "faults": faults(findings),
        "findings": [{"hypothesis": h.name, "test": h.test} | asdict(finding) for h, finding in findings.items()],
        "evidence": {
            "parts": {name: {"lines": p.lines, "seconds": p.seconds} for name, p in evidence.parts.items()},
            "native": {name: {"bytes": n.bytes, "seconds": n.seconds} for name, n in evidence.native.items()},
            **{name: None if other is None else asdict(other) for name, other in others.items()},
        },
    }


def print_result(console: Console, evidence: Evidence, findings: Findings) -> None:
    """Print both tables, and the answer."""
    subject, shares = evidence.subject, evidence.shares
    table = _table(
        f"{subject.name}: what a call costs", "part", "tasks", "lines of Python", "CPU time", "of a training"
    )
    for name, part in evidence.parts.items():
        times = [duration(part.seconds[size]) if size in part.seconds else "" for size in part.lines]
        columns = ([f"{n:,}" for n in part.lines], [f"{each:,.0f}" for each in part.lines.values()], times)
        table.add_row(name, *map("\n".join, columns), f"{shares[name]:.2%}" if name in shares else "")
    console.print(table)
    wide = console.width >= _WIDE
    table = _table("hypotheses", "hypothesis", *(("test",) if wide else ()), "verdict", "what was seen, next step")
    for hypothesis, finding in findings.items():
        seen = finding.seen + (f"\n→ {finding.next_step}" if finding.next_step else "")
        verdict = Text(finding.verdict, style=_COLOURS[finding.verdict])
        table.add_row(hypothesis.name, *([hypothesis.test] if wide else []), verdict, Text(seen))
    console.print(table)
    if subject.missing:
        absent = ", ".join(f"{name}()" for name in subject.missing)
        console.print(f"left out, because it does not have them: {absent}", highlight=False, markup=False)
    if subject.resize is None:
        console.print(f"one pool size only: {subject.sizing}", highlight=False, markup=False)
    console.print(Text(answer(findings), style="bold red" if faults(findings) else "bold green"))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", show_lines=True)
    for column in columns:
        table.add_column(column, justify="right" if column in ("tasks", "lines of Python", "CPU time") else "left")
    return table


def draw_picture(evidence: Evidence, title: str, path: Path) -> None:
    """Draw lines and CPU time by pool size, structures and lines by episodes, and a recipe's speed."""
    growth, training = evidence.growth, evidence.training
    ranked = sorted(growth.structures.items(), key=lambda item: (item[1][0] - item[1][-1], -item[1][-1]))
    structures = {path[-40:]: dict(zip(growth.episodes, sizes, strict=True)) for path, sizes in ranked}
    timed: Mapping[str, Any] = evidence.native or evidence.parts
    curves: dict[str, dict[str, dict[int, float]]] = {
        "lines of Python a call, by tasks in the pool": {name: part.lines for name, part in evidence.parts.items()},
        "CPU seconds a call, by tasks in the pool": {name: each.seconds for name, each in timed.items()},
        "largest and growing structures, by episodes": dict(list(structures.items())[:_MOST_STRUCTURES]),
        "lines of an episode, by episodes": {"in a small pool": dict(zip(growth.episodes, growth.lines, strict=True))},
    }
    if training is not None:
        arms = {"the recipe's curriculum": training.own, "random draws": training.random}
        rates = {name: {k: epoch.rate for k, epoch in enumerate(epochs, 2)} for name, epochs in arms.items()}
        curves["environment steps/s, by epoch"] = rates
        curves["environment steps/s, by worker processes"] = {"the recipe's curriculum": training.step_rates}
    draw_png(f"{evidence.subject.name}: {title}", [_panel(name, each) for name, each in curves.items()], path)


def _panel(title: str, curves: Mapping[str, Mapping[int, float]]) -> Panel:
    def draw(axes: Axes) -> None:
        for number, (label, curve) in enumerate(curves.items()):
            style = {"color": COLOURS[number % 8], "linestyle": LINES[number % 8], "marker": MARKERS[number % 8]}
            # A label that begins with "_" would not be shown.
            axes.plot(list(curve), list(curve.values()), markersize=4, label=f" {label}", **style)
        if "tasks" in title:
            axes.set_xscale("log", base=2)
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0)
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.yaxis.set_major_formatter(EngFormatter(sep=""))
        axes.legend(fontsize=7, frameon=False)

    return Panel(title=title, caption=title, alt=title, draw=draw, section="")
