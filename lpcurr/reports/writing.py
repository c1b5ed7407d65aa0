"""Run folders in, a page and a picture out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lpcurr.errors import ConfigError, NotAFileError
from lpcurr.memory.files import write_atomically
from lpcurr.reports.page import make_page
from lpcurr.reports.panels import panels
from lpcurr.reports.pictures import draw_png
from lpcurr.reports.verdict import Verdict, decide
from lpcurr.runs.reading import read_run, sort_into_arms


def write_report(paths: Sequence[Path], page: Path, picture: Path | None) -> Verdict:
    """Write the report of one run or several.

    Args:
        paths: run folders.
        page: where the HTML goes; what is there is replaced.
        picture: where the PNG goes, or None.

    Returns:
        What it says.

    Raises:
        ConfigError: a path is no run folder, or the report cannot be written.
    """
    runs = [read_run(path) for path in dict.fromkeys(paths)]
    arms = sort_into_arms(runs)
    verdict = decide(arms)
    drawn, missing = panels(arms)
    try:
        if picture is not None:
            draw_png(f"{verdict.answer}. {verdict.sentence}", [panel for panel in drawn if panel.headline], picture)
        text = make_page(runs, arms, drawn, missing, verdict)
        write_atomically(page, text)
    except NotAFileError:
        raise
    except OSError as error:
        raise ConfigError(f"cannot write the report to {str(page)!r}: {error.strerror}") from None
    return verdict
