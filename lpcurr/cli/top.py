"""``lpcurr top``: a live view of a running session."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING

from lpcurr.cli.extras import needs_extra
from lpcurr.errors import LpcurrError

if TYPE_CHECKING:
    from lpcurr.monitor.watching import Watch

SUMMARY = "watch a running session: rates, progress, hottest and coldest tasks, labels, processes"

_FIRST_RATES = 0.25  # seconds that one frame takes to see how fast things move


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "session", nargs="?", metavar="SESSION", help="a session's id or its first letters; needed only among several"
    )
    parser.add_argument("--once", action="store_true", help="print one frame and end")
    parser.add_argument("--json", action="store_true", help="print numbers, one line of JSON for each look")
    parser.add_argument("--interval", type=_seconds, default=1.0, metavar="S", help="seconds between looks (default 1)")
    parser.add_argument(
        "--tasks", type=int, default=10, metavar="N", help="with --json: hottest and coldest tasks (10)"
    )
    parser.epilog = (
        "It looks from outside: the training does not notice it, and it may be killed at any moment.\n"
        "Keys: ? shows them. `lpcurr sessions` lists the sessions."
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from lpcurr.monitor.reading import SessionReader, find_session
    from lpcurr.monitor.watching import Watch

    watch = Watch(SessionReader(find_session(arguments.session)))
    if arguments.json:
        return _print_json(watch, arguments)
    with needs_extra("top"):
        from lpcurr.monitor.drawing import View, draw

        view = View(interval=arguments.interval)
        if arguments.once:
            from rich.console import Console

            time.sleep(_FIRST_RATES)
            watch.look()
            console = Console()
            height = console.height if console.is_terminal else 48
            for line in draw(watch, view, console.width, height - 1):
                console.print(line, soft_wrap=True)
            return 0
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise LpcurrError("this is no terminal to draw on: --once prints one frame, --json numbers")
        from lpcurr.monitor.app import TopApp
    TopApp(watch, view).run()
    if watch.ending:
        print(f"session {watch.reader.session_id}: {watch.ending}")
    return 0


def _print_json(watch: Watch, arguments: argparse.Namespace) -> int:
    pause = _FIRST_RATES if arguments.once else arguments.interval
    while True:
        time.sleep(pause)
        watch.look()
        print(json.dumps(watch.figures(arguments.tasks)))
        sys.stdout.flush()
        if arguments.once or watch.ending:
            return 0


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.05 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is outside 0.05 … 3600 seconds")
    return seconds
