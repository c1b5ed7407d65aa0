"""Workers on one pool, killed with SIGKILL at random moments; then every invariant, and the account.

``python -m tests.stress --seconds 600 --workers 4 --kills 1000`` is the long form; ``--everything --workers 8 --kills 0
--seconds 1200`` kills nobody, and watches what eight workers that save, fork, use threads and switch schedulers take.
It exits with 1 if anything is wrong: a deadlock (no survivor finishes a call within ten seconds), a broken invariant,
more lost than the one call that each killed worker had not finished, or, where nobody is killed, memory, descriptors
or files in /dev/shm that grow. Timing is reported and judged by no one.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from lpcurr import CurriculumConfig, LearningProgressConfig
from lpcurr.memory import layout
from lpcurr.statistics.violations import find_violations
from tests.stress.truth import load_kernels
from tests.stress.workers import (
    CALLS,
    DRAWS,
    PENDING_DRAWS,
    PENDING_UPDATES,
    SWITCHED,
    UPDATES,
    Habits,
    Labelled,
    Ledger,
    work,
)

_DEADLOCK_SECONDS = 10.0
_CHECK_EVERY = 50  # kills


class Kill(NamedTuple):
    """What the survivors did around a kill: calls a second before and after it, and the wait for the first call."""

    before: float
    after: float
    first_call: float
    inside: bool


class Taken(NamedTuple):
    """What the workers take, the most of any one, and the files in shared memory."""

    resident_mib: float
    descriptors: int
    files: int


_MAY_GROW = Taken(16.0, 8, 0)  # after the first tenth of the time; a worker that is saving has files open


class Stress:
    """One run.

    Attributes:
        faults: what is wrong, a sentence each.
        kills: one record for each.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        load_kernels()
        self.context = multiprocessing.get_context(arguments.start)
        self.random = random.Random(arguments.seed)
        self.ledger = Ledger(self.context, arguments.workers + arguments.kills)
        self.workers: dict[int, BaseProcess] = {}
        self.lives = 0
        self.faults: list[str] = []
        self.kills: list[Kill] = []
        self.taken: list[Taken] = []
        self.folder = Path(tempfile.mkdtemp()) if arguments.everything else None
        self.algorithm = algorithm = LearningProgressConfig(
            min_samples_for_lp=3,
            max_inactive_labels_retained=30,
            new_task_rate=0.2,
            use_bidirectional=not arguments.basic,
        )
        config = CurriculumConfig(
            num_active_tasks=arguments.tasks,
            seed=arguments.seed,
            algorithm_config=algorithm,
            task_generator=Labelled(200),
        )
        self.curriculum = config.make()

    # -- workers ------------------------------------------------------------------------------------------------

    def start_worker(self) -> None:
        options = self.arguments
        habits = Habits(options.seed, 0.05 if options.use or options.everything else 0.0, self.folder)
        worker = self.context.Process(target=work, args=(self.curriculum, self.ledger, self.lives, habits), daemon=True)
        worker.start()
        self.workers[self.lives] = worker
        self.lives += 1

    def calls(self, lives: list[int]) -> int:
        return int(self.ledger.accounts[lives, CALLS].sum())

    def wait_for_calls(self, lives: list[int]) -> bool:
        """Whether every one of these workers finished a call before the deadlock's time was up."""
        start, deadline = self.ledger.accounts[lives, CALLS].copy(), time.monotonic() + _DEADLOCK_SECONDS
        while time.monotonic() < deadline:
            if (self.ledger.accounts[lives, CALLS] > start).all():
                return True
            dead = [life for life in lives if not self.workers[life].is_alive()]
            if dead:
                self.faults.append(f"workers {dead} ended by themselves")
                return False
            time.sleep(0.002)
        self.faults.append(f"after {len(self.kills)} kills, no call for {_DEADLOCK_SECONDS} s: a deadlock")
        return False

    def kill_one(self) -> None:
        """Kill a worker at a random moment, watch the others, replace it."""
        victim = self.random.choice(list(self.workers))
        survivors = [life for life in self.workers if life != victim]
        window = self.arguments.window
        start, calls = time.perf_counter(), self.calls(survivors)
        time.sleep(window + self.random.random() * 0.02)
        before = (self.calls(survivors) - calls) / (time.perf_counter() - start)

        pid = self.workers[victim].pid
        assert pid is not None
        if self.arguments.aim:
            self.wait_until_it_holds_the_lock(pid)
        header = self.curriculum._pool.state["header"]
        repairs = header["repairs"][0]
        calls, start = self.calls(survivors), time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        first_call = 0.0
        while (now := time.perf_counter() - start) < window:
            if first_call == 0.0 and self.calls(survivors) > calls:
                first_call = now
            time.sleep(0.0005 if first_call == 0.0 else window - now)
        after = (self.calls(survivors) - calls) / now
        self.kills.append(Kill(before, after, first_call or now, bool(header["repairs"][0] > repairs)))
        self.workers.pop(victim).join()
        if self.arguments.use or self.arguments.everything:
            self.check_rules()
        self.start_worker()

    def check_rules(self) -> None:
        """After a kill the pool has the rules and the configuration of one of the schedulers, and never a mixture."""
        header = self.curriculum._pool.snapshot()["header"][0]
        known = [self.algorithm, *SWITCHED]
        for rules in (self.curriculum.config.rules(scheduler) for scheduler in known):
            if all(np.array_equal(header[name], value) for name, value in rules.items()):
                return
        self.faults.append(f"after {len(self.kills)} kills the rules are those of no scheduler")

    def wait_until_it_holds_the_lock(self, pid: int) -> None:
        """glibc keeps the holder's thread id in the first word of a robust mutex."""
        mutex, deadline = self.curriculum._pool.state["header"]["mutex"][0].view(np.uint32), time.perf_counter() + 0.2
        while mutex[0] & 0x3FFFFFFF != pid and time.perf_counter() < deadline:
            continue

    # -- the run ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        for _ in range(self.arguments.workers):
            self.start_worker()
        started = time.monotonic()
        said = started
        while not self.faults and (spent := time.monotonic() - started) < self.arguments.seconds:
            if self.arguments.kills:
                self.kill_one()
            else:
                time.sleep(1.0)
                if spent > 0.1 * self.arguments.seconds:
                    self.taken = [*self.taken[:1], self.take_stock()]
            if len(self.kills) % _CHECK_EVERY == 0:
                self.faults += find_violations(self.curriculum._pool)
                self.wait_for_calls(list(self.workers))
            if self.arguments.kills and len(self.kills) >= self.arguments.kills:
                break
            if time.monotonic() - said > 1.0 and not self.arguments.json:
                said = time.monotonic()
                print(f"{said - started:6.0f} s  {self.progress()}", flush=True)
        if not self.faults:
            self.wait_for_calls(list(self.workers))
        for worker in self.workers.values():
            worker.kill()
            worker.join()
        self.faults += find_violations(self.curriculum._pool)
        self.faults += self.account()
        self.faults += self.draws()
        if self.taken:
            first, last = self.taken[0], self.taken[-1]
            if any(late > early + more for early, late, more in zip(first, last, _MAY_GROW, strict=True)):
                self.faults.append(f"workers take more and more: {first}, then {last}")

    def take_stock(self) -> Taken:
        """What the workers take just now."""
        folders = [Path(f"/proc/{worker.pid}") for worker in self.workers.values()]
        pages = max(int((folder / "statm").read_text().split()[1]) for folder in folders)
        files = sum(self.curriculum.session_id in path.name for path in Path("/dev/shm").iterdir())
        descriptors = max(len(os.listdir(folder / "fd")) for folder in folders)
        return Taken(pages * os.sysconf("SC_PAGESIZE") / 2**20, descriptors, files)

    def account(self) -> list[str]:
        """Everything that was finished is in the pool, and beyond it at most what was under way when it was killed."""
        header = self.curriculum._pool.snapshot()["header"][0]
        accounts = self.ledger.accounts.sum(axis=0)
        faults = []
        for name, counted, finished, pending in (
            ("draws", header["scheduled"], DRAWS, PENDING_DRAWS),
            ("updates", header["completed"] + header["refused"], UPDATES, PENDING_UPDATES),
        ):
            least, most = int(accounts[finished]), int(accounts[finished] + accounts[pending])
            if not least <= counted <= most:
                faults.append(f"the pool counts {counted} {name}; {least} were finished, {most - least} were under way")
        return faults

    def draws(self) -> list[str]:
        """Draws after all that are still those of the exact distribution: chi-square, at a chance of error of 1e-6."""
        pool = self.curriculum._pool
        still = {"new_task_rate": 0.0, "may_evict": 0, "staleness_share": 0.0}  # no draw changes the next one's chances
        pool.use(_rules_of(pool) | still, pool.config_text)
        ids, probabilities = self.curriculum.probabilities()
        drawn = self.curriculum.sample_ids(400 * len(ids))
        counts = np.array([np.count_nonzero(drawn == task_id) for task_id in ids])
        if counts.sum() != drawn.size:
            return ["a task was drawn that is not in the pool"]
        p_value = stats.chisquare(counts, probabilities / probabilities.sum() * drawn.size).pvalue
        return [f"draws are not those of the distribution: p = {p_value:.1e}"] if p_value < 1e-6 else []

    def progress(self) -> str:
        header = self.curriculum._pool.state["header"][0]
        calls = self.ledger.accounts[:, CALLS].sum()
        return f"{len(self.kills)} kills, {header['repairs']} of them inside the lock, {calls:,} calls"

    def report(self) -> dict[str, Any]:
        header = self.curriculum._pool.state["header"][0]
        counts = {
            "kills": len(self.kills),
            "inside_the_lock": int(header["repairs"]),
            "calls": int(self.ledger.accounts[:, CALLS].sum()),
            "evicted": int(header["evicted"]),
            "taken": [each._asdict() for each in self.taken],
            "faults": self.faults,
        }
        if not self.kills:
            return counts
        before, after, first, inside = (np.array(column) for column in zip(*self.kills, strict=True))
        ratios = after / np.maximum(before, 1.0)
        return counts | {
            "first_call_ms": {q: round(float(np.quantile(first, q)) * 1e3, 2) for q in (0.5, 0.99, 1.0)},
            "first_call_ms_after_a_repair": [round(float(each) * 1e3, 2) for each in sorted(first[inside])[-5:]],
            "after_to_before": {q: round(float(np.quantile(ratios, q)), 2) for q in (0.01, 0.1, 0.5)},
            "window_ms": self.arguments.window * 1e3,
        }


