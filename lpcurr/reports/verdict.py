"""What a report says in words: whether the curriculum helps, what it is doing, and the figures of every arm."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lpcurr.reports import series
from lpcurr.reports.series import interval, of
from lpcurr.runs.metrics import number
from lpcurr.runs.reading import Arm, find_baseline

BySeed = dict[int, float]
Figures = Callable[[Arm, float], BySeed]
SCORE, TAIL = "eval/score", "eval/worst_tenth"


def _last(key: str) -> Figures:
    return lambda arm, at: series.final_values(arm, of(key), at)


FIGURES: dict[str, tuple[str, Figures, str]] = {
    SCORE: ("held-out score", _last(SCORE), ".3f"),
    TAIL: ("worst tenth of them", _last(TAIL), ".3f"),
    "eval/mastered_share": ("held-out tasks mastered", _last("eval/mastered_share"), ".3f"),
    "score": ("training score", _last("score"), ".3f"),
    "pool/mastered_share": ("mastered in the pool", _last("pool/mastered_share"), ".3f"),
    "steps_per_second": ("steps per second", series.speeds, ",.0f"),
    "curriculum/num_evicted": ("tasks evicted", _last("curriculum/num_evicted"), ",.0f"),
}
"""By key of the metrics: heading, values by seed at a number of steps, and how they are written."""

_ENOUGH = 0.9  # of the longest training's steps, below which a comparison is said to be of an early moment
_ANSWERS = {1: "It helps", -1: "It harms", 0: "Not decided", 2: "They differ"}


@dataclass(frozen=True)
class Verdict:
    """Whether the arms are better than their baselines."""

    answer: str  # in a word or two
    sentence: str  # of each arm, with figures and their uncertainty
    sign: int  # 1 an arm is better, -1 all are worse, 0 cannot be told
    remarks: list[str]  # what they are doing, and what to mind


def common_steps(arms: Sequence[Arm]) -> float:
    """Return the most environment steps that every training has reached."""
    return min((float(rows[-1]["steps"]) for arm in arms for rows in arm.trainings.values()), default=0.0)


def pairs(arms: Sequence[Arm]) -> list[tuple[Arm, Arm]]:
    """Return each arm that is no baseline, with its baseline."""
    return [(arm, base) for arm in arms if (base := find_baseline(arm, arms)) is not None]


def decide(arms: Sequence[Arm]) -> Verdict:
    """Compare every arm with its baseline on the held-out tasks."""
    if not arms:
        return Verdict("Nothing yet", "No epoch was finished: there is nothing to judge.", 0, [])
    at, longest = common_steps(arms), max(rows[-1]["steps"] for arm in arms for rows in arm.trainings.values())
    remarks = [_capital(text, arm) for arm in arms for text in (_switched(arm), _doing(arm)) if text]
    compared = pairs(arms)
    if not compared:
        return Verdict("No comparison", " ".join(_capital(_alone(arm, at), arm) for arm in arms), 0, remarks)
    if at < _ENOUGH * longest:
        remarks.append(
            f"Compared at {at:,.0f} environment steps, which all trainings have reached; the longest has {longest:,}."
        )
    signs, sentences = zip(*(_compare(arm, base, at) for arm, base in compared), strict=True)
    sign = next((each for each in (1, 0, -1) if each in signs), 0)
    base = compared[0][1]
    answer = _ANSWERS[2 if sign and not base.is_random else sign]
    if len(compared) > 1:
        than = base.name if all(each is base for _, each in compared) else "their baselines"
        answer = f"{signs.count(1)} of {len(signs)} better than {than}"
    text = " ".join(_capital(sentence, arm) for sentence, (arm, _) in zip(sentences, compared, strict=True))
    return Verdict(answer, text, sign, remarks)


def _paired(mine: BySeed, theirs: BySeed) -> tuple[float, float | None, int]:
    """Return the difference of means, the half width of its interval, and the number of seeds that both have."""
    seeds = sorted(mine.keys() & theirs.keys())
    if seeds:
        return *interval([mine[seed] - theirs[seed] for seed in seeds]), len(seeds)
    return _mean(mine) - _mean(theirs), None, len(seeds)


def _compare(arm: Arm, base: Arm, at: float) -> tuple[int, str]:
    if (arm.recipe, arm.evaluation) != (base.recipe, base.evaluation):
        return 0, (
            f"{arm.name} and {base.name} are of different recipes or held-out tasks: their scores cannot be compared."
        )
    mine, theirs = (FIGURES[SCORE][1](each, at) for each in (arm, base))
    if not mine or not theirs:
        return 0, (
            f"Whether {arm.name} is better than {base.name} cannot be told: there is no score on held-out tasks, "
            "and the training scores are of the tasks that each curriculum chose."
        )
    means = f"held-out score {_mean(mine):.3f} against {_mean(theirs):.3f} at {at:,.0f} environment steps"
    difference, half, count = _paired(mine, theirs)
    if half is None:
        seeds = "one seed" if max(len(mine), len(theirs)) == 1 else "fewer than two seeds in common"
        return 0, (
            f"{arm.name} against {base.name}: {means}, a difference of {difference:+.3f} from {seeds}, "
            f"too few to tell effect from chance{_tail(arm, base, at)}. Train more (seeds=5)."
        )
    figures = f"{means}; difference {difference:+.3f} ± {half:.3f} (95 % interval, {count} seeds, paired)"
    figures += _tail(arm, base, at)
    if abs(difference) <= half:
        return 0, f"{arm.name} and {base.name} cannot be told apart: {figures}."
    what = "beats" if difference > 0 else "is worse than"
    return (1 if difference > 0 else -1), f"{arm.name} {what} {base.name}: {figures}."


def _tail(arm: Arm, base: Arm, at: float) -> str:
    """Say how both do where they do worst, which the mean hides."""
    mine, theirs = (FIGURES[TAIL][1](each, at) for each in (arm, base))
    if not mine or not theirs:
        return ""
    difference, half, _ = _paired(mine, theirs)
    spread = f" ± {half:.3f}" if half is not None else ""
    means = f"{_mean(mine):.3f} against {_mean(theirs):.3f}"
    return f"; on the worst tenth of the tasks {means}, difference {difference:+.3f}{spread}"


def _alone(arm: Arm, at: float) -> str:
    for key in (SCORE, "score"):
        name, figure, _ = FIGURES[key]
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


def _capital(text: str, arm: Arm | None = None) -> str:
    """Begin a sentence with a capital letter, unless it begins with a name that somebody gave to an arm."""
    return text if arm is not None and text.startswith(arm.label) else text[:1].upper() + text[1:]


def _mean(values: BySeed) -> float:
    return float(np.mean(list(values.values())))


def _switched(arm: Arm) -> str:
    changes = [f"to {kind.replace('_', ' ')} after {steps:,.0f} steps" for steps, kind in series.switches(arm)]
    return f"{arm.name}: its schedule changed the algorithm {', '.join(changes)}." if changes else ""


def _doing(arm: Arm) -> str:
    if arm.is_random:
        return ""
    parts = []
    table = series.share_table(arm, "epoch_completions/", 10**9)
    if table is not None and len(table.names) > 1 and np.isfinite(table.values[:, [0, -1]]).all():
        first, last = table.values[:, 0], table.values[:, -1]
        most, moved = int(last.argmax()), int(np.abs(last - first).argmax())
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
        by_seed.setdefault(task["seed"], []).append(number(task.get("probability")))
    shares = []
    for values in by_seed.values():
        ordered = np.sort(np.nan_to_num(values))[::-1]
        if len(ordered) >= 10 and ordered.sum() > 0:
            shares.append(float(ordered[: len(ordered) // 10].sum() / ordered.sum()))
    return f"at the end a tenth of the tasks get {np.mean(shares):.0%} of the draws" if shares else ""


# -- tables ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """An arm's figures at equal environment steps, or its differences from its baseline, paired by seed."""

    arm: Arm
    base: Arm | None  # its baseline; None where the figures are its own
    seeds: int
    figures: dict[str, tuple[float, float | None]]  # by key of FIGURES, mean and half width of the 95 % interval


