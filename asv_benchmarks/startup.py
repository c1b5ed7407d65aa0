"""From nothing to the first draw: how long a new worker process takes, kernels having been compiled before."""

from __future__ import annotations

import subprocess
import sys

from asv_benchmarks.pools import destroy, mature_curriculum
from lpcurr import attach

READY = "import sys, lpcurr; curriculum = lpcurr.attach(sys.argv[1]); curriculum.get_task(); curriculum.close()"


class Startup:
    """A process of its own each time; and joining a pool in a process that is there already."""

    number = 1
    rounds = 2
    repeat = (3, 5, 10.0)
    timeout = 300

    def setup(self) -> None:
        self.curriculum = mature_curriculum("learning_progress", 1_000)
        self.session = str(self.curriculum.session_id)
        self._attach()

    def teardown(self) -> None:
        destroy(self.curriculum)

    def _run(self, program: str) -> None:
        subprocess.run([sys.executable, "-c", program, self.session], check=True)

    def _attach(self) -> None:
        with attach(self.session) as curriculum:
            curriculum.get_task()

    def time_interpreter(self) -> None:
        """Python alone."""
        self._run("pass")

    def time_import(self) -> None:
        """Python and ``import lpcurr``, which loads names when they are asked for."""
        self._run("import lpcurr")

    def time_import_of_curriculum(self) -> None:
        """Python and ``from lpcurr import Curriculum``, which takes numba, numpy and pydantic."""
        self._run("from lpcurr import Curriculum")

    def time_process_ready(self) -> None:
        """Python, the import, attaching to a pool, and its first draw."""
        self._run(READY)

    def time_attach(self) -> None:
        """Attaching, a draw, and leaving."""
        self._attach()
