"""Reading run folders, whatever state they are in, and sorting their trainings into arms."""

import io
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lpcurr.errors import ConfigError
from lpcurr.memory.files import open_regular
from lpcurr.monitor.wording import visible
from lpcurr.runs.metrics import Row, number

RANDOM = "discrete_random"
TITLE = "# lpcurr train "
_NAMES = {"learning_progress": "learning progress", RANDOM: "random"}
_NUMBERS = {"metrics.jsonl": ("seed", "epoch", "steps"), "tasks.jsonl": ("seed",)}
_LARGEST_CONFIG, _LARGEST_LINES = 2**24, 2**30  # bytes
_NOT_OF_THE_ARM = ("seed", "seeds", "run_dir", "compare", "use_lp", "max_seconds", "resume", "arms", "baseline")


@dataclass(frozen=True, eq=False)
class Run:
    """What a run folder holds."""

    path: Path
    recipe: str  # its name, or an empty text
    config: dict[str, Any]  # resolved; empty where it cannot be read
    config_text: str  # config.yaml as it stands
    rows: list[Row]  # lines of metrics that can be used
    tasks: list[Row]  # lines of tasks.jsonl
    problems: list[str]  # a sentence for each thing that had to be left out

    @property
    def name(self) -> str:
        """The folder's name."""
        return visible(_printable(self.path.resolve().name))

    def algorithm(self, arm: str) -> dict[str, Any]:
        """Return the algorithm's settings of a named arm; empty where its arms are told apart by type."""
        arms = self.config.get("arms")
        found = arms.get(arm) if isinstance(arms, dict) else None
        return found if isinstance(found, dict) else {}


@dataclass(eq=False)
class Arm:
    """Trainings that differ in nothing but their seed."""

    label: str  # what metrics call it: the arm's name, or the type of its algorithm
    kind: str  # the type of its algorithm, such as learning_progress
    recipe: str  # the recipe's name
    evaluation: object  # the configuration of the held-out tasks, by which arms are comparable
    runs: list[Run]  # the folders they come from
    trainings: dict[int, list[Row]] = field(default_factory=dict)  # lines of metrics by seed, steps ascending
    tasks: list[Row] = field(default_factory=list)  # what was in the pools at the end
    name: str = ""  # what legends call it

    @property
    def is_random(self) -> bool:
        """Whether all active tasks are drawn equally often."""
        return self.kind == RANDOM


# -- one run --------------------------------------------------------------------------------------------------------


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
    text, config = "", {}
    try:
        text = read_text(path / "config.yaml", errors="replace")
        config = parse_config(text)
    except (ConfigError, OSError) as error:
        problems.append(f"config.yaml {_reason(error)}")
    rows, tasks = (_lines_and_problems(path / file, problems) for file in _NUMBERS)
    if not rows:
        problems.append("no epoch was finished")
    return Run(path, recipe_of(text), config, text, rows, tasks, problems)


def recipe_of(text: str) -> str:
    """Return the recipe's name from the first line of a ``config.yaml``; an empty text where it does not say.

    >>> recipe_of("# lpcurr train frozen_lake\\nseed: 0\\n")
    'frozen_lake'
    """
    first = text.partition("\n")[0]
    return first.removeprefix(TITLE).strip() if first.startswith(TITLE) else ""


def parse_config(text: str) -> dict[str, Any]:
    """Parse the text of a ``config.yaml``.

    Raises:
        ConfigError: it is no YAML, no mapping, has aliases, by which a few lines can stand for billions, or keys or
            numbers that no configuration has.
    """
    import yaml  # type: ignore[import-untyped, unused-ignore]

    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, Loader=yaml.SafeLoader)):
            raise ConfigError("has YAML aliases (*name), which lpcurr train never writes: write the values out")
        config = yaml.safe_load(text)
    except ConfigError:
        raise
    except Exception as error:  # of any class: what a tag such as !!timestamp is made by does not check its text
        reason = str(error).replace("\n", " ") or type(error).__name__
        raise ConfigError(f"is no YAML: {reason}") from None
    if config is not None and not isinstance(config, dict):
        raise ConfigError("is no mapping of keys to values")
    try:
        _text_of(config)
    except (TypeError, ValueError):
        raise ConfigError("has keys that are no texts, or a number of thousands of digits") from None
    return config or {}


def read_text(path: Path, errors: str = "strict") -> str:
    """Read a small file; ``OSError`` where it cannot be, is too large or no regular file."""
    with open_regular(path, _LARGEST_CONFIG) as file:
        return file.read(_LARGEST_CONFIG).decode("utf-8", errors)


