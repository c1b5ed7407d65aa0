"""Checkpoints of a training: what a run needs to go on after it was cut.

``checkpoints/<arm>-seed<seed>/epoch-000012/`` in the run folder holds

===================  ================================================================================================
``curriculum.lpc``   the pool, as ``Curriculum.save`` writes it
``learner/``         whatever the recipe's learner needs
``training.json``    which training and epoch this is, and the SHA-256 of every other file
===================  ================================================================================================

A checkpoint gets its name when all of it is on the disk, so one that has a name is complete; what a killed process
leaves behind has a name with a dot in front, and the next checkpoint removes it.
"""

import contextlib
import hashlib
import json
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.errors import CheckpointError
from lpcurr.memory.files import open_regular, sync
from lpcurr.recipes.config import SaveLearner
from lpcurr.runs.reading import read_text

FORMAT = 1
_NAME = re.compile(r"epoch-(\d{6,})")
_DESCRIPTION = "training.json"
_COUNTS = ("seed", "epoch", "steps", "switches")


@dataclass(frozen=True)
class TrainingCheckpoint:
    """A complete checkpoint, in a folder."""

    path: Path
    curriculum: str  # the arm's name
    seed: int
    epoch: int  # the last one that is in it
    steps: int  # environment steps up to there
    switches: int = 0  # entries of the schedule that were in force at its end

    @property
    def pool(self) -> Path:
        """The pool's file."""
        return self.path / "curriculum.lpc"

    @property
    def learner(self) -> Path:
        """The learner's folder."""
        return self.path / "learner"


def training_folder(run: Path, arm: str, seed: int) -> Path:
    """Where a run keeps the checkpoints of one of its trainings."""
    return run / "checkpoints" / f"{arm}-seed{seed}"


def write_checkpoint(
    folder: Path, curriculum: Curriculum, save_learner: SaveLearner, training: TrainingCheckpoint, keep: int
) -> Path:
    """Write a checkpoint, complete or not at all; return its folder, and remove all but the newest ``keep``.

    ``training`` is what to write down about it, but for its ``path``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(".*epoch-*"):  # the folder may be a link to where other things are
        shutil.rmtree(leftover, ignore_errors=True)
    target = folder / f"epoch-{training.epoch:06}"
    unfinished = folder / f".{target.name}"
    (unfinished / "learner").mkdir(parents=True)
    curriculum.save(unfinished / "curriculum.lpc")
    save_learner(unfinished / "learner")
    description = asdict(training) | {"format": FORMAT, "files": _digests(unfinished)}
    del description["path"]
    (unfinished / _DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
    for path in unfinished.rglob("*"):
        sync(path)
    sync(unfinished)
    _remove(target)  # of a run that went on from an earlier one
    unfinished.rename(target)
    sync(folder)
    for old in _named(folder)[:-keep]:
        _remove(old)
    return target


def newest_checkpoint(folder: Path) -> TrainingCheckpoint | None:
    """The newest checkpoint of a training, verified as by :func:`read_checkpoint`; None where there is none."""
    named = _named(folder)
    return read_checkpoint(named[-1]) if named else None


def read_checkpoint(path: Path) -> TrainingCheckpoint:
    """Verify a checkpoint; ``CheckpointError`` where it is none, of another version, or not as it was written."""
    try:
        described = json.loads(read_text(path / _DESCRIPTION))
        version, files = described.pop("format"), described.pop("files")
        found = TrainingCheckpoint(path, **described)
        if not (isinstance(files, dict) and all(type(getattr(found, name)) is int for name in _COUNTS)):
            raise TypeError
    except OSError as error:
        raise CheckpointError(f"{str(path)!r} is no checkpoint of a training: {error.strerror or error}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise CheckpointError(f"{str(path / _DESCRIPTION)!r} is damaged: it is not as lpcurr train wrote it") from None
    if version != FORMAT:
        raise CheckpointError(f"{str(path)!r} has format {version}, this lpcurr reads {FORMAT}")
    now = _digests(path)
    now.pop(_DESCRIPTION, None)
    wrong = sorted(name for name in now.keys() | files.keys() if now.get(name) != files.get(name))
    if wrong:
        raise CheckpointError(
            f"{str(path)!r} is damaged: {', '.join(wrong)} was altered, cut off or removed since it was written; "
            "resume from an older checkpoint beside it"
        )
    return found


def _named(folder: Path) -> list[Path]:
    """The complete checkpoints, oldest first."""
    entries = folder.iterdir() if folder.is_dir() else ()
    numbered = [(int(match[1]), path) for path in entries if (match := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted(numbered)]


def _remove(path: Path) -> None:
    """Take the name away first, so that half a checkpoint never has one."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path.rename(path.with_name(f".old-{path.name}")), ignore_errors=True)


def _digests(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(filter(Path.is_file, folder.rglob("*"))):
        with open_regular(path) as file:
            found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    return found
