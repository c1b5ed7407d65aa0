"""``lpcurr replay``: build a recorded pool again, at any point, and show what is in it."""

import argparse
import os
import tempfile
from pathlib import Path

from lpcurr.cli import inspect
from lpcurr.errors import ConfigError

SUMMARY = "build a recorded pool again (curriculum.record), at any point, and show its tasks as `inspect` does"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("recording", metavar="PATH", help="what curriculum.record(PATH) wrote")
    parser.add_argument("--at", type=int, metavar="N", help="after so many entries (default: after all)")
    parser.add_argument("--save", metavar="FILE", help="keep the pool as a checkpoint")
    inspect.add_view_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from lpcurr.curriculum.curriculum import Curriculum
    from lpcurr.curriculum.recording import replay

    if arguments.save is not None and os.path.realpath(arguments.save) == os.path.realpath(arguments.recording):
        raise ConfigError(f"--save {arguments.save!r} would replace the recording: give the name of another file")
    curriculum, entries = replay(Curriculum, arguments.recording, arguments.at)
    with curriculum, tempfile.TemporaryDirectory() as folder:
        arguments.source = str(Path(folder, f"after {entries} entries")) if arguments.save is None else arguments.save
        curriculum.save(arguments.source)
        return inspect.run(arguments)
