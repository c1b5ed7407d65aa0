"""What a run leaves behind.

``config.yaml``    the resolved configuration
``metrics.jsonl``  one flat JSON object for each epoch; :data:`lpcurr.runs.metrics.METRICS` says what is in it
``tasks.jsonl``    one for each task that was active at the end of a training; :data:`lpcurr.runs.metrics.TASK_FIELDS`
``result.json``    each training at its end; each arm, and its difference from the baseline, at equal steps
``report.html``    the pictures and the answer, in one page; ``lpcurr report`` makes it anew
``report.png``     the main pictures
``tensorboard/``, ``wandb/``  the same figures again, where the configuration's ``log`` asks for them
``checkpoints/``   the last few of each training; :mod:`lpcurr.recipes.checkpoints`
"""

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lpcurr.errors import ConfigError
from lpcurr.memory.files import write_atomically
from lpcurr.runs.metrics import Row
from lpcurr.runs.reading import read_lines


class RunFolder:
    """The folder of one run, by default a new one, ``runs/<name>-<time>``; with ``reopen`` that of one which goes on.

    Raises:
        ConfigError: there is something at ``path`` already, or it cannot be made.
    """

    def __init__(self, path: Path | None, name: str, *, reopen: bool = False) -> None:
        self.path = path if reopen and path is not None else _new_folder(path, name)

    def write_config(self, recipe: str, config: Mapping[str, Any]) -> None:
        """Write the resolved configuration, with the recipe's name in the first line."""
        import yaml  # type: ignore[import-untyped, unused-ignore]

        text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
        write_atomically(self.path / "config.yaml", f"# lpcurr train {recipe}\n{text}")

    def append(self, file: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add lines to ``metrics.jsonl`` or ``tasks.jsonl``; ``OSError`` where they cannot be written."""
        path = self.path / file
        try:
            with path.open("a", encoding="utf-8") as stream:
                stream.writelines(json.dumps(row) + "\n" for row in rows)
        except OSError as error:  # a full disk does not name the file
            raise OSError(error.errno, error.strerror, str(path)) from None

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write the result."""
        write_atomically(self.path / "result.json", json.dumps(result, indent=2) + "\n")

    def read(self, file: str) -> list[Row]:
        """Read the lines of ``metrics.jsonl`` or ``tasks.jsonl``, as :func:`lpcurr.runs.reading.read_lines`."""
        return read_lines(self.path / file)[0]  # the rest of a killed run's last line is left out

    def cut(self, arm: str, seed: int, epoch: int) -> list[Row]:
        """Forget what is written of a training after an epoch; return the lines of its metrics that are left."""
        of_it = {"curriculum": arm, "seed": seed}.items()
        kept = [row for row in self.read("metrics.jsonl") if not (of_it <= row.items() and row["epoch"] > epoch)]
        tasks = [row for row in self.read("tasks.jsonl") if not of_it <= row.items()]
        for file, rows in (("metrics.jsonl", kept), ("tasks.jsonl", tasks)):
            write_atomically(self.path / file, "".join(json.dumps(row) + "\n" for row in rows))
        return [row for row in kept if of_it <= row.items()]


def _new_folder(path: Path | None, name: str) -> Path:
    stem = f"{name.rpartition(':')[2]}-{time.strftime('%Y%m%d-%H%M%S')}"
    for number in range(1, 1000):
        candidate = path or Path("runs") / (stem if number == 1 else f"{stem}-{number}")
        try:
            candidate.mkdir(parents=True)
        except FileExistsError:
            if path is not None:
                raise ConfigError(f"run_dir={str(path)!r}: it exists already; runs are never overwritten") from None
        except OSError as error:
            raise ConfigError(f"run_dir={str(candidate)!r}: {error.strerror}; name another folder") from None
        else:
            return candidate
    raise ConfigError(f"there are 999 runs named {stem!r}: give run_dir=…")
