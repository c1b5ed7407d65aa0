"""Kill a process at every fault point of every call that changes a pool, and look at what is left.

``LPCURR_FAULT_POINTS=1 python -m tests.stress.fault_points`` prints a line of JSON for each scenario. For each point in
turn (``--every 3``: each third one, and the first and last few), the pool is put into the scenario's state, a child
makes the call and dies at the point, and the parent goes on with the pool. Then the pool must be sound, must be as it
was before the call or after it (of a batch: after one of its items), and must have counted and logged one repair.

The child that repairs is killed at every point of the repair as well, for some of the scenarios and for more of them
with ``--thorough``.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from lpcurr.kernels.calls import upkeep
from lpcurr.kernels.machine.settings import FAULT_POINTS
from lpcurr.memory import layout
from lpcurr.pool import pool as pool_module
from lpcurr.pool.log import PoolLog, apply_entries, image_of, is_read
from lpcurr.pool.place import attach_process
from lpcurr.pool.pool import Pool
from lpcurr.statistics.violations import find_violations
from tests.stress.scenarios import SCENARIOS, Call, Scenario
from tests.stress.truth import STAMPS, differences, load_kernels, task_ids, truth

_NEVER = 2**62
_ENDS = 4  # points at the beginning and the end that are never left out
_MUTEX = slice(layout.MUTEX_OFFSET, layout.MUTEX_OFFSET + layout.MUTEX_SIZE)

# Scenarios in which the repair itself is killed as well.
_REPAIRED = ("rename a label's last task",)
_REPAIRED_THOROUGHLY = ("draw evicts and drops a label", "draw evicts, basic", "update", "end an epoch", *_REPAIRED)


class _Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1


class Trial:
    """One scenario's pool, which can be put back into the scenario's state."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.curriculum = scenario.make()
        self.pool: Pool = self.curriculum._pool
        pool_module._open_pools.clear()  # the children make their one call as a process record that is there already
        self.process = attach_process([], self.pool._segment.bytes, self.pool.state, os.getpid(), 1)
        self._image = self.pool._segment.bytes.copy()
        start = self.pool.snapshot()
        self.known = task_ids(start)
        self.stamps = {name: int(start["header"][0][name]) for name in STAMPS}
        self.before = truth(start, self.known)
        self.found = self.before
        self.log_image = image_of(self.pool)
        self.log_begin = int(start["header"][0]["log_begin"])
        self.journalled = self.passed = 0
        self.allowed = [self.before, *(self._outcome(call) for call in scenario.calls)]

    def reset(self) -> None:
        """Back to the scenario's state; nobody holds the lock."""
        mutex = self.pool._segment.bytes[_MUTEX].copy()
        self.pool._segment.bytes[:] = self._image
        self.pool._segment.bytes[_MUTEX] = mutex

    def run(self, call: Callable[[], None], countdown: int) -> bool:
        """Make a call in a child that dies at the given point; whether it did, else ``passed`` has the points."""
        child = os.fork()
        header = self.pool.state["header"]
        if child == 0:
            try:
                header["fault_countdown"] = countdown
                call()
                os._exit(0)
            except BaseException:
                logging.exception("the child failed")
                os._exit(1)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            self.journalled = max(self.journalled, int(self.pool.state["header"]["journal_count"].max()))
            return True
        assert os.WEXITSTATUS(status) == 0, "the call raised"
        self.passed = countdown - int(header["fault_countdown"][0])
        header["fault_countdown"] = 0
        return False

    def call(self, call: Call) -> Callable[[], None]:
        return lambda: call(self.pool, self.process)

    def _outcome(self, call: Call) -> dict[str, Any]:
        self.reset()
        assert not self.run(self.call(call), _NEVER)
        violations = find_violations(self.pool)
        assert not violations, violations
        return truth(self.pool.snapshot(), self.known)

    def faults(self, deaths: int) -> Iterator[str]:
        """What is wrong after so many deaths inside the lock."""
        warnings = _Warnings()
        logger = logging.getLogger("lpcurr")
        logger.addHandler(warnings)
        try:
            state = self.pool.snapshot()
            self.pool.catch_up()
        finally:
            logger.removeHandler(warnings)
        self.found = now = truth(state, self.known)
        header = state["header"][0]
        if now not in self.allowed:
            yield f"neither before nor after: {differences(self.before, now)} / {differences(self.allowed[-1], now)}"
        yield from find_violations(self.pool)
        yield from self._logged(now)
        if header["repairs"] != deaths:
            yield f"{header['repairs']} repairs for {deaths} deaths"
        if warnings.count != 1:
            yield f"{warnings.count} warnings"
        for name, stamp in self.stamps.items():
            if header[name] <= stamp:
                yield f"{name} did not grow"
        yield from self._still_works()

    def _logged(self, now: dict[str, Any]) -> Iterator[str]:
        """Apply what the log says, where there is one, to the pool as it was before the call."""
        if not is_read(self.pool):
            return
        image = self.log_image.copy()
        apply_entries(image, PoolLog(self.pool).read(self.log_begin)[0])
        said = truth(image[: self.pool.state.dtype.itemsize].view(self.pool.state.dtype), self.known)
        if said | {"processes": now["processes"]} != now:
            yield f"the log says otherwise: {differences(said, now)}"

    def _still_works(self) -> Iterator[str]:
        task_id, _ = self.pool.draw()
        if task_id < 0 or self.pool.update(task_id, 0.25, 0.25, 1.0) != layout.Status.ACCEPTED:
            yield "the pool does not go on"
        yield from find_violations(self.pool)


