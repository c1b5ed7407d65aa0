"""The result of an investigation in words: where an epoch's time goes, and the verdict on every hypothesis."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import mean, median

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lpcurr.investigation import wording
from lpcurr.investigation.evidence import Evidence, Finding, Hypothesis, Verdict
from lpcurr.investigation.probes.training import Training
from lpcurr.investigation.timed import PARTS
from lpcurr.investigation.trainings import first_arm, steady

Findings = Mapping[Hypothesis, Finding]

_WIDE = 110  # columns from which every field has its own
_COLOURS = {Verdict.FAULT: "bold red", Verdict.HEALTHY: "green", Verdict.EXPLAINED: "yellow", Verdict.UNTESTED: "dim"}


def print_result(console: Console, evidence: Evidence, findings: Findings) -> None:
    """Both tables, and the answer in one line."""
    console.print(_parts_table(evidence))
    console.print(_rates(evidence), highlight=False, markup=False)
    console.print(_findings_table(findings, console.width >= _WIDE))
    if evidence.subject.missing:
        absent = ", ".join(f"{name}()" for name in evidence.subject.missing)
        console.print(f"left out, because it does not have them: {absent}", highlight=False, markup=False)
    if evidence.subject.resize is None:
        console.print(f"one pool size only: {evidence.subject.sizing}", highlight=False, markup=False)
    console.print(Text(answer(findings), style="bold green" if not faults(findings) else "bold red"))


def faults(findings: Findings) -> list[str]:
    """The names of the faults that were found."""
    return [hypothesis.name for hypothesis, finding in findings.items() if finding.verdict is Verdict.FAULT]


def answer(findings: Findings) -> str:
    """The result in one line."""
    found = faults(findings)
    return f"found: {', '.join(found)}" if found else "healthy: no fault was found"


def epoch_parts(evidence: Evidence) -> tuple[dict[str, float], float]:
    """Seconds of an epoch by part, and of the whole epoch; of all processes together."""
    if evidence.training is None:
        parts = evidence.epochs.parts
        return parts, sum(parts.values())
    epochs = first_arm(evidence.training)
    whole = mean(e.seconds * e.processes for e in epochs)
    parts = {part: mean(e.parts[part] for e in epochs) for part in PARTS}
    parts["environment"] = mean(e.environment for e in epochs)
    parts["learner, and workers waiting for it"] = max(whole - sum(parts.values()), 0.0)
    parts["(of draw and update: waiting for the lock)"] = mean(e.lock_wait for e in epochs)
    return parts, whole


def _parts_table(evidence: Evidence) -> Table:
    parts, whole = epoch_parts(evidence)
    training = evidence.training
    title = f"{evidence.subject.name}: where an epoch's time goes"
    caption = None if training is not None else "an object has no environment of its own; waiting for locks: see below"
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    table.add_column("part")
    table.add_column("seconds", justify="right")
    table.add_column("share", justify="right")
    for part, seconds in parts.items():
        table.add_row(part, f"{seconds:.4f}", f"{seconds / whole:.2%}")
    table.add_row("epoch" + (f", {_processes(training)}" if training else ""), f"{whole:.4f}", "", style="bold")
    return table


def _processes(training: Training) -> str:
    return wording.count(first_arm(training)[-1].processes, "worker process")


def _rates(evidence: Evidence) -> str:
    training = evidence.training
    if training is None:
        epochs = evidence.epochs
        line = ", ".join(f"{rate:,.0f}" for rate in epochs.rates)
        trivial = sorted(epochs.baseline_rates)[len(epochs.baseline_rates) // 2]
        return f"episodes/s by epoch: {line} (a trivial curriculum: {trivial:,.0f})\n"
    lines = []
    for name, arm in training.epochs.items():
        share = median(epoch.share for epoch in steady(arm))
        lines.append(f"steps/s by epoch, {name}: {', '.join(f'{epoch.rate:,.0f}' for epoch in arm)}")
        lines.append(f"  ({share:.1%} of the processes' time in the curriculum)")
    lines.append(f"(resumed from a checkpoint after epoch {training.resumed_after})\n")
    return "\n".join(lines)


def _findings_table(findings: Findings, wide: bool) -> Table:
    table = Table(title="hypotheses", title_justify="left", show_lines=True, expand=True)
    if wide:
        for column in ("hypothesis", "test", "what was seen", "verdict", "next step"):
            table.add_column(column, ratio={"what was seen": 4, "next step": 3, "test": 3}.get(column))
    else:
        table.add_column("hypothesis and test", ratio=2)
        table.add_column("verdict")
        table.add_column("what was seen, next step", ratio=4)
    for hypothesis, finding in findings.items():
        verdict = Text(str(finding.verdict), style=_COLOURS[finding.verdict])
        name, test, seen, then = (
            Text(each) for each in (hypothesis.name, hypothesis.test, finding.seen, finding.next_step or "–")
        )
        if wide:
            table.add_row(name, test, seen, verdict, then)
        else:
            name.stylize("bold")
            todo = Text(f"\n→ {finding.next_step}") if finding.next_step else Text()
            table.add_row(Text("\n").join([name, test]), verdict, Text.assemble(seen, todo))
    return table
