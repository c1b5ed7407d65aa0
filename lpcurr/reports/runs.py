"""Reading run folders, whatever state they are in, and sorting their trainings into arms."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lpcurr.errors import ConfigError
from lpcurr.runs.folder import Row

KINDS = {"learning_progress": "learning progress", "discrete_random": "random"}
_NEEDED = ("curriculum", "seed", "epoch", "steps")
_NOT_OF_THE_ARM = ("seed", "seeds", "run_dir", "compare", "use_lp", "max_seconds", "resume")


@dataclass(frozen=True)
class Run:
    """What a run folder holds.

    Attributes:
        path: the folder.
        recipe: its name, or an empty text.
        config: the resolved configuration; empty where it cannot be read.
        config_text: ``config.yaml`` as it stands.
        rows: lines of metrics that can be used.
        tasks: lines of ``tasks.jsonl``.
        problems: a sentence for each thing that had to be left out.
    """

    path: Path
    recipe: str
    config: dict[str, Any]
    config_text: str
    rows: list[Row]
    tasks: list[Row]
    problems: list[str]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name


@dataclass
class Arm:
    """Trainings that differ in nothing but their seed.

    Attributes:
        kind: ``learning_progress`` or ``discrete_random``.
        recipe: the recipe's name.
        evaluation: the configuration of the held-out tasks, by which arms are comparable.
        runs: the folders they come from.
        trainings: lines of metrics by seed, steps ascending.
        tasks: what was in the pools at the end.
        name: what legends call it.
    """

    kind: str
    recipe: str
    evaluation: object
    runs: list[Run]
    trainings: dict[int, list[Row]] = field(default_factory=dict)
    tasks: list[Row] = field(default_factory=list)
    name: str = ""


def read_run(path: Path) -> Run:
    """Read a run folder.

    A line that was cut off when the run was killed is left out, and so are lines that are no metrics; ``problems``
    says so.

    Raises:
        ConfigError: there is no such folder, or it is no run folder.
    """
    if not path.is_dir():
        raise ConfigError(f"{str(path)!r} is no folder: give run folders, such as lpcurr train writes to runs/")
    if not any((path / file).is_file() for file in ("config.yaml", "metrics.jsonl")):
        inside = sorted(each.name for each in path.iterdir() if (each / "metrics.jsonl").is_file())
        hint = f"; there are runs inside it: {', '.join(inside[:5])}" if inside else ""
        raise ConfigError(f"{str(path)!r} is no run folder: it has neither config.yaml nor metrics.jsonl{hint}")
    problems: list[str] = []
    text = _read_text(path / "config.yaml", problems)
    first = text.partition("\n")[0]
    rows = _read_lines(path / "metrics.jsonl", _NEEDED, problems)
    tasks = _read_lines(path / "tasks.jsonl", (*_NEEDED[:2], "probability", "success_rate"), problems)
    if not rows:
        problems.append("no epoch was finished")
    recipe = first.removeprefix("# lpcurr train ").strip() if first.startswith("# lpcurr train ") else ""
    return Run(path, recipe, _parse(text, problems), text, rows, tasks, problems)


def _read_text(path: Path, problems: list[str]) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError as error:
        problems.append(f"{path.name} cannot be read: {error.strerror}")
        return ""


def _parse(text: str, problems: list[str]) -> dict[str, Any]:
    import yaml  # type: ignore[import-untyped, unused-ignore]

    try:
        config = yaml.safe_load(text) if text else {}
    except yaml.YAMLError:
        problems.append("config.yaml is no YAML")
        return {}
    return config if isinstance(config, dict) else {}


def _read_lines(path: Path, needed: Sequence[str], problems: list[str]) -> list[Row]:
    if not path.is_file():
        return []
    rows, bad = [], 0
    for line in _read_text(path, problems).splitlines():
        try:
            row = json.loads(line) if line.strip() else None
        except json.JSONDecodeError:
            row = {}
        if isinstance(row, dict) and all(isinstance(row.get(key), int | float | str) for key in needed):
            rows.append(row)
        elif row is not None:
            bad += 1
    if bad:
        problems.append(f"{bad} line{'s' * (bad > 1)} of {path.name} left out: cut off, or without {', '.join(needed)}")
    return rows


def sort_into_arms(runs: Iterable[Run]) -> list[Arm]:
    """The trainings of all runs by configuration and curriculum, in the order in which they are given.

    Runs whose configurations differ in nothing but the seed are the seeds of one arm. The same seed of the same
    configuration twice makes two arms: it is no second sample.
    """
    runs = list(runs)
    arms: dict[tuple[str, str, int], Arm] = {}
    for run in runs:
        by_training: dict[tuple[str, int], list[Row]] = {}
        for row in run.rows:
            by_training.setdefault((str(row["curriculum"]), int(row["seed"])), []).append(row)
        for (kind, seed), rows in by_training.items():
            key = _key(run, kind)
            repeat = 0
            while (arm := arms.get((kind, key, repeat))) and seed in arm.trainings:
                repeat += 1
            if arm is None:
                arm = arms[kind, key, repeat] = Arm(kind, run.recipe, run.config.get("evaluation"), [])
            if run not in arm.runs:
                arm.runs.append(run)
            arm.trainings[seed] = _ascending(rows)
            arm.tasks += [task for task in run.tasks if (task["curriculum"], task["seed"]) == (kind, seed)]
    found = list(arms.values())
    for arm in found:
        arm.name = _name(arm, found)
    return found


def _key(run: Run, kind: str) -> str:
    config = {key: value for key, value in run.config.items() if key not in _NOT_OF_THE_ARM}
    if not config:
        return str(run.path.resolve())
    if isinstance(config.get("curriculum"), dict):
        dropped = {"seed", "session_id"} | ({"algorithm_config"} if kind == "discrete_random" else set())
        config["curriculum"] = {k: v for k, v in config["curriculum"].items() if k not in dropped}
    return f"{run.recipe} {json.dumps(config, sort_keys=True, default=str)}"


def _ascending(rows: list[Row]) -> list[Row]:
    """Where a training was resumed from an earlier epoch, what came after it counts."""
    kept: list[Row] = []
    for row in rows:
        while kept and kept[-1]["steps"] >= row["steps"]:
            kept.pop()
        kept.append(row)
    return kept


def _name(arm: Arm, arms: Sequence[Arm]) -> str:
    kind = KINDS.get(arm.kind, arm.kind)
    if sum(other.kind == arm.kind for other in arms) == 1:
        return kind
    same = any(run.name == arm.runs[0].name and run.path != arm.runs[0].path for other in arms for run in other.runs)
    first = str(arm.runs[0].path) if same else arm.runs[0].name
    more = f" and {len(arm.runs) - 1} more" if len(arm.runs) > 1 else ""
    return f"{kind} ({first}{more})"
