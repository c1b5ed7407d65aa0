"""``lpcurr help TOPIC``: the guides, in the terminal."""

from __future__ import annotations

import argparse
import difflib
import sys

from lpcurr.errors import LpcurrError
from lpcurr.guides import TOPICS, guide

SUMMARY = "read a guide: " + ", ".join(TOPICS)

_WIDTH = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("topic", nargs="?", metavar="TOPIC", help="what to read; without one, the topics are listed")
    width = max(map(len, TOPICS))
    parser.epilog = "topics:\n" + "\n".join(f"  {name:{width}}  {line}" for name, line in TOPICS.items())


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    topic = arguments.topic
    if topic is None:
        width = max(map(len, TOPICS))
        print("\n".join(f"  {name:{width}}  {line}" for name, line in TOPICS.items()))
        print("\n`lpcurr help TOPIC` shows one; `lpcurr COMMAND --help` is about a command.")
        return 0
    if topic not in TOPICS:
        close = difflib.get_close_matches(topic, TOPICS, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise LpcurrError(f"there is no guide {topic!r}; {hint}the topics are {', '.join(TOPICS)}")
    _show(f"# {topic}: {TOPICS[topic]}\n\n{guide(topic)}")
    return 0


def _show(text: str) -> None:
    """With colours and, on a terminal, page by page; as it is where rich is not installed or nobody is looking."""
    if not sys.stdout.isatty():
        print(text)
        return
    try:
        from rich.console import Console
        from rich.markdown import Markdown
    except ImportError:
        import pydoc

        pydoc.pager(text)
        return
    console = Console(width=min(Console().width, _WIDTH))
    with console.pager(styles=True):
        console.print(Markdown(as_markdown(text), code_theme="ansi_dark", inline_code_theme="ansi_dark"))


def as_markdown(text: str) -> str:
    """A docstring as Markdown: examples and tables become code, double backticks single ones.

    >>> as_markdown("Try ``it``:")
    'Try `it`:'
    """
    blocks = []
    for block in text.replace("``", "`").split("\n\n"):
        if block.lstrip().startswith(">>>"):
            blocks.append(f"```python\n{block}\n```")
        elif block.startswith("==="):  # a table of reStructuredText
            blocks.append(f"```\n{block}\n```")
        else:
            blocks.append(block)
    return "\n\n".join(blocks)
