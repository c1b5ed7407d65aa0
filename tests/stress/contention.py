"""Throughput of several processes that do nothing but episodes on one pool: ``python -m tests.stress.contention``.

Prints episodes a second of each number of processes, in turn and for several rounds, and the median ratio of the last
number to the first: eight processes on two cores are to keep at least 80 % of two processes' total.
"""

from __future__ import annotations

import argparse
import statistics

import numpy as np

from asv_benchmarks.contention import episodes_a_second
from lpcurr import CurriculumConfig
from tests.stress.truth import load_kernels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    load_kernels()
    curriculum = CurriculumConfig(num_active_tasks=1000, seed=0).make()
    ids = curriculum.sample_ids(1000)
    for level in np.linspace(0.1, 0.9, 12):
        curriculum.update_many(ids, np.clip(level * np.linspace(0.5, 1.5, 1000), 0.0, 1.0))
    ratios = []
    print(" ".join(f"{processes:>10}" for processes in arguments.processes), " processes")
    for _ in range(arguments.rounds):
        rates = [episodes_a_second(curriculum, each, arguments.seconds) for each in arguments.processes]
        ratios.append(rates[-1] / rates[1 if len(rates) > 2 else 0])
        print(" ".join(f"{rate:10,.0f}" for rate in rates), " episodes/s", flush=True)
    chosen = arguments.processes[1 if len(arguments.processes) > 2 else 0]
    print(f"{arguments.processes[-1]} processes to {chosen}: {statistics.median(ratios):.2f}")
    curriculum.close()
    curriculum.unlink()


if __name__ == "__main__":
    main()
