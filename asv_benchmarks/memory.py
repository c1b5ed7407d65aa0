"""Memory: of a pool by its tasks, and of the processes that make it and join it."""

from __future__ import annotations

import subprocess
import sys

from asv_benchmarks.pools import destroy, kept_curriculum, mature_curriculum

# Peak of the process that runs this, in MiB. Not ru_maxrss: that is inherited from whoever starts a process.
PEAK = """
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
"""
IMPORT = PEAK + "import lpcurr; lpcurr.Curriculum\nprint(peak())"
MAKE = (
    PEAK
    + """
import sys, lpcurr
with lpcurr.CurriculumConfig(num_active_tasks=int(sys.argv[1]), seed=0).make() as curriculum:
    ids = curriculum.sample_ids(int(sys.argv[1]))
    curriculum.update_many(ids, [0.5] * len(ids))
    curriculum.stats()
print(peak())
"""
)
JOIN = (
    PEAK
    + """
import sys, lpcurr
with lpcurr.attach(sys.argv[1]) as curriculum:
    for _ in range(10_000):
        curriculum.update_task_performance(curriculum.get_task().task_id, 0.5)
print(peak())
"""
)


def peak_of(program: str, argument: object) -> float:
    """Peak resident memory of a program in a process of its own, MiB."""
    command = [sys.executable, "-c", program, str(argument)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


class Peak:
    """Peak resident memory above that of a process that has only imported ``lpcurr.Curriculum``, MiB."""

    params = ([1_000, 32_768, 1_000_000],)
    param_names = ("tasks",)
    unit = "MiB"
    timeout = 300

    def track_making_and_statistics(self, tasks: int) -> float:
        """The process that makes a pool, fills it, and asks for its statistics."""
        return peak_of(MAKE, tasks) - peak_of(IMPORT, tasks)

    def track_worker(self, tasks: int) -> float:
        """A process that joins the pool and plays 10,000 episodes: what it touches of the shared pool included."""
        curriculum = mature_curriculum("learning_progress", tasks)
        try:
            return peak_of(JOIN, curriculum.session_id) - peak_of(IMPORT, tasks)
        finally:
            destroy(curriculum)


class Import:
    """Peak resident memory of a process that has imported ``lpcurr.Curriculum``, MiB."""

    unit = "MiB"

    def track_import(self) -> float:
        return peak_of(IMPORT, "")


class Segment:
    """Bytes of shared memory a task; a small pool pays for the tables of processes and labels."""

    params = ([1_000, 32_768, 1_000_000],)
    param_names = ("tasks",)
    unit = "bytes"

    def track_bytes_a_task(self, tasks: int) -> float:
        return kept_curriculum("learning_progress", tasks)._pool._segment.bytes.nbytes / tasks
