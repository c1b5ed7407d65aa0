"""A steady trainer: the frozen-lake recipe for 100 epochs of 5,000 episodes, with and without a curriculum.

``python -m asv_benchmarks.steady`` trains three learners at once, with the recipe's own loop, learner and environments:

* *learning progress*: the recipe as it is;
* *discrete random*: every episode calls a discrete random pool and reports to it;
* *none*: no pool and no curriculum; a ``deque`` of tasks.

The second and the third play, in each environment, the very lakes that learning progress chose there (their tape), and
all have the same seeds: so the three trainings are the same to the last bit (the end of the run compares the weights),
and what differs in time is the curriculum alone. The tasks on the tape have their configurations, so what the task
generator costs counts against learning progress; every arm builds its lakes itself, in each of its worker processes.

The arms take turns in blocks of a few rollouts, in rotating order, so that a disturbance of the machine meets all of
them; processor time, which is less disturbed, is recorded besides. Statistics at the end of an epoch count as time of
the curriculum that makes them; held-out evaluation is left out, as in the recipe's own figures.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import gymnasium
import numpy as np
from gymnasium.vector import AsyncVectorEnv, AutoresetMode

from lpcurr import Curriculum
from lpcurr.curriculum.task import CurriculumTask
from lpcurr.recipes.config import randomised
from lpcurr.recipes.frozen_lake.config import FrozenLakeConfig, frozen_lake
from lpcurr.recipes.frozen_lake.environment import CurriculumView, LakeFleet, Lakes, TileView
from lpcurr.recipes.frozen_lake.lakes import Lake, LakeCache
from lpcurr.recipes.frozen_lake.loop import LakeTrainee

ARMS = ("learning progress", "discrete random", "none")
LABELS = {"none": "no curriculum"}
BLOCK = 4  # rollouts between two turns: about 0.1 s
EPISODES = 5_000
FILLED = 10  # epochs until the pool is full and scores are spread


@dataclass(frozen=True, slots=True)
class _Taped:
    """A task on the tape, its configuration built."""

    task_id: int
    config: Any

    def get_shared_env_cfg(self) -> Any:
        return self.config


class _RecordingView(CurriculumView):
    """The environment of learning progress, which writes the tape; plays the task that was drawn."""

    tape: deque[tuple[CurriculumTask, Lake]]

    def play(self, lake: Lake) -> None:
        self.tape.append((self._task, lake))  # made into what others can play in take_tape, when no clock runs
        super().play(lake)


class _ReplayingView(CurriculumView):
    """The environment of discrete random: a task is drawn and reported, and the next lake of the tape is played."""

    tape: deque[_Taped]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self._task = self._curriculum.get_task()
        self._task.get_shared_env_cfg()
        self.play(self._lakes.find(self.tape.popleft()))
        return TileView.reset(self, seed=seed, options=options)


class _TapedView(TileView):
    """The environment of the arm without a curriculum: the next lake of its tape at every reset."""

    tape: deque[_Taped]
    lakes: LakeCache

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.play(self.lakes.find(self.tape.popleft()))
        return super().reset(seed=seed, options=options)


class _Fleet(LakeFleet):
    """A fleet of one arm; ``tape`` hands over the lakes that were begun, or takes the lakes that are to be played."""

    def __init__(self, arm: str, envs: int, curriculum: Curriculum | None, config: Any, table_bits: int) -> None:
        self._arm = arm
        self._tapes: list[deque[Any]] = [deque() for _ in range(envs)]
        super().__init__(envs, curriculum, config, table_bits)  # type: ignore[arg-type]  # the arm "none" has none

    def _make_env(
        self, number: int, curriculum: Curriculum | None, lake: Lake, table_bits: int
    ) -> gymnasium.Env[Any, Any]:
        view: Any
        if curriculum is None:
            view = _TapedView(lake, table_bits)
            view.lakes = self._cache
        else:
            kind = _RecordingView if self._arm == ARMS[0] else _ReplayingView
            view = kind(curriculum, self._cache, lake, table_bits)
        view.tape = self._tapes[number]
        return cast("gymnasium.Env[Any, Any]", view)

    def cpu_seconds(self) -> float:
        """Processor time of this worker process so far."""
        return time.process_time()

    def take_tape(self) -> list[list[Any]]:
        """The tasks that were begun since, by environment."""
        taken = [[_Taped(task.task_id, lake.config) for task, lake in tape] for tape in self._tapes]
        for tape in self._tapes:
            tape.clear()
        return taken

    @property
    def tape(self) -> None:
        """Write-only: the lakes to append, by environment."""

    @tape.setter
    def tape(self, lakes: list[list[Any]]) -> None:
        for tape, more in zip(self._tapes, lakes, strict=True):
            tape.extend(more)


class Arm:
    """One training, in blocks of rollouts.

    Attributes:
        name: one of ``ARMS``.
        curriculum: None for the arm without one.
        seconds: wall time of the current epoch so far.
        cpu_seconds: processor time of the trainer in it; that of the workers is added when it ends.
        trainee: the recipe's learner on its lakes.
    """

    def __init__(self, name: str, config: FrozenLakeConfig, seed: int) -> None:
        self.name = name
        self.seconds = self.cpu_seconds = 0.0
        self._config, self._seed = config, seed
        chosen = config.curriculum if name == ARMS[0] else randomised(config.curriculum)
        self.curriculum = None if name == ARMS[2] else chosen.model_copy(update={"seed": seed}).make()
        generator = config.curriculum.task_generator
        assert generator is not None
        lake, bits, envs = generator.build(0).env_cfg, config.learner.table_bits, config.envs_per_worker
        curriculum = self.curriculum
        makers = [lambda: _Fleet(name, envs, curriculum, lake, bits)] * config.workers
        self.fleets = AsyncVectorEnv(makers, copy=False, autoreset_mode=AutoresetMode.DISABLED)
        self.trainee: Any = None

    def start(self) -> None:
        """Begin the first episodes; a tape must have been given by now."""
        lakes = Lakes(self.fleets, self._config.envs_per_worker)
        count: Any = self.curriculum.count_steps if self.curriculum is not None else lambda steps: None
        self.trainee = LakeTrainee(self._config, lakes, None, self._seed, count)

    def begin_epoch(self) -> None:
        """Start the clocks at zero."""
        self.seconds = 0.0
        self.cpu_seconds = -sum(self.fleets.call("cpu_seconds"))

    def play(self) -> None:
        """One block."""
        began, cpu_began = time.perf_counter(), time.process_time()
        for _ in range(BLOCK):
            self.trainee.roll_out()
        self.seconds += time.perf_counter() - began
        self.cpu_seconds += time.process_time() - cpu_began

    def end_epoch(self) -> None:
        """The statistics, which are a part of the curriculum's cost; and the workers' processor time."""
        began, cpu_began = time.perf_counter(), time.process_time()
        if self.curriculum is not None:
            self.curriculum.stats()
            self.curriculum.on_epoch_end()
        self.seconds += time.perf_counter() - began
        self.cpu_seconds += time.process_time() - cpu_began + sum(self.fleets.call("cpu_seconds"))

    def close(self) -> None:
        self.fleets.close()
        if self.curriculum is not None:
            self.curriculum.close()
            self.curriculum.unlink()


class Trial:
    """The three arms side by side; learning progress is one block ahead, since it writes the tape."""

    def __init__(self, seed: int) -> None:
        config = frozen_lake()
        self.arms = [Arm(name, config, seed) for name in ARMS]
        self.leader, self.followers = self.arms[0], self.arms[1:]
        self.leader.start()
        self._hand_over()
        for arm in self.followers:
            arm.start()
        self._turn = self._steps = self._episodes = 0

    def _hand_over(self) -> None:
        tapes = self.leader.fleets.call("take_tape")
        for arm in self.followers:
            arm.fleets.set_attr("tape", list(tapes))

    def epoch(self, episodes: int) -> dict[str, Any]:
        """Play until every arm has finished this epoch; environment steps a second by arm, and the same of CPU time."""
        for arm in self.arms:
            arm.begin_epoch()
        self.leader.play()
        self._hand_over()
        while self.leader.trainee.episodes - self._episodes < episodes:
            self._turn += 1
            for number in range(len(self.arms)):
                self.arms[(self._turn + number) % len(self.arms)].play()
            self._hand_over()
        for arm in self.followers:
            arm.play()
        for arm in self.arms:
            arm.end_epoch()
        played = {(arm.trainee.steps, arm.trainee.episodes) for arm in self.arms}
        if len(played) > 1:
            raise RuntimeError(f"the arms have played differently (steps, episodes): {sorted(played)}")
        steps, done = self.leader.trainee.steps - self._steps, self.leader.trainee.episodes - self._episodes
        self._steps, self._episodes = self.leader.trainee.steps, self.leader.trainee.episodes
        return {
            "steps": steps,
            "episodes": done,
            "steps_a_second": {arm.name: steps / arm.seconds for arm in self.arms},
            "steps_a_cpu_second": {arm.name: steps / arm.cpu_seconds for arm in self.arms},
        }

    def identical(self) -> bool:
        """Whether all three learners have the same weights."""
        return all(
            np.array_equal(arm.trainee.learner.weights, self.leader.trainee.learner.weights) for arm in self.arms
        )

    def close(self) -> None:
        for arm in self.arms:
            arm.close()


def ratio_interval(ratios: np.ndarray[Any, Any], seed: int = 0) -> tuple[float, float, float]:
    """Median of ratios by epoch, and its 95 % bootstrap interval."""
    draws = np.random.default_rng(seed).choice(ratios, (4000, len(ratios)))
    low, high = np.quantile(np.median(draws, axis=1), [0.025, 0.975])
    return float(np.median(ratios)), float(low), float(high)


def speeds(rows: list[dict[str, Any]], name: str, clock: str = "steps_a_second") -> np.ndarray[Any, Any]:
    """Of one arm, by epoch."""
    return np.array([row[clock][name] for row in rows])


def verdicts(rows: list[dict[str, Any]]) -> dict[str, tuple[float, float, float]]:
    """The two promises, and random for comparison: ratios of steps a second with their 95 % intervals."""
    learning_progress, random, none = (speeds(rows, name) for name in ARMS)
    cpu = {name: speeds(rows, name, "steps_a_cpu_second") for name in ARMS}
    result = {
        "learning progress / none": ratio_interval(learning_progress / none),
        "discrete random / none": ratio_interval(random / none),
        "learning progress / none, by CPU time": ratio_interval(cpu[ARMS[0]] / cpu[ARMS[2]]),
        "discrete random / none, by CPU time": ratio_interval(cpu[ARMS[1]] / cpu[ARMS[2]]),
    }
    if len(rows) >= FILLED + 20:
        first, last = slice(FILLED, FILLED + 10), slice(-10, None)
        # Against `none` in the same epochs: lakes and episode lengths change as the learner learns, for all arms.
        for title, of in (("relative to none", learning_progress / none), ("steps/s as they are", learning_progress)):
            pairs = np.divide.outer(of[last], of[first]).ravel()
            result[f"last ten / first ten epochs, {title}"] = ratio_interval(pairs)
    return result


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Steps a second by epoch, and the ratio to no curriculum."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    epochs = np.arange(1, len(rows) + 1)
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(9, 6), sharex=True, height_ratios=(3, 2), layout="constrained")
    none = speeds(rows, ARMS[2])
    for name, colour, line in zip(ARMS, ("#0072B2", "#E69F00", "#000000"), ("-", "--", ":"), strict=True):
        top.plot(epochs, speeds(rows, name) / 1000, line, color=colour, label=LABELS.get(name, name))
        if name != ARMS[2]:
            bottom.plot(epochs, speeds(rows, name) / none, line, color=colour)
    bottom.axhline(1.0, color="#000000", linestyle=":", linewidth=1)
    bottom.axhspan(0.98, 1.02, color="#999999", alpha=0.25)
    bottom.annotate(
        "within 2 %", (0.995, 1.02), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=9
    )
    top.set(ylabel="environment steps/s (thousands)", ylim=(0, None))
    top.set_title("The same training with three ways to choose its tasks", loc="left", fontweight="bold")
    bottom.set(xlabel=f"epoch ({EPISODES:,} episodes)", ylabel="relative to\nno curriculum", ylim=(0.88, 1.12))
    top.legend(loc="lower left", ncols=3, frameon=False)
    for axes in (top, bottom):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--episodes", type=int, default=EPISODES, help="episodes of an epoch, in each arm")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", type=Path, default=Path("steady.png"), help="figures go beside it, as .json")
    arguments = parser.parse_args()
    figures = arguments.picture.with_suffix(".json")
    arguments.picture.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    trial = Trial(arguments.seed)
    try:
        for epoch in range(1, arguments.epochs + 1):
            rows.append(trial.epoch(arguments.episodes))
            speed = rows[-1]["steps_a_second"]
            listed = ", ".join(f"{name} {speed[name]:,.0f}" for name in ARMS)
            ratio = speed[ARMS[0]] / speed[ARMS[2]]
            print(f"epoch {epoch}/{arguments.epochs}  steps/s: {listed}  (ratio {ratio:.3f})", flush=True)
        identical = trial.identical()
    finally:
        trial.close()
    if not identical:
        sys.exit("the three arms have learned different weights: their times must not be compared")
    ratios = verdicts(rows)
    figures.write_text(json.dumps({"epochs": rows, "ratios": ratios}, indent=1) + "\n")
    draw(rows, arguments.picture)
    print("the three arms have learned the same weights, to the bit")
    for name, (median, low, high) in ratios.items():
        print(f"{name}: {median:.4f} (95 % {low:.4f} … {high:.4f})")
    print(f"written: {arguments.picture}, {figures}")


if __name__ == "__main__":
    main()