@contextmanager
def _trial(scenario: Scenario) -> Iterator[Trial]:
    trial = Trial(scenario)
    try:
        yield trial
    finally:
        trial.curriculum.close()
        trial.curriculum.unlink()


def kill_in_call(scenario: Scenario, every: int = 1) -> dict[str, Any]:
    """Kill at the points of the scenario's call."""
    started, kills, undone, faults = time.perf_counter(), 0, 0, []
    with _trial(scenario) as trial:
        call, last = trial.call(scenario.calls[-1]), trial.passed
        for point in range(1, last + 1):
            if point % every == 0 or point <= _ENDS or point > last - _ENDS:
                trial.reset()
                assert trial.run(call, point), f"point {point} of {last} was not reached"
                kills += 1
                faults += [f"point {point}: {fault}" for fault in trial.faults(deaths=1)]
                undone += trial.found == trial.before
        trial.reset()
        assert not trial.run(call, last + 1)
    return _report(scenario.name, started, kills=kills, undone=undone, journalled=trial.journalled, faults=faults)


def kill_in_repair(scenario: Scenario, every: int = 1, *, thorough: bool = False) -> dict[str, Any]:
    """Kill in the middle of the call (``thorough``: and at its end), and at points of the repair of it."""
    started, kills, faults = time.perf_counter(), 0, []
    with _trial(scenario) as trial:
        call = trial.call(scenario.calls[-1])
        content, points = trial.pool._segment.bytes, trial.passed
        row = np.empty(len(layout.TRUTH_COLUMNS), dtype=np.int64)

        def repair() -> None:
            upkeep.read_task.entry(content, trial.process, 0, row)

        for point in (points // 2, points) if thorough else (points // 2,):
            second = 0
            while True:
                trial.reset()
                assert trial.run(call, point)
                if not trial.run(repair, second + 1):
                    break
                second += every
                kills += 1
                trial.pool.state["header"]["fault_countdown"] = 0
                faults += [f"point {point}, repair {second + 1 - every}: {fault}" for fault in trial.faults(deaths=2)]
    return _report(f"repair: {scenario.name}", started, kills=kills, faults=faults)


def _report(name: str, started: float, **figures: Any) -> dict[str, Any]:
    return {"name": name, **figures, "seconds": round(time.perf_counter() - started, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=(), metavar="NAME", help="scenarios of these names")
    parser.add_argument("--every", type=int, default=1, help="kill at each so manieth point only")
    parser.add_argument("--thorough", action="store_true", help="kill more repairs")
    arguments = parser.parse_args()
    assert FAULT_POINTS, "set LPCURR_FAULT_POINTS=1"
    np.seterr(over="ignore")  # without JIT, the random stream's arithmetic wraps around in NumPy
    logging.getLogger("lpcurr").setLevel(logging.WARNING)
    logging.getLogger("lpcurr").addHandler(logging.NullHandler())
    logging.getLogger("lpcurr").propagate = False
    load_kernels()
    chosen = [scenario for scenario in SCENARIOS if not arguments.only or scenario.name in arguments.only]
    for scenario in chosen:
        print(json.dumps(kill_in_call(scenario, arguments.every)), flush=True)
    for scenario in chosen:
        if scenario.name in (_REPAIRED_THOROUGHLY if arguments.thorough else _REPAIRED):
            print(json.dumps(kill_in_repair(scenario, arguments.every, thorough=arguments.thorough)), flush=True)


if __name__ == "__main__":
    main()
