"""``lpcurr help``: the guides."""

import argparse
import pydoc
import sys
from pathlib import Path

SUMMARY = "print a guide; without a topic, the list of them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("topic", nargs="?", metavar="TOPIC", help="one that `lpcurr help` lists, or a word to look for")
    parser.add_argument("--html", metavar="DIR", type=Path, help="write all guides and the reference as a site instead")


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from lpcurr.guides import TOPICS, guide

    if arguments.html is not None:
        from lpcurr.cli import site

        print(site.write(arguments.html))
        return 0
    if arguments.topic is None:
        print("lpcurr help TOPIC\n")
        width = max(map(len, TOPICS))
        for topic, line in TOPICS.items():
            print(f"  {topic:{width}}  {line}")
        return 0
    text = guide(arguments.topic)
    if sys.stdout.isatty():
        pydoc.pager(text)
    else:
        print(text)
    return 0
