"""``lpcurr report``: a page and a picture of one run or several."""

import argparse
from pathlib import Path

from lpcurr.cli.extras import needs_extra
from lpcurr.memory.files import check_target
from lpcurr.monitor.wording import visible

SUMMARY = "make one self-contained HTML page, and a picture, of one run or several side by side"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("runs", nargs="+", metavar="RUN", type=Path, help="a run folder of `lpcurr train`")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE.html",
        help="where the page goes (default: report.html in the run folder, or here for several runs); the picture "
        "goes beside it as .png",
    )
    parser.epilog = (
        "Runs whose configurations differ in nothing but the seed are taken together: mean and 95 % interval. A run\n"
        "that is still going on, or was killed, is reported as far as it got."
    )
    parser.usage = "%(prog)s [-h] RUN… [--out FILE.html]"


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    with needs_extra("train"):
        from lpcurr.reports.page import write_report
    runs: list[Path] = arguments.runs
    page: Path = arguments.out or (runs[0] if len(runs) == 1 else Path()) / "report.html"
    if page.suffix not in (".html", ".htm"):
        check_target(page)
        page = page.with_name(f"{page.name}.html")
    picture = page.with_suffix(".png")
    verdict = write_report(runs, page, picture)
    print(f"{verdict.answer}. {verdict.sentence}")
    print(visible(f"{page} and {picture.name}"))
    return 0
