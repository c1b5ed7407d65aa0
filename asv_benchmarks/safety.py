"""What crash safety costs an episode: as shipped, without the undo journal, and without journal and lock.

``python -m asv_benchmarks.safety`` prints it. The product has no switch for it: each variant is a process of its own
in which the functions in question are replaced by empty ones before any kernel is compiled, with a cache of its own.
The processes measure in turns, so that a disturbance of the machine meets all of them.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

VARIANTS = ("as shipped", "no journal", "no journal, no lock")
EPISODES = 20_000
PYTHON_EPISODES = 4_000
BOUND = 0.2  # of an episode from Python, that journal and lock may cost


def _remove_safety(variant: str) -> None:
    """Replace what the variant goes without, in this process, by helpers that do nothing."""
    from lpcurr.kernels.machine.compiling import helper
    from lpcurr.kernels.safety import journal, mutex

    def empty(module: Any, *names: str) -> None:
        for name in names:
            parameters = ", ".join(inspect.signature(getattr(module, name).py_func).parameters)
            scope: dict[str, Any] = {}
            exec(f"def empty_{name}({parameters}):\n    return 0", scope)
            setattr(module, name, helper(scope[f"empty_{name}"]))

    if variant != VARIANTS[0]:
        empty(journal, *(name for name in vars(journal) if name.startswith(("note_", "remember_"))))
        empty(journal, "publish", "commit")
    if variant == VARIANTS[2]:
        empty(mutex, "take_lock", "unlock")


def _measure(variant: str, tasks: int) -> None:
    """Answer each line of input with the nanoseconds of an episode, in the kernel and from Python."""
    _remove_safety(variant)
    from asv_benchmarks.floors import episode_loop, timed
    from asv_benchmarks.pools import mature_curriculum

    curriculum = mature_curriculum("learning_progress", tasks)
    scores = np.random.default_rng(1).random(EPISODES)
    listed = scores[:PYTHON_EPISODES].tolist()
    for _ in sys.stdin:
        in_kernel = timed(episode_loop, curriculum, scores)
        began = time.perf_counter_ns()
        for score in listed:
            task = curriculum.get_task()
            curriculum.update_task_performance(task.task_id, score)
            curriculum.get_episode_stats(task.label)
        print(json.dumps([in_kernel, (time.perf_counter_ns() - began) / PYTHON_EPISODES]), flush=True)


def cost_of_safety(tasks: int = 1_000, rounds: int = 31) -> dict[str, tuple[float, float]]:
    """Median nanoseconds of an episode by variant: (in the kernel, from Python with its statistics)."""
    root = Path(__file__).resolve().parents[1]
    with tempfile.TemporaryDirectory() as caches:
        processes = []
        for number, variant in enumerate(VARIANTS):
            environment = os.environ | {
                "NUMBA_CACHE_DIR": f"{caches}/{number}",
                "PYTHONPATH": os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH")))),
            }
            command = [sys.executable, "-m", "asv_benchmarks.safety", "--variant", variant, "--tasks", str(tasks)]
            pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            processes.append(subprocess.Popen(command, env=environment, text=True, **pipes))
        try:
            turns = [[_ask(process) for process in processes] for _ in range(rounds + 1)]
        finally:
            for process in processes:
                process.stdin.close()
                process.wait()
                process.stdout.close()
    medians = np.median(np.array(turns[1:]), axis=0)
    return {variant: (float(row[0]), float(row[1])) for variant, row in zip(VARIANTS, medians, strict=True)}


def _ask(process: Any) -> list[float]:
    process.stdin.write("\n")
    process.stdin.flush()
    answer: list[float] = json.loads(process.stdout.readline())
    return answer


class Safety:
    """Nanoseconds of journal and lock together, and their share of an episode."""

    timeout = 600

    def setup_cache(self) -> dict[str, tuple[float, float]]:
        return cost_of_safety(rounds=15)

    def track_nanoseconds_in_the_kernel(self, cost: dict[str, tuple[float, float]]) -> float:
        return cost[VARIANTS[0]][0] - cost[VARIANTS[2]][0]

    track_nanoseconds_in_the_kernel.unit = "ns"  # type: ignore[attr-defined]

    def track_share_of_an_episode(self, cost: dict[str, tuple[float, float]]) -> float:
        """At most 0.2."""
        return 1.0 - cost[VARIANTS[2]][1] / cost[VARIANTS[0]][1]

    track_share_of_an_episode.unit = "ratio"  # type: ignore[attr-defined]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--variant", choices=VARIANTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.variant is not None:
        _measure(arguments.variant, arguments.tasks)
        return
    print("compiling each variant, about 15 s each", file=sys.stderr)
    cost = cost_of_safety(arguments.tasks, arguments.rounds)
    print(f"{'ns an episode':24}{'in the kernel':>15}{'from Python':>13}")
    for variant, (in_kernel, from_python) in cost.items():
        print(f"{variant:24}{in_kernel:15.0f}{from_python:13.0f}")
    shipped, bare = cost[VARIANTS[0]], cost[VARIANTS[2]]
    shares = [1.0 - without / with_it for with_it, without in zip(shipped, bare, strict=True)]
    print(f"{'share of safety':24}{shares[0]:15.0%}{shares[1]:13.0%}   (at most {BOUND:.0%} of an episode from Python)")


if __name__ == "__main__":
    main()
