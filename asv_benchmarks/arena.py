"""What the curriculum costs a real training: the arena recipe with learning progress, and without any curriculum.

``python -m asv_benchmarks.arena`` trains two learners by PufferLib's PPO on MettaGrid, each with its own two worker
processes:

* *learning progress*: the recipe as it is; what is read of the pool at the end of an epoch counts as its time;
* *none*: no pool, no curriculum wrapper; each arena plays a tape of configurations.

The tape has, for each arena, the very tasks that learning progress chose there, and everything else has the same seeds.
So the two trainings are the same to the last bit (the end compares the weights), and what differs in time is the
curriculum alone. The configurations on the tape are built beforehand, so what the task generator costs (milliseconds
for a new task) counts against learning progress.

The two take turns in blocks of a few rollouts, first one then the other first, so that a disturbance of the machine
meets both. Whose turn it is not has its workers stopped (SIGSTOP, between two steps), because they would spin.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

ARMS = ("learning progress", "none")
BLOCK = 2  # rollouts between two turns
BLOCKS = 5  # in an epoch
TAPE = 100_000  # tasks of one arena at most


class Tape:
    """The ids of the tasks that each arena began, in memory that worker processes share."""

    def __init__(self, arenas: int) -> None:
        self.arenas = arenas
        self._ids = multiprocessing.RawArray("q", arenas * TAPE)
        self._counts = multiprocessing.RawArray("q", arenas)
        self.prepared = multiprocessing.RawArray("b", arenas)

    def append(self, arena: int, task_id: int) -> None:
        self._ids[arena * TAPE + self._counts[arena]] = task_id
        self._counts[arena] += 1

    def read(self, arena: int, first: int) -> list[int]:
        """From the ``first``-th on."""
        return self._ids[arena * TAPE + first : arena * TAPE + self._counts[arena]]


def make_arenas(arm: str, curriculum: Any, generator: Any, tape: Tape) -> list[Any]:
    """The functions that make the environments of an arm."""
    from mettagrid.envs.mettagrid_puffer_env import MettaGridPufferEnv
    from mettagrid.simulator import Simulator

    from lpcurr.recipes.mettagrid_arena.loop import ArenaEnv, MakeArena, follow_the_parent

    config = generator.build(0).env_cfg

    class Recorded(ArenaEnv):
        number: int

        def _take_task(self, failure: Exception | None = None) -> None:
            super()._take_task(failure)
            assert self._current_task is not None
            tape.append(self.number, self._current_task.task_id)

    class Taped(MettaGridPufferEnv):  # type: ignore[misc, unused-ignore]
        def __init__(self, number: int, **options: Any) -> None:
            super().__init__(Simulator(), config, **options)
            self._number, self._read, self._built, self._next = number, 0, {}, []

        def notify(self) -> None:
            """Build what the tape has gained; PufferLib calls this in the worker, between two steps."""
            ids = tape.read(self._number, self._read)
            self._read += len(ids)
            for task_id in ids:
                if task_id not in self._built:
                    self._built[task_id] = generator.build(task_id).env_cfg
            self._next += ids
            tape.prepared[self._number] = True

        def reset(self, seed: int | None = None) -> Any:
            self.notify()
            self.set_mg_config(self._built[self._next.pop(0)])
            return super().reset(seed)

        def step(self, actions: Any) -> Any:
            result = super().step(actions)
            if result[2].all() or result[3].all():
                result[4]["score"] = float(self.get_episode_rewards().mean())
                self.set_mg_config(self._built[self._next.pop(0)])
            return result

    class Make(MakeArena):
        def __init__(self, number: int) -> None:
            super().__init__(curriculum, config)
            self._number = number

        def __call__(self, buf: Any = None, seed: int = 0) -> Any:
            follow_the_parent(os.getpid())
            if curriculum is None:
                return Taped(self._number, buf=buf, seed=seed)
            env = Recorded(MettaGridPufferEnv(Simulator(), config, buf=buf, seed=seed), curriculum)
            env.number = self._number
            return env

    return [Make(number) for number in range(tape.arenas)]


class Arm:
    """One training, in blocks of rollouts.

    Attributes:
        seconds: time of the current epoch so far.
    """

    def __init__(self, name: str, config: Any, seed: int, tape: Tape) -> None:
        import pufferlib.vector
        import torch

        from lpcurr.recipes.mettagrid_arena.loop import puffer_config
        from lpcurr.recipes.mettagrid_arena.policy import ArenaPolicy
        from lpcurr.recipes.mettagrid_arena.trainer import Trainer, Workers

        self.seconds = 0.0
        self._tape = tape
        generator = config.curriculum.task_generator
        chosen = config.curriculum.model_copy(update={"seed": seed})
        self.curriculum = chosen.make() if name == ARMS[0] else None
        torch.manual_seed(seed)
        policy = ArenaPolicy(generator.build(0).env_cfg, config.learner.hidden_size)
        self.workers = pufferlib.vector.make(
            make_arenas(name, self.curriculum, generator, tape),
            env_args=[[]] * tape.arenas,
            env_kwargs=[{}] * tape.arenas,
            backend=Workers,
            num_envs=tape.arenas,
            num_workers=config.workers,
            overwork=True,
            seed=seed,
        )
        self.trainer = Trainer(puffer_config(config, seed), self.workers, policy)
        self._random = torch.get_rng_state()
        self.workers.wait()
        self._signal(signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> None:
        for process in self.workers.processes:
            os.kill(process.pid, number)

    def prepare(self) -> None:
        """Build what is new on the tape, in the workers and outside of any measured time."""
        self._signal(signal.SIGCONT)
        self._tape.prepared[:] = [False] * self._tape.arenas
        self.workers.notify()
        while not all(self._tape.prepared):
            time.sleep(1e-3)
        self._signal(signal.SIGSTOP)

    def play(self, epoch_ends: bool) -> None:
        """One block, and what is read of the pool where an epoch ends."""
        import torch

        torch.set_rng_state(self._random)
        self._signal(signal.SIGCONT)
        began = time.perf_counter()
        for _ in range(BLOCK):
            self.trainer.evaluate()
            self.trainer.train()
        if epoch_ends and self.curriculum is not None:
            self.curriculum.stats()
            self.curriculum.on_epoch_end()
        self.workers.wait()
        self.seconds += time.perf_counter() - began
        self._signal(signal.SIGSTOP)
        self._random = torch.get_rng_state()

    def close(self) -> None:
        self._signal(signal.SIGCONT)
        self.trainer.close()
        if self.curriculum is not None:
            self.curriculum.close()
            self.curriculum.unlink()


class Trial:
    """The two arms side by side; learning progress is one block ahead, since it writes the tape."""

    def __init__(self, seed: int, overrides: list[str]) -> None:
        import torch

        from lpcurr.recipes.mettagrid_arena.config import mettagrid_arena
        from lpcurr.recipes.overrides import apply_overrides

        config = apply_overrides(mettagrid_arena(), overrides)
        torch.set_num_threads(config.learner.torch_threads)
        tape = Tape(config.workers * config.envs_per_worker)
        self.arms = [Arm(name, config, seed, tape) for name in ARMS]
        self._turn = 0

    def epoch(self) -> dict[str, Any]:
        """One epoch of both; agent steps a second by arm."""
        leader, follower = self.arms
        first = leader.trainer.global_step
        episodes = len(leader.trainer.scores)
        for arm in self.arms:
            arm.seconds = 0.0
        leader.play(BLOCKS == 1)
        for block in range(1, BLOCKS + 1):
            follower.prepare()
            last = block == BLOCKS
            turns = [lambda last=last: follower.play(last)]
            if not last:
                turns.append(lambda block=block: leader.play(block + 1 == BLOCKS))
            self._turn += 1
            for turn in turns if self._turn % 2 else reversed(turns):
                turn()
        steps = leader.trainer.global_step - first
        return {
            "steps": steps,
            "episodes": len(leader.trainer.scores) - episodes,
            **{name: steps / arm.seconds for name, arm in zip(ARMS, self.arms, strict=True)},
        }

    def identical(self) -> bool:
        """Whether the two policies have the same weights, and their episodes had the same scores."""
        import torch

        weights = zip(*(arm.trainer.uncompiled_policy.state_dict().values() for arm in self.arms), strict=True)
        same_scores = self.arms[0].trainer.scores == self.arms[1].trainer.scores
        return same_scores and all(torch.equal(one, other) for one, other in weights)

    def close(self) -> None:
        for arm in self.arms:
            arm.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="*", metavar="key.sub=value", help="of the recipe")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("arena.json"), help="written after every epoch")
    arguments = parser.parse_args()

    import numpy as np

    from asv_benchmarks.steady import ratio_interval

    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(f"ended by signal {number}"))  # and by `finally`
    rows: list[dict[str, Any]] = []
    result: dict[str, Any] = {}
    trial = Trial(arguments.seed, arguments.overrides)
    try:
        for epoch in range(1, arguments.epochs + 1):
            rows.append(trial.epoch())
            ratios = np.array([row[ARMS[0]] / row[ARMS[1]] for row in rows])
            median, low, high = ratio_interval(ratios)
            result = {
                "epochs": rows,
                "ratio": {"median": median, "low95": low, "high95": high},
                "identical": trial.identical(),
            }
            arguments.output.write_text(json.dumps(result, indent=1))
            speeds = ", ".join(f"{name} {rows[-1][name]:,.0f}" for name in ARMS)
            print(f"epoch {epoch}/{arguments.epochs}  agent steps/s: {speeds}  (ratio {ratios[-1]:.3f})", flush=True)
    finally:
        trial.close()
    print(f"the same weights and scores in both arms: {result['identical']}")
    print(f"learning progress / none: {median:.4f} (95 % {low:.4f} … {high:.4f}), {len(rows)} epochs")
    print(f"written: {arguments.output}")
    if not result["identical"]:
        sys.exit("the arms differ: their times must not be compared")


if __name__ == "__main__":
    main()
