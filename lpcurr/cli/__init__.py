"""The command line: ``lpcurr train``, ``top``, ``report``, ``inspect``, ``replay``, ``investigate``, ``sessions``,
``warmup`` and ``help``.

One module a command, each with ``SUMMARY``, ``add_arguments(parser)`` and ``run(arguments) -> exit code``.
"""

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

from lpcurr import __version__
from lpcurr.cli import guide, inspect, investigate, replay, report, sessions, top, train, warmup
from lpcurr.errors import LpcurrError
from lpcurr.monitor.wording import visible

COMMANDS = {
    "train": train,
    "top": top,
    "report": report,
    "inspect": inspect,
    "replay": replay,
    "investigate": investigate,
    "sessions": sessions,
    "warmup": warmup,
    "help": guide,
}

EXIT_ERROR, EXIT_INTERRUPTED = 2, 130
_EPILOG = """examples:
  lpcurr train                                 the default recipe, about a minute
  lpcurr train use_lp=false                    the same with tasks drawn at random
  lpcurr train compare=true seeds=5            the recipe's curriculum against random
  lpcurr top                                   watch a training from another terminal
  lpcurr report runs/one runs/other            a page with pictures of both
  lpcurr inspect runs/one                      the tasks in a checkpoint, or in a running session
  lpcurr replay played.log --at 1000           a recorded pool after so many entries
  lpcurr investigate                           what makes a curriculum slow, in minutes
  lpcurr sessions                              the pools in shared memory, live and dead
  lpcurr warmup                                compile the kernels ahead of time
  lpcurr help concepts                         a guide; `lpcurr help` lists them

`lpcurr COMMAND --help` says more."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command by its arguments, by default those of the process; return the exit code.

    It is 0, 1 where ``investigate`` found a fault, 2 after an error, 130 after Ctrl-C.
    """
    argv = sys.argv[1:] if argv is None else argv
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # closed: the next file that is opened would have its number
            setattr(sys, name, open(os.devnull, "r+"))  # noqa: SIM115 - it stays
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an ASCII terminal shows ? for what it does not have
    os.environ["MPLBACKEND"] = "agg"  # no command opens a window, and a name that matplotlib does not know ends it
    status = EXIT_ERROR
    try:
        arguments = _parser(argv[0] if argv else None).parse_args(argv)
        found = int(arguments.run(arguments))
        sys.stdout.flush()  # while it can still be said that there is no room
        return found
    except LpcurrError as error:
        reason = str(error)
    except BrokenPipeError:  # the reader, such as `head`, has gone
        reason = ""
    except OSError as error:  # a full disk, a name that is too long, a folder that may not be read
        reason = (f"{str(error.filename)!r}: " if error.filename else "") + str(error.strerror or error)
    except SystemExit as end:  # argparse's is 0 or 2; rich's is 1, where the reader has gone
        if end.code != 1:
            raise
        reason = ""
    except MemoryError:
        reason = "there is not enough memory (`ulimit -v`, the container's)"
    except KeyboardInterrupt:
        reason, status = "interrupted", EXIT_INTERRUPTED
    _give_up(f"lpcurr {' '.join(argv[:1])}: {reason}\n" if reason else "")
    return status


def _give_up(message: str) -> None:
    """Write why a command ends, where there is somebody to read it, and give up what its streams cannot get rid of."""
    with contextlib.suppress(OSError):
        sys.stderr.write("\n".join(map(visible, message.split("\n"))))  # a path in it may have a terminal's commands
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # else the interpreter tries again at its end, and makes an exit code of its own of it
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class _Parser(argparse.ArgumentParser):
    def _print_message(self, message: str, file: Any = None) -> None:
        """Print help and usage; argparse itself passes over a full disk."""
        print(message, end="", file=file or sys.stderr, flush=True)


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    """All commands by name; the arguments of the chosen one alone, because declaring some takes long imports."""
    parser = _Parser(
        prog="lpcurr",
        description="A learning-progress curriculum for reinforcement learning.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"lpcurr {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        sub = commands.add_parser(
            name,
            help=command.SUMMARY,
            description=command.SUMMARY,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == chosen:
            command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return parser