def read_lines(path: Path) -> tuple[list[Row], int]:
    """Read the lines of ``metrics.jsonl`` or ``tasks.jsonl``; none where there is no such file yet.

    Also returned is how many lines were left out: cut off, or without what every line has. ``OSError`` where the file
    cannot be read, is too large or no regular file.
    """
    rows: list[Row] = []
    bad = 0
    if not path.exists():
        return rows, bad
    with open_regular(path, _LARGEST_LINES) as file, io.TextIOWrapper(file, "utf-8", errors="replace") as lines:
        for line in filter(str.strip, lines):
            try:
                row = json.loads(line)
                if "\\ud" in line.lower():  # half a character, which no picture can show and no page can hold
                    row = json.loads(_printable(json.dumps(row, ensure_ascii=False)))
            except (ValueError, RecursionError):
                row = None
            if isinstance(row, dict) and isinstance(row.get("curriculum"), str) and _has_numbers(row, path.name):
                rows.append(row)
            else:
                bad += 1
    return rows, bad


def _lines_and_problems(path: Path, problems: list[str]) -> list[Row]:
    try:
        rows, bad = read_lines(path)
    except OSError as error:
        problems.append(f"{path.name} {_reason(error)}")
        return []
    if bad:
        needed = ", ".join(("curriculum", *_NUMBERS[path.name]))
        problems.append(f"{bad} line{'s' * (bad > 1)} of {path.name} left out: cut off, or without {needed}")
    return rows


def _has_numbers(row: Row, file: str) -> bool:
    return not any(math.isnan(number(row.get(name))) for name in _NUMBERS[file])


def _reason(error: ConfigError | OSError) -> str:
    return str(error) if isinstance(error, ConfigError) else f"cannot be read: {error.strerror or error}"


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


# -- several runs ---------------------------------------------------------------------------------------------------


def sort_into_arms(runs: Iterable[Run]) -> list[Arm]:
    """Sort the trainings of all runs by configuration and arm, in the order in which they are given.

    Runs whose configurations differ in nothing but the seed are the seeds of one arm. The same seed of the same
    configuration twice makes two arms: it is no second sample.
    """
    arms: dict[tuple[str, str, int], Arm] = {}
    for run in runs:
        trainings: dict[tuple[str, int], list[Row]] = {}
        for row in run.rows:
            trainings.setdefault((row["curriculum"], int(row["seed"])), []).append(row)
        for (label, seed), rows in trainings.items():
            kind = str(run.algorithm(label).get("type", label))
            key, repeat = _key(run, label, kind), 0
            while (arm := arms.get((label, key, repeat))) and seed in arm.trainings:
                repeat += 1
            if arm is None:
                arm = arms[label, key, repeat] = Arm(label, kind, run.recipe, run.config.get("evaluation"), [])
            if run not in arm.runs:
                arm.runs.append(run)
            arm.trainings[seed] = _ascending(rows)
            arm.tasks += [task for task in run.tasks if (task["curriculum"], task["seed"]) == (label, seed)]
    found = list(arms.values())
    for arm in found:
        arm.name = _name(arm, found)
    return found


def find_baseline(arm: Arm, arms: Sequence[Arm]) -> Arm | None:
    """Find what an arm is compared with: its run's baseline, or else one that draws at random, or else the first arm.

    None for an arm that is itself a baseline.
    """
    own = [each for each in arms if arm.runs[0] in each.runs]
    baselines = [each for each in (*own, *arms) if each.label == each.runs[0].config.get("baseline")]
    if arm in baselines:
        return None
    random = [each for each in (*own, *arms) if each.is_random]
    if random and not all(each.is_random for each in arms):
        if arm.is_random and not baselines:
            return None
        baselines = [each for each in baselines if each in own] + random + baselines
    base = (baselines or arms)[0]
    return None if base is arm else base


def _key(run: Run, label: str, kind: str) -> str:
    """Return a text that is the same for trainings that differ in their seed alone."""
    config = {key: value for key, value in run.config.items() if key not in _NOT_OF_THE_ARM}
    if not config:
        return str(run.path.resolve())
    if isinstance(curriculum := config.get("curriculum"), dict):
        dropped = {"seed", "session_id"} | ({"algorithm_config", "schedule"} if kind == RANDOM else set())
        own = {"algorithm_config": run.algorithm(label)} if run.algorithm(label) else {}
        config["curriculum"] = {k: v for k, v in (curriculum | own).items() if k not in dropped}
    return f"{run.recipe} {_text_of(config)}"


def _text_of(config: object) -> str:
    """Return the same text for equal configurations; ``TypeError`` or ``ValueError`` for what cannot be one."""
    return json.dumps(config, sort_keys=True, default=str)


def _ascending(rows: list[Row]) -> list[Row]:
    """Leave out what a training that went on from an earlier epoch has repeated."""
    kept: list[Row] = []
    for row in rows:
        while kept and kept[-1]["steps"] >= row["steps"]:
            kept.pop()
        kept.append(row)
    return kept


def _name(arm: Arm, arms: Sequence[Arm]) -> str:
    name = visible(_NAMES.get(arm.label, arm.label))
    if sum(other.label == arm.label for other in arms) == 1:
        return name
    same = any(run.name == arm.runs[0].name and run.path != arm.runs[0].path for other in arms for run in other.runs)
    first = visible(_printable(str(arm.runs[0].path))) if same else arm.runs[0].name
    more = f" and {len(arm.runs) - 1} more" if len(arm.runs) > 1 else ""
    return f"{name} ({first}{more})"
