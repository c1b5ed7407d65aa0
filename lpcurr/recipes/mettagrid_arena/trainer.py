"""PufferLib's trainer, made to train on a CPU and to leave console, signals and files to the recipe.

Needs pufferlib and torch. Importing ``pufferlib.pufferl`` changes the process: Ctrl-C exits at once, tracebacks are
drawn by rich, numpy's warnings are errors. All that is put back here.
"""

import logging
import signal
import sys
import threading
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pufferlib.vector
import torch
from torch import Tensor

from lpcurr.errors import LpcurrError

_DONE = pufferlib.vector.MAIN  # from here up, a worker has finished its step


@contextmanager
def _process_as_it_was() -> Iterator[None]:
    in_main_thread = threading.current_thread() is threading.main_thread()
    on_interrupt, on_exception = signal.getsignal(signal.SIGINT), sys.excepthook
    logger = logging.getLogger("pufferlib")
    level = logger.level
    logger.setLevel(logging.ERROR)  # it announces a fallback for CPUs, which version 3.0.23 does not have: see below
    try:
        with warnings.catch_warnings():
            yield
    finally:
        logger.setLevel(level)
        sys.excepthook = on_exception
        if in_main_thread:
            signal.signal(signal.SIGINT, on_interrupt)


with _process_as_it_was():
    from pufferlib import pufferl


@torch.no_grad()  # type: ignore[untyped-decorator, unused-ignore]
def puff_advantage(
    values: Tensor,
    rewards: Tensor,
    terminals: Tensor,
    ratio: Tensor,
    advantages: Tensor,
    gamma: float,
    gae_lambda: float,
    vtrace_rho_clip: float,
    vtrace_c_clip: float,
) -> Tensor:
    """PufferLib's advantages, as its compiled extension computes them: GAE with V-trace's clipped ratios.

    Tensors are float[segments, steps]; a reward belongs to the step before it. ``advantages``, which is returned, takes
    the result; its last column stays as it is.
    """
    going_on = 1.0 - terminals[:, 1:]
    errors = rewards[:, 1:] + gamma * values[:, 1:] * going_on - values[:, :-1]
    errors *= ratio[:, :-1].clamp(max=vtrace_rho_clip)
    decays = gamma * gae_lambda * going_on * ratio[:, :-1].clamp(max=vtrace_c_clip)
    carried = torch.zeros_like(values[:, 0])
    for step in range(values.shape[1] - 2, -1, -1):
        carried = errors[:, step] + decays[:, step] * carried
        advantages[:, step] = carried
    return advantages


if not pufferl._C_AVAILABLE:
    # The wheel's extension is linked against CUDA. Beside a CPU torch it cannot be loaded, and the trainer, which
    # needs this one function of it, raises.
    pufferl.compute_puff_advantage = puff_advantage


class Workers(pufferlib.vector.Multiprocessing):  # type: ignore[misc, unused-ignore]
    """PufferLib's worker processes; a dead one is an error, where PufferLib would wait for it for ever."""

    def recv(self) -> Any:
        """Return the next batch, once all workers have made their step."""
        self.wait()
        return super().recv()

    def wait(self) -> None:
        """Wait until all workers have made their step; raises ``LpcurrError`` where one has died."""
        waited = 0
        while (self.buf["semaphores"] < _DONE).any():
            time.sleep(2e-5)  # PufferLib spins, on a core that a worker could use
            waited += 1
            if waited % 1000 == 0:
                self._check_alive()

    def close(self) -> None:
        """End the workers, between two steps if they are well."""
        deadline = time.monotonic() + 5.0
        while (self.buf["semaphores"] < _DONE).any() and all(process.is_alive() for process in self.processes):
            if time.monotonic() > deadline:
                break
            time.sleep(1e-3)
        super().close()
        for process in self.processes:
            process.join()

    def _check_alive(self) -> None:
        for number, process in enumerate(self.processes):
            if not process.is_alive():
                raise LpcurrError(
                    f"worker process {number} (pid {process.pid}) ended with exit code {process.exitcode} in the "
                    "middle of the training; what it said stands above, resume=… goes on from the last checkpoint"
                )


class Trainer(pufferl.PuffeRL):  # type: ignore[misc, unused-ignore]
    """PufferLib's PPO without its dashboard and files; ``scores``: of the episodes since that list was last emptied."""

    def __init__(self, config: dict[str, Any], vecenv: Any, policy: torch.nn.Module) -> None:
        self.scores: list[float] = []
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="In CPU autocast")  # which is off on a CPU with float32
            super().__init__(config, vecenv, policy)

    def evaluate(self) -> Any:
        """Act for one rollout."""
        self.stats: Any = defaultdict(list)
        stats = super().evaluate()
        self.scores += stats.pop("score", [])
        return stats

    def print_dashboard(self, *args: Any, **options: Any) -> None:
        """Nothing: ``lpcurr train`` has a display of its own."""

    def save_checkpoint(self) -> str:
        """Nothing: ``lpcurr train`` makes the checkpoints."""
        return ""

    def close(self) -> None:
        """End the workers and the thread that measures utilization."""
        self.utilization.stop()
        self.vecenv.close()
