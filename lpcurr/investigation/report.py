"""Show an investigation: two tables and the answer, one picture, and plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lpcurr.investigation.faults import Evidence, Finding, Hypothesis, Verdict, duration, shares_of
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
    subject, training, shares = evidence.subject, evidence.training, shares_of(evidence)
    table = _table(
        f"{subject.name}: what a call costs", "part", "tasks", "lines of Python", "CPU time", "of a training"
    )
    for name, part in evidence.parts.items():
        times = [duration(part.seconds[size]) if size in part.seconds else "" for size in part.lines]
        share = f"{shares[name]:.2%}" if name in shares else ""
        columns = ([f"{n:,}" for n in part.lines], [f"{each:,.0f}" for each in part.lines.values()], times)
        table.add_row(name, *("\n".join(column) for column in columns), share)
    console.print(table)
    for name, epochs in (("the recipe's", training.own), ("random draws", training.random)) if training else ():
        rates = ", ".join(f"{epoch.rate:,.0f}" for epoch in epochs)
        console.print(f"training, steps/s by epoch, {name}: {rates}", highlight=False, markup=False)
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
    structures = {name[-40:]: _curve(growth.episodes, sizes) for name, sizes in ranked[:_MOST_STRUCTURES]}
    timed: Mapping[str, Any] = evidence.native or evidence.parts
    panels = [
        _panel(
            "lines of Python a call, by tasks in the pool", {n: p.lines for n, p in evidence.parts.items()}, log=True
        ),
        _panel("CPU seconds a call, by tasks in the pool", {n: p.seconds for n, p in timed.items()}, log=True),
        _panel("largest and growing structures, by episodes", structures),
        _panel("lines of an episode in a pool of constant size", {"episode": _curve(growth.episodes, growth.lines)}),
    ]
    if training is not None:
        arms = {"the recipe's curriculum": training.own, "random draws": training.random}
        rates = {name: _curve(range(2, len(epochs) + 2), [e.rate for e in epochs]) for name, epochs in arms.items()}
        panels.append(_panel("environment steps/s, by epoch", rates))
        panels.append(_panel("environment steps/s, by worker processes", {"steps/s": training.step_rates}))
    draw_png(f"{evidence.subject.name}: {title}", panels, path)


def _curve(x: Sequence[int], y: Sequence[float]) -> dict[int, float]:
    return dict(zip(x, y, strict=True))


def _panel(title: str, curves: Mapping[str, Mapping[int, float]], *, log: bool = False) -> Panel:
    def draw(axes: Axes) -> None:
        for number, (label, curve) in enumerate(curves.items()):
            style = {"color": COLOURS[number % 8], "linestyle": LINES[number % 8], "marker": MARKERS[number % 8]}
            # A label that begins with "_" would not be shown.
            axes.plot(list(curve), list(curve.values()), markersize=4, label=f" {label}", **style)
        if log:
            axes.set_xscale("log", base=2)
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0)
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.yaxis.set_major_formatter(EngFormatter(sep=""))
        axes.legend(fontsize=7, frameon=False)

    return Panel(title=title, caption=title, alt=title, draw=draw, section="")
