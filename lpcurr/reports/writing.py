"""Run folders in, a page and a picture out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from lpcurr.errors import ConfigError
from lpcurr.reports.page import make_page
from lpcurr.reports.panels import panels
from lpcurr.reports.pictures import draw_png
from lpcurr.reports.runs import read_run, sort_into_arms
from lpcurr.reports.verdict import Verdict, decide


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
        unfinished = page.with_name(f".{page.name}.{os.getpid()}")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(page)
    except OSError as error:
        raise ConfigError(f"cannot write the report to {str(page)!r}: {error.strerror}") from None
    return verdict