def _rules_of(pool: Any) -> dict[str, Any]:
    """The rules in force."""
    header = pool.snapshot()["header"][0]
    return {field[0]: header[field[0]] for field in layout.RULE_FIELDS}


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.stress", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seconds", type=float, default=600.0, help="stop after this time")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--kills", type=int, default=1000, help="stop after so many; 0: kill nobody, and watch growth")
    parser.add_argument("--tasks", type=int, default=300)
    parser.add_argument("--aim", action="store_true", help="kill when the victim holds the lock")
    parser.add_argument("--basic", action="store_true", help="the basic variant, which draws by the sum tree")
    parser.add_argument("--use", action="store_true", help="workers put other schedulers into force as well")
    parser.add_argument("--everything", action="store_true", help="they save, fork and use threads besides --use")
    parser.add_argument("--start", choices=["fork", "spawn", "forkserver"], default="fork")
    parser.add_argument("--window", type=float, default=0.1, help="seconds of throughput before and after each kill")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="only the report, as JSON")
    return parser.parse_args()


def main() -> int:
    arguments = _parse()
    logging.getLogger("lpcurr").setLevel(logging.ERROR)
    stress = Stress(arguments)
    try:
        stress.run()
        report = stress.report()
    finally:
        stress.curriculum.close()
        stress.curriculum.unlink()
        if stress.folder:
            shutil.rmtree(stress.folder)
    print(json.dumps(report) if arguments.json else json.dumps(report, indent=2))
    return 1 if stress.faults else 0


if __name__ == "__main__":
    sys.exit(main())
