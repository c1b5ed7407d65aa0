"""``lpcurr sessions``: which pools are in shared memory, and removing those that nobody uses any more."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lpcurr.monitor.wording import duration, print_table, size_of

if TYPE_CHECKING:
    from lpcurr.memory.sessions import Session

SUMMARY = "list the pools in shared memory, or remove those whose processes are all dead"

_HEADINGS = ("session", "state", "creator", "age", "tasks", "algorithm", "processes", "size")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--reap", action="store_true", help="remove the dead sessions")
    parser.epilog = (
        "A session is dead when its creator and all processes that attached to it are: they were killed, and nothing\n"
        "was left to remove it. Live sessions are never touched."
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from lpcurr.memory import sessions

    if arguments.reap:
        removed = sessions.reap()
        for session in removed:
            print(f"removed {session.session_id} ({size_of(session.size)})")
        print(f"{len(removed)} dead sessions removed" if removed else "no dead sessions")
        return 0
    found = sessions.list_sessions()
    if not found:
        print("no sessions")
        return 0
    print_table([_HEADINGS, *(_row(session) for session in found)])
    if not all(session.alive for session in found):
        print("\n`lpcurr sessions --reap` removes the dead ones.")
    return 0


def _row(session: Session) -> Sequence[str]:
    creator = f"{session.creator_pid}{'' if session.creator_alive else ' (dead)'}" if session.creator_pid else "?"
    dead = sum(not process.alive for process in session.processes)
    attached = f"{len(session.processes) - dead}" + (f" + {dead} dead" if dead else "")
    return (
        session.session_id,
        "live" if session.alive else "dead",
        creator,
        "?" if session.age is None else duration(session.age),
        session.problem or f"{session.tasks} of {session.capacity}",
        session.algorithm,
        "" if session.problem else attached,
        size_of(session.size),
    )
