"""``lpcurr investigate``: find out what makes a training with a curriculum slow."""

import argparse
from pathlib import Path

from lpcurr.cli.extras import needs_extra

SUMMARY = "find out what makes a curriculum slow: a recipe's, or any object's with the curriculum methods"

_EPILOG = """what is investigated:
  a recipe                  a packaged name or package.module:function; key=value changes its configuration
  any curriculum            package.module:factory, a function or class that returns a fresh one; key=value are its
                            arguments. It needs get_task; what else it has of update_task_performance,
                            get_episode_stats, stats, on_epoch_end, recommend_eviction, save and load, get_state and
                            load_state is investigated. The factory should take the number of tasks
                            (num_active_tasks=…); otherwise its class's constructor or configuration is looked at.
By default the default recipe of `lpcurr train`, in about two minutes. Faults are found by counting lines, calls, bytes
and waits, which other work on the machine does not change. Exit code: 0 healthy, 1 a fault was found, 2 an error.

examples:
  lpcurr investigate
  lpcurr investigate frozen_lake curriculum.num_active_tasks=4096
  lpcurr investigate my_package.curricula:make_curriculum
  lpcurr investigate my_package.curricula:MyCurriculum num_tasks=500 --out findings"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("subject", nargs="?", metavar="NAME", help="recipe or factory")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="of the recipe, or the factory's arguments")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="a new folder (default: runs/investigate-…)")
    parser.epilog = _EPILOG


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    name, overrides = arguments.subject, list(arguments.overrides)
    if name is not None and "=" in name:
        name, overrides = None, [name, *overrides]
    with needs_extra("train"):
        import gymnasium  # noqa: F401 - so that a missing one shows before anything is measured
        from rich.console import Console

        from lpcurr.investigation.run import faults
        from lpcurr.investigation.run import run as run_investigation
        from lpcurr.investigation.subjects import find_subject
        from lpcurr.recipes.registry import DEFAULT

        findings = run_investigation(find_subject(name or DEFAULT, overrides), arguments.out, Console())
    return 1 if faults(findings) else 0
