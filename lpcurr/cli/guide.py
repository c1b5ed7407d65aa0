"""``lpcurr help``: the guides."""

from __future__ import annotations

import argparse
import pydoc
import sys

SUMMARY = "print a guide; without a topic, the list of them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("topic", nargs="?", metavar="TOPIC", help="one of those that `lpcurr help` lists")


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from lpcurr.guides import TOPICS, guide

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
