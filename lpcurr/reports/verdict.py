"""What a report says in words: whether the curriculum helps, what it is doing, and the figures of every arm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lpcurr.reports import series
from lpcurr.reports.intervals import interval
from lpcurr.reports.runs import Arm
from lpcurr.reports.series import of

Figures = Callable[[Arm, float], dict[int, float]]


def _last(key: str) -> Figures:
    return lambda arm, at: series.final_values(arm, of(key), at)


FIGURES: tuple[tuple[str, Figures, str], ...] = (
    ("held-out score", _last("eval/score"), ".3f"),
    ("held-out tasks mastered", _last("eval/mastered_share"), ".3f"),
    ("training score", _last("score"), ".3f"),
    ("mastered in the pool", _last("pool/mastered_share"), ".3f"),
    ("steps per second", series.speeds, ",.0f"),
    ("tasks evicted", _last("curriculum/num_evicted"), ",.0f"),
)
_ENOUGH = 0.9  # of the longest training's steps, below which a comparison is said to be of an early moment


@dataclass(frozen=True)
class Verdict:
    """The answer.

    Attributes:
        answer: the shortest form of it.
        sentence: whether the curriculum helps, with figures and their uncertainty.
        sign: 1 it does, -1 it harms, 0 cannot be told.
        remarks: what it is doing, and what to mind.
    """

    answer: str
    sentence: str
    sign: int
    remarks: list[str]


def common_steps(arms: Sequence[Arm]) -> float:
    """The most environment steps that every training has reached."""
    return min((float(rows[-1]["steps"]) for arm in arms for rows in arm.trainings.values()), default=0.0)


def decide(arms: Sequence[Arm]) -> Verdict:
    """Compare the arms with the one that draws at random, or else with the first, on the held-out tasks."""
    if not arms:
        return Verdict("Nothing yet", "No epoch was finished: there is nothing to judge.", 0, [])
    at, longest = common_steps(arms), max(rows[-1]["steps"] for arm in arms for rows in arm.trainings.values())
    remarks = [text for arm in arms if (text := _doing(arm))]
    if len(arms) == 1:
        return Verdict("No comparison", _sentence(_alone(arms[0], at)), 0, [_sentence(each) for each in remarks])
    pairs = _pairs(arms)
    results = [_compare(arm, base, at) for arm, base in pairs]
    remarks = [sentence for _, sentence in results[1:]] + remarks
    if at < _ENOUGH * longest:
        remarks.append(
            f"Compared at {at:,.0f} environment steps, which all trainings have reached; the longest has {longest:,}."
        )
    sign, sentence = results[0]
    helps = sign if pairs[0][1].kind == "discrete_random" else 2
    return Verdict(_ANSWERS[helps if sign else 0], _sentence(sentence), sign, [_sentence(each) for each in remarks])


_ANSWERS = {1: "It helps", -1: "It harms", 0: "Not decided", 2: "They differ"}


def _pairs(arms: Sequence[Arm]) -> list[tuple[Arm, Arm]]:
    """Each arm with what it is compared with: the random one of its own run, or any, or else the first arm."""
    randoms = [arm for arm in arms if arm.kind == "discrete_random"]
    others = [arm for arm in arms if arm.kind != "discrete_random"]
    if not randoms or not others:
        return [(arm, arms[0]) for arm in arms[1:]]
    return [(arm, next((each for each in randoms if arm.runs[0] in each.runs), randoms[0])) for arm in others]


def _compare(first: Arm, base: Arm, at: float) -> tuple[int, str]:
    if (first.recipe, first.evaluation) != (base.recipe, base.evaluation):
        return 0, (
            f"{first.name} and {base.name} are of different recipes or held-out tasks: their scores cannot be compared."
        )
    mine, theirs = (series.final_values(arm, of("eval/score"), at) for arm in (first, base))
    if not mine or not theirs:
        return 0, (
            f"Whether {first.name} is better than {base.name} cannot be told: there is no score on held-out tasks, "
            "and the training scores are of the tasks that each curriculum chose."
        )
    means = f"held-out score {_mean(mine):.3f} against {_mean(theirs):.3f} at {at:,.0f} environment steps"
    paired = sorted(mine.keys() & theirs.keys())
    if len(paired) > 1:
        difference, half = interval([mine[seed] - theirs[seed] for seed in paired])
    else:
        difference, half = _mean(mine) - _mean(theirs), None
    if half is None:
        seeds = "one seed" if max(len(mine), len(theirs)) == 1 else "fewer than two seeds in common"
        return 0, (
            f"{first.name} against {base.name}: {means}, a difference of {difference:+.3f} from {seeds}, "
            "too few to tell effect from chance. Train more (compare=true seeds=5)."
        )
    figures = f"{means}; difference {difference:+.3f} ± {half:.3f} (95 % interval, {len(paired)} seeds, paired)"
    if abs(difference) <= half:
        return 0, f"{first.name} and {base.name} cannot be told apart: {figures}."
    what = "beats" if difference > 0 else "is worse than"
    return (1 if difference > 0 else -1), f"{first.name} {what} {base.name}: {figures}."


def _alone(arm: Arm, at: float) -> str:
    for name, figure, _ in FIGURES[:3:2]:
        first = figure(arm, min(float(rows[0]["steps"]) for rows in arm.trainings.values()))
        last = figure(arm, at)
        if first and last:
            mean, half = interval(list(last.values()))
            spread = f" ± {half:.3f} (95 % interval, {len(last)} seeds)" if half is not None else " (one seed)"
            return (
                f"{arm.name}: {name} from {_mean(first):.3f} after the first epoch to {mean:.3f}{spread} at "
                f"{at:,.0f} environment steps. Whether the curriculum helps needs a training without it: compare=true."
            )
    return f"{arm.name}: {at:,.0f} environment steps, and no score was recorded."


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _mean(values: dict[int, float]) -> float:
    return float(np.mean(list(values.values())))


def _doing(arm: Arm) -> str:
    if arm.kind == "discrete_random":
        return ""
    parts = []
    table = series.share_table(arm, "epoch_completions/", 10**9)
    if table is not None and len(table.names) > 1 and np.isfinite(table.values[:, [0, -1]]).all():
        first, last = table.values[:, 0], table.values[:, -1]
        most = int(last.argmax())
        moved = int(np.abs(last - first).argmax())
        parts.append(
            f"most episodes go to {table.names[most]} ({last[most]:.0%} at the end, {first[most]:.0%} at first)"
        )
        if moved != most:
            parts.append(f"{table.names[moved]} went from {first[moved]:.0%} to {last[moved]:.0%}")
    if concentration := _concentration(arm):
        parts.append(concentration)
    evicted = series.final_values(arm, of("curriculum/num_evicted"), np.inf)
    if evicted:
        parts.append(f"{_mean(evicted):,.0f} tasks left the pool")
    return f"{arm.name}: {'; '.join(parts)}." if parts else ""


def _concentration(arm: Arm) -> str:
    by_seed: dict[int, list[float]] = {}
    for task in arm.tasks:
        by_seed.setdefault(task["seed"], []).append(series.number(task["probability"]))
    shares = []
    for values in by_seed.values():
        ordered = np.sort(np.nan_to_num(values))[::-1]
        if len(ordered) >= 10 and ordered.sum() > 0:
            shares.append(float(ordered[: len(ordered) // 10].sum() / ordered.sum()))
    return f"at the end a tenth of the tasks get {np.mean(shares):.0%} of the draws" if shares else ""


def key_figures(arms: Sequence[Arm]) -> tuple[list[str], list[list[str]]]:
    """Headings and a row for each arm, at equal environment steps: mean ± 95 % interval."""
    at = common_steps(arms)
    cells = []
    for _, figure, form in FIGURES:
        column = []
        for arm in arms:
            values = list(figure(arm, at).values())
            mean, half = interval(values) if values else (np.nan, None)
            spread = f" ± {half:{form}}" if half is not None else ""
            column.append(f"{mean:{form}}{spread}" if values else "–")
        cells.append(column)
    kept = [place for place, column in enumerate(cells) if set(column) != {"–"}]
    headings = ["curriculum", "seeds", "environment steps", *(FIGURES[place][0] for place in kept)]
    rows = []
    for number, arm in enumerate(arms):
        seeds = f"{len(arm.trainings)}"
        rows.append([arm.name, seeds, f"{at:,.0f}", *(cells[place][number] for place in kept)])
    return headings, rows