def compared_rows(arms: Sequence[Arm]) -> list[Row]:
    """Return the arms' figures at the steps that all have reached, then the differences."""
    at = common_steps(arms)
    values = {arm: {key: found for key, (_, of, _) in FIGURES.items() if (found := of(arm, at))} for arm in arms}
    rows = [
        Row(arm, None, len(arm.trainings), {key: interval(list(found.values())) for key, found in values[arm].items()})
        for arm in arms
    ]
    for arm, base in pairs(arms):
        both = [key for key in values[arm] if key in values[base]]
        figures = {key: _paired(values[arm][key], values[base][key])[:2] for key in both}
        rows.append(Row(arm, base, len(arm.trainings.keys() & base.trainings.keys()), figures))
    return rows


def key_figures(arms: Sequence[Arm]) -> tuple[list[str], list[list[str]]]:
    """Return headings and the rows of :func:`compared_rows` as text: mean ± 95 % interval."""
    rows = compared_rows(arms)
    keys = [key for key in FIGURES if any(key in row.figures for row in rows)]
    table = []
    for row in rows:
        name = row.arm.name if row.base is None else f"{row.arm.name} − {row.base.name}"
        sign = "" if row.base is None else "+"
        cells = [_written(*row.figures[key], FIGURES[key][2], sign) if key in row.figures else "–" for key in keys]
        table.append([name, f"{row.seeds}", f"{common_steps(arms):,.0f}", *cells])
    return ["curriculum", "seeds", "environment steps", *(FIGURES[key][0] for key in keys)], table


def _written(mean: float, half: float | None, form: str, sign: str) -> str:
    return f"{mean:{sign}{form}}" + (f" ± {half:{form}}" if half is not None else "")


def results(arms: Sequence[Arm]) -> dict[str, Any]:
    """Return the result of one run as plain data, for ``result.json``.

    ``trainings`` has each training at the steps that all have reached, ``curricula`` each arm's mean and 95 % interval,
    ``differences`` those from the arm's baseline, paired by seed, and ``difference`` the only one where there is one.
    """
    at, keys = common_steps(arms), (SCORE, TAIL, "eval/mastered_share", "score")
    trainings = []
    for arm in arms:
        for seed, rows in arm.trainings.items():
            last = next((row for row in reversed(rows) if row["steps"] <= at), rows[0])
            known = ("steps", "episodes", "seconds", *keys)
            trainings.append({"curriculum": arm.label, "seed": seed} | {key: last[key] for key in known if key in last})
    found: dict[str, Any] = {"trainings": trainings, "curricula": {}, "differences": {}}
    for row in compared_rows(arms):
        entry: dict[str, Any] = {"seeds": row.seeds} | ({"baseline": row.base.label} if row.base is not None else {})
        for key in keys:
            if key in row.figures:
                entry[key] = dict(zip(("mean", "interval95"), row.figures[key], strict=True))
        found["curricula" if row.base is None else "differences"][row.arm.label] = entry
    only = list(found["differences"].values())
    return found | ({"difference": only[0]} if len(only) == 1 else {})
