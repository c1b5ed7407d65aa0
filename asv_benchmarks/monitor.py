"""What being watched costs a trainer: the frozen-lake recipe with and without ``lpcurr top``, in turns.

``python -m asv_benchmarks.monitor --minutes 10`` trains the recipe and, every ten seconds, starts or ends a real
``lpcurr top`` in a pseudo-terminal. It prints the ratio of steps per second with it to that without it, over pairs of
neighbouring turns, with a 95 % bootstrap interval. The first two seconds of a turn do not count: the viewer starts.
"""

from __future__ import annotations

import argparse
import os
import pty
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np

from asv_benchmarks.steady import ratio_interval
from lpcurr.monitor.reading import SessionReader
from lpcurr.recipes.frozen_lake.config import frozen_lake

TURN, STARTING = 10.0, 2.0


def _view(session: str, stop: threading.Event) -> None:
    """A viewer in a terminal of its own, whose output is read and thrown away."""
    controller, terminal = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
    command = [sys.executable, "-m", "lpcurr", "top", session]
    viewer = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment)
    os.close(terminal)
    os.set_blocking(controller, False)
    while not stop.wait(0.2):
        try:
            os.read(controller, 1 << 20)
        except BlockingIOError:
            continue
    viewer.kill()
    viewer.wait()
    os.close(controller)


def _measure(session: str, minutes: float) -> None:
    reader = SessionReader(session)

    def steps() -> int:
        return int(reader.processes()["steps"].sum())

    speeds: list[float] = []
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        stop, watched = threading.Event(), len(speeds) % 2 == 1
        viewer = threading.Thread(target=_view, args=(session, stop))
        if watched:
            viewer.start()
        time.sleep(STARTING)
        first, began = steps(), time.monotonic()
        time.sleep(TURN)
        speeds.append((steps() - first) / (time.monotonic() - began))
        stop.set()
        if watched:
            viewer.join()
        print(f"{'watched' if watched else 'alone':8} {speeds[-1]:12,.0f} steps/s", flush=True)
    without, watching = np.array(speeds[: len(speeds) // 2 * 2]).reshape(-1, 2).T
    median, low, high = ratio_interval(watching / without)
    print(f"watched / alone: {median:.4f} (95 % {low:.4f} … {high:.4f}), {len(without)} pairs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--tasks", type=int, default=1000, help="of the pool")
    arguments = parser.parse_args()
    seconds = 60 * arguments.minutes + 60
    config: Any = frozen_lake().model_copy(update={"total_steps": 10**12, "max_seconds": seconds})
    chosen = config.curriculum.model_dump() | {"num_active_tasks": arguments.tasks}
    with type(config.curriculum)(**chosen).make() as curriculum:
        measuring = threading.Thread(target=_measure, args=(curriculum.session_id, arguments.minutes))
        measuring.start()
        config.train(curriculum, 0, lambda metrics, *_: None)
        measuring.join()


if __name__ == "__main__":
    main()
